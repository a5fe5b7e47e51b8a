//! Modes, owners and file systems on Unix.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use super::host_report::DiskState;
use crate::host::Host;

/// Returns the permission bits of the mode in the metadata of a file.
pub(super) fn mode(meta: &Metadata) -> u32 {
    meta.permissions().mode() & 0o7777
}

/// Returns the user id of a file's owner; `None` where the owner is this user, `user`. Root may use every file.
pub(super) fn foreign_owner(user: Option<u32>, meta: &Metadata) -> Option<u32> {
    let user = user?;
    (meta.uid() != user && user != 0).then(|| meta.uid())
}

/// Returns the number of the device on which a file lies.
pub(super) fn device(meta: &Metadata) -> u64 {
    meta.dev()
}

/// Returns the free space of the file system of a path that exists, and whether it is on a network.
pub(super) fn disk_state(host: &Host, path: &Path) -> Option<DiskState> {
    Some(DiskState {
        space: host.file_system_space(path)?,
        network: host.network_file_system(path),
    })
}
