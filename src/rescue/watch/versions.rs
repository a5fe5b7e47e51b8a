//! The versions of the watched gateways as they were seen last. They are kept on disk, so that an upgrade is noticed also where
//! the watcher was restarted with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::apply;
use crate::host::read;
use crate::probe::Probe;
use crate::profile::ProfileName;

/// The file of the versions, in the state folder of the watcher's instance.
const FILE: &str = "watched-versions.json";

/// The engine and version of each watched gateway as it was seen last, by profile.
#[derive(Debug)]
pub(super) struct SeenVersions {
    state_dir: PathBuf,
    versions: BTreeMap<String, String>,
}

impl SeenVersions {
    /// Reads the versions that a watcher of the instance with this state folder has seen; none where the file is missing or
    /// broken.
    pub(super) fn read(state_dir: &Path) -> Self {
        let text = read::text(&state_dir.join(FILE)).unwrap_or_default();
        Self {
            state_dir: state_dir.to_owned(),
            versions: serde_json::from_str(&text).unwrap_or_default(),
        }
    }

    /// Notes the version of a gateway that is well. Returns the earlier and the present one where they differ.
    pub(super) fn note(&mut self, profile: &ProfileName, probe: &Probe) -> Option<(String, String)> {
        let now = format!("{} {}", probe.engine.name(), probe.version.as_deref()?);
        let before = self.versions.get(profile.as_str());
        if before == Some(&now) {
            return None;
        }
        let before = self.versions.insert(profile.to_string(), now.clone());
        let text = serde_json::to_string(&self.versions).unwrap_or_default();
        // Where it can't be written, the next watcher tells the upgrade once more.
        let _ = apply::write_state_file(&self.state_dir, &self.state_dir.join(FILE), text.as_bytes());
        before.map(|before| (before, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Engine;

    #[test]
    fn other_version_is_told_once_also_after_a_restart_of_the_watcher() {
        let dir = tempfile::tempdir().unwrap();
        let profile = ProfileName::default_profile();
        let probe = |engine, version: Option<&str>| Probe {
            engine,
            version: version.map(str::to_owned),
            ..Probe::default()
        };
        let mut seen = SeenVersions::read(dir.path());
        let early = probe(Engine::Node, Some("2026.1.30"));
        assert_eq!(seen.note(&profile, &early), None, "seen for the first time");
        assert_eq!(seen.note(&profile, &early), None);
        assert_eq!(seen.note(&profile, &probe(Engine::Node, None)), None);
        let mut seen = SeenVersions::read(dir.path());
        let late = probe(Engine::Node, Some("2026.9.6"));
        let told = Some(("node 2026.1.30".to_owned(), "node 2026.9.6".to_owned()));
        assert_eq!(seen.note(&profile, &late), told);
        assert_eq!(seen.note(&profile, &late), None);
        let native = probe(Engine::Native, Some("2026.9.6"));
        assert!(seen.note(&profile, &native).is_some(), "another engine");
    }
}
