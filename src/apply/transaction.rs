//! Carries the steps of a plan out, one primitive at a time, and undoes them where one fails.
//!
//! The whole way is a list of primitives made up front, and [`Transaction::advance`] makes the next one. A run that
//! is killed between two of them is therefore the same as a transaction that is dropped there, which is how the
//! tests kill it everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use super::commit_progress::CommitProgress;
use super::event::ApplyEvent;
use super::file_ops::sync_folder;
use super::io_failure::{During as _, IoFailure, Operation};
use super::journal::{CommitId, CommitStep, Journal, Phase, StageId, StageStep, unfinished_phase};
use super::other_paths::InstancePaths;
use super::preflight::preflight;
use super::step_list::StepList;
use super::steps::StagedContent;
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::plan::{Change, Plan};

/// An indivisible action of a transaction: a run is killed before it or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Primitive<'a> {
    WriteJournal,
    ReportStart(&'a Change),
    Stage(StageId),
    SyncFile(StageId),
    SyncStaged,
    /// Repeats the preflight check: nobody has touched the files that are about to be replaced.
    Verify,
    /// Renames the journal to [`Phase::Committing`]: a run that is killed later is completed by the next one, not undone.
    MarkCommitting,
    Commit(CommitId),
    SyncCommitted,
    ReportDone(&'a Change),
    /// Renames the journal to [`Phase::Tidying`]: no commit step is repeated later.
    MarkTidying,
    /// Removes the second name that a stage step kept for an undo.
    Tidy(StageId),
    RemoveJournal,
}

/// A plan of file changes that is being carried out on the disk.
pub(super) struct Transaction<'a> {
    state_home: &'a Path,
    plan: &'a Plan,
    others: &'a [PathBuf],
    journal: Journal,
    contents: BTreeMap<StageId, StagedContent<'a>>,
    /// Staged files that are not durable yet.
    open_files: BTreeMap<StageId, File>,
    primitives: Vec<Primitive<'a>>,
    /// Number of primitives that were made.
    done: usize,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(
        state_home: &'a Path,
        plan: &'a Plan,
        others: &'a [PathBuf],
        steps: StepList<'a>,
    ) -> Self {
        let primitives = primitives(&steps);
        Self {
            state_home,
            plan,
            others,
            journal: steps.journal,
            contents: steps.contents,
            open_files: BTreeMap::new(),
            primitives,
            done: 0,
        }
    }

    /// Carries out the next primitive file operation of a transaction. Returns `false` where none is left.
    pub(super) fn advance(&mut self, events: &mut dyn FnMut(ApplyEvent<'_>)) -> Result<bool> {
        let Some(primitive) = self.primitives.get(self.done).copied() else {
            return Ok(false);
        };
        self.make(primitive, events)?;
        self.done += 1;
        Ok(true)
    }

    /// Returns whether the new state of a transaction is durably on the disk, so that a later failure no longer
    /// undoes it.
    pub(super) fn is_committed(&self) -> bool {
        self.primitives[..self.done].contains(&Primitive::SyncCommitted)
    }

    fn make(&mut self, primitive: Primitive<'a>, events: &mut dyn FnMut(ApplyEvent<'_>)) -> Result<()> {
        let journal = &self.journal;
        match primitive {
            Primitive::WriteJournal => journal.write(self.state_home)?,
            Primitive::ReportStart(change) => events(ApplyEvent::Started(change)),
            Primitive::Stage(id) => {
                let file = journal.stage_step(id).make(self.contents.get(&id))?;
                self.open_files.extend(file.map(|file| (id, file)));
            }
            Primitive::SyncFile(id) => {
                if let Some(file) = self.open_files.remove(&id) {
                    file.sync_all()
                        .during(Operation::Sync, journal.stage_step(id).path())?;
                }
            }
            Primitive::SyncStaged => sync_folders_of(journal.stage_steps().iter().map(StageStep::path))?,
            Primitive::Verify => preflight(self.plan, InstancePaths::of_others(self.others).all())?,
            Primitive::MarkCommitting => {
                Journal::change_phase(self.state_home, Phase::Staging, Phase::Committing)?;
            }
            Primitive::Commit(id) => journal.commit_step(id).make()?,
            Primitive::SyncCommitted => sync_committed(journal)?,
            Primitive::ReportDone(change) => events(ApplyEvent::Finished(change)),
            Primitive::MarkTidying => {
                Journal::change_phase(self.state_home, Phase::Committing, Phase::Tidying)?;
            }
            Primitive::Tidy(id) => journal.stage_step(id).tidy()?,
            Primitive::RemoveJournal => Journal::remove(self.state_home, Phase::Tidying)?,
        }
        Ok(())
    }

    /// Undoes a transaction after one of its primitive file operations failed, and adds a hint that says so to the
    /// error. Where the undo fails too, the journal stays and the next run tries again.
    pub(super) fn undo(&self, error: Error, events: &mut dyn FnMut(ApplyEvent<'_>)) -> Error {
        match undo(self.state_home, &self.journal, &mut |path| {
            events(ApplyEvent::Undone(path));
        }) {
            Ok(()) => error.hint(msg!("apply.undone")),
            Err(failure) => error.hint(msg!(
                "apply.undo-failed",
                path = failure.path.display(),
                cause = failure.cause,
                journal = self.state_home.display()
            )),
        }
    }
}

/// Returns the primitive file operations of a transaction with these steps, in order.
fn primitives<'a>(steps: &StepList<'a>) -> Vec<Primitive<'a>> {
    let stage = || steps.journal.stage_ids();
    let mut primitives = vec![Primitive::WriteJournal];
    for change in &steps.changes {
        primitives.push(Primitive::ReportStart(change.change));
        primitives.extend(change.stage.iter().copied().map(Primitive::Stage));
    }
    primitives.extend(stage().map(Primitive::SyncFile));
    primitives.extend([
        Primitive::SyncStaged,
        Primitive::Verify,
        Primitive::MarkCommitting,
    ]);
    for change in &steps.changes {
        primitives.extend(change.commit.iter().copied().map(Primitive::Commit));
    }
    primitives.push(Primitive::SyncCommitted);
    let changes = steps.changes.iter().map(|steps| steps.change);
    primitives.extend(changes.map(Primitive::ReportDone));
    primitives.push(Primitive::MarkTidying);
    primitives.extend(stage().map(Primitive::Tidy));
    primitives.push(Primitive::RemoveJournal);
    primitives
}

