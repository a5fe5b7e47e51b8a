//! The host system: arguments, environment, terminal, clock, randomness, sockets, processes.
//!
//! One [`Host`] value is created in `main` and passed down. Other code reads arguments, environment, clock and
//! randomness, opens listening sockets and starts programs through it and through this module only (`clippy.toml`
//! lists the functions that are disallowed elsewhere), so that a test can pass a host of its own ([`Host::fixed`]).
//! Whole files are read through [`read`] (bounded, regular files only). Parts, names, sizes and times of files are
//! read through the standard library where they are needed; files are changed by [`crate::apply`].

#![expect(
    clippy::unused_self,
    reason = "the system is reached through a `Host` that callers pass on, also where the value is not needed"
)]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

mod device_name;
pub(crate) mod folder_listings;
pub(crate) mod pid;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod process_group;
pub(crate) mod read;
pub(crate) mod relay;
mod space;
#[cfg_attr(unix, path = "host/unix.rs")]
#[cfg_attr(windows, path = "host/windows.rs")]
mod system;
mod users;
mod zone;

pub(crate) use device_name::is_device_name;
pub(crate) use space::FileSystemSpace;
pub(crate) use users::{parse_users, user_file};

/// The host system as this process sees it: arguments, environment variables, folders, terminal and clock.
#[derive(Clone, Debug)]
pub struct Host {
    args: Vec<OsString>,
    /// The environment variables.
    vars: BTreeMap<OsString, OsString>,
    cwd: Option<PathBuf>,
    program: Option<PathBuf>,
    /// The home folder of this user as the system tells it.
    user_home: Option<PathBuf>,
    state_home: Option<PathBuf>,
    terminal: TerminalStreams,
    /// The time at which [`Host::run`] kills what it started.
    deadline: Option<Instant>,
}

/// The standard streams that are connected to a terminal.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TerminalStreams {
    /// `true` if standard input is a terminal.
    pub stdin: bool,
    /// `true` if standard output is a terminal.
    pub stdout: bool,
    /// `true` if standard error is a terminal.
    pub stderr: bool,
}

impl TerminalStreams {
    /// Returns whether a person can be asked: questions are written to standard error, and read from standard input.
    pub(crate) fn can_ask(self) -> bool {
        self.stdin && self.stderr
    }
}

impl Host {
    /// Returns the host of this process, with the process's own arguments and environment.
    #[expect(clippy::disallowed_methods, reason = "the host is read here")]
    pub fn from_process() -> Self {
        use std::io::IsTerminal as _;
        Self {
            args: std::env::args_os().collect(),
            vars: std::env::vars_os().collect(),
            cwd: std::env::current_dir().ok(),
            program: std::env::current_exe().ok(),
            user_home: dirs::home_dir(),
            state_home: dirs::state_dir().or_else(dirs::data_local_dir),
            terminal: TerminalStreams {
                stdin: std::io::stdin().is_terminal(),
                stdout: std::io::stdout().is_terminal(),
                stderr: std::io::stderr().is_terminal(),
            },
            deadline: None,
        }
    }

