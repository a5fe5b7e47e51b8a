//! What was found of one instance, as JSON. The keys are those of OpenClaw's `status --json` and
//! `gateway status --json` where it has them (docs/openclaw.md#gateway-status-document), so that scripts for either read it:
//!
//! - ours: `ok`, `profile`, `instanceId`, `watching` (`profile`, `news`, `text` of each gateway that this one looks
//!   after), `verdict` (`healthy`, `not-running`, `other-profile`,
//!   `stranger`, `elsewhere`, `token-refused`, `slow`, `unhealthy`), `message`, `warning`, `hints`,
//!   `stateDir`, `last` (null while it runs: `end` (`stopped`, `killed`, `unknown`), `pid`, `lastSeen`, `line`);
//! - `gateway`: `mode`, `remoteUrl` (where that is `remote`), `url`, `urlSource`, `reachable`, `connectLatencyMs`, `self`, `error`, and `port`,
//!   `configuredPort`, `portSource`, `pid`, `engine`, `version`, `protocol`, `startedAt`, `uptimeMs`;
//! - `port`: `port`, `status` (`busy`, `free`), `listeners`; `config.cli`: `path`, `exists`, `valid`,
//!   `issues`; `rpc`: `ok`, `url`, `error`; `service`: null, or `error` (`code`, `message`) where
//!   its manager can't be asked, or what it says (with `--all` only that), `linger`, `drift` (null, or `files`, `disabled`, `stale`), `lastLines` of one that
//!   gave up, `warnings`.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::cli::Context;
use crate::config::schema::SchemaFinding;
use crate::instance::Instance;
use crate::probe::{LastRun, Probe, ProbeVerdict};
use crate::survey::ConfigHealth;
use crate::time::millis;

/// The document.
pub(crate) fn of(
    context: &Context<'_>,
    probe: &Probe,
    instance: &Instance,
    service: Option<&Value>,
) -> Value {
    let ui = &context.ui;
    let message = ui.render(&probe.msg(instance.profile.as_str()));
    let ok = probe.is_healthy();
    let error = (!ok).then_some(&message);
    let reachable = probe.latency.is_some();
    let unproven = probe.auth_error.iter().map(|error| ui.render(&error.msg));
    let hints = unproven.chain(probe.hints(instance).into_iter().map(|hint| ui.render(&hint)));
    let uptime = probe
        .started
        .and_then(|at| context.host.now().duration_since(at).ok());
    json!({
        "ok": ok,
        "profile": instance.profile.as_str(),
        "instanceId": instance.id(),
        "verdict": probe.verdict.name(),
        "message": message,
        "warning": probe.warning,
        "watching": watching(probe),
        "hints": hints.collect::<Vec<_>>(),
        "stateDir": instance.state_dir,
        "gateway": {
            "mode": if probe.remote_url.is_some() { "remote" } else { "local" },
            "remoteUrl": probe.remote_url,
            "url": probe.url,
            "urlSource": "local loopback",
            "reachable": reachable,
            "connectLatencyMs": probe.latency.map(millis),
            "self": if reachable { itself(probe) } else { Value::Null },
            "error": error,
            "port": probe.port_number(),
            "configuredPort": probe.configured_port_number(),
            "portSource": probe.port_source.name(),
            "pid": probe.pid,
            "engine": probe.engine.name(),
            "version": probe.version,
            "protocol": probe.protocol,
            "startedAt": probe.started.map(stamp),
            "uptimeMs": uptime.map(millis),
            "heldBy": holder(&probe.verdict),
        },
        "port": {
            "port": probe.configured_port_number(),
            "status": if probe.listeners.is_empty() { "free" } else { "busy" },
            "listeners": probe.listeners.iter().map(|listener| json!({
                "address": listener.address().to_string(),
                "pid": listener.owner.as_ref().map(|owner| owner.pid),
                "command": listener.owner.as_ref().map(|owner| &owner.name),
                "instance": listener.owner.as_ref().and_then(|owner| owner.instance.as_ref()),
            })).collect::<Vec<_>>(),
        },
        "config": { "cli": config(context, probe, instance) },
        "rpc": { "ok": reachable, "url": probe.url, "error": error },
        "service": service,
        "last": probe.last_run.as_ref().map(last),
    })
}

fn itself(probe: &Probe) -> Value {
    let said = |name: &str| probe.presence[name].as_str();
    json!({
        "host": said("host"),
        "ip": said("ip"),
        "version": probe.version,
        "platform": said("platform"),
    })
}

/// What a rescue gateway says of those that it watches.
fn watching(probe: &Probe) -> Value {
    match &probe.health["watching"] {
        Value::Null => json!([]),
        watching => watching.clone(),
    }
}

/// The other profile that holds the port.
fn holder(verdict: &ProbeVerdict) -> Option<&str> {
    match verdict {
        ProbeVerdict::OtherProfile(profile) => Some(profile),
        _ => None,
    }
}

fn config(context: &Context<'_>, probe: &Probe, instance: &Instance) -> Value {
    let issues: Vec<_> = match &probe.config {
        ConfigHealth::Broken(fault) => vec![json!({
            "path": fault.location(&instance.config_path),
            "message": context.ui.render(&fault.why),
        })],
        ConfigHealth::Ok | ConfigHealth::Missing => {
            let issue = |finding: &SchemaFinding| json!({"path": finding.path.to_string(), "message": context.ui.render(&finding.why)});
            probe.config_findings.iter().map(issue).collect()
        }
    };
    json!({
        "path": instance.config_path,
        "exists": !matches!(probe.config, ConfigHealth::Missing),
        "valid": issues.is_empty(),
        "issues": issues,
    })
}

fn last(past: &LastRun) -> Value {
    json!({
        "end": past.end.name(),
        "pid": past.pid,
        "lastSeen": past.last_seen.map(stamp),
        "line": past.line.as_ref().map(|line| json!({
            "time": line.time,
            "level": line.level,
            "message": line.message,
        })),
    })
}

pub(super) fn stamp(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
