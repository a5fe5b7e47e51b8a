//! What only Unix answers.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::net::{AddressFamily, SocketType, bind, listen as listen_on, sockopt};

/// The owner of a folder, where this process is root and the owner is not.
pub(super) fn foreign_owner(path: &Path) -> Option<u32> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let uid = std::fs::metadata(path).ok()?.uid();
    (uid != 0).then_some(uid)
}

/// Whether the system starts this file itself.
pub(super) fn can_start(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.mode() & 0o111 != 0)
}

/// This process becomes another program: same id, same parent, so that signals and the exit code are
/// nobody's to pass on. It comes back only where that failed.
pub(super) fn become_program(mut command: std::process::Command) -> io::Result<std::process::ExitCode> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec())
}

/// This host's own name.
pub(super) fn name() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_owned();
    (!name.is_empty()).then_some(name)
}

/// As many open files are enough for every gateway; more only makes tables of the system larger.
const FILES: u64 = 65_536;

/// Raises the limit of open files to the hard one, at most [`FILES`].
pub(super) fn open_many_files() -> Option<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(FILES, |hard| hard.min(FILES));
    let current = limit.current.unwrap_or(u64::MAX);
    let raised = current < wanted
        && setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(wanted),
                maximum: limit.maximum,
            },
        )
        .is_ok();
    usize::try_from(if raised { wanted } else { current.min(FILES) }).ok()
}

/// Free bytes for this user where a path lies.
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The effective user.
#[expect(clippy::unnecessary_wraps, reason = "Windows has none")]
pub(super) fn user_id() -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}

/// The owner of a file or folder.
pub(super) fn owner_of(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|meta| meta.uid())
}

/// As many connections wait to be accepted.
const BACKLOG: i32 = 1024;

/// Listens on an address, non-blocking.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket_for(address)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    // A port whose last connections still linger is free again at once.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    listen_on(&socket, BACKLOG)?;
    let listener = TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A socket that no program started from here inherits.
fn socket_for(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    #[cfg(not(target_vendor = "apple"))]
    let socket = {
        let flags = rustix::net::SocketFlags::CLOEXEC;
        rustix::net::socket_with(family, SocketType::STREAM, flags, None)?
    };
    // There the flag can't be given with the socket.
    #[cfg(target_vendor = "apple")]
    let socket = {
        let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        socket
    };
    Ok(socket)
}

/// Binds an address, without listening on it, and lets it go again. Only what listens is in the way:
/// two such looks at once don't see each other, and a gateway that starts meanwhile is not disturbed.
pub(super) fn try_bind(address: SocketAddr) -> io::Result<()> {
    let probe = socket_for(address)?;
    sockopt::set_socket_reuseaddr(&probe, true)?;
    Ok(bind(&probe, &address)?)
}
