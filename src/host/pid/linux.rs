//! Queries processes on Linux by `/proc`, and ends them through a pidfd.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, geteuid, pidfd_open, pidfd_send_signal};

use super::super::read;
use super::open_file::{FileId, OpenFile};

/// Time that a killed process may take to end.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn start_time(pid: u32) -> Option<u64> {
    parse_start_time(&read::text(Path::new(&format!("/proc/{pid}/stat"))).ok()?)
}

/// Returns the start time of a running process from its line of `/proc/PID/stat`.
fn parse_start_time(stat: &str) -> Option<u64> {
    let fields = stat_fields(stat)?;
    has_threads(&fields)?.then(|| fields.get(19)?.parse().ok())?
}

pub(super) fn is_exiting(stat: &str) -> bool {
    /// The Linux kernel's process flag `PF_EXITING`: the process has begun to end.
    const EXITING: u32 = 0x4;
    let is_exiting = || {
        let fields = stat_fields(stat)?;
        let flags: u32 = fields.get(6)?.parse().ok()?;
        Some(flags & EXITING != 0 && has_threads(&fields)?)
    };
    is_exiting().unwrap_or(false)
}

/// Returns the fields after the process name in a line of `/proc/PID/stat` (proc(5)): the state is the first, the
/// flags are the 7th, the number of threads is the 18th, the start time the 20th. The name may contain any character.
fn stat_fields(stat: &str) -> Option<Vec<&str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace().collect())
}

/// Returns whether any thread of a process with the given fields of `/proc/PID/stat` still runs.
fn has_threads(fields: &[&str]) -> Option<bool> {
    let threads: u32 = fields.get(17)?.parse().ok()?;
    Some(*fields.first()? != "Z" || threads > 1)
}

pub(super) fn is_alive(pid: u32) -> bool {
    start_time(pid).is_some()
}

pub(super) fn process_name(pid: u32) -> Option<String> {
    let name = read::text(Path::new(&format!("/proc/{pid}/comm"))).ok()?;
    Some(name.trim().to_owned())
}

/// Returns the id of the user that a process runs as; `None` when it has ended.
#[expect(clippy::unnecessary_wraps, reason = "other systems do not tell")]
pub(super) fn user_of(pid: u32) -> io::Result<Option<u32>> {
    Ok(std::fs::metadata(format!("/proc/{pid}"))
        .map(|meta| meta.uid())
        .ok())
}

pub(super) fn is_same_user(pid: u32) -> bool {
    user_of(pid).is_ok_and(|user| user == Some(geteuid().as_raw()))
}

pub(super) fn file_id(path: &Path) -> Option<FileId> {
    let meta = std::fs::metadata(path).ok()?;
    Some(FileId {
        device: meta.dev(),
        inode: meta.ino(),
    })
}

pub(super) fn has_open(pid: u32, path: &Path) -> Option<bool> {
    let wanted = file_id(path)?;
    let mut open = descriptors(pid)?;
    Some(open.any(|descriptor| file_id(&descriptor) == Some(wanted)))
}

pub(super) fn open_files(pid: u32, has_wanted_name: &dyn Fn(&OsStr) -> bool) -> Option<Vec<OpenFile>> {
    let is_wanted = |descriptor: &PathBuf| {
        let target = std::fs::read_link(descriptor).ok()?;
        let name = target.file_name()?.as_bytes();
        // The kernel marks a file that was removed since it was opened.
        let name = name.strip_suffix(b" (deleted)").unwrap_or(name);
        Some(has_wanted_name(OsStr::from_bytes(name)))
    };
    let open = descriptors(pid)?.filter(|descriptor| is_wanted(descriptor).unwrap_or(false));
    let files = open.filter_map(|path| {
        let id = file_id(&path)?;
        Some(OpenFile { id, path })
    });
    Some(files.collect())
}

/// Returns the paths in `/proc` of the file descriptors of a process, none where it has ended; `None` where they
/// can't be listed.
fn descriptors(pid: u32) -> Option<impl Iterator<Item = PathBuf>> {
    let entries = match std::fs::read_dir(format!("/proc/{pid}/fd")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        entries => Some(entries.ok()?),
    };
    Some(entries.into_iter().flatten().flatten().map(|entry| entry.path()))
}

/// Ends a process by signals that are sent to a descriptor of it: by the second signal, its pid could be that of
/// another process.
pub(super) fn terminate(pid: u32, grace: Duration) -> io::Result<()> {
    let pid = Pid::from_raw(pid.cast_signed()).ok_or(io::ErrorKind::InvalidInput)?;
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        opened => opened?,
    };
    for (signal, timeout) in [(Signal::TERM, grace), (Signal::KILL, KILL_TIMEOUT)] {
        match pidfd_send_signal(&process, signal) {
            Err(rustix::io::Errno::SRCH) => return Ok(()),
            sent => sent?,
        }
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        if poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&timeout))? > 0 {
            return Ok(());
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a line of `/proc/PID/stat` of a process whose name contains parentheses.
    fn stat_line(state: &str, flags: u32, threads: u32) -> String {
        format!(
            "23491 (a) b) {state} 1 2 3 0 -1 {flags} 5 6 7 8 9 10 11 12 20 0 {threads} 0 2238604 0 0 18446"
        )
    }

    // This was seen with a process whose first thread ended while another held a listening socket.
    #[test]
    fn process_whose_first_thread_ended_still_runs() {
        let line = |state: &str, threads: u32| stat_line(state, 4, threads);
        assert_eq!(parse_start_time(&line("S", 1)), Some(2_238_604));
        assert_eq!(parse_start_time(&line("Z", 2)), Some(2_238_604));
        assert_eq!(parse_start_time(&line("Z", 1)), None);
        assert_eq!(parse_start_time("23491 (a"), None);
    }

    #[test]
    fn process_is_exiting_until_its_last_thread_has_ended() {
        assert!(!is_exiting(&stat_line("S", 0x0040_0000, 1)));
        assert!(
            is_exiting(&stat_line("R", 0x0040_0004, 1)),
            "its files are being closed"
        );
        assert!(
            is_exiting(&stat_line("Z", 0x0040_000c, 2)),
            "its last threads end"
        );
        assert!(
            !is_exiting(&stat_line("Z", 0x0040_000c, 1)),
            "it only waits to be reaped"
        );
        assert!(!is_exiting("23491 (a"));
    }
}
