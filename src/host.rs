//! The outside world: arguments, environment, terminal, clock, randomness, sockets, processes.
//!
//! One value, made once in `main` and passed down. Code below asks it and nothing else, so that a test
//! can hand in a world of its own ([`Host::with`]) and a reader knows where the program touches the
//! system. Files are read through [`read`] (bounded, regular files only) and written only by
//! [`crate::apply`].

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

pub mod group;
pub mod ports;
pub mod process;
pub mod read;
pub mod running;
#[cfg_attr(unix, path = "host/unix.rs")]
#[cfg_attr(windows, path = "host/windows.rs")]
mod system;

/// The outside world as the program sees it.
#[derive(Clone, Debug)]
pub struct Host {
    args: Vec<OsString>,
    vars: BTreeMap<OsString, OsString>,
    cwd: Option<PathBuf>,
    program: Option<PathBuf>,
    state_home: Option<PathBuf>,
    terminal: TerminalStreams,
    deadline: Option<Instant>,
}

/// Which standard streams are a terminal.
#[derive(Clone, Copy, Debug, Default)]
pub struct TerminalStreams {
    /// Standard input.
    pub stdin: bool,
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
}

impl Host {
    /// The real one.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
    pub fn from_process() -> Self {
        use std::io::IsTerminal as _;
        Self {
            args: std::env::args_os().collect(),
            vars: std::env::vars_os().collect(),
            cwd: std::env::current_dir().ok(),
            program: std::env::current_exe().ok(),
            state_home: dirs::state_dir().or_else(dirs::data_local_dir),
            terminal: TerminalStreams {
                stdin: std::io::stdin().is_terminal(),
                stdout: std::io::stdout().is_terminal(),
                stderr: std::io::stderr().is_terminal(),
            },
            deadline: None,
        }
    }

