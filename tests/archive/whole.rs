//! An archive is whole or none: what can't be read is an error that names it.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{export, home_with_secrets, import};
use crate::onboard::onboard_ok;
use crate::support::gateway::wait_for;
use crate::support::strace::{first_thread_under_strace, under_strace};
use crate::support::{Ran, Reason, Sandbox, installed, put_program, skipped};

/// User and group that own nothing on the host.
const OTHER_USER: &str = "28101";

/// Command lines that make an archive of the `rescue` instance.
const PACKING_COMMANDS: [&[&str]; 2] = [
    &["--profile", "rescue", "snapshot", "create", "--json"],
    &["profiles", "export", "rescue", "out.tar.gz", "--json"],
];

/// Returns the paths of all archives below HOME, whole or half written.
fn archives(sandbox: &Sandbox) -> Vec<PathBuf> {
    let tree = sandbox.tree().into_iter().map(|(path, ..)| path);
    tree.filter(|path| path.to_string_lossy().contains(".tar.gz"))
        .collect()
}

/// Runs the program as a user who is not root, to whom the whole home folder belongs. `None` without `setpriv`.
fn run_as_user(sandbox: &Sandbox, args: &[&str]) -> Option<Output> {
    let root = sandbox.home().parent().expect("a folder").to_path_buf();
    let program = root.join("openclaw");
    if !program.exists() {
        put_program(env!("CARGO_BIN_EXE_openclaw"), &program);
    }
    std::fs::set_permissions(&root, PermissionsExt::from_mode(0o755)).expect("a mode");
    let chown = Command::new("chown")
        .args(["-R", &format!("{OTHER_USER}:{OTHER_USER}")])
        .arg(&root)
        .stderr(Stdio::null())
        .status();
    let mut command = if chown.is_ok_and(|status| status.success()) {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", OTHER_USER, "--regid", OTHER_USER, "--clear-groups"]);
        command.arg(&program);
        command
    } else {
        Command::new(&program)
    };
    command.args(args).env_clear().env("HOME", sandbox.home());
    command.env("PATH", "/usr/bin:/bin").current_dir(sandbox.home());
    command.stdin(Stdio::null()).output().ok()
}

#[test]
fn file_or_folder_that_can_not_be_read_fails_the_archive_and_is_named() {
    for (path, content) in [
        (".openclaw-rescue/skills/closed", None),
        (".openclaw-rescue/memory/closed.md", Some("x")),
    ] {
        let sandbox = home_with_secrets();
        let closed = match content {
            Some(content) => sandbox.write(path, content),
            None => sandbox.write(Path::new(path).join("inner.md"), "x"),
        };
        let closed = if content.is_some() {
            &*closed
        } else {
            closed.parent().expect("a folder")
        };
        for command in PACKING_COMMANDS {
            std::fs::set_permissions(closed, PermissionsExt::from_mode(0o000)).expect("a mode");
            let Some(output) = run_as_user(&sandbox, command) else {
                return skipped(Reason::NoProgram("setpriv"), "another user runs the program");
            };
            std::fs::set_permissions(closed, PermissionsExt::from_mode(0o700)).expect("a mode");
            let ran = Ran {
                code: output.status.code().unwrap_or(-1),
                stdout: String::from_utf8(output.stdout).expect("text"),
                stderr: String::from_utf8(output.stderr).expect("text"),
            }
            .exits(1);
            assert_eq!(ran.json()["code"], "archive.source-unreadable", "{}", ran.stdout);
            assert!(ran.stdout.contains(path), "{}", ran.stdout);
            assert!(archives(&sandbox).is_empty(), "{:?}", archives(&sandbox));
        }
    }
}

#[test]
fn input_error_while_listing_or_reading_fails_the_archive() {
    if !installed("strace") {
        return;
    }
    let probe = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .status();
    if !probe.is_ok_and(|status| status.success()) {
        return skipped(Reason::NoTracing, "the program under strace failed");
    }
    for command in PACKING_COMMANDS {
        for (path, inject) in [
            (".openclaw-rescue/memory", "--inject=getdents64:error=EIO"),
            // The first read looks for a database.
            (".openclaw-rescue/memory/a.md", "--inject=read:error=EIO:when=1"),
            (".openclaw-rescue/memory/a.md", "--inject=read:error=EIO:when=3"),
        ] {
            let sandbox = home_with_secrets();
            let _ = sandbox.write(".openclaw-rescue/memory/a.md", "remembered");
            let at = sandbox.path(path).display().to_string();
            let mut traced = under_strace(&sandbox, &sandbox.command(command), &["-P", &at, inject]);
            let output = traced.stdout(Stdio::piped()).output().expect("strace");
            let stdout = String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(1), "{inject}: {stdout}");
            assert!(stdout.contains(path), "{inject}: {stdout}");
            assert!(archives(&sandbox).is_empty(), "{:?}", archives(&sandbox));
        }
    }
}

#[test]
fn leftovers_of_a_killed_export_are_removed_by_the_next_one() {
    let sandbox = home_with_secrets();
    let old = sandbox.write(".before.tar.gz.0123456789.tmp", "cut off");
    let young = sandbox.write(".other.tar.gz.0123456789.tmp", "being written");
    let of_the_user = sandbox.write(".notes.tmp", "mine");
    for path in [&old, &of_the_user] {
        let file = std::fs::File::options().write(true).open(path).expect("a file");
        file.set_modified(std::time::UNIX_EPOCH).expect("a time");
    }
    let _ = export(&sandbox, &[]);
    assert!(!old.exists(), "a killed export left it");
    assert!(young.exists() && of_the_user.exists());
}

