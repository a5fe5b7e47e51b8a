//! Base ports for an instance of a surveyed host: the planner's input, and suggestions whose ports were bound on the host
//! as a try.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::config_keys::pinned_port_claims;
use super::{Survey, SurveyedInstance};
use crate::config;
use crate::env_file;
use crate::environment::PORT_VARIABLE;
use crate::error::Error;
use crate::host::Host;
use crate::host::ports::LISTS_ALL_LISTENERS;
use crate::host::read;
use crate::i18n::{Msg, msg};
use crate::instance::{Instance, RECORD_FILE, profile_of_folder};
use crate::ports::planner::{
    NoPortsLeft, Planner, PortCheck, PortHolder, PortRefusal, PortSuggestion, PortVerdict,
};
use crate::ports::{LOOPBACK, Listener, Port, PortFamily, Span, default_bases};
use crate::profile::ProfileName;
use crate::record::Record;

#[cfg(test)]
mod tests;

impl Survey {
    /// Returns a planner of base ports for the instance with this config: claims and listeners of the other instances
    /// are obstacles, its own are not.
    pub(crate) fn planner(&self, asker: &ProfileName, config_path: &Path) -> Planner {
        let own = self.position(config_path);
        self.planner_among(&self.port_holders(), asker, own)
    }

    /// Returns the instances that claim ports, each with its position.
    pub(crate) fn port_holders(&self) -> Vec<(usize, Arc<PortHolder>)> {
        let all = self.instances.iter().enumerate();
        let holders = all.filter(|(_, instance)| !instance.claims.is_empty());
        let holder = |(at, instance): (usize, &SurveyedInstance)| {
            let holder = PortHolder {
                label: instance.label.clone(),
                claims: instance.claims.clone(),
            };
            (at, Arc::new(holder))
        };
        holders.map(holder).collect()
    }

    /// Returns the planner as [`Self::planner`] does for the instance at a position, with the claims that
    /// [`Self::port_holders`] returned.
    pub(crate) fn planner_among(
        &self,
        holders: &[(usize, Arc<PortHolder>)],
        asker: &ProfileName,
        own: Option<usize>,
    ) -> Planner {
        let own_label = own.map(|at| self.instances[at].label.as_str());
        let others = holders.iter().filter(|(at, _)| Some(*at) != own);
        let is_own = |listener: &&Listener| {
            let owner = listener.process().and_then(|owner| owner.instance.as_deref());
            own_label.is_some() && owner == own_label
        };
        let (own_listeners, listeners): (Vec<_>, Vec<_>) = self.listeners.iter().partition(is_own);
        Planner {
            asker: asker.clone(),
            holders: others.map(|(_, holder)| Arc::clone(holder)).collect(),
            listeners: listeners.into_iter().cloned().collect(),
            own_ports: own_listeners.into_iter().map(|listener| listener.port).collect(),
            ephemeral: self.ephemeral,
            excluded: self.excluded.clone(),
        }
    }

    /// Returns the position of the surveyed instance with this config, links followed. An instance whose config lies
    /// in the folder of one profile is not found by a path in the folder of another: a link does not make it that
    /// other profile's.
    pub(crate) fn position(&self, config_path: &Path) -> Option<usize> {
        let position = |is_own: &dyn Fn(&Path) -> bool| {
            let mut instances = self.instances.iter();
            instances.position(|instance| is_own(&instance.config_path))
        };
        // Most paths are written in one way, and texts are compared at once.
        let by_text = position(&|path| path.as_os_str() == config_path.as_os_str());
        let by_path = by_text.or_else(|| position(&|path| path == config_path));
        by_path.or_else(|| {
            let real = read::canonicalize_existing(config_path);
            self.instances
                .iter()
                .position(|i| i.real_config == real && !are_of_two_profiles(&i.config_path, config_path))
        })
    }
}

/// Refuses a base port for an instance where it conflicts with the ports of another instance (docs/design.md#port-rules,
/// rule 1), whichever way the port is set. Whether somebody listens there is not examined.
///
/// # Errors
/// Exit 78 with the other instance and a base port that is free.
pub(crate) fn refuse_claimed_base(
    host: &Host,
    survey: &Survey,
    instance: &Instance,
    base: Port,
) -> Result<(), Error> {
    let mut planner = survey.planner(&instance.profile, &instance.config_path);
    let check = planner.check(base, &[]);
    match check.verdict {
        PortVerdict::Refused(PortRefusal::TooClose { .. } | PortRefusal::Claimed { .. }) => {
            let instead = nearest_probed(host, &mut planner, &[], base);
            check.accept(instead.as_ref()).map(drop)
        }
        _ => Ok(()),
    }
}

