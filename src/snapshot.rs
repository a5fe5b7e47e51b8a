//! Snapshots: one instance as it was, kept in the state home, and the way back to one.
//!
//! A restore replaces the config and each part of the state by a rename, all of them in one transaction of
//! [`crate::apply`]; what was there is moved into the state folder's `aside`, and a snapshot of it is made
//! before, so that a restore can be restored from. Workspaces stay out of it: they are the agent's work.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::apply;
use crate::archive::{self, ArchiveKind, FileSet, Manifest};
use crate::error::{Error, ErrorReason, Result};
use crate::host::read;
use crate::i18n::msg;
use crate::instance::Instance;
use crate::plan::{Change, Content, FileWrite, Plan};
use crate::secret::{SecretOrigin, TextPiece};

/// The end of a snapshot's file name.
const ENDING: &str = ".tar.gz";

/// A snapshot that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name: the time at which it was made, `20261122T192245123Z`.
    pub id: String,
    /// Its file.
    pub path: PathBuf,
    /// Its size, packed, in bytes.
    pub bytes: u64,
}

/// Where the snapshots of an instance are kept: by its profile, and by its config where that is not the
/// profile's own.
pub fn snapshot_dir(state_home: &Path, home: &Path, instance: &Instance) -> PathBuf {
    let canonical = Instance::canonical(home, instance.profile.clone());
    let name = if canonical.config_path == instance.config_path {
        instance.profile.to_string()
    } else {
        let digest = Sha256::digest(instance.config_path.as_os_str().as_encoded_bytes());
        let short = hex::encode(&digest[..6]);
        format!("{}.{short}", instance.profile)
    };
    state_home.join("snapshots").join(name)
}

/// The snapshots in a folder, the newest first.
pub fn list(folder: &Path) -> Vec<Snapshot> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.strip_suffix(ENDING)?.to_owned();
            let meta = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
            let plain = id.bytes().all(|b| b.is_ascii_alphanumeric());
            plain.then(|| Snapshot {
                id,
                path: entry.path(),
                bytes: meta.len(),
            })
        })
        .collect();
    found.sort_by(|a, b| b.id.cmp(&a.id));
    found
}

/// Whose snapshot is made or restored, and what is not part of it.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotTarget<'a> {
    /// The instance.
    pub instance: &'a Instance,
    /// Its home folder.
    pub home: &'a Path,
    /// Its workspaces.
    pub workspaces: &'a [PathBuf],
    /// Configs, state folders and workspaces of the others.
    pub others: &'a [PathBuf],
    /// Where snapshots are kept.
    pub folder: &'a Path,
    /// The time as OpenClaw writes it.
    pub now: &'a str,
}

impl SnapshotTarget<'_> {
    fn protected(&self) -> Vec<PathBuf> {
        self.workspaces.iter().chain(self.others).cloned().collect()
    }

    /// Makes a snapshot; what was left out comes back with it.
    pub fn create(&self, reason: &str) -> Result<(Snapshot, Manifest, Vec<PathBuf>)> {
        let contents = FileSet::of(self.instance, &self.protected());
        if contents.sources.is_empty() {
            let path = self.instance.state_dir.display();
            return Err(Error::failed(msg!("snapshot.nothing", path = path))
                .with_reason(ErrorReason::NothingToSnapshot));
        }
        contents.check(ArchiveKind::Snapshot)?;
        let mut manifest = Manifest::new(
            ArchiveKind::Snapshot,
            self.instance.profile.as_str(),
            self.now,
            reason,
        );
        manifest.home = self.home.to_path_buf();
        manifest.config.clone_from(&self.instance.config_path);
        manifest.state.clone_from(&self.instance.state_dir);
        manifest.workspace = self.workspaces.first().cloned();
        let id = self.free_id();
        let path = self.folder.join(format!("{id}{ENDING}"));
        let manifest = apply::create_file(&path, |file| archive::pack(file, manifest, &contents.sources))?;
        let bytes = std::fs::metadata(&path)
            .map(|meta| meta.len())
            .unwrap_or_default();
        Ok((Snapshot { id, path, bytes }, manifest, contents.skipped))
    }

    /// The time as a name; two in one millisecond get a letter more.
    fn free_id(&self) -> String {
        let mut id: String = self.now.chars().filter(char::is_ascii_alphanumeric).collect();
        while self.folder.join(format!("{id}{ENDING}")).exists() {
            id.push('a');
        }
        id
    }

    /// Checks that a snapshot is whole and is one of this instance. Nothing is written.
    pub fn verify(&self, snapshot: &Snapshot) -> Result<Manifest> {
        let manifest = archive::verify(&snapshot.path, archive::ArchiveOrigin::OwnSnapshot)
            .map_err(|refusal| refusal.into_error(&snapshot.path))?;
        if manifest.kind != ArchiveKind::Snapshot || manifest.config != self.instance.config_path {
            let config = manifest.config.display();
            return Err(Error::failed(msg!(
                "snapshot.foreign",
                id = snapshot.id,
                config = config
            )));
        }
        Ok(manifest)
    }

    /// The plan that puts what was unpacked to `staging` in the place of what is there. `staging` lies in the
    /// state folder.
    pub fn restore_plan(&self, manifest: &Manifest, staging: &Path) -> Plan {
        let state = &self.instance.state_dir;
        let real = read::canonicalize_existing(state);
        let stay: Vec<PathBuf> = self
            .protected()
            .iter()
            .filter_map(|path| {
                read::canonicalize_existing(path)
                    .strip_prefix(&real)
                    .ok()
                    .map(Path::to_path_buf)
            })
            .filter(|path| !path.as_os_str().is_empty())
            .collect();
        let in_state = self.instance.config_path.strip_prefix(state).ok();
        let stamp: String = self.now.chars().filter(char::is_ascii_alphanumeric).collect();
        let aside = state.join("aside").join(stamp);
        let staged = archive::movable_entries(&staging.join("state"), &stay);
        let mut changes = Vec::new();
        let mut folders = BTreeSet::new();
        for unit in archive::movable_entries(state, &stay) {
            let to = aside.join(&unit);
            let folder = to.parent().unwrap_or(&aside).to_path_buf();
            if folders.insert(folder.clone()) {
                changes.push(Change::MakeDir { path: folder });
            }
            changes.push(Change::Rename {
                path: state.join(unit),
                to,
            });
        }
        let put = |from: PathBuf, to: PathBuf| Change::Rename { path: from, to };
        for unit in staged {
            let to = state.join(&unit);
            changes.push(put(staging.join("state").join(unit), to));
        }
        for entry in manifest.files.values() {
            let from = staging.join(&entry.path);
            let to = match entry.path.split_once('/') {
                Some(("config", _)) => self.instance.config_path.clone(),
                Some(("include", below)) => self.instance.config_path.with_file_name("").join(below),
                _ => continue,
            };
            if in_state.is_some() && entry.path.starts_with("config/") {
                changes.push(put(from, to));
            } else if let Ok(text) = read::text(&from) {
                let before = read::bytes(&to).ok();
                if before.as_deref() != Some(text.as_bytes()) {
                    let content = Content::in_pieces(text, vec![TextPiece::Hidden(SecretOrigin::Kept)]);
                    changes.push(Change::Write(FileWrite::config(to, content, before)));
                }
            }
        }
        Plan {
            changes,
            ..Plan::default()
        }
    }
}
