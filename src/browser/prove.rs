//! Who answers on a debugging port: the browser that was started here, or a stranger? A port that
//! answers proves nothing (docs/openclaw.md#leak-browser-port): the process that listens does, and its folder.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use crate::host::pid;
use crate::host::ports::{self, ListeningSocket, ProcessInfo};
use crate::ports::Port;

/// Who listens on a port at loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answerer {
    /// Nobody.
    Nobody,
    /// A browser on this folder: the one that was started here, or one that outlived its gateway.
    Ours(u32),
    /// Somebody else; the process where this user may know it.
    Stranger(Option<ProcessInfo>),
}

/// Who listens on this port. `leader` is the process that was started, where one was; `folder` is its
/// user-data folder.
pub fn who(port: Port, leader: Option<u32>, folder: &Path) -> Answerer {
    let Some(socket) = listener(ports::listening_sockets_on(port.get()), port) else {
        return Answerer::Nobody;
    };
    let Some(process) = socket.process else {
        return Answerer::Stranger(None);
    };
    let (words, _) = ports::arguments_and_env(process.pid, "OPENCLAW_");
    let in_group = leader.is_some_and(|leader| pid::is_in_group(process.pid, leader));
    // Where a system tells nothing of a process's words, its group is all there is to go by.
    let proven = if words.is_empty() {
        in_group
    } else {
        uses(&words, folder) && (leader.is_none() || in_group)
    };
    if proven {
        Answerer::Ours(process.pid)
    } else {
        Answerer::Stranger(Some(process))
    }
}

/// Who would hear what is said to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearer {
    /// Nobody listens there.
    Nobody,
    /// A process that this user may look at, so one of the same user.
    Visible,
    /// A process of somebody else: a token said there would be given away.
    Hidden,
}

/// Who would hear what is said to a port at loopback.
pub fn hearer(port: Port) -> Hearer {
    match listener(ports::listening_sockets_on(port.get()), port) {
        None => Hearer::Nobody,
        Some(socket) if socket.process.is_some() => Hearer::Visible,
        Some(_) => Hearer::Hidden,
    }
}

/// The socket that a connection to the port at `127.0.0.1` reaches: the exact address before a wildcard.
fn listener(sockets: Vec<ListeningSocket>, port: Port) -> Option<ListeningSocket> {
    let reached = |ip: IpAddr| match ip.to_canonical() {
        IpAddr::V4(ip) if ip == Ipv4Addr::LOCALHOST => Some(0),
        ip if ip.is_unspecified() => Some(1),
        _ => None,
    };
    let at_port = sockets.into_iter().filter(|socket| socket.port == port);
    at_port
        .filter_map(|socket| Some((reached(socket.ip)?, socket)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, socket)| socket)
}

/// Whether the words of a browser's command line name this user-data folder. A Chromium that runs with its
/// sandbox writes its title anew: then all words are one, with blanks between them.
pub fn uses(words: &[String], folder: &Path) -> bool {
    let Some(folder) = folder.to_str() else {
        return false;
    };
    let flag = format!("--user-data-dir={folder}");
    let named = |word: &String| {
        *word == flag
            || word.match_indices(&flag).any(|(at, _)| {
                let (before, after) = (&word[..at], &word[at + flag.len()..]);
                before.ends_with(' ') && (after.trim_end().is_empty() || after.starts_with(" --"))
            })
    };
    words.iter().any(named)
}

/// The debugging port that the words of a browser's command line name.
pub fn port_in(words: &[String]) -> Option<Port> {
    let named = words
        .iter()
        .find_map(|word| word.split_once("--remote-debugging-port="));
    let digits = named?.1.split(' ').next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the tests listen themselves")]

    use super::*;

    #[test]
    fn a_process_without_our_folder_is_a_stranger_although_it_answers() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = Port::known(listener.local_addr().unwrap().port());
        let own = std::process::id();
        let found = who(port, Some(own), Path::new("/nowhere/user-data"));
        assert!(matches!(found, Answerer::Stranger(Some(p)) if p.pid == own));
        assert_eq!(hearer(port), Hearer::Visible);
        drop(listener);
        assert_eq!(who(port, None, Path::new("/nowhere")), Answerer::Nobody);
        assert_eq!(hearer(port), Hearer::Nobody);
    }

    #[test]
    fn the_exact_address_is_reached_before_a_wildcard() {
        let socket = |ip: &str, pid| ListeningSocket {
            ip: ip.parse().unwrap(),
            port: 9,
            process: Some(ProcessInfo {
                pid,
                name: String::new(),
            }),
        };
        let found = listener(
            vec![socket("0.0.0.0", 1), socket("::1", 2), socket("127.0.0.1", 3)],
            Port::known(9),
        );
        assert_eq!(found.unwrap().process.unwrap().pid, 3);
    }

    #[test]
    fn a_folder_is_named_whole() {
        let words = ["chromium", "--user-data-dir=/a/b"].map(str::to_owned);
        assert!(uses(&words, Path::new("/a/b")));
        assert!(!uses(&words, Path::new("/a/b2")) && !uses(&words, Path::new("/a")));
        // As its title has it, with the sandbox on.
        let title = |folder: &str| {
            [format!(
                "/usr/bin/chromium --x --user-data-dir={folder} --no-first-run a:b"
            )]
        };
        assert!(uses(&title("/a/b c"), Path::new("/a/b c")));
        for other in ["/a", "/a/b", "/a/b c2", "b c"] {
            assert!(!uses(&title("/a/b c"), Path::new(other)), "{other}");
        }
    }

    #[test]
    fn a_port_is_read_from_words_and_from_a_title() {
        let port = |words: &[&str]| port_in(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            port(&["chromium", "--remote-debugging-port=19800"]),
            Port::new(19800)
        );
        assert_eq!(
            port(&["chromium --remote-debugging-port=19800 about:blank"]),
            Port::new(19800)
        );
        assert_eq!(port(&["chromium", "--remote-debugging-port=0"]), None);
        assert_eq!(port(&[]), None);
    }
}
