//! Starts other programs, which only the modules of [`crate::host`] do (`clippy.toml`).
//!
//! A [`CommandSpec`] describes the program completely, its environment included, so that nothing is inherited by
//! accident. A program whose output is waited for has a time limit: a tool that hangs (a bus that does not answer, a
//! password prompt) must never block this program.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Host, read, system};

/// Time between two checks whether a program that was started has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// Maximum number of bytes that are kept of each output stream of a program that was started, from its start.
const MAX_OUTPUT_BYTES: u64 = 1024 * 1024;

/// The description of a program to be started.
#[derive(Clone, Debug)]
pub(crate) struct CommandSpec {
    /// The program: a path, or a name that is searched for on the search path.
    pub program: OsString,
    /// The arguments, without the program's name.
    pub args: Vec<OsString>,
    /// The variables that are set in addition to, or in place of, the inherited ones.
    pub env: Vec<(OsString, OsString)>,
    /// The names of the variables that are not inherited.
    pub env_removed: Vec<OsString>,
    /// `true` if the program inherits the environment of the host.
    pub inherit_env: bool,
    /// The working folder; `None` for that of this program.
    pub cwd: Option<PathBuf>,
    /// The bytes on its standard input where [`Host::run`] starts it.
    pub input: Vec<u8>,
    /// Number of bytes on its standard output with which [`Host::run`] ends the program; `None` for a program that may write
    /// as much as it likes, of which the first mebibyte is kept.
    pub output_limit: Option<u64>,
}

/// The exit code and the output of a program that has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CommandOutput {
    /// The exit code; `None` where a signal or the time limit ended the program.
    pub code: Option<i32>,
    /// The text on stdout, with bytes that are not UTF-8 replaced.
    pub stdout: String,
    /// The text on stderr, with bytes that are not UTF-8 replaced.
    pub stderr: String,
    /// `true` if the time limit ended the program.
    pub timed_out: bool,
    /// `true` if the program was ended because it wrote more than [`CommandSpec::output_limit`].
    pub overflowed: bool,
}

