//! Verdicts and suggestions over claims.
//!
//! A [`Planner`] is a picture of who holds what, seen by the profile that asks: its own instance is not
//! in it. [`Planner::check`] judges one base port by rules 1 to 3 and 5 of docs/design.md#port-rules,
//! [`Planner::suggest`] finds good ones by rules 3 to 5. Everything is intervals, and nothing but the
//! picture is asked: same picture, same answer.

use std::net::IpAddr;

use super::{
    BasePort, Claim, DEFAULT_BASE, DEV_BASE, LOOPBACK, Listener, MAX_BASE, MIN_BASE, MIN_DISTANCE, Port,
    PortFamily, Role, Span, merged,
};
use crate::profile::ProfileName;

mod search;
#[cfg(test)]
mod tests;
mod words;

pub use search::{Full, Suggestion};

/// Who holds what, as far as it is in the way of the profile that asks.
#[derive(Clone, Debug)]
pub struct Planner {
    /// The profile that asks: the unnamed one and `dev` own a base port each.
    pub asker: ProfileName,
    /// The other instances.
    pub holders: Vec<Holder>,
    /// What listens, without the asker's own gateway.
    pub listeners: Vec<Listener>,
    /// The ports that the asker's own gateway listens on: a probe finds them taken, and they are not in
    /// the way.
    pub own_ports: Vec<Port>,
    /// The ports that the kernel hands out to clients.
    pub ephemeral: Option<Span>,
    /// Ports that nobody may bind: kept by the system, or found taken by a probe.
    pub excluded: Vec<Span>,
}

/// Another instance and what it holds. Its base ports are its claims of [`Role::Base`]: more than one
/// where releases disagree on what a config means.
#[derive(Clone, Debug)]
pub struct Holder {
    /// What it is called on a screen.
    pub label: String,
    /// Its ports.
    pub claims: Vec<Claim>,
}

/// What is to be said of a base port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The base port.
    pub base: u16,
    /// May it be used?
    pub verdict: Verdict,
    /// What the user should know beside that.
    pub notices: Vec<Notice>,
}

/// Whether a base port may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It shares nothing with anybody.
    Disjoint,
    /// It may be used, at a cost: pools overlap. The dearest first.
    Near(Vec<Overlap>),
    /// It may not.
    Refused(Refusal),
}

/// What two instances share that is no conflict yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The other instance.
    pub holder: String,
    /// The ports that both may come to use.
    pub span: Span,
    /// Whose browser profile is the first that will fail.
    pub loser: Loser,
    /// Which one it is, counted from 1.
    pub nth: u16,
}

/// The instance that feels an overlap first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loser {
    /// The one that asks.
    Asker,
    /// The other one.
    Holder,
}

/// Why a base port is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Below [`MIN_BASE`].
    Privileged,
    /// Above [`MAX_BASE`]: the span would end above 65535.
    TooHigh,
    /// Less than [`MIN_DISTANCE`] from another base port.
    TooClose {
        /// The other instance.
        holder: String,
        /// Its base port.
        base: u16,
    },
    /// A port that another instance holds.
    Taken {
        /// The other instance.
        holder: String,
        /// What the port would be for.
        role: Role,
        /// The port.
        port: Port,
        /// What the other one holds it for.
        claim: Claim,
    },
    /// A port that a process holds.
    Held {
        /// What the port would be for.
        role: Role,
        /// The process and its address.
        listener: Listener,
    },
    /// A port that browsers refuse to open.
    Unopenable {
        /// What the port would be for.
        role: Role,
        /// The port.
        port: Port,
    },
    /// A port that nobody may bind.
    Excluded {
        /// What the port would be for.
        role: Role,
        /// The port.
        port: Port,
        /// The ports that are kept.
        span: Span,
    },
    /// No port of the CDP pool is left.
    PoolTaken {
        /// The pool.
        pool: Span,
    },
}

/// What is worth knowing of a base port that may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// These of its ports are among those that the kernel hands out to clients.
    Ephemeral(Span),
    /// Somebody listens in its pool.
    InPool(Listener),
    /// Nobody may bind these ports of its pool.
    Excluded(Span),
    /// It reaches into the span that this profile owns.
    Reserved(&'static str, Span),
}

