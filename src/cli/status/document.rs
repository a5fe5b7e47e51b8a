//! The state of one instance as a document. The keys are those of OpenClaw's `status --json` and `gateway status --json`
//! where it has them (docs/openclaw.md#gateway-status-document), so that scripts for either can read it:
//!
//! - keys of this program: `ok`, `profile`, `instanceId`, `channels` (the accounts of a running native gateway),
//!   `watching` (`profile`, `news`, `text` of each gateway that this one
//!   watches), `verdict` (`healthy`, `not-running`, `other-profile`,
//!   `stranger`, `elsewhere`, `token-refused`, `slow`, `starting`, `shutting-down`, `unhealthy`), `message`, `warning`, `hints`,
//!   `stateDir`, `last` (null while it runs: `end` (`stopped`, `killed`, `unknown`), `pid`, `lastSeen`, `line`);
//! - `gateway`: `mode`, `remoteUrl` (where that is `remote`), `url`, `urlSource`, `reachable`, `connectLatencyMs`, `self`, `error`, and `port`,
//!   `configuredPort`, `portSource`, `pid`, `engine`, `version`, `protocol`, `startedAt`, `uptimeMs`;
//! - `port`: `port`, `status` (`busy`, `free`), `listeners`; `config.cli`: `path`, `exists`, `valid`,
//!   `issues`; `rpc`: `ok`, `url`, `error`; `service`: null, or `error` (`code`, `message`) where
//!   its manager can't be asked, or the state that it reports; without `--all` also `linger`, `drift` (null, or `files`,
//!   `disabled`, `stale`, `addedLines`), `lastLines` of a service that gave up, and `warnings`;
//! - `systemUnits`, without `--all`: the units of the system's systemd that start the gateway;
//! - `agents` of a native gateway, without `--all`: `id`, `default`, `model` (that it would ask, or null), `places` (of its bindings),
//!   `since` (the start of the gateway, while it runs), `fault` (null, or `reason` and `message` of the first model).

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::cli::Context;
use crate::config::schema::SchemaFinding;
use crate::instance::Instance;
use crate::probe::{LastRun, Probe, ProbeVerdict};
use crate::survey::ConfigHealth;
use crate::time::millis;

/// Returns the JSON document of `status` for one instance. `service` is the part about its service.
pub(crate) fn status_document(
    context: &Context<'_>,
    probe: &Probe,
    instance: &Instance,
    service: Option<&Value>,
) -> Value {
    let ui = &context.ui;
    let message = ui.render(&probe.msg(instance.profile.as_str()));
    let ok = probe.is_healthy();
    let error = (!ok).then_some(message.as_str());
    let reachable = probe.latency.is_some();
    let auth_error = probe.auth_error.iter().map(|error| ui.render(&error.msg));
    let hints = auth_error.chain(probe.hints(instance).into_iter().map(|hint| ui.render(&hint)));
    json!({
        "ok": ok,
        "profile": instance.profile.as_str(),
        "instanceId": probe.instance_id,
        "verdict": probe.verdict.name(),
        "message": message,
        "warning": probe.warning,
        "channels": probe.channel_accounts(),
        "watching": watched_gateways(probe),
        "hints": hints.collect::<Vec<_>>(),
        "stateDir": instance.state_dir,
        "gateway": gateway_document(context, probe, error),
        "port": port_document(probe),
        "config": { "cli": config_document(context, probe, instance) },
        "rpc": { "ok": reachable, "url": probe.url, "error": error },
        "service": service,
        "last": probe.last_run.as_ref().map(last_run_document),
    })
}

/// Returns the part of the `status` JSON document about the gateway. `error` is the message where it is not healthy.
fn gateway_document(context: &Context<'_>, probe: &Probe, error: Option<&str>) -> Value {
    let reachable = probe.latency.is_some();
    let uptime = probe
        .started
        .and_then(|at| context.host.now().duration_since(at).ok());
    json!({
        "mode": if probe.remote_url.is_some() { "remote" } else { "local" },
        "remoteUrl": probe.remote_url,
        "url": probe.url,
        "urlSource": "local loopback",
        "reachable": reachable,
        "connectLatencyMs": probe.latency.map(millis),
        "self": if reachable { self_document(probe) } else { Value::Null },
        "error": error,
        "port": probe.port_number(),
        "configuredPort": probe.configured_port_number(),
        "portSource": probe.port_source.name(),
        "pid": probe.pid,
        "engine": probe.engine.name(),
        "version": probe.version,
        "protocol": probe.protocol,
        "startedAt": probe.started.map(format_time),
        "uptimeMs": uptime.map(millis),
        "heldBy": holding_profile(&probe.verdict),
    })
}

/// Returns the part of the `status` JSON document about the configured port and the processes that listen on it.
fn port_document(probe: &Probe) -> Value {
    let listeners = probe.listeners.iter().map(|listener| {
        let owner = listener.process();
        json!({
            "address": listener.address().to_string(),
            "pid": owner.map(|owner| owner.pid),
            "command": owner.map(|owner| &owner.name),
            "instance": owner.and_then(|owner| owner.instance.as_ref()),
        })
    });
    json!({
        "port": probe.configured_port_number(),
        "status": if probe.listeners.is_empty() { "free" } else { "busy" },
        "listeners": listeners.collect::<Vec<_>>(),
    })
}

/// Returns the part of the `status` JSON document with what the gateway reports about itself.
fn self_document(probe: &Probe) -> Value {
    let text = |name: &str| probe.presence[name].as_str();
    json!({
        "host": text("host"),
        "ip": text("ip"),
        "version": probe.version,
        "platform": text("platform"),
    })
}

/// Returns the gateways that a rescue gateway watches, as it reports them.
fn watched_gateways(probe: &Probe) -> Value {
    match &probe.health["watching"] {
        Value::Null => json!([]),
        watching => watching.clone(),
    }
}

/// Returns the other instance profile whose gateway holds the port that a status is about.
fn holding_profile(verdict: &ProbeVerdict) -> Option<&str> {
    match verdict {
        ProbeVerdict::OtherProfile(profile) => Some(profile),
        _ => None,
    }
}

/// Returns the part of the `status` JSON document about the config and its findings.
fn config_document(context: &Context<'_>, probe: &Probe, instance: &Instance) -> Value {
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

/// Returns the part of the `status` JSON document about the last run of a gateway that does not run.
fn last_run_document(past: &LastRun) -> Value {
    json!({
        "end": past.end.name(),
        "pid": past.pid,
        "lastSeen": past.last_seen.map(format_time),
        "line": past.line.as_ref().map(|line| json!({
            "time": line.time,
            "level": line.level,
            "message": line.message,
        })),
    })
}

/// Returns a time as the `status` JSON documents have it: `2026-11-22T19:22:45.123Z`.
pub(super) fn format_time(time: SystemTime) -> String {
    crate::time::format_millis(time)
}
