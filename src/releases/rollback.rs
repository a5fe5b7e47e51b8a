//! The rollback of an instance's last upgrade: to the engine, the config and the state of that time.

use std::path::Path;
use std::time::Duration;

use super::StoreLock;
use super::choice::EngineChoice;
use super::running::RunMode;
use super::switch::{Switch, SwitchChange, SwitchEvent};
use super::switch_record::{self, SwitchEntry, SwitchJournal, SwitchKind};
use crate::engine::ReleaseStore;
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::instance::InstanceContext;
use crate::record::Record;
use crate::registry;
use crate::snapshot::{self, Snapshot};
use crate::time::{from_unix_millis, unix_millis};

/// Time after an upgrade in which it is the likeliest reason for a gateway that breaks.
const RECENT: Duration = Duration::from_hours(24);

/// An upgrade that can be rolled back, and the snapshot of what was there before it.
#[derive(Clone, Debug)]
pub(crate) struct Rollback {
    /// The upgrade.
    pub(crate) upgrade: SwitchEntry,
    before: Snapshot,
}

/// An upgrade so short ago that it may be why a gateway is not well, by the names of its engines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecentUpgrade {
    /// The engine before it.
    pub(crate) from: String,
    /// The engine after it.
    pub(crate) to: String,
}

impl Rollback {
    /// Finds the rollback of the last upgrade of an instance.
    ///
    /// # Errors
    /// Where there is no upgrade to undo, or its snapshot or the release of that time is gone.
    pub(crate) fn find(at: InstanceContext<'_>, store: &ReleaseStore, state_home: &Path) -> Result<Self> {
        let instance = at.instance;
        let upgrade = switch_record::last_upgrade(&switch_record::history(store), &instance.config_path);
        let upgrade =
            upgrade.ok_or_else(|| Error::failed(msg!("engine.no-upgrade", profile = instance.profile)))?;
        let folder = snapshot::snapshot_dir(state_home, &at.env.home, instance);
        let id = upgrade.switch.before.clone().unwrap_or_default();
        let before = snapshot::list(&folder)?.into_iter().find(|found| found.id == id);
        let before = before.ok_or_else(|| {
            Error::failed(msg!("snapshot.unknown", id = id))
                .hint(msg!("snapshot.see-list", command = instance.command()))
        })?;
        if let Some(version) = &upgrade.switch.from.release
            && store.find(version).is_none()
        {
            let command = format!("openclaw engine install {version}");
            return Err(Error::failed(msg!("engine.not-installed", version = version))
                .hint(msg!("engine.install-it", command = command)));
        }
        Ok(Self { upgrade, before })
    }

    /// Rolls back. Where that fails, everything is put back.
    ///
    /// # Errors
    /// Why it failed, with a hint that says what became of the instance.
    pub(crate) fn run(
        self,
        _lock: &StoreLock,
        switch: Switch<'_>,
        events: &mut dyn FnMut(SwitchEvent),
    ) -> Result<SwitchEntry> {
        let InstanceContext { host, instance, .. } = switch.context;
        let mode = RunMode::of(switch.context)?;
        let journal = SwitchJournal {
            at: unix_millis(host.now()),
            profile: instance.profile.to_string(),
            config: instance.config_path.clone(),
            kind: SwitchKind::Rollback,
            from: EngineChoice::of(&Record::read(&instance.record_path())?),
            to: self.upgrade.switch.from,
            was_running: mode != RunMode::Stopped,
            in_background: mode == RunMode::Background,
            before: None,
        };
        switch.run(journal, &SwitchChange::Restore(self.before), events)
    }
}

/// Finds the upgrade within the last day that can be rolled back of an instance with this record, where its gateway still runs
/// what it was taken to.
pub(crate) fn recent_upgrade(at: InstanceContext<'_>, record: &Record) -> Option<RecentUpgrade> {
    // Without a release of its own an instance was never upgraded.
    record.release.as_ref()?;
    let state_home = registry::state_home(at.host, at.env);
    let store = ReleaseStore::in_state_home(&state_home);
    let found = Rollback::find(at, &store, &state_home).ok()?;
    let switch = found.upgrade.switch;
    let age = at.host.now().duration_since(from_unix_millis(switch.at)).ok()?;
    let is_recent = age <= RECENT && EngineChoice::of(record) == switch.to;
    is_recent.then(|| RecentUpgrade {
        from: switch.from.name(),
        to: switch.to.name(),
    })
}

/// Rolls the last upgrade of an instance back, for a repair of its gateway.
///
/// # Errors
/// As [`Rollback::find`] and [`Rollback::run`], and where another process changes releases now.
pub(crate) fn roll_back(at: InstanceContext<'_>) -> Result<SwitchEntry> {
    let state_home = registry::state_home(at.host, at.env);
    let store = ReleaseStore::in_state_home(&state_home);
    let lock = StoreLock::acquire(&store)?;
    let switch = Switch::new(at, &store, &state_home);
    Rollback::find(at, &store, &state_home)?.run(&lock, switch, &mut |_| {})
}
