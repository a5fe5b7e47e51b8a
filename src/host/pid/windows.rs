//! Processes on Windows, which are neither queried nor ended. It was run under Wine only.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::open_file::{FileId, OpenFile};

pub(super) fn start_time(_pid: u32) -> Option<u64> {
    None
}

pub(super) fn is_alive(_pid: u32) -> bool {
    false
}

pub(super) fn process_name(_pid: u32) -> Option<String> {
    None
}

pub(super) fn is_same_user(_pid: u32) -> bool {
    false
}

pub(super) fn file_id(_path: &Path) -> Option<FileId> {
    None
}

pub(super) fn open_files(_pid: u32, _has_wanted_name: &dyn Fn(&OsStr) -> bool) -> Option<Vec<OpenFile>> {
    None
}

pub(super) fn has_open(_pid: u32, _path: &Path) -> Option<bool> {
    None
}

pub(super) fn user_of(_pid: u32) -> io::Result<Option<u32>> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn terminate(_pid: u32, _grace: Duration) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
