//! npm, run with an environment of its own: neither the settings of the user nor the variables of an instance reach it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::ReleaseStore;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::process::{CommandOutput, CommandSpec};
use crate::i18n::msg;

/// Time limit of one run of npm: a release has hundreds of packages, and a line may be slow.
const NPM_TIMEOUT: Duration = Duration::from_mins(30);
/// Variables that npm inherits: how to reach the network, whom to trust there, where temporary files go, and what a program
/// needs to start on Windows.
const INHERITED_VARIABLES: [&str; 19] = [
    "PATH",
    "TMPDIR",
    "TEMP",
    "TMP",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SystemRoot",
    "ComSpec",
    "PATHEXT",
    "APPDATA",
    "npm_config_registry",
    "NPM_CONFIG_REGISTRY",
];
/// Settings of npm: no scripts of packages, nothing that is reported to the registry, few retries.
const SETTINGS: [(&str, &str); 9] = [
    ("npm_config_ignore_scripts", "true"),
    ("npm_config_audit", "false"),
    ("npm_config_fund", "false"),
    ("npm_config_update_notifier", "false"),
    ("npm_config_loglevel", "http"),
    ("npm_config_color", "false"),
    ("npm_config_fetch_retries", "2"),
    ("npm_config_fetch_retry_mintimeout", "500"),
    ("npm_config_fetch_retry_maxtimeout", "5000"),
];
/// Names of the errors by which npm says that the registry can't be reached.
const NETWORK_ERRORS: [&str; 10] = [
    "ENOTFOUND",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "EAI_AGAIN",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "ERR_SOCKET_TIMEOUT",
    "EIDLETIMEOUT",
    "CERT_",
];
/// Maximum number of lines of npm that are shown with its error.
const SHOWN_LINES: usize = 6;

/// The npm of a host, as it is run for the releases.
#[derive(Clone, Debug)]
pub(crate) struct Npm<'a> {
    host: &'a Host,
    program: PathBuf,
    /// The folder of npm's cache and of a home folder without settings.
    home: PathBuf,
    /// The registry of the command line.
    registry: Option<String>,
}

/// The reason why npm failed, by what it wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NpmFailure {
    /// The registry does not have the package or the version.
    NotFound,
    /// The registry can't be reached.
    Unreachable,
    /// The disk is full.
    DiskFull,
    /// The content that the registry sent does not have the hash that it named.
    WrongContent,
    /// A package names this repository, which can't be read.
    GitRepository(String),
    /// Any other reason.
    Other,
}

impl<'a> Npm<'a> {
    /// Finds npm on the search path.
    ///
    /// # Errors
    /// Where it is not installed.
    pub(crate) fn find(host: &'a Host, store: &ReleaseStore, registry: Option<&str>) -> Result<Self> {
        let program = host
            .find_program("npm")
            .ok_or_else(|| Error::failed(msg!("engine.no-npm")).hint(msg!("engine.get-npm")))?;
        Ok(Self {
            host,
            program,
            home: store.folder.join("npm"),
            registry: registry.map(str::to_owned),
        })
    }

    /// Returns the command that runs npm with these arguments in a folder.
    fn command(&self, folder: &Path, args: &[&str], with_scripts: bool) -> CommandSpec {
        let mut command = CommandSpec::new(&self.program, args);
        command.inherit_env = false;
        command.cwd = Some(folder.to_path_buf());
        let inherited = INHERITED_VARIABLES
            .iter()
            .filter_map(|name| Some((OsString::from(name), OsString::from(self.host.var(name)?))));
        command.env = inherited.collect();
        command = command
            .env("HOME", &self.home)
            .env("USERPROFILE", &self.home)
            .env("npm_config_cache", self.home.join("cache"))
            .env("npm_config_userconfig", self.home.join("npmrc"))
            .env("npm_config_globalconfig", self.home.join("npmrc-global"))
            // Whoever would have to type a password is not there.
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
        for (name, value) in SETTINGS {
            command = command.env(name, value);
        }
        if with_scripts {
            command = command.env("npm_config_ignore_scripts", "false");
        }
        match &self.registry {
            Some(registry) => command.env("npm_config_registry", registry),
            None => command,
        }
    }

    /// Runs npm in a folder, and passes each line that it writes meanwhile to `line`. Returns what it printed.
    ///
    /// # Errors
    /// Where npm can't be started, or fails; `explain` makes the error of a failure.
    pub(super) fn run(
        &self,
        folder: &Path,
        args: &[&str],
        with_scripts: bool,
        line: &mut dyn FnMut(&str),
        explain: &dyn Fn(&NpmFailure) -> Error,
    ) -> Result<String> {
        let command = self.command(folder, args, with_scripts);
        let output = self
            .host
            .run_with_lines(&command, NPM_TIMEOUT, line)
            .map_err(|cause| {
                Error::failed(msg!("engine.npm-not-run", path = self.program.display())).because(cause)
            })?;
        if output.code == Some(0) {
            return Ok(output.stdout);
        }
        let failure = failure_of(&output);
        let words = last_words(&output);
        let error = explain(&failure);
        Err(if words.is_empty() {
            error
        } else {
            error.because(anyhow::anyhow!("{words}"))
        })
    }

