//! The search for base ports: each rule gives intervals in which no base port may lie, and a search finds a base port
//! outside of all of them.

use super::{
    BROWSER_BLOCKED_PORTS, BasePort, DEFAULT_BASE, MAX_BASE, MIN_BASE, MIN_BASE_DISTANCE, Planner,
    PoolOverlap, PortFamily, Role, Span, merge_spans,
};
use crate::ports::{DISJOINT_BASE_DISTANCE, SUGGESTION_STEP};

/// A base port that the planner suggests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PortSuggestion {
    /// Family of the base port.
    pub(crate) family: PortFamily,
    /// Overlaps with other instances; empty where the family is disjoint from all.
    pub(crate) overlaps: Vec<PoolOverlap>,
    /// `true` where some ports of the family are ephemeral.
    pub(crate) ephemeral: bool,
}

/// Error of a search that finds fewer base ports than asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{available} of {asked} base ports are left")]
pub(crate) struct NoPortsLeft {
    /// Number of base ports that were asked for.
    pub(crate) asked: usize,
    /// Number of base ports that are left.
    pub(crate) available: usize,
}

/// Requirement that a base port must meet in a search of the port planner.
#[derive(Clone, Copy)]
enum Grade {
    /// The family shares no port with another instance, a reserved family, a listener, or the ports that can't be used.
    Disjoint,
    /// The base port conflicts with no other instance and lies outside of reserved families; pools may overlap.
    Near,
    /// The base port conflicts with no other instance: every one that a user may choose.
    Allowed,
}

/// Grades of a search for base ports from the best to the last resort, each with `true` where ephemeral ports are
/// avoided.
const GRADES: [(Grade, bool); 4] = [
    (Grade::Disjoint, true),
    (Grade::Disjoint, false),
    (Grade::Near, true),
    (Grade::Near, false),
];

impl Planner {
    /// Returns the best base ports, best first, disjoint from each other (rules 3 to 5): the one that is reserved for the
    /// asker; 19789, 20789 and so on; the lowest above the default's; the highest below it. One that overlaps another pool
    /// comes only where no disjoint one is left.
    ///
    /// # Errors
    /// [`NoPortsLeft`] where fewer than `count` are left.
    pub(crate) fn suggest(&self, count: usize) -> Result<Vec<PortSuggestion>, NoPortsLeft> {
        let mut found: Vec<PortSuggestion> = Vec::new();
        for (grade, avoid_ephemeral) in GRADES {
            if found.len() == count {
                break;
            }
            let mut blocked = self.blocked_bases(grade, avoid_ephemeral);
            blocked.extend(
                found
                    .iter()
                    .map(|s| bases_around(s.family.base().get(), DISJOINT_BASE_DISTANCE)),
            );
            let mut blocked = BlockedBases(merge_spans(blocked));
            while found.len() < count {
                let Some(family) = self.preferred_family(&blocked) else {
                    break;
                };
                found.push(match grade {
                    Grade::Disjoint => PortSuggestion {
                        family,
                        overlaps: Vec::new(),
                        ephemeral: self.is_ephemeral(family),
                    },
                    Grade::Near | Grade::Allowed => self.suggestion(family),
                });
                blocked.block(bases_around(family.base().get(), DISJOINT_BASE_DISTANCE));
            }
        }
        if found.len() < count {
            Err(NoPortsLeft {
                asked: count,
                available: found.len(),
            })
        } else {
            Ok(found)
        }
    }

    /// Returns the suggested base port for a gateway that is nearest to a typed one, the higher of two: a disjoint
    /// one where there is any.
    pub(crate) fn nearest(&self, typed: impl Into<u16>) -> Option<PortSuggestion> {
        self.nearest_by_grades(&GRADES, typed.into())
    }

    /// Returns the nearest base port that conflicts with no other instance, disjoint or not: 18809 beside 18789.
    pub(crate) fn closest_allowed(&self, to: impl Into<u16>) -> Option<PortSuggestion> {
        self.nearest_by_grades(&[(Grade::Allowed, true), (Grade::Allowed, false)], to.into())
    }

    /// Returns the base port that is nearest to a number, of the first grade that has one.
    fn nearest_by_grades(&self, grades: &[(Grade, bool)], to: u16) -> Option<PortSuggestion> {
        grades.iter().find_map(|(grade, avoid_ephemeral)| {
            let blocked = BlockedBases(merge_spans(self.blocked_bases(*grade, *avoid_ephemeral)));
            let (up, down) = (blocked.first_from(to), blocked.last_to(to));
            let base = match (up, down) {
                (Some(up), Some(down)) if to.abs_diff(down) < to.abs_diff(up) => down,
                (up, down) => up.or(down)?,
            };
            Some(self.suggestion(PortFamily::new(base)?))
        })
    }

    /// Returns a port family as the suggestion of a base port, with its overlaps with other instances.
    fn suggestion(&self, family: PortFamily) -> PortSuggestion {
        PortSuggestion {
            family,
            overlaps: self.overlaps(family),
            ephemeral: self.is_ephemeral(family),
        }
    }

