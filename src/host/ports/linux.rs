//! Linux: `/proc` tells everything, and nothing is started for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use procfs::net::{TcpNetEntry, TcpState};

use super::{ListeningSocket, ProcessInfo, SOCKET_RELEASE_TIMEOUT};
use crate::host::{group, read};

/// How often sockets without a visible holder are looked at again.
const PAUSE: Duration = Duration::from_millis(5);

/// What listens; on this port only, where one is given.
pub(super) fn listening(port: Option<u16>, matter: &dyn Fn(u16) -> bool) -> Vec<ListeningSocket> {
    let look = || {
        let entries = entries(port);
        let owners = owners(&entries);
        let orphaned = entries.iter().any(|entry| {
            is_mine(entry) && !owners.contains_key(&entry.inode) && matter(entry.local_address.port())
        });
        ((entries, owners), orphaned)
    };
    let (entries, owners) = settled(look, is_somebody_ending);
    let socket = |entry: TcpNetEntry| ListeningSocket {
        ip: entry.local_address.ip(),
        port: entry.local_address.port(),
        process: owners.get(&entry.inode).cloned(),
    };
    entries.into_iter().map(socket).collect()
}

/// What a look sees, once nothing in it is orphaned or nobody was ending who could have held that: then
/// its holder is not to be seen from here (another container's, a program with capabilities of its own).
fn settled<T>(mut look: impl FnMut() -> (T, bool), is_ending: impl Fn() -> bool) -> T {
    let deadline = Instant::now() + SOCKET_RELEASE_TIMEOUT;
    let mut waits = true;
    loop {
        let (seen, orphaned) = look();
        if !orphaned || !waits {
            return seen;
        }
        // Whoever was ending may be gone by now: there is always one more look.
        waits = is_ending() && Instant::now() < deadline;
        if waits {
            std::thread::sleep(PAUSE);
        }
    }
}

/// Whether any process is just ending.
fn is_somebody_ending() -> bool {
    let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut stats = folders.filter_map(|folder| {
        folder.file_name().to_str()?.parse::<u32>().ok()?;
        read::text(&folder.path().join("stat")).ok()
    });
    stats.any(|stat| group::ends_in(&stat))
}

fn entries(port: Option<u16>) -> Vec<TcpNetEntry> {
    let tables = [procfs::net::tcp(), procfs::net::tcp6()];
    let entries = tables.into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.state == TcpState::Listen)
        .filter(|entry| port.is_none_or(|port| entry.local_address.port() == port))
        .collect()
}

/// Whether this user may see who holds a socket: a user sees the files of its own processes only.
fn is_mine(entry: &TcpNetEntry) -> bool {
    let user = rustix::process::geteuid();
    user.is_root() || entry.uid == user.as_raw()
}

/// The processes that hold these sockets, by inode. Only sockets whose holder may be seen are looked for,
/// and the walk ends when all are found.
fn owners(entries: &[TcpNetEntry]) -> BTreeMap<u64, ProcessInfo> {
    let mine = entries.iter().filter(|entry| is_mine(entry));
    let mut wanted: BTreeSet<u64> = mine.map(|entry| entry.inode).collect();
    let mut owners = BTreeMap::new();
    let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for (pid, folder) in folders.filter_map(|f| Some((f.file_name().to_str()?.parse().ok()?, f.path()))) {
        if wanted.is_empty() {
            break;
        }
        let held: Vec<u64> = sockets_of(&folder).filter(|inode| wanted.remove(inode)).collect();
        if !held.is_empty() {
            let name = read::text(&folder.join("comm"))
                .unwrap_or_default()
                .trim()
                .to_owned();
            owners.extend(held.into_iter().map(|inode| {
                (
                    inode,
                    ProcessInfo {
                        pid,
                        name: name.clone(),
                    },
                )
            }));
        }
    }
    owners
}

/// The inodes of a process's sockets.
fn sockets_of(folder: &Path) -> impl Iterator<Item = u64> {
    let files = std::fs::read_dir(folder.join("fd"))
        .into_iter()
        .flatten()
        .flatten();
    files.filter_map(|file| {
        let target = std::fs::read_link(file.path()).ok()?;
        target
            .to_str()?
            .strip_prefix("socket:[")?
            .strip_suffix(']')?
            .parse()
            .ok()
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

pub(super) fn words_of(pid: u32, prefix: &str) -> (Vec<String>, Vec<(String, String)>) {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    let words = |name: &str| -> Vec<String> {
        let bytes = read::bytes(&folder.join(name)).unwrap_or_default();
        let words = bytes.split(|b| *b == 0).filter(|word| !word.is_empty());
        words
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect()
    };
    let vars = words("environ");
    let vars = vars
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

    /// How often it is looked, where what is seen is orphaned so many times and somebody ends so many times.
    fn looks(orphaned: u32, ending: u32) -> u32 {
        let (looks, asked) = (Cell::new(0), Cell::new(0));
        let look = || {
            looks.set(looks.get() + 1);
            (looks.get(), looks.get() <= orphaned)
        };
        let is_ending = || {
            asked.set(asked.get() + 1);
            asked.get() <= ending
        };
        assert_eq!(settled(look, is_ending), looks.get(), "the last look counts");
        looks.get()
    }

    #[test]
    fn it_is_looked_again_only_for_as_long_as_somebody_ends() {
        assert_eq!(looks(0, 9), 1, "everything has its holder");
        assert_eq!(looks(2, 9), 3, "until it has");
        assert_eq!(looks(9, 0), 2, "whoever ended is gone, or there was nobody");
        assert_eq!(looks(9, 3), 5, "nobody ends any more");
    }
}
