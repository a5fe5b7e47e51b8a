//! Watching a gateway of a remote host: the `openclaw` there looks and repairs, and this one decides when. A thread for each, so
//! that a host that does not answer delays nobody.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::context::WatchContext;
use super::event::WatchEvent;
use super::state::{WatchAction, WatchState};
use crate::hosts::{HostFault, HostList, HostName, RemoteHost, RemoteQuestion, SshClient, this_host_name};
use crate::i18n::{Msg, msg};
use crate::probe::ProbeVerdict;
use crate::profile::ProfileName;
use crate::registry;
use crate::text::sanitize;

/// Time that the `openclaw` of a remote host has to look at one gateway.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// Time that a repair on a remote host may take: several starts of OpenClaw from npm.
const REPAIR_TIMEOUT: Duration = Duration::from_mins(15);

/// What a remote host says of one of its gateways.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RemoteState {
    Well,
    /// It is not well; with the reason.
    Unwell(Msg),
    /// A user stopped it.
    Stopped,
    /// It starts, ends, or is down for a drill: nothing is said or done about that.
    Between,
}

/// Watches a gateway of a remote host until the watcher is told to stop.
pub(super) fn watch(
    context: &WatchContext<'_>,
    profile: &ProfileName,
    host: &HostName,
    on_event: &dyn Fn(WatchEvent),
) {
    let state_home = registry::state_home(context.rescuer.host, context.rescuer.env);
    let ssh = SshClient::find(context.rescuer.host, &state_home, context.lang);
    let start = Instant::now();
    let mut state = WatchState::default();
    loop {
        match HostList::read(&state_home).and_then(|list| list.find(host).cloned()) {
            Ok(remote) => {
                let watched = Watched {
                    context,
                    ssh: &ssh,
                    remote: &remote,
                    profile,
                };
                watched.look_and_act(&mut state, start, on_event);
            }
            Err(error) if state != WatchState::Absent => {
                state = WatchState::Absent;
                on_event(WatchEvent::Absent(error.msg));
            }
            Err(_) => {}
        }
        if !context.stop.sleep(context.policy.interval) {
            return;
        }
    }
}

/// A gateway of a remote host that is being watched.
struct Watched<'w> {
    context: &'w WatchContext<'w>,
    ssh: &'w SshClient<'w>,
    remote: &'w RemoteHost,
    profile: &'w ProfileName,
}

impl Watched<'_> {
    /// Looks once, and reports the state of the gateway or has it repaired where that is due.
    fn look_and_act(&self, state: &mut WatchState, start: Instant, on_event: &dyn Fn(WatchEvent)) {
        let is_first = matches!(state, WatchState::Unknown | WatchState::Absent);
        let (verdict, why) = match self.look() {
            RemoteState::Well => (ProbeVerdict::Healthy, None),
            RemoteState::Unwell(why) => (ProbeVerdict::NotRunning, Some(why)),
            RemoteState::Between => return,
            RemoteState::Stopped => {
                if *state != WatchState::Stopped {
                    *state = WatchState::Stopped;
                    on_event(WatchEvent::Stopped);
                }
                return;
            }
        };
        let policy = self.context.policy;
        match state.update(start.elapsed(), &verdict, policy.patience) {
            WatchAction::Wait if is_first => on_event(WatchEvent::Watching),
            WatchAction::Wait => {}
            WatchAction::ReportRecovered => on_event(WatchEvent::Recovered),
            WatchAction::ReportLost => on_event(WatchEvent::Lost(why)),
            WatchAction::Repair if (self.context.is_paused)() => {}
            WatchAction::Repair => {
                on_event(WatchEvent::Repairing);
                let repaired = self.repair();
                state.update_after_repair(start.elapsed(), repaired.is_ok(), policy.rest);
                on_event(match repaired {
                    Ok(()) => WatchEvent::Repaired,
                    Err(why) => WatchEvent::InVain(Some(why)),
                });
            }
        }
    }

    /// Asks the remote host how the gateway is.
    fn look(&self) -> RemoteState {
        let words = ["--profile", self.profile.as_str(), "rescue", "check"];
        match self.ask(&words, LOOK_TIMEOUT) {
            Ok(document) => state_of(&document, self.remote),
            Err(fault) => RemoteState::Unwell(fault.msg(self.remote)),
        }
    }

    /// Has the gateway repaired by the remote host.
    ///
    /// # Errors
    /// The reason why it is not well.
    fn repair(&self) -> Result<(), Msg> {
        let this_host = this_host_name(self.context.rescuer.host);
        let words = [
            "rescue",
            "repair",
            self.profile.as_str(),
            "--yes",
            "--from",
            &this_host,
        ];
        let document = self
            .ask(&words, REPAIR_TIMEOUT)
            .map_err(|fault| fault.msg(self.remote))?;
        if document["healthy"] == Value::Bool(true) {
            return Ok(());
        }
        let cause = document["causes"][0]["message"].as_str();
        Err(said(self.remote, cause.or(document["message"].as_str())))
    }

    /// Asks the remote host, in a question whose answer may report a problem.
    fn ask(&self, words: &[&str], limit: Duration) -> Result<Value, HostFault> {
        self.ssh.ask(
            self.remote,
            &RemoteQuestion {
                words,
                input: &[],
                limit,
            },
        )
    }
}

/// Reads what a remote host says of a gateway from its answer to `rescue check --json`.
fn state_of(document: &Value, remote: &RemoteHost) -> RemoteState {
    match document["state"].as_str() {
        Some("recovered") => RemoteState::Well,
        Some("stopped") => RemoteState::Stopped,
        None if document.get("state").is_some_and(Value::is_null) => RemoteState::Between,
        _ => RemoteState::Unwell(said(remote, document["message"].as_str())),
    }
}

/// Returns the sentence that a remote host gave as the reason.
fn said(remote: &RemoteHost, sentence: Option<&str>) -> Msg {
    let what = sanitize(sentence.unwrap_or_default());
    msg!("hosts.said", host = remote.name, what = what)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::hosts::SshAddress;

    #[test]
    fn answer_to_a_look_is_read_and_an_unknown_one_is_no_good_sign() {
        let remote = RemoteHost {
            name: HostName::parse("box").unwrap(),
            address: SshAddress::parse("box").unwrap(),
            program: None,
        };
        let state = |document| state_of(&document, &remote);
        assert_eq!(state(json!({ "state": "recovered" })), RemoteState::Well);
        assert_eq!(state(json!({ "state": "stopped" })), RemoteState::Stopped);
        assert_eq!(state(json!({ "state": null })), RemoteState::Between);
        for odd in [
            json!({ "state": "lost", "message": "x" }),
            json!({ "state": 5 }),
            json!({ "message": "x" }),
        ] {
            assert!(matches!(state(odd), RemoteState::Unwell(_)));
        }
    }
}
