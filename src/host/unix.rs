//! What only Unix answers.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};

/// The owner of a folder, where this process is root and the owner is not.
pub(super) fn foreign_owner(path: &Path) -> Option<u32> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let uid = std::fs::metadata(path).ok()?.uid();
    (uid != 0).then_some(uid)
}

/// Binds an address, without listening on it, and lets it go again. Only what listens is in the way:
/// two such looks at once don't see each other, and a gateway that starts meanwhile is not disturbed.
pub(super) fn try_bind(address: SocketAddr) -> io::Result<()> {
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let probe = socket(family, SocketType::STREAM, None)?;
    sockopt::set_socket_reuseaddr(&probe, true)?;
    Ok(bind(&probe, &address)?)
}