/// Undoes a transaction from its phase, which is the name of its journal. `undone` is told each path that is as it
/// was before.
pub(super) fn undo(
    state_home: &Path,
    journal: &Journal,
    undone: &mut dyn FnMut(&Path),
) -> Result<(), IoFailure> {
    Journal::remove_temporary(state_home)?;
    let Some(phase) = unfinished_phase(state_home) else {
        return Ok(());
    };
    let mut phase = phase;
    if phase == Phase::Committing {
        Journal::change_phase(state_home, Phase::Committing, Phase::Undoing)?;
        phase = Phase::Undoing;
    }
    // One path that resists must not keep the others from coming back.
    let mut first = Ok(());
    if phase == Phase::Undoing {
        for (step, was_made) in CommitProgress::inspect(journal.commit_steps()).steps().rev() {
            match step.undo(was_made) {
                Ok(true) => undone(step.path()),
                Ok(false) => {}
                Err(failure) => first = first.and(Err(failure)),
            }
        }
        first = first.and_then(|()| sync_committed(journal));
    }
    // What is staged is still needed where the commit could not be undone. Where it could, that must never be
    // done twice: without the staged files an old one looks like a new one.
    first?;
    if phase == Phase::Undoing {
        Journal::change_phase(state_home, Phase::Undoing, Phase::Staging)?;
    }
    for step in journal.stage_steps().iter().rev() {
        step.undo()?;
    }
    Journal::remove(state_home, Phase::Staging)
}

/// Completes a transaction that was cut short after its commit began. Steps that were made are left alone.
pub(super) fn complete(
    state_home: &Path,
    journal: &Journal,
    progress: &CommitProgress<'_>,
) -> Result<(), IoFailure> {
    for (step, was_made) in progress.steps() {
        step.repeat(was_made)?;
    }
    sync_committed(journal)?;
    Journal::change_phase(state_home, Phase::Committing, Phase::Tidying)?;
    tidy(state_home, journal)
}

/// Removes the second names of files that a transaction kept for an undo, and its journal.
pub(super) fn tidy(state_home: &Path, journal: &Journal) -> Result<(), IoFailure> {
    journal.stage_steps().iter().try_for_each(StageStep::tidy)?;
    Journal::remove(state_home, Phase::Tidying)
}

fn sync_committed(journal: &Journal) -> Result<(), IoFailure> {
    let paths = journal.commit_steps().iter().flat_map(|step| match step {
        CommitStep::Folder { path } | CommitStep::Mode { path, .. } => vec![path.as_path()],
        CommitStep::Place { to, .. } => vec![to.as_path()],
        CommitStep::Move { from, to } => vec![from.as_path(), to.as_path()],
    });
    sync_folders_of(paths)
}

/// Makes these names of files and folders durable: an fsync of each folder in which one of them lies, once.
fn sync_folders_of<'p>(paths: impl Iterator<Item = &'p Path>) -> Result<(), IoFailure> {
    let folders: BTreeSet<_> = paths.filter_map(Path::parent).collect();
    folders
        .into_iter()
        .filter(|folder| folder.exists())
        .try_for_each(sync_folder)
}
