//! Ports: roles, offsets, spans, claims. The one place that derives a port from a base port.
//!
//! Pure: no socket is opened here. What listens, and what other instances hold, comes in as
//! [`Claim`]s; the answers are verdicts and suggestions ([`planner`]). The rules and their numbers are
//! those of docs/design.md#port-rules and docs/openclaw.md#ports.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub mod planner;

/// The base port of the unnamed instance (docs/openclaw.md#default-base-ports).
pub const DEFAULT_BASE: u16 = 18789;
/// The base port that the `dev` profile owns (docs/openclaw.md#default-base-ports).
pub const DEV_BASE: u16 = 19001;
/// The highest base port: the whole span must fit below 65536.
pub const MAX_BASE: u16 = u16::MAX - Role::LAST_OFFSET;
/// The lowest port that needs no privilege.
pub const MIN_BASE: u16 = 1024;
/// Two bases nearer than this conflict (rule 1).
pub const MIN_DISTANCE: u16 = 20;
/// Two bases at least this far apart share nothing (rule 3).
pub const DISJOINT_DISTANCE: u16 = Role::LAST_OFFSET + 1;
/// The distance of the ranges that are suggested first (rule 4).
pub const RANGE_STEP: u16 = 1000;

/// The addresses that every gateway needs, whatever it binds beyond: its relays listen there, and so do
/// its own clients look for it.
pub const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// What a port of an instance is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// HTTP and WebSocket: `gateway.port`.
    Base,
    /// The bridge of early releases.
    Bridge,
    /// Browser control, loopback only.
    BrowserControl,
    /// The extension relay.
    ExtensionRelay,
    /// The canvas host.
    Canvas,
    /// The relay of later releases.
    Relay,
    /// The debugging ports of the instance's browsers.
    CdpPool,
    /// Set by hand in a config or a service.
    Pinned,
}

impl Role {
    /// The roles that are one fixed port each, with their offsets from the base port.
    pub const FIXED: [(Self, u16); 6] = [
        (Self::Base, 0),
        (Self::Bridge, 1),
        (Self::BrowserControl, 2),
        (Self::ExtensionRelay, 3),
        (Self::Canvas, 4),
        (Self::Relay, 10),
    ];
    /// The offsets of the CDP pool, first and last.
    pub const CDP_OFFSETS: (u16, u16) = (11, 110);
    const LAST_OFFSET: u16 = Self::CDP_OFFSETS.1;

    /// The stable name, as `--json` has it and as the catalogue's `role.NAME`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Bridge => "bridge",
            Self::BrowserControl => "browser-control",
            Self::ExtensionRelay => "extension-relay",
            Self::Canvas => "canvas",
            Self::Relay => "relay",
            Self::CdpPool => "cdp-pool",
            Self::Pinned => "pinned",
        }
    }
}

/// An interval of ports, both ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first port.
    pub first: u16,
    /// The last port, not below the first.
    pub last: u16,
}

impl Span {
    /// The interval of one port.
    pub fn one(port: u16) -> Self {
        Self {
            first: port,
            last: port,
        }
    }

    /// Whether a port is in it.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// What both have in common.
    pub fn overlap(self, other: Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (first <= last).then_some(Self { first, last })
    }

    /// How many ports it has, 1 to 65536.
    pub fn len(self) -> u32 {
        u32::from(self.last) - u32::from(self.first) + 1
    }

    /// An interval has at least one port.
    pub fn is_empty(self) -> bool {
        false
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

/// A base port and everything that is derived from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortFamily {
    base: u16,
}

impl PortFamily {
    /// The family of a base port; `None` below [`MIN_BASE`] or above [`MAX_BASE`].
    pub fn new(base: u16) -> Option<Self> {
        (MIN_BASE..=MAX_BASE).contains(&base).then_some(Self { base })
    }

    /// The base port.
    pub fn base(self) -> u16 {
        self.base
    }

