//! Modes, owners and file systems on Unix.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::host_report::DiskState;
use crate::host::Host;

/// Returns the permission bits of a mode.
pub(super) fn mode(meta: &Metadata) -> u32 {
    meta.permissions().mode() & 0o7777
}

/// Returns the id of the owner, where that is not this user. Root may use every file.
pub(super) fn foreign_owner(meta: &Metadata) -> Option<u32> {
    let own = rustix::process::geteuid();
    (meta.uid() != own.as_raw() && !own.is_root()).then(|| meta.uid())
}

/// Returns the state of the file system of a path that exists.
pub(super) fn disk_state(host: &Host, path: &Path) -> Option<DiskState> {
    Some(DiskState {
        free_bytes: host.free_disk_bytes(path)?,
        network: network(path),
    })
}

/// Returns the name of the network file system on which a path lies.
#[cfg(target_os = "linux")]
fn network(path: &Path) -> Option<&'static str> {
    // The field's type depends on the architecture.
    network_name(u64::try_from(rustix::fs::statfs(path).ok()?.f_type).ok()?)
}

/// Returns the name of the network file system with a magic number of statfs(2).
#[cfg(target_os = "linux")]
fn network_name(magic: u64) -> Option<&'static str> {
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
fn network(_path: &Path) -> Option<&'static str> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_have_names_and_local_ones_have_none() {
        let of = |magic| network_name(magic).unwrap_or("-");
        let numbers = [0x6969, 0xff53_4d42, 0xfe53_4d42, 0x517b, 0x0102_1997, 0x00c3_6400];
        assert_eq!(numbers.map(of), ["nfs", "cifs", "smb2", "smb", "9p", "ceph"]);
        // ext4, tmpfs, btrfs, overlayfs, xfs
        for local in [0xef53, 0x0102_1994, 0x9123_683e, 0x794c_7630, 0x5846_5342] {
            assert_eq!(network_name(local), None);
        }
        assert_eq!(network(Path::new("/proc")), None);
    }
}
