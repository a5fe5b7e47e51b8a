//! A drill that is under way, on the disk: which config is broken on purpose, and where the own one is kept.
//!
//! ```text
//! drill.json ──► second name of the config ──► broken config ──► … ──► own config back ──► drill.json removed
//! ```
//!
//! The record comes first and goes last. So whoever finds it while nobody holds the lock of the rescuers knows that a drill
//! was cut short, and puts the config back, wherever the drill was ([`recover_left_drill`]). The config is never missing,
//! and it is put back by a rename, which needs no room on the disk.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::apply::{self, HostLock};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::{Host, read};
use crate::i18n::{Msg, msg};
use crate::instance::InstanceContext;
use crate::plan;
use crate::profile::ProfileName;
use crate::rescue::{BROKEN_SUFFIX, shared_dir};
use crate::{registry, time};

/// Name of the file in the rescuers' folder that records the drill which is under way.
const RECORD_FILE: &str = "drill.json";
/// Suffix of the second name of a config while a drill has broken it.
const KEPT_SUFFIX: &str = "drill";

/// The record of the drill that is under way, as a file in the rescuers' folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DrillRecord {
    /// The profile whose config is broken.
    target: String,
    /// The profile that brings it back.
    rescuer: String,
    /// The config, without links in its path.
    config: PathBuf,
    /// The second name of the config, beside it.
    kept: PathBuf,
}

impl DrillRecord {
    /// Reads the record of a drill; `None` where there is none, or it does not name a config and a file beside it.
    fn read(folder: &Path) -> Option<Self> {
        let record: Self = serde_json::from_slice(&read::bytes(&folder.join(RECORD_FILE)).ok()?).ok()?;
        let start = format!("{}.{KEPT_SUFFIX}-", record.config.file_name()?.to_string_lossy());
        let name = record.kept.file_name()?.to_string_lossy();
        let is_beside = record.kept.parent() == record.config.parent() && record.config.is_absolute();
        (is_beside && name.starts_with(&start)).then_some(record)
    }

    /// Returns the text with which a drill replaces the config: nothing starts from it, and whoever opens it learns why.
    fn broken_text(&self) -> String {
        let name = self.kept.file_name().unwrap_or_default().to_string_lossy();
        format!(
            "// Broken on purpose by a drill of openclaw. The config is kept in {name}\n{{ \"gateway\": \n"
        )
    }

    /// Puts the config back that a drill has broken, and removes what the drill has left beside it. Returns the file to which
    /// a config was moved that somebody else has written meanwhile.
    fn put_back(&self) -> Result<Option<PathBuf>> {
        let mut aside = None;
        if self.kept.is_file() {
            if let Ok(present) = read::bytes(&self.config)
                && present != self.broken_text().as_bytes()
                && !self.is_kept_elsewhere(&present)
            {
                let path = apply::free_aside_name(&self.config);
                apply::keep_second_name(&self.config, &path)?;
                aside = Some(path);
            }
            apply::put_back(&self.kept, &self.config)?;
        }
        for path in self.siblings(BROKEN_SUFFIX) {
            if read::bytes(&path).is_ok_and(|bytes| bytes == self.broken_text().as_bytes()) {
                apply::remove_file(&path)?;
            }
        }
        Ok(aside)
    }

    /// Returns whether a file beside the config has these bytes: then nothing is lost where the config is replaced.
    fn is_kept_elsewhere(&self, present: &[u8]) -> bool {
        let mut siblings = self.siblings("");
        siblings.any(|path| read::bytes(&path).is_ok_and(|bytes| bytes == present))
    }

    /// Returns the files beside the config whose names are its own with this suffix and more.
    fn siblings(&self, suffix: &str) -> impl Iterator<Item = PathBuf> + use<> {
        let name = self.config.file_name().unwrap_or_default().to_string_lossy();
        let start = format!("{name}.{suffix}");
        let folder = self.config.parent().unwrap_or(Path::new("."));
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter(move |entry| entry.file_name().to_string_lossy().starts_with(&start))
            .map(|entry| entry.path())
    }
}

/// A drill that was begun: the config of its target is kept under a second name until it is put back.
#[derive(Debug)]
pub(super) struct OpenDrill<'a> {
    target: InstanceContext<'a>,
    record: DrillRecord,
    path: PathBuf,
}

