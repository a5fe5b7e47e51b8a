//! The Unix implementation of the host module: sockets, users, signals, limits.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::OnceLock;

use rustix::net::{AddressFamily, SocketType, bind, listen as listen_on, sockopt};
use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};

#[cfg(target_os = "linux")]
use super::read;
use super::space::FileSystemSpace;

/// Maximum number of open files that this process asks the system to allow: enough for every gateway. More would only
/// enlarge system tables.
const MAX_OPEN_FILES: u64 = 65_536;
/// Maximum number of connections that wait at a TCP listener to be accepted.
const LISTEN_BACKLOG: i32 = 1024;
/// The bit of SIGHUP in the mask of ignored signals.
#[cfg(target_os = "linux")]
const SIGHUP_BIT: u64 = 1;

/// Returns the owner of a folder where this process is root and the owner is not.
pub(super) fn owner_other_than_root(path: &Path) -> Option<u32> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let uid = std::fs::metadata(path).ok()?.uid();
    (uid != 0).then_some(uid)
}

/// Returns the id of the effective user of this process, which never changes it: the system is asked once.
#[expect(clippy::unnecessary_wraps, reason = "Windows has none")]
pub(super) fn user_id() -> Option<u32> {
    static USER: OnceLock<u32> = OnceLock::new();
    Some(*USER.get_or_init(|| rustix::process::geteuid().as_raw()))
}

pub(super) fn file_owner_id(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|meta| meta.uid())
}

/// Returns whether the system can start a file directly as a program: a regular file with an execute bit.
pub(super) fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.mode() & 0o111 != 0)
}

/// Replaces this process by another program (exec). The pid and the parent stay, so that signals and the exit code
/// need not be passed on. Returns only where that failed.
pub(super) fn exec(mut command: Command) -> io::Result<ExitCode> {
    Err(command.exec())
}

/// Makes a program that is to be started the leader of a process group of its own.
pub(super) fn set_own_group(command: &mut Command) {
    command.process_group(0);
}

/// Has the kernel kill this process as soon as its parent ends. One that has ended before is seen by the id of the parent now.
#[cfg(target_os = "linux")]
pub(super) fn end_with_parent(parent: u32) {
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    let now = rustix::process::getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok());
    if now != Some(parent) {
        std::process::exit(1);
    }
}

/// Does nothing: the system has nothing like it.
#[cfg(not(target_os = "linux"))]
pub(super) fn end_with_parent(_parent: u32) {}

pub(super) fn exit_signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Asks a process to end (SIGTERM). Returns `true`: the system has signals.
pub(super) fn terminate(pid: u32) -> bool {
    send_signal(pid, Signal::TERM);
    true
}

pub(super) fn kill(pid: u32) {
    send_signal(pid, Signal::KILL);
}

fn send_signal(pid: u32, signal: Signal) {
    // A process that has ended meanwhile needs no signal.
    let _ = to_pid(pid).map(|pid| kill_process(pid, signal));
}

pub(super) fn kill_group(leader: u32) {
    let _ = to_pid(leader).map(|pid| kill_process_group(pid, Signal::KILL));
}

/// Returns the id of the process group of a process.
pub(super) fn group_of(pid: u32) -> Option<u32> {
    let group = getpgid(Some(to_pid(pid)?)).ok()?;
    u32::try_from(group.as_raw_nonzero().get()).ok()
}

fn to_pid(number: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(number).ok()?)
}

pub(super) fn restrict_new_files_to_owner() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

#[cfg(target_os = "linux")]
pub(super) fn ignores_hangup() -> bool {
    let status = read::text(Path::new("/proc/self/status")).unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & SIGHUP_BIT != 0)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn ignores_hangup() -> bool {
    false
}

pub(super) fn hostname() -> Option<String> {
    let name = rustix::system::uname().nodename().to_str().ok()?.to_owned();
    (!name.is_empty()).then_some(name)
}

/// Raises the limit of open files to the hard limit, to at most [`MAX_OPEN_FILES`]. Returns the limit.
pub(super) fn raise_open_file_limit() -> Option<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit
        .maximum
        .map_or(MAX_OPEN_FILES, |hard| hard.min(MAX_OPEN_FILES));
    let current = limit.current.unwrap_or(u64::MAX);
    let is_raised = current < wanted
        && setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(wanted),
                maximum: limit.maximum,
            },
        )
        .is_ok();
    usize::try_from(if is_raised {
        wanted
    } else {
        current.min(MAX_OPEN_FILES)
    })
    .ok()
}

