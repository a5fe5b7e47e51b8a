//! Claims: ports that an instance holds, and sockets that listen.

use std::net::{IpAddr, SocketAddr};

use super::port::Port;
use super::role::Role;
use super::span::Span;

/// Where a claim comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimReason {
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
    pub reason: ClaimReason,
}

impl Claim {
    /// A port that a key of a config, or a line of a service, names.
    pub fn pinned(span: Span, role: Role, key: impl Into<String>) -> Self {
        Self {
            span,
            role: Some(role),
            reason: ClaimReason::Pinned(key.into()),
        }
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
    pub port: Port,
    /// The process, where this user may know it.
    pub owner: Option<ListeningProcess>,
}

/// The process that holds a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListeningProcess {
    /// Its id.
    pub pid: u32,
    /// Its short name.
    pub name: String,
    /// The label of the instance to which it belongs, as its gateway or as a browser that the gateway started.
    pub instance: Option<String>,
    /// Whether it is proved to be the gateway of that instance.
    pub is_gateway: bool,
}

impl Listener {
    /// Returns the address and the port of the socket.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.get())
    }

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
