//! Modes, owners and file systems on Windows. The folders of a user are private by inheritance, so nothing is checked. Not
//! tested.

use std::fs::Metadata;
use std::path::Path;

use super::host_report::DiskState;

/// Returns a mode that is never open to others.
pub(super) fn mode(_meta: &Metadata) -> u32 {
    0
}

/// Returns no other owner.
pub(super) fn foreign_owner(_host: &crate::host::Host, _meta: &Metadata) -> Option<u32> {
    None
}

/// Returns no state of a file system.
pub(super) fn disk_state(_host: &crate::host::Host, _path: &Path) -> Option<DiskState> {
    None
}
