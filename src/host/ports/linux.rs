//! Linux: `/proc` tells everything, and nothing is started for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use procfs::net::{TcpNetEntry, TcpState};

use super::{Process, Socket};
use crate::host::read;

/// What listens; on this port only, where one is given.
pub(super) fn listening(port: Option<u16>) -> Vec<Socket> {
    let tables = [procfs::net::tcp(), procfs::net::tcp6()];
    let entries: Vec<TcpNetEntry> = tables
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.state == TcpState::Listen)
        .filter(|entry| port.is_none_or(|port| entry.local_address.port() == port))
        .collect();
    let owners = owners(&entries);
    let socket = |entry: TcpNetEntry| Socket {
        ip: entry.local_address.ip(),
        port: entry.local_address.port(),
        process: owners.get(&entry.inode).cloned(),
    };
    entries.into_iter().map(socket).collect()
}

/// The processes that hold these sockets, by inode. A user sees the files of its own processes only,
/// so only its own sockets are looked for, and the walk ends when all are found.
fn owners(entries: &[TcpNetEntry]) -> BTreeMap<u64, Process> {
    let user = rustix::process::geteuid();
    let mine = entries
        .iter()
        .filter(|e| user.is_root() || e.uid == user.as_raw());
    let mut wanted: std::collections::BTreeSet<u64> = mine.map(|e| e.inode).collect();
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
                    Process {
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
