//! Modes, owners and file systems on Windows. The folders of a user are private by inheritance, so nothing is checked. Not
//! tested.

use std::fs::Metadata;
use std::path::Path;

use super::host_report::DiskState;

/// Returns, for Windows, a file mode that is never open to other users.
pub(super) fn mode(_meta: &Metadata) -> u32 {
    0
}

/// Returns `None`: on Windows, no file is reported as another user's.
pub(super) fn foreign_owner(_user: Option<u32>, _meta: &Metadata) -> Option<u32> {
    None
}

/// Returns 0: on Windows, the state of no file system is determined.
pub(super) fn device(_meta: &Metadata) -> u64 {
    0
}

/// Returns `None`: on Windows, the free space of a file system is not determined.
pub(super) fn disk_state(_host: &crate::host::Host, _path: &Path) -> Option<DiskState> {
    None
}
