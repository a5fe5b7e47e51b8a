//! `openclaw status --all`: reports the gateways of all instances on the host. Those that listen, and the managers of
//! services, are asked at the same time.

use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::args::AskArgs;

use super::document;
use super::outcome::probe_outcome;
use super::remote::{self, HostAnswer};
use super::service::{manager_document, state_msg};
use super::verdict::coloured_verdict;
use crate::cli::Context;
use crate::hosts::RemoteHost;
use crate::i18n::{duration_msg, msg};
use crate::instance::InstanceContext;
use crate::probe::{self, Probe, ProbeVerdict};
use crate::profile::ProfileName;
use crate::service::{self, ServiceStatus};
use crate::survey::{ConfigHealth, Survey, SurveyedInstance};
use crate::ui::{ReportOutcome, Table};

/// The probe of a gateway, and the state of its service where it has one.
type ProbedInstance = (Probe, Option<ServiceStatus>);

/// Interval at which the progress of `status --all` is drawn.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);

/// Runs `openclaw status --all`, on this host and on the remote hosts that are given.
pub(super) fn run(context: &Context<'_>, args: &AskArgs, hosts: &[RemoteHost]) -> ExitCode {
    let deadline = Instant::now() + args.timeout;
    let ssh = context.ssh();
    let (survey, probed, remote) = std::thread::scope(|scope| {
        let remote = remote::ask_all(scope, &ssh, hosts, args.timeout);
        let survey = context.survey();
        let probed = probe_all(context, &survey, deadline);
        (
            survey,
            probed,
            remote.into_iter().map(remote::Asked::join).collect::<Vec<_>>(),
        )
    });
    let found = || survey.instances.iter().zip(&probed);
    let outcome = remote::worst_outcome(worst_outcome(&probed), &remote);
    if context.ui.is_json() {
        let instances: Vec<_> = found()
            .map(|(found, probed)| instance_document(context, found, probed))
            .collect();
        let mut document = json!({});
        document["instances"] = instances.into();
        if !remote.is_empty() {
            document["hosts"] = remote.iter().map(|answer| answer.document(context)).collect();
        }
        context.ui.print_report(outcome, document);
    } else if survey.instances.is_empty() && remote.is_empty() {
        context.ui.print_line(&msg!("status.none"));
    } else {
        let mut sorted: Vec<_> = found().collect();
        sorted.sort_by_key(|(found, _)| found.reading_order());
        print_table(context, sorted.into_iter(), &remote);
    }
    outcome.exit_code()
}

/// Returns the outcome of the gateway with the worst verdict; `None` for a host without an instance.
fn worst_outcome(probed: &[ProbedInstance]) -> Option<ReportOutcome> {
    let all = probed.iter().map(|(probe, _)| probe);
    all.max_by_key(|probe| probe.verdict.class()).map(probe_outcome)
}

