//! Wine in a folder of its own, and the users of Windows whose files and runs of the program are in it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::support::child::ended_with_test;
use crate::support::pty::{Size, Terminal};
use crate::support::{Ran, Reason, installed, put_program, skipped};

/// Name of the environment variable with the path of the program that was built for Windows.
const PROGRAM: &str = "OPENCLAW_WINDOWS_PROGRAM";
/// The program on the drive of Windows.
const INSTALLED: &str = r"C:\openclaw\openclaw.exe";
/// Source of a DLL in place of the system's, which Wine 8 lacks and every program of Rust needs.
const RANDOMNESS: &str = "#include <windows.h>\nBOOLEAN NTAPI SystemFunction036(PVOID, ULONG);\n\
    __declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) { return SystemFunction036(data, size); }\n";

/// Name of the user of Windows, with letters that only Turkish has.
const USER: &str = "İşığ";

/// The user of Windows, with a profile folder in which nothing of the program is. One test has it at a time: Wine keeps the
/// variables of one user for as long as any program runs.
pub(super) struct WindowsUser {
    name: &'static str,
    _turn: MutexGuard<'static, ()>,
}

impl WindowsUser {
    /// Waits until no other test has the user. `None`, and the calling test counts as skipped, where there
    /// is no program for Windows or no Wine.
    #[track_caller]
    pub(super) fn new() -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        static PREPARED: OnceLock<()> = OnceLock::new();
        let Some(program) = std::env::var_os(PROGRAM) else {
            skipped(
                Reason::NoWindowsProgram,
                "OPENCLAW_WINDOWS_PROGRAM names no program that was built for Windows",
            );
            return None;
        };
        if !installed("wine") {
            return None;
        }
        let user = Self {
            name: USER,
            _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner),
        };
        PREPARED.get_or_init(|| prepare(Path::new(&program)));
        let _ = std::fs::remove_dir_all(user.profile());
        // Wine makes it when it starts, and runs on between two tests.
        std::fs::create_dir_all(user.path("AppData/Local")).unwrap();
        Some(user)
    }

    /// Returns the path of the profile folder on this system.
    pub(super) fn profile(&self) -> PathBuf {
        prefix().join("drive_c/users").join(self.name)
    }

    /// Returns a path in the profile folder on this system.
    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.profile().join(below)
    }

    /// Returns the path of the profile folder as Windows writes it.
    pub(super) fn windows_profile(&self) -> String {
        format!(r"C:\users\{}", self.name)
    }

    /// Returns the command that runs the program as this user, without a terminal and input.
    pub(super) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = wine(INSTALLED);
        command.args(args).env("USER", self.name);
        command
    }

    /// Returns the command that runs the program as this user until the test ends.
    pub(super) fn guarded_command(&self, args: &[&str]) -> Command {
        ended_with_test(&self.command(args))
    }

    /// Starts the program in a console.
    pub(super) fn console(&self, args: &[&str]) -> Terminal {
        Terminal::run(self.command(args), Size::tall(100))
    }

    /// Runs the program to its end, and checks how it writes paths.
    #[track_caller]
    pub(super) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        let output = self.command(args).output().expect("Wine starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let ran = Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        assert_plain_paths(&ran.stdout);
        assert_plain_paths(&ran.stderr);
        ran
    }

    /// Sets up an instance of the native engine without questions.
    #[track_caller]
    pub(super) fn onboard(&self, profile: &str, port: u16) {
        let port = port.to_string();
        let words = [
            "--profile",
            profile,
            "onboard",
            "--non-interactive",
            "--accept-risk",
        ];
        let _ = self
            .run(words.into_iter().chain(["--gateway-port", &port]))
            .exits(0);
    }
}

/// Asserts that a text has paths of Windows as people write them: without the prefix of paths that the system resolved, and
/// with one kind of separator.
#[track_caller]
pub(super) fn assert_plain_paths(text: &str) {
    // A JSON document doubles each backslash.
    let text = text.replace(r"\\", r"\");
    assert!(!text.contains(r"\?\"), "{text}");
    let is_mixed = |word: &str| word.contains('\\') && word.contains('/') && !word.contains("://");
    let mixed: Vec<_> = text.split_whitespace().filter(|word| is_mixed(word)).collect();
    // A folder that is to be made is shown with a slash at its end, as on other systems.
    let mixed: Vec<_> = mixed
        .iter()
        .filter(|word| is_mixed(word.trim_end_matches('/')))
        .collect();
    assert!(mixed.is_empty(), "{mixed:?}");
}

/// Returns the folder of Wine, which later runs of the tests use again: to make it takes seconds, and hundreds of megabytes.
fn prefix() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("wine")
}

/// Returns a command that Wine runs, with nothing of this environment.
fn wine(program: &str) -> Command {
    let mut command = Command::new("wine");
    command
        .arg(program)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .env("LC_ALL", "C.UTF-8")
        .env("WINEPREFIX", prefix())
        .env("WINEDEBUG", "-all")
        // Neither a window that asks for .NET or a browser, nor the wait for one.
        .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
        .stdin(Stdio::null());
    command
}

/// Makes the folder of Wine where there is none that is whole, and puts the program into it.
fn prepare(program: &Path) {
    let (folder, made) = (prefix(), prefix().join("made"));
    if !made.is_file() {
        let _ = std::fs::remove_dir_all(&folder);
        let boot = wine("wineboot")
            .arg("--init")
            .env("USER", USER)
            .output()
            .expect("Wine starts");
        assert!(boot.status.success(), "{boot:?}");
        std::fs::write(made, "").unwrap();
    }
    let installed = folder.join("drive_c/openclaw");
    std::fs::create_dir_all(&installed).unwrap();
    put_program(program, installed.join("openclaw.exe"));
    if folder
        .join("drive_c/windows/system32/bcryptprimitives.dll")
        .is_file()
    {
        return;
    }
    let source = installed.join("randomness.c");
    std::fs::write(&source, RANDOMNESS).unwrap();
    let mut compiler = Command::new("x86_64-w64-mingw32-gcc");
    compiler
        .args(["-shared", "-o"])
        .arg(installed.join("bcryptprimitives.dll"));
    let built = compiler
        .arg(source)
        .arg("-ladvapi32")
        .output()
        .expect("mingw starts");
    assert!(built.status.success(), "{built:?}");
}