    /// Returns whether some ports of a family are ephemeral.
    fn is_ephemeral(&self, family: PortFamily) -> bool {
        let ephemeral = self.ephemeral;
        ephemeral.is_some_and(|span| span.overlap(family.span()).is_some())
    }

    /// Returns the port family of the first base port that is not blocked, in order of preference.
    fn preferred_family(&self, blocked: &BlockedBases) -> Option<PortFamily> {
        let steps = (DEFAULT_BASE.get()..=MAX_BASE)
            .step_by(SUGGESTION_STEP.into())
            .skip(1);
        let base = self
            .reserved_base()
            .map(BasePort::get)
            .into_iter()
            .chain(steps)
            .find(|base| blocked.is_free(*base));
        let base = base
            .or_else(|| blocked.first_from(DEFAULT_BASE.get()))
            .or_else(|| blocked.last_to(DEFAULT_BASE.get()));
        PortFamily::new(base?)
    }

    /// Returns the intervals in which no base port lies that meets this requirement of the search.
    fn blocked_bases(&self, grade: Grade, avoid_ephemeral: bool) -> Vec<Span> {
        let span = Role::LAST_OFFSET;
        let reaching = |taken: Span| bases_at_offsets_in(taken, span, 0);
        let mut blocked = vec![
            Span {
                first: 0,
                last: MIN_BASE - 1,
            },
            Span {
                first: MAX_BASE + 1,
                last: u16::MAX,
            },
        ];
        blocked.extend(self.reserved_families().filter_map(|(_, family)| match grade {
            Grade::Disjoint | Grade::Near => reaching(family.span()),
            Grade::Allowed => Some(bases_around(family.base().get(), MIN_BASE_DISTANCE)),
        }));
        if avoid_ephemeral {
            blocked.extend(self.ephemeral.and_then(reaching));
        }
        let listening = || self.listeners.iter().map(|l| Span::one(l.port));
        let unusable = || self.excluded.iter().chain(&BROWSER_BLOCKED_PORTS).copied();
        match grade {
            Grade::Disjoint => {
                let claimed = self.claims().map(|claim| claim.span);
                blocked.extend(claimed.chain(listening()).chain(unusable()).filter_map(reaching));
            }
            Grade::Near | Grade::Allowed => {
                blocked.extend(
                    self.holders
                        .iter()
                        .flat_map(|holder| holder.bases())
                        .map(|b| bases_around(b, MIN_BASE_DISTANCE)),
                );
                let claimed = self
                    .claims()
                    .filter(|claim| !claim.is_pool())
                    .map(|claim| claim.span);
                let fixed = merge_spans(claimed.chain(listening()).chain(unusable()).collect());
                blocked.extend(fixed.iter().flat_map(|taken| {
                    Role::FIXED
                        .into_iter()
                        .filter_map(|(_, offset)| bases_at_offsets_in(*taken, offset, offset))
                }));
                let (first, last) = Role::CDP_OFFSETS;
                let unavailable = merge_spans(self.unavailable_ports().collect());
                let filled = unavailable
                    .into_iter()
                    .filter(|s| s.len() > u32::from(last - first));
                blocked.extend(filled.filter_map(|s| bases_at_offsets_in(s, first, last)));
            }
        }
        blocked
    }
}

/// Returns the interval of base ports that are less than `distance` from this one.
fn bases_around(base: u16, distance: u16) -> Span {
    Span {
        first: base.saturating_sub(distance - 1),
        last: base.saturating_add(distance - 1),
    }
}

/// Returns the base ports that have a port in the span at an offset from `last_offset` to `first_offset`: those from
/// `span.first - first_offset` to `span.last - last_offset`.
fn bases_at_offsets_in(span: Span, first_offset: u16, last_offset: u16) -> Option<Span> {
    let last = span.last.checked_sub(last_offset)?;
    let first = span.first.saturating_sub(first_offset);
    (first <= last).then_some(Span { first, last })
}

/// Intervals of base ports that are ruled out, ascending, without overlaps.
struct BlockedBases(Vec<Span>);

impl BlockedBases {
    /// Returns the interval of blocked base ports that rules this base port out.
    fn blocking_span(&self, base: u16) -> Option<Span> {
        let at = self.0.partition_point(|span| span.last < base);
        self.0.get(at).copied().filter(|span| span.contains(base))
    }

    /// Returns whether a base port is not ruled out.
    fn is_free(&self, base: u16) -> bool {
        self.blocking_span(base).is_none()
    }

    /// Returns the lowest base port that is not ruled out from this number up.
    fn first_from(&self, base: u16) -> Option<u16> {
        self.blocking_span(base)
            .map_or(Some(base), |span| span.last.checked_add(1))
    }

    /// Returns the highest base port that is not ruled out from this number down.
    fn last_to(&self, base: u16) -> Option<u16> {
        self.blocking_span(base)
            .map_or(Some(base), |span| span.first.checked_sub(1))
    }

    /// Rules out an interval of base ports.
    fn block(&mut self, span: Span) {
        self.0.push(span);
        self.0 = merge_spans(std::mem::take(&mut self.0));
    }
}
