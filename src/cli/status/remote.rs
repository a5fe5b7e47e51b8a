//! The gateways of remote hosts in `openclaw status --all --hosts`: asked while this host is probed, shown in the same table.

use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use super::service::state_msg;
use super::verdict::class_style;
use crate::cli::Context;
use crate::cli::hosts::print_fault;
use crate::error::ErrorKind;
use crate::hosts::{HostFault, RemoteGateway, RemoteHost, RemoteQuestion, SshClient, parse_gateways};
use crate::i18n::{Msg, duration_msg, msg};
use crate::probe::{VerdictClass, verdict_msg};
use crate::service::RunState;
use crate::ui::{ReportOutcome, Table, Ui};

/// Time that the `openclaw` on a remote host takes to start and to look around there, on top of its time limit.
const SURVEY_TIME: Duration = Duration::from_secs(2);

/// A remote host that is being asked for its gateways.
pub(super) struct Asked<'scope, 'h> {
    host: &'h RemoteHost,
    thread: ScopedJoinHandle<'scope, Result<Answer, HostFault>>,
}

/// The gateways of a remote host, and the document that they were read from.
type Answer = (Vec<RemoteGateway>, Value);

/// The answer of a remote host, or the fault in its place.
pub(super) struct HostAnswer<'h> {
    host: &'h RemoteHost,
    answer: Result<Answer, HostFault>,
}

/// Begins to ask remote hosts for their gateways, all at the same time. Each answers within `timeout`, the time of a connection
/// and [`SURVEY_TIME`], or is a fault.
pub(super) fn ask_all<'scope, 'env: 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    ssh: &'env SshClient<'env>,
    hosts: &'env [RemoteHost],
    timeout: Duration,
) -> Vec<Asked<'scope, 'env>> {
    let ask = move |host: &RemoteHost| {
        let millis = timeout.as_millis().to_string();
        let question = RemoteQuestion {
            words: &["status", "--all", "--timeout", &millis],
            input: &[],
            limit: timeout + SURVEY_TIME,
        };
        let mut document = ssh.ask(host, &question)?;
        Ok((parse_gateways(&document)?, document["instances"].take()))
    };
    let begin = |host| Asked {
        host,
        thread: scope.spawn(move || ask(host)),
    };
    hosts.iter().map(begin).collect()
}

impl<'h> Asked<'_, 'h> {
    /// Waits for the answer of a remote host.
    pub(super) fn join(self) -> HostAnswer<'h> {
        let answer = self.thread.join();
        HostAnswer {
            host: self.host,
            answer: answer.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        }
    }
}

/// Returns the worst outcome of this host and of the remote ones. A host that gives no answer is a failure, as a gateway that
/// does not run is; where nobody has an instance, that is the failure.
pub(super) fn worst_outcome(own: Option<ReportOutcome>, answers: &[HostAnswer<'_>]) -> ReportOutcome {
    let remote = answers.iter().flat_map(HostAnswer::outcomes);
    let worst = own.into_iter().chain(remote).max_by_key(|outcome| match outcome {
        ReportOutcome::Fine => 0,
        ReportOutcome::Problem(ErrorKind::Failure, _) => 1,
        ReportOutcome::Problem(..) => 2,
    });
    worst.unwrap_or(ReportOutcome::Problem(ErrorKind::Failure, "status.none"))
}

impl HostAnswer<'_> {
    /// Returns the outcome of each gateway on a remote host, or of the host where it gave no answer.
    fn outcomes(&self) -> Vec<ReportOutcome> {
        let outcome = |gateway: &RemoteGateway| match gateway.class().error_kind() {
            Some(kind) => ReportOutcome::Problem(kind, "hosts.gateway"),
            None => ReportOutcome::Fine,
        };
        match &self.answer {
            Ok((gateways, _)) => gateways.iter().map(outcome).collect(),
            Err(_) => vec![ReportOutcome::Problem(ErrorKind::Failure, "hosts.faults")],
        }
    }

    /// Returns the answer of a remote host as a part of the JSON document. `instances` are as that host reported them, with
    /// the texts made safe.
    pub(super) fn document(&self, context: &Context<'_>) -> Value {
        let fault = self.answer.as_ref().err();
        json!({
            "name": self.host.name.as_str(),
            "address": self.host.address.as_str(),
            "ok": fault.is_none(),
            "code": fault.map(HostFault::name),
            "message": fault.map(|fault| context.ui.render(&fault.msg(self.host))),
            "instances": self.answer.as_ref().map_or(&Value::Null, |(_, instances)| instances),
        })
    }

    /// Adds the gateways of a remote host to the status table; a host without one, or without an answer, has one row too.
    pub(super) fn add_rows(&self, ui: &Ui, table: &mut Table) {
        let host = || self.host.name.to_string();
        let only = |state: String| {
            let dash = || "-".to_owned();
            vec![host(), dash(), state, dash(), dash(), dash(), dash(), dash()]
        };
        match &self.answer {
            Err(fault) => {
                let word = console::style(ui.render(&fault.short_msg())).red();
                table.add_row(only(word.force_styling(ui.colour()).to_string()));
            }
            Ok((gateways, _)) if gateways.is_empty() => {
                table.add_row(only(ui.render(&msg!("hosts.no-gateway"))));
            }
            Ok((gateways, _)) => gateways.iter().for_each(|gateway| {
                table.add_row([vec![host()], row(ui, gateway)].concat());
            }),
        }
    }

    /// Prints why a remote host gave no answer, or what there is to do about its gateways.
    pub(super) fn print_hints(&self, context: &Context<'_>) {
        let ui = &context.ui;
        match &self.answer {
            Err(fault) => print_fault(context, self.host, fault),
            Ok((gateways, _)) => {
                let bad = gateways
                    .iter()
                    .filter(|gateway| gateway.class() != VerdictClass::Healthy);
                for gateway in bad.filter(|gateway| !gateway.message.is_empty()) {
                    let host = &self.host.name;
                    ui.print_hanging(0, 0, &format!("{host}: {}", gateway.message));
                    if let Some(profile) = &gateway.profile {
                        ui.print_detail(&msg!("hosts.hint-repair", host = host, profile = profile));
                    }
                }
            }
        }
    }
}

/// Returns a row of the status table, without the host.
fn row(ui: &Ui, gateway: &RemoteGateway) -> Vec<String> {
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let word = verdict_msg(&gateway.verdict).unwrap_or_else(|| msg!("status.unhealthy"));
    let state = class_style(gateway.class())
        .force_styling(ui.colour())
        .apply_to(ui.render(&word));
    let service: Msg = match &gateway.service {
        None => msg!("status.no"),
        Some(name) => state_msg(&RunState::from_name(name)),
    };
    vec![
        gateway.label.clone(),
        state.to_string(),
        or_dash(gateway.port.map(|port| port.to_string())),
        or_dash(gateway.pid.map(|pid| pid.to_string())),
        gateway.engine.clone(),
        or_dash(gateway.uptime.map(|up| ui.render(&duration_msg(up)))),
        ui.render(&service),
    ]
}
