//! Queries and ends processes by their pid, also such as this program did not start.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::system as host_system;

mod open_file;

#[cfg(target_os = "linux")]
#[path = "pid/linux.rs"]
mod system;
#[cfg(all(unix, not(target_os = "linux")))]
#[path = "pid/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "pid/windows.rs"]
mod system;

pub(crate) use open_file::{FileId, OpenFile};

/// The owner of a process, relative to this user and the owner of a folder: one of these two, another user, or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessOwner {
    /// The process runs as this user, or as the owner of the folder: it may read the files in the folder.
    Ours,
    /// The process runs as another user.
    OtherUser,
    /// The process has ended.
    Gone,
}

/// Returns the start time of a process, in a unit of the system's own. The pid and the start time together identify a
/// process for good. `None` where there is no such process, or the system does not tell.
///
/// A process whose first thread has ended runs on, and keeps its sockets, as long as another of its threads does.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    system::start_time(pid)
}

/// Returns whether there is a process with this pid, of any user. `false` on Windows.
pub(crate) fn is_alive(pid: u32) -> bool {
    system::is_alive(pid)
}

/// Returns the short name of a process (Linux only).
pub(crate) fn process_name(pid: u32) -> Option<String> {
    system::process_name(pid)
}

/// Returns whether a process belongs to the process group that `leader` leads.
pub(crate) fn is_in_group(pid: u32, leader: u32) -> bool {
    pid == leader || host_system::group_of(pid) == Some(leader)
}

/// Returns whether a process runs as the same user as this process. Where the system does not tell, a signal to the
/// process will be refused.
pub(crate) fn is_same_user(pid: u32) -> bool {
    system::is_same_user(pid)
}

/// Returns whether a process has the file at a path open; `None` where the system does not tell.
///
/// This tells the writer of a pid file from an unrelated process with the same pid: the writer may run in another
/// container.
pub(crate) fn has_open(pid: u32, path: &Path) -> Option<bool> {
    system::has_open(pid, path)
}

/// Returns whether the output of a process goes to a terminal, where somebody may look at it (Linux only).
pub(crate) fn has_terminal_output(pid: u32) -> bool {
    let output = std::fs::read_link(format!("/proc/{pid}/fd/1"));
    output.is_ok_and(|path| path.starts_with("/dev/pts") || path.starts_with("/dev/console"))
}

/// Returns the identity of the file at a path, links followed; `None` where there is no such file, or the system numbers
/// no files.
pub(crate) fn file_id(path: &Path) -> Option<FileId> {
    system::file_id(path)
}

/// Returns the files that a process has open and whose names are wanted; `None` where the system does not tell.
pub(crate) fn open_files(pid: u32, has_wanted_name: impl Fn(&OsStr) -> bool) -> Option<Vec<OpenFile>> {
    system::open_files(pid, &has_wanted_name)
}

/// Returns the owner of a process relative to this user and the owner of `folder`; [`ProcessOwner::Ours`] where the
/// system does not tell.
pub(crate) fn process_owner(pid: u32, folder: &Path) -> ProcessOwner {
    match system::user_of(pid) {
        Err(_) => ProcessOwner::Ours,
        Ok(None) => ProcessOwner::Gone,
        Ok(user) if user == host_system::user_id() || user == host_system::file_owner_id(folder) => {
            ProcessOwner::Ours
        }
        Ok(Some(_)) => ProcessOwner::OtherUser,
    }
}

/// Asks a process to end (SIGTERM), without waiting. Does nothing on Windows.
pub(crate) fn request_end(pid: u32) {
    host_system::terminate(pid);
}

/// Kills a process and the process group that it leads. Does nothing on Windows.
pub(crate) fn kill(pid: u32) {
    host_system::kill_group(pid);
    host_system::kill(pid);
}

/// Kills the remaining processes of a process group whose leader has ended. Does nothing on Windows.
pub(crate) fn kill_group(leader: u32) {
    host_system::kill_group(leader);
}

/// Ends a process by its pid and waits until it has ended: asks it to end, and kills it after `grace`. A process that
/// has ended already is no error.
///
/// # Errors
/// When the system refuses the signal, or the process still exists five seconds after it was killed.
pub(crate) fn terminate(pid: u32, grace: Duration) -> io::Result<()> {
    system::terminate(pid, grace)
}

/// Returns whether a line of `/proc/PID/stat` is that of a process that has begun to end. Such a process may still hold
/// files that `/proc` no longer lists as its own: the kernel detaches them before it closes them.
#[cfg(target_os = "linux")]
pub(super) fn is_exiting(stat: &str) -> bool {
    system::is_exiting(stat)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::process::CommandExt as _;

    use super::*;
    use crate::skip::{Reason, skipped};

    #[test]
    fn running_process_has_a_constant_start_time_and_a_name() {
        let own = std::process::id();
        assert!(start_time(own).is_some() && start_time(own) == start_time(own));
        assert_eq!(start_time(u32::MAX), None);
        assert!(process_name(own).is_some());
    }

    #[test]
    fn open_file_is_found_in_its_process() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let own = std::process::id();
        assert_eq!(has_open(own, file.path()), Some(true));
        let (_, path) = file.into_parts();
        assert_eq!(has_open(own, &path), Some(false));
        assert_eq!(has_open(u32::MAX, &path), Some(false), "there is no such process");
    }

    #[test]
    fn owner_is_ours_for_this_user_and_the_owner_of_the_folder() {
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
        let of_other_user = process_owner(other.id(), dir.path());
        std::os::unix::fs::chown(dir.path(), Some(65534), None).unwrap();
        let of_folder_owner = process_owner(other.id(), dir.path());
        other.kill().unwrap();
        other.wait().unwrap();
        assert_eq!(
            (of_other_user, of_folder_owner),
            (ProcessOwner::OtherUser, ProcessOwner::Ours)
        );
    }
}
