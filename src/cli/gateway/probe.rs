//! `openclaw gateway probe`: can this instance's gateway be reached, and what does it say? The document
//! has OpenClaw's keys (`facts.md` 9).

use std::process::ExitCode;
use std::time::Instant;

use serde_json::{Value, json};

use super::super::Context;
use super::super::status::{self, AskArgs, document};
use crate::probe;
use crate::survey;

pub(super) fn run(context: &Context<'_>, args: &AskArgs) -> ExitCode {
    if !context.ui.is_json() {
        return status::one(context, args);
    }
    let since = Instant::now();
    let survey = survey::take(context.host, &context.env);
    let probe = probe::in_detail(context.host, &survey, &context.instance, since + args.timeout);
    let error = (!probe.is_healthy()).then(|| context.ui.say(&probe.msg(context.instance.profile.as_str())));
    let whole = document::of(context, &probe, &context.instance, None);
    context.ui.document(&json!({
        "ok": probe.is_healthy(),
        "verdict": probe.verdict.name(),
        "profile": context.instance.profile.as_str(),
        "instanceId": whole["instanceId"],
        "ts": context.host.now().duration_since(std::time::UNIX_EPOCH).ok().map(document::milliseconds),
        "durationMs": document::milliseconds(since.elapsed()),
        "timeoutMs": document::milliseconds(args.timeout),
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
    }));
    ExitCode::from(probe.verdict.exit_code())
}
