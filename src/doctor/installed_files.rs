//! The copies of this program on the search path, and its completions and man pages below the home folder.

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};
use serde_json::Value;

use crate::environment::Environment;
use crate::host::Host;
use crate::host::process::CommandSpec;
use crate::host::read;
use crate::installation::{COMMIT, PACKAGE_NAME, VERSION, install_method, program_file};
use crate::instance::shell_quote;
use crate::shell_completion;

/// The names by which this program is installed.
const COMMAND_NAMES: [&str; 2] = ["openclaw", PACKAGE_NAME];
/// Time limit of a query of another copy of this program for its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(3);

/// The installation of this program as it was found on the host.
#[derive(Debug, Default)]
pub(super) struct InstallationReport {
    /// The copies of this program on the search path, in its order.
    pub(super) copies: Vec<ProgramCopy>,
    /// The completion scripts of another version, each with the command that writes it anew.
    pub(super) old_completions: Vec<(PathBuf, String)>,
    /// The folders with man pages of another version, each with the command that writes them anew.
    pub(super) old_man_pages: Vec<(PathBuf, String)>,
}

/// A copy of this program on the search path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProgramCopy {
    /// The path of the program's file, links followed.
    pub(super) program: PathBuf,
    pub(super) version: String,
    pub(super) commit: Option<String>,
    /// The kind of package that brought it.
    pub(super) method: Option<String>,
}

impl InstallationReport {
    /// Looks for copies of this program on the search path, and for its files below the home folder.
    pub(super) fn collect(host: &Host, env: &Environment) -> Self {
        let folder = |variable: &str, below: &str| {
            let set = host.var(variable).map(PathBuf::from);
            set.filter(|path| path.is_absolute())
                .unwrap_or_else(|| env.home.join(below))
        };
        let data = folder("XDG_DATA_HOME", ".local/share");
        let config = folder("XDG_CONFIG_HOME", ".config");
        Self {
            copies: find_copies(host),
            old_completions: completion_files(&env.home, &data, &config)
                .into_iter()
                .filter(|(path, shell, command)| is_old_completion(path, *shell, command))
                .map(|(path, shell, command)| {
                    let remedy = format!("{command} completions {} > {}", shell.name(), shell_quote(&path));
                    (path, remedy)
                })
                .collect(),
            old_man_pages: [("man/man1", ""), ("man/tr/man1", " --lang tr")]
                .into_iter()
                .map(|(below, lang)| (data.join(below), lang))
                .filter(|(folder, _)| is_old_man_page(&folder.join("openclaw.1")))
                .map(|(folder, lang)| {
                    let remedy = format!("openclaw{lang} man --dir {}", shell_quote(&folder));
                    (folder, remedy)
                })
                .collect(),
        }
    }
}

/// Returns the copies of this program on the search path, each once. A script is only asked by the name that no other
/// program has: `openclaw` may start OpenClaw from npm, which takes seconds.
fn find_copies(host: &Host) -> Vec<ProgramCopy> {
    let own = program_file(host);
    let mut copies: Vec<ProgramCopy> = Vec::new();
    let mut seen = Vec::new();
    for folder in host.search_path() {
        for name in COMMAND_NAMES {
            let path = folder.join(format!("{name}{EXE_SUFFIX}"));
            let Some(real) = read::canonicalize(&path).ok().filter(|real| real.is_file()) else {
                continue;
            };
            if seen.contains(&real) {
                continue;
            }
            seen.push(real.clone());
            let copy = if own.as_ref() == Some(&real) {
                Some(ProgramCopy {
                    program: real,
                    version: VERSION.to_owned(),
                    commit: COMMIT.map(str::to_owned),
                    method: install_method(host),
                })
            } else if name == PACKAGE_NAME || !is_script(&real) {
                query_copy(host, &path)
            } else {
                None
            };
            copies.extend(copy.filter(|copy| !copies.iter().any(|known| known.program == copy.program)));
        }
    }
    copies
}

/// Returns whether a file is a script, or can't be read.
fn is_script(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = [0; 2];
    let file = read::open(path);
    file.and_then(|mut file| file.read_exact(&mut head)).is_err() || head == *b"#!"
}

/// Asks a program whether it is a copy of this one, and which; `None` for any other.
fn query_copy(host: &Host, path: &Path) -> Option<ProgramCopy> {
    let output = host.run(&CommandSpec::new(path, ["--version", "--json"]), VERSION_TIMEOUT);
    let answer: Value = serde_json::from_str(&output.ok()?.stdout).ok()?;
    let text = |key: &str| Some(answer.get(key)?.as_str()?.to_owned());
    Some(ProgramCopy {
        program: text("package")
            .filter(|name| name == PACKAGE_NAME)
            .and_then(|_| text("program"))?
            .into(),
        version: text("version")?,
        commit: text("commit"),
        method: text("installed"),
    })
}

/// Returns the files below the home folder in which the completions of the program may lie, each with its shell and the
/// command that it completes.
fn completion_files(
    home: &Path,
    data: &Path,
    config: &Path,
) -> Vec<(PathBuf, &'static dyn EnvCompleter, &'static str)> {
    let mut files: Vec<(PathBuf, &'static dyn EnvCompleter, &'static str)> = Vec::new();
    for command in COMMAND_NAMES {
        files.push((
            data.join("bash-completion/completions").join(command),
            &Bash,
            command,
        ));
        let fish = format!("{command}.fish");
        files.push((config.join("fish/completions").join(&fish), &Fish, command));
        files.push((data.join("fish/vendor_completions.d").join(&fish), &Fish, command));
        let zsh = format!("_{command}");
        for folder in [
            data.join("zsh/site-functions"),
            home.join(".zfunc"),
            home.join(".zsh/completions"),
        ] {
            files.push((folder.join(&zsh), &Zsh, command));
        }
    }
    files
}

/// Returns whether a file is a completion script of this program that this version would not write: another version made
/// it, or the program that it asks is gone.
fn is_old_completion(path: &Path, shell: &dyn EnvCompleter, command: &str) -> bool {
    /// A name of the asked program that no program has.
    const ANY: &str = "ANY-PROGRAM";
    let Ok(text) = read::text(path) else {
        return false;
    };
    let is_ours = text.contains("_clap_") || text.contains(&format!("{}=", shell_completion::SHELL_VARIABLE));
    // A package adds a line that answers the first Tab.
    let added = text.trim_end().rfind("\n[ \"$funcstack[1]\"");
    let text = added.map_or(&*text, |at| &text[..at]).trim_end();
    let current = shell_completion::render(shell, command, ANY);
    let asked = current
        .split_once(ANY)
        .and_then(|(before, after)| text.strip_prefix(before)?.strip_suffix(after));
    let is_gone = |program: &str| Path::new(program).is_absolute() && !Path::new(program).exists();
    is_ours && asked.is_none_or(|program| is_gone(program.trim_matches(['"', '\''])))
}

/// Returns whether a file is a man page of this program of another version.
fn is_old_man_page(path: &Path) -> bool {
    let Ok(text) = read::text(path) else {
        return false;
    };
    let mut lines = text.lines();
    let Some(head) = lines.find(|line| line.starts_with(".TH openclaw ")) else {
        return false;
    };
    let version = head
        .split_once("\"openclaw ")
        .and_then(|(_, rest)| rest.split_once('"'));
    version.is_some_and(|(version, _)| version != VERSION)
}