    /// Creates a host for a test: with these arguments and variables alone, and without a terminal.
    pub fn fixed<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        args: &[&str],
        vars: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let to_owned = |(name, value): (K, V)| (name.as_ref().to_owned(), value.as_ref().to_owned());
        let vars: BTreeMap<OsString, OsString> = vars.into_iter().map(to_owned).collect();
        let path = |name: &str| vars.get(OsStr::new(name)).map(PathBuf::from);
        let (user_home, state_home) = (path("HOME"), path("XDG_STATE_HOME"));
        Self {
            args: args.iter().map(OsString::from).collect(),
            vars,
            cwd: Some(PathBuf::from("/")),
            program: None,
            user_home,
            state_home,
            terminal: TerminalStreams::default(),
            deadline: None,
        }
    }

    /// Returns the command-line arguments of this process, the program's own name first.
    pub(crate) fn args(&self) -> &[OsString] {
        &self.args
    }

    /// Returns the value of an environment variable, trimmed; `None` where it is unset, blank or not Unicode, as in
    /// OpenClaw.
    pub(crate) fn var(&self, name: &str) -> Option<&str> {
        let value = self.raw_var(name)?.to_str()?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// Returns whether an environment variable has a value that is not blank, Unicode or not.
    pub(crate) fn is_var_set(&self, name: &str) -> bool {
        self.var(name).is_some() || self.non_unicode_var(name).is_some()
    }

    /// Returns the value of an environment variable that is not Unicode, with a replacement character for each part that
    /// is not; `None` where the variable is unset or Unicode.
    pub(crate) fn non_unicode_var(&self, name: &str) -> Option<String> {
        let value = self.raw_var(name)?;
        value
            .to_str()
            .is_none()
            .then(|| value.to_string_lossy().into_owned())
    }

    /// Returns the value of an environment variable unchanged. On Windows the case of the name does not count.
    fn raw_var(&self, name: &str) -> Option<&OsStr> {
        let value = if cfg!(windows) {
            let mut vars = self.vars.iter();
            vars.find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        } else {
            self.vars.get(OsStr::new(name))
        };
        value.map(OsString::as_os_str)
    }

    /// Returns a copy of this host without these environment variables.
    #[must_use]
    pub(crate) fn without_vars(&self, names: &[OsString]) -> Self {
        let mut other = self.clone();
        other.vars.retain(|name, _| !names.contains(name));
        other
    }

    /// Returns a copy of this host on which no program that [`Host::run`] starts runs past `deadline`, whatever its own
    /// time limit.
    #[must_use]
    pub(crate) fn with_deadline(&self, deadline: Instant) -> Self {
        Self {
            deadline: Some(deadline),
            ..self.clone()
        }
    }

    /// Returns the names of all environment variables that begin with `prefix`.
    pub(crate) fn var_names_with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let names = self.vars.keys().filter_map(|name| name.to_str());
        names.filter(move |name| name.starts_with(prefix))
    }

    /// Returns the free space of the file system of `path`; see [`file_system_space`].
    pub(crate) fn file_system_space(&self, path: &Path) -> Option<FileSystemSpace> {
        file_system_space(path)
    }

    /// Has the system kill this process as soon as the one that started it has ended, on Linux. It holds for a program that takes
    /// the place of this one too. Where the starter has ended already, this process ends now.
    pub(crate) fn end_with_parent(&self, parent: u32) {
        system::end_with_parent(parent);
    }

    /// Returns the reason why this process can't create anything in a folder, as far as the system tells without an
    /// attempt; `None` where it may.
    pub(crate) fn folder_write_error(&self, folder: &Path) -> Option<std::io::Error> {
        system::folder_write_error(folder)
    }

    /// Returns the name of the network file system on which a path lies, such as `nfs`; `None` for a local one. `None` on
    /// other systems than Linux.
    #[cfg(unix)]
    pub(crate) fn network_file_system(&self, path: &Path) -> Option<&'static str> {
        system::network_file_system(path)
    }

    /// Returns the working folder of this process; `None` where it was removed.
    pub(crate) fn cwd(&self) -> Option<&Path> {
        self.cwd.as_deref()
    }

    /// Returns the path of the executable of this program, where the system tells it.
    pub(crate) fn program(&self) -> Option<&Path> {
        self.program.as_deref()
    }

    /// Returns the folder in which programs of the user with this home folder keep their state: `$XDG_STATE_HOME` or
    /// `~/.local/state` on Linux, the local application data elsewhere. `None` where the system tells another home folder, to
    /// which its folders belong then.
    pub(crate) fn state_home_of(&self, home: &Path) -> Option<&Path> {
        self.state_home
            .as_deref()
            .filter(|_| self.user_home.as_deref() == Some(home))
    }

    /// Returns a TCP port that is free now, of any number. Nothing reserves it.
    pub(crate) fn pick_unused_port(&self) -> Option<u16> {
        portpicker::pick_unused_port()
    }

    /// Opens a non-blocking TCP listener on an address. A listener on IPv6 accepts no IPv4 connections.
    ///
    /// # Errors
    /// When the address can't be bound.
    pub(crate) fn listen(&self, address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
        system::listen(address)
    }

    /// Returns the address of this host from which packets to `other` would be sent. Nothing is sent.
    pub(crate) fn local_address_towards(&self, other: IpAddr) -> Option<IpAddr> {
        let any: IpAddr = match other {
            IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
        // To connect a UDP socket only looks up the route; the port means nothing.
        socket.connect((other, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    }

    /// Returns which of the standard streams are connected to a terminal.
    pub(crate) fn terminal(&self) -> TerminalStreams {
        self.terminal
    }

    /// Reads standard input to its end, bounded as files are.
    ///
    /// # Errors
    /// When standard input is larger than [`read::MAX_FILE_BYTES`], no UTF-8, or can't be read.
    pub(crate) fn stdin_text(&self) -> Result<String, read::ReadError> {
        read::text_of_stream(std::io::stdin().lock())
    }

    /// Returns this host's name on its network. `None` on Windows.
    pub(crate) fn hostname(&self) -> Option<String> {
        hostname()
    }

    /// Raises the number of files that this process may have open as far as the system allows, to 65,536 at most.
    /// Returns the new limit, where the system tells it.
    pub(crate) fn raise_open_file_limit(&self) -> Option<usize> {
        system::raise_open_file_limit()
    }

    /// Returns the current time of the system clock.
    pub(crate) fn now(&self) -> SystemTime {
        now()
    }

    /// Returns the seconds by which the local time of this host is ahead of UTC at a time; see [`zone::utc_offset`].
    pub(crate) fn utc_offset(&self, at: SystemTime) -> i64 {
        zone::utc_offset(at)
    }

    /// Returns the name of the time zone of this host, such as `Europe/Istanbul`, where it has one; see [`zone::name`].
    pub(crate) fn time_zone(&self) -> Option<String> {
        zone::name(self.var("TZ"))
    }

    /// Returns random bytes from the operating system; see [`random_bytes`].
    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        random_bytes()
    }

    /// Returns the owner of `home`, by name or id, where this process is root through sudo and the folder belongs to
    /// another user: files that are written there would be root's.
    pub(crate) fn home_owner_under_sudo(&self, home: &Path) -> Option<String> {
        self.var("SUDO_UID")?;
        system::owner_other_than_root(home).map(|uid| match self.var("SUDO_USER") {
            Some(name) if self.var("SUDO_UID") == Some(&uid.to_string()) => name.to_owned(),
            _ => uid.to_string(),
        })
    }

    /// Returns the id of the effective user of this process, on systems that number users.
    pub(crate) fn user_id(&self) -> Option<u32> {
        system::user_id()
    }

    /// Returns the id of the user to whom a file or folder belongs, on systems that number users.
    pub(crate) fn file_owner_id(&self, path: &Path) -> Option<u32> {
        system::file_owner_id(path)
    }

    /// Returns whether a TCP listener could be bound to exactly this address now. An address that this host does not
    /// have (no IPv6) counts as free.
    pub(crate) fn can_bind(&self, ip: IpAddr, port: u16) -> bool {
        match system::try_bind(SocketAddr::new(ip, port)) {
            Ok(()) => true,
            Err(e) => is_address_unavailable(&e),
        }
    }
}

/// Returns whether an attempt to bind a TCP address failed because this host does not have the address (no IPv6).
pub(crate) fn is_address_unavailable(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{AddrNotAvailable, Unsupported};
    // EAFNOSUPPORT has no stable ErrorKind: 97 on Linux, 47 on macOS.
    matches!(error.kind(), AddrNotAvailable | Unsupported) || matches!(error.raw_os_error(), Some(97 | 47))
}

/// Returns the free space of the file system on which a path lies, or on which it would be created; `None` where the
/// system does not tell.
pub(crate) fn file_system_space(path: &Path) -> Option<FileSystemSpace> {
    let existing = path.ancestors().find(|part| part.exists())?;
    system::file_system_space(existing)
}

/// Returns the current time, for code without a [`Host`].
#[expect(clippy::disallowed_methods, reason = "the clock is read here")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Returns the folder of the system for temporary files.
pub fn temp_dir() -> PathBuf {
    std::env::temp_dir()
}

/// Returns random bytes from the operating system, for code without a [`Host`].
///
/// # Panics
/// When the system has no source of randomness: no token can be generated then.
#[expect(clippy::disallowed_methods, reason = "randomness is read here")]
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has a source of randomness");
    bytes
}

