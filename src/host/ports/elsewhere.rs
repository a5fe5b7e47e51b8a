//! Lists listening sockets on systems without `/proc`, by the `listeners` crate.

use std::collections::BTreeSet;

use super::socket::{ListeningSocket, ProcessInfo, SocketId, SocketProcess};

pub(super) fn socket_ids() -> Option<Vec<SocketId>> {
    None
}

pub(super) fn listening_sockets(
    port: Option<u16>,
    _likely_owners: &dyn Fn() -> BTreeSet<u32>,
    _needs_owner: &dyn Fn(u16) -> bool,
) -> Vec<ListeningSocket> {
    let all = listeners::get_all().unwrap_or_default().into_iter();
    let tcp =
        all.filter(|l| l.protocol == listeners::Protocol::TCP && l.state == listeners::SocketState::Listen);
    let wanted = tcp.filter(|l| port.is_none_or(|port| l.socket.port() == port));
    wanted
        .map(|l| ListeningSocket {
            ip: l.socket.ip(),
            port: l.socket.port(),
            process: SocketProcess::Known(ProcessInfo::new(l.process.pid, &l.process.name)),
            id: None,
        })
        .collect()
}

/// Returns the dynamic ports of RFC 6335, which macOS and Windows have by default.
#[expect(clippy::unnecessary_wraps, reason = "Linux may not say")]
pub(super) fn ephemeral_range() -> Option<(u16, u16)> {
    Some((49152, 65535))
}

#[cfg(windows)]
#[expect(clippy::disallowed_methods, reason = "host starts programs")]
pub(super) fn excluded_ranges() -> Vec<(u16, u16)> {
    let args = ["interface", "ipv4", "show", "excludedportrange", "protocol=tcp"];
    let output = std::process::Command::new("netsh").args(args).output();
    output.map_or_else(
        |_| Vec::new(),
        |o| super::netsh::excluded_ranges(&String::from_utf8_lossy(&o.stdout)),
    )
}

#[cfg(not(windows))]
pub(super) fn excluded_ranges() -> Vec<(u16, u16)> {
    Vec::new()
}

/// Returns no command line and no environment variables of a process: on these systems other programs can't read
/// them.
pub(super) fn arguments_and_env(_pid: u32, _prefix: &str) -> (Vec<String>, Vec<(String, String)>) {
    (Vec::new(), Vec::new())
}
