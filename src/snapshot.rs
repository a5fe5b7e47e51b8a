//! Snapshots: archives of one instance in the state home, and the plan that restores one.
//!
//! A restore replaces the config and each part of the state by a rename, all of them in one transaction of
//! [`crate::apply`]. What was there is moved into the state folder's `aside`, and a snapshot of it is made before, so that
//! a restore can be undone by a restore. Workspaces are no part of a snapshot: they are the agent's work.

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

/// Ending of the file name of an instance's snapshot.
const FILE_ENDING: &str = ".tar.gz";
/// Number of bytes of a config path's hash in the name of the folder of an instance's snapshots.
const FOLDER_HASH_BYTES: usize = 6;

/// A snapshot of an instance that exists on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The name of the snapshot, which is the time at which it was made: `20261122T192245123Z`.
    pub(crate) id: String,
    /// Path of the archive.
    pub(crate) path: PathBuf,
    /// Size of the archive in bytes.
    pub(crate) bytes: u64,
}

/// A snapshot of an instance that was just made.
#[derive(Clone, Debug)]
pub(crate) struct CreatedSnapshot {
    /// The snapshot.
    pub(crate) snapshot: Snapshot,
    /// The manifest of its archive.
    pub(crate) manifest: Manifest,
    /// Paths of the instance that no archive can hold.
    pub(crate) skipped: Vec<PathBuf>,
}

/// Returns the folder of an instance's snapshots, which has the name of its profile; and of the hash of the config's path
/// where that is not the profile's own.
pub(crate) fn snapshot_dir(state_home: &Path, home: &Path, instance: &Instance) -> PathBuf {
    let canonical = Instance::canonical(home, instance.profile.clone());
    let name = if canonical.config_path == instance.config_path {
        instance.profile.to_string()
    } else {
        let digest = Sha256::digest(instance.config_path.as_os_str().as_encoded_bytes());
        let short = hex::encode(&digest[..FOLDER_HASH_BYTES]);
        format!("{}.{short}", instance.profile)
    };
    state_home.join("snapshots").join(name)
}

/// Returns the snapshots of an instance in a folder, newest first.
pub(crate) fn list(folder: &Path) -> Vec<Snapshot> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.strip_suffix(FILE_ENDING)?.to_owned();
            let meta = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
            let is_id = id.bytes().all(|b| b.is_ascii_alphanumeric());
            is_id.then(|| Snapshot {
                id,
                path: entry.path(),
                bytes: meta.len(),
            })
        })
        .collect();
    found.sort_by(|a, b| b.id.cmp(&a.id));
    found
}

/// The instance whose snapshot is made or restored, and what of the host that takes into account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SnapshotTarget<'a> {
    /// The instance.
    pub(crate) instance: &'a Instance,
    /// The home folder of its user.
    pub(crate) home: &'a Path,
    /// The workspaces of the instance, which stay as they are.
    pub(crate) workspaces: &'a [PathBuf],
    /// Configs, state folders and workspaces of the other instances.
    pub(crate) others: &'a [PathBuf],
    /// The folder of the instance's snapshots.
    pub(crate) folder: &'a Path,
    /// The time, as OpenClaw writes it.
    pub(crate) now: &'a str,
}