    /// Returns the registry that npm asks, for a message.
    pub(super) fn registry(&self) -> &str {
        let of_environment = || {
            let names = ["npm_config_registry", "NPM_CONFIG_REGISTRY"];
            names.into_iter().find_map(|name| self.host.var(name))
        };
        let named = self.registry.as_deref().or_else(of_environment);
        named.unwrap_or("https://registry.npmjs.org/")
    }
}

/// Returns the lines in which npm says what went wrong, without the mark of each.
fn error_lines(output: &CommandOutput) -> impl Iterator<Item = &str> {
    let lines = output.stderr.lines();
    lines.filter_map(|line| {
        line.strip_prefix("npm error ")
            .or_else(|| line.strip_prefix("npm ERR! "))
    })
}

/// Returns the words of npm that are shown with its error.
fn last_words(output: &CommandOutput) -> String {
    let is_said = |line: &&str| {
        let is_of_stack = line.trim_start().starts_with("at ");
        !line.trim().is_empty() && !is_of_stack && !line.contains("A complete log of this run")
    };
    let lines: Vec<_> = error_lines(output).filter(is_said).take(SHOWN_LINES).collect();
    lines.join("\n  ")
}

/// Returns the reason why npm failed, by what it wrote.
fn failure_of(output: &CommandOutput) -> NpmFailure {
    let lines: Vec<_> = error_lines(output).collect();
    let code = lines
        .iter()
        .find_map(|line| line.strip_prefix("code "))
        .unwrap_or_default();
    let repository = lines
        .iter()
        .find(|line| line.starts_with("command git ") || line.contains("spawn git"))
        .map(|line| line.split_whitespace().last().unwrap_or_default().to_owned());
    let has = |word: &str| code.contains(word) || lines.iter().any(|line| line.contains(word));
    if let Some(repository) = repository {
        NpmFailure::GitRepository(repository)
    } else if has("ENOSPC") || has("EDQUOT") {
        NpmFailure::DiskFull
    } else if has("EINTEGRITY") || has("Z_DATA_ERROR") || has("TAR_BAD_ARCHIVE") {
        NpmFailure::WrongContent
    } else if ["E404", "ETARGET", "ENOVERSIONS"].contains(&code) {
        NpmFailure::NotFound
    } else if NETWORK_ERRORS.iter().any(|name| code.contains(name))
        || code.starts_with("E5")
        || output.timed_out
    {
        NpmFailure::Unreachable
    } else {
        NpmFailure::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(stderr: &str) -> CommandOutput {
        CommandOutput {
            code: Some(1),
            stderr: stderr.to_owned(),
            ..CommandOutput::default()
        }
    }

    #[test]
    fn reason_of_a_failure_is_read_from_the_words_of_npm() {
        let git = "npm http fetch GET 200 https://registry.npmjs.org/tr46 18ms\nnpm error code 128\n\
                   npm error An unknown git error occurred\n\
                   npm error command git --no-replace-objects ls-remote ssh://git@github.com/a/b.git\n";
        let repository = NpmFailure::GitRepository("ssh://git@github.com/a/b.git".to_owned());
        for (said, failure) in [
            (git, repository),
            (
                "npm error code ETARGET\nnpm error notarget No matching version",
                NpmFailure::NotFound,
            ),
            ("npm error code E404\n", NpmFailure::NotFound),
            (
                "npm error code ECONNREFUSED\nnpm error errno ECONNREFUSED",
                NpmFailure::Unreachable,
            ),
            ("npm error code E503\n", NpmFailure::Unreachable),
            ("npm error code ENOSPC\n", NpmFailure::DiskFull),
            ("npm ERR! code EINTEGRITY\n", NpmFailure::WrongContent),
            (
                "npm error Cannot read properties of undefined\n",
                NpmFailure::Other,
            ),
        ] {
            assert_eq!(failure_of(&failed(said)), failure, "{said}");
        }
        assert_eq!(last_words(&failed(git)).lines().count(), 3);
    }

    #[test]
    fn npm_inherits_neither_settings_nor_variables_of_an_instance() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::fixed(
            &[],
            [
                ("PATH", "/usr/bin"),
                ("HTTPS_PROXY", "http://proxy:3128"),
                ("OPENCLAW_GATEWAY_TOKEN", "hunter2"),
                ("npm_config_ignore_scripts", "false"),
                ("NODE_OPTIONS", "--require /tmp/x.js"),
            ],
        );
        let npm = Npm {
            host: &host,
            program: "/usr/bin/npm".into(),
            home: "/state/npm".into(),
            registry: None,
        };
        let command = npm.command(folder.path(), &["ci"], false);
        assert!(!command.inherit_env);
        let value = |wanted: &str| {
            let mut named = command.env.iter().rev().filter(|(name, _)| name == wanted);
            named
                .next()
                .map(|(_, value)| value.to_string_lossy().into_owned())
        };
        assert_eq!(value("HTTPS_PROXY").as_deref(), Some("http://proxy:3128"));
        assert_eq!(value("npm_config_ignore_scripts").as_deref(), Some("true"));
        assert_eq!(value("HOME").as_deref(), Some("/state/npm"));
        assert_eq!(
            (value("OPENCLAW_GATEWAY_TOKEN"), value("NODE_OPTIONS")),
            (None, None)
        );
    }
}
