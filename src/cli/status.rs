//! `openclaw status` and `openclaw gateway status`: report the state of this instance's gateway, or of all gateways.
//!
//! The exit code is 0 for healthy, 1 for not running, and 3 for running but not healthy. With `--json` one document
//! ([`document`]); with `--all` one that holds `instances`.

use std::process::ExitCode;
use std::time::Instant;

use serde_json::json;

use self::service::ServiceReport;
use super::Context;
use crate::environment::abbreviate_home;
use crate::error::Result;
use crate::hosts::HostList;
use crate::i18n::{Msg, duration_msg, msg};
use crate::instance::InstanceContext;
use crate::ports::PortSource;
use crate::probe::{self, LastRun, Probe, ProbeVerdict, RunEnd, VerdictClass};
use crate::survey::{self, Survey};
use crate::text::sanitize;
use crate::ui::Fields;

mod agents;
mod all;
mod args;
pub(super) mod document;
mod outcome;
mod remote;
pub(super) mod service;
pub(super) mod verdict;

pub(super) use args::DEFAULT_TIMEOUT;
pub(crate) use args::{AskArgs, StatusArgs};
pub(super) use outcome::probe_outcome;

/// Runs `openclaw status`.
///
/// # Errors
/// Where `--hosts` is given and the list of remote hosts is broken.
pub(super) fn run(context: &Context<'_>, args: &StatusArgs) -> Result<ExitCode> {
    if !args.all {
        return Ok(report_instance(context, &args.ask));
    }
    let hosts = if args.hosts {
        HostList::read(&context.state_home())?.hosts
    } else {
        Vec::new()
    };
    Ok(all::run(context, &args.ask, &hosts))
}

/// Reports the state of this instance's gateway and service.
pub(super) fn report_instance(context: &Context<'_>, args: &AskArgs) -> ExitCode {
    let deadline = Instant::now() + args.timeout;
    let survey = context.survey_for_instance();
    let (service, probe) = probe_instance(context, &survey, deadline);
    let system_units = survey::find_system_units(context.host, &context.env, &context.instance.config_path);
    if context.ui.is_json() {
        let service = service.map(|service| service.document(context));
        let mut document = document::status_document(context, &probe, &context.instance, service.as_ref());
        document["systemUnits"] = json!(system_units);
        document["agents"] = agents::document(context, &probe);
        context.ui.print_report(probe_outcome(&probe), document);
    } else {
        print_status(context, &probe, service.as_ref());
        for unit in system_units {
            context
                .ui
                .print_detail(&msg!("status.system-unit", path = unit.display()));
        }
    }
    probe_outcome(&probe).exit_code()
}

/// Probes this instance's gateway and queries its service at the same time. Returns by `deadline`.
pub(super) fn probe_instance(
    context: &Context<'_>,
    survey: &Survey,
    deadline: Instant,
) -> (Option<ServiceReport>, Probe) {
    let (service, mut probe) = std::thread::scope(|scope| {
        let service = scope.spawn(|| query_service(context, survey, deadline));
        let probe = probe::probe_in_detail(context.instance_context(), survey, deadline);
        (service.join().ok().flatten(), probe)
    });
    if let Some(status) = service.as_ref().and_then(ServiceReport::status) {
        status.refine_verdict(&mut probe, context.host.now());
    }
    (service, probe)
}

/// Queries the service manager about a gateway's service where one is installed, within the time limit of the probe.
fn query_service(context: &Context<'_>, survey: &Survey, deadline: Instant) -> Option<ServiceReport> {
    let found = &survey.instances[survey.position(&context.instance.config_path)?];
    let host = context.host.with_deadline(deadline);
    let context = InstanceContext {
        host: &host,
        ..context.instance_context()
    };
    Some(ServiceReport::query(context, found.service.as_ref()?))
}

/// Prints the state of the gateway and of its service.
fn print_status(context: &Context<'_>, probe: &Probe, service: Option<&ServiceReport>) {
    let (ui, instance) = (&context.ui, &context.instance);
    print_headline(context, probe);
    let mut fields = Fields::default();
    let mut add = |label: Msg, value: String| fields.add(ui.render(&label), value);
    let source = ui.render(&source_msg(probe.port_source));
    let port = if probe.port == probe.configured_port {
        format!("{} ({source})", probe.port_number())
    } else {
        format!(
            "{} ({source}: {})",
            probe.port_number(),
            probe.configured_port_number()
        )
    };
    add(msg!("status.port"), port);
    if probe.is_running() {
        let engine = [Some(probe.engine.name()), probe.version.as_deref()];
        add(
            msg!("status.engine"),
            engine.into_iter().flatten().collect::<Vec<_>>().join(" "),
        );
        if let Some(pid) = probe.pid {
            add(msg!("status.pid"), pid.to_string());
        }
        if let Some(up) = probe
            .started
            .and_then(|at| context.host.now().duration_since(at).ok())
        {
            add(msg!("status.up"), ui.render(&duration_msg(up)));
        }
        if let Some(latency) = probe.latency {
            add(msg!("status.answer"), format!("{} ms", latency.as_millis()));
        }
    }
    if let Some(url) = &probe.remote_url {
        add(msg!("status.mode"), format!("remote ({url})"));
    }
    add(
        msg!("status.config"),
        abbreviate_home(&context.env.home, &instance.config_path),
    );
    add_channel_fields(context, probe, &mut fields);
    agents::add_fields(context, probe, &mut fields);
    add_watched_fields(context, probe, &mut fields);
    if let Some(service) = service {
        service.add_fields(context, &mut fields);
    }
    ui.print(&ui.render_fields(&fields));
    if !service.is_some_and(ServiceReport::gave_up) {
        print_last_run(context, probe);
    }
    if let Some(service) = service {
        service.print_details(context);
    }
    print_hints(context, probe);
}

