//! The port planner: checks a base port against the claims and listeners of a host, and suggests free ones.
//!
//! A [`Planner`] holds the ports that are taken from the view of one profile, whose own instance is left out.
//! [`Planner::check`] checks one base port by rules 1 to 3, 5 and 6 of docs/design.md#port-rules, and [`Planner::suggest`]
//! finds base ports by rules 3 to 5. Both work on intervals of ports and depend on the planner's fields only.

use std::net::IpAddr;
use std::sync::Arc;

use super::{
    BasePort, Claim, DEFAULT_BASE, DEV_BASE, LOOPBACK, Listener, MAX_BASE, MIN_BASE, MIN_BASE_DISTANCE, Port,
    PortFamily, Role, SUGGESTION_STEP, Span, merge_spans,
};
use crate::profile::ProfileName;

/// First base port that is suggested for a profile without a reserved one: a step above the default instance's.
const SECOND_BASE: BasePort = BasePort::known(DEFAULT_BASE.get() + SUGGESTION_STEP);

mod messages;
mod search;
#[cfg(test)]
mod tests;

pub(crate) use search::{NoPortsLeft, PortSuggestion};

/// The ports of a host that are taken, from the view of the profile that asks for a base port.
#[derive(Clone, Debug)]
pub(crate) struct Planner {
    /// Profile that asks for a base port; for `default` and `dev` a base port is reserved.
    pub(crate) asker: ProfileName,
    /// Claims of the other instances.
    pub(crate) holders: Vec<Arc<PortHolder>>,
    /// Listening sockets, without those of the asker's own gateway.
    pub(crate) listeners: Vec<Listener>,
    /// Ports on which the asker's own gateway listens: a probe can't bind them, and they are free for the asker.
    pub(crate) own_ports: Vec<Port>,
    /// Ephemeral ports, which the kernel hands out to clients.
    pub(crate) ephemeral: Option<Span>,
    /// Ports that can't be bound: reserved by the system, or found taken by a probe.
    pub(crate) excluded: Vec<Span>,
}

/// The port claims of another instance than the one that asks for a base port. It has several claims of
/// [`Role::Base`] where releases of OpenClaw disagree on the base port of its config.
#[derive(Clone, Debug)]
pub(crate) struct PortHolder {
    /// Label of the instance.
    pub(crate) label: String,
    /// Claims of the instance.
    pub(crate) claims: Vec<Claim>,
}

/// Result of the port planner's check of a base port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PortCheck {
    /// Base port that was checked.
    pub(crate) base: u16,
    /// Verdict on the base port.
    pub(crate) verdict: PortVerdict,
    /// Notices for the user that are no reason to refuse the base port.
    pub(crate) notices: Vec<PortNotice>,
}

/// Verdict of the port planner on a base port: disjoint from all others, near others, or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PortVerdict {
    /// The base port may be used, and its family shares no port with another instance.
    Disjoint,
    /// The base port may be used, but pools overlap. The overlap that is felt first comes first.
    Near(Vec<PoolOverlap>),
    /// The base port must not be used.
    Refused(PortRefusal),
}

/// Ports that two instances may come to use, which is no conflict yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PoolOverlap {
    /// Label of the other instance.
    pub(crate) holder: String,
    /// Ports that both instances may come to use.
    pub(crate) span: Span,
    /// Instance whose browser profile is the first without a free port.
    pub(crate) loser: OverlapLoser,
    /// Number of that browser profile, counted from 1.
    pub(crate) browser_number: u16,
}

/// The instance whose browsers run out of ports first where the port pools of two instances overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OverlapLoser {
    /// The instance that asks for a base port.
    Asker,
    /// The other instance.
    Holder,
}