/// Returns the reason why this process can't create anything in a folder. Root has every permission, so that only the
/// kind of the file system tells about the views of the kernel (`/proc`, `/sys`), where nobody can create anything.
pub(super) fn folder_write_error(folder: &Path) -> Option<io::Error> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    let wanted = Access::WRITE_OK | Access::EXEC_OK;
    if let Err(error) = accessat(CWD, folder, wanted, AtFlags::EACCESS) {
        return Some(error.into());
    }
    is_kernel_view(folder).then(|| io::ErrorKind::ReadOnlyFilesystem.into())
}

/// Returns whether a folder is a view of the kernel's data, such as `/proc`, and on no disk.
#[cfg(target_os = "linux")]
fn is_kernel_view(folder: &Path) -> bool {
    // The numbers of procfs and sysfs (linux/magic.h), whose type depends on the architecture.
    rustix::fs::statfs(folder).is_ok_and(|stat| [0x9fa0, 0x6265_6572].contains(&stat.f_type))
}

#[cfg(not(target_os = "linux"))]
fn is_kernel_view(_folder: &Path) -> bool {
    false
}

pub(super) fn file_system_space(path: &Path) -> Option<FileSystemSpace> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(FileSystemSpace {
        free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        // A file system that makes inodes as they are needed, such as Btrfs, has a total of 0.
        free_inodes: (stat.f_files > 0).then_some(stat.f_favail),
        is_read_only: stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY),
    })
}

/// Opens a non-blocking TCP listener on an address.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = tcp_socket(address)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    // A port with connections in TIME_WAIT can be bound again at once.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    listen_on(&socket, LISTEN_BACKLOG)?;
    let listener = TcpListener::from(socket);
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Creates a TCP socket that child processes do not inherit.
fn tcp_socket(address: SocketAddr) -> io::Result<OwnedFd> {
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
    // On Apple systems the flag can't be set together with the creation.
    #[cfg(target_vendor = "apple")]
    let socket = {
        let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        socket
    };
    Ok(socket)
}

/// Binds a TCP address without listening on it, and releases it. Only a listening socket makes this fail: concurrent
/// probes and a gateway that starts meanwhile are not affected.
pub(super) fn try_bind(address: SocketAddr) -> io::Result<()> {
    let probe = tcp_socket(address)?;
    sockopt::set_socket_reuseaddr(&probe, true)?;
    Ok(bind(&probe, &address)?)
}

/// Returns the name of the network file system on which a path lies, such as `nfs`; `None` for a local one.
#[cfg(target_os = "linux")]
pub(super) fn network_file_system(path: &Path) -> Option<&'static str> {
    // The field's type depends on the architecture.
    network_file_system_name(u64::try_from(rustix::fs::statfs(path).ok()?.f_type).ok()?)
}

/// Returns the name of the network file system with a magic number of statfs(2).
#[cfg(target_os = "linux")]
fn network_file_system_name(magic: u64) -> Option<&'static str> {
    const KNOWN: [(u64, &str); 7] = [
        (0x6969, "nfs"),
        (0xff53_4d42, "cifs"),
        (0xfe53_4d42, "smb2"),
        (0x517b, "smb"),
        (0x0102_1997, "9p"),
        (0x00c3_6400, "ceph"),
        (0x5346_414f, "afs"),
    ];
    let known = KNOWN.iter().find(|(known, _)| *known == magic);
    known.map(|(_, name)| *name)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn network_file_system(_path: &Path) -> Option<&'static str> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_have_names_and_local_ones_have_none() {
        let name = |magic| network_file_system_name(magic).unwrap_or("-");
        let numbers = [0x6969, 0xff53_4d42, 0xfe53_4d42, 0x517b, 0x0102_1997, 0x00c3_6400];
        assert_eq!(numbers.map(name), ["nfs", "cifs", "smb2", "smb", "9p", "ceph"]);
        // ext4, tmpfs, btrfs, overlayfs, xfs
        for local in [0xef53, 0x0102_1994, 0x9123_683e, 0x794c_7630, 0x5846_5342] {
            assert_eq!(network_file_system_name(local), None);
        }
        assert_eq!(network_file_system(Path::new("/proc")), None);
    }
}
