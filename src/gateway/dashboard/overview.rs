//! What the page shows: this gateway, the host's port map, and what the isolation check found.

use serde_json::{Value, json};

use crate::config::fault::Fault;
use crate::gateway::shared::Shared;
use crate::i18n::{Lang, Msg};
use crate::msg;
use crate::ports::{Role, Span};
use crate::situation::shown;
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
/// - `findings`: each `{kind, instance, text}` with `kind` `conflict` or `notice`; the news of watched gateways too.
pub fn overview(shared: &Shared, lang: Lang) -> Value {
    let mut survey = survey::take(&shared.host, &shared.env);
    let own = survey.position(&shared.instance.config_path);
    if let Some(at) = own {
        recognise(&mut survey, at, shared.identity.pid);
    }
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
            "config": shown(home, &shared.instance.config_path),
            "state": shown(home, &shared.instance.state_dir),
            "workspace": workspace.map(|path| shown(home, path)),
            "logs": shown(home, &shared.instance.logs()),
        },
        "warning": live.warning.as_ref().map(|warning| warning.render(lang)),
        "ephemeral": survey.ephemeral.map(span),
        "instances": instances
            .map(|(at, (instance, entry))| {
                instance_view(shared, &map, instance, entry, own == Some(at), lang)
            })
            .collect::<Vec<_>>(),
        "findings": findings(&survey, &map)
            .into_iter()
            .map(|finding| {
                json!({
                    "kind": if finding.conflict { "conflict" } else { "notice" },
                    "instance": finding.instance,
                    "text": finding.msg.render(lang),
                })
            })
            .chain(shared.watched.news().into_iter().map(|(profile, news)| {
                json!({ "kind": "notice", "instance": profile.as_str(), "text": news.render(lang) })
            }))
            .collect::<Vec<_>>(),
    })
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
        "config": shown(&shared.env.home, &instance.config_path),
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

/// What keeps two instances from being isolated from each other.
struct Finding {
    /// Whether something breaks; else it is worth knowing.
    conflict: bool,
    /// Whose it is.
    instance: String,
    /// What it is.
    msg: Msg,
}

/// What the isolation check found: the one source of the page's findings.
fn findings(survey: &Survey, map: &PortMap<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, (instance, entry)) in survey.instances.iter().zip(&map.entries).enumerate() {
        let mut add = |conflict, msg| {
            findings.push(Finding {
                conflict,
                instance: instance.label.clone(),
                msg,
            });
        };
        if let ConfigHealth::Broken(fault) = &instance.config {
            add(true, broken(instance, fault));
        }
        for neighbour in &entry.neighbours {
            add(neighbour.conflict, neighbour.msg.clone());
        }
        for port in entry.ports.iter().filter(|port| port.own.is_none()) {
            if let ([holder, ..], false) = (port.held.as_slice(), port.claim.is_pool()) {
                let msg = msg!("dashboard.held", port = port.claim.span);
                add(
                    true,
                    msg.with_msg("role", port.claim.msg())
                        .with_msg("process", holder.msg()),
                );
            }
        }
        for other in survey.instances.iter().skip(at + 1) {
            if let Some(msg) = shared_folder(instance, other).or_else(|| shared_token(instance, other)) {
                add(true, msg);
            }
        }
    }
    findings.sort_by_key(|finding| !finding.conflict);
    findings
}

fn broken(instance: &Surveyed, fault: &Fault) -> Msg {
    msg!("ports.broken", place = fault.place(&instance.config_path)).with_msg("why", fault.why.clone())
}

/// A state folder or a workspace that lies in the other's, or is the other's.
fn shared_folder(one: &Surveyed, other: &Surveyed) -> Option<Msg> {
    let (state, theirs) = (&one.state_dir, &other.state_dir);
    if state.starts_with(theirs) || theirs.starts_with(state) {
        return Some(msg!(
            "dashboard.state",
            other = other.label,
            path = state.display()
        ));
    }
    let nested = one.workspaces.iter().find(|path| {
        let mut theirs = other.workspaces.iter();
        theirs.any(|their| path.starts_with(their) || their.starts_with(path))
    });
    nested.map(|path| msg!("dashboard.workspace", other = other.label, path = path.display()))
}

/// A messaging token in both: only one of them would get each message.
fn shared_token(one: &Surveyed, other: &Surveyed) -> Option<Msg> {
    let same = |(_, token): &&(String, _)| other.tokens.iter().any(|(_, theirs)| theirs == token);
    let (key, _) = one.tokens.iter().find(same)?;
    Some(msg!("dashboard.token", other = other.label, key = key))
}
