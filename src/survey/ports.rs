//! The planner's picture of a survey, and suggestions that were tried on the host.

use crate::host::read;
use std::net::IpAddr;
use std::path::Path;

use super::Survey;
use crate::host::Host;
use crate::instance::profile_of_folder;
use crate::ports::planner::{Check, Full, Holder, Planner, Suggestion, Verdict};
use crate::ports::{LOOPBACK, Listener, Port, PortFamily, Span};
use crate::profile::ProfileName;

#[cfg(test)]
mod tests;

impl Survey {
    /// Who holds what, seen by the instance with this config: what it holds itself is not in the way.
    pub fn planner(&self, asker: &ProfileName, config_path: &Path) -> Planner {
        let own = self.position(config_path);
        let own_label = own.map(|at| self.instances[at].label.as_str());
        let others = self
            .instances
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != own);
        let holders = others
            .filter(|(_, instance)| !instance.claims.is_empty())
            .map(|(_, instance)| Holder {
                label: instance.label.clone(),
                claims: instance.claims.clone(),
            });
        let is_own = |listener: &&Listener| {
            let owner = listener
                .owner
                .as_ref()
                .and_then(|owner| owner.instance.as_deref());
            own_label.is_some() && owner == own_label
        };
        let (own_listeners, listeners): (Vec<_>, Vec<_>) = self.listeners.iter().partition(is_own);
        Planner {
            asker: asker.clone(),
            holders: holders.collect(),
            listeners: listeners.into_iter().cloned().collect(),
            own_ports: own_listeners.into_iter().map(|listener| listener.port).collect(),
            ephemeral: self.ephemeral,
            excluded: self.excluded.clone(),
        }
    }

    /// The instance with this config, links followed. But where both ways to it lie in the folders of two
    /// profiles, it stays the other profile's: a link does not make its instance the asker's own.
    pub fn position(&self, config_path: &Path) -> Option<usize> {
        let by_words = self.instances.iter().position(|i| i.config_path == config_path);
        by_words.or_else(|| {
            let real = read::canonicalize_existing(config_path);
            self.instances.iter().position(|i| {
                read::canonicalize_existing(&i.config_path) == real
                    && !are_two_profiles(&i.config_path, config_path)
            })
        })
    }
}

/// Whether both paths, by their words alone, lie in the state folders of two profiles.
fn are_two_profiles(one: &Path, other: &Path) -> bool {
    let profile = |config: &Path| profile_of_folder(config.parent()?.file_name()?.to_str()?);
    profile(one)
        .zip(profile(other))
        .is_some_and(|(one, other)| one != other)
}

/// The planner's suggestions of which every port could be bound here and now, on these addresses and
/// on loopback. A port that can't be is kept in the planner as one that nobody may bind, and the
/// planner is asked again: each round takes ports away, so it ends.
///
/// `progress` is told how many ports were tried, of how many.
///
/// # Errors
/// [`Full`] where no base port is left.
pub fn suggest_probed(
    host: &Host,
    planner: &mut Planner,
    addresses: &[IpAddr],
    count: usize,
    progress: &dyn Fn(u64, u64),
) -> Result<Vec<Suggestion>, Full> {
    let mut known: Vec<PortFamily> = Vec::new();
    loop {
        let suggestions = planner.suggest(count)?;
        let untried: Vec<_> = suggestions
            .iter()
            .filter(|s| !known.contains(&s.family))
            .collect();
        let probe = |s: &Suggestion| (s.family, taken(host, planner, s, addresses, progress));
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

/// Whether a port can be bound on all these addresses and on loopback, or is the asker's already.
fn free(host: &Host, planner: &Planner, addresses: &[IpAddr], port: Port) -> bool {
    let loopback = LOOPBACK.iter().filter(|ip| !addresses.contains(ip));
    let mut needed = addresses.iter().chain(loopback);
    planner.own_ports.contains(&port) || needed.all(|ip| host.can_bind(*ip, port.get()))
}

/// The ports of a suggestion that are found taken, beyond those that the planner knows of: of its fixed
/// roles, and of its pool where that is to be its own.
fn taken(
    host: &Host,
    planner: &Planner,
    suggestion: &Suggestion,
    addresses: &[IpAddr],
    progress: &dyn Fn(u64, u64),
) -> Vec<Span> {
    let pool = suggestion
        .family
        .cdp_pool()
        .ports()
        .filter(|_| suggestion.overlaps.is_empty());
    let known = |port: &Port| planner.excluded.iter().any(|span| span.contains(*port));
    let fixed = suggestion.family.fixed().map(|(_, port)| port);
    let ports: Vec<_> = fixed.chain(pool).filter(|port| !known(port)).collect();
    let all = ports.len() as u64;
    let probe = |(at, port)| {
        progress(at, all);
        (!free(host, planner, addresses, port)).then(|| Span::one(port))
    };
    let found = (0_u64..).zip(ports).filter_map(probe).collect();
    progress(all, all);
    found
}

/// The planner's judgement of a base port whose fixed ports were tried, too.
pub fn check_probed(host: &Host, planner: &mut Planner, addresses: &[IpAddr], base: impl Into<u16>) -> Check {
    let base = base.into();
    let check = planner.check(base, addresses);
    let (Some(family), Verdict::Disjoint | Verdict::Near(_)) = (PortFamily::new(base), &check.verdict) else {
        return check;
    };
    // The pool is not tried: a port or two that are taken there refuse nothing.
    let fixed = family.fixed().map(|(_, port)| port);
    let taken: Vec<_> = fixed
        .filter(|port| !free(host, planner, addresses, *port))
        .map(Span::one)
        .collect();
    if taken.is_empty() {
        return check;
    }
    planner.excluded.extend(taken);
    planner.check(base, addresses)
}

/// The good base port that is nearest to a typed one, all its ports tried.
pub fn nearest_probed(
    host: &Host,
    planner: &mut Planner,
    addresses: &[IpAddr],
    typed: impl Into<u16>,
) -> Option<Suggestion> {
    let typed = typed.into();
    loop {
        let nearest = planner.nearest(typed)?;
        let taken = taken(host, planner, &nearest, addresses, &|_, _| {});
        if taken.is_empty() {
            return Some(nearest);
        }
        planner.excluded.extend(taken);
    }
}
