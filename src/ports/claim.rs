//! Claims of instances on ports, and sockets that listen on ports.

use std::net::{IpAddr, SocketAddr};

use super::port::Port;
use super::role::Role;
use super::span::Span;

/// Origin of a port claim: a base port, a key of a config or flag of a service, or a process that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClaimReason {
    /// The ports are derived from the instance's base port.
    Derived,
    /// The port is set by this key of the config (`browser.profiles.work.cdpPort`), or by this flag of the service.
    Pinned(String),
}

/// A port or an interval of ports that an instance uses or may come to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Claimed ports.
    pub(crate) span: Span,
    /// Role of the ports.
    pub(crate) role: Role,
    /// Origin of the claim.
    pub(crate) reason: ClaimReason,
}

impl Claim {
    /// Returns the claim of ports that a key of a config, or a flag of a service, sets.
    pub(crate) fn pinned(span: Span, role: Role, key: impl Into<String>) -> Self {
        Self {
            span,
            role,
            reason: ClaimReason::Pinned(key.into()),
        }
    }

    /// Returns the key or flag that pins the ports of a claim; `None` where they are derived from a base port.
    pub(crate) fn pinning_key(&self) -> Option<&str> {
        match &self.reason {
            ClaimReason::Derived => None,
            ClaimReason::Pinned(key) => Some(key),
        }
    }

    /// Returns whether a port claim is a pool, of which a browser takes any free port: an overlap with another pool
    /// leaves fewer ports and is no conflict.
    pub(crate) fn is_pool(&self) -> bool {
        self.role == Role::CdpPool
    }
}

/// A listening TCP socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Listener {
    /// Address to which the socket is bound; a wildcard is bound on every address.
    pub(crate) ip: IpAddr,
    /// Port of the socket.
    pub(crate) port: Port,
    /// Process that holds the socket, as far as it is known.
    pub(crate) owner: SocketOwner,
}

/// The owner of a listening TCP socket, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SocketOwner {
    /// The process holds the socket.
    Process(ListeningProcess),
    /// The socket belongs to another user, whose processes this user may not see.
    OtherUser,
    /// The owner was not looked up, since nobody asked: that means to look through the open files of every process.
    NotLookedUp,
}

/// The process that holds a listening TCP socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListeningProcess {
    /// Process id.
    pub(crate) pid: u32,
    /// Short name of the process.
    pub(crate) name: String,
    /// Label of the instance to which the process belongs, as its gateway or as a browser that the gateway started;
    /// `None` for any other process.
    pub(crate) instance: Option<String>,
    /// `true` where the process is proved to be the gateway of that instance.
    pub(crate) is_gateway: bool,
}

impl Listener {
    /// Returns the process that holds a listening TCP socket, where it is known.
    pub(crate) fn process(&self) -> Option<&ListeningProcess> {
        match &self.owner {
            SocketOwner::Process(process) => Some(process),
            SocketOwner::OtherUser | SocketOwner::NotLookedUp => None,
        }
    }

    /// Returns the process that holds a listening TCP socket, where it is known, to be changed.
    pub(crate) fn process_mut(&mut self) -> Option<&mut ListeningProcess> {
        match &mut self.owner {
            SocketOwner::Process(process) => Some(process),
            SocketOwner::OtherUser | SocketOwner::NotLookedUp => None,
        }
    }

    /// Returns the address and the port of a listening TCP socket.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.get())
    }

    /// Returns whether a listening TCP socket keeps other processes from binding its port on this address. A wildcard
    /// blocks every address, and is blocked by every address; `::` counts for IPv4 too, which is the default of
    /// systems.
    pub(crate) fn blocks(&self, address: IpAddr) -> bool {
        let (held, wanted) = (self.ip.to_canonical(), address.to_canonical());
        held == wanted
            || matches!(held, IpAddr::V6(ip) if ip.is_unspecified())
            || matches!(wanted, IpAddr::V6(ip) if ip.is_unspecified())
            || (held.is_unspecified() || wanted.is_unspecified()) && held.is_ipv4() == wanted.is_ipv4()
    }
}
