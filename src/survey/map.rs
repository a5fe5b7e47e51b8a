//! The port map of a survey: for each port of each instance who holds it now, and which instances get
//! into each other's way. Grows with the number of instances, not with its square.

use super::{Survey, Surveyed};
use crate::i18n::{Msg, msg};
use crate::ports::planner::{Holder, Overlap, Planner, Refusal, Verdict};
use crate::ports::{Claim, LOOPBACK, Listener, MIN_DISTANCE, PortFamily, Role, Span, merged};
use crate::profile::ProfileName;

/// The map. Its entries stand in the order of the survey's instances.
#[derive(Debug)]
pub struct PortMap<'a> {
    /// One per instance.
    pub entries: Vec<Entry<'a>>,
    /// Ports that at least two instances may come to use.
    pub shared: Vec<Span>,
    /// Ports over which two instances conflict.
    pub clashes: Vec<Span>,
    /// What listens among the instances' ports and is no gateway of theirs.
    pub others: Vec<&'a Listener>,
}

/// One instance of the map.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Its ports in ascending order, each with who listens there.
    pub ports: Vec<Port<'a>>,
    /// Other instances that it gets into the way of, at most [`MAX_NEIGHBOURS`].
    pub neighbours: Vec<Neighbour>,
}

/// A port or a pool of an instance.
#[derive(Debug)]
pub struct Port<'a> {
    /// What the instance holds.
    pub claim: &'a Claim,
    /// Its own gateway, where that listens here.
    pub own: Option<&'a Listener>,
    /// Others that listen here in a way that matters to it.
    pub held: Vec<&'a Listener>,
}

/// What one instance is to another.
#[derive(Debug)]
pub struct Neighbour {
    /// The other one.
    pub label: String,
    /// They can't both run; otherwise they share ports that both may come to use.
    pub conflict: bool,
    /// Which ports, and what it costs.
    pub msg: Msg,
}

/// As many neighbours of an instance are told; a hundred instances on one port have all the same problem.
pub const MAX_NEIGHBOURS: usize = 8;

impl Survey {
    /// Draws the map.
    pub fn map(&self) -> PortMap<'_> {
        let holdings = Holdings::of(&self.instances);
        let mut listeners: Vec<_> = self.listeners.iter().collect();
        listeners.sort_by_key(|l| l.port);
        let each = self.instances.iter().enumerate();
        let entries = each.map(|(at, instance)| Entry {
            ports: ports(instance, &listeners),
            neighbours: self.neighbours(at, &holdings),
        });
        let entries = entries.collect();
        let all = merged(
            self.instances
                .iter()
                .flat_map(|i| i.claims.iter().map(|c| c.span))
                .collect(),
        );
        let in_span = |l: &&&Listener| {
            let at = all.partition_point(|span| span.last < l.port.get());
            all.get(at).is_some_and(|span| span.contains(l.port))
        };
        let is_other = |l: &&&Listener| l.owner.as_ref().is_none_or(|owner| owner.instance.is_none());
        PortMap {
            entries,
            shared: contested(&self.instances, |_| true),
            clashes: clashes(&self.instances),
            others: listeners
                .iter()
                .filter(in_span)
                .filter(is_other)
                .copied()
                .collect(),
        }
    }

    fn neighbours(&self, at: usize, holdings: &Holdings<'_>) -> Vec<Neighbour> {
        let own = &self.instances[at];
        let mut near: Vec<usize> = Vec::new();
        'claims: for claim in &own.claims {
            for other in holdings.touching(claim) {
                if other != at && !near.contains(&other) {
                    near.push(other);
                }
                if near.len() == MAX_NEIGHBOURS {
                    break 'claims;
                }
            }
        }
        near.sort_unstable();
        near.into_iter()
            .filter_map(|other| relation(own, &self.instances[other]))
            .collect()
    }
}

/// The ports of an instance with who listens there; `listeners` in order of their ports.
fn ports<'a>(instance: &'a Surveyed, listeners: &[&'a Listener]) -> Vec<Port<'a>> {
    let port = |claim: &'a Claim| {
        let from = listeners.partition_point(|l| l.port.get() < claim.span.first);
        let here = listeners[from..]
            .iter()
            .take_while(|l| l.port.get() <= claim.span.last)
            .copied();
        let is_own = |l: &&Listener| {
            l.owner.as_ref().and_then(|owner| owner.instance.as_ref()) == Some(&instance.label)
        };
        let (own, others): (Vec<_>, Vec<_>) = here.partition(is_own);
        let in_the_way = others
            .into_iter()
            .filter(|l| LOOPBACK.iter().any(|ip| l.blocks(*ip)));
        let mut held: Vec<_> = in_the_way.collect();
        // One process on IPv4 and IPv6 is told once.
        held.dedup_by(|a, b| (a.port, &a.owner) == (b.port, &b.owner));
        Port {
            claim,
            own: own.first().copied(),
            held,
        }
    };
    let mut ports: Vec<_> = instance.claims.iter().map(port).collect();
    ports.sort_by_key(|port| port.claim.span);
    ports
}