impl SnapshotTarget<'_> {
    /// Returns the paths of an instance that are not part of its snapshots, such as its workspaces and the snapshots
    /// themselves.
    fn protected_paths(&self) -> Vec<PathBuf> {
        self.workspaces.iter().chain(self.others).cloned().collect()
    }

    /// Makes a snapshot of an instance: an archive of its config and state. `reason` is kept in its manifest.
    ///
    /// # Errors
    /// With [`ErrorReason::NothingToSnapshot`] when the instance has no files; else when there are too many, or one can't be
    /// read, or the archive can't be written.
    pub(crate) fn create(&self, reason: &str) -> Result<CreatedSnapshot> {
        let files = FileSet::collect(self.instance, &self.protected_paths());
        if files.sources.is_empty() {
            let path = self.instance.state_dir.display();
            return Err(Error::failed(msg!("snapshot.nothing", path = path))
                .with_reason(ErrorReason::NothingToSnapshot));
        }
        files.check(ArchiveKind::Snapshot)?;
        let profile = self.instance.profile.as_str();
        let manifest = Manifest {
            home: self.home.to_path_buf(),
            config: self.instance.config_path.clone(),
            state: self.instance.state_dir.clone(),
            workspace: self.workspaces.first().cloned(),
            ..Manifest::new(ArchiveKind::Snapshot, profile, self.now, reason)
        };
        let id = self.free_id();
        let path = self.folder.join(format!("{id}{FILE_ENDING}"));
        let manifest = apply::create_file(&path, |file| archive::pack(file, manifest, &files.sources))?;
        let bytes = std::fs::metadata(&path)
            .map(|meta| meta.len())
            .unwrap_or_default();
        Ok(CreatedSnapshot {
            snapshot: Snapshot { id, path, bytes },
            manifest,
            skipped: files.skipped,
        })
    }

    /// Returns an unused id for a new snapshot of an instance, made of the present time. Of two snapshots in one
    /// millisecond the second gets a letter more.
    fn free_id(&self) -> String {
        let mut id = self.stamp();
        while self.folder.join(format!("{id}{FILE_ENDING}")).exists() {
            id.push('a');
        }
        id
    }

    /// Returns the time in letters and digits alone, for the id of a snapshot.
    fn stamp(&self) -> String {
        self.now.chars().filter(char::is_ascii_alphanumeric).collect()
    }

    /// Checks that the archive of a snapshot is whole, by the hashes in its manifest, and that it is one of this
    /// instance. Writes nothing.
    ///
    /// # Errors
    /// When it is damaged, or another instance's.
    pub(crate) fn verify(&self, snapshot: &Snapshot) -> Result<Manifest> {
        let manifest = archive::verify(&snapshot.path, archive::ArchiveOrigin::OwnSnapshot)
            .map_err(|error| error.into_error(&snapshot.path))?;
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

    /// Plans a restore: to replace the config and the state of an instance by the snapshot that was unpacked to
    /// `staging`, a folder in the state folder. What is there is moved aside.
    pub(crate) fn restore_plan(&self, manifest: &Manifest, staging: &Path) -> Plan {
        let state = &self.instance.state_dir;
        let staged_state = staging.join("state");
        let kept = self.paths_kept_in_state();
        let staged = archive::movable_entries(&staged_state, &kept);
        let mut changes = self.move_state_aside(&kept);
        changes.extend(staged.into_iter().map(|entry| Change::Rename {
            path: staged_state.join(&entry),
            to: state.join(&entry),
        }));
        changes.extend(
            manifest
                .files
                .values()
                .filter_map(|file| self.restore_config_file(&file.path, staging)),
        );
        Plan {
            changes,
            ..Plan::default()
        }
    }

    /// Returns the paths in an instance's state folder that the restore of a snapshot leaves in their place, relative
    /// to that folder.
    fn paths_kept_in_state(&self) -> Vec<PathBuf> {
        let real = read::canonicalize_existing(&self.instance.state_dir);
        let below = |path: &PathBuf| {
            let path = read::canonicalize_existing(path);
            path.strip_prefix(&real).ok().map(Path::to_path_buf)
        };
        let kept = self.protected_paths();
        kept.iter()
            .filter_map(below)
            .filter(|path| !path.as_os_str().is_empty())
            .collect()
    }

    /// Plans, for the restore of a snapshot, to move the content of an instance's state folder into its `aside`
    /// folder, except the paths in `kept`.
    fn move_state_aside(&self, kept: &[PathBuf]) -> Vec<Change> {
        let state = &self.instance.state_dir;
        let aside = state.join("aside").join(self.stamp());
        let mut changes = Vec::new();
        let mut folders = BTreeSet::new();
        for entry in archive::movable_entries(state, kept) {
            let to = aside.join(&entry);
            let folder = to.parent().unwrap_or(&aside).to_path_buf();
            if folders.insert(folder.clone()) {
                changes.push(Change::MakeDir { path: folder });
            }
            let path = state.join(entry);
            changes.push(Change::Rename { path, to });
        }
        changes
    }

    /// Plans to restore a file of a snapshot that is the instance's config or one that it includes; `None` for any
    /// other file, and for one that is as it was.
    fn restore_config_file(&self, name: &str, staging: &Path) -> Option<Change> {
        let config = &self.instance.config_path;
        let from = staging.join(name);
        let (top, below) = name.split_once('/')?;
        let to = match top {
            "config" => config.clone(),
            "include" => config.with_file_name("").join(below),
            _ => return None,
        };
        if top == "config" && config.starts_with(&self.instance.state_dir) {
            // The old one is moved aside with the state.
            return Some(Change::Rename { path: from, to });
        }
        let text = read::text(&from).ok()?;
        let before = read::bytes(&to).ok();
        if before.as_deref() == Some(text.as_bytes()) {
            return None;
        }
        let content = Content::in_pieces(text, vec![TextPiece::Hidden(SecretOrigin::Kept)]);
        Some(Change::Write(FileWrite::config(to, content, before)))
    }
}
