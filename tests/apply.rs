//! `apply` between processes: the lock, the umask, a full disk. The process that these tests start applies one small
//! plan; it is [`worker`], in this very test binary.

use crate::support::{Reason, skipped};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use openclaw::apply::{HostLock, apply, has_unfinished_transaction, recover};
use openclaw::plan::{Change, Content, FileKind, FileWrite, Plan};

/// Variable with the folder that the worker works in. The worker does nothing without it.
const FOLDER: &str = "OPENCLAW_TEST_WORKER_FOLDER";
/// Variable with the name of the worker's task.
const TASK: &str = "OPENCLAW_TEST_WORKER_TASK";

/// Variable with the port on which the task `listen` listens.
pub const LISTEN_PORT: &str = "OPENCLAW_TEST_WORKER_PORT";
/// Variable with the lock file that the task `listen` holds open.
pub const LISTEN_LOCK: &str = "OPENCLAW_TEST_WORKER_LOCK";

/// Returns the command that does a task in a folder, in a process of its own.
pub fn worker_command(task: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this test binary"));
    command.args([
        "--exact",
        "apply::worker",
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    command.env(FOLDER, folder).env(TASK, task).stdin(Stdio::null());
    command
}

#[test]
#[ignore = "not a test: the process that the others start"]
fn worker() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    match std::env::var(TASK).expect("a task").as_str() {
        "count" => count(folder),
        "hold" => hold(folder),
        "listen" => listen(folder),
        "fill" => fill(folder),
        "onboard" => crate::crash::onboard(folder),
        task => panic!("no such task: {task}"),
    }
}

pub fn write(path: &Path, text: &str, kind: FileKind) -> Change {
    Change::Write(FileWrite {
        path: path.to_path_buf(),
        content: Content::plain(text),
        before: fs::read(path).ok(),
        backup: kind == FileKind::Config,
        kind,
    })
}

pub fn plan(changes: Vec<Change>) -> Plan {
    Plan {
        instance: None,
        changes,
        ..Plan::default()
    }
}

/// Adds one to the number in a file. Two at once would lose a count, or find the file stale.
fn count(folder: &Path) {
    let lock = HostLock::acquire(&folder.join("state"), HostLock::WAIT_TIMEOUT).expect("the lock");
    let path = folder.join("count");
    let number: u32 = fs::read_to_string(&path).map_or(0, |text| text.parse().expect("a number"));
    let plan = plan(vec![write(&path, &(number + 1).to_string(), FileKind::Record)]);
    apply(&lock, &plan, &[], &mut |_| {}).expect("nobody else writes");
}

#[test]
fn fifty_processes_at_once_get_the_lock_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let workers: Vec<_> = (0..50)
        .map(|_| {
            let mut command = worker_command("count", dir.path());
            command
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for worker in workers {
        let output = worker.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(fs::read_to_string(dir.path().join("count")).unwrap(), "50");
}

/// Takes the lock, makes the file `held`, and keeps the lock until its input ends.
fn hold(folder: &Path) {
    let _lock = HostLock::acquire(&folder.join("state"), Duration::ZERO).expect("the lock");
    fs::write(folder.join("held"), "").unwrap();
    let _ = std::io::stdin().read(&mut [0]);
}

/// Listens on a port, by default the one that is suggested first, accepts and never answers, until standard input ends.
/// The file `listening` says that it does. Where the environment names a lock file, it is held open with the content
/// that OpenClaw from npm writes.
fn listen(folder: &Path) {
    let port = std::env::var(LISTEN_PORT).map_or(19789, |port| port.parse().expect("a port"));
    let _listener = std::net::TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    let _lock = std::env::var_os(LISTEN_LOCK).map(|path| {
        let config = std::env::var("OPENCLAW_CONFIG_PATH").expect("a config");
        let content = serde_json::json!({"pid": std::process::id(), "configPath": config});
        fs::create_dir_all(Path::new(&path).parent().expect("a folder")).unwrap();
        fs::write(&path, content.to_string()).unwrap();
        fs::File::open(path).unwrap()
    });
    fs::write(folder.join("listening"), "").unwrap();
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn a_killed_holder_frees_the_lock_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = worker_command("hold", dir.path());
    let mut holder = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !dir.path().join("held").exists() {
        assert!(
            holder.try_wait().unwrap().is_none(),
            "it holds the lock until its input ends"
        );
        std::thread::yield_now();
    }
    let home = dir.path().join("state");
    let error = HostLock::acquire(&home, Duration::ZERO).unwrap_err();
    let text = error.msg.render(openclaw::i18n::Lang::english());
    assert!(text.contains(&format!("pid {}", holder.id())), "{text}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    HostLock::acquire(&home, Duration::ZERO).unwrap();
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    for umask in ["000", "022", "277"] {
        let dir = tempfile::tempdir().unwrap();
        let worker = worker_command("onboard", dir.path());
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
        shell.arg(worker.get_program()).args(worker.get_args());
        shell.envs(worker.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = shell.stdin(Stdio::null()).output().unwrap();
        assert!(
            output.status.success(),
            "umask {umask}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let mut count = 0;
        let mut folders = vec![dir.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let meta = entry.metadata().unwrap();
                let mode = meta.permissions().mode() & 0o7777;
                let expected = if meta.is_dir() { 0o700 } else { 0o600 };
                assert_eq!(
                    mode,
                    expected,
                    "umask {umask}: {:?} has mode {mode:o}",
                    entry.path()
                );
                count += 1;
                if meta.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        assert!(count >= 6, "umask {umask}: {count} paths");
    }
}

/// Applies a plan on a full disk with more room at each try: the plan is carried out whole, or not at all.
fn fill(disk: &Path) {
    const PAGE: u64 = 4096;
    let home = disk.join("state");
    let config = disk.join("i/openclaw.json");
    let mut failures = 0;
    for room in 0..32 {
        let _ = fs::remove_file(disk.join("filler"));
        let lock = HostLock::acquire(&home, Duration::ZERO).expect("the lock");
        let old = format!("{{ \"room\": {room} }}");
        fs::create_dir_all(disk.join("i")).unwrap();
        fs::write(&config, &old).unwrap();
        let mut filler = fs::File::create(disk.join("filler")).unwrap();
        let full = std::io::copy(&mut std::io::repeat(0), &mut filler).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        let size = filler.metadata().unwrap().len();
        filler
            .set_len(size.next_multiple_of(PAGE).saturating_sub(room * PAGE))
            .unwrap();
        let before = paths_below(disk);
        let changes = plan(vec![
            write(&disk.join("ws/AGENTS.md"), &"a".repeat(9000), FileKind::Workspace),
            write(&config, &"c".repeat(5000), FileKind::Config),
        ]);
        match apply(&lock, &changes, &[], &mut |_| {}) {
            Ok(_) => {
                assert_eq!(fs::read_to_string(&config).unwrap().len(), 5000);
                assert_eq!(fs::read_to_string(disk.join("ws/AGENTS.md")).unwrap().len(), 9000);
                assert!(failures >= 3, "the disk was full: {failures}");
                assert!(!has_unfinished_transaction(&home));
                return;
            }
            Err(error) => {
                failures += 1;
                let hints: Vec<_> = error.hints.iter().map(openclaw::i18n::Msg::key).collect();
                assert_eq!(hints, ["apply.make-room", "apply.undone"], "{error:?}");
                assert_eq!(fs::read_to_string(&config).unwrap(), old);
                assert_eq!(paths_below(disk), before);
                assert!(recover(&lock).unwrap().is_none());
            }
        }
    }
    panic!("32 pages are enough");
}

fn paths_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths.extend(paths_below(&path));
        }
        paths.push(path);
    }
    paths.sort();
    paths
}

#[test]
fn a_full_disk_leaves_the_old_state_whole() {
    const REFUSED: i32 = 77;
    let dir = tempfile::tempdir().unwrap();
    let worker = worker_command("fill", dir.path());
    // A mount namespace of its own: the small disk goes with the process, whatever happens to it.
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c"]);
    command.arg(format!(
        "mount -t tmpfs -o size=256k none \"$0\" || exit {REFUSED}; exec \"$@\""
    ));
    command
        .arg(dir.path())
        .arg(worker.get_program())
        .args(worker.get_args());
    command.envs(worker.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let Ok(output) = command.stdin(Stdio::null()).output() else {
        return skipped(Reason::NoProgram("unshare"), "a small disk");
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(REFUSED) || stderr.starts_with("unshare:") {
        return skipped(Reason::NoNamespaces, &stderr);
    }
    assert!(
        output.status.success(),
        "{stderr}\n{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
