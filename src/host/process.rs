//! Starting other programs: the one place where this program does.
//!
//! A [`Call`] says everything about the program to be started, its environment included, so that nothing
//! is inherited by accident. A call that only asks something has a time limit: a tool that hangs (a bus
//! that does not answer, a password prompt) must never hang this program.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use super::{Host, read, system};

/// How often a running call is looked at.
const PAUSE: Duration = Duration::from_millis(5);
/// As much of each stream as is kept, in bytes.
const MAX_OUTPUT: u64 = 1024 * 1024;

/// A program to be started.
#[derive(Clone, Debug)]
pub struct CommandSpec {
    /// The program: a path, or a name to be found on the search path.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables that it gets, beside or instead of the inherited ones.
    pub env: Vec<(OsString, OsString)>,
    /// Inherited variables that it does not get.
    pub env_removed: Vec<OsString>,
    /// Whether it inherits the environment of this program.
    pub inherit_env: bool,
    /// Its working folder.
    pub cwd: Option<PathBuf>,
}

/// How a call ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandOutput {
    /// Its exit code; `None` where a signal or the time limit ended it.
    pub code: Option<i32>,
    /// What it said, as text; bytes that are none are replaced.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    /// Whether the time limit ended it.
    pub timed_out: bool,
}

impl CommandSpec {
    /// A program with these arguments, in the environment of this one.
    pub fn new<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = S>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: args.into_iter().map(|arg| arg.as_ref().to_owned()).collect(),
            env: Vec::new(),
            env_removed: Vec::new(),
            inherit_env: true,
            cwd: None,
        }
    }

    /// With this variable set.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// The same in a unit of its own where this process is part of a service of systemd, which ends all that
    /// its service ever started. For where the user's manager can be asked.
    #[must_use]
    pub fn in_own_scope(mut self, host: &Host) -> Self {
        let groups = read::text(Path::new("/proc/self/cgroup")).unwrap_or_default();
        let inside = groups.lines().any(|line| line.ends_with(".service"));
        let Some(runner) = host.find_program("systemd-run").filter(|_| inside) else {
            return self;
        };
        let program = std::mem::replace(&mut self.program, runner.into());
        let options = ["--user", "--scope", "--quiet", "--collect", "--"].map(OsString::from);
        self.args.splice(0..0, options.into_iter().chain([program]));
        self
    }

    /// The command, its environment taken from `host` and not from the process.
    pub(super) fn command(&self, host: &Host) -> Command {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that starts programs"
        )]
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear();
        if self.inherit_env {
            let inherited = host.vars.iter();
            command.envs(inherited.filter(|(name, _)| !self.env_removed.contains(name)));
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        command
    }
}

impl Host {
    /// Runs a program to its end, without input, for at most `limit`, nor longer than [`Host::with_deadline`] says;
    /// then it is killed.
    /// Fails where it can't be started.
    pub fn run(&self, call: &CommandSpec, limit: Duration) -> io::Result<CommandOutput> {
        let deadline = Instant::now() + limit;
        let deadline = self.deadline.map_or(deadline, |end| end.min(deadline));
        let mut command = call.command(self);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        let (code, timed_out) = loop {
            if let Some(status) = child.try_wait()? {
                break (status.code(), false);
            }
            if Instant::now() >= deadline {
                child.kill()?;
                child.wait()?;
                break (None, true);
            }
            std::thread::sleep(PAUSE);
        };
        // What a killed program's own children still hold open is not waited for.
        let text = |reader: std::thread::JoinHandle<Vec<u8>>| {
            while !timed_out && !reader.is_finished() && Instant::now() < deadline {
                std::thread::sleep(PAUSE);
            }
            if reader.is_finished() {
                String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
            } else {
                String::new()
            }
        };
        Ok(CommandOutput {
            code,
            stdout: text(stdout),
            stderr: text(stderr),
            timed_out,
        })
    }

    /// Starts a program that goes on beside this one, without input and output.
    pub fn spawn(&self, call: &CommandSpec) -> io::Result<Child> {
        let mut command = call.command(self);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn()
    }

    /// Starts a program that goes on by itself, whatever becomes of this one and its terminal.
    pub fn spawn_detached(&self, call: &CommandSpec) -> io::Result<Child> {
        let mut command = call.command(self);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // Not in the group of this terminal, whose Ctrl-C would end it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn()
    }

    /// Runs a program in this one's place, with its terminal: on Unix this process becomes it, so that
    /// signals reach it and its exit code is kept. Comes back on Unix only where it can't be started.
    pub fn exec(&self, call: &CommandSpec) -> io::Result<ExitCode> {
        system::become_program(call.command(self))
    }

    /// Whether the system starts this file itself, without an interpreter that somebody has to name.
    pub fn is_executable(&self, path: &Path) -> bool {
        system::can_start(path)
    }

    /// Where a program is on the search path of this environment.
    pub fn find_program(&self, name: &str) -> Option<PathBuf> {
        let folders = self.var("PATH")?.split(if cfg!(windows) { ';' } else { ':' });
        folders
            .map(|folder| PathBuf::from(folder).join(name))
            .find(|path| path.is_absolute() && path.is_file())
    }
}

fn collect(stream: Option<impl io::Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let kept = (&mut stream).take(MAX_OUTPUT).read_to_end(&mut bytes);
            // The rest is read and dropped, so that the program is not blocked by a full pipe.
            let _ = kept.and_then(|_| io::copy(&mut stream, &mut io::sink()));
        }
        bytes
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sh(script: &str) -> CommandSpec {
        CommandSpec::new("/bin/sh", ["-c", script])
    }

    #[test]
    fn a_program_is_run_to_its_end_in_the_environment_of_the_host() {
        let host = Host::with(&[], [("INHERITED", "a"), ("SECRET", "b")]);
        let mut call = sh("echo $INHERITED$SECRET$OWN; echo no >&2; exit 3").env("OWN", "c");
        call.env_removed = vec!["SECRET".into()];
        let ended = host.run(&call, Duration::from_secs(30)).unwrap();
        assert_eq!(
            (ended.code, ended.stdout.as_str(), ended.stderr.as_str()),
            (Some(3), "ac\n", "no\n")
        );
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let host = Host::with(&[], [("", ""); 0]);
        let ended = host
            .run(&sh("sleep 600 & sleep 600"), Duration::from_millis(50))
            .unwrap();
        assert!(ended.timed_out);
        assert_eq!(ended.code, None);
    }

    #[test]
    fn nothing_goes_on_after_the_time_of_the_host() {
        let host = Host::with(&[], [("", ""); 0]).with_deadline(Instant::now());
        let ended = host.run(&sh("sleep 600"), Duration::from_mins(10)).unwrap();
        assert!(ended.timed_out);
    }
}
