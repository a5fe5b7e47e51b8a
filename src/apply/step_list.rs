//! From the changes of a plan to the steps that make them: what is staged where, and what the commit renames.
//!
//! The commit must be nothing but renames within a folder's own file system, each of which may be repeated. So a
//! new file is staged in the folder in which it will lie; backups are rotated by giving each old file a second name
//! beforehand; and a folder whose name is free only after a rename is made at the commit, its files being staged
//! beside it until then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::journal::{CommitId, CommitStep, Journal, StageId, StageStep};
use super::preflight::{PreflightReport, Target};
use super::resolve::{PathKind, ResolvedPath};
use super::run_id::temporary_path;
use super::steps::StagedContent;
use crate::plan::{Change, FileKind, FileWrite, Plan};

/// The journal steps that carry out a plan of file changes, and which change of the plan each belongs to.
pub(super) struct StepList<'a> {
    pub(super) journal: Journal,
    /// The contents of staged files.
    pub(super) contents: BTreeMap<StageId, StagedContent<'a>>,
    /// The changes of the plan, in order, each with its own steps.
    pub(super) changes: Vec<ChangeSteps<'a>>,
}

/// A file change of a plan and the ids of the journal steps that carry it out.
pub(super) struct ChangeSteps<'a> {
    pub(super) change: &'a Change,
    pub(super) stage: Vec<StageId>,
    pub(super) commit: Vec<CommitId>,
}

/// Makes the journal steps of a plan of file changes from what the check before found. `run_id` makes the temporary
/// names this run's own.
pub(super) fn build<'a>(plan: &'a Plan, report: PreflightReport<'a>, run_id: &str) -> StepList<'a> {
    let mut builder = StepBuilder {
        run_id,
        name_count: 0,
        journal: Journal::new(subject_path(plan)),
        contents: BTreeMap::new(),
        stage: Vec::new(),
        commit: Vec::new(),
        planned_folders: BTreeSet::new(),
        gone: Vec::new(),
    };
    let mut changes = Vec::new();
    for (change, target) in plan.changes.iter().zip(report.targets) {
        builder.add_target(target);
        changes.push(ChangeSteps {
            change,
            stage: std::mem::take(&mut builder.stage),
            commit: std::mem::take(&mut builder.commit),
        });
    }
    StepList {
        journal: builder.journal,
        contents: builder.contents,
        changes,
    }
}

/// Returns the path by which messages name a transaction: the config where one is written, else the last path.
fn subject_path(plan: &Plan) -> PathBuf {
    let config = plan
        .changes
        .iter()
        .find(|c| matches!(c, Change::Write(w) if w.kind == FileKind::Config));
    config
        .or(plan.changes.last())
        .map(|change| change.path().to_path_buf())
        .unwrap_or_default()
}

/// Builds the journal steps of a transaction from the file changes of a plan, one after the other.
struct StepBuilder<'a, 'n> {
    run_id: &'n str,
    /// Number of temporary names that were given so far.
    name_count: usize,
    journal: Journal,
    contents: BTreeMap<StageId, StagedContent<'a>>,
    /// The stage steps of the current change.
    stage: Vec<StageId>,
    /// The commit steps of the current change.
    commit: Vec<CommitId>,
    /// Folders that an earlier step makes.
    planned_folders: BTreeSet<PathBuf>,
    /// Paths that a rename of an earlier change frees.
    gone: Vec<PathBuf>,
}

impl<'a> StepBuilder<'a, '_> {
    fn add_target(&mut self, target: Target<'a>) {
        match target {
            Target::Folder { folder } => self.add_folders(&folder, &folder.real),
            Target::File { write, file, backups } => self.add_file(write, file, &backups),
            Target::Mode { path, from, to } => self.add_commit(CommitStep::Mode { path, from, to }),
            Target::Rename { from, to } => {
                if let Some(folder) = to.real.parent() {
                    self.add_folders(&to, folder);
                }
                self.add_commit(CommitStep::Move {
                    from: from.clone(),
                    to: to.real,
                });
                self.planned_folders.retain(|folder| !folder.starts_with(&from));
                self.gone.push(from);
            }
        }
    }

    fn add_stage(&mut self, step: StageStep) -> StageId {
        let id = self.journal.push_stage(step);
        self.stage.push(id);
        id
    }

    fn add_commit(&mut self, step: CommitStep) {
        let id = self.journal.push_commit(step);
        self.commit.push(id);
    }

    /// Adds the steps that make the missing folders on the way down to `last` to a transaction, each once.
    fn add_folders(&mut self, path: &ResolvedPath, last: &Path) {
        for folder in path.missing_folders(last) {
            if !self.planned_folders.insert(folder.to_path_buf()) {
                continue;
            }
            let path = folder.to_path_buf();
            if self.is_gone(folder) {
                self.add_commit(CommitStep::Folder { path });
            } else {
                self.add_stage(StageStep::Folder { path });
            }
        }
    }

    fn add_file(&mut self, write: &'a FileWrite, file: ResolvedPath, backups: &[ResolvedPath]) {
        let real = &file.real;
        let folder = real.parent().unwrap_or(&file.anchor);
        self.add_folders(&file, folder);
        // A folder that will be renamed would take a file that is staged in it along.
        let staging_folder = if self.is_gone(folder) {
            file.anchor.clone()
        } else {
            folder.to_path_buf()
        };
        let staged = self.temporary_path(&staging_folder);
        let id = self.add_stage(StageStep::File { path: staged.clone() });
        self.rotate_backups(real, backups);
        let old = matches!(file.kind, PathKind::File(_)).then(|| self.add_keep(real));
        self.add_commit(CommitStep::Place {
            from: staged,
            to: real.clone(),
            old,
        });
        let replaces = match file.kind {
            PathKind::File(meta) => Some(meta),
            _ => None,
        };
        let bytes = write.content.bytes();
        self.contents.insert(id, StagedContent { bytes, replaces });
    }

    /// Adds the steps that rotate the backups of a config file: each becomes one older, the file becomes the newest,
    /// the oldest is removed. The rotation ends at the first number that has no backup, so that older ones behind the
    /// gap stay.
    fn rotate_backups(&mut self, file: &Path, backups: &[ResolvedPath]) {
        let present = backups
            .iter()
            .take_while(|backup| matches!(backup.kind, PathKind::File(_)))
            .count();
        for age in (0..backups.len().min(present + 1)).rev() {
            let to = &backups[age].real;
            let of = if age == 0 { file } else { &backups[age - 1].real };
            let from = self.temporary_path(to.parent().unwrap_or(to));
            self.add_stage(StageStep::Backup {
                of: of.to_path_buf(),
                path: from.clone(),
            });
            let old = (age < present).then(|| self.add_keep(to));
            self.add_commit(CommitStep::Place {
                from,
                to: to.clone(),
                old,
            });
        }
    }

    /// Adds a step to a transaction that gives a file a second name, from which an undo brings it back, and returns
    /// the name.
    fn add_keep(&mut self, of: &Path) -> PathBuf {
        let path = self.temporary_path(of.parent().unwrap_or(of));
        self.add_stage(StageStep::Keep {
            of: of.to_path_buf(),
            path: path.clone(),
        });
        path
    }

    /// Returns a new temporary path for a step of a transaction.
    fn temporary_path(&mut self, folder: &Path) -> PathBuf {
        self.name_count += 1;
        temporary_path(folder, self.run_id, self.name_count)
    }

    fn is_gone(&self, path: &Path) -> bool {
        self.gone.iter().any(|gone| path.starts_with(gone))
    }
}