/// Reason why the port planner refuses a base port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PortRefusal {
    /// The base port is below [`MIN_BASE`].
    Privileged,
    /// The base port is above [`MAX_BASE`]: its family would end above 65535.
    TooHigh,
    /// The base port is less than [`MIN_BASE_DISTANCE`] from another instance's.
    TooClose {
        /// Label of the other instance.
        holder: String,
        /// Base port of the other instance.
        base: u16,
    },
    /// A port of the family is claimed by another instance.
    Claimed {
        /// Label of the other instance.
        holder: String,
        /// Role that the port would have.
        role: Role,
        /// Port in question.
        port: Port,
        /// Claim of the other instance.
        claim: Claim,
    },
    /// A process listens on a port of the family.
    InUse {
        /// Role that the port would have.
        role: Role,
        /// Socket that listens there, with its process.
        listener: Listener,
    },
    /// Browsers refuse to connect to a port of the family.
    BrowserBlocked {
        /// Role that the port would have.
        role: Role,
        /// Port in question.
        port: Port,
    },
    /// A port of the family can't be bound.
    Excluded {
        /// Role that the port would have.
        role: Role,
        /// Port in question.
        port: Port,
        /// Interval of ports that can't be bound.
        span: Span,
    },
    /// Every port of the CDP pool is taken.
    PoolTaken {
        /// Ports of the pool.
        pool: Span,
    },
}

/// Notice of the port planner about a base port that may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PortNotice {
    /// Some ports of the family are ephemeral: the kernel may hand them out to clients.
    Ephemeral(Span),
    /// A process listens on a port of the pool.
    InPool(Listener),
    /// Some ports of the pool can't be bound.
    Excluded(Span),
    /// Some ports of the family are reserved for the named profile.
    Reserved(&'static str, Span),
}