/// Probes the gateways of all instances and shows how many have answered. Where somebody is to be asked, a gateway or the
/// manager of a service, the instance has a thread of its own.
fn probe_all(context: &Context<'_>, survey: &Survey, deadline: Instant) -> Vec<ProbedInstance> {
    let (host, env) = (&context.host.with_deadline(deadline), &context.env);
    let count = survey.instances.len();
    let mut answers: Vec<ProbedInstance> = std::iter::repeat_with(ProbedInstance::default)
        .take(count)
        .collect();
    let progress = context.ui.probe_progress();
    let located = probe::locate_all(host, env, survey);
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for (at, (found, located)) in survey.instances.iter().zip(located).enumerate() {
            let must_wait = located.must_query() || found.service.is_some();
            let sender = sender.clone();
            let complete = move || {
                let instance = &probe::instance_of(env, found);
                let context = InstanceContext { host, env, instance };
                let probe = located.complete_briefly(context, deadline);
                let service = found.service.as_ref();
                let status = service.and_then(|_| service::status(context).ok());
                let _ = sender.send((at, (probe, status)));
            };
            if must_wait {
                scope.spawn(complete);
            } else {
                complete();
            }
        }
        let mut done = 0;
        while done < count {
            progress.update(done as u64, count as u64);
            match receiver.recv_timeout(PROGRESS_INTERVAL) {
                Ok((at, answer)) => {
                    answers[at] = answer;
                    done += 1;
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        progress.update(count as u64, count as u64);
    });
    answers
}

/// Returns an instance as a part of the JSON document of `status --all`.
fn instance_document(
    context: &Context<'_>,
    found: &SurveyedInstance,
    (probe, status): &ProbedInstance,
) -> serde_json::Value {
    let service = status.as_ref().map(manager_document);
    let mut document = document::status_document(
        context,
        probe,
        &probe::instance_of(&context.env, found),
        service.as_ref(),
    );
    document["label"] = found.label.as_str().into();
    document["profile"] = json!(found.profile.as_ref().map(ProfileName::as_str));
    document["message"] = context.ui.render(&probe.msg(&found.label)).into();
    document["serviceFile"] = json!(found.service);
    document
}

/// Prints the status table of all instances, and hints for those that are not healthy. Where there are remote hosts, the host
/// is the first column.
fn print_table<'a>(
    context: &Context<'_>,
    all: impl Iterator<Item = (&'a SurveyedInstance, &'a ProbedInstance)> + Clone,
    remote: &[HostAnswer<'_>],
) {
    let ui = &context.ui;
    let host_heading = (!remote.is_empty()).then(|| msg!("hosts.heading-host"));
    let headings = [
        msg!("status.profile"),
        msg!("status.state"),
        msg!("status.port"),
        msg!("status.pid"),
        msg!("status.engine"),
        msg!("status.since"),
        msg!("status.service"),
    ];
    let headings = host_heading.iter().chain(&headings);
    let mut table = Table::new(headings.map(|heading| ui.render(heading)).collect());
    let this_host = || host_heading.as_ref().map(|_| ui.render(&msg!("hosts.this")));
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    for (found, (probe, status)) in all.clone() {
        let running = probe.is_running();
        let up = probe
            .started
            .and_then(|at| context.host.now().duration_since(at).ok());
        let engine = [
            Some(probe.engine.name()),
            probe.version.as_deref().filter(|_| running),
        ];
        let cells = [
            found.label.clone(),
            coloured_verdict(ui, &probe.verdict),
            or_dash(probe.port.map(|port| port.to_string())),
            or_dash(probe.pid.filter(|_| running).map(|pid| pid.to_string())),
            engine.into_iter().flatten().collect::<Vec<_>>().join(" "),
            or_dash(up.filter(|_| running).map(|up| ui.render(&duration_msg(up)))),
            ui.render(&match (&found.service, status) {
                (None, _) => msg!("status.no"),
                (Some(_), Some(status)) => state_msg(&status.state),
                (Some(_), None) => msg!("status.yes"),
            }),
        ];
        table.add_row(this_host().into_iter().chain(cells).collect());
    }
    for answer in remote {
        answer.add_rows(ui, &mut table);
    }
    ui.print(&table.render(ui.width()));
    print_all_hints(context, all);
    for answer in remote {
        answer.print_hints(context);
    }
}

/// Prints the hints for each instance that needs them. Gateways that only do not run are counted in one line where they are
/// several.
fn print_all_hints<'a>(
    context: &Context<'_>,
    all: impl Iterator<Item = (&'a SurveyedInstance, &'a ProbedInstance)> + Clone,
) {
    let ui = &context.ui;
    let is_only_stopped = |probe: &Probe| {
        probe.verdict == ProbeVerdict::NotRunning
            && probe.remote_url.is_none()
            && matches!(probe.config, ConfigHealth::Ok)
            && probe.config_findings.is_empty()
    };
    let stopped = all
        .clone()
        .filter(|(_, (probe, _))| is_only_stopped(probe))
        .count();
    if stopped > 1 {
        ui.print_paragraph(&msg!("status.stopped", count = stopped));
    }
    for (found, (probe, _)) in all {
        let hints = probe.hints(&probe::instance_of(&context.env, found));
        let is_counted = stopped > 1 && is_only_stopped(probe);
        if is_counted || (probe.is_healthy() && hints.is_empty()) {
            continue;
        }
        ui.print_paragraph(&probe.msg(&found.label));
        for hint in &hints {
            ui.print_detail(hint);
        }
    }
}
