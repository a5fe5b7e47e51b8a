//! What only Unix answers.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, listen as listen_on, socket, socket_with, sockopt,
};

/// The owner of a folder, where this process is root and the owner is not.
pub(super) fn foreign_owner(path: &Path) -> Option<u32> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let uid = std::fs::metadata(path).ok()?.uid();
    (uid != 0).then_some(uid)
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
    let family = family(address);
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    if family == AddressFamily::INET6 {
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

fn family(address: SocketAddr) -> AddressFamily {
    if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    }
}

/// Binds an address, without listening on it, and lets it go again. Only what listens is in the way:
/// two such looks at once don't see each other, and a gateway that starts meanwhile is not disturbed.
pub(super) fn try_bind(address: SocketAddr) -> io::Result<()> {
    let probe = socket(family(address), SocketType::STREAM, None)?;
    sockopt::set_socket_reuseaddr(&probe, true)?;
    Ok(bind(&probe, &address)?)
}
