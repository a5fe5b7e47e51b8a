//! Looking for base ports: each rule is a set of intervals in which no base port may lie, and a search
//! is a walk over what such sets leave.

use super::{
    BasePort, DEFAULT_BASE, MAX_BASE, MIN_BASE, MIN_DISTANCE, Overlap, Planner, PortFamily, Role, Span,
    UNOPENABLE, merged,
};
use crate::ports::{DISJOINT_DISTANCE, RANGE_STEP};

/// A base port that may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// Its ports.
    pub family: PortFamily,
    /// What it shares with others: empty where it is disjoint from all.
    pub overlaps: Vec<Overlap>,
    /// Whether some of its ports are among those that the kernel hands out to clients.
    pub ephemeral: bool,
}

/// No base port is left on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} of {asked} base ports are left")]
pub struct Full {
    /// How many were asked for.
    pub asked: usize,
    /// How many could be had.
    pub found: usize,
}

/// How good a base port must be.
#[derive(Clone, Copy)]
enum Grade {
    /// Its whole span is free of everybody.
    Disjoint,
    /// It conflicts with nobody, and stays out of the spans that other profiles own.
    Near,
    /// It conflicts with nobody: what a user may choose.
    Allowed,
}

/// From the best to the last resort: the grade, and whether the kernel's ephemeral ports are avoided.
const GRADES: [(Grade, bool); 4] = [
    (Grade::Disjoint, true),
    (Grade::Disjoint, false),
    (Grade::Near, true),
    (Grade::Near, false),
];

impl Planner {
    /// The best base ports, best first, disjoint from each other (rules 3 to 5): the one that the asker
    /// owns; a thousand up, and again; the lowest above the default's; the highest below it. What
    /// overlaps another pool comes only when no disjoint span is left.
    ///
    /// # Errors
    /// [`Full`] where there are not as many.
    pub fn suggest(&self, count: usize) -> Result<Vec<Suggestion>, Full> {
        let mut found: Vec<Suggestion> = Vec::new();
        for (grade, outside) in GRADES {
            if found.len() == count {
                break;
            }
            let mut blocked = self.blocked(grade, outside);
            blocked.extend(
                found
                    .iter()
                    .map(|s| around(s.family.base().get(), DISJOINT_DISTANCE)),
            );
            let mut blocked = Bases(merged(blocked));
            while found.len() < count {
                let Some(family) = self.preferred(&blocked) else {
                    break;
                };
                found.push(self.suggestion(family));
                blocked.block(around(family.base().get(), DISJOINT_DISTANCE));
            }
        }
        if found.len() < count {
            Err(Full {
                asked: count,
                found: found.len(),
            })
        } else {
            Ok(found)
        }
    }

    /// The good base port that is nearest to a typed one, the higher of two: disjoint from all first.
    pub fn nearest(&self, typed: impl Into<u16>) -> Option<Suggestion> {
        self.nearest_of(&GRADES, typed.into())
    }

    /// The nearest base port that conflicts with nobody, disjoint or not: 18809 beside 18789.
    pub fn closest_allowed(&self, to: impl Into<u16>) -> Option<Suggestion> {
        self.nearest_of(&[(Grade::Allowed, true), (Grade::Allowed, false)], to.into())
    }

    fn nearest_of(&self, grades: &[(Grade, bool)], to: u16) -> Option<Suggestion> {
        grades.iter().find_map(|(grade, outside)| {
            let blocked = Bases(merged(self.blocked(*grade, *outside)));
            let (up, down) = (blocked.first_from(to), blocked.last_to(to));
            let base = match (up, down) {
                (Some(up), Some(down)) if to.abs_diff(down) < to.abs_diff(up) => down,
                (up, down) => up.or(down)?,
            };
            Some(self.suggestion(PortFamily::new(base)?))
        })
    }

    fn suggestion(&self, family: PortFamily) -> Suggestion {
        let ephemeral = self
            .ephemeral
            .is_some_and(|span| span.overlap(family.span()).is_some());
        Suggestion {
            family,
            overlaps: self.overlaps(family),
            ephemeral,
        }
    }

