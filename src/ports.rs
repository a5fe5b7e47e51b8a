//! Ports: roles, offsets, spans, claims. The one place that derives a port from a base port.
//!
//! Pure: no socket is opened here. What listens, and what other instances hold, comes in as
//! [`Claim`]s; the answers are verdicts and suggestions ([`planner`]). The rules and their numbers are
//! those of docs/design.md#port-rules, 1 to 7, and docs/openclaw.md#ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

mod claim;
mod family;
pub mod planner;
mod port;
mod role;
mod source;
mod span;

pub use claim::{Claim, Listener, Owner, Why};
pub use family::{BasePort, MAX_BASE, MIN_BASE, PortFamily};
pub use port::{InvalidPort, Port};
pub use role::Role;
pub use source::PortSource;
pub use span::{Span, merged};

/// The base port of the unnamed instance (docs/openclaw.md#default-base-ports).
pub const DEFAULT_BASE: BasePort = BasePort::known(18789);
/// The base port that the `dev` profile owns (docs/openclaw.md#default-base-ports).
pub const DEV_BASE: BasePort = BasePort::known(19001);
/// Two bases nearer than this conflict (rule 1).
pub const MIN_DISTANCE: u16 = 20;
/// Two bases at least this far apart share nothing (rule 3).
pub const DISJOINT_DISTANCE: u16 = Role::LAST_OFFSET + 1;
/// The distance of the ranges that are suggested first (rule 4).
pub const RANGE_STEP: u16 = 1000;

/// The addresses that every gateway needs, whatever it binds beyond: its relays listen there, and so do
/// its own clients look for it.
pub const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// The port that OpenClaw 2026.9.6 uses for a named profile without a port in its config: FNV-1a over
/// the name's bytes (docs/openclaw.md#hashed-default-port).
pub fn hashed_default(profile: &str) -> BasePort {
    let hash = profile.bytes().fold(0x811c_9dc5_u32, |h, b| {
        (h ^ u32::from(b)).wrapping_mul(0x0100_0193)
    });
    // A remainder of 40000 always fits.
    BasePort::known(20_000 + u16::try_from(hash % 40_000).unwrap_or_default())
}
