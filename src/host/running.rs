//! Other running programs: whose they are, and ending one. And what this one keeps to itself.

use std::io;
use std::path::Path;
use std::time::Duration;

/// Whether a process runs as the same user as this one. Where the system does not tell, it will refuse
/// the signal.
pub fn is_same_user(pid: u32) -> bool {
    system::is_same_user(pid)
}

/// Whether a process has this file open; `None` where the system does not tell. Its number may be another
/// process's: whoever wrote it down may live in another container.
pub fn has_open(pid: u32, path: &Path) -> Option<bool> {
    system::has_open(pid, path)
}

/// Whose a process is, as seen from a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessOwner {
    /// Of this user, or of the one whom the folder belongs to: it may know what lies there.
    Ours,
    /// Of another user.
    OtherUser,
    /// It has ended.
    Gone,
}

/// Whose a process is. Where the system does not tell, it is told of nobody else's.
pub fn process_owner(pid: u32, folder: &Path) -> ProcessOwner {
    system::whose(pid, folder)
}

/// Ends a process: it is asked to, and after `grace` it is killed. Returns once it is gone; one that was
/// gone already is no error.
pub fn terminate(pid: u32, grace: Duration) -> io::Result<()> {
    system::end(pid, grace)
}

/// From now on every file that this process makes is its owner's alone, whoever makes it: the libraries
/// that write logs take no mode.
pub fn restrict_new_files_to_owner() {
    system::keep_files_private();
}

/// Whether whoever started this program wants it to outlive its terminal (`nohup`).
pub fn ignores_hangup() -> bool {
    system::ignores_hangup()
}

#[cfg(target_os = "linux")]
mod system {
    use std::os::unix::fs::MetadataExt as _;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{Pid, PidfdFlags, Signal, geteuid, pidfd_open, pidfd_send_signal};

    use super::{Duration, Path, ProcessOwner, io};

    /// How long a killed process may take to be gone.
    const AFTER_KILL: Duration = Duration::from_secs(5);
    /// SIGHUP's bit in the mask of ignored signals.
    const HANGUP: u64 = 1;

    pub(super) fn is_same_user(pid: u32) -> bool {
        std::fs::metadata(format!("/proc/{pid}")).is_ok_and(|meta| meta.uid() == geteuid().as_raw())
    }

    pub(super) fn has_open(pid: u32, path: &Path) -> Option<bool> {
        let identity = |meta: std::fs::Metadata| (meta.dev(), meta.ino());
        let wanted = std::fs::metadata(path).ok().map(identity)?;
        let files = match std::fs::read_dir(format!("/proc/{pid}/fd")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(false),
            files => files.ok()?,
        };
        let mut open = files
            .flatten()
            .filter_map(|file| std::fs::metadata(file.path()).ok());
        Some(open.any(|meta| identity(meta) == wanted))
    }

    pub(super) fn whose(pid: u32, folder: &Path) -> ProcessOwner {
        let user = |path: &Path| std::fs::metadata(path).map(|meta| meta.uid()).ok();
        match user(Path::new(&format!("/proc/{pid}"))) {
            None => ProcessOwner::Gone,
            Some(of) if of == geteuid().as_raw() || Some(of) == user(folder) => ProcessOwner::Ours,
            Some(_) => ProcessOwner::OtherUser,
        }
    }