/// Returns a random UUID (version 4) from the operating system's randomness.
///
/// # Panics
/// When the system has no source of randomness.
pub(crate) fn random_uuid() -> uuid::Uuid {
    uuid::Builder::from_random_bytes(random_bytes()).into_uuid()
}

/// Returns this host's name on its network. `None` on Windows.
pub(crate) fn hostname() -> Option<String> {
    system::hostname()
}

/// Restricts every file that this process creates from now on to its owner: the libraries that write logs take no
/// mode.
pub(crate) fn restrict_new_files_to_owner() {
    system::restrict_new_files_to_owner();
}

/// Returns whether this process ignores SIGHUP, so that it outlives its terminal (`nohup`). `false` on other systems
/// than Linux.
#[cfg(unix)]
pub(crate) fn ignores_hangup() -> bool {
    system::ignores_hangup()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the tests open their own listeners")]

    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn port_is_in_use_on_the_addresses_of_its_listeners_only() {
        let host = Host::fixed(&[], [("", ""); 0]);
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
    fn concurrent_probes_of_a_port_do_not_affect_each_other() {
        use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket, sockopt};
        let other = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        sockopt::set_socket_reuseaddr(&other, true).unwrap();
        bind(&other, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let port = SocketAddr::try_from(getsockname(&other).unwrap()).unwrap().port();
        let host = Host::fixed(&[], [("", ""); 0]);
        assert!(host.can_bind(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
}
