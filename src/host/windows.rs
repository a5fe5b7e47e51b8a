//! The Windows implementation of the host module. It was run under Wine only.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};

use super::space::FileSystemSpace;

/// Extensions of files that the system can start directly: programs and command scripts.
const EXECUTABLE_EXTENSIONS: [&str; 3] = ["exe", "cmd", "bat"];

/// Returns `None` as the owner of a folder: on Windows there is no sudo that keeps another user's home folder.
pub(super) fn owner_other_than_root(_path: &Path) -> Option<u32> {
    None
}

/// Returns `None` as the id of the user: on Windows users have no numeric ids.
pub(super) fn user_id() -> Option<u32> {
    None
}

pub(super) fn file_owner_id(_path: &Path) -> Option<u32> {
    None
}

pub(super) fn is_executable(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| EXECUTABLE_EXTENSIONS.iter().any(|known| ending == *known))
}

/// Runs a program in place of this process on Windows: waits for its end, and returns its exit code.
pub(super) fn exec(mut command: Command) -> io::Result<ExitCode> {
    let code = command.status()?.code().unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Does nothing, in place of making a process group for a program: on Windows there are none.
pub(super) fn set_own_group(_command: &mut Command) {}

/// Does nothing: the system has nothing like it.
pub(super) fn end_with_parent(_parent: u32) {}

pub(super) fn exit_signal(_status: ExitStatus) -> Option<i32> {
    None
}

/// Returns `false`, in place of asking a process to end: on Windows there are no signals.
pub(super) fn terminate(_pid: u32) -> bool {
    false
}

pub(super) fn kill(_pid: u32) {}

pub(super) fn kill_group(_leader: u32) {}

pub(super) fn group_of(_pid: u32) -> Option<u32> {
    None
}

/// Does nothing, in place of restricting new files to their owner: on Windows files in a user's profile folder are
/// private to that user.
pub(super) fn restrict_new_files_to_owner() {}

/// Returns `None` as the host's name on Windows: a gateway accepts requests for its addresses alone.
pub(super) fn hostname() -> Option<String> {
    None
}

/// Returns `None` as the limit of open files: on Windows there is no such limit.
pub(super) fn raise_open_file_limit() -> Option<usize> {
    None
}

/// Returns `None`: whether a folder can be written is known only by an attempt.
pub(super) fn folder_write_error(_folder: &Path) -> Option<io::Error> {
    None
}

pub(super) fn file_system_space(_path: &Path) -> Option<FileSystemSpace> {
    None
}

#[expect(clippy::disallowed_methods, reason = "host opens sockets")]
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[expect(clippy::disallowed_methods, reason = "host opens sockets")]
pub(super) fn try_bind(address: SocketAddr) -> io::Result<()> {
    TcpListener::bind(address).map(drop)
}