#[test]
fn archive_goes_to_standard_output_and_comes_from_standard_input() {
    let sandbox = home_with_secrets();
    let output = sandbox
        .command(["profiles", "export", "rescue", "-"])
        .output()
        .expect("a run");
    let notes = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{notes}");
    assert!(notes.contains("API keys and passwords were left out"), "{notes}");
    assert!(!sandbox.path("-").exists());
    let archive = sandbox.write("out.tar.gz", output.stdout);
    let imported = sandbox
        .command(["profiles", "import", "-", "--as", "piped", "--json"])
        .stdin(std::fs::File::open(archive).expect("a file"))
        .output()
        .expect("a run");
    assert!(
        imported.status.success(),
        "{}",
        String::from_utf8_lossy(&imported.stderr)
    );
    let _ = import(&sandbox, "copy").exits(0);
    let session = "agents/main/sessions/one.jsonl";
    assert_eq!(
        sandbox.read(Path::new(".openclaw-piped").join(session)),
        sandbox.read(Path::new(".openclaw-copy").join(session))
    );
    let refused = sandbox
        .run(["profiles", "export", "rescue", "-", "--json"])
        .exits(2);
    assert_eq!(refused.json()["code"], "archive.stdout-json");
}

#[test]
fn import_keeps_no_other_command_waiting_while_it_reads_its_archive() {
    let sandbox = home_with_secrets();
    let archive = std::fs::read(export(&sandbox, &[])).expect("a file");
    let mut importing = sandbox
        .command(["profiles", "import", "-", "--as", "piped", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a start");
    let mut input = importing.stdin.take().expect("a pipe");
    let (first, rest) = archive.split_at(archive.len() / 2);
    input.write_all(first).expect("bytes");
    let is_staged = || {
        let entries = std::fs::read_dir(sandbox.home()).expect("a folder");
        let mut names = entries.map(|entry| entry.expect("an entry").file_name());
        names.any(|name| name.to_string_lossy().starts_with(".openclaw-piped.import-"))
    };
    wait_for("the import waits for its archive", || is_staged().then_some(()));
    let _ = onboard_ok(&sandbox, "other", &[]);
    input.write_all(rest).expect("bytes");
    drop(input);
    let output = importing.wait_with_output().expect("an end");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn import_looks_at_a_folder_once_and_not_for_each_of_its_files() {
    const FILE_COUNT: usize = 300;
    if !installed("strace") {
        return;
    }
    let sandbox = home_with_secrets();
    for number in 0..FILE_COUNT {
        sandbox.write(
            format!(".openclaw-rescue/agents/main/sessions/{number}.jsonl"),
            "{}",
        );
    }
    let _ = export(&sandbox, &[]);
    let trace = sandbox.path("trace");
    let options = ["-o", trace.to_str().expect("text"), "-e", "trace=%%stat,readlink"];
    let command = sandbox.command(["profiles", "import", "out.tar.gz", "--as", "copy", "--json"]);
    let status = under_strace(&sandbox, &command, &options).status();
    if !status.is_ok_and(|status| status.success()) {
        return skipped(Reason::NoTracing, "the program under strace failed");
    }
    let trace = std::fs::read_to_string(trace).expect("a trace");
    let below_sessions = trace
        .lines()
        .filter(|line| line.contains("/agents/main/sessions"));
    let count = below_sessions.count();
    assert!(count < FILE_COUNT, "{count} for {FILE_COUNT} files");
}

/// Returns the number of the write in a trace that begins an archive, and the number of its bytes.
fn write_that_begins_an_archive(trace: &str) -> Option<(usize, &str)> {
    let mut writes = trace
        .lines()
        .filter(|line| line.starts_with("write("))
        .enumerate();
    let (index, line) = writes.find(|(_, line)| line.contains(r#""\37\213\10"#))?;
    Some((index + 1, line.rsplit_once("= ")?.1))
}

/// A disk that says that it has written what it has not: what is read back is not what the manifest says.
#[test]
fn archive_that_is_not_written_as_its_manifest_says_is_none() {
    if !installed("strace") {
        return;
    }
    for command in PACKING_COMMANDS {
        let trace = |sandbox: &Sandbox, options: &[&str]| {
            let file = sandbox.home().with_file_name("trace");
            let path = file.to_str().expect("text");
            let options = [&["-o", path, "-e", "trace=write"], options].concat();
            let mut traced = first_thread_under_strace(sandbox, &sandbox.command(command), &options);
            let output = traced.stdout(Stdio::piped()).output().expect("strace");
            (output, std::fs::read_to_string(file).unwrap_or_default())
        };
        let (whole, calls) = trace(&home_with_secrets(), &[]);
        if !whole.status.success() {
            return skipped(Reason::NoTracing, "the program under strace failed");
        }
        let (nth, count) = write_that_begins_an_archive(&calls).expect("an archive is written");
        let sandbox = home_with_secrets();
        let lie = format!("inject=write:retval={count}:when={nth}");
        let (output, calls) = trace(&sandbox, &["-e", &lie]);
        assert!(calls.contains("(INJECTED)"), "{calls}");
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {stdout}");
        assert!(stdout.contains("\"code\": \"archive."), "{stdout}");
        assert!(archives(&sandbox).is_empty(), "{:?}", archives(&sandbox));
    }
}
