//! Listening sockets on Linux: everything is read from `/proc`, and no program is started for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use procfs::net::{TcpNetEntry, TcpState};

use super::socket::{ListeningSocket, ProcessInfo, SOCKET_RELEASE_TIMEOUT};
use crate::host::{pid, read};

/// Time between two looks at sockets whose owner is not visible.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Returns the listening sockets; those on `port` only, where one is given.
pub(super) fn listening_sockets(
    port: Option<u16>,
    needs_owner: &dyn Fn(u16) -> bool,
) -> Vec<ListeningSocket> {
    let look = || {
        let entries = listening_entries(port);
        let owners = owners_by_inode(&entries);
        let has_orphan = entries.iter().any(|entry| {
            is_visible(entry) && !owners.contains_key(&entry.inode) && needs_owner(entry.local_address.port())
        });
        ((entries, owners), has_orphan)
    };
    let (entries, owners) = look_until_owned(look, is_any_process_exiting);
    let socket = |entry: TcpNetEntry| ListeningSocket {
        ip: entry.local_address.ip(),
        port: entry.local_address.port(),
        process: owners.get(&entry.inode).cloned(),
    };
    entries.into_iter().map(socket).collect()
}

/// Looks again and again, until nothing that is seen is orphaned or no process is exiting that could have held it:
/// then its owner is not visible from here (in another container, a program with capabilities of its own).
fn look_until_owned<T>(mut look: impl FnMut() -> (T, bool), is_exiting: impl Fn() -> bool) -> T {
    let deadline = Instant::now() + SOCKET_RELEASE_TIMEOUT;
    let mut waits = true;
    loop {
        let (seen, has_orphan) = look();
        if !has_orphan || !waits {
            return seen;
        }
        // A process that was exiting may be gone by now: there is always one more look.
        waits = is_exiting() && Instant::now() < deadline;
        if waits {
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

fn listening_entries(port: Option<u16>) -> Vec<TcpNetEntry> {
    let tables = [procfs::net::tcp(), procfs::net::tcp6()];
    let entries = tables.into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.state == TcpState::Listen)
        .filter(|entry| port.is_none_or(|port| entry.local_address.port() == port))
        .collect()
}

/// Returns whether this user may see the owner of a socket: a user sees the files of its own processes only.
fn is_visible(entry: &TcpNetEntry) -> bool {
    let user = rustix::process::geteuid();
    user.is_root() || entry.uid == user.as_raw()
}

/// Returns the processes that hold these sockets, by inode. Only visible sockets are looked for, and the walk
/// over `/proc` ends when all are found.
fn owners_by_inode(entries: &[TcpNetEntry]) -> BTreeMap<u64, ProcessInfo> {
    let visible = entries.iter().filter(|entry| is_visible(entry));
    let mut wanted: BTreeSet<u64> = visible.map(|entry| entry.inode).collect();
    let mut owners = BTreeMap::new();
    let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for (pid, folder) in folders.filter_map(|f| Some((f.file_name().to_str()?.parse().ok()?, f.path()))) {
        if wanted.is_empty() {
            break;
        }
        let held: Vec<u64> = socket_inodes(&folder)
            .filter(|inode| wanted.remove(inode))
            .collect();
        if !held.is_empty() {
            let name = read::text(&folder.join("comm")).unwrap_or_default();
            let process = ProcessInfo {
                pid,
                name: name.trim().to_owned(),
            };
            owners.extend(held.into_iter().map(|inode| (inode, process.clone())));
        }
    }
    owners
}

/// Returns the inodes of a process's sockets.
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
    let words = |name: &str| -> Vec<String> {
        let bytes = read::bytes(&folder.join(name)).unwrap_or_default();
        let words = bytes.split(|b| *b == 0).filter(|word| !word.is_empty());
        words
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect()
    };
    let environ = words("environ");
    let vars = environ
        .iter()
        .filter(|var| var.starts_with(prefix))
        .filter_map(|var| var.split_once('='));
    (
        words("cmdline"),
        vars.map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Returns the number of looks when the first `orphaned` of them see an orphan, and a process is exiting at
    /// the first `exiting` questions.
    fn looks(orphaned: u32, exiting: u32) -> u32 {
        let (looks, asked) = (Cell::new(0), Cell::new(0));
        let look = || {
            looks.set(looks.get() + 1);
            (looks.get(), looks.get() <= orphaned)
        };
        let is_exiting = || {
            asked.set(asked.get() + 1);
            asked.get() <= exiting
        };
        assert_eq!(
            look_until_owned(look, is_exiting),
            looks.get(),
            "the last look counts"
        );
        looks.get()
    }

    #[test]
    fn sockets_are_looked_at_again_only_while_a_process_is_exiting() {
        assert_eq!(looks(0, 9), 1, "every socket has its owner");
        assert_eq!(looks(2, 9), 3, "until every socket has its owner");
        assert_eq!(
            looks(9, 0),
            2,
            "the process that was exiting is gone, or there was none"
        );
        assert_eq!(looks(9, 3), 5, "no process is exiting any more");
    }
}
