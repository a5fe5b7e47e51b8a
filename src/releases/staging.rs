//! The folders in which a release is put together or tried, and those that killed runs left.

use std::path::Path;

use crate::apply;
use crate::host::{pid, read};

/// Start of the name of a folder in which a release is put together or tried, or from which one is removed.
pub(super) const STAGING_PREFIX: &str = "staging-";
/// Name of the file in the folder of a rehearsal that names the process of its gateway.
pub(super) const PROCESS_FILE: &str = "process";

/// Removes the staging folders that killed runs left, and ends the gateways of killed rehearsals. The caller holds the lock of
/// the store.
pub(super) fn remove_leftovers(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with(STAGING_PREFIX) {
            end_left_gateway(&entry.path());
            apply::remove_staging(&entry.path());
        }
    }
}

/// Ends the gateway of a rehearsal that was killed, where the folder names a process and it is still that one.
fn end_left_gateway(folder: &Path) {
    let Ok(text) = read::text(&folder.join(PROCESS_FILE)) else {
        return;
    };
    let mut numbers = text.split_whitespace().map(str::parse::<u64>);
    let (Some(Ok(process)), Some(Ok(started))) = (numbers.next(), numbers.next()) else {
        return;
    };
    if let Ok(process) = u32::try_from(process)
        && started > 0
        && pid::start_time(process) == Some(started)
    {
        pid::kill_group(process);
    }
}
