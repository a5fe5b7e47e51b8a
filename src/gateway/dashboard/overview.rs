//! The data of the dashboard: this gateway, the port map of the host, the watched gateways, and the doctor's
//! findings.

use serde_json::{Value, json};

use crate::config::error::ConfigError;
use crate::doctor::{self, Finding, HostReport, Scope};
use crate::environment::abbreviate_home;
use crate::gateway::methods::channels::read_account_reports;
use crate::gateway::state::GatewayState;
use crate::i18n::{Lang, Msg, msg};
use crate::ports::{Listener, Span};
use crate::survey::map::{MappedPort, PortMap, PortMapEntry};
use crate::survey::{self, ConfigHealth, Survey, SurveyedInstance};
use crate::time::millis;

/// Describes this gateway and the host around it for the dashboard. Reads files and processes, so it must not run on
/// the async thread.
///
/// - `gateway`: `profile`, `instanceId`, `bootId`, `version`, `engine`, `pid`, `startedAt`, `uptimeMs`,
///   `listens` (addresses), `auth`, `portFrom`, `config`, `state`, `workspace` (or null), `logs` (`~` for the home folder).
/// - `warning`: a sentence where the gateway runs with another config than the one in the file, else null.
/// - `ephemeral`: `{first, last}` or null.
/// - `instances`: each `label`, `own`, `running`, `pid` (or null), `base` (or null), `config`, `broken` (a sentence or null),
///   `ports`, each `{first, last, role, name, state, text}` with `state` `own`, `held` or `free`, `pool` and the
///   `listening` ports in it; `shared`, the spans that others may come to use too.
/// - `channels`: the accounts of messaging channels, each `{channel, accountId, ok, text}`.
/// - `watching`: the last event of each gateway that this one watches, `{profile, news, text}`.
/// - `findings`: the result of [`examine`], each `{id, severity, instance, text, mend}` as `doctor --json` has them;
///   null before the first examination.
pub(super) fn overview(state: &GatewayState, findings: Option<&[Finding]>, lang: Lang) -> Value {
    let instance = &state.context.instance;
    let survey = survey_host(state);
    let own = survey.position(&instance.config_path);
    let map = survey.port_map();
    let active = state.active();
    let home = &state.context.env.home;
    let workspace = own.and_then(|at| survey.instances[at].workspaces.first());
    let instances = survey.instances.iter().zip(&map.entries).enumerate();
    let mut overview = json!({
        "gateway": {
            "uptimeMs": millis(state.uptime()),
            "listens": state.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "auth": active.settings.auth.mode().name(),
            "portFrom": active.settings.port_source.name(),
            "config": abbreviate_home(home, &instance.config_path),
            "state": abbreviate_home(home, &instance.state_dir),
            "workspace": workspace.map(|path| abbreviate_home(home, path)),
            "logs": abbreviate_home(home, &instance.logs()),
        },
        "warning": active.warnings(lang),
        "ephemeral": survey.ephemeral.map(span_value),
        "instances": instances
            .map(|(at, (instance, entry))| {
                instance_value(state, &map, instance, entry, own == Some(at), lang)
            })
            .collect::<Vec<_>>(),
        "channels": channels_value(state, lang),
        "watching": state.watch_status.to_value(lang),
        "findings": findings.map(|all| all.iter().map(|finding| finding_value(finding, lang)).collect::<Vec<_>>()),
    });
    state.identity.add_to(&mut overview["gateway"]);
    overview
}

/// Returns the JSON form of the accounts of messaging channels for the dashboard, a sentence each.
fn channels_value(state: &GatewayState, lang: Lang) -> Value {
    let reports = read_account_reports(state);
    let each = reports.iter().map(|report| {
        json!({
            "channel": report.channel,
            "accountId": report.account_id,
            "ok": !report.is_wanted() || report.is_connected(),
            "text": report.line_msg(true).render(lang),
        })
    });
    each.collect()
}

