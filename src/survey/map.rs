//! The port map of a survey: for each port of each instance the sockets that listen there, and the instances that share
//! ports or conflict. The work grows with the number of instances, not with its square.

use std::sync::Arc;

use super::{Survey, SurveyedInstance};
use crate::i18n::{Msg, msg};
use crate::ports::planner::{Planner, PoolOverlap, PortHolder, PortRefusal, PortVerdict};
use crate::ports::{Claim, LOOPBACK, Listener, MIN_BASE_DISTANCE, PortFamily, Role, Span, merge_spans};
use crate::profile::ProfileName;

/// The ports of every instance of a survey, with listeners and conflicts.
#[derive(Debug)]
pub(crate) struct PortMap<'a> {
    /// Entries in the order of the survey's instances, one for each.
    pub(crate) entries: Vec<PortMapEntry<'a>>,
    /// Ports that at least two instances may come to use.
    pub(crate) shared: Vec<Span>,
    /// Ports over which two instances conflict.
    pub(crate) clashes: Vec<Span>,
    /// Listeners on ports of the instances that are no gateway of any of them.
    pub(crate) foreign_listeners: Vec<&'a Listener>,
}

/// The ports of one instance in a [`PortMap`].
#[derive(Debug)]
pub(crate) struct PortMapEntry<'a> {
    /// Claims of the instance in ascending order, each with the sockets that listen there.
    pub(crate) ports: Vec<MappedPort<'a>>,
    /// Other instances that share ports or conflict with this one, at most [`MAX_PORT_NEIGHBOURS`].
    pub(crate) neighbours: Vec<PortNeighbour>,
}

/// A port or a pool of ports of an instance, with the sockets that listen there.
#[derive(Debug)]
pub(crate) struct MappedPort<'a> {
    /// Claim of the instance.
    pub(crate) claim: &'a Claim,
    /// Socket of the instance's own gateway, where it listens here.
    pub(crate) own_listener: Option<&'a Listener>,
    /// Sockets of other processes that keep the instance from listening here on loopback.
    pub(crate) blocking_listeners: Vec<&'a Listener>,
}

/// An instance that shares ports, or has a port conflict, with the instance of a [`PortMapEntry`].
#[derive(Debug)]
pub(crate) struct PortNeighbour {
    /// Label of the other instance.
    pub(crate) label: String,
    /// `true` where the two instances can't both run, `false` where they share ports that both may come to use.
    pub(crate) conflict: bool,
    /// Message that names the ports and the consequence.
    pub(crate) msg: Msg,
    /// Key that pins the port in question in the config of this instance; `None` where the port is derived.
    pub(crate) own_key: Option<String>,
    /// Key that pins the port in question in the config of the other instance.
    pub(crate) their_key: Option<String>,
}

/// Maximum number of instances with conflicting or near ports that the port map reports for an instance: a hundred
/// instances on one port have all the same problem.
pub(crate) const MAX_PORT_NEIGHBOURS: usize = 8;

impl Survey {
    /// Returns the map of the ports that the instances of the host hold.
    pub(crate) fn port_map(&self) -> PortMap<'_> {
        let claims = ClaimIndex::new(&self.instances);
        let mut listeners: Vec<_> = self.listeners.iter().collect();
        listeners.sort_by_key(|l| l.port);
        let each = self.instances.iter().enumerate();
        let entries = each.map(|(at, instance)| PortMapEntry {
            ports: mapped_ports(instance, &listeners),
            neighbours: self.neighbours(at, &claims),
        });
        let entries = entries.collect();
        let all = merge_spans(
            self.instances
                .iter()
                .flat_map(|i| i.claims.iter().map(|c| c.span))
                .collect(),
        );
        let in_span = |l: &&&Listener| {
            let at = all.partition_point(|span| span.last < l.port.get());
            all.get(at).is_some_and(|span| span.contains(l.port))
        };
        let is_foreign = |l: &&&Listener| l.process().is_none_or(|owner| owner.instance.is_none());
        PortMap {
            entries,
            shared: shared_ports(&self.instances, |_| true),
            clashes: clashes(&self.instances),
            foreign_listeners: listeners
                .iter()
                .filter(in_span)
                .filter(is_foreign)
                .copied()
                .collect(),
        }
    }

    /// Returns the instances that share ports or conflict with the instance at a position in the survey.
    fn neighbours(&self, at: usize, claims: &ClaimIndex<'_>) -> Vec<PortNeighbour> {
        let own = &self.instances[at];
        let mut near: Vec<usize> = Vec::new();
        'claims: for claim in &own.claims {
            for other in claims.holders_near(claim) {
                if other != at && !near.contains(&other) {
                    near.push(other);
                }
                if near.len() == MAX_PORT_NEIGHBOURS {
                    break 'claims;
                }
            }
        }
        near.sort_unstable();
        near.into_iter()
            .filter_map(|other| port_neighbour(own, &self.instances[other]))
            .collect()
    }
}