    /// The first free base port in order of preference.
    fn preferred(&self, blocked: &Bases) -> Option<PortFamily> {
        let ladder = (DEFAULT_BASE.get()..=MAX_BASE).step_by(RANGE_STEP.into()).skip(1);
        let base = self
            .own_base()
            .map(BasePort::get)
            .into_iter()
            .chain(ladder)
            .find(|base| blocked.free(*base));
        let base = base
            .or_else(|| blocked.first_from(DEFAULT_BASE.get()))
            .or_else(|| blocked.last_to(DEFAULT_BASE.get()));
        PortFamily::new(base?)
    }

    /// The intervals in which no base port of this grade lies.
    fn blocked(&self, grade: Grade, outside_ephemeral: bool) -> Vec<Span> {
        let span = Role::LAST_OFFSET;
        let whole = |taken: Span| shifted(taken, span, 0);
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
        blocked.extend(self.reserved().filter_map(|(_, family)| match grade {
            Grade::Disjoint | Grade::Near => whole(family.span()),
            Grade::Allowed => Some(around(family.base().get(), MIN_DISTANCE)),
        }));
        if outside_ephemeral {
            blocked.extend(self.ephemeral.and_then(whole));
        }
        let listened = || self.listeners.iter().map(|l| Span::one(l.port));
        let never = || self.excluded.iter().chain(&UNOPENABLE).copied();
        match grade {
            Grade::Disjoint => {
                let claimed = self.claims().map(|claim| claim.span);
                blocked.extend(claimed.chain(listened()).chain(never()).filter_map(whole));
            }
            Grade::Near | Grade::Allowed => {
                blocked.extend(
                    self.holders
                        .iter()
                        .flat_map(super::Holder::bases)
                        .map(|b| around(b, MIN_DISTANCE)),
                );
                let claimed = self
                    .claims()
                    .filter(|claim| !claim.is_pool())
                    .map(|claim| claim.span);
                let fixed = merged(claimed.chain(listened()).chain(never()).collect());
                blocked.extend(fixed.iter().flat_map(|taken| {
                    Role::FIXED
                        .into_iter()
                        .filter_map(|(_, offset)| shifted(*taken, offset, offset))
                }));
                let (first, last) = Role::CDP_OFFSETS;
                let unavailable = merged(self.unavailable().collect());
                let filled = unavailable
                    .into_iter()
                    .filter(|s| s.len() > u32::from(last - first));
                blocked.extend(filled.filter_map(|s| shifted(s, first, last)));
            }
        }
        blocked
    }
}

/// The bases less than `distance` from this one.
fn around(base: u16, distance: u16) -> Span {
    Span {
        first: base.saturating_sub(distance - 1),
        last: base.saturating_add(distance - 1),
    }
}

/// The bases `first - down_first ..= last - down_last`: those whose port at such an offset is in the span.
fn shifted(span: Span, down_first: u16, down_last: u16) -> Option<Span> {
    let last = span.last.checked_sub(down_last)?;
    let first = span.first.saturating_sub(down_first);
    (first <= last).then_some(Span { first, last })
}

/// The base ports that are ruled out, merged.
struct Bases(Vec<Span>);

impl Bases {
    /// The interval that rules this base port out.
    fn hit(&self, base: u16) -> Option<Span> {
        let at = self.0.partition_point(|span| span.last < base);
        self.0.get(at).copied().filter(|span| span.contains(base))
    }

    fn free(&self, base: u16) -> bool {
        self.hit(base).is_none()
    }

    fn first_from(&self, base: u16) -> Option<u16> {
        self.hit(base).map_or(Some(base), |span| span.last.checked_add(1))
    }

    fn last_to(&self, base: u16) -> Option<u16> {
        self.hit(base)
            .map_or(Some(base), |span| span.first.checked_sub(1))
    }

    fn block(&mut self, span: Span) {
        self.0.push(span);
        self.0 = merged(std::mem::take(&mut self.0));
    }
}
