//! The types of listening sockets and of the processes that hold them.

use std::net::IpAddr;
use std::time::Duration;

use crate::text::sanitize_name;

/// Time that an ending process may take to release its sockets.
pub(crate) const SOCKET_RELEASE_TIMEOUT: Duration = Duration::from_millis(300);

/// The identity of a listening TCP socket for as long as it is open. The kernel gives the number of a closed socket
/// to another one, but hardly with the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SocketId {
    /// The address that the socket is bound to.
    pub ip: IpAddr,
    /// The port that the socket is bound to.
    pub port: u16,
    /// The number that the kernel gave to the socket.
    pub inode: u64,
}

/// A listening TCP socket of any process on the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListeningSocket {
    /// The address that the socket is bound to.
    pub ip: IpAddr,
    /// The port that the socket is bound to.
    pub port: u16,
    /// The process that holds the socket, as far as it is known.
    pub process: SocketProcess,
    /// The identity of the socket; `None` where the system does not tell it.
    pub id: Option<SocketId>,
}

/// The process that holds a listening socket, as far as it is known.
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "other systems list every socket with its process")
)]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SocketProcess {
    /// This process holds the socket.
    Known(ProcessInfo),
    /// This user may not know the process, because it is another user's.
    Hidden,
    /// The process was not looked for.
    NotLookedUp,
}

impl SocketProcess {
    /// Returns the process that holds a listening socket, where it is known.
    pub(crate) fn known(self) -> Option<ProcessInfo> {
        match self {
            Self::Known(process) => Some(process),
            Self::Hidden | Self::NotLookedUp => None,
        }
    }
}

/// The pid and the name of a running process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProcessInfo {
    /// The process id.
    pub pid: u32,
    /// The short name, without folder and arguments. Any program may call itself what it likes: the name is made safe
    /// for a terminal and a log, and short.
    pub name: String,
}

impl ProcessInfo {
    /// Creates the description of a process with the name that it gave itself.
    pub(crate) fn new(pid: u32, name: &str) -> Self {
        Self {
            pid,
            name: sanitize_name(name),
        }
    }
}
