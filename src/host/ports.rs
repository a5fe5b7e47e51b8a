//! What listens on this host, and which ports its kernel keeps for clients or for itself.
//!
//! Facts without judgement: whose gateway a process is, and what a taken port means, is decided above.
//! Each question has an empty answer where the system gives none; nothing here can fail.

use std::net::IpAddr;
use std::time::Duration;

#[cfg(not(target_os = "linux"))]
#[path = "ports/elsewhere.rs"]
mod system;
#[cfg(target_os = "linux")]
#[path = "ports/linux.rs"]
mod system;

/// How long a process that is ending may take to let go of its sockets.
pub const SOCKET_RELEASE_TIMEOUT: Duration = Duration::from_millis(300);

/// A TCP socket that listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListeningSocket {
    /// The address it is bound to.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
    /// Who holds it; other users' processes are not told to everybody.
    pub process: Option<ProcessInfo>,
}

/// A running process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessInfo {
    /// Its id.
    pub pid: u32,
    /// Its short name.
    pub name: String,
}

/// Every listening TCP socket, IPv4 and IPv6, in order of address and port. A process that is just ending
/// has its sockets for a moment longer than its name: on ports that `matter` that moment is waited for, so
/// that its sockets are not taken for another user's. So this blocks, for [`SOCKET_RELEASE_TIMEOUT`] at most.
pub fn listening_sockets(matter: impl Fn(u16) -> bool) -> Vec<ListeningSocket> {
    sorted(system::listening(None, &matter))
}

/// The sockets that listen on one port, which matters: much less work than to look at all.
pub fn listening_sockets_on(port: u16) -> Vec<ListeningSocket> {
    sorted(system::listening(Some(port), &|_| true))
}

fn sorted(mut sockets: Vec<ListeningSocket>) -> Vec<ListeningSocket> {
    sockets.sort_unstable();
    // The same socket handed down to several processes is one socket; so are those of SO_REUSEPORT.
    sockets.dedup_by(|a, b| (a.ip, a.port) == (b.ip, b.port));
    sockets
}

/// The first and last port that the system hands out to outgoing connections.
pub fn ephemeral_range() -> Option<(u16, u16)> {
    system::ephemeral_range()
}

/// Ports that the system lets nobody bind, as first and last ones. Only Windows has such.
pub fn excluded_ranges() -> Vec<(u16, u16)> {
    system::excluded_ranges()
}

/// A process's words and those of its variables that start with `prefix`; empty where this user may
/// not know them.
pub fn arguments_and_env(pid: u32, prefix: &str) -> (Vec<String>, Vec<(String, String)>) {
    system::words_of(pid, prefix)
}

/// The ranges in the output of `netsh interface ipv4 show excludedportrange protocol=tcp`, whose words
/// are in the system's language: a line that starts with two ports is one.
#[cfg(any(windows, test))]
fn netsh_ranges(output: &str) -> Vec<(u16, u16)> {
    let ranges = output.lines().filter_map(|line| {
        let mut words = line.split_whitespace().map(str::parse);
        match (words.next()?, words.next()?) {
            (Ok(first), Ok(last)) if first <= last => Some((first, last)),
            _ => None,
        }
    });
    ranges.collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the tests listen themselves")]

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
    fn a_bound_or_connected_socket_is_no_listener() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let port = client.local_addr().unwrap().port();
        assert!(!listening_sockets(|_| false).iter().any(|s| s.port == port));
    }

    #[test]
    fn the_words_of_a_process_are_told() {
        let (words, vars) = arguments_and_env(std::process::id(), "CARGO_PKG_NA");
        let own: Vec<_> = std::env::args().collect();
        assert_eq!(words, own);
        assert_eq!(vars, [("CARGO_PKG_NAME".to_owned(), "openclaw".to_owned())]);
        assert_eq!(arguments_and_env(u32::MAX, ""), (vec![], vec![]));
    }

    #[test]
    fn the_range_for_clients_is_a_range() {
        let (first, last) = ephemeral_range().unwrap();
        assert!(first < last);
    }

    #[test]
    fn netsh_is_read_in_any_language() {
        let english = "\r\nProtocol tcp Port Exclusion Ranges\r\n\r\nStart Port    End Port      \r\n\
            ----------    --------      \r\n        80          80\r\n     50000       50059     *\r\n\r\n\
            * - Administered port exclusions.\r\n";
        let turkish = "\r\nProtokol tcp Bağlantı Noktası Dışlama Aralıkları\r\n\r\n\
            Başlangıç Bağlantı Noktası    Bitiş Bağlantı Noktası      \r\n----------    --------\r\n\
            \u{20}     5357        5357\r\n     19789       19888\r\n\r\n* - Yönetilen bağlantı noktası dışlamaları.\r\n";
        assert_eq!(netsh_ranges(english), [(80, 80), (50000, 50059)]);
        assert_eq!(netsh_ranges(turkish), [(5357, 5357), (19789, 19888)]);
        assert_eq!(netsh_ranges("9 1\n70000 70001\n1\n"), []);
    }
}
