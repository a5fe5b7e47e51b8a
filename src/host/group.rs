//! A program with all that it starts, as one thing: started in a process group of its own, and ended with
//! it. And what is known of processes that an earlier run left behind.

use std::io;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use super::Host;
use super::process::CommandSpec;

/// As much of what a program complained about last is kept, in bytes.
const KEPT: usize = 8 * 1024;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessExit {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it, where the system has signals.
    pub signal: Option<i32>,
}

/// A running program and its children. Dropped, all of them are killed.
#[derive(Debug)]
pub struct ProcessGroup {
    child: Child,
    exit: Option<ProcessExit>,
    complaints: Arc<Mutex<Vec<u8>>>,
}

impl Host {
    /// Starts a program in a group of its own, without input; what it says on stderr is kept, the last
    /// of it.
    pub fn spawn_group(&self, call: &CommandSpec) -> io::Result<ProcessGroup> {
        let mut command = call.command(self);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut group = ProcessGroup {
            child: command.spawn()?,
            exit: None,
            complaints: Arc::default(),
        };
        if let Some(stderr) = group.child.stderr.take() {
            let kept = group.complaints.clone();
            std::thread::Builder::new().spawn(move || keep_last(stderr, &kept))?;
        }
        Ok(group)
    }
}

impl ProcessGroup {
    /// The process that was started; its group has the same number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, once it has.
    pub fn poll_exit(&mut self) -> Option<ProcessExit> {
        if self.exit.is_none() {
            self.exit = self.child.try_wait().ok().flatten().map(exit_of);
            // What a program that crashed left running goes with it.
            #[cfg(unix)]
            if self.exit.is_some() {
                system::signal_group(self.pid());
            }
        }
        self.exit
    }

    /// Asks it to end. Where the system knows no such wish it is killed.
    pub fn terminate(&mut self) {
        if self.poll_exit().is_some() {
            return;
        }
        #[cfg(unix)]
        system::signal(self.pid(), system::Wish::End);
        #[cfg(not(unix))]
        let _ = self.child.kill();
    }

    /// Kills it and its children.
    pub fn kill(&mut self) {
        // The children first: once the leader is waited for, the number of the group may be another's.
        if self.poll_exit().is_none() {
            #[cfg(unix)]
            system::signal_group(self.pid());
            let _ = self.child.kill();
            self.exit = self.child.wait().ok().map(exit_of);
        }
    }

    /// The last of what it complained about, as text.
    pub fn stderr_tail(&self) -> String {
        let kept = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}

fn exit_of(status: std::process::ExitStatus) -> ProcessExit {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None;
    ProcessExit {
        code: status.code(),
        signal,
    }
}

fn keep_last(mut stream: impl io::Read, kept: &Mutex<Vec<u8>>) {
    let mut piece = [0; 4096];
    // Read to its end in any case, so that the program is not blocked by a full pipe.
    while let Ok(len @ 1..) = stream.read(&mut piece) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&piece[..len]);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }
}

/// When a process started, in the system's own unit: with its number it names a process for good.
/// `None` where there is none, or the system does not tell. A process whose first thread has ended runs
/// on, and keeps its sockets, for as long as another of its threads does.
pub fn start_time(pid: u32) -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        let stat = super::read::text(&Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
        start_in(&stat)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (pid, Path::new(""));
        None
    }
}

/// The start of a running process, in its line of `/proc/PID/stat`.
#[cfg(target_os = "linux")]
fn start_in(stat: &str) -> Option<u64> {
    let fields = fields(stat)?;
    runs(&fields)?.then(|| fields.get(19)?.parse().ok())?
}

/// Whether a process has begun to end, by its line of `/proc/PID/stat`, and may still hold what nobody can
/// see it holding: its files are taken from it before they are closed.
#[cfg(target_os = "linux")]
pub(super) fn ends_in(stat: &str) -> bool {
    /// `PF_EXITING` of the kernel.
    const EXITING: u32 = 0x4;
    let ends = || {
        let fields = fields(stat)?;
        let flags: u32 = fields.get(6)?.parse().ok()?;
        Some(flags & EXITING != 0 && runs(&fields)?)
    };
    ends().unwrap_or(false)
}

/// What stands behind the name in a line of `/proc/PID/stat` (proc(5)): the state first, the flags as the
/// 7th field, the number of threads as the 18th, the start as the 20th. The name may hold anything.
#[cfg(target_os = "linux")]
fn fields(stat: &str) -> Option<Vec<&str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace().collect())
}

/// Whether any thread of the process is left.
#[cfg(target_os = "linux")]
fn runs(fields: &[&str]) -> Option<bool> {
    let threads: u32 = fields.get(17)?.parse().ok()?;
    Some(*fields.first()? != "Z" || threads > 1)
}

/// Whether there is such a process, one of this user or of another.
pub fn is_alive(pid: u32) -> bool {
    #[cfg(target_os = "linux")]
    return start_time(pid).is_some();
    #[cfg(all(unix, not(target_os = "linux")))]
    return system::exists(pid);
    #[cfg(not(unix))]
    {
        let _ = pid;
        false
    }
}

/// The short name of a process.
pub fn process_name(pid: u32) -> Option<String> {
    let name = super::read::text(&Path::new("/proc").join(pid.to_string()).join("comm")).ok()?;
    Some(name.trim().to_owned())
}