/// Ports from 1024 up that browsers refuse to open: the "bad ports" of the WHATWG Fetch standard, 2.8.
const UNOPENABLE: [Span; 13] = [
    Span {
        first: 1719,
        last: 1720,
    },
    Span {
        first: 1723,
        last: 1723,
    },
    Span {
        first: 2049,
        last: 2049,
    },
    Span {
        first: 3659,
        last: 3659,
    },
    Span {
        first: 4045,
        last: 4045,
    },
    Span {
        first: 4190,
        last: 4190,
    },
    Span {
        first: 5060,
        last: 5061,
    },
    Span {
        first: 6000,
        last: 6000,
    },
    Span {
        first: 6566,
        last: 6566,
    },
    Span {
        first: 6665,
        last: 6669,
    },
    Span {
        first: 6679,
        last: 6679,
    },
    Span {
        first: 6697,
        last: 6697,
    },
    Span {
        first: 10080,
        last: 10080,
    },
];

impl Planner {
    /// Judges a base port for a gateway that will bind these addresses, and loopback in any case.
    pub fn check(&self, base: impl Into<u16>, addresses: &[IpAddr]) -> Check {
        let base = base.into();
        let refused = |why| Check {
            base,
            verdict: Verdict::Refused(why),
            notices: Vec::new(),
        };
        let Some(family) = PortFamily::new(base) else {
            return refused(if base < MIN_BASE {
                Refusal::Privileged
            } else {
                Refusal::TooHigh
            });
        };
        if let Some(why) = self.refusal(family, addresses) {
            return refused(why);
        }
        let overlaps = self.overlaps(family);
        let verdict = if overlaps.is_empty() {
            Verdict::Disjoint
        } else {
            Verdict::Near(overlaps)
        };
        Check {
            base,
            verdict,
            notices: self.notices(family),
        }
    }

    fn refusal(&self, family: PortFamily, addresses: &[IpAddr]) -> Option<Refusal> {
        self.unusable(family)
            .or_else(|| self.claimed(family))
            .or_else(|| self.held(family, addresses))
            .or_else(|| self.pool_taken(family))
    }

    /// A port that no gateway could use here.
    fn unusable(&self, family: PortFamily) -> Option<Refusal> {
        family.fixed().find_map(|(role, port)| {
            if UNOPENABLE.iter().any(|bad| bad.contains(port)) {
                return Some(Refusal::Unopenable { role, port });
            }
            let span = *self.excluded.iter().find(|span| span.contains(port))?;
            Some(Refusal::Excluded { role, port, span })
        })
    }

    /// Rule 1: what another instance holds.
    fn claimed(&self, family: PortFamily) -> Option<Refusal> {
        let close = |base: u16| base.abs_diff(family.base().get()) < MIN_DISTANCE;
        let too_close = self.holders.iter().find_map(|holder| {
            let base = holder.bases().find(|base| close(*base))?;
            Some(Refusal::TooClose {
                holder: holder.label.clone(),
                base,
            })
        });
        too_close.or_else(|| {
            self.holders.iter().find_map(|holder| {
                let mut fixed = holder.claims.iter().filter(|c| !c.is_pool());
                let (claim, (role, port)) = fixed.find_map(|claim| {
                    Some((
                        claim,
                        family.fixed().find(|(_, port)| claim.span.contains(*port))?,
                    ))
                })?;
                Some(Refusal::Taken {
                    holder: holder.label.clone(),
                    role,
                    port,
                    claim: claim.clone(),
                })
            })
        })
    }

    /// Rule 6: what a process holds.
    fn held(&self, family: PortFamily, addresses: &[IpAddr]) -> Option<Refusal> {
        let needed = || addresses.iter().chain(&LOOPBACK);
        let in_span = self.listeners.iter().filter(|l| family.span().contains(l.port));
        in_span
            .filter(|l| needed().any(|address| l.blocks(*address)))
            .find_map(|listener| {
                let (role, _) = family.fixed().find(|(_, port)| *port == listener.port)?;
                Some(Refusal::Held {
                    role,
                    listener: listener.clone(),
                })
            })
    }

    fn pool_taken(&self, family: PortFamily) -> Option<Refusal> {
        let pool = family.cdp_pool();
        let in_pool = self.unavailable().filter_map(|span| span.overlap(pool)).collect();
        let taken: u32 = merged(in_pool).into_iter().map(Span::len).sum();
        (taken == pool.len()).then_some(Refusal::PoolTaken { pool })
    }

