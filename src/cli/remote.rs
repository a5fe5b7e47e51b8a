//! `openclaw --host NAME ...`: runs a command of this program on a remote host.
//!
//! The output there is shown here, line by line, without what could do anything to this terminal. Nobody is asked there,
//! because a remote host has no terminal of this person; the one question that matters, whether to repair, is asked here.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _};
use console::measure_text_width;
use serde_json::Value;

use super::rescue::{RepairArgs, RescueArgs, RescueCommand};
use super::{Cli, Command};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::global_options::GlobalOptions;
use crate::host::Host;
use crate::host::relay::{OutputStream, RelayEnd};
use crate::hosts::{HostFault, HostList, HostName, RemoteHost, RemoteQuestion, SshClient, this_host_name};
use crate::i18n::msg;
use crate::registry;
use crate::text::{escape_unsafe, replace_unsafe, sanitize_name};
use crate::ui::Ui;
use crate::wizard::terminal::Terminal;

/// Maximum number of bytes that a command on a remote host may write, but for `logs`, which may follow a log for days.
const MAX_OUTPUT_BYTES: usize = 16 * 1024 * 1024;
/// Maximum number of lines of a result that are kept, to be recognised in a second one: more than any diagnosis has.
const MAX_KEPT_LINES: usize = 1000;
/// Maximum number of bytes of the other output that are kept, from its start, to tell why `ssh` failed.
const MAX_COMPLAINT_BYTES: usize = 64 * 1024;
/// Time that a diagnosis on a remote host may take.
const DIAGNOSIS_TIMEOUT: Duration = Duration::from_secs(30);

/// A command of this program on a remote host.
struct RemoteRun<'a> {
    ui: Ui,
    system: &'a Host,
    ssh: SshClient<'a>,
    remote: &'a RemoteHost,
    /// The words that choose the instance there.
    profile: Vec<String>,
}

/// Runs a command of this program on the remote host with this name. Without a command its gateways are shown.
///
/// # Errors
/// Where there is no such host, it is not reached, or the person declines.
pub(crate) fn run(
    system: &Host,
    ui: Ui,
    options: &GlobalOptions,
    name: &str,
    words: &[OsString],
) -> Result<ExitCode> {
    let env = Environment::read(system)?;
    let state_home = registry::state_home(system, &env);
    let list = HostList::read(&state_home)?;
    let remote = list.find(&HostName::parse(name)?)?;
    let words = words.iter().map(|word| {
        let text = word.to_str().map(str::to_owned);
        text.ok_or_else(|| Error::usage(msg!("hosts.not-utf8", word = word.to_string_lossy())))
    });
    let mut words = words.collect::<Result<Vec<_>>>()?;
    if words.is_empty() {
        words = ["status", "--all"].map(str::to_owned).to_vec();
    }
    let words = with_this_host(system, words);
    let profile = options.profile.as_ref();
    let profile = profile.map(|profile| vec!["--profile".to_owned(), profile.to_string()]);
    let run = RemoteRun {
        ui,
        system,
        ssh: SshClient::find(system, &state_home, ui.lang()).with_columns(ui.width()),
        remote,
        profile: profile.unwrap_or_default(),
    };
    if let Some(repair) = repair_to_ask_about(&words)
        && system.terminal().can_ask()
    {
        return run.ask_and_repair(&repair, words);
    }
    Ok(run.relay(&words, &[])?.0)
}

/// Returns the words of a diagnosis or repair with the name of this host, so that any gateway there may be its target and the
/// history tells who repaired it; those of any other command as they are.
fn with_this_host(system: &Host, mut words: Vec<String>) -> Vec<String> {
    let subcommand = words.get(1).map(String::as_str);
    let is_other = matches!(subcommand, Some("watch" | "check" | "drill" | "history"));
    let has_name = words
        .iter()
        .any(|word| word == "--from" || word.starts_with("--from="));
    if words[0] == "rescue" && !is_other && !has_name {
        words.extend(["--from".to_owned(), this_host_name(system)]);
    }
    words
}

/// Returns the arguments of a repair that needs somebody's consent; `None` for any other command.
fn repair_to_ask_about(words: &[String]) -> Option<RepairArgs> {
    let line = std::iter::once("openclaw").chain(words.iter().map(String::as_str));
    let matches = Cli::command().try_get_matches_from(line).ok()?;
    let Command::Rescue(RescueArgs { command, repair }) = Cli::from_arg_matches(&matches).ok()?.command?
    else {
        return None;
    };
    let repair = match command {
        None => repair,
        Some(RescueCommand::Repair(repair)) => repair,
        Some(_) => return None,
    };
    (!repair.yes && !repair.json).then_some(repair)
}

