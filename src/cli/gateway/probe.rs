//! `openclaw gateway probe`: reports whether this instance's gateway can be reached, which process listens on its port, and
//! what the gateway reports about itself. The document has OpenClaw's keys (docs/openclaw.md#gateway-probe-document).

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::status::{self, AskArgs, document};
use crate::cli::Context;
use crate::i18n::{Msg, msg};
use crate::probe::{self, Probe};
use crate::text::sanitize;
use crate::time::{millis, unix_millis};
use crate::ui::Fields;

/// Runs `openclaw gateway probe`.
pub(super) fn run(context: &Context<'_>, args: &AskArgs) -> ExitCode {
    let since = Instant::now();
    let survey = context.survey_for_instance();
    let probe = probe::probe_in_detail(context.instance_context(), &survey, since + args.timeout);
    if context.ui.is_json() {
        let document = probe_document(context, &probe, args.timeout, since.elapsed());
        context.ui.print_report(status::probe_outcome(&probe), document);
    } else {
        print_probe(context, &probe);
    }
    status::probe_outcome(&probe).exit_code()
}

/// Prints the result of a gateway's probe.
fn print_probe(context: &Context<'_>, probe: &Probe) {
    let ui = &context.ui;
    status::print_headline(context, probe);
    let mut fields = Fields::default();
    let mut add = |label: Msg, value: String| fields.add(ui.render(&label), value);
    add(msg!("status.asked"), probe.url.clone());
    for listener in &probe.listeners {
        let address = listener.address();
        let owner = listener.process();
        let owner = owner.map_or_else(String::new, |owner| {
            format!(", {} (pid {})", owner.name, owner.pid)
        });
        add(msg!("status.listens"), format!("{address}{owner}"));
    }
    if let Some(latency) = probe.latency {
        add(msg!("status.answer"), format!("{} ms", latency.as_millis()));
    }
    if let Some(protocol) = probe.protocol {
        add(msg!("status.protocol"), protocol.to_string());
    }
    if probe.is_running() {
        let text = |name: &str| probe.presence[name].as_str().map(sanitize);
        let engine = [Some(probe.engine.name()), probe.version.as_deref()];
        let engine = engine.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let engine: Vec<_> = [Some(engine), text("host"), text("platform")]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect();
        add(msg!("status.engine"), engine.join(", "));
    }
    for (label, value) in health_fields(&probe.health) {
        add(label, value);
    }
    status::add_watched_fields(context, probe, &mut fields);
    ui.print(&ui.render_fields(&fields));
    status::print_hints(context, probe);
}

/// Returns the fields of a gateway's answer to `health` that are shown, with their labels.
fn health_fields(health: &Value) -> impl Iterator<Item = (Msg, String)> {
    let agents = health["agents"].as_array();
    let ids = agents.map(|agents| join_names(agents.iter().map(|agent| &agent["agentId"])));
    let channels = health["channelOrder"].as_array();
    let count = |value: &Value| value.as_u64().map(|count| count.to_string());
    [
        (msg!("status.clients"), count(&health["gateway"]["clients"])),
        (msg!("status.agents"), ids),
        (msg!("status.sessions"), count(&health["sessions"]["count"])),
        (msg!("status.channels"), channels.map(join_names)),
    ]
    .into_iter()
    .filter_map(|(label, value)| Some((label, value.filter(|value| !value.is_empty())?)))
}

/// Joins texts of a gateway's JSON answer with commas, made safe for a terminal.
fn join_names<'a>(values: impl IntoIterator<Item = &'a Value>) -> String {
    let names = values.into_iter().filter_map(Value::as_str).map(sanitize);
    names.collect::<Vec<_>>().join(", ")
}

/// Returns the JSON document of a gateway's probe.
fn probe_document(context: &Context<'_>, probe: &Probe, limit: Duration, taken: Duration) -> Value {
    let error =
        (!probe.is_healthy()).then(|| context.ui.render(&probe.msg(context.instance.profile.as_str())));
    let whole = document::status_document(context, probe, &context.instance, None);
    json!({
        "verdict": probe.verdict.name(),
        "profile": context.instance.profile.as_str(),
        "instanceId": whole["instanceId"],
        "ts": unix_millis(context.host.now()),
        "durationMs": millis(taken),
        "timeoutMs": millis(limit),
        "primaryTargetId": "localLoopback",
        "warnings": probe.warning.iter().map(|warning| json!({ "message": warning })).collect::<Vec<Value>>(),
        "network": { "localLoopbackUrl": probe.url },
        "targets": [{
            "id": "localLoopback",
            "kind": "localLoopback",
            "url": probe.url,
            "active": true,
            "connect": {
                "ok": probe.latency.is_some(),
                "latencyMs": whole["gateway"]["connectLatencyMs"],
                "error": error,
                "close": null,
            },
            "self": whole["gateway"]["self"],
            "health": probe.health,
            "summary": probe.status,
            "presence": if probe.presence.is_null() { Value::Null } else { json!([probe.presence]) },
        }],
    })
}
