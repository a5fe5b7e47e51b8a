//! Lists the listening TCP sockets of this host, and the ports that its kernel reserves.
//!
//! Callers decide whose gateway a process is, and what a used port means. Where the system gives no answer, the result
//! is empty: no function here fails.

use std::collections::BTreeSet;

#[cfg(not(target_os = "linux"))]
#[path = "ports/elsewhere.rs"]
mod system;
#[cfg(target_os = "linux")]
#[path = "ports/linux.rs"]
mod system;

#[cfg(any(windows, test))]
mod netsh;
mod socket;

pub(crate) use socket::{ListeningSocket, ProcessInfo, SOCKET_RELEASE_TIMEOUT, SocketId, SocketProcess};

/// `true` on systems where every listening socket is listed, whoever holds it.
pub(crate) const LISTS_ALL_LISTENERS: bool = cfg!(target_os = "linux");

/// Returns the identities of all listening TCP sockets, IPv4 and IPv6, without their processes; `None` where the
/// system does not tell them. Much faster than [`listening_sockets`].
pub(crate) fn socket_ids() -> Option<Vec<SocketId>> {
    system::socket_ids()
}

/// Returns all listening TCP sockets, IPv4 and IPv6, in order of address and port.
///
/// To find the process of a socket, Linux wants the open files of every process read. So this is done only for the
/// ports for which `needs_owner` returns true, and the processes in `likely_owners` are looked at first. Other sockets
/// have their process where it was met on the way.
///
/// A process that ends may keep its sockets for a moment after it can no longer be found as their owner. For ports for
/// which `needs_owner` returns true, the function waits until such sockets are closed, at most for
/// [`SOCKET_RELEASE_TIMEOUT`], so that they are not taken for another user's.
pub(crate) fn listening_sockets(
    likely_owners: &dyn Fn() -> BTreeSet<u32>,
    needs_owner: impl Fn(u16) -> bool,
) -> Vec<ListeningSocket> {
    let mut sockets = system::listening_sockets(None, likely_owners, &needs_owner);
    sockets.sort_unstable();
    sockets
}

/// Returns the TCP sockets that listen on one port, with the processes that own them. Much faster than
/// [`listening_sockets`].
pub(crate) fn listening_sockets_on(port: u16) -> Vec<ListeningSocket> {
    let mut sockets = system::listening_sockets(Some(port), &BTreeSet::new, &|_| true);
    sockets.sort_unstable();
    // Sockets that share an address (SO_REUSEPORT) count as one.
    sockets.dedup_by(|a, b| (a.ip, a.port) == (b.ip, b.port));
    sockets
}

/// Returns the first and the last port that the system assigns to outgoing connections.
pub(crate) fn ephemeral_range() -> Option<(u16, u16)> {
    system::ephemeral_range()
}

/// Returns the inclusive ranges of ports that no program can bind. Only Windows has such ranges.
pub(crate) fn excluded_ranges() -> Vec<(u16, u16)> {
    system::excluded_ranges()
}

/// Returns the command line of a process, and those of its environment variables that start with `prefix`. Empty where
/// this user may not read them.
pub(crate) fn arguments_and_env(pid: u32, prefix: &str) -> (Vec<String>, Vec<(String, String)>) {
    system::arguments_and_env(pid, prefix)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the tests open their own listeners")]

    use std::net::TcpListener;

    use super::*;

    #[test]
    fn listener_is_found_with_its_process_on_ipv4_and_ipv6() {
        for ip in ["127.0.0.1", "::1", "127.0.0.2"] {
            let Ok(socket) = TcpListener::bind((ip, 0)) else {
                continue;
            };
            let address = socket.local_addr().unwrap();
            let found = listening_sockets(&BTreeSet::new, |port| port == address.port());
            let mine = found
                .iter()
                .find(|s| (s.ip, s.port) == (address.ip(), address.port()));
            let process = mine.and_then(|s| s.process.clone().known());
            assert_eq!(process.map(|p| p.pid), Some(std::process::id()), "{ip}");
        }
    }

    #[test]
    fn connected_socket_is_no_listener() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let port = client.local_addr().unwrap().port();
        assert!(
            !listening_sockets(&BTreeSet::new, |_| false)
                .iter()
                .any(|s| s.port == port)
        );
    }

    #[test]
    fn process_of_a_socket_is_looked_for_on_request_only() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let process = |likely_owners: &[u32], is_needed: bool| {
            let likely_owners = || likely_owners.iter().copied().collect();
            let sockets = listening_sockets(&likely_owners, |asked| is_needed && asked == port);
            sockets.into_iter().find(|s| s.port == port).unwrap().process
        };
        let own = std::process::id();
        assert_eq!(process(&[], false), SocketProcess::NotLookedUp);
        assert_eq!(process(&[own], false).known().map(|p| p.pid), Some(own));
        assert_eq!(process(&[], true).known().map(|p| p.pid), Some(own));
    }

    #[test]
    fn arguments_and_variables_of_a_process_are_read() {
        let (arguments, vars) = arguments_and_env(std::process::id(), "CARGO_PKG_NA");
        let own: Vec<_> = std::env::args().collect();
        assert_eq!(arguments, own);
        assert_eq!(vars, [("CARGO_PKG_NAME".to_owned(), "openclaw".to_owned())]);
        assert_eq!(arguments_and_env(u32::MAX, ""), (vec![], vec![]));
    }

    #[test]
    fn first_ephemeral_port_is_below_the_last() {
        let (first, last) = ephemeral_range().unwrap();
        assert!(first < last);
    }
}
