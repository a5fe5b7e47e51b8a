//! Modes, owners, file systems and processes, as Unix has them.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::scene::Disk;
use crate::host::Host;

/// The bits of a mode.
pub(super) fn mode(meta: &Metadata) -> u32 {
    meta.permissions().mode() & 0o7777
}

/// The owner, where that is not this user.
pub(super) fn foreign_owner(meta: &Metadata) -> Option<u32> {
    let own = rustix::process::geteuid();
    (meta.uid() != own.as_raw() && !own.is_root()).then(|| meta.uid())
}

/// Whether a process of this id is there.
pub(super) fn alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| {
        !matches!(
            rustix::process::test_kill_process(pid),
            Err(rustix::io::Errno::SRCH)
        )
    })
}

/// The file system of a path that exists.
pub(super) fn disk(host: &Host, path: &Path) -> Option<Disk> {
    Some(Disk {
        free: host.free_bytes(path)?,
        network: network(path),
    })
}

/// The name of the network file system on which a path lies (statfs(2): magic numbers).
#[cfg(target_os = "linux")]
fn network(path: &Path) -> Option<&'static str> {
    const KNOWN: [(u64, &str); 7] = [
        (0x6969, "nfs"),
        (0xff53_4d42, "cifs"),
        (0xfe53_4d42, "smb2"),
        (0x517b, "smb"),
        (0x0102_1997, "9p"),
        (0x00c3_6400, "ceph"),
        (0x5346_414f, "afs"),
    ];
    // The field's type depends on the architecture.
    let kind = u64::try_from(rustix::fs::statfs(path).ok()?.f_type).ok()?;
    KNOWN
        .iter()
        .find(|(magic, _)| *magic == kind)
        .map(|(_, name)| *name)
}

#[cfg(not(target_os = "linux"))]
fn network(_path: &Path) -> Option<&'static str> {
    None
}
