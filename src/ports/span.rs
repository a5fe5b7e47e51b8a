//! Intervals of ports, and their overlaps.

use std::fmt;

use super::port::Port;

/// An interval of ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    /// First port of the interval.
    pub(crate) first: u16,
    /// Last port of the interval, not below the first.
    pub(crate) last: u16,
}

impl Span {
    /// Returns the interval that holds one port alone.
    pub(crate) fn one(port: impl Into<u16>) -> Self {
        let port = port.into();
        Self {
            first: port,
            last: port,
        }
    }

    /// Returns whether a port is in the interval of ports.
    pub(crate) fn contains(self, port: impl Into<u16>) -> bool {
        (self.first..=self.last).contains(&port.into())
    }

    /// Returns the ports that two intervals of ports have in common, or `None` where they have none.
    pub(crate) fn overlap(self, other: Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (first <= last).then_some(Self { first, last })
    }

    /// Returns the number of ports in an interval, 1 to 65536.
    pub(crate) fn len(self) -> u32 {
        u32::from(self.last) - u32::from(self.first) + 1
    }

    /// Returns the ports of an interval, ascending.
    pub(crate) fn ports(self) -> impl Iterator<Item = Port> {
        (self.first..=self.last).filter_map(Port::new)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

/// Joins intervals of ports that overlap or touch. The result has the same ports, in ascending order.
pub(crate) fn merge_spans(mut spans: Vec<Span>) -> Vec<Span> {
    // Most of them come in order, which a stable sort makes use of.
    spans.sort();
    spans.dedup_by(|next, kept| {
        let joins = u32::from(next.first) <= u32::from(kept.last) + 1;
        if joins {
            kept.last = kept.last.max(next.last);
        }
        joins
    });
    spans
}
