//! Snapshots: archives of one instance in the state home, and the plan that restores one.
//!
//! A restore replaces the config and each part of the state by a rename, all of them in one transaction of
//! [`crate::apply`]. What was there is moved into the state folder's `aside`, and a snapshot of it is made before, so that
//! a restore can be undone by a restore. Workspaces are no part of a snapshot: they are the agent's work.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::apply;
use crate::archive::{self, ArchiveKind, CONFIG_ENTRY, Exclusions, FileSet, LeftOut, Manifest, STATE_ENTRY};
use crate::config::{self, LoadedConfig};
use crate::error::{Error, ErrorReason, Result};
use crate::host::read;
use crate::i18n::msg;
use crate::instance::{Instance, InstanceContext};
use crate::plan::{Change, Content, FileWrite, Plan};
use crate::secret::{SecretOrigin, TextPiece};
use crate::survey::Survey;
use crate::time::{self, file_stamp};

/// Ending of the file name of an instance's snapshot.
const FILE_ENDING: &str = ".tar.gz";
/// Name of the lock in a folder of snapshots.
const LOCK_FILE: &str = "lock";
/// Number of automatic snapshots of an instance that are kept.
pub(crate) const KEPT_AUTOMATIC_SNAPSHOTS: usize = 20;
/// Number of bytes of a config path's hash in the name of the folder of an instance's snapshots.
const FOLDER_HASH_BYTES: usize = 6;

/// The reason for making a snapshot of an instance, which its manifest names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SnapshotReason {
    /// The user asked for the snapshot. It is kept for as long as the user keeps it.
    Asked,
    /// A restore replaces what the snapshot holds. It is made without being asked for, and removed when there are many.
    BeforeRestore,
    /// Another release of OpenClaw is about to change what the snapshot holds, or a rollback to replace it. It is made without
    /// being asked for, and removed when there are many.
    BeforeUpgrade,
}

impl SnapshotReason {
    /// Returns the name of a snapshot's reason in the manifest.
    const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::BeforeRestore => "before-restore",
            Self::BeforeUpgrade => "before-upgrade",
        }
    }

    /// Returns whether a snapshot was made without being asked for, by the name of its reason in the manifest.
    fn is_automatic(name: &str) -> bool {
        [Self::BeforeRestore, Self::BeforeUpgrade]
            .map(Self::name)
            .contains(&name)
    }
}

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
    /// The files and folders of the instance that are not in it.
    pub(crate) left_out: Vec<LeftOut>,
    /// Older automatic snapshots that were removed because there are more than are kept.
    pub(crate) pruned: Vec<Snapshot>,
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

/// Returns the snapshots of an instance in a folder, newest first. A folder that does not exist has none.
///
/// # Errors
/// When the folder can't be listed.
pub(crate) fn list(folder: &Path) -> Result<Vec<Snapshot>> {
    let unreadable =
        |cause: io::Error| Error::failed(msg!("snapshot.unreadable", path = folder.display())).because(cause);
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.strip_suffix(FILE_ENDING)) else {
            continue;
        };
        let is_id = id.bytes().all(|b| b.is_ascii_alphanumeric());
        if let Some(meta) = entry.metadata().ok().filter(|meta| is_id && meta.is_file()) {
            found.push(Snapshot {
                id: id.to_owned(),
                path: entry.path(),
                bytes: meta.len(),
            });
        }
    }
    found.sort_by(|a, b| b.id.cmp(&a.id));
    Ok(found)
}

/// The right to make or restore snapshots of one instance, for as long as the value lives. Making one takes as long as
/// the state is large, and nobody else on the host has to wait for that.
#[derive(Debug)]
pub(crate) struct SnapshotLock {
    _file: File,
}

impl SnapshotLock {
    /// Locks the snapshots of an instance, which lie in `folder`.
    ///
    /// # Errors
    /// When another process makes or restores one, or the system refuses.
    pub(crate) fn acquire(folder: &Path) -> Result<Self> {
        let path = folder.join(LOCK_FILE);
        match apply::try_lock_file(&path)? {
            Some(file) => Ok(Self { _file: file }),
            None => Err(Error::failed(msg!("snapshot.busy", path = path.display()))
                .hint(msg!("apply.wait-and-run-again"))),
        }
    }
}

/// Facts about the host that a snapshot of an instance takes into account; owns what a [`SnapshotTarget`] borrows.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotInputs {
    /// The folder of the instance's snapshots.
    pub(crate) folder: PathBuf,
    workspaces: Vec<PathBuf>,
    /// Configs, state folders and workspaces of the other instances.
    pub(crate) others: Vec<PathBuf>,
    /// The time, as OpenClaw writes it.
    pub(crate) now: String,
}

impl SnapshotInputs {
    /// Reads what a snapshot of an instance takes into account from a survey of the host.
    pub(crate) fn new(context: InstanceContext<'_>, survey: &Survey, state_home: &Path) -> Self {
        let InstanceContext { host, env, instance } = context;
        let config = &instance.config_path;
        let found = survey.position(config).map(|at| &survey.instances[at]);
        Self {
            folder: snapshot_dir(state_home, &env.home, instance),
            workspaces: found.map(|found| found.workspaces.clone()).unwrap_or_default(),
            others: survey.paths_of_others(config),
            now: time::format_millis(host.now()),
        }
    }

