//! The sandbox of a test: the real program with a home folder of its own and an empty environment.
//!
//! `TEST_LOCALE=tr_TR.UTF-8` (or `C`) runs tests under that locale. Texts stay English there unless the test chooses a
//! language itself, so that tests can compare texts.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

#[cfg(target_os = "linux")]
pub mod chat_model;
#[cfg(target_os = "linux")]
pub mod child;
#[cfg(target_os = "linux")]
pub mod gateway;
#[cfg(target_os = "linux")]
pub mod manager;
#[cfg(target_os = "linux")]
pub mod messenger;
#[cfg(target_os = "linux")]
pub mod models;
#[cfg(target_os = "linux")]
pub mod network;
#[cfg(target_os = "linux")]
pub mod npm_registry;
#[cfg(target_os = "linux")]
pub mod pty;
#[expect(dead_code, reason = "the unit tests use the other reasons")]
pub mod skip;
#[cfg(target_os = "linux")]
pub mod ssh;
#[cfg(target_os = "linux")]
pub mod stand_in;
#[cfg(target_os = "linux")]
pub mod strace;
#[cfg(target_os = "linux")]
pub mod stranger;
#[cfg(target_os = "linux")]
pub mod system_unit;

pub(crate) use skip::{Reason, skipped};

/// A temporary home folder and the environment variables of the program's runs in it.
pub struct Sandbox {
    dir: TempDir,
    vars: Vec<(OsString, OsString)>,
}

/// The exit code and the output of a run.
#[must_use]
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Sandbox {
    /// Creates an empty home folder.
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a temporary folder"),
            vars: Vec::new(),
        }
    }

    /// Returns the path of HOME.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Returns a path below HOME.
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.home().join(below)
    }

    /// Sets a variable for every run from now on.
    pub fn var(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.vars.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Writes a file below HOME, with its folders.
    pub fn write(&self, below: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Installs a package of OpenClaw from npm below HOME that no search path leads to, and names its command in
    /// `OPENCLAW_NODE_CLI`. Nothing can start it.
    pub fn with_node_package(self) -> Self {
        self.write(
            "npm/openclaw/package.json",
            r#"{ "name": "openclaw", "version": "2026.9.6" }"#,
        );
        let command = self.write("npm/openclaw/openclaw.mjs", "");
        self.var("OPENCLAW_NODE_CLI", command)
    }

    /// Makes Chrome the only program on the search path, so that what the wizard finds on the host is the same everywhere.
    pub fn with_chrome_alone(self) -> Self {
        let program = self.script("tools/google-chrome", "#!/bin/sh\n");
        let folder = program.parent().expect("a folder").to_owned();
        self.var("PATH", folder)
    }

    /// Writes a script below HOME, ready to be started.
    pub fn script(&self, below: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below.as_ref());
        let text = self.write(below.as_ref().with_extension("text"), text);
        put_program(text, &path);
        path
    }

    /// Reads a file below HOME.
    pub fn read(&self, below: impl AsRef<Path>) -> String {
        let path = self.path(below);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// Returns the command that runs the program in the sandbox with these arguments, without a terminal and input.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        std::fs::create_dir_all(self.home()).expect("HOME");
        let mut command = Command::new(env!("CARGO_BIN_EXE_openclaw"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", "/usr/bin:/bin")
            // Nobody listens there: no test asks a server on the internet.
            .env("HTTPS_PROXY", "http://127.0.0.1:1");
        let own = |(name, _): &(OsString, _)| name == "LANG" || name == "LC_ALL";
        if let Some(locale) = std::env::var_os("TEST_LOCALE")
            && !self.vars.iter().any(own)
        {
            command.env("LC_ALL", locale).env("OPENCLAW_LANG", "en");
        }
        command
            .envs(self.vars.iter().map(|(k, v)| (k, v)))
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        let output = self.command(args).output().expect("the program starts");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    /// Runs the program with a text on its standard input.
    pub fn run_with_input<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>, input: &str) -> Ran {
        let mut command = self.command(args);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("piped");
        // A command that reads no input may have ended already.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("an end");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    /// Returns every path below HOME with its mode and its bytes. Equal trees are equal states.
    pub fn tree(&self) -> Vec<(PathBuf, u32, Vec<u8>)> {
        let mut out = Vec::new();
        walk(&self.home(), &self.home(), &mut out);
        out.sort();
        out
    }
}

/// Where a test fails, nothing that it started runs on.
#[cfg(target_os = "linux")]
impl Drop for Sandbox {
    fn drop(&mut self) {
        if std::thread::panicking() {
            child::kill_processes_of(&self.home());
        }
    }
}

/// Returns `true` if a program is installed; elsewhere the calling test counts as skipped.
#[track_caller]
pub fn installed(program: &'static str) -> bool {
    let found = ["/usr/local/bin", "/usr/bin", "/bin"]
        .iter()
        .any(|dir| Path::new(dir).join(program).exists());
    if !found {
        skipped(Reason::NoProgram(program), "it is not installed");
    }
    found
}

/// Enters every path below a folder, relative to `root`, with its mode and its bytes.
fn walk(root: &Path, dir: &Path, out: &mut Vec<(PathBuf, u32, Vec<u8>)>) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("an entry").path();
        let meta = std::fs::symlink_metadata(&path).expect("metadata");
        let bytes = if meta.is_file() {
            std::fs::read(&path).unwrap_or_default()
        } else {
            Vec::new()
        };
        out.push((
            path.strip_prefix(root).expect("below").to_path_buf(),
            mode(&meta),
            bytes,
        ));
        if meta.is_dir() {
            walk(root, &path, out);
        }
    }
}

/// Returns the permissions of a file, 0 where the system has none.
fn mode(meta: &std::fs::Metadata) -> u32 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        meta.permissions().mode()
    }
    #[cfg(not(unix))]
    {
        let _ = meta;
        0
    }
}

impl Ran {
    /// Returns the JSON document on standard output, which has nothing else on it.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| {
            panic!(
                "stdout is no JSON document ({e}):\n{}\nstderr:\n{}",
                self.stdout, self.stderr
            )
        })
    }

    /// Asserts the exit code. The message of a failure shows all output.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }
}

/// Copies a program so that it can be started at once. Another process writes the copy: a file that this process has open
/// for writing is open in a child, too, that another test starts at that moment, and the kernel starts no program that
/// is open for writing ("text file busy").
pub fn put_program(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    let mut install = Command::new("install");
    let words = ["-m", "755", "-T"].map(OsStr::new);
    install.args(words).args([from.as_ref(), to.as_ref()]);
    assert!(install.status().expect("install").success(), "{install:?}");
}