impl CommandSpec {
    /// Creates the description of a program to be started, from the program and its arguments, with the environment
    /// of the host.
    pub(crate) fn new<S: AsRef<OsStr>>(
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: args.into_iter().map(|arg| arg.as_ref().to_owned()).collect(),
            env: Vec::new(),
            env_removed: Vec::new(),
            inherit_env: true,
            cwd: None,
            input: Vec::new(),
            output_limit: None,
        }
    }

    /// Sets an environment variable of a program that is to be started.
    #[must_use]
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Lets a program be started in a scope of the user's systemd where this process is part of a systemd service: at
    /// the end of a service, systemd kills everything that the service started. For callers that can reach the user's
    /// manager.
    #[must_use]
    pub(crate) fn in_own_scope(mut self, host: &Host) -> Self {
        let groups = read::text(Path::new("/proc/self/cgroup")).unwrap_or_default();
        let is_service = groups.lines().any(|line| line.ends_with(".service"));
        let Some(runner) = host.find_program("systemd-run").filter(|_| is_service) else {
            return self;
        };
        let program = std::mem::replace(&mut self.program, runner.into());
        let options = ["--user", "--scope", "--quiet", "--collect", "--"].map(OsString::from);
        self.args.splice(0..0, options.into_iter().chain([program]));
        self
    }

    /// Converts the description of a program to a command of the standard library, with the environment of `host` and
    /// not of this process.
    pub(super) fn to_command(&self, host: &Host) -> Command {
        #[expect(clippy::disallowed_methods, reason = "programs are started here")]
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
    /// Runs a program with the input of its description, waits for its end, and returns its output. After `limit`, at the
    /// deadline of [`Host::with_deadline`], or where it writes too much, it is killed together with the programs that it
    /// started (on Windows, without them).
    ///
    /// # Errors
    /// When the program can't be started.
    pub(crate) fn run(&self, spec: &CommandSpec, limit: Duration) -> io::Result<CommandOutput> {
        let deadline = Instant::now() + limit;
        let deadline = self.deadline.map_or(deadline, |end| end.min(deadline));
        let mut command = spec.to_command(self);
        let has_input = !spec.input.is_empty();
        command
            .stdin(if has_input { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        system::set_own_group(&mut command);
        let mut child = command.spawn()?;
        write_in_thread(child.stdin.take(), &spec.input);
        let is_full = Arc::new(AtomicBool::new(false));
        let limit = spec.output_limit.map(|bytes| (bytes, is_full.clone()));
        let stdout = read_in_thread(child.stdout.take(), limit);
        let stderr = read_in_thread(child.stderr.take(), None);
        let (code, timed_out) = loop {
            if let Some(status) = child.try_wait()? {
                break (status.code(), false);
            }
            if Instant::now() >= deadline || is_full.load(Ordering::Relaxed) {
                // The children first: once the leader is waited for, the id of the group may be another's.
                system::kill_group(child.id());
                child.kill()?;
                child.wait()?;
                break (None, true);
            }
            std::thread::sleep(POLL_INTERVAL);
        };
        // A stream may be held open by a child that runs on: it is read until the deadline only.
        let text = |reader: JoinHandle<Vec<u8>>| {
            while !timed_out && !reader.is_finished() && Instant::now() < deadline {
                std::thread::sleep(POLL_INTERVAL);
            }
            if reader.is_finished() {
                String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
            } else {
                String::new()
            }
        };
        let overflowed = is_full.load(Ordering::Relaxed);
        Ok(CommandOutput {
            code,
            stdout: text(stdout),
            stderr: text(stderr),
            timed_out: timed_out && !overflowed,
            overflowed,
        })
    }

    /// Runs a program without input, waits for its end, and returns its output, as [`Self::run`] does. Each line that it
    /// writes on stderr is passed to `line` meanwhile. It belongs to the process group of this program, so that a Ctrl-C in
    /// the terminal ends both.
    ///
    /// # Errors
    /// When the program can't be started.
    pub(crate) fn run_with_lines(
        &self,
        spec: &CommandSpec,
        limit: Duration,
        line: &mut dyn FnMut(&str),
    ) -> io::Result<CommandOutput> {
        let deadline = Instant::now() + limit;
        let mut command = spec.to_command(self);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let stdout = read_in_thread(child.stdout.take(), None);
        let (sender, lines) = mpsc::channel();
        let stderr = child.stderr.take();
        std::thread::spawn(move || {
            let text = stderr
                .into_iter()
                .flat_map(|stream| BufReader::new(stream).split(b'\n'));
            for bytes in text.map_while(Result::ok) {
                let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
            }
        });
        let mut output = CommandOutput::default();
        loop {
            match lines.recv_timeout(POLL_INTERVAL) {
                Ok(text) => {
                    line(&text);
                    if output.stderr.len() as u64 <= MAX_OUTPUT_BYTES {
                        output.stderr.push_str(&text);
                        output.stderr.push('\n');
                    }
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
                Err(RecvTimeoutError::Timeout) => {
                    child.kill()?;
                    output.timed_out = true;
                    break;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        output.code = child.wait()?.code().filter(|_| !output.timed_out);
        if !output.timed_out {
            output.stdout = String::from_utf8_lossy(&stdout.join().unwrap_or_default()).into_owned();
        }
        Ok(output)
    }

    /// Runs a program that has the terminal to itself, such as an editor, and waits for its end. Returns its exit code;
    /// `None` where a signal ended it.
    ///
    /// # Errors
    /// When the program can't be started.
    pub(crate) fn run_in_foreground(&self, spec: &CommandSpec) -> io::Result<Option<i32>> {
        Ok(spec.to_command(self).status()?.code())
    }

    /// Runs a program that has the terminal to itself but for its input, such as a pager, and waits for its end. Returns
    /// its exit code; `None` where a signal ended it.
    ///
    /// # Errors
    /// When the program can't be started. A program that does not read all of its input is no error.
    pub(crate) fn run_in_foreground_with_input(
        &self,
        spec: &CommandSpec,
        input: &[u8],
    ) -> io::Result<Option<i32>> {
        let mut child = spec.to_command(self).stdin(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(input);
        }
        Ok(child.wait()?.code())
    }

    /// Starts a program whose three standard streams are pipes to this one. A Ctrl-C in the terminal does not reach it.
    ///
    /// # Errors
    /// When the program can't be started.
    pub(crate) fn spawn_piped(&self, spec: &CommandSpec) -> io::Result<Child> {
        let mut command = spec.to_command(self);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        system::set_own_group(&mut command);
        command.spawn()
    }

    /// Starts a program without input and output, and does not wait for its end.
    ///
    /// # Errors
    /// When the program can't be started.
    pub(crate) fn spawn(&self, spec: &CommandSpec) -> io::Result<Child> {
        silent_command(self, spec).spawn()
    }

    /// Starts a program without input and output that runs on after this program has ended: a Ctrl-C in the terminal
    /// does not reach its process group.
    ///
    /// # Errors
    /// When the program can't be started.
    pub(crate) fn spawn_detached(&self, spec: &CommandSpec) -> io::Result<Child> {
        let mut command = silent_command(self, spec);
        system::set_own_group(&mut command);
        command.spawn()
    }

    /// Replaces this process by a program, which keeps the terminal. On Unix the pid stays, so that signals reach the
    /// program and its exit code is kept; the function returns only where that failed. On Windows the program is
    /// started and waited for.
    ///
    /// # Errors
    /// When the program can't be started.
    pub(crate) fn exec(&self, spec: &CommandSpec) -> io::Result<ExitCode> {
        system::exec(spec.to_command(self))
    }

    /// Returns whether the system can start a file directly as a program, without an interpreter on the command line.
    pub(crate) fn is_executable(&self, path: &Path) -> bool {
        system::is_executable(path)
    }

    /// Returns the absolute folders of the search path (`PATH`), in order. Relative folders are skipped: they depend on
    /// the working folder of this program.
    pub(crate) fn search_path(&self) -> Vec<PathBuf> {
        let path = self.raw_var("PATH").unwrap_or_default();
        std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .collect()
    }

    /// Finds an executable by its name on the search path of this host. On Windows the extensions of `PATHEXT` are
    /// tried.
    pub(crate) fn find_program(&self, name: &str) -> Option<PathBuf> {
        let folders = std::env::join_paths(self.search_path()).ok()?;
        which::which_in(name, Some(folders), "/").ok()
    }
}

/// Returns the command with all standard streams connected to the null device.
fn silent_command(host: &Host, spec: &CommandSpec) -> Command {
    let mut command = spec.to_command(host);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Writes the input of a started program in a thread of its own, and closes it. A program that does not read all of it is no
/// error.
fn write_in_thread(stdin: Option<impl io::Write + Send + 'static>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        let input = input.to_vec();
        std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
    }
}

/// Reads an output stream of a started program to its end in a thread of its own and keeps the first
/// [`MAX_OUTPUT_BYTES`]. With a limit so many are kept, and where there is more the reading ends and the flag is set.
fn read_in_thread(
    stream: Option<impl io::Read + Send + 'static>,
    limit: Option<(u64, Arc<AtomicBool>)>,
) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            if let Some((limit, is_full)) = limit {
                let _ = (&mut stream).take(limit + 1).read_to_end(&mut bytes);
                is_full.store(bytes.len() as u64 > limit, Ordering::Relaxed);
                return bytes;
            }
            let kept = (&mut stream).take(MAX_OUTPUT_BYTES).read_to_end(&mut bytes);
            // The rest is read and dropped, so that the program is not blocked by a full pipe.
            let _ = kept.and_then(|_| io::copy(&mut stream, &mut io::sink()));
        }
        bytes
    })
}

#[cfg(all(test, unix))]
#[expect(clippy::disallowed_methods, reason = "the tests make their own files")]
mod tests {
    use super::*;

    fn sh(script: &str) -> CommandSpec {
        CommandSpec::new("/bin/sh", ["-c", script])
    }

    #[test]
    fn program_runs_to_its_end_in_the_environment_of_the_host() {
        let host = Host::fixed(&[], [("INHERITED", "a"), ("SECRET", "b")]);
        let mut spec = sh("echo $INHERITED$SECRET$OWN; echo no >&2; exit 3").env("OWN", "c");
        spec.env_removed = vec!["SECRET".into()];
        let output = host.run(&spec, Duration::from_secs(30)).unwrap();
        assert_eq!(
            (output.code, output.stdout.as_str(), output.stderr.as_str()),
            (Some(3), "ac\n", "no\n")
        );
    }

    #[test]
    fn program_reads_its_input_and_is_killed_where_it_writes_too_much() {
        let host = Host::fixed(&[], [("PATH", "/usr/bin:/bin")]);
        let mut spec = sh("cat");
        spec.input = b"given".to_vec();
        spec.output_limit = Some(5);
        let output = host.run(&spec, Duration::from_secs(30)).unwrap();
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), "given"));
        let mut endless = sh("exec yes");
        endless.output_limit = Some(1000);
        let output = host.run(&endless, Duration::from_secs(30)).unwrap();
        assert!(output.overflowed && !output.timed_out && output.code.is_none());
        assert_eq!(output.stdout.len(), 1001);
    }

    #[test]
    fn lines_of_a_program_are_passed_on_and_kept() {
        let host = Host::fixed(&[], [("", ""); 0]);
        let mut lines = Vec::new();
        let spec = sh("echo out; echo one >&2; printf two >&2; exit 4");
        let output = host.run_with_lines(&spec, Duration::from_secs(30), &mut |line| {
            lines.push(line.to_owned());
        });
        let output = output.unwrap();
        assert_eq!(lines, ["one", "two"]);
        assert_eq!(
            (output.code, output.stdout.as_str(), output.stderr.as_str()),
            (Some(4), "out\n", "one\ntwo\n")
        );
        let output = host.run_with_lines(&sh("exec sleep 600"), Duration::from_millis(50), &mut |_| {});
        assert!(output.is_ok_and(|output| output.timed_out && output.code.is_none()));
    }

    #[test]
    fn program_beyond_its_time_limit_is_killed_with_its_children() {
        let host = Host::fixed(&[], [("", ""); 0]);
        let dir = tempfile::tempdir().unwrap();
        let pid_file = dir.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid_file.display());
        // On a busy machine the script may not come as far as to its second command at first.
        let child = [50, 500, 5000, 30_000].into_iter().find_map(|limit| {
            let output = host.run(&sh(&script), Duration::from_millis(limit)).unwrap();
            assert_eq!((output.timed_out, output.code), (true, None));
            read::text(&pid_file).ok()?.trim().parse::<u32>().ok()
        });
        let child = child.expect("the script wrote the pid of its child");
        let deadline = Instant::now() + Duration::from_secs(10);
        while super::super::pid::is_alive(child) {
            assert!(Instant::now() < deadline, "the child {child} outlived its parent");
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Creates a temporary folder with one empty file of a given name and mode, for tests.
    fn folder_with_file(name: impl AsRef<Path>, mode: u32) -> tempfile::TempDir {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = std::fs::File::options()
            .write(true)
            .create(true)
            .mode(mode)
            .open(&path)
            .unwrap();
        file.set_permissions(std::fs::Permissions::from_mode(mode))
            .unwrap();
        dir
    }

    #[test]
    fn file_that_is_not_executable_is_no_program() {
        let (text, program) = (folder_with_file("tool", 0o644), folder_with_file("tool", 0o755));
        let path = std::env::join_paths([text.path(), program.path()]).unwrap();
        let host = Host::fixed(&[], [("PATH", &path)]);
        assert_eq!(host.find_program("tool"), Some(program.path().join("tool")));
    }

    #[test]
    fn folder_of_the_search_path_need_not_be_unicode() {
        use std::os::unix::ffi::OsStrExt as _;
        let odd = OsStr::from_bytes(b"b\xe4r");
        let dir = folder_with_file(Path::new(odd).join("tool"), 0o755);
        let path = std::env::join_paths([Path::new("/nowhere"), &dir.path().join(odd)]).unwrap();
        let host = Host::fixed(&[], [("PATH", &path)]);
        assert_eq!(host.find_program("tool"), Some(dir.path().join(odd).join("tool")));
    }

    #[test]
    fn relative_folder_of_the_search_path_is_skipped() {
        let host = Host::fixed(&[], [("PATH", "bin:.:")]);
        assert_eq!(host.find_program("sh"), None);
    }

    #[test]
    fn program_is_killed_at_the_deadline_of_the_host() {
        let host = Host::fixed(&[], [("", ""); 0]).with_deadline(Instant::now());
        let output = host.run(&sh("sleep 600"), Duration::from_mins(10)).unwrap();
        assert!(output.timed_out);
    }
}