impl RemoteRun<'_> {
    /// Runs a command on the remote host, and shows its output here, but for the first lines where they are those of `known`,
    /// which the person has seen. Returns the exit code, and the lines of its results where somebody may want to know them again.
    fn relay(&self, words: &[String], known: &[String]) -> Result<(ExitCode, Vec<String>)> {
        let is_endless = words.first().is_some_and(|word| word == "logs");
        let words: Vec<_> = self.profile.iter().chain(words).cloned().collect();
        let spec = self.ssh.command(self.remote, &words);
        let spec = spec.map_err(|fault| fault.to_error(self.remote))?;
        let has_input = !self.system.terminal().stdin;
        let (mut size, mut is_known) = (0, true);
        let (mut lines, mut complaint) = (Vec::new(), String::new());
        let end = self.system.relay(&spec, has_input, &mut |stream, line| {
            size += line.len() + 1;
            let line = if self.ui.is_json() {
                escape_unsafe(&line)
            } else {
                replace_unsafe(line)
            };
            let goes_on = match stream {
                OutputStream::Stdout => {
                    is_known = is_known && known.get(lines.len()) == Some(&line);
                    let goes_on = is_known || self.print(&line);
                    if lines.len() < MAX_KEPT_LINES {
                        lines.push(line);
                    }
                    goes_on
                }
                OutputStream::Stderr => {
                    self.ui.eprint_hanging("", 2, &line);
                    if complaint.len() < MAX_COMPLAINT_BYTES {
                        complaint.push_str(&line);
                        complaint.push('\n');
                    }
                    true
                }
            };
            goes_on && (is_endless || size <= MAX_OUTPUT_BYTES)
        });
        match end {
            Err(_) => Err(HostFault::NoSsh.to_error(self.remote)),
            Ok(RelayEnd::Stopped) if size > MAX_OUTPUT_BYTES => Err(HostFault::TooLong.to_error(self.remote)),
            Ok(RelayEnd::Stopped) => Ok((ExitCode::SUCCESS, lines)),
            Ok(RelayEnd::Exit(code)) => {
                if let Some(fault) = HostFault::of_exit(code, &complaint) {
                    return Err(fault.to_error(self.remote));
                }
                let code = code.and_then(|code| u8::try_from(code).ok());
                Ok((ExitCode::from(code.unwrap_or(1)), lines))
            }
        }
    }

    /// Prints a line of a result: on a terminal that is too narrow for it in several. Returns `false` where nobody reads it.
    fn print(&self, line: &str) -> bool {
        let is_too_wide = measure_text_width(line) > self.ui.width();
        if !self.system.terminal().stdout || !is_too_wide {
            return self.ui.try_print(line);
        }
        let text = line.trim_start();
        let indent = (line.len() - text.len()).min(self.ui.width() / 2);
        self.ui.print_hanging(indent, indent + 2, text);
        true
    }

    /// Shows the diagnosis of a gateway on the remote host, asks here for consent to the repair, and has it carried out there.
    fn ask_and_repair(&self, repair: &RepairArgs, mut words: Vec<String>) -> Result<ExitCode> {
        let diagnose = ["rescue", "diagnose"].map(str::to_owned).into_iter();
        let diagnose = with_this_host(self.system, diagnose.chain(repair.target.clone()).collect());
        let question: Vec<&str> = self.profile.iter().chain(&diagnose).map(String::as_str).collect();
        let document = self.ssh.ask(
            self.remote,
            &RemoteQuestion {
                words: &question,
                input: &[],
                limit: DIAGNOSIS_TIMEOUT,
            },
        );
        let document = document.map_err(|fault| fault.to_error(self.remote))?;
        let has_steps = document["steps"]
            .as_array()
            .is_some_and(|steps| !steps.is_empty());
        if document["healthy"] == Value::Bool(true) || !has_steps {
            return Ok(self.relay(&words, &[])?.0);
        }
        let (_, seen) = self.relay(&diagnose, &[])?;
        let name = document["target"].as_str().unwrap_or_default();
        let question = msg!(
            "hosts.ask-repair",
            profile = sanitize_name(name),
            host = self.remote.name
        );
        if !Terminal::new(self.ui).confirm(&question, Some(false))? {
            return Err(Error::failed(msg!("rescue.left", profile = sanitize_name(name))));
        }
        words.push("--yes".to_owned());
        Ok(self.relay(&words, &seen)?.0)
    }
}
