//! What is not asked on Windows: a folder of a user is private by what it inherits. Not tested.

use std::fs::Metadata;
use std::path::Path;

use super::scene::Disk;

pub(super) fn mode(_meta: &Metadata) -> u32 {
    0
}

pub(super) fn foreign_owner(_meta: &Metadata) -> Option<u32> {
    None
}

pub(super) fn disk(_host: &crate::host::Host, _path: &Path) -> Option<Disk> {
    None
}