    /// Returns the instance whose snapshot is made or restored.
    pub(crate) fn target<'a>(&'a self, instance: &'a Instance, home: &'a Path) -> SnapshotTarget<'a> {
        SnapshotTarget {
            instance,
            home,
            workspaces: &self.workspaces,
            others: &self.others,
            folder: &self.folder,
            now: &self.now,
        }
    }
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

    /// Makes a snapshot of an instance, an archive of its config and state, and removes the oldest automatic ones beyond
    /// [`KEPT_AUTOMATIC_SNAPSHOTS`]; never the new one, nor the one with the id `needed`.
    ///
    /// # Errors
    /// With [`ErrorReason::NothingToSnapshot`] when the instance has no files; else when there are too many, or one can't be
    /// read, or the archive can't be written.
    pub(crate) fn create(
        &self,
        _lock: &SnapshotLock,
        reason: SnapshotReason,
        needed: Option<&str>,
    ) -> Result<CreatedSnapshot> {
        let files = self.files()?;
        if files.sources.is_empty() {
            let path = self.instance.state_dir.display();
            return Err(Error::failed(msg!("snapshot.nothing", path = path))
                .with_reason(ErrorReason::NothingToSnapshot));
        }
        files.check_bounds()?;
        let profile = self.instance.profile.as_str();
        let manifest = Manifest {
            home: self.home.to_path_buf(),
            config: self.instance.config_path.clone(),
            state: self.instance.state_dir.clone(),
            workspace: self.workspaces.first().cloned(),
            ..Manifest::new(ArchiveKind::Snapshot, profile, self.now, reason.name())
        };
        let id = self.free_id();
        let path = self.folder.join(format!("{id}{FILE_ENDING}"));
        let manifest = archive::create(&path, manifest, &files)?;
        let bytes = std::fs::metadata(&path)
            .map(|meta| meta.len())
            .unwrap_or_default();
        let pruned = self.prune([Some(id.as_str()), needed]);
        Ok(CreatedSnapshot {
            snapshot: Snapshot { id, path, bytes },
            manifest,
            left_out: files.left_out,
            pruned,
        })
    }

    fn files(&self) -> Result<FileSet> {
        let exclusions = Exclusions {
            workspaces: self.workspaces,
            others: self.others,
            archive: None,
        };
        FileSet::collect(self.instance, exclusions)
    }

    /// Returns the size that a snapshot of the instance has at most, and its files once they are unpacked, in bytes.
    ///
    /// # Errors
    /// When a file can't be looked at.
    pub(crate) fn size(&self) -> Result<u64> {
        self.files()?.padded_size()
    }

    /// Removes the oldest automatic snapshots of an instance beyond [`KEPT_AUTOMATIC_SNAPSHOTS`], except those with these
    /// ids; never one that the user asked for, nor one that does not say why it was made. Returns those removed. Best effort: the new
    /// snapshot is whole, and the next one tries again.
    fn prune(&self, kept: [Option<&str>; 2]) -> Vec<Snapshot> {
        let all = list(self.folder).unwrap_or_default();
        if all.len() <= KEPT_AUTOMATIC_SNAPSHOTS {
            return Vec::new();
        }
        let is_automatic = |snapshot: &Snapshot| {
            archive::read_reason(&snapshot.path).is_ok_and(|name| SnapshotReason::is_automatic(&name))
        };
        let automatic = all.into_iter().filter(is_automatic);
        let old = automatic.skip(KEPT_AUTOMATIC_SNAPSHOTS);
        old.filter(|snapshot| !kept.contains(&Some(snapshot.id.as_str())))
            .filter(|snapshot| apply::remove_file(&snapshot.path).is_ok())
            .collect()
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
        file_stamp(self.now)
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
    ///
    /// # Errors
    /// When a folder can't be listed.
    pub(crate) fn restore_plan(&self, manifest: &Manifest, staging: &Path) -> Result<Plan> {
        let state = &self.instance.state_dir;
        let staged_state = staging.join(STATE_ENTRY);
        let kept = self.paths_kept_in_state();
        let staged = archive::movable_entries(&staged_state, &kept)?;
        let mut changes = self.move_state_aside(&kept)?;
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
        Ok(Plan {
            changes,
            ..Plan::default()
        })
    }

    /// Returns the value of the config in a snapshot that was unpacked to `staging`, with those included files merged in that
    /// lie in the state folder; `Null` where the snapshot has no config that can be read.
    pub(crate) fn staged_config(&self, staging: &Path) -> Value {
        let LoadedConfig::Ok(document) = config::load(&staging.join(CONFIG_ENTRY)) else {
            return Value::Null;
        };
        let config = &self.instance.config_path;
        let below = config.strip_prefix(&self.instance.state_dir);
        let at = below.map_or_else(|_| config.clone(), |below| staging.join(STATE_ENTRY).join(below));
        config::effective_or_own(&at, &document).value
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
    fn move_state_aside(&self, kept: &[PathBuf]) -> Result<Vec<Change>> {
        let state = &self.instance.state_dir;
        let aside = state.join("aside").join(self.stamp());
        let mut changes = Vec::new();
        let mut folders = BTreeSet::new();
        for entry in archive::movable_entries(state, kept)? {
            let to = aside.join(&entry);
            let folder = to.parent().unwrap_or(&aside).to_path_buf();
            if folders.insert(folder.clone()) {
                changes.push(Change::MakeDir { path: folder });
            }
            let path = state.join(entry);
            changes.push(Change::Rename { path, to });
        }
        Ok(changes)
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
