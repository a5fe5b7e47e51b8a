//! Runs a child program in a process group of its own, so that it ends together with everything that it started.

use std::io;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use super::process::CommandSpec;
use super::{Host, system};
use crate::sync::lock;

/// Maximum number of bytes that are kept of a program's stderr, from its end.
const STDERR_TAIL_BYTES: usize = 8 * 1024;

/// The exit of a child program: its exit code, or the signal that ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcessExit {
    /// The exit code; `None` where a signal ended the program.
    pub code: Option<i32>,
    /// The number of the signal that ended the program, on systems with signals.
    pub signal: Option<i32>,
}

impl From<ExitStatus> for ProcessExit {
    fn from(status: ExitStatus) -> Self {
        Self {
            code: status.code(),
            signal: system::exit_signal(status),
        }
    }
}

/// A running child program and its children, in a process group of their own. Dropping the value kills them all.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    leader: Child,
    exit: Option<ProcessExit>,
    stderr: Arc<Mutex<Vec<u8>>>,
}

impl Host {
    /// Starts a program in a process group of its own, without input. Its stdout is dropped; the end of its
    /// stderr is kept ([`ProcessGroup::stderr_tail`]).
    ///
    /// # Errors
    /// When the program can't be started.
    pub(crate) fn spawn_group(&self, spec: &CommandSpec) -> io::Result<ProcessGroup> {
        let mut command = spec.to_command(self);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        system::set_own_group(&mut command);
        let mut group = ProcessGroup {
            leader: command.spawn()?,
            exit: None,
            stderr: Arc::default(),
        };
        if let Some(stderr) = group.leader.stderr.take() {
            let tail = group.stderr.clone();
            std::thread::Builder::new().spawn(move || keep_tail(stderr, &tail))?;
        }
        Ok(group)
    }
}

impl ProcessGroup {
    /// Returns the pid of the program that leads a process group, which is also the id of the group.
    pub(crate) fn pid(&self) -> u32 {
        self.leader.id()
    }

    /// Returns the exit of the program that leads a process group, or `None` while it runs. Once it has ended, kills
    /// the children that it left.
    pub(crate) fn poll_exit(&mut self) -> Option<ProcessExit> {
        if self.exit.is_none() {
            self.exit = self.leader.try_wait().ok().flatten().map(ProcessExit::from);
            if self.exit.is_some() {
                system::kill_group(self.pid());
            }
        }
        self.exit
    }

    /// Asks the program that leads a process group to end (SIGTERM). Kills it on systems without signals.
    pub(crate) fn terminate(&mut self) {
        if self.poll_exit().is_none() && !system::terminate(self.pid()) {
            let _ = self.leader.kill();
        }
    }

    /// Kills the program that leads a process group, and its children.
    pub(crate) fn kill(&mut self) {
        // The children first: once the leader is waited for, the id of the group may be another's.
        if self.poll_exit().is_none() {
            system::kill_group(self.pid());
            let _ = self.leader.kill();
            self.exit = self.leader.wait().ok().map(ProcessExit::from);
        }
    }

    /// Returns the end of a child program's stderr, at most [`STDERR_TAIL_BYTES`], as text.
    pub(crate) fn stderr_tail(&self) -> String {
        String::from_utf8_lossy(&lock(&self.stderr)).into_owned()
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads the stderr of a child program to its end, so that a full pipe does not block the program, and keeps the end
/// of it in `tail`.
fn keep_tail(mut stream: impl io::Read, tail: &Mutex<Vec<u8>>) {
    let mut chunk = [0; 4096];
    while let Ok(len @ 1..) = stream.read(&mut chunk) {
        let mut tail = lock(tail);
        tail.extend_from_slice(&chunk[..len]);
        let surplus = tail.len().saturating_sub(STDERR_TAIL_BYTES);
        tail.drain(..surplus);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::pid;
    use super::*;

    fn wait_until(mut done: impl FnMut() -> bool) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !done() {
            assert!(std::time::Instant::now() < deadline, "not done in time");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    #[test]
    fn drop_kills_the_children_and_stderr_is_kept_until_then() {
        let host = Host::fixed(&[], [("PATH", "/usr/bin:/bin")]);
        let script = "sleep 600 & echo child $! >&2; wait";
        let mut group = host
            .spawn_group(&CommandSpec::new("/bin/sh", ["-c", script]))
            .unwrap();
        wait_until(|| group.stderr_tail().contains('\n'));
        let stderr = group.stderr_tail();
        let child = stderr.trim().trim_start_matches("child ").parse().unwrap();
        assert!(pid::is_alive(child) && pid::is_in_group(child, group.pid()));
        assert!(!pid::is_in_group(std::process::id(), group.pid()));
        assert_eq!(group.poll_exit(), None);
        drop(group);
        wait_until(|| !pid::is_alive(child));
    }

    #[test]
    fn signal_that_ended_a_program_is_reported() {
        let host = Host::fixed(&[], [("", ""); 0]);
        let mut group = host
            .spawn_group(&CommandSpec::new("/bin/sh", ["-c", "kill -9 $$"]))
            .unwrap();
        wait_until(|| group.poll_exit().is_some());
        assert_eq!(group.poll_exit().and_then(|exit| exit.signal), Some(9));
    }
}