/// Runs the doctor on the whole host and returns its findings, the worst first. It asks gateways and service
/// managers, which may take some seconds.
pub(super) fn examine(state: &GatewayState) -> Vec<Finding> {
    let survey = survey_host(state);
    let report = HostReport::collect(state.context.borrowed(), &survey, Scope::All);
    let mut findings = doctor::examine(&report);
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// Surveys the host for the dashboard. What this process listens on is assigned to its instance.
fn survey_host(state: &GatewayState) -> Survey {
    let context = &state.context;
    let mut survey = survey::survey_host(&context.host, &context.env);
    if let Some(at) = survey.position(&context.instance.config_path) {
        assign_own_ports(&mut survey, at, state.identity.pid);
    }
    survey
}

/// Assigns, in a survey of the host, the ports of this gateway's process to its instance, whatever the survey made of
/// the process.
fn assign_own_ports(survey: &mut Survey, own: usize, pid: u32) {
    let label = &survey.instances[own].label;
    let owners = survey.listeners.iter_mut().filter_map(Listener::process_mut);
    for owner in owners.filter(|owner| owner.pid == pid) {
        owner.instance = Some(label.clone());
        owner.is_gateway = true;
    }
}

/// Returns the JSON form of one instance for the dashboard.
fn instance_value(
    state: &GatewayState,
    map: &PortMap<'_>,
    instance: &SurveyedInstance,
    entry: &PortMapEntry<'_>,
    own: bool,
    lang: Lang,
) -> Value {
    let base = instance.base.map(|(family, _)| family.base());
    let at_base = |port: &&MappedPort<'_>| base.is_some_and(|base| port.claim.span == Span::one(base));
    let gateway = entry
        .ports
        .iter()
        .find(at_base)
        .and_then(|port| port.own_listener);
    // This gateway itself runs, whatever the survey says: it is the one that answers.
    let pid = gateway
        .and_then(|listener| listener.process())
        .map(|owner| owner.pid);
    let pid = if own { Some(state.identity.pid) } else { pid };
    let contested = map.shared.iter().flat_map(|span| {
        let claims = entry.ports.iter();
        claims.filter_map(|port| port.claim.span.overlap(*span))
    });
    json!({
        "label": instance.label,
        "own": own,
        "running": own || gateway.is_some(),
        "pid": pid,
        "base": base,
        "config": abbreviate_home(&state.context.env.home, &instance.config_path),
        "broken": match &instance.config {
            ConfigHealth::Broken(fault) => Some(broken_config_message(instance, fault).render(lang)),
            ConfigHealth::Ok | ConfigHealth::Missing => None,
        },
        "ports": entry.ports.iter().map(|port| port_value(port, lang)).collect::<Vec<_>>(),
        "shared": contested.map(span_value).collect::<Vec<_>>(),
    })
}

/// Returns the JSON form of one port of an instance for the dashboard.
fn port_value(port: &MappedPort<'_>, lang: Lang) -> Value {
    let (state, text) = match (port.own_listener, port.blocking_listeners.as_slice()) {
        (Some(own), _) => {
            let pid = own.process().map_or(0, |owner| owner.pid);
            ("own", msg!("ports.state-own", pid = pid))
        }
        (None, []) => ("free", msg!("ports.state-free")),
        (None, held) if port.claim.is_pool() => (
            "held",
            msg!("ports.state-pool", held = held.len(), all = port.claim.span.len()),
        ),
        (None, [first, ..]) => (
            "held",
            msg!("ports.state-held", ip = first.ip).with_msg("process", first.msg()),
        ),
    };
    let listening = port
        .own_listener
        .iter()
        .chain(&port.blocking_listeners)
        .map(|listener| listener.port);
    json!({
        "first": port.claim.span.first,
        "last": port.claim.span.last,
        "role": port.claim.role.name(),
        "name": port.claim.msg().render(lang),
        "pool": port.claim.is_pool(),
        "state": state,
        "text": text.render(lang),
        "listening": listening.collect::<Vec<_>>(),
    })
}

/// Returns the JSON form of a span of ports for the dashboard.
fn span_value(span: Span) -> Value {
    json!({ "first": span.first, "last": span.last })
}

/// Returns the JSON form of a finding of the doctor for the dashboard.
fn finding_value(finding: &Finding, lang: Lang) -> Value {
    json!({
        "id": finding.id,
        "severity": finding.severity.name(),
        "instance": finding.instance,
        "text": finding.msg.render(lang),
        "mend": finding.remedy,
    })
}

/// Returns the sentence in which the dashboard says where and why the config of an instance is broken.
fn broken_config_message(instance: &SurveyedInstance, fault: &ConfigError) -> Msg {
    msg!("ports.broken", place = fault.location(&instance.config_path)).with_msg("why", fault.why.clone())
}