/// Returns the ports that an instance claims, with the sockets that listen there. `listeners` are sorted by port.
fn mapped_ports<'a>(instance: &'a SurveyedInstance, listeners: &[&'a Listener]) -> Vec<MappedPort<'a>> {
    let port = |claim: &'a Claim| {
        let from = listeners.partition_point(|l| l.port.get() < claim.span.first);
        let here = listeners[from..]
            .iter()
            .take_while(|l| l.port.get() <= claim.span.last)
            .copied();
        let is_own =
            |l: &&Listener| l.process().and_then(|owner| owner.instance.as_ref()) == Some(&instance.label);
        let (own, others): (Vec<_>, Vec<_>) = here.partition(is_own);
        let blocking = others
            .into_iter()
            .filter(|l| LOOPBACK.iter().any(|ip| l.blocks(*ip)));
        let mut blocking_listeners: Vec<_> = blocking.collect();
        // A process that listens on IPv4 and IPv6 is reported once.
        blocking_listeners.dedup_by(|a, b| (a.port, &a.owner) == (b.port, &b.owner));
        MappedPort {
            claim,
            own_listener: own.first().copied(),
            blocking_listeners,
        }
    };
    let mut ports: Vec<_> = instance.claims.iter().map(port).collect();
    ports.sort_by_key(|port| port.claim.span);
    ports
}

/// Returns another instance as a neighbour of `own`, or `None` where they share no port.
fn port_neighbour(own: &SurveyedInstance, other: &SurveyedInstance) -> Option<PortNeighbour> {
    let neighbour = |conflict, msg| PortNeighbour {
        label: other.label.clone(),
        conflict,
        msg,
        own_key: None,
        their_key: None,
    };
    let planner = Planner {
        asker: own.profile.clone().unwrap_or_else(ProfileName::default_profile),
        holders: vec![Arc::new(PortHolder {
            label: other.label.clone(),
            claims: other.claims.clone(),
        })],
        listeners: Vec::new(),
        own_ports: Vec::new(),
        ephemeral: None,
        excluded: Vec::new(),
    };
    let mut cost = None;
    for family in own.claims.iter().filter_map(PortFamily::from_base_claim) {
        match planner.check(family.base(), &[]).verdict {
            PortVerdict::Refused(why @ PortRefusal::TooClose { .. }) => {
                return Some(neighbour(true, why.msg(family.base().get())));
            }
            PortVerdict::Near(overlaps) => cost = overlaps.first().map(PoolOverlap::msg),
            PortVerdict::Refused(_) | PortVerdict::Disjoint => {}
        }
    }
    let fixed = |instance: &'_ SurveyedInstance| -> Vec<Claim> {
        instance
            .claims
            .iter()
            .filter(|claim| !claim.is_pool())
            .cloned()
            .collect()
    };
    let theirs = fixed(other);
    let clash = fixed(own).into_iter().find_map(|claim| {
        let equal = theirs
            .iter()
            .find(|their| their.span.overlap(claim.span).is_some())?;
        let msg = msg!("ports.clash", port = claim.span, holder = other.label);
        let msg = msg.with_msg("claim", claim.msg()).with_msg("other", equal.msg());
        Some(PortNeighbour {
            own_key: claim.pinning_key().map(str::to_owned),
            their_key: equal.pinning_key().map(str::to_owned),
            ..neighbour(true, msg)
        })
    });
    clash.or_else(|| cost.map(|msg| neighbour(false, msg)))
}

