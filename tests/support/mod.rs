//! The sandbox: a HOME of its own, an empty environment, the real program.
//!
//! `TEST_LOCALE=tr_TR.UTF-8` (or `C`) runs tests under that locale. The words stay English there
//! unless the test chooses a language itself, so that tests can name words.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

#[cfg(target_os = "linux")]
pub mod gateway;
#[cfg(target_os = "linux")]
pub mod manager;
#[cfg(target_os = "linux")]
pub mod network;
#[cfg(target_os = "linux")]
pub mod pty;
#[expect(dead_code, reason = "unit tests have other reasons")]
pub mod skip;
#[cfg(target_os = "linux")]
pub mod stand_in;
pub mod stranger;

pub(crate) use skip::{Reason, skipped};

/// A throw-away home folder and the variables that the program will see.
pub struct Sandbox {
    dir: TempDir,
    vars: Vec<(OsString, OsString)>,
}

/// What a run said.
#[must_use]
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Sandbox {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a temporary folder"),
            vars: Vec::new(),
        }
    }

    /// The sandbox's HOME.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// A path below HOME.
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

    /// The program with these arguments, ready to be started: sandboxed, no terminal, no input.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        std::fs::create_dir_all(self.home()).expect("HOME");
        let mut command = Command::new(env!("CARGO_BIN_EXE_openclaw"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", "/usr/bin:/bin");
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

    /// Every path below HOME with its mode and its bytes: equal trees are equal states.
    pub fn tree(&self) -> Vec<(PathBuf, u32, Vec<u8>)> {
        let mut out = Vec::new();
        walk(&self.home(), &self.home(), &mut out);
        out.sort();
        out
    }
}

/// Returns whether a program is installed; where it is not, the calling test counts as skipped.
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
    /// The one JSON document on stdout.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| {
            panic!(
                "stdout is no JSON document ({e}):\n{}\nstderr:\n{}",
                self.stdout, self.stderr
            )
        })
    }

    /// Asserts the exit code, showing everything where it differs.
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

/// Puts a copy of a program where it can be started at once. Another process writes it: what this one holds
/// open for writing, a child that another test starts at that moment holds open too, and a program that
/// anybody may write to is not started ("text file busy").
pub fn put_program(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    let mut install = Command::new("install");
    let words = ["-m", "755", "-T"].map(OsStr::new);
    install.args(words).args([from.as_ref(), to.as_ref()]);
    assert!(install.status().expect("install").success(), "{install:?}");
}
