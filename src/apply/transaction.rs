//! Carries a script out, one primitive at a time, and back where one of them fails.
//!
//! The whole way is a list of primitives made up front, and [`Transaction::advance`] makes the next
//! one. A run that is killed between two of them is therefore the same as a transaction that is
//! dropped there, which is how the tests kill it everywhere.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::ApplyEvent;
use super::fault::{During as _, IoFailure, Operation};
use super::file_ops::sync_folder;
use super::journal::{Commit, Journal, Phase, Stage, unfinished};
use super::preflight::preflight;
use super::script::{Script, Staged};
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::plan::Plan;

/// What is done in one go. The numbers are those of changes or steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Primitive {
    WriteJournal,
    Start(usize),
    Stage(usize),
    SyncFile(usize),
    SyncStaged,
    /// The same look as before the first byte: nobody has touched what is about to be replaced.
    Verify,
    /// From here on a run that is killed is completed by the next one, not undone.
    Mark,
    Commit(usize),
    SyncCommitted,
    Finish(usize),
    /// From here on nothing is made again.
    Conclude,
    /// Remove what a stage step kept for an undo.
    Tidy(usize),
    Forget,
}

/// A plan under way.
pub(super) struct Transaction<'a> {
    state_home: &'a Path,
    plan: &'a Plan,
    others: &'a [PathBuf],
    journal: Journal,
    contents: Vec<Staged<'a>>,
    primitives: Vec<Primitive>,
    next: usize,
    /// Staged files by stage step, open until they are durable.
    files: Vec<Option<File>>,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(
        state_home: &'a Path,
        plan: &'a Plan,
        others: &'a [PathBuf],
        script: Script<'a>,
    ) -> Self {
        let Script {
            journal,
            contents,
            parts,
        } = script;
        let stage = journal.stage.len();
        let mut primitives = vec![Primitive::WriteJournal];
        for (change, part) in parts.iter().enumerate() {
            primitives.push(Primitive::Start(change));
            primitives.extend(part.stage.clone().map(Primitive::Stage));
        }
        primitives.extend((0..stage).map(Primitive::SyncFile));
        primitives.extend([Primitive::SyncStaged, Primitive::Verify, Primitive::Mark]);
        for part in &parts {
            primitives.extend(part.commit.clone().map(Primitive::Commit));
        }
        primitives.push(Primitive::SyncCommitted);
        primitives.extend((0..parts.len()).map(Primitive::Finish));
        primitives.push(Primitive::Conclude);
        primitives.extend((0..stage).map(Primitive::Tidy));
        primitives.push(Primitive::Forget);
        let files = (0..stage).map(|_| None).collect();
        Self {
            state_home,
            plan,
            others,
            journal,
            contents,
            primitives,
            next: 0,
            files,
        }
    }

    /// Makes the next primitive; `false` where none is left.
    pub(super) fn advance(&mut self, events: &mut dyn FnMut(ApplyEvent<'_>)) -> Result<bool> {
        let Some(primitive) = self.primitives.get(self.next).copied() else {
            return Ok(false);
        };
        self.make(primitive, events)?;
        self.next += 1;
        Ok(true)
    }

    /// Whether the new state is there, whatever fails from now on.
    pub(super) fn is_done(&self) -> bool {
        self.primitives[..self.next].contains(&Primitive::SyncCommitted)
    }

    fn make(&mut self, primitive: Primitive, events: &mut dyn FnMut(ApplyEvent<'_>)) -> Result<()> {
        match primitive {
            Primitive::WriteJournal => self.journal.write(self.state_home)?,
            Primitive::Start(change) => events(ApplyEvent::Started(&self.plan.changes[change])),
            Primitive::Stage(step) => {
                let content = self.contents.iter().find(|staged| staged.step == step);
                self.files[step] = self.journal.stage[step].make(content)?;
            }
            Primitive::SyncFile(step) => {
                if let Some(file) = self.files[step].take() {
                    file.sync_all()
                        .during(Operation::Sync, self.journal.stage[step].path())?;
                }
            }
            Primitive::SyncStaged => sync_folders_of(self.journal.stage.iter().map(Stage::path))?,
            Primitive::Verify => preflight(self.plan, self.others)?,
            Primitive::Mark => Journal::turn(self.state_home, Phase::Staging, Phase::Committing)?,
            Primitive::Commit(step) => self.journal.commit[step].make()?,
            Primitive::SyncCommitted => sync_committed(&self.journal)?,
            Primitive::Finish(change) => events(ApplyEvent::Done(&self.plan.changes[change])),
            Primitive::Conclude => Journal::turn(self.state_home, Phase::Committing, Phase::Tidying)?,
            Primitive::Tidy(step) => tidy(&self.journal.stage[step])?,
            Primitive::Forget => Journal::forget(self.state_home, Phase::Tidying)?,
        }
        Ok(())
    }

    /// Takes everything back after a primitive failed, and says so in its error. Where even that
    /// fails the journal stays, and the next run tries again.
    pub(super) fn undo(&self, failed: Error, events: &mut dyn FnMut(ApplyEvent<'_>)) -> Error {
        match undo(self.state_home, &self.journal, &mut |path| {
            events(ApplyEvent::Undone(path));
        }) {
            Ok(()) => failed.hint(msg!("apply.undone")),
            Err(fault) => failed.hint(msg!(
                "apply.undo-failed",
                path = fault.path.display(),
                cause = fault.cause,
                journal = self.state_home.display()
            )),
        }
    }
}

/// Takes a transaction back from wherever it came to, as the journal's name has it.
pub(super) fn undo(
    state_home: &Path,
    journal: &Journal,
    undone: &mut dyn FnMut(&Path),
) -> Result<(), IoFailure> {
    Journal::clear_draft(state_home)?;
    let Some(phase) = unfinished(state_home) else {
        return Ok(());
    };
    let mut phase = phase;
    if phase == Phase::Committing {
        Journal::turn(state_home, Phase::Committing, Phase::Undoing)?;
        phase = Phase::Undoing;
    }
    // One path that resists must not keep the others from coming back.
    let mut first = Ok(());
    if phase == Phase::Undoing {
        for step in journal.commit.iter().rev() {
            match step.take_back() {
                Ok(true) => undone(step.path()),
                Ok(false) => {}
                Err(fault) => first = first.and(Err(fault)),
            }
        }
        first = first.and_then(|()| sync_committed(journal));
    }
    // What is staged is still needed where the commit could not be taken back. Where it could, that
    // must never be done twice: without the staged files an old one looks like a new one.
    first?;
    if phase == Phase::Undoing {
        Journal::turn(state_home, Phase::Undoing, Phase::Staging)?;
    }
    for step in journal.stage.iter().rev() {
        step.take_back()?;
    }
    Journal::forget(state_home, Phase::Staging)
}

/// Completes a transaction that was cut short after its commit began. Steps that were made are left
/// alone.
pub(super) fn redo(state_home: &Path, journal: &Journal) -> Result<(), IoFailure> {
    for step in &journal.commit {
        step.make_again()?;
    }
    sync_committed(journal)?;
    Journal::turn(state_home, Phase::Committing, Phase::Tidying)?;
    clear(state_home, journal)
}

/// Removes what was kept for an undo, and the journal.
pub(super) fn clear(state_home: &Path, journal: &Journal) -> Result<(), IoFailure> {
    journal.stage.iter().try_for_each(tidy)?;
    Journal::forget(state_home, Phase::Tidying)
}

/// Second names that were kept in case of a failure; what was staged has its own name by now.
fn tidy(step: &Stage) -> Result<(), IoFailure> {
    match step {
        Stage::Keep { .. } => step.take_back(),
        _ => Ok(()),
    }
}

fn sync_committed(journal: &Journal) -> Result<(), IoFailure> {
    let sides = journal.commit.iter().flat_map(|step| match step {
        Commit::Folder { path } | Commit::Mode { path, .. } => vec![path.as_path()],
        Commit::Place { to, .. } => vec![to.as_path()],
        Commit::Move { from, to } => vec![from.as_path(), to.as_path()],
    });
    sync_folders_of(sides)
}

/// Makes these names durable: an fsync of each folder in which one of them lies, once.
fn sync_folders_of<'p>(paths: impl Iterator<Item = &'p Path>) -> Result<(), IoFailure> {
    let folders: BTreeSet<_> = paths.filter_map(Path::parent).collect();
    folders
        .into_iter()
        .filter(|folder| folder.exists())
        .try_for_each(sync_folder)
}
