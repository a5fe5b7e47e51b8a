//! The process that listens on a debugging port: the browser that was started here, or another one.
//!
//! An answer on the port proves nothing (docs/openclaw.md#leak-browser-port); the listening process and the
//! user-data folder in its command line do.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use crate::host::pid;
use crate::host::ports::{self, ListeningSocket, ProcessInfo, SocketProcess};
use crate::ports::Port;

/// The process that listens on a browser's debugging port of loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PortOwner {
    /// No process listens.
    Nobody,
    /// A browser on the expected user-data folder, with its process id: the one that was started here, or one that
    /// outlived its gateway.
    OwnBrowser(u32),
    /// Another process; `None` where this user may not know which.
    OtherProcess(Option<ProcessInfo>),
}

/// Returns which process listens on a browser's debugging port. `leader` is the browser process that was started,
/// where one was, and `folder` is its user-data folder.
pub(super) fn owner_of(port: Port, leader: Option<u32>, folder: &Path) -> PortOwner {
    let Some(socket) = reached_socket(ports::listening_sockets_on(port.get()), port) else {
        return PortOwner::Nobody;
    };
    let Some(process) = socket.process.known() else {
        return PortOwner::OtherProcess(None);
    };
    let (arguments, _) = ports::arguments_and_env(process.pid, "OPENCLAW_");
    let in_group = leader.is_some_and(|leader| pid::is_in_group(process.pid, leader));
    // Where the system does not tell the command line, only the process group is left to identify the browser.
    let is_own = if arguments.is_empty() {
        in_group
    } else {
        uses_folder(&arguments, folder) && (leader.is_none() || in_group)
    };
    if is_own {
        PortOwner::OwnBrowser(process.pid)
    } else {
        PortOwner::OtherProcess(Some(process))
    }
}

/// The answer to whether the process that listens on a port of loopback belongs to the user of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListenerUser {
    /// No process listens.
    Nobody,
    /// The process is visible to this user, so it runs as the same user.
    SameUser,
    /// The process is not visible to this user: a token sent to it would be disclosed.
    OtherUser,
}

/// Returns whether the process that receives a connection to a port of loopback belongs to the user of this process.
pub(super) fn listener_user(port: Port) -> ListenerUser {
    match reached_socket(ports::listening_sockets_on(port.get()), port) {
        None => ListenerUser::Nobody,
        Some(socket) if matches!(socket.process, SocketProcess::Known(_)) => ListenerUser::SameUser,
        Some(_) => ListenerUser::OtherUser,
    }
}

/// Returns the listening socket that a connection to the port on `127.0.0.1` reaches: the one with that address
/// before one that listens on all addresses.
fn reached_socket(sockets: Vec<ListeningSocket>, port: Port) -> Option<ListeningSocket> {
    let rank = |ip: IpAddr| match ip.to_canonical() {
        IpAddr::V4(ip) if ip == Ipv4Addr::LOCALHOST => Some(0),
        ip if ip.is_unspecified() => Some(1),
        _ => None,
    };
    let at_port = sockets.into_iter().filter(|socket| socket.port == port);
    at_port
        .filter_map(|socket| Some((rank(socket.ip)?, socket)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, socket)| socket)
}

/// Tells whether a browser's command line names the given user-data folder.
///
/// A Chromium that runs with its sandbox rewrites its process title: the command line is then a single argument,
/// with spaces between the original ones.
pub(super) fn uses_folder(arguments: &[String], folder: &Path) -> bool {
    let Some(folder) = folder.to_str() else {
        return false;
    };
    let flag = format!("--user-data-dir={folder}");
    let names_folder = |argument: &String| {
        *argument == flag
            || argument.match_indices(&flag).any(|(at, _)| {
                let (before, after) = (&argument[..at], &argument[at + flag.len()..]);
                before.ends_with(' ') && (after.trim_end().is_empty() || after.starts_with(" --"))
            })
    };
    arguments.iter().any(names_folder)
}

/// Returns the debugging port that a browser's command line sets. The command line may be a rewritten process title
/// ([`uses_folder`]).
pub(super) fn debugging_port(arguments: &[String]) -> Option<Port> {
    let flag = arguments
        .iter()
        .find_map(|argument| argument.split_once("--remote-debugging-port="));
    let digits = flag?.1.split(' ').next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the tests open listeners")]

    use super::*;

    #[test]
    fn listening_process_without_the_user_data_folder_is_another_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = Port::known(listener.local_addr().unwrap().port());
        let own = std::process::id();
        let owner = owner_of(port, Some(own), Path::new("/nowhere/user-data"));
        assert!(matches!(owner, PortOwner::OtherProcess(Some(p)) if p.pid == own));
        assert_eq!(listener_user(port), ListenerUser::SameUser);
        drop(listener);
        assert_eq!(owner_of(port, None, Path::new("/nowhere")), PortOwner::Nobody);
        assert_eq!(listener_user(port), ListenerUser::Nobody);
    }

    #[test]
    fn connection_reaches_the_exact_address_before_a_wildcard() {
        let socket = |ip: &str, pid| ListeningSocket {
            ip: ip.parse().unwrap(),
            port: 9,
            process: SocketProcess::Known(ProcessInfo::new(pid, "")),
            id: None,
        };
        let found = reached_socket(
            vec![socket("0.0.0.0", 1), socket("::1", 2), socket("127.0.0.1", 3)],
            Port::known(9),
        );
        assert_eq!(found.unwrap().process.known().unwrap().pid, 3);
    }

    #[test]
    fn user_data_folder_is_compared_as_a_whole() {
        let arguments = ["chromium", "--user-data-dir=/a/b"].map(str::to_owned);
        assert!(uses_folder(&arguments, Path::new("/a/b")));
        assert!(!uses_folder(&arguments, Path::new("/a/b2")) && !uses_folder(&arguments, Path::new("/a")));
        // The rewritten process title of a Chromium with its sandbox.
        let title = |folder: &str| {
            [format!(
                "/usr/bin/chromium --x --user-data-dir={folder} --no-first-run a:b"
            )]
        };
        assert!(uses_folder(&title("/a/b c"), Path::new("/a/b c")));
        for other in ["/a", "/a/b", "/a/b c2", "b c"] {
            assert!(!uses_folder(&title("/a/b c"), Path::new(other)), "{other}");
        }
    }

    #[test]
    fn debugging_port_is_read_from_arguments_and_from_a_process_title() {
        let port = |arguments: &[&str]| {
            let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
            debugging_port(&arguments)
        };
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
