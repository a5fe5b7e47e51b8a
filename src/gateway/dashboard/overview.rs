//! What the page shows: this gateway, the host's port map, whom it watches, and what the doctor found.

use serde_json::{Value, json};

use crate::config::fault::ConfigError;
use crate::doctor::{self, Finding, Scene, Scope};
use crate::environment::abbreviate_home;
use crate::gateway::shared::Shared;
use crate::i18n::{Lang, Msg, msg};
use crate::ports::{Role, Span};
use crate::survey::map::{Entry, Port, PortMap};
use crate::survey::{self, ConfigHealth, Survey, Surveyed};

/// One look at this gateway and the host around it. Reads files and processes: not for the thread that
/// serves everybody.
///
/// - `gateway`: `profile`, `instanceId`, `bootId`, `version`, `engine`, `pid`, `startedAt`, `uptimeMs`,
///   `listens` (addresses), `auth`, `portFrom`, `config`, `state`, `workspace` (or null), `logs` (`~` for the home folder).
/// - `warning`: a sentence where it runs with another config than the one in the file, else null.
/// - `ephemeral`: `{first, last}` or null.
/// - `instances`: each `label`, `own`, `running`, `pid` (or null), `base` (or null), `config`, `broken` (a sentence or null),
///   `ports`, each `{first, last, role, name, state, text}` with `state` `own`, `held` or `free`, `pool` and the
///   `listening` ports in it; `shared`, the spans that others may come to use too.
/// - `watching`: what this gateway says of each that it looks after, `{profile, news, text}`.
/// - `findings`: what [`examine`] found, each `{id, severity, instance, text, mend}` as `doctor --json` has them;
///   null before it looked.
pub fn overview(shared: &Shared, findings: Option<&[Finding]>, lang: Lang) -> Value {
    let survey = survey(shared);
    let own = survey.position(&shared.instance.config_path);
    let map = survey.map();
    let live = shared.live();
    let me = &shared.identity;
    let home = &shared.env.home;
    let workspace = own.and_then(|at| survey.instances[at].workspaces.first());
    let instances = survey.instances.iter().zip(&map.entries).enumerate();
    json!({
        "gateway": {
            "profile": me.profile,
            "instanceId": me.instance_id,
            "bootId": me.boot_id,
            "version": me.version,
            "engine": "native",
            "pid": me.pid,
            "startedAt": humantime::format_rfc3339_millis(me.started).to_string(),
            "uptimeMs": u64::try_from(shared.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            "listens": shared.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "auth": live.settings.proof.mode().name(),
            "portFrom": live.settings.port_from.name(),
            "config": abbreviate_home(home, &shared.instance.config_path),
            "state": abbreviate_home(home, &shared.instance.state_dir),
            "workspace": workspace.map(|path| abbreviate_home(home, path)),
            "logs": abbreviate_home(home, &shared.instance.logs()),
        },
        "warning": live.warnings(lang),
        "ephemeral": survey.ephemeral.map(span),
        "instances": instances
            .map(|(at, (instance, entry))| {
                instance_view(shared, &map, instance, entry, own == Some(at), lang)
            })
            .collect::<Vec<_>>(),
        "watching": shared.watched.to_value(lang),
        "findings": findings.map(|all| all.iter().map(|finding| finding_view(finding, lang)).collect::<Vec<_>>()),
    })
}

/// What the doctor finds on this host, the worst first. Asks gateways and service managers, which may take
/// some seconds.
pub fn examine(shared: &Shared) -> Vec<Finding> {
    let survey = survey(shared);
    let scene = Scene::gather(&shared.host, &shared.env, &survey, &shared.instance, Scope::All);
    let mut findings = doctor::examine(&scene);
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// The host, with this gateway's own ports known as its own.
fn survey(shared: &Shared) -> Survey {
    let mut survey = survey::take(&shared.host, &shared.env);
    if let Some(at) = survey.position(&shared.instance.config_path) {
        recognise(&mut survey, at, shared.identity.pid);
    }
    survey
}

/// What this process listens on is its own instance's, whatever the survey made of its name and words.
fn recognise(survey: &mut Survey, own: usize, pid: u32) {
    let label = &survey.instances[own].label;
    let owners = survey.listeners.iter_mut().filter_map(|l| l.owner.as_mut());
    for owner in owners.filter(|owner| owner.pid == pid) {
        owner.instance = Some(label.clone());
    }
}

fn instance_view(
    shared: &Shared,
    map: &PortMap<'_>,
    instance: &Surveyed,
    entry: &Entry<'_>,
    own: bool,
    lang: Lang,
) -> Value {
    let base = instance.base.map(|(family, _)| family.base());
    let at_base = |port: &&Port<'_>| base.is_some_and(|base| port.claim.span == Span::one(base));
    let gateway = entry.ports.iter().find(at_base).and_then(|port| port.own);
    // This gateway runs: it is the one that answers.
    let pid = gateway
        .and_then(|listener| listener.owner.as_ref())
        .map(|owner| owner.pid);
    let pid = if own { Some(shared.identity.pid) } else { pid };
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
        "config": abbreviate_home(&shared.env.home, &instance.config_path),
        "broken": match &instance.config {
            ConfigHealth::Broken(fault) => Some(broken(instance, fault).render(lang)),
            ConfigHealth::Ok | ConfigHealth::Missing => None,
        },
        "ports": entry.ports.iter().map(|port| port_view(port, lang)).collect::<Vec<_>>(),
        "shared": contested.map(span).collect::<Vec<_>>(),
    })
}

fn port_view(port: &Port<'_>, lang: Lang) -> Value {
    let (state, text) = match (port.own, port.held.as_slice()) {
        (Some(own), _) => {
            let pid = own.owner.as_ref().map_or(0, |owner| owner.pid);
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
    let listening = port.own.iter().chain(&port.held).map(|listener| listener.port);
    json!({
        "first": port.claim.span.first,
        "last": port.claim.span.last,
        "role": port.claim.role.map(Role::name),
        "name": port.claim.msg().render(lang),
        "pool": port.claim.is_pool(),
        "state": state,
        "text": text.render(lang),
        "listening": listening.collect::<Vec<_>>(),
    })
}

fn span(span: Span) -> Value {
    json!({ "first": span.first, "last": span.last })
}

fn finding_view(finding: &Finding, lang: Lang) -> Value {
    json!({
        "id": finding.id,
        "severity": finding.severity.name(),
        "instance": finding.instance,
        "text": finding.msg.render(lang),
        "mend": finding.mend,
    })
}

fn broken(instance: &Surveyed, fault: &ConfigError) -> Msg {
    msg!("ports.broken", place = fault.location(&instance.config_path)).with_msg("why", fault.why.clone())
}