/// Ports from 1024 up to which browsers refuse to connect: the "bad ports" of the WHATWG Fetch standard, 2.8.
const BROWSER_BLOCKED_PORTS: [Span; 13] = [
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

/// Returns whether a port belongs to the family of a base port that the planner proposes before all others: one that is
/// reserved for a profile, or a step of [`SUGGESTION_STEP`] above (docs/design.md#port-rules, rule 4).
pub(crate) fn is_usual_port(port: Port) -> bool {
    let above_default = port.get().checked_sub(DEFAULT_BASE.get());
    above_default.is_some_and(|distance| distance % SUGGESTION_STEP <= Role::LAST_OFFSET)
        || PortFamily::from(DEV_BASE).span().contains(port)
}

impl Planner {
    /// Checks a base port for a gateway that will bind these addresses, and loopback in any case.
    pub(crate) fn check(&self, base: impl Into<u16>, addresses: &[IpAddr]) -> PortCheck {
        let base = base.into();
        let refused = |why| PortCheck {
            base,
            verdict: PortVerdict::Refused(why),
            notices: Vec::new(),
        };
        let Some(family) = PortFamily::new(base) else {
            return refused(if base < MIN_BASE {
                PortRefusal::Privileged
            } else {
                PortRefusal::TooHigh
            });
        };
        if let Some(why) = self.refusal(family, addresses) {
            return refused(why);
        }
        let overlaps = self.overlaps(family);
        let verdict = if overlaps.is_empty() {
            PortVerdict::Disjoint
        } else {
            PortVerdict::Near(overlaps)
        };
        PortCheck {
            base,
            verdict,
            notices: self.notices(family),
        }
    }

    /// Returns the first reason to refuse the port family of a base port, or `None` where it may be used.
    fn refusal(&self, family: PortFamily, addresses: &[IpAddr]) -> Option<PortRefusal> {
        self.refusal_by_port(family)
            .or_else(|| self.refusal_by_claim(family))
            .or_else(|| self.refusal_by_listener(family, addresses))
            .or_else(|| self.refusal_by_pool(family))
    }

    /// Refuses a port family with a fixed port that no gateway can use on this host.
    fn refusal_by_port(&self, family: PortFamily) -> Option<PortRefusal> {
        family.fixed().find_map(|(role, port)| {
            if BROWSER_BLOCKED_PORTS.iter().any(|bad| bad.contains(port)) {
                return Some(PortRefusal::BrowserBlocked { role, port });
            }
            let span = *self.excluded.iter().find(|span| span.contains(port))?;
            Some(PortRefusal::Excluded { role, port, span })
        })
    }

    /// Refuses a port family that conflicts with a port claim of another instance (rule 1).
    fn refusal_by_claim(&self, family: PortFamily) -> Option<PortRefusal> {
        let close = |base: u16| base.abs_diff(family.base().get()) < MIN_BASE_DISTANCE;
        let too_close = self.holders.iter().find_map(|holder| {
            let base = holder.bases().find(|base| close(*base))?;
            Some(PortRefusal::TooClose {
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
                Some(PortRefusal::Claimed {
                    holder: holder.label.clone(),
                    role,
                    port,
                    claim: claim.clone(),
                })
            })
        })
    }

    /// Refuses a port family with a fixed port on which a process listens (rule 6).
    fn refusal_by_listener(&self, family: PortFamily, addresses: &[IpAddr]) -> Option<PortRefusal> {
        let needed = || addresses.iter().chain(&LOOPBACK);
        let in_span = self.listeners.iter().filter(|l| family.span().contains(l.port));
        in_span
            .filter(|l| needed().any(|address| l.blocks(*address)))
            .find_map(|listener| {
                let (role, _) = family.fixed().find(|(_, port)| *port == listener.port)?;
                Some(PortRefusal::InUse {
                    role,
                    listener: listener.clone(),
                })
            })
    }

    /// Returns the reason why the asker's gateway could not listen on a base port now; `None` where it could. Other
    /// instances' claims and the derived ports do not count: a gateway starts in spite of them.
    pub(crate) fn listen_refusal(&self, base: Port, addresses: &[IpAddr]) -> Option<PortRefusal> {
        let (role, port) = (Role::Base, base);
        if let Some(span) = self.excluded.iter().copied().find(|span| span.contains(port)) {
            return Some(PortRefusal::Excluded { role, port, span });
        }
        let blocks_any = |listener: &&Listener| {
            let mut needed = addresses.iter().chain(&LOOPBACK);
            needed.any(|address| listener.blocks(*address))
        };
        let mut at_port = self.listeners.iter().filter(|listener| listener.port == base);
        let listener = at_port.find(blocks_any)?;
        Some(PortRefusal::InUse {
            role,
            listener: listener.clone(),
        })
    }

    /// Refuses a port family without a free port in its pool of browser ports.
    fn refusal_by_pool(&self, family: PortFamily) -> Option<PortRefusal> {
        let pool = family.cdp_pool();
        let in_pool = self
            .unavailable_ports()
            .filter_map(|span| span.overlap(pool))
            .collect();
        let taken: u32 = merge_spans(in_pool).into_iter().map(Span::len).sum();
        (taken == pool.len()).then_some(PortRefusal::PoolTaken { pool })
    }

    /// Returns the ports that no browser of the asking instance can use: fixed and pinned ones of other instances,
    /// those on which a process listens at loopback, and those that can't be bound.
    fn unavailable_ports(&self) -> impl Iterator<Item = Span> {
        let fixed = self.claims().filter(|c| !c.is_pool()).map(|c| c.span);
        let held = self
            .listeners
            .iter()
            .filter(|l| LOOPBACK.iter().any(|ip| l.blocks(*ip)));
        fixed
            .chain(held.map(|l| Span::one(l.port)))
            .chain(self.excluded.iter().copied())
    }

    /// Returns the port claims of all other instances.
    fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.holders.iter().flat_map(|holder| &holder.claims)
    }

    /// Returns the overlaps of a port family with the ports of each other instance, conflicts left out, in the order
    /// in which they are felt.
    fn overlaps(&self, family: PortFamily) -> Vec<PoolOverlap> {
        let mut overlaps: Vec<_> = self
            .holders
            .iter()
            .filter_map(|holder| holder.overlap(family))
            .collect();
        overlaps.sort_by_key(|overlap| overlap.browser_number);
        overlaps
    }

    /// Returns the notices for the user about a port family that are no reason to refuse it.
    fn notices(&self, family: PortFamily) -> Vec<PortNotice> {
        let pool = family.cdp_pool();
        let ephemeral = self
            .ephemeral
            .and_then(|span| span.overlap(family.span()))
            .map(PortNotice::Ephemeral);
        // Where the profile exists and has that base port, the overlap with it tells more.
        let is_held = |owned: PortFamily| {
            self.holders
                .iter()
                .any(|h| h.bases().any(|base| owned.base() == base))
        };
        let reserved = self
            .reserved_families()
            .filter(|(_, owned)| !is_held(*owned))
            .filter_map(|(name, owned)| {
                let span = owned.span().overlap(family.span())?;
                Some(PortNotice::Reserved(name, span))
            });
        let listening = self
            .listeners
            .iter()
            .filter(|l| pool.contains(l.port))
            .cloned()
            .map(PortNotice::InPool);
        let excluded = self
            .excluded
            .iter()
            .filter_map(|span| span.overlap(pool))
            .map(PortNotice::Excluded);
        ephemeral
            .into_iter()
            .chain(reserved)
            .chain(listening)
            .chain(excluded)
            .collect()
    }

    /// Returns the port families that are reserved for other profiles than the asking one, with the names of these
    /// (rule 4).
    fn reserved_families(&self) -> impl Iterator<Item = (&'static str, PortFamily)> {
        let all = [
            (self.asker.is_default(), "default", DEFAULT_BASE),
            (self.asker.is_dev(), "dev", DEV_BASE),
        ];
        all.into_iter()
            .filter(|(own, ..)| !own)
            .map(|(_, name, base)| (name, base.into()))
    }

    /// Returns the base port that the asking profile gets on a host where nothing is in its way (rule 4).
    pub(crate) fn usual_base(&self) -> BasePort {
        self.reserved_base().unwrap_or(SECOND_BASE)
    }

    /// Returns the base port that is reserved for the asking profile.
    fn reserved_base(&self) -> Option<BasePort> {
        match (self.asker.is_default(), self.asker.is_dev()) {
            (true, _) => Some(DEFAULT_BASE),
            (_, true) => Some(DEV_BASE),
            _ => None,
        }
    }
}

