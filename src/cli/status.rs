//! `openclaw status`, `openclaw gateway status`: the truth about this instance's gateway, or about all.
//!
//! Exit 0 healthy, 1 not running, 3 running but not as it should be. With `--json` one document
//! ([`document`]); with `--all` one that holds `instances`.

use std::process::ExitCode;
use std::time::Instant;

use self::service::Service;
use super::Context;
use super::duration::duration;
use crate::environment::abbreviate_home;
use crate::i18n::{Msg, msg};
use crate::instance::InstanceContext;
use crate::ports::PortSource;
use crate::probe::{self, LastRun, Probe, ProbeVerdict, RunEnd, VerdictClass};
use crate::survey::Survey;
use crate::text::sanitize;
use crate::ui::Fields;

mod all;
mod args;
pub(super) mod document;
pub(super) mod service;

pub(crate) use args::{AskArgs, StatusArgs};

/// Carries the verb out.
pub(super) fn run(context: &Context<'_>, args: &StatusArgs) -> ExitCode {
    if args.all {
        all::run(context, &args.ask)
    } else {
        one(context, &args.ask)
    }
}

/// Tells of this instance.
pub(super) fn one(context: &Context<'_>, args: &AskArgs) -> ExitCode {
    let deadline = Instant::now() + args.timeout;
    let survey = context.survey();
    let (service, probe) = std::thread::scope(|scope| {
        let service = scope.spawn(|| service_of(context, &survey, deadline));
        let probe = probe::probe_in_detail(context.instance_context(), &survey, deadline);
        (service.join().ok().flatten(), probe)
    });
    if context.ui.is_json() {
        let service = service.map(|service| service.document(context));
        let document = document::of(context, &probe, &context.instance, service.as_ref());
        context.ui.print_json(&document);
    } else {
        tell(context, &probe, service.as_ref());
    }
    ExitCode::from(probe.verdict.class().exit_code())
}

/// The service, asked of its manager only where one is installed, and not for longer than the gateway.
fn service_of(context: &Context<'_>, survey: &Survey, deadline: Instant) -> Option<Service> {
    let found = &survey.instances[survey.position(&context.instance.config_path)?];
    let host = context.host.with_deadline(deadline);
    let context = InstanceContext {
        host: &host,
        ..context.instance_context()
    };
    Some(Service::look(context, found.service.as_ref()?))
}

fn tell(context: &Context<'_>, probe: &Probe, service: Option<&Service>) {
    let (ui, instance) = (&context.ui, &context.instance);
    headline(context, probe);
    let mut fields = Fields::default();
    let mut add = |label: Msg, value: String| fields.add(ui.render(&label), value);
    let source = ui.render(&describe_source(probe.port_source));
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
            add(msg!("status.up"), ui.render(&duration(up)));
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
    list_watched(context, probe, &mut fields);
    if let Some(service) = service {
        service.list(context, &mut fields);
    }
    ui.print(&fields.render(ui.width()));
    if let Some(past) = &probe.last_run
        && !service.is_some_and(Service::gave_up)
    {
        ui.print_detail(&ended(past));
        if let Some(line) = &past.line {
            let words = format!("{} {}", line.time, line.message);
            ui.print_detail(&msg!("status.last-line", line = words.trim()));
        }
    }
    if let Some(service) = service {
        service.tell(context);
    }
    advise(context, probe);
}

/// The verdict as a sentence.
pub(super) fn headline(context: &Context<'_>, probe: &Probe) {
    let sentence = context.ui.render(&probe.msg(context.instance.profile.as_str()));
    let line = format!("{} {sentence}", mark(context, &probe.verdict));
    context.ui.print_hanging(0, 2, &line);
}

/// What it says of those that it looks after.
pub(super) fn list_watched(context: &Context<'_>, probe: &Probe, fields: &mut Fields) {
    let watching = probe.health["watching"].as_array();
    for watched in watching.into_iter().flatten() {
        let text = sanitize(watched["text"].as_str().unwrap_or_default());
        fields.add(context.ui.render(&msg!("status.watching")), text);
    }
}

/// What keeps us from proving ourselves, and the ways out.
pub(super) fn advise(context: &Context<'_>, probe: &Probe) {
    if let Some(error) = &probe.auth_error {
        context.ui.print_detail(&error.msg);
    }
    for hint in probe.hints(&context.instance) {
        context.ui.print_detail(&hint);
    }
}

fn ended(past: &LastRun) -> Msg {
    match (past.end, past.pid) {
        (RunEnd::Orderly, _) => msg!("status.ended-in-order"),
        (RunEnd::Killed, Some(pid)) => msg!("status.ended-killed", pid = pid),
        _ => msg!("status.ended-unknown"),
    }
}

/// Describes where the port of a gateway comes from.
fn describe_source(source: PortSource) -> Msg {
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

/// A spot whose colour says how it is; the words beside it say the same.
fn mark(context: &Context<'_>, verdict: &ProbeVerdict) -> String {
    let spot = if context.ui.ascii() || context.ui.plain() {
        "*"
    } else {
        "●"
    };
    let style = console::style(spot).force_styling(context.ui.colour());
    match verdict.class() {
        VerdictClass::Healthy => style.green(),
        VerdictClass::NotRunning => style.dim(),
        VerdictClass::Faulty => style.red(),
    }
    .to_string()
}