/// Prints how the last run of a gateway ended, and the last line of its log.
fn print_last_run(context: &Context<'_>, probe: &Probe) {
    let Some(past) = &probe.last_run else {
        return;
    };
    context.ui.print_detail(&run_end_msg(past));
    if let Some(line) = &past.line {
        let text = format!("{} {}", line.time, line.message);
        context
            .ui
            .print_detail(&msg!("status.last-line", line = text.trim()));
    }
}

/// Prints the verdict about a gateway's state as a sentence.
pub(super) fn print_headline(context: &Context<'_>, probe: &Probe) {
    context.ui.print_hanging(0, 2, &headline(context, probe));
}

/// Returns the verdict about a gateway's state as a sentence behind its mark.
pub(super) fn headline(context: &Context<'_>, probe: &Probe) -> String {
    let sentence = context.ui.render(&probe.msg(context.instance.profile.as_str()));
    format!("{} {sentence}", status_mark(context, &probe.verdict))
}

/// Adds a field to the status for each account of a messaging channel, as the gateway reports it.
fn add_channel_fields(context: &Context<'_>, probe: &Probe, fields: &mut Fields) {
    for account in probe.channel_accounts() {
        let mut state = context.ui.render(&account.state_msg(true));
        if let Some(error) = account.last_error.as_ref().filter(|_| !account.is_connected()) {
            state = format!("{state}. {}", sanitize(error));
        }
        fields.add(context.ui.render(&account.name_msg()), state);
    }
}

/// Adds a field to the status for each gateway that this rescue gateway watches.
pub(super) fn add_watched_fields(context: &Context<'_>, probe: &Probe, fields: &mut Fields) {
    let watching = probe.health["watching"].as_array();
    for watched in watching.into_iter().flatten() {
        let text = sanitize(watched["text"].as_str().unwrap_or_default());
        fields.add(context.ui.render(&msg!("status.watching")), text);
    }
}

/// Prints why the gateway refused this program's credentials, and the hints of the gateway's probe.
pub(super) fn print_hints(context: &Context<'_>, probe: &Probe) {
    if let Some(error) = &probe.auth_error {
        context.ui.print_detail(&error.msg);
    }
    for hint in probe.hints(&context.instance) {
        context.ui.print_detail(&hint);
    }
}

/// Returns the sentence about how a gateway's last run ended.
fn run_end_msg(past: &LastRun) -> Msg {
    match (past.end, past.pid) {
        (RunEnd::Orderly, _) => msg!("status.ended-in-order"),
        (RunEnd::Killed, Some(pid)) => msg!("status.ended-killed", pid = pid),
        _ => msg!("status.ended-unknown"),
    }
}

/// Returns the sentence that says where the port of a gateway comes from.
fn source_msg(source: PortSource) -> Msg {
    match source {
        PortSource::Flag => msg!("status.from-flag"),
        PortSource::Environment => msg!("status.from-env"),
        PortSource::EnvFile => msg!("status.from-env-file"),
        PortSource::Config => msg!("status.from-config"),
        PortSource::Backup => msg!("status.from-backup"),
        PortSource::Service => msg!("status.from-service"),
        PortSource::Record => msg!("status.from-record"),
        PortSource::Default => msg!("status.from-default"),
    }
}

/// Returns the mark before a gateway's status, in the colour of the verdict. The sentence beside it says the same.
fn status_mark(context: &Context<'_>, verdict: &ProbeVerdict) -> String {
    let mark = if context.ui.ascii() || context.ui.plain() {
        "*"
    } else {
        "●"
    };
    let style = console::style(mark).force_styling(context.ui.colour());
    match verdict.class() {
        VerdictClass::Healthy => style.green(),
        VerdictClass::NotRunning => style.dim(),
        VerdictClass::Faulty => style.red(),
    }
    .to_string()
}