impl PortHolder {
    /// Returns the base ports that another instance claims.
    fn bases(&self) -> impl Iterator<Item = u16> {
        self.claims
            .iter()
            .filter(|c| c.role == Role::Base)
            .map(|c| c.span.first)
    }

    /// Returns the overlap of an instance's port claims with a port family: the interval around all shared ports, and
    /// the first browser profile that is without a free port because of them.
    fn overlap(&self, family: PortFamily) -> Option<PoolOverlap> {
        let pool = family.cdp_pool();
        let mut hull: Option<Span> = None;
        let mut first: Option<(u16, OverlapLoser)> = None;
        let mut add = |span: Span, nth: u16, loser| {
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
                // Pools are filled from their first port: the one whose first port is further away arrives second.
                if claim.is_pool() && theirs > ours {
                    add(span, theirs, OverlapLoser::Holder);
                } else {
                    add(span, ours, OverlapLoser::Asker);
                }
            }
            if claim.is_pool() {
                for (_, port) in family.fixed().filter(|(_, port)| claim.span.contains(*port)) {
                    add(Span::one(port), nth(claim.span, port.get()), OverlapLoser::Holder);
                }
            }
        }
        let (span, (nth, loser)) = (hull?, first?);
        Some(PoolOverlap {
            holder: self.label.clone(),
            span,
            loser,
            browser_number: nth,
        })
    }
}
