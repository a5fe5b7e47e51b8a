//! The records of switches to another release: a journal while it is under way, and the history of those that ended.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::StoreLock;
use super::choice::EngineChoice;
use crate::apply;
use crate::engine::ReleaseStore;
use crate::error::Result;
use crate::host::read;
use crate::instance::{Instance, InstanceContext};

/// Name of the file with the history, in the folder of the releases.
const HISTORY_FILE: &str = "history.jsonl";
/// Maximum number of switches that the history keeps.
const MAX_ENTRIES: usize = 200;

/// The direction of a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SwitchKind {
    /// To another release, which takes over the state.
    Upgrade,
    /// Back to what ran before an upgrade, with the state of that time.
    Rollback,
}

/// The outcome of a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SwitchOutcome {
    /// The new engine runs.
    Done,
    /// It failed, and everything was put back.
    Undone,
    /// It was killed, and everything was put back later.
    CutShort,
}

/// A switch of an instance to another release that is under way: enough to put everything back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SwitchJournal {
    /// The time at which it began, in milliseconds since 1970.
    pub(crate) at: u64,
    /// The profile.
    pub(crate) profile: String,
    /// The config of the instance.
    pub(crate) config: PathBuf,
    /// The direction.
    pub(crate) kind: SwitchKind,
    /// The engine before the switch.
    pub(crate) from: EngineChoice,
    /// The engine after the switch.
    pub(crate) to: EngineChoice,
    /// `true` if the gateway ran, so that it is started again.
    pub(crate) was_running: bool,
    /// `true` if it ran in the background, started by this program, and not as a service.
    #[serde(default)]
    pub(crate) in_background: bool,
    /// The id of the snapshot of what was there; `None` as long as nothing was changed.
    pub(crate) before: Option<String>,
}

/// A switch of an instance that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SwitchEntry {
    /// The switch.
    #[serde(flatten)]
    pub(crate) switch: SwitchJournal,
    /// Its outcome.
    pub(crate) outcome: SwitchOutcome,
    /// The time in which the gateway did not answer, in milliseconds; `None` where it did not run.
    pub(crate) downtime: Option<u64>,
}

/// Returns the path of the journal of a switch of the instance with this id.
fn journal_path(store: &ReleaseStore, id: &str) -> PathBuf {
    store.folder.join(format!("switch-{id}.json"))
}

/// What a watcher of a gateway has to know of its switches to another release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SwitchPhase {
    /// None is under way, and none was cut short.
    None,
    /// One is under way: it stops and starts the gateway itself.
    UnderWay,
    /// One was cut short, and has stopped a gateway that ran: nobody else wanted that.
    CutShort,
}

impl SwitchPhase {
    /// Looks at the journal of an instance's switch, and at the lock of who makes it.
    pub(crate) fn of(context: InstanceContext<'_>) -> Self {
        let store = ReleaseStore::of_host(context.host, context.env);
        match SwitchJournal::read(&store, context.instance) {
            Some(_) if StoreLock::is_held(&store) => Self::UnderWay,
            Some(journal) if journal.was_running => Self::CutShort,
            _ => Self::None,
        }
    }
}

impl SwitchJournal {
    /// Reads the journal of a switch that was cut short, or is under way; `None` where there is none.
    pub(crate) fn read(store: &ReleaseStore, instance: &Instance) -> Option<Self> {
        Self::read_by_id(store, &instance.id())
    }

    /// Reads the journal of the instance with this id as [`Self::read`] does.
    pub(crate) fn read_by_id(store: &ReleaseStore, id: &str) -> Option<Self> {
        serde_json::from_slice(&read::bytes(&journal_path(store, id)).ok()?).ok()
    }

    /// Writes the journal durably.
    pub(super) fn write(&self, store: &ReleaseStore, instance: &Instance) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        apply::write_file(&journal_path(store, &instance.id()), &text)
    }

    /// Ends the switch: it is added to the history, and its journal removed. One that was put back is not kept from its end by a
    /// history that can't be written, as on a full disk.
    pub(super) fn end(
        self,
        store: &ReleaseStore,
        instance: &Instance,
        outcome: SwitchOutcome,
        downtime: Option<u64>,
    ) -> Result<SwitchEntry> {
        let entry = SwitchEntry {
            switch: self,
            outcome,
            downtime,
        };
        let mut entries = history(store);
        // A run that was killed between the two steps below has added it already.
        entries.retain(|old| old.switch.at != entry.switch.at || old.switch.config != entry.switch.config);
        entries.push(entry.clone());
        let surplus = entries.len().saturating_sub(MAX_ENTRIES);
        let lines = entries[surplus..]
            .iter()
            .map(|entry| serde_json::to_string(entry).unwrap_or_default());
        let text: String = lines.map(|line| line + "\n").collect();
        let written = apply::write_file(&store.folder.join(HISTORY_FILE), text.as_bytes());
        if outcome == SwitchOutcome::Done {
            written?;
        }
        apply::remove_file(&journal_path(store, &instance.id()))?;
        Ok(entry)
    }
}

/// Reads the switches of all instances that ended, the oldest first. Lines that can't be read are left out.
pub(crate) fn history(store: &ReleaseStore) -> Vec<SwitchEntry> {
    let text = read::text(&store.folder.join(HISTORY_FILE)).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Returns the upgrade that a rollback of the instance with this config would undo: its last switch, where that was one.
pub(crate) fn last_upgrade(entries: &[SwitchEntry], config: &Path) -> Option<SwitchEntry> {
    let mut own = entries.iter().filter(|entry| entry.switch.config == config);
    let last = own.rfind(|entry| entry.outcome == SwitchOutcome::Done)?;
    (last.switch.kind == SwitchKind::Upgrade).then(|| last.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Engine, ReleaseVersion};

    fn entry(at: u64, config: &str, kind: SwitchKind, outcome: SwitchOutcome) -> SwitchEntry {
        let release = |text: &str| EngineChoice {
            engine: Engine::Node,
            release: ReleaseVersion::parse(text).ok(),
        };
        SwitchEntry {
            switch: SwitchJournal {
                at,
                profile: "main".to_owned(),
                config: config.into(),
                kind,
                from: release("2026.1.30"),
                to: release("2026.9.6"),
                was_running: true,
                in_background: false,
                before: Some("20261130T120000000Z".to_owned()),
            },
            outcome,
            downtime: Some(1200),
        }
    }

    #[test]
    fn rollback_undoes_the_last_upgrade_that_was_done_and_only_once() {
        use SwitchKind::{Rollback, Upgrade};
        use SwitchOutcome::{Done, Undone};
        let mut entries = vec![entry(1, "/a", Upgrade, Done), entry(2, "/b", Upgrade, Done)];
        entries.push(entry(3, "/a", Upgrade, Undone));
        let last = last_upgrade(&entries, Path::new("/a")).unwrap();
        assert_eq!(last.switch.at, 1);
        entries.push(entry(4, "/a", Rollback, Done));
        assert_eq!(last_upgrade(&entries, Path::new("/a")), None);
        assert_eq!(last_upgrade(&entries, Path::new("/b")).unwrap().switch.at, 2);
        assert_eq!(last_upgrade(&entries, Path::new("/c")), None);
    }

    #[test]
    fn line_of_the_history_is_read_as_it_was_written() {
        let entry = entry(1, "/a", SwitchKind::Rollback, SwitchOutcome::CutShort);
        let line = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<SwitchEntry>(&line).unwrap(), entry);
        assert!(
            line.contains(r#""from":{"engine":"node","release":"2026.1.30"}"#),
            "{line}"
        );
    }
}
