//! The commands that read the files, and the rules for how a run of one may end.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command as Process, Output, Stdio};

use super::files::Host;
use crate::support::gateway::wait_for;

/// Number of seconds after which a command counts as hung: a hundred times what any of them needs.
const TIME_LIMIT_SECONDS: &str = "30";
/// Base port of the instance that the commands work on.
const GATEWAY_PORT: u16 = 19_789;
/// Exit code of `timeout` for a command that did not end in time.
const TIMED_OUT: i32 = 124;
/// Exit code of a panic.
const PANICKED: i32 = 101;

/// Whether a command changes files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    Writes,
}

/// A command of the program.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) words: &'static [&'static str],
    pub(super) effect: Effect,
}

/// The end of a run: its exit code, with the text of both outputs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    code: i32,
    text: String,
}

const fn reads(words: &'static [&'static str]) -> Command {
    Command {
        words,
        effect: Effect::Reads,
    }
}

const fn writes(words: &'static [&'static str]) -> Command {
    Command {
        words,
        effect: Effect::Writes,
    }
}

/// Every command that reads files of an instance or of the host, and ends by itself.
pub(super) const COMMANDS: &[Command] = &[
    reads(&["--profile", "rescue", "status"]),
    reads(&["status", "--all", "--json"]),
    reads(&["profiles"]),
    reads(&["ports"]),
    reads(&["--profile", "rescue", "doctor"]),
    reads(&["doctor", "--all", "--json"]),
    reads(&["--profile", "rescue", "config", "get", "gateway.port"]),
    reads(&["--profile", "rescue", "config", "validate"]),
    reads(&["--profile", "rescue", "config", "restore", "--list"]),
    reads(&["--profile", "rescue", "logs"]),
    reads(&["--profile", "rescue", "gateway", "status"]),
    reads(&["--profile", "rescue", "browser", "profiles"]),
    reads(&["--profile", "rescue", "snapshot", "list"]),
    reads(&["--profile", "rescue", "dashboard", "--no-open"]),
    reads(&["rescue", "diagnose", "rescue"]),
    reads(&["rescue", "history"]),
    reads(&[
        "profiles",
        "import",
        "rescue.tar.gz",
        "--as",
        "third",
        "--dry-run",
    ]),
    reads(&[
        "onboard",
        "--answers",
        "answers.toml",
        "--non-interactive",
        "--accept-risk",
        "--dry-run",
    ]),
    writes(&["--profile", "rescue", "config", "set", "gateway.bind", "lan"]),
    writes(&["--profile", "rescue", "config", "unset", "agents.defaults"]),
    writes(&[
        "--profile",
        "rescue",
        "onboard",
        "--non-interactive",
        "--accept-risk",
    ]),
    writes(&[
        "--profile",
        "rescue",
        "onboard",
        "--non-interactive",
        "--accept-risk",
        "--reset",
    ]),
    writes(&["--profile", "rescue", "setup"]),
    writes(&["--profile", "third", "setup"]),
    writes(&["--profile", "rescue", "doctor", "--fix", "--yes"]),
    writes(&["--profile", "rescue", "snapshot", "create"]),
    writes(&["--profile", "rescue", "snapshot", "restore", "--yes"]),
    writes(&[
        "--profile",
        "rescue",
        "browser",
        "create-profile",
        "--name",
        "work",
    ]),
    writes(&["--profile", "rescue", "gateway", "install"]),
    writes(&["--profile", "rescue", "gateway", "uninstall"]),
    writes(&["profiles", "export", "rescue", "copy.tar.gz"]),
    writes(&["profiles", "import", "rescue.tar.gz", "--as", "third"]),
    writes(&["profiles", "remove", "rescue", "--yes"]),
    writes(&["--profile", "rescue", "gateway", "run"]),
    writes(&["rescue", "repair", "rescue", "--yes"]),
];

impl Command {
    /// Returns whether it is the purpose of the command to remove a file.
    pub(super) fn removes(&self, path: &Path) -> bool {
        self.words.ends_with(&["uninstall"]) && path.starts_with(".config/systemd")
    }

    /// Returns whether the command starts a gateway where nothing is wrong.
    pub(super) fn starts_gateway(&self) -> bool {
        self.words.contains(&"run") || self.words.contains(&"repair")
    }

    /// Runs the command, and ends what it leaves running.
    pub(super) fn run(&self, host: &Host, language: &str) -> Outcome {
        self.run_with(host, language, &[])
    }

    /// Runs the command as [`Self::run`] does, with further environment variables.
    pub(super) fn run_with(&self, host: &Host, language: &str, variables: &[(&str, &OsStr)]) -> Outcome {
        let command = host.sandbox.command::<&str>([]);
        let limit = ["timeout", "--kill-after=1", TIME_LIMIT_SECONDS];
        // A gateway that is started ends with its namespace.
        let namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
        let prefix: Vec<_> = namespace
            .iter()
            .filter(|_| self.starts_gateway())
            .chain(&limit)
            .collect();
        let mut run = Process::new(prefix[0]);
        run.args(&prefix[1..]).args(host.program()).args(self.words);
        let set = command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        run.env_clear().envs(set).env("OPENCLAW_LANG", language);
        run.envs(variables.iter().copied());
        run.current_dir(host.sandbox.home()).stdin(Stdio::null());
        let output = if self.words.ends_with(&["run"]) {
            output_until_listening(&mut run)
        } else {
            Some(run.output().expect("timeout"))
        };
        let Some(output) = output else {
            return Outcome {
                code: 0,
                text: String::new(),
            };
        };
        let text = [output.stdout, output.stderr].concat();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            text: String::from_utf8(text).expect("UTF-8"),
        }
    }
}

/// Runs a gateway until it ends or listens; `None` where it listens. Then it is killed.
fn output_until_listening(run: &mut Process) -> Option<Output> {
    let mut child = run
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare");
    let is_listening = wait_for("a gateway that listens or ends", || {
        let has_ended = child.try_wait().expect("a child").is_some();
        let is_listening = TcpStream::connect((Ipv4Addr::LOCALHOST, GATEWAY_PORT)).is_ok();
        (has_ended || is_listening).then_some(is_listening)
    });
    if is_listening {
        child.kill().expect("a child");
    }
    let output = child.wait_with_output().expect("a child");
    if is_listening {
        // Its pipes are closed before its sockets, on which the next run would be taken for one that listens.
        wait_for("the port of a killed gateway", || {
            let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, GATEWAY_PORT)).is_err();
            refused.then_some(())
        });
    }
    (!is_listening).then_some(output)
}

impl Outcome {
    /// Creates the end of a run with this exit code and text.
    pub(super) fn new(code: i32, text: String) -> Self {
        Self { code, text }
    }

    /// Returns the exit code.
    pub(super) fn code(&self) -> i32 {
        self.code
    }

    /// Returns whether the exit code is 0.
    pub(super) fn is_success(&self) -> bool {
        self.code == 0
    }

    /// Returns the text of both outputs.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns what is wrong with the end of a run whatever the input was; `None` where nothing is.
    pub(super) fn fault(&self) -> Option<String> {
        let fault = match self.code {
            TIMED_OUT => "it hung",
            PANICKED | -1 => "it crashed",
            _ if self.text.contains("panicked") => "it panicked",
            code if code != 0 && self.text.trim().is_empty() => "it failed without a word",
            _ => return None,
        };
        Some(format!("{fault}: {self:?}"))
    }
}
