//! The transaction on real folders: what it writes, what it refuses, and what a kill leaves behind.

#![expect(clippy::disallowed_methods, reason = "the tests make their own files")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::plan::{Change, Content, FileKind, FileWrite};

mod crash;
mod owner;
mod refuse;
mod write;

/// A temporary host: a folder for instances and a state home in it, with the host lock held.
struct TestHost {
    dir: TempDir,
    lock: HostLock,
}

impl TestHost {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let lock = HostLock::acquire(&dir.path().join("state"), Duration::ZERO).unwrap();
        Self { dir, lock }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn write_fixture(&self, below: &str, text: &str) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap_or_else(|e| panic!("{below}: {e}"))
    }

    fn mode(&self, below: &str) -> u32 {
        fs::symlink_metadata(self.path(below))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777
    }

    fn chmod(&self, below: &str, mode: u32) {
        fs::set_permissions(self.path(below), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Returns the mode and the text of everything but the lock file.
    fn tree(&self) -> BTreeMap<PathBuf, (u32, String)> {
        let mut tree = BTreeMap::new();
        walk(self.dir.path(), &mut tree);
        tree.remove(&self.path("state/lock"));
        tree
    }

    fn apply(&self, changes: Vec<Change>) -> Result<Applied> {
        apply(&self.lock, &plan(changes), &[], &mut |_| {})
    }

    /// Plans a write from the disk as it is now.
    fn write(&self, below: &str, text: &str) -> FileWrite {
        let path = self.path(below);
        let before = path.is_file().then(|| fs::read(&path).unwrap());
        FileWrite {
            path,
            content: Content::plain(text),
            before,
            backup: false,
            kind: FileKind::Workspace,
        }
    }

    fn config(&self, below: &str, text: &str) -> FileWrite {
        FileWrite {
            backup: true,
            kind: FileKind::Config,
            ..self.write(below, text)
        }
    }
}

fn plan(changes: Vec<Change>) -> Plan {
    Plan {
        instance: None,
        changes,
        notices: Vec::new(),
    }
}

fn walk(dir: &Path, tree: &mut BTreeMap<PathBuf, (u32, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        let text = if meta.is_file() {
            fs::read_to_string(&path).unwrap()
        } else {
            String::new()
        };
        tree.insert(path.clone(), (meta.mode(), text));
        if meta.is_dir() {
            walk(&path, tree);
        }
    }
}

/// Returns the temporary files and journals that are still there.
fn leftovers(tree: &BTreeMap<PathBuf, (u32, String)>) -> Vec<&PathBuf> {
    tree.keys()
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.ends_with(".tmp") || name.starts_with("journal")
        })
        .collect()
}

#[test]
fn an_empty_plan_writes_nothing() {
    let host = TestHost::new();
    let before = fs::metadata(host.path("state")).unwrap().mtime_nsec();
    assert_eq!(host.apply(vec![]).unwrap(), Applied::default());
    assert_eq!(fs::metadata(host.path("state")).unwrap().mtime_nsec(), before);
}

#[test]
fn every_change_is_reported_when_it_starts_and_when_it_is_done() {
    let host = TestHost::new();
    let changes = vec![
        Change::MakeDir {
            path: host.path("ws"),
        },
        Change::Write(host.write("ws/A", "a")),
        Change::Write(host.config("i/openclaw.json", "{}")),
    ];
    let mut events = Vec::new();
    let applied = apply(&host.lock, &plan(changes.clone()), &[], &mut |event| {
        events.push(match event {
            ApplyEvent::Started(change) => ("started", change.path().to_path_buf()),
            ApplyEvent::Finished(change) => ("done", change.path().to_path_buf()),
            ApplyEvent::Undone(path) => ("undone", path.to_path_buf()),
        });
    });
    let paths: Vec<_> = changes.iter().map(|change| change.path().to_path_buf()).collect();
    assert_eq!(applied.unwrap().changed, paths);
    let all = |what| paths.iter().map(move |path| (what, path.clone()));
    assert_eq!(events, all("started").chain(all("done")).collect::<Vec<_>>());
}

mod lock {
    use super::*;

    #[test]
    fn a_second_process_is_told_the_pid_of_the_lock_holder() {
        let host = TestHost::new();
        let error = HostLock::acquire(&host.path("state"), Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.code(), "apply.lock-held");
        let text = error.msg.render(crate::i18n::Lang::english());
        assert!(text.contains(&format!("pid {}", std::process::id())), "{text}");
    }

    #[test]
    fn a_waiter_gets_the_lock_when_it_is_released_and_the_file_stays() {
        let TestHost { dir, lock } = TestHost::new();
        let home = dir.path().join("state");
        let waiter = std::thread::spawn(move || HostLock::acquire(&home, HostLock::WAIT_TIMEOUT).map(drop));
        drop(lock);
        waiter.join().unwrap().unwrap();
        assert_eq!(
            fs::metadata(dir.path().join("state/lock"))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o600
        );
    }

    #[test]
    fn a_removed_lock_file_is_not_mistaken_for_the_lock() {
        let host = TestHost::new();
        fs::remove_file(host.path("state/lock")).unwrap();
        let second = HostLock::acquire(&host.path("state"), Duration::ZERO).unwrap();
        let third = HostLock::acquire(&host.path("state"), Duration::ZERO);
        assert_eq!(third.unwrap_err().code(), "apply.lock-held");
        drop(second);
    }

    #[test]
    fn a_lock_path_that_is_no_file_is_refused_without_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join("lock");
        let refused = || HostLock::acquire(dir.path(), HostLock::WAIT_TIMEOUT).unwrap_err();
        fs::create_dir(&lock).unwrap();
        assert_eq!(refused().code(), "apply.lock-not-a-file");
        fs::remove_dir(&lock).unwrap();
        symlink(dir.path().join("elsewhere"), &lock).unwrap();
        assert_eq!(refused().code(), "apply.lock-not-a-file");
        assert!(!dir.path().join("elsewhere").exists());
        fs::remove_file(&lock).unwrap();
        make_fifo(&lock);
        let error = refused();
        assert_eq!(
            (error.code(), error.kind.exit_code()),
            ("apply.lock-not-a-file", 78)
        );
    }

    #[test]
    fn a_state_home_that_is_a_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let acquire = |path: &Path| HostLock::acquire(path, Duration::ZERO).unwrap_err();
        assert_eq!(acquire(&file).code(), "apply.not-a-folder");
        assert_eq!(acquire(&file.join("below")).code(), "apply.failed");
    }
}

fn make_fifo(path: &Path) {
    // Not by a system call: macOS has none that makes one at a path.
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}
