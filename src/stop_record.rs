//! The record that a user stopped the gateway of an instance, `gateway-stopped` in its state folder. Who watches the
//! gateway leaves it alone then.
//!
//! The record is written before the gateway ends, so that no watcher sees the one without the other, and it names the
//! process that is stopped: another process that runs later was started since, whoever started it. The gateway's next
//! start removes the record. A failure to write or remove it is no reason to fail.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::apply;
use crate::host::read;
use crate::instance::Instance;

/// Name of the file in a state folder that records that a user stopped the gateway.
const STOP_FILE: &str = "gateway-stopped";

/// The contents of the file which records that a user stopped a gateway, as JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StopRecord {
    /// The process that was stopped; `None` where no process of the gateway was found.
    pid: Option<u32>,
    stopped_at: String,
}

/// Returns the path of the file that records that a user stopped the gateway of an instance.
fn path(instance: &Instance) -> PathBuf {
    instance.state_dir.join(STOP_FILE)
}

/// Records that a user stops the gateway of an instance, whose process has this pid. Makes no state folder.
pub(crate) fn write(instance: &Instance, pid: Option<u32>, now: SystemTime) {
    let record = StopRecord {
        pid,
        stopped_at: crate::time::format_seconds(now),
    };
    if instance.state_dir.is_dir()
        && let Ok(text) = serde_json::to_string(&record)
    {
        let _ = apply::write_file(&path(instance), format!("{text}\n").as_bytes());
    }
}

/// Removes the record that a user stopped the gateway of an instance, because it starts.
pub(crate) fn remove(instance: &Instance) {
    let path = path(instance);
    if path.exists() {
        let _ = apply::remove_if_present(&path);
    }
}

/// Returns whether a user stopped the gateway of an instance and nobody has started it since. `running` is the process
/// of the gateway, where one runs: the one that was stopped may still be ending.
pub(crate) fn is_in_force(instance: &Instance, running: Option<u32>) -> bool {
    read_record(&path(instance)).is_some_and(|record| running.is_none() || running == record.pid)
}

/// Reads the record that a user stopped a gateway; `None` where there is none, or it can't be parsed.
fn read_record(path: &Path) -> Option<StopRecord> {
    serde_json::from_slice(&read::bytes(path).ok()?).ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::profile::ProfileName;

    #[test]
    fn record_is_in_force_until_another_process_runs_or_the_gateway_starts() {
        let home = tempfile::tempdir().unwrap();
        let instance = Instance::canonical(home.path(), ProfileName::default_profile());
        write(&instance, Some(7), SystemTime::UNIX_EPOCH);
        assert!(!instance.state_dir.exists(), "no state folder is made");
        #[expect(clippy::disallowed_methods, reason = "the test makes its own folder")]
        std::fs::create_dir(&instance.state_dir).unwrap();
        assert!(!is_in_force(&instance, None));
        write(&instance, Some(7), SystemTime::UNIX_EPOCH);
        assert!(is_in_force(&instance, Some(7)), "the process is still ending");
        assert!(is_in_force(&instance, None));
        assert!(!is_in_force(&instance, Some(8)), "somebody started another one");
        remove(&instance);
        assert!(!is_in_force(&instance, None));
    }
}