    /// A world of a test's own: only these arguments and variables, no terminal.
    pub fn with<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        args: &[&str],
        vars: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let pair = |(name, value): (K, V)| (name.as_ref().to_owned(), value.as_ref().to_owned());
        let vars: BTreeMap<OsString, OsString> = vars.into_iter().map(pair).collect();
        let state_home = vars.get(OsStr::new("XDG_STATE_HOME")).map(PathBuf::from);
        Self {
            args: args.iter().map(OsString::from).collect(),
            vars,
            cwd: Some(PathBuf::from("/")),
            program: None,
            state_home,
            terminal: TerminalStreams::default(),
            deadline: None,
        }
    }

    /// The arguments, the program's own name first.
    pub fn args(&self) -> &[OsString] {
        &self.args
    }

    /// A variable's value, trimmed; unset, blank and not-Unicode ones are `None`, as OpenClaw has it.
    pub fn var(&self, name: &str) -> Option<&str> {
        let value = self.vars.get(OsStr::new(name))?.to_str()?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// The same world without these variables.
    #[must_use]
    pub fn without_vars(&self, names: &[OsString]) -> Self {
        let mut other = self.clone();
        other.vars.retain(|name, _| !names.contains(name));
        other
    }

    /// The same world, in which no call of [`Host::run`] goes on after this time, whatever its own limit.
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        Self {
            deadline: Some(deadline),
            ..self.clone()
        }
    }

    /// The names of all variables that begin so.
    pub fn var_names_with_prefix<'a>(&'a self, start: &'a str) -> impl Iterator<Item = &'a str> {
        let names = self.vars.keys().filter_map(|name| name.to_str());
        names.filter(move |name| name.starts_with(start))
    }

    /// How many bytes this user may still write where a path lies, where the system says.
    pub fn free_disk_bytes(&self, path: &Path) -> Option<u64> {
        system::free_bytes(path)
    }

    /// The working folder, where there still is one.
    pub fn cwd(&self) -> Option<&Path> {
        self.cwd.as_deref()
    }

    /// The path of this program.
    pub fn program(&self) -> Option<&Path> {
        self.program.as_deref()
    }

    /// Where programs of this user keep their state, as the system has it: `$XDG_STATE_HOME` or
    /// `~/.local/state` on Linux, the local application data elsewhere.
    pub fn state_home(&self) -> Option<&Path> {
        self.state_home.as_deref()
    }

    /// Any one TCP port that is free now, wherever it lies: a last resort. Nothing is reserved.
    pub fn pick_unused_port(&self) -> Option<u16> {
        portpicker::pick_unused_port()
    }

    /// Listens on an address, non-blocking. On IPv6 it takes no IPv4 along.
    pub fn listen(&self, address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
        system::listen(address)
    }

    /// The address of this host from which another one would be reached. Nothing is sent.
    pub fn local_address_towards(&self, other: IpAddr) -> Option<IpAddr> {
        let any: IpAddr = match other {
            IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
        // Connecting such a socket only looks the way up; the port means nothing.
        socket.connect((other, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    }

    /// Which streams are a terminal.
    pub fn terminal(&self) -> TerminalStreams {
        self.terminal
    }

    /// Everything on standard input, bounded as a file is.
    pub fn stdin_text(&self) -> Result<String, read::ReadError> {
        read::all(std::io::stdin().lock())
    }

    /// This host's own name on its network.
    pub fn hostname(&self) -> Option<String> {
        system::name()
    }

    /// Lets this process open as many files as the system allows it to; how many those are, where it says.
    pub fn raise_open_file_limit(&self) -> Option<usize> {
        system::open_many_files()
    }

    /// The time.
    pub fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Random bytes from the system.
    ///
    /// # Panics
    /// Where the system has no source of randomness: no token could be made there.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).expect("the system has a source of randomness");
        bytes
    }

    /// The owner's name (or number) of `home` where this is root through sudo and the folder is somebody else's.
    pub fn home_owner_under_sudo(&self, home: &Path) -> Option<String> {
        self.var("SUDO_UID")?;
        system::foreign_owner(home).map(|uid| match self.var("SUDO_USER") {
            Some(name) if self.var("SUDO_UID") == Some(&uid.to_string()) => name.to_owned(),
            _ => uid.to_string(),
        })
    }

    /// The number of the user that this process acts as, where the system has such numbers.
    pub fn user_id(&self) -> Option<u32> {
        system::user_id()
    }

    /// The number of the user that a file or folder belongs to.
    pub fn file_owner_id(&self, path: &Path) -> Option<u32> {
        system::owner_of(path)
    }

    /// Whether a TCP listener could be bound here and now, on exactly this address. An address that this
    /// host does not have (no IPv6) counts as free.
    pub fn can_bind(&self, ip: IpAddr, port: u16) -> bool {
        match system::try_bind(SocketAddr::new(ip, port)) {
            Ok(()) => true,
            Err(e) => is_address_unavailable(&e),
        }
    }
}

/// Whether binding failed because this host has no such address (no IPv6).
pub fn is_address_unavailable(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{AddrNotAvailable, Unsupported};
    // EAFNOSUPPORT has no stable ErrorKind: 97 on Linux, 47 on macOS.
    matches!(error.kind(), AddrNotAvailable | Unsupported) || matches!(error.raw_os_error(), Some(97 | 47))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the tests listen themselves")]

    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn a_port_is_taken_while_somebody_listens_there_and_only_there() {
        let host = Host::with(&[], [("", ""); 0]);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!host.can_bind(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        assert!(!host.can_bind(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port));
        assert!(host.can_bind(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), port));
        drop(listener);
        assert!(host.can_bind(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }

    #[cfg(unix)]
    #[test]
    fn looks_at_the_same_port_do_not_see_each_other() {
        use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket, sockopt};
        let other = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        sockopt::set_socket_reuseaddr(&other, true).unwrap();
        bind(&other, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let port = SocketAddr::try_from(getsockname(&other).unwrap()).unwrap().port();
        let host = Host::with(&[], [("", ""); 0]);
        assert!(host.can_bind(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
}
