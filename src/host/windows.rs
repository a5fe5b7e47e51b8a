//! What only Windows answers. Not tested: this project is built on Linux.

use std::path::Path;

/// There is no sudo that keeps another user's home here.
pub(super) fn foreign_owner(_path: &Path) -> Option<u32> {
    None
}

/// Users have no numbers here.
pub(super) fn user_id() -> Option<u32> {
    None
}

/// Nor have the owners of files.
pub(super) fn owner_of(_path: &Path) -> Option<u32> {
    None
}

/// Binds an address and lets it go again.
#[expect(clippy::disallowed_methods, reason = "host touches sockets")]
pub(super) fn try_bind(address: std::net::SocketAddr) -> std::io::Result<()> {
    std::net::TcpListener::bind(address).map(drop)
}

/// Listens on an address, non-blocking.
#[expect(clippy::disallowed_methods, reason = "host touches sockets")]
pub(super) fn listen(address: std::net::SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