/// The port claims of all instances, to be searched by port.
struct ClaimIndex<'a> {
    /// Claims with the positions of their instances, sorted by first port.
    claims: Vec<(&'a Claim, usize)>,
    /// Number of ports of the longest claim.
    longest: u32,
}

impl<'a> ClaimIndex<'a> {
    fn new(instances: &'a [SurveyedInstance]) -> Self {
        let each = instances
            .iter()
            .enumerate()
            .flat_map(|(at, i)| i.claims.iter().map(move |claim| (claim, at)));
        let mut claims: Vec<_> = each.collect();
        claims.sort_by_key(|(claim, _)| claim.span.first);
        let longest = claims
            .iter()
            .map(|(claim, _)| claim.span.len())
            .max()
            .unwrap_or(0);
        Self { claims, longest }
    }

    /// Returns the positions of the instances with a port claim that overlaps this one, or that lies less than
    /// [`MIN_BASE_DISTANCE`] from it where this one is a base port.
    fn holders_near(&self, claim: &Claim) -> impl Iterator<Item = usize> {
        let margin = if claim.role == Role::Base {
            u32::from(MIN_BASE_DISTANCE)
        } else {
            0
        };
        let (first, last) = (u32::from(claim.span.first), u32::from(claim.span.last) + margin);
        let start = first.saturating_sub(self.longest + margin);
        let from = self
            .claims
            .partition_point(|(other, _)| u32::from(other.span.first) < start);
        let reach = move |other: &Claim| u32::from(other.span.last) + margin >= first;
        let near = self.claims[from..]
            .iter()
            .take_while(move |(other, _)| u32::from(other.span.first) <= last);
        near.filter(move |(other, _)| reach(other)).map(|(_, at)| *at)
    }
}

/// Returns the ports that at least two instances claim, of the port claims that `is_counted` selects.
fn shared_ports(instances: &[SurveyedInstance], is_counted: impl Fn(&Claim) -> bool) -> Vec<Span> {
    // The ends of each instance's ports: +1 at the first port, -1 behind the last.
    let mut borders: Vec<(u32, i32)> = Vec::new();
    for instance in instances {
        let spans = instance
            .claims
            .iter()
            .filter(|claim| is_counted(claim))
            .map(|claim| claim.span)
            .collect();
        for span in merge_spans(spans) {
            borders.push((u32::from(span.first), 1));
            borders.push((u32::from(span.last) + 1, -1));
        }
    }
    borders.sort_unstable();
    let mut shared = Vec::new();
    let mut holders = 0;
    for (at, (start, step)) in borders.iter().enumerate() {
        holders += step;
        let end = borders.get(at + 1).map_or(*start, |(end, _)| *end);
        if let (true, Ok(first), Ok(last)) = (
            holders > 1 && end > *start,
            u16::try_from(*start),
            u16::try_from(end - 1),
        ) {
            shared.push(Span { first, last });
        }
    }
    merge_spans(shared)
}

/// Returns the fixed ports that two instances have in common, and the ports between base ports that are too close.
fn clashes(instances: &[SurveyedInstance]) -> Vec<Span> {
    let mut clashes = shared_ports(instances, |claim| !claim.is_pool());
    let each = instances.iter().enumerate().flat_map(|(at, i)| {
        i.claims
            .iter()
            .filter_map(PortFamily::from_base_claim)
            .map(move |family| (family.base().get(), at))
    });
    let mut bases: Vec<_> = each.collect();
    bases.sort_unstable();
    let pairs = bases
        .windows(2)
        .filter(|pair| pair[0].1 != pair[1].1 && pair[1].0 - pair[0].0 < MIN_BASE_DISTANCE);
    clashes.extend(pairs.map(|pair| Span {
        first: pair[0].0,
        last: pair[1].0,
    }));
    merge_spans(clashes)
}