    /// Ports that no browser of a new instance could use: another's fixed and pinned ones, those that
    /// something listens on at loopback, and those that nobody may bind.
    fn unavailable(&self) -> impl Iterator<Item = Span> {
        let fixed = self.claims().filter(|c| !c.is_pool()).map(|c| c.span);
        let held = self
            .listeners
            .iter()
            .filter(|l| LOOPBACK.iter().any(|ip| l.blocks(*ip)));
        fixed
            .chain(held.map(|l| Span::one(l.port)))
            .chain(self.excluded.iter().copied())
    }

    fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.holders.iter().flat_map(|holder| &holder.claims)
    }

    /// What it would share with each other instance, without what would be a conflict.
    fn overlaps(&self, family: PortFamily) -> Vec<Overlap> {
        let mut overlaps: Vec<_> = self
            .holders
            .iter()
            .filter_map(|holder| holder.overlap(family))
            .collect();
        overlaps.sort_by_key(|overlap| overlap.nth);
        overlaps
    }

    fn notices(&self, family: PortFamily) -> Vec<Notice> {
        let pool = family.cdp_pool();
        let ephemeral = self
            .ephemeral
            .and_then(|span| span.overlap(family.span()))
            .map(Notice::Ephemeral);
        // Where its owner is there, the overlap with it says more.
        let is_held = |owned: PortFamily| {
            self.holders
                .iter()
                .any(|h| h.bases().any(|base| owned.base() == base))
        };
        let reserved = self
            .reserved()
            .filter(|(_, owned)| !is_held(*owned))
            .filter_map(|(name, owned)| {
                let span = owned.span().overlap(family.span())?;
                Some(Notice::Reserved(name, span))
            });
        let listening = self
            .listeners
            .iter()
            .filter(|l| pool.contains(l.port))
            .cloned()
            .map(Notice::InPool);
        let excluded = self
            .excluded
            .iter()
            .filter_map(|span| span.overlap(pool))
            .map(Notice::Excluded);
        ephemeral
            .into_iter()
            .chain(reserved)
            .chain(listening)
            .chain(excluded)
            .collect()
    }

    /// The families that are kept for other profiles than the asker (rule 4).
    fn reserved(&self) -> impl Iterator<Item = (&'static str, PortFamily)> {
        let all = [
            (self.asker.is_default(), "default", DEFAULT_BASE),
            (self.asker.is_dev(), "dev", DEV_BASE),
        ];
        all.into_iter()
            .filter(|(own, ..)| !own)
            .map(|(_, name, base)| (name, base.into()))
    }

    /// The base port that the asker owns.
    fn own_base(&self) -> Option<BasePort> {
        match (self.asker.is_default(), self.asker.is_dev()) {
            (true, _) => Some(DEFAULT_BASE),
            (_, true) => Some(DEV_BASE),
            _ => None,
        }
    }
}

impl Holder {
    fn bases(&self) -> impl Iterator<Item = u16> {
        self.claims
            .iter()
            .filter(|c| c.role == Some(Role::Base))
            .map(|c| c.span.first)
    }

    /// What it would share with a family: the hull of all, and the first browser profile that meets it.
    fn overlap(&self, family: PortFamily) -> Option<Overlap> {
        let pool = family.cdp_pool();
        let mut hull: Option<Span> = None;
        let mut first: Option<(u16, Loser)> = None;
        let mut meets = |span: Span, nth: u16, loser| {
            hull = Some(hull.map_or(span, |h| Span {
                first: h.first.min(span.first),
                last: h.last.max(span.last),
            }));
            if first.is_none_or(|(n, _)| nth < n) {
                first = Some((nth, loser));
            }
        };
        let nth = |pool: Span, port: u16| port - pool.first + 1;
        for claim in &self.claims {
            if let Some(span) = claim.span.overlap(pool) {
                let (theirs, ours) = (nth(claim.span, span.first), nth(pool, span.first));
                // In two pools, the one that must count further to get there comes second and fails.
                if claim.is_pool() && theirs > ours {
                    meets(span, theirs, Loser::Holder);
                } else {
                    meets(span, ours, Loser::Asker);
                }
            }
            if claim.is_pool() {
                let fixed = family.fixed().filter(|(_, port)| claim.span.contains(*port));
                fixed
                    .for_each(|(_, port)| meets(Span::one(port), nth(claim.span, port.get()), Loser::Holder));
            }
        }
        let (span, (nth, loser)) = (hull?, first?);
        Some(Overlap {
            holder: self.label.clone(),
            span,
            loser,
            nth,
        })
    }
}