/// Asks a process that this program did not start to end (`hard`: kills it and its group).
pub fn end(pid: u32, hard: bool) {
    #[cfg(unix)]
    if hard {
        system::signal_group(pid);
        system::signal(pid, system::Wish::Kill);
    } else {
        system::signal(pid, system::Wish::End);
    }
    #[cfg(not(unix))]
    let _ = (pid, hard);
}

/// Kills what a process that has ended left in the group that it led.
pub fn kill_group(leader: u32) {
    #[cfg(unix)]
    system::signal_group(leader);
    #[cfg(not(unix))]
    let _ = leader;
}

/// Whether this program runs as root.
pub fn is_root() -> bool {
    #[cfg(unix)]
    return rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    false
}

/// The name of this machine, as locks of programs hold it.
pub fn machine() -> Option<String> {
    super::system::name()
}

/// Whether the process belongs to the group that this process leads.
pub fn is_in_group(pid: u32, leader: u32) -> bool {
    if pid == leader {
        return true;
    }
    #[cfg(unix)]
    return system::group_of(pid) == Some(leader);
    #[cfg(not(unix))]
    false
}

#[cfg(unix)]
mod system {
    #[cfg(not(target_os = "linux"))]
    use rustix::process::test_kill_process;
    use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};

    #[derive(Clone, Copy)]
    pub(super) enum Wish {
        End,
        Kill,
    }

    fn pid(number: u32) -> Option<Pid> {
        Pid::from_raw(i32::try_from(number).ok()?)
    }

    pub(super) fn signal(number: u32, wish: Wish) {
        let signal = match wish {
            Wish::End => Signal::TERM,
            Wish::Kill => Signal::KILL,
        };
        // It may have ended meanwhile: then what was wished is done.
        let _ = pid(number).map(|pid| kill_process(pid, signal));
    }

    pub(super) fn signal_group(leader: u32) {
        let _ = pid(leader).map(|pid| kill_process_group(pid, Signal::KILL));
    }

    pub(super) fn group_of(number: u32) -> Option<u32> {
        let group = getpgid(Some(pid(number)?)).ok()?;
        u32::try_from(group.as_raw_nonzero().get()).ok()
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn exists(number: u32) -> bool {
        pid(number).is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn wait_for(mut done: impl FnMut() -> bool) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !done() {
            assert!(
                std::time::Instant::now() < deadline,
                "it did not come to be in time"
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    #[test]
    fn a_group_ends_with_its_children_and_says_what_it_complained_about() {
        let host = Host::with(&[], [("PATH", "/usr/bin:/bin")]);
        let script = "sleep 600 & echo child $! >&2; wait";
        let mut group = host
            .spawn_group(&CommandSpec::new("/bin/sh", ["-c", script]))
            .unwrap();
        wait_for(|| group.stderr_tail().contains('\n'));
        let child = group
            .stderr_tail()
            .trim()
            .trim_start_matches("child ")
            .parse()
            .unwrap();
        assert!(is_alive(child) && is_in_group(child, group.pid()));
        assert!(!is_in_group(std::process::id(), group.pid()));
        assert_eq!(group.poll_exit(), None);
        drop(group);
        wait_for(|| !is_alive(child));
    }

    #[test]
    fn how_it_ended_is_told() {
        let host = Host::with(&[], [("", ""); 0]);
        let mut group = host
            .spawn_group(&CommandSpec::new("/bin/sh", ["-c", "kill -9 $$"]))
            .unwrap();
        wait_for(|| group.poll_exit().is_some());
        let signal = group.poll_exit().and_then(|exit| exit.signal);
        assert_eq!(signal, Some(9));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_known_by_number_and_start() {
        let own = std::process::id();
        assert!(start_time(own).is_some() && start_time(own) == start_time(own));
        assert_eq!(start_time(u32::MAX), None);
        assert!(process_name(own).is_some());
    }

    /// As Linux has it, of a process with an awkward name.
    #[cfg(target_os = "linux")]
    fn stat(state: &str, flags: u32, threads: u32) -> String {
        format!(
            "23491 (a) b) {state} 1 2 3 0 -1 {flags} 5 6 7 8 9 10 11 12 20 0 {threads} 0 2238604 0 0 18446"
        )
    }

    /// Its first thread ended while another held a listening socket.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_whose_first_thread_ended_still_runs() {
        let line = |state: &str, threads: u32| stat(state, 4, threads);
        assert_eq!(start_in(&line("S", 1)), Some(2_238_604));
        assert_eq!(start_in(&line("Z", 2)), Some(2_238_604));
        assert_eq!(start_in(&line("Z", 1)), None);
        assert_eq!(start_in("23491 (a"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_ends_is_known_until_nothing_is_left_of_it() {
        assert!(!ends_in(&stat("S", 0x0040_0000, 1)));
        assert!(ends_in(&stat("R", 0x0040_0004, 1)), "its files are being closed");
        assert!(ends_in(&stat("Z", 0x0040_000c, 2)), "its last threads end");
        assert!(
            !ends_in(&stat("Z", 0x0040_000c, 1)),
            "it only waits to be asked for"
        );
        assert!(!ends_in("23491 (a"));
    }
}