    /// The fixed ports with their roles, ascending.
    pub fn fixed(self) -> impl Iterator<Item = (Role, u16)> {
        Role::FIXED
            .into_iter()
            .map(move |(role, offset)| (role, self.base + offset))
    }

    /// The port of a fixed role. `CdpPool` gives the pool's first port, `Pinned` the base.
    pub fn port(self, role: Role) -> u16 {
        match Role::FIXED.iter().find(|(r, _)| *r == role) {
            Some((_, offset)) => self.base + offset,
            None if role == Role::CdpPool => self.cdp_pool().first,
            None => self.base,
        }
    }

    /// The browsers' debugging ports.
    pub fn cdp_pool(self) -> Span {
        let (first, last) = Role::CDP_OFFSETS;
        Span {
            first: self.base + first,
            last: self.base + last,
        }
    }

    /// From the base port to the last port of the pool.
    pub fn span(self) -> Span {
        Span {
            first: self.base,
            last: self.base + Role::LAST_OFFSET,
        }
    }

    /// What an instance with this base port holds: each fixed port and the pool.
    pub fn claims(self) -> impl Iterator<Item = Claim> {
        let derived = |span, role| Claim {
            span,
            role: Some(role),
            why: Why::Derived,
        };
        let fixed = self
            .fixed()
            .map(move |(role, port)| derived(Span::one(port), role));
        fixed.chain(std::iter::once(derived(self.cdp_pool(), Role::CdpPool)))
    }
}

/// Where a claim comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Derived from the holder's base port.
    Derived,
    /// Set by this key of its config (`browser.profiles.work.cdpPort`), or by this line of its service.
    Pinned(String),
    /// Something listens there.
    Listening,
}

/// A port or an interval that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The ports.
    pub span: Span,
    /// What for; a listener that is no known gateway's has none.
    pub role: Option<Role>,
    /// On which ground.
    pub why: Why,
}

impl Claim {
    /// A port that a key of a config, or a line of a service, names.
    pub fn pinned(span: Span, role: Role, key: impl Into<String>) -> Self {
        Self {
            span,
            role: Some(role),
            why: Why::Pinned(key.into()),
        }
    }

    /// The family of which this claim is the base port.
    pub fn family(&self) -> Option<PortFamily> {
        (self.role == Some(Role::Base))
            .then(|| PortFamily::new(self.span.first))
            .flatten()
    }

    /// Whether it is ports to choose among, so that an overlap costs something and breaks nothing yet.
    pub fn is_pool(&self) -> bool {
        self.role == Some(Role::CdpPool)
    }
}

/// A listening TCP socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// The address it is bound to; a wildcard holds the port on every address.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
    /// The process, where this user may know it.
    pub owner: Option<Owner>,
}

/// The process that holds a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// Its id.
    pub pid: u32,
    /// Its short name.
    pub name: String,
    /// The label of the instance whose gateway it is, where it is one.
    pub instance: Option<String>,
}

impl Listener {
    /// Whether it keeps others from binding its port on this address. A wildcard blocks every address,
    /// and is blocked by every address; `::` counts for IPv4 too, as systems have it by default.
    pub fn blocks(&self, address: IpAddr) -> bool {
        let (held, wanted) = (self.ip.to_canonical(), address.to_canonical());
        held == wanted
            || matches!(held, IpAddr::V6(ip) if ip.is_unspecified())
            || matches!(wanted, IpAddr::V6(ip) if ip.is_unspecified())
            || (held.is_unspecified() || wanted.is_unspecified()) && held.is_ipv4() == wanted.is_ipv4()
    }
}

/// The port that OpenClaw 2026.9.6 uses for a named profile without a port in its config: FNV-1a over
/// the name's bytes (docs/openclaw.md#hashed-default-port).
pub fn hashed_default(profile: &str) -> u16 {
    let hash = profile.bytes().fold(0x811c_9dc5_u32, |h, b| {
        (h ^ u32::from(b)).wrapping_mul(0x0100_0193)
    });
    // A remainder of 40000 always fits.
    20_000 + u16::try_from(hash % 40_000).unwrap_or_default()
}
