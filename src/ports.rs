//! The ports of instances: roles and their offsets from a base port, claims, and the planner that checks and suggests base
//! ports. No other module derives a port from a base port.
//!
//! Pure: no socket is opened here. Listeners and the claims of other instances are input; verdicts and suggestions are
//! output ([`planner`]). The rules are numbered as in docs/design.md#port-rules; see also docs/openclaw.md#ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::profile::ProfileName;

mod claim;
mod family;
pub(crate) mod planner;
mod port;
mod role;
mod source;
mod span;

pub(crate) use claim::{Claim, ClaimReason, Listener, ListeningProcess, SocketOwner};
pub(crate) use family::{BasePort, MAX_BASE, MIN_BASE, PortFamily};
pub use port::{InvalidPort, Port};
pub(crate) use role::Role;
pub use source::PortSource;
pub(crate) use span::{Span, merge_spans};

/// Base port of the unnamed instance (docs/openclaw.md#default-base-ports).
pub(crate) const DEFAULT_BASE: BasePort = BasePort::known(18789);
/// Base port that is reserved for the `dev` profile (docs/openclaw.md#default-base-ports).
pub(crate) const DEV_BASE: BasePort = BasePort::known(19001);
/// Minimum distance between the base ports of two gateways; nearer ones conflict (rule 1).
pub(crate) const MIN_BASE_DISTANCE: u16 = 20;
/// Minimum distance between the base ports of two gateways whose families share no port (rule 3).
pub(crate) const DISJOINT_BASE_DISTANCE: u16 = Role::LAST_OFFSET + 1;
/// Distance between the base ports that are suggested first for a gateway: 19789, 20789, ... (rule 4).
pub(crate) const SUGGESTION_STEP: u16 = 1000;

/// Loopback addresses, which every gateway needs beside those of its bind mode: its relays listen there, and its local
/// clients connect there.
pub(crate) const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Returns the base port that this program uses for an instance profile for which nothing sets one, as the later releases
/// do (docs/design.md#port-rules, rule 4).
pub(crate) fn default_base(profile: &ProfileName) -> BasePort {
    if profile.is_default() {
        DEFAULT_BASE
    } else if profile.is_dev() {
        DEV_BASE
    } else {
        hashed_default_base(profile.as_str())
    }
}

/// Returns the base ports that releases of OpenClaw use for a profile for which nothing sets one, the likeliest first: they
/// disagree on named profiles (docs/design.md#port-rules, rule 4).
pub(crate) fn default_bases(profile: Option<&ProfileName>) -> Vec<BasePort> {
    match profile {
        Some(profile) if !profile.is_default() && !profile.is_dev() => {
            vec![default_base(profile), DEFAULT_BASE]
        }
        profile => vec![profile.map_or(DEFAULT_BASE, default_base)],
    }
}

/// Returns the base port that OpenClaw 2026.9.6 uses for a named instance without a port in its config, by the FNV-1a
/// hash of the name (docs/openclaw.md#hashed-default-port).
pub(crate) fn hashed_default_base(profile: &str) -> BasePort {
    let hash = profile.bytes().fold(0x811c_9dc5_u32, |h, b| {
        (h ^ u32::from(b)).wrapping_mul(0x0100_0193)
    });
    // A remainder of a division by 40000 always fits.
    BasePort::known(20_000 + u16::try_from(hash % 40_000).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_base_of_a_profile_is_the_likeliest_of_all_that_releases_use() {
        for (name, bases) in [
            ("default", &[18789_u16][..]),
            ("dev", &[19001]),
            ("rescue", &[23532, 18789]),
        ] {
            let profile = ProfileName::parse(name).unwrap();
            let found: Vec<u16> = default_bases(Some(&profile))
                .iter()
                .map(|base| base.get())
                .collect();
            assert_eq!(found, bases, "{name}");
            assert_eq!(default_base(&profile).get(), bases[0], "{name}");
        }
        assert_eq!(default_bases(None), [DEFAULT_BASE]);
    }
}