/// Refuses a port that a changed config pins where another instance has it as a fixed or pinned port
/// (docs/design.md#port-rules, rule 1). Ports that the config pinned before are not examined.
///
/// # Errors
/// Exit 78 with the other instance.
fn refuse_claimed_pins(
    survey: &Survey,
    instance: &Instance,
    before: &Value,
    after: &Value,
) -> Result<(), Error> {
    let planner = survey.planner(&instance.profile, &instance.config_path);
    let known = pinned_port_claims(before);
    let pinned = pinned_port_claims(after).into_iter();
    for claim in pinned.filter(|claim| !claim.is_pool() && !known.contains(claim)) {
        for holder in &planner.holders {
            let mut fixed = holder.claims.iter().filter(|theirs| !theirs.is_pool());
            if let Some(theirs) = fixed.find(|theirs| theirs.span.overlap(claim.span).is_some()) {
                let msg = msg!("ports.clash", port = claim.span, holder = holder.label);
                let msg = msg.with_msg("claim", claim.msg()).with_msg("other", theirs.msg());
                return Err(Error::blocked(msg).hint(msg!("ports.see-map", command = instance.command())));
            }
        }
    }
    Ok(())
}

/// The settings of an instance's files that decide which ports it claims.
pub(crate) struct PortSettings<'a> {
    /// Value of the config, included files merged in.
    config: &'a Value,
    /// Port of the `.env`.
    env_file: Option<Port>,
    /// Base port of the record.
    record: Option<Port>,
}

impl<'a> PortSettings<'a> {
    /// Reads the `.env` and the record in a state folder, and takes the rest of the port settings from a config. What can't
    /// be read sets no port here; the instance's own gateway reports it.
    pub(crate) fn read(state_dir: &Path, config: &'a Value) -> Self {
        let in_env_file = env_file::variable(&state_dir.join(".env"), PORT_VARIABLE);
        let record = Record::load(&state_dir.join(RECORD_FILE));
        Self {
            config,
            env_file: in_env_file.and_then(|text| Port::from_variable(&text)),
            record: record.ok().and_then(|record| record.ports.base),
        }
    }

    /// Returns the base ports that the gateway of a profile claims by these settings (docs/design.md#port-rules, rule 4).
    fn bases(&self, profile: &ProfileName) -> Vec<Port> {
        let set = [self.env_file, config::base_port(self.config)];
        let mut bases: Vec<Port> = set.into_iter().flatten().collect();
        if bases.is_empty() {
            bases.extend(self.record);
        }
        if bases.is_empty() {
            let defaults = default_bases(Some(profile));
            bases.extend(defaults.into_iter().map(Port::from));
        }
        bases
    }
}

/// Refuses the ports that an instance newly claims after a change of its files, by the rules that hold in the wizard too
/// (docs/design.md#port-rules), whoever changes them: the base port and the pinned ports of the config, and the base port
/// that holds where the config sets none.
///
/// # Errors
/// Exit 78 with what has the port.
pub(crate) fn refuse_taken_ports(
    survey: &Survey,
    instance: &Instance,
    before: &PortSettings<'_>,
    after: &PortSettings<'_>,
) -> Result<(), Error> {
    refuse_claimed_pins(survey, instance, before.config, after.config)?;
    let set = config::base_port(after.config);
    if let Some(new) = set.filter(|new| Some(*new) != config::base_port(before.config)) {
        refuse_taken_base(survey, instance, new, after.config)?;
    }
    let known = before.bases(&instance.profile);
    let others = after.bases(&instance.profile).into_iter();
    for base in others.filter(|base| Some(*base) != set && !known.contains(base)) {
        refuse_claimed_fallback(survey, instance, base)?;
    }
    Ok(())
}

/// Refuses a base port that a config newly sets.
///
/// # Errors
/// Exit 78 with what has the port.
fn refuse_taken_base(survey: &Survey, instance: &Instance, new: Port, config: &Value) -> Result<(), Error> {
    let bind = config.pointer("/gateway/bind").and_then(Value::as_str);
    // Loopback is checked in any case.
    let addresses: &[IpAddr] = match bind {
        None | Some("loopback") => &[],
        Some(_) => &[
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ],
    };
    let survey = survey.with_owners(PortFamily::span_of(new));
    let planner = survey.planner(&instance.profile, &instance.config_path);
    let check = planner.check(new, addresses);
    let PortVerdict::Refused(why) = &check.verdict else {
        return Ok(());
    };
    let find = msg!("probe.hint-ports", command = instance.command());
    Err(Error::blocked(why.msg(check.base)).hint(find))
}

/// Refuses a base port that holds because the config sets none, where another instance claims it. Whether somebody
/// listens there is not examined: a release may use another default.
///
/// # Errors
/// Exit 78 with the other instance, and the command that sets a port.
fn refuse_claimed_fallback(survey: &Survey, instance: &Instance, base: Port) -> Result<(), Error> {
    let planner = survey.planner(&instance.profile, &instance.config_path);
    let check = planner.check(base, &[]);
    let PortVerdict::Refused(why @ (PortRefusal::TooClose { .. } | PortRefusal::Claimed { .. })) =
        &check.verdict
    else {
        return Ok(());
    };
    let msg = Msg::new("ports.would-use")
        .with("port", base)
        .with_msg("why", why.msg(base.get()));
    let command = instance.command();
    let hint = match planner.nearest(base) {
        Some(instead) => msg!(
            "onboard.hint-port",
            command = command,
            port = instead.family.base()
        ),
        None => msg!("ports.see-map", command = command),
    };
    Err(Error::blocked(msg).hint(hint))
}

