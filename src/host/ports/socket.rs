//! A listening socket and the process that holds it.

use std::net::IpAddr;
use std::time::Duration;

/// How long a process that is ending may take to release its sockets.
pub const SOCKET_RELEASE_TIMEOUT: Duration = Duration::from_millis(300);

/// A TCP socket that listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListeningSocket {
    /// The address that the socket is bound to.
    pub ip: IpAddr,
    /// The port that the socket is bound to.
    pub port: u16,
    /// The process that holds the socket; `None` where it is another user's and this one may not know.
    pub process: Option<ProcessInfo>,
}

/// The pid and the name of a running process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessInfo {
    /// Process id.
    pub pid: u32,
    /// Short name, without folder and arguments.
    pub name: String,
}
