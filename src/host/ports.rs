//! The listening TCP sockets of this host, and the ports that its kernel reserves.
//!
//! Facts without judgement: whose gateway a process is, and what a taken port means, is decided by the callers.
//! Where the system gives no answer the answer is empty; nothing here can fail.

#[cfg(not(target_os = "linux"))]
#[path = "ports/elsewhere.rs"]
mod system;
#[cfg(target_os = "linux")]
#[path = "ports/linux.rs"]
mod system;

#[cfg(any(windows, test))]
mod netsh;
mod socket;

pub use socket::{ListeningSocket, ProcessInfo, SOCKET_RELEASE_TIMEOUT};

/// Returns every listening TCP socket, IPv4 and IPv6, in order of address and port.
///
/// A process that is ending keeps its sockets for a moment longer than its name. On ports for which `needs_owner`
/// is true that moment is waited for, so that its sockets are not taken for another user's: the function blocks
/// for up to [`SOCKET_RELEASE_TIMEOUT`].
pub fn listening_sockets(needs_owner: impl Fn(u16) -> bool) -> Vec<ListeningSocket> {
    in_order(system::listening_sockets(None, &needs_owner))
}

/// Returns the sockets that listen on one port, with their owners: much less work than [`listening_sockets`].
pub fn listening_sockets_on(port: u16) -> Vec<ListeningSocket> {
    in_order(system::listening_sockets(Some(port), &|_| true))
}

fn in_order(mut sockets: Vec<ListeningSocket>) -> Vec<ListeningSocket> {
    sockets.sort_unstable();
    // A socket that several processes inherited is one socket; so are those of SO_REUSEPORT.
    sockets.dedup_by(|a, b| (a.ip, a.port) == (b.ip, b.port));
    sockets
}

/// Returns the first and the last port that the system gives to outgoing connections.
pub fn ephemeral_range() -> Option<(u16, u16)> {
    system::ephemeral_range()
}

/// Returns the ranges of ports, first and last included, that the system lets nobody bind. Only Windows has such.
pub fn excluded_ranges() -> Vec<(u16, u16)> {
    system::excluded_ranges()
}

/// Returns the command line of a process, and those of its variables that start with `prefix`. Empty where this
/// user may not know them.
pub fn arguments_and_env(pid: u32, prefix: &str) -> (Vec<String>, Vec<(String, String)>) {
    system::arguments_and_env(pid, prefix)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the tests open their own listeners")]

    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_is_found_with_its_process_on_ipv4_and_ipv6() {
        for ip in ["127.0.0.1", "::1", "127.0.0.2"] {
            let Ok(socket) = TcpListener::bind((ip, 0)) else {
                continue;
            };
            let address = socket.local_addr().unwrap();
            let found = listening_sockets(|_| false);
            let mine = found
                .iter()
                .find(|s| (s.ip, s.port) == (address.ip(), address.port()));
            let process = mine.and_then(|s| s.process.clone());
            assert_eq!(process.map(|p| p.pid), Some(std::process::id()), "{ip}");
        }
    }

    #[test]
    fn a_connected_socket_is_no_listener() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let port = client.local_addr().unwrap().port();
        assert!(!listening_sockets(|_| false).iter().any(|s| s.port == port));
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
    fn the_ephemeral_range_is_a_range() {
        let (first, last) = ephemeral_range().unwrap();
        assert!(first < last);
    }
}
