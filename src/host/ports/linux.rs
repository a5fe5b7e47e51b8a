//! Lists listening sockets on Linux by the kernel's own answers; no program is started for it.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::net::AddressFamily;

use self::sock_diag::{SockDiag, TcpEntry};
use super::socket::{ListeningSocket, ProcessInfo, SOCKET_RELEASE_TIMEOUT, SocketId, SocketProcess};
use crate::host::{pid, read};

#[path = "proc_net.rs"]
mod proc_net;
#[path = "sock_diag.rs"]
mod sock_diag;

/// Time between two scans for the processes that own listening sockets.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

#[expect(clippy::unnecessary_wraps, reason = "other systems do not tell")]
pub(super) fn socket_ids() -> Option<Vec<SocketId>> {
    Some(listening_entries(None).iter().map(socket_id).collect())
}

fn socket_id(entry: &TcpEntry) -> SocketId {
    SocketId {
        ip: entry.ip,
        port: entry.port,
        inode: entry.inode,
    }
}

/// Returns the listening TCP sockets of the host, or only those on `port` where one is given.
pub(super) fn listening_sockets(
    port: Option<u16>,
    likely_owners: &dyn Fn() -> BTreeSet<u32>,
    needs_owner: &dyn Fn(u16) -> bool,
) -> Vec<ListeningSocket> {
    let is_needed = |entry: &TcpEntry| needs_owner(entry.port);
    let likely_owners = LazyCell::new(likely_owners);
    let scan = || {
        let entries = listening_entries(port);
        let none = BTreeSet::new();
        let likely_owners = if entries.is_empty() {
            &none
        } else {
            &*likely_owners
        };
        let owners = SocketOwners::find(&entries, likely_owners, is_needed);
        let has_orphan = entries.iter().any(|entry| {
            is_visible(entry) && !owners.by_inode.contains_key(&entry.inode) && is_needed(entry)
        });
        ((entries, owners), has_orphan)
    };
    let (entries, owners) = scan_until_owned(scan, is_any_process_exiting);
    let process = |entry: &TcpEntry| match owners.by_inode.get(&entry.inode) {
        Some(process) => SocketProcess::Known(process.clone()),
        None if is_needed(entry) => SocketProcess::Hidden,
        None => SocketProcess::NotLookedUp,
    };
    let socket = |entry: TcpEntry| ListeningSocket {
        ip: entry.ip,
        port: entry.port,
        process: process(&entry),
        id: Some(socket_id(&entry)),
    };
    entries.into_iter().map(socket).collect()
}

