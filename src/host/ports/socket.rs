//! The types of listening sockets and of the processes that hold them.

use std::net::IpAddr;
use std::time::Duration;

/// Time that an ending process may take to release its sockets.
pub(crate) const SOCKET_RELEASE_TIMEOUT: Duration = Duration::from_millis(300);

/// A TCP socket that listens for connections.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListeningSocket {
    /// The address that the socket is bound to.
    pub ip: IpAddr,
    /// The port that the socket is bound to.
    pub port: u16,
    /// The process that holds the socket; `None` where this user may not know it, because it is another user's.
    pub process: Option<ProcessInfo>,
}

/// The pid and the name of a running process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProcessInfo {
    /// The process id.
    pub pid: u32,
    /// The short name, without folder and arguments.
    pub name: String,
}