    /// By a descriptor of the process: its number could be another's by the time of the second signal.
    pub(super) fn end(pid: u32, grace: Duration) -> io::Result<()> {
        let pid = Pid::from_raw(pid.cast_signed()).ok_or(io::ErrorKind::InvalidInput)?;
        let process = match pidfd_open(pid, PidfdFlags::empty()) {
            Err(rustix::io::Errno::SRCH) => return Ok(()),
            opened => opened?,
        };
        for (signal, patience) in [(Signal::TERM, grace), (Signal::KILL, AFTER_KILL)] {
            match pidfd_send_signal(&process, signal) {
                Err(rustix::io::Errno::SRCH) => return Ok(()),
                sent => sent?,
            }
            let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
            if poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&patience))? > 0 {
                return Ok(());
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    pub(super) fn keep_files_private() {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    }

    pub(super) fn ignores_hangup() -> bool {
        let status = procfs::process::Process::myself().and_then(|process| process.status());
        status.is_ok_and(|status| status.sigign & HANGUP != 0)
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
mod system {
    use std::time::Instant;

    use rustix::process::{Pid, Signal, kill_process, test_kill_process};

    use super::{Duration, Path, ProcessOwner, io};

    pub(super) fn has_open(_pid: u32, _path: &Path) -> Option<bool> {
        None
    }

    const PAUSE: Duration = Duration::from_millis(20);
    const AFTER_KILL: Duration = Duration::from_secs(5);

    pub(super) fn is_same_user(pid: u32) -> bool {
        Pid::from_raw(pid.cast_signed()).is_some_and(|pid| test_kill_process(pid).is_ok())
    }

    pub(super) fn whose(_pid: u32, _folder: &Path) -> ProcessOwner {
        ProcessOwner::Ours
    }

    pub(super) fn end(pid: u32, grace: Duration) -> io::Result<()> {
        let pid = Pid::from_raw(pid.cast_signed()).ok_or(io::ErrorKind::InvalidInput)?;
        for (signal, patience) in [(Signal::TERM, grace), (Signal::KILL, AFTER_KILL)] {
            match kill_process(pid, signal) {
                Err(rustix::io::Errno::SRCH) => return Ok(()),
                sent => sent?,
            }
            let deadline = Instant::now() + patience;
            while Instant::now() < deadline {
                if test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
                    return Ok(());
                }
                std::thread::sleep(PAUSE);
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    pub(super) fn keep_files_private() {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    }

    pub(super) fn ignores_hangup() -> bool {
        false
    }
}

#[cfg(not(unix))]
mod system {
    use super::{Duration, Path, ProcessOwner, io};

    pub(super) fn has_open(_pid: u32, _path: &Path) -> Option<bool> {
        None
    }

    pub(super) fn is_same_user(_pid: u32) -> bool {
        false
    }

    pub(super) fn whose(_pid: u32, _folder: &Path) -> ProcessOwner {
        ProcessOwner::Ours
    }

    pub(super) fn end(_pid: u32, _grace: Duration) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Files in a user's profile folder are that user's alone there.
    pub(super) fn keep_files_private() {}

    pub(super) fn ignores_hangup() -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::process::CommandExt as _;

    use super::*;
    use crate::skip::{Reason, skipped};

    #[test]
    fn who_has_a_file_open_is_known() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let own = std::process::id();
        assert_eq!(has_open(own, file.path()), Some(true));
        let (_, path) = file.into_parts();
        assert_eq!(has_open(own, &path), Some(false));
        assert_eq!(has_open(u32::MAX, &path), Some(false), "there is no such process");
    }

    #[test]
    fn another_users_process_is_told_from_ours_and_from_one_that_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(process_owner(std::process::id(), dir.path()), ProcessOwner::Ours);
        assert_eq!(process_owner(u32::MAX, dir.path()), ProcessOwner::Gone);
        if !rustix::process::geteuid().is_root() {
            return skipped(Reason::NeedsRoot, "only root can start another user's process");
        }
        #[expect(clippy::disallowed_methods, reason = "the test starts another user's process")]
        let mut command = std::process::Command::new("sleep");
        let Ok(mut other) = command.arg("600").uid(65534).spawn() else {
            return skipped(Reason::NoNamespaces, "this namespace has no user 65534");
        };
        let seen = process_owner(other.id(), dir.path());
        std::os::unix::fs::chown(dir.path(), Some(65534), None).unwrap();
        let of_its_folder = process_owner(other.id(), dir.path());
        other.kill().unwrap();
        other.wait().unwrap();
        assert_eq!(
            (seen, of_its_folder),
            (ProcessOwner::OtherUser, ProcessOwner::Ours)
        );
    }
}