impl<'a> OpenDrill<'a> {
    /// Begins a drill: records it, and keeps the config of its target. The caller holds the lock of the rescuers.
    ///
    /// # Errors
    /// When the record or the second name can't be made. Nothing is left then.
    pub(super) fn begin(target: InstanceContext<'a>, rescuer: &ProfileName) -> Result<Self> {
        let InstanceContext { host, env, instance } = target;
        let folder = shared_dir(host, env);
        let config = read::canonicalize_existing(&instance.config_path);
        let stamp = time::file_stamp(&time::format_millis(host.now()));
        let record = DrillRecord {
            target: instance.profile.to_string(),
            rescuer: rescuer.to_string(),
            kept: plan::stamped_sibling(&config, KEPT_SUFFIX, &stamp),
            config,
        };
        let path = folder.join(RECORD_FILE);
        let text = serde_json::to_vec(&record).map_err(|_| {
            let config = record.config.display();
            Error::failed(msg!("rescue.drill-path", path = config))
        })?;
        apply::write_file(&path, &text)?;
        let drill = Self { target, record, path };
        let kept = {
            let _lock = lock_host(host, env)?;
            apply::keep_second_name(&drill.record.config, &drill.record.kept)
        };
        match kept {
            Ok(()) => Ok(drill),
            Err(error) => {
                apply::remove_file(&drill.path)?;
                Err(error)
            }
        }
    }

    /// Replaces the config by one that no gateway starts from.
    pub(super) fn break_config(&self) -> Result<()> {
        let _lock = lock_host(self.target.host, self.target.env)?;
        apply::write_file(&self.record.config, self.record.broken_text().as_bytes())
    }

    /// Puts the config back. Returns the file to which a config was moved that somebody has written meanwhile.
    pub(super) fn give_back(&self) -> Result<Option<PathBuf>> {
        let _lock = lock_host(self.target.host, self.target.env)?;
        self.record.put_back()
    }

    /// Ends the record of the drill, whose config was put back. From here on the gateway is watched again.
    pub(super) fn close(self) -> Result<()> {
        apply::remove_file(&self.path)
    }
}

/// A drill that was cut short, and whose config was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecoveredDrill {
    target: String,
    rescuer: String,
    aside: Option<PathBuf>,
}

impl RecoveredDrill {
    /// Returns the sentences that tell a user what was put back.
    pub(crate) fn msgs(&self) -> Vec<Msg> {
        let (target, rescuer) = (&self.target, &self.rescuer);
        let back = msg!("rescue.drill-recovered", profile = target, rescuer = rescuer);
        let aside = self.aside.as_ref();
        let aside = aside.map(|path| msg!("rescue.drill-aside", path = path.display()));
        std::iter::once(back).chain(aside).collect()
    }
}

/// Returns whether a drill of this profile is under way, or was cut short and is not recovered yet.
pub(crate) fn is_open_drill(host: &Host, env: &Environment, profile: &str) -> bool {
    DrillRecord::read(&shared_dir(host, env)).is_some_and(|record| record.target == profile)
}

/// Puts the config back that a drill has broken which was cut short. Does nothing where there is no such drill, or a process
/// holds the lock of the rescuers: the drill is under way then, or whoever repairs recovers it first.
pub(crate) fn recover_left_drill(host: &Host, env: &Environment) -> Result<Option<RecoveredDrill>> {
    let folder = shared_dir(host, env);
    if !folder.join(RECORD_FILE).exists() {
        return Ok(None);
    }
    match HostLock::acquire(&folder, std::time::Duration::ZERO) {
        Ok(lock) => recover_drill(&lock, host, env),
        Err(_) => Ok(None),
    }
}

/// Puts the config back that a drill has broken which was cut short, for the holder of the lock of the rescuers.
pub(crate) fn recover_drill(
    lock: &HostLock,
    host: &Host,
    env: &Environment,
) -> Result<Option<RecoveredDrill>> {
    let folder = lock.state_home();
    let path = folder.join(RECORD_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let Some(record) = DrillRecord::read(folder) else {
        // What can't be read names no config that could be put back.
        apply::put_back(&path, &apply::free_aside_name(&path))?;
        return Ok(None);
    };
    let _lock = lock_host(host, env)?;
    let aside = record.put_back()?;
    apply::remove_file(&path)?;
    Ok(Some(RecoveredDrill {
        target: record.target,
        rescuer: record.rescuer,
        aside,
    }))
}

/// Acquires the host-wide lock for writing a config, and completes what an earlier run left unfinished: that may change the
/// config.
fn lock_host(host: &Host, env: &Environment) -> Result<HostLock> {
    let lock = HostLock::acquire(&registry::state_home(host, env), HostLock::WAIT_TIMEOUT)?;
    apply::recover(&lock)?;
    Ok(lock)
}
