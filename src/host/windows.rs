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

/// Whether the system starts this file itself: programs and command scripts.
pub(super) fn can_start(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ["exe", "cmd", "bat"].iter().any(|known| ending == *known))
}

/// Another program in this one's place: waited for, and its exit code is ours.
pub(super) fn become_program(mut command: std::process::Command) -> std::io::Result<std::process::ExitCode> {
    let code = command.status()?.code().unwrap_or(1);
    Ok(std::process::ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// This host's own name is not asked for here: it is served by its addresses alone.
pub(super) fn name() -> Option<String> {
    None
}

/// There is no such limit here.
pub(super) fn open_many_files() -> Option<usize> {
    None
}

/// Not asked here.
pub(super) fn free_bytes(_path: &std::path::Path) -> Option<u64> {
    None
}
