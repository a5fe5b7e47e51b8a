//! A base port and the family of ports that is derived from it: the one place that adds an offset to a base port.

use std::fmt;

use serde::Serialize;

use super::claim::{Claim, ClaimReason};
use super::port::Port;
use super::role::Role;
use super::span::Span;

/// Highest base port: the whole span must fit below 65536.
pub(crate) const MAX_BASE: u16 = u16::MAX - Role::LAST_OFFSET;
/// Lowest base port: the lowest port that needs no privilege.
pub(crate) const MIN_BASE: u16 = 1024;

/// A base port: a port from which a whole family can be derived, [`MIN_BASE`] to [`MAX_BASE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub(crate) struct BasePort(Port);

impl BasePort {
    /// Returns the base port of this number, or `None` where a port that is derived from it would be privileged or
    /// above 65535.
    pub(crate) const fn new(number: u16) -> Option<Self> {
        match Port::new(number) {
            Some(port) if MIN_BASE <= number && number <= MAX_BASE => Some(Self(port)),
            _ => None,
        }
    }

    /// Returns the base port of a number that is known to be a valid one. Meant for constants, where a wrong number
    /// fails to compile.
    pub(super) const fn known(number: u16) -> Self {
        Self::new(number).expect("a number from MIN_BASE to MAX_BASE")
    }

    /// Returns the number of a base port.
    pub(crate) const fn get(self) -> u16 {
        self.0.get()
    }
}

impl From<BasePort> for Port {
    fn from(base: BasePort) -> Self {
        base.0
    }
}

impl From<BasePort> for u16 {
    fn from(base: BasePort) -> Self {
        base.get()
    }
}

impl From<BasePort> for serde_json::Value {
    fn from(base: BasePort) -> Self {
        base.get().into()
    }
}

impl PartialEq<u16> for BasePort {
    fn eq(&self, other: &u16) -> bool {
        self.get() == *other
    }
}

impl fmt::Display for BasePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A base port and every port that is derived from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PortFamily {
    base: BasePort,
}

impl PortFamily {
    /// Returns the port family of a base port, or `None` where the number isn't one ([`BasePort::new`]).
    pub(crate) fn new(base: impl Into<u16>) -> Option<Self> {
        Some(Self {
            base: BasePort::new(base.into())?,
        })
    }

    /// Returns the port family whose base port is claimed, or `None` for a claim of another role.
    pub(crate) fn from_base_claim(claim: &Claim) -> Option<Self> {
        (claim.role == Role::Base)
            .then(|| Self::new(claim.span.first))
            .flatten()
    }

    /// Returns the ports that a gateway on a base port uses: its family's, or the port alone where the number is no base
    /// port.
    pub(crate) fn span_of(base: impl Into<u16>) -> Span {
        let base = base.into();
        Self::new(base).map_or_else(|| Span::one(base), Self::span)
    }

    /// Returns the base port of a port family.
    pub(crate) fn base(self) -> BasePort {
        self.base
    }

    /// Returns the fixed ports of a port family with their roles, ascending.
    pub(crate) fn fixed(self) -> impl Iterator<Item = (Role, Port)> {
        Role::FIXED
            .into_iter()
            .map(move |(role, offset)| (role, self.at_offset(offset)))
    }

    /// Returns the port of a fixed role in a port family, the pool's first port for `CdpPool`, and the base port for
    /// `Pinned`.
    pub(crate) fn port(self, role: Role) -> Port {
        match Role::FIXED.iter().find(|(fixed, _)| *fixed == role) {
            Some((_, offset)) => self.at_offset(*offset),
            None if role == Role::CdpPool => self.at_offset(Role::CDP_OFFSETS.0),
            None => self.base.into(),
        }
    }

    /// Returns the port of a port family at an offset of at most [`Role::LAST_OFFSET`] from its base port.
    fn at_offset(self, offset: u16) -> Port {
        Port::new(self.base.get() + offset).expect("a base port is above 0")
    }

    /// Returns the pool of debugging ports that the browsers of an instance with this base port use.
    pub(crate) fn cdp_pool(self) -> Span {
        let (first, last) = Role::CDP_OFFSETS;
        Span {
            first: self.base.get() + first,
            last: self.base.get() + last,
        }
    }

    /// Returns the interval from a base port to the last port of its pool of browser ports.
    pub(crate) fn span(self) -> Span {
        Span {
            first: self.base.get(),
            last: self.base.get() + Role::LAST_OFFSET,
        }
    }

    /// Returns the port that lies as far above this base port as `port` lies above the base port of another family,
    /// or `None` where it isn't in the other's span.
    pub(crate) fn relocated(self, other: Self, port: Port) -> Option<Port> {
        let is_derived = other.span().contains(port);
        is_derived.then(|| self.at_offset(port.get() - other.base.get()))
    }

    /// Returns the port claims of an instance with this base port: each fixed port, and the pool of browser ports.
    pub(crate) fn claims(self) -> impl Iterator<Item = Claim> {
        let derived = |span, role| Claim {
            span,
            role,
            reason: ClaimReason::Derived,
        };
        let fixed = self
            .fixed()
            .map(move |(role, port)| derived(Span::one(port), role));
        fixed.chain(std::iter::once(derived(self.cdp_pool(), Role::CdpPool)))
    }
}

impl From<BasePort> for PortFamily {
    fn from(base: BasePort) -> Self {
        Self { base }
    }
}
