//! Queries and ends processes by signals, on Unix systems without `/proc`. Not tested: this project is built on Linux.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::open_file::{FileId, OpenFile};

/// Time that a killed process may take to end.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);
/// Time between two checks whether a process has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

pub(super) fn start_time(_pid: u32) -> Option<u64> {
    None
}

pub(super) fn is_alive(pid: u32) -> bool {
    Pid::from_raw(pid.cast_signed()).is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

pub(super) fn process_name(_pid: u32) -> Option<String> {
    None
}

pub(super) fn is_same_user(pid: u32) -> bool {
    Pid::from_raw(pid.cast_signed()).is_some_and(|pid| test_kill_process(pid).is_ok())
}

pub(super) fn file_id(_path: &Path) -> Option<FileId> {
    None
}

pub(super) fn open_files(_pid: u32, _has_wanted_name: &dyn Fn(&OsStr) -> bool) -> Option<Vec<OpenFile>> {
    None
}

pub(super) fn has_open(_pid: u32, _path: &Path) -> Option<bool> {
    None
}

pub(super) fn user_of(_pid: u32) -> io::Result<Option<u32>> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn terminate(pid: u32, grace: Duration) -> io::Result<()> {
    let pid = Pid::from_raw(pid.cast_signed()).ok_or(io::ErrorKind::InvalidInput)?;
    for (signal, timeout) in [(Signal::TERM, grace), (Signal::KILL, KILL_TIMEOUT)] {
        match kill_process(pid, signal) {
            Err(rustix::io::Errno::SRCH) => return Ok(()),
            sent => sent?,
        }
        let deadline = Instant::now() + timeout;
        while Instant::now() < deadline {
            if test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
                return Ok(());
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}