/// What `own` and another instance are to each other, seen by `own`.
fn relation(own: &Surveyed, other: &Surveyed) -> Option<Neighbour> {
    let neighbour = |conflict, msg| Neighbour {
        label: other.label.clone(),
        conflict,
        msg,
    };
    let planner = Planner {
        asker: own.profile.clone().unwrap_or_else(ProfileName::default_profile),
        holders: vec![Holder {
            label: other.label.clone(),
            claims: other.claims.clone(),
        }],
        listeners: Vec::new(),
        own_ports: Vec::new(),
        ephemeral: None,
        excluded: Vec::new(),
    };
    let mut cost = None;
    for family in own.claims.iter().filter_map(PortFamily::of_claim) {
        match planner.check(family.base(), &[]).verdict {
            Verdict::Refused(why @ Refusal::TooClose { .. }) => {
                return Some(neighbour(true, why.msg(family.base().get())));
            }
            Verdict::Near(overlaps) => cost = overlaps.first().map(Overlap::msg),
            Verdict::Refused(_) | Verdict::Disjoint => {}
        }
    }
    let fixed = |instance: &'_ Surveyed| -> Vec<Claim> {
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
        Some(msg.with_msg("claim", claim.msg()).with_msg("other", equal.msg()))
    });
    clash
        .map(|msg| neighbour(true, msg))
        .or_else(|| cost.map(|msg| neighbour(false, msg)))
}

/// The claims of all instances in order of their first ports.
struct Holdings<'a> {
    claims: Vec<(&'a Claim, usize)>,
    /// The length of the longest claim.
    longest: u32,
}

impl<'a> Holdings<'a> {
    fn of(instances: &'a [Surveyed]) -> Self {
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

    /// The instances that hold something at, or too close to, a claim.
    fn touching(&self, claim: &Claim) -> impl Iterator<Item = usize> {
        let margin = if claim.role == Some(Role::Base) {
            u32::from(MIN_DISTANCE)
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

/// The ports that at least two instances hold by claims of this kind.
fn contested(instances: &[Surveyed], kind: impl Fn(&Claim) -> bool) -> Vec<Span> {
    // The borders of each instance's ports, +1 where they begin and -1 behind their end.
    let mut borders: Vec<(u32, i32)> = Vec::new();
    for instance in instances {
        let spans = instance
            .claims
            .iter()
            .filter(|claim| kind(claim))
            .map(|claim| claim.span)
            .collect();
        for span in merged(spans) {
            borders.push((u32::from(span.first), 1));
            borders.push((u32::from(span.last) + 1, -1));
        }
    }
    borders.sort_unstable();
    let mut contested = Vec::new();
    let mut holders = 0;
    for (at, (start, step)) in borders.iter().enumerate() {
        holders += step;
        let end = borders.get(at + 1).map_or(*start, |(end, _)| *end);
        if let (true, Ok(first), Ok(last)) = (
            holders > 1 && end > *start,
            u16::try_from(*start),
            u16::try_from(end - 1),
        ) {
            contested.push(Span { first, last });
        }
    }
    merged(contested)
}

/// Equal fixed ports, and what lies between bases that are too close.
fn clashes(instances: &[Surveyed]) -> Vec<Span> {
    let mut clashes = contested(instances, |claim| !claim.is_pool());
    let each = instances.iter().enumerate().flat_map(|(at, i)| {
        i.claims
            .iter()
            .filter_map(PortFamily::of_claim)
            .map(move |family| (family.base().get(), at))
    });
    let mut bases: Vec<_> = each.collect();
    bases.sort_unstable();
    let pairs = bases
        .windows(2)
        .filter(|pair| pair[0].1 != pair[1].1 && pair[1].0 - pair[0].0 < MIN_DISTANCE);
    clashes.extend(pairs.map(|pair| Span {
        first: pair[0].0,
        last: pair[1].0,
    }));
    merged(clashes)
}