/// Repeats a scan of the listening sockets, which also returns whether it found a socket without an owner, until
/// every socket has its owner, or no process is exiting that could hold the socket, or [`SOCKET_RELEASE_TIMEOUT`] is
/// over. An owner that is not found by then is not visible to this process: it runs in another container, or has
/// capabilities of its own.
fn scan_until_owned<T>(mut scan: impl FnMut() -> (T, bool), is_exiting: impl Fn() -> bool) -> T {
    let deadline = Instant::now() + SOCKET_RELEASE_TIMEOUT;
    let mut may_change = true;
    loop {
        let (sockets, has_orphan) = scan();
        if !has_orphan || !may_change {
            return sockets;
        }
        // A process that was exiting may have ended by now: there is always one more scan.
        may_change = is_exiting() && Instant::now() < deadline;
        if may_change {
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

fn is_any_process_exiting() -> bool {
    let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut stats = folders.filter_map(|folder| {
        folder.file_name().to_str()?.parse::<u32>().ok()?;
        read::text(&folder.path().join("stat")).ok()
    });
    stats.any(|stat| pid::is_exiting(&stat))
}

/// Returns the listening sockets of the kernel, or only those on `port` where one is given.
fn listening_entries(port: Option<u16>) -> Vec<TcpEntry> {
    let kernel = SockDiag::open().ok();
    let families = [AddressFamily::INET, AddressFamily::INET6];
    let entries = families.into_iter().flat_map(|family| {
        let answer = kernel.as_ref().and_then(|kernel| kernel.listening(family).ok());
        answer.unwrap_or_else(|| proc_net::listening(family))
    });
    entries
        .filter(|entry| port.is_none_or(|port| entry.port == port))
        .collect()
}

/// Returns whether this user may see the owner of a socket: a user sees the open files of its own processes only.
fn is_visible(entry: &TcpEntry) -> bool {
    let user = rustix::process::geteuid();
    user.is_root() || entry.user == user.as_raw()
}

/// The processes that hold listening TCP sockets, as far as they were looked for.
struct SocketOwners {
    /// Processes by the inode of the socket.
    by_inode: BTreeMap<u64, ProcessInfo>,
    /// Inodes of visible sockets whose process is not known yet.
    wanted: BTreeSet<u64>,
}

impl SocketOwners {
    /// Finds the processes that hold these TCP sockets: first among the likely ones, then, for sockets that are needed,
    /// in `/proc`, until all of them are found. Only visible sockets are searched for.
    fn find(
        entries: &[TcpEntry],
        likely_owners: &BTreeSet<u32>,
        is_needed: impl Fn(&TcpEntry) -> bool,
    ) -> Self {
        let visible = || entries.iter().filter(|entry| is_visible(entry));
        let mut owners = Self {
            by_inode: BTreeMap::new(),
            wanted: visible().map(|entry| entry.inode).collect(),
        };
        for pid in likely_owners {
            owners.add_process(*pid);
        }
        let needed = visible().filter(|entry| is_needed(entry));
        let needed: BTreeSet<u64> = needed.map(|entry| entry.inode).collect();
        if owners.wanted.is_disjoint(&needed) {
            return owners;
        }
        let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        for pid in folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok()) {
            owners.add_process(pid);
            if owners.wanted.is_disjoint(&needed) {
                break;
            }
        }
        owners
    }

    /// Adds a process as the owner of the wanted sockets that it holds.
    fn add_process(&mut self, pid: u32) {
        if self.wanted.is_empty() {
            return;
        }
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let held: Vec<u64> = socket_inodes(&folder)
            .filter(|inode| self.wanted.remove(inode))
            .collect();
        if !held.is_empty() {
            let name = read::bytes(&folder.join("comm")).unwrap_or_default();
            let process = ProcessInfo::new(pid, &String::from_utf8_lossy(&name));
            self.by_inode
                .extend(held.into_iter().map(|inode| (inode, process.clone())));
        }
    }
}

/// Returns the inodes of the sockets that a process holds open, by the folder of the process in `/proc`.
fn socket_inodes(folder: &Path) -> impl Iterator<Item = u64> {
    let files = std::fs::read_dir(folder.join("fd"))
        .into_iter()
        .flatten()
        .flatten();
    files.filter_map(|file| {
        let target = std::fs::read_link(file.path()).ok()?;
        let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        inode.parse().ok()
    })
}

pub(super) fn ephemeral_range() -> Option<(u16, u16)> {
    let text = read::text(Path::new("/proc/sys/net/ipv4/ip_local_port_range")).ok()?;
    let (first, last) = text.trim().split_once(char::is_whitespace)?;
    Some((first.parse().ok()?, last.trim().parse().ok()?))
}

pub(super) fn excluded_ranges() -> Vec<(u16, u16)> {
    Vec::new()
}

pub(super) fn arguments_and_env(pid: u32, prefix: &str) -> (Vec<String>, Vec<(String, String)>) {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    let read_list = |name: &str| -> Vec<String> {
        let bytes = read::bytes(&folder.join(name)).unwrap_or_default();
        let items = bytes.split(|b| *b == 0).filter(|item| !item.is_empty());
        items
            .map(|item| String::from_utf8_lossy(item).into_owned())
            .collect()
    };
    let environ = read_list("environ");
    let vars = environ
        .iter()
        .filter(|var| var.starts_with(prefix))
        .filter_map(|var| var.split_once('='));
    (
        read_list("cmdline"),
        vars.map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test opens its own listeners")]
    fn kernel_answers_as_its_table_of_sockets_says() {
        let bind = |address| std::net::TcpListener::bind(address).ok();
        let held: Vec<_> = ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"]
            .into_iter()
            .filter_map(bind)
            .collect();
        let kernel = SockDiag::open().unwrap();
        let mut found = 0;
        for family in [AddressFamily::INET, AddressFamily::INET6] {
            let (answer, table) = (kernel.listening(family).unwrap(), proc_net::listening(family));
            for address in held.iter().map(|socket| socket.local_addr().unwrap()) {
                let own = |all: &[TcpEntry]| {
                    let mut all = all.iter().cloned();
                    all.find(|entry| (entry.ip, entry.port) == (address.ip(), address.port()))
                };
                assert_eq!(own(&answer), own(&table), "{address}");
                found += usize::from(own(&answer).is_some());
            }
        }
        assert_eq!(found, held.len());
    }

    /// Returns the number of scans of sockets that are made where the first `orphaned` of them find a socket without
    /// an owner, and a process is exiting at the first `exiting` checks, for tests.
    fn scan_count(orphaned: u32, exiting: u32) -> u32 {
        let (scans, checks) = (Cell::new(0), Cell::new(0));
        let scan = || {
            scans.set(scans.get() + 1);
            (scans.get(), scans.get() <= orphaned)
        };
        let is_exiting = || {
            checks.set(checks.get() + 1);
            checks.get() <= exiting
        };
        assert_eq!(
            scan_until_owned(scan, is_exiting),
            scans.get(),
            "the result is that of the last scan"
        );
        scans.get()
    }

    #[test]
    fn sockets_are_scanned_again_only_while_a_process_is_exiting() {
        assert_eq!(scan_count(0, 9), 1, "every socket has its owner");
        assert_eq!(scan_count(2, 9), 3, "until every socket has its owner");
        assert_eq!(
            scan_count(9, 0),
            2,
            "the process that was exiting has ended, or there was none"
        );
        assert_eq!(scan_count(9, 3), 5, "no process is exiting any more");
    }
}
