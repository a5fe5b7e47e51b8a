//! Modes and owners on Windows, where a folder of a user is private by inheritance, so that nothing is asked. Not
//! tested.

use std::fs::Metadata;
use std::path::Path;

use super::host_report::DiskState;

pub(super) fn mode(_meta: &Metadata) -> u32 {
    0
}

pub(super) fn foreign_owner(_host: &crate::host::Host, _meta: &Metadata) -> Option<u32> {
    None
}

pub(super) fn disk_state(_host: &crate::host::Host, _path: &Path) -> Option<DiskState> {
    None
}