/// Returns whether two configs lie in the state folders of two instance profiles, by the names of the folders alone.
fn are_of_two_profiles(one: &Path, other: &Path) -> bool {
    let profile = |config: &Path| profile_of_folder(config.parent()?.file_name()?.to_str()?);
    profile(one)
        .zip(profile(other))
        .is_some_and(|(one, other)| one != other)
}

/// Returns the base ports that the port planner suggests and whose derived ports can all be bound now, on these
/// addresses and on loopback. A port that can't be bound is added to the planner's excluded ones, and the planner is
/// asked again; each round excludes more ports, so that the search ends.
///
/// `progress` is called with the number of ports of a suggestion that were tried, and the number of all.
///
/// # Errors
/// [`NoPortsLeft`] where fewer base ports are left.
pub(crate) fn suggest_probed(
    host: &Host,
    planner: &mut Planner,
    addresses: &[IpAddr],
    count: usize,
    progress: &dyn Fn(u64, u64),
) -> Result<Vec<PortSuggestion>, NoPortsLeft> {
    let mut known: Vec<PortFamily> = Vec::new();
    loop {
        let suggestions = planner.suggest(count)?;
        let untried: Vec<_> = suggestions
            .iter()
            .filter(|s| !known.contains(&s.family))
            .collect();
        let probe = |s: &PortSuggestion| (s.family, find_taken_ports(host, planner, s, addresses, progress));
        let tried: Vec<_> = untried.into_iter().map(probe).collect();
        if tried.iter().all(|(_, taken)| taken.is_empty()) {
            return Ok(suggestions);
        }
        for (family, taken) in tried {
            if taken.is_empty() {
                known.push(family);
            }
            planner.excluded.extend(taken);
        }
    }
}

/// Returns whether a port can be bound on all these addresses and on loopback, or is bound by the asker's own gateway.
fn is_bindable(host: &Host, planner: &Planner, addresses: &[IpAddr], port: Port) -> bool {
    let loopback = LOOPBACK.iter().filter(|ip| !addresses.contains(ip));
    let mut needed = addresses.iter().chain(loopback);
    planner.own_ports.contains(&port) || needed.all(|ip| host.can_bind(*ip, port.get()))
}

/// Tries to bind the ports of a suggested base port, and returns those that are taken although the port planner does
/// not exclude them: of the fixed roles, and, where the system does not list every listener, of the pool where the
/// suggestion shares it with nobody.
fn find_taken_ports(
    host: &Host,
    planner: &Planner,
    suggestion: &PortSuggestion,
    addresses: &[IpAddr],
    progress: &dyn Fn(u64, u64),
) -> Vec<Span> {
    let pool = suggestion
        .family
        .cdp_pool()
        .ports()
        .filter(|_| suggestion.overlaps.is_empty() && !LISTS_ALL_LISTENERS);
    let is_excluded = |port: &Port| planner.excluded.iter().any(|span| span.contains(*port));
    let fixed = suggestion.family.fixed().map(|(_, port)| port);
    let ports: Vec<_> = fixed.chain(pool).filter(|port| !is_excluded(port)).collect();
    let all = ports.len() as u64;
    let probe = |(at, port)| {
        progress(at, all);
        (!is_bindable(host, planner, addresses, port)).then(|| Span::one(port))
    };
    let found = (0_u64..).zip(ports).filter_map(probe).collect();
    progress(all, all);
    found
}

/// Checks a base port with the port planner, and again with the fixed ports that can't be bound excluded.
pub(crate) fn check_probed(
    host: &Host,
    planner: &mut Planner,
    addresses: &[IpAddr],
    base: impl Into<u16>,
) -> PortCheck {
    let base = base.into();
    let check = planner.check(base, addresses);
    let (Some(family), PortVerdict::Disjoint | PortVerdict::Near(_)) =
        (PortFamily::new(base), &check.verdict)
    else {
        return check;
    };
    // The pool is not tried: single ports that are taken there are no reason to refuse the base port.
    let fixed = family.fixed().map(|(_, port)| port);
    let taken: Vec<_> = fixed
        .filter(|port| !is_bindable(host, planner, addresses, *port))
        .map(Span::one)
        .collect();
    if taken.is_empty() {
        return check;
    }
    planner.excluded.extend(taken);
    planner.check(base, addresses)
}

/// Returns the suggested base port that is nearest to a typed one and whose derived ports can all be bound, or `None`
/// where there is none.
pub(crate) fn nearest_probed(
    host: &Host,
    planner: &mut Planner,
    addresses: &[IpAddr],
    typed: impl Into<u16>,
) -> Option<PortSuggestion> {
    let typed = typed.into();
    loop {
        let nearest = planner.nearest(typed)?;
        let taken = find_taken_ports(host, planner, &nearest, addresses, &|_, _| {});
        if taken.is_empty() {
            return Some(nearest);
        }
        planner.excluded.extend(taken);
    }
}
