//! The progress of a commit that was cut short, as the disk shows it.
//!
//! The steps of a commit are made in order, so those that were made are its beginning. A name that is missing proves
//! nothing by itself: the source of a step is gone when the step was made, and also when somebody removed it.

use std::path::{Path, PathBuf};

use super::file_ops::exists;
use super::io_failure::IoFailure;
use super::journal::CommitStep;
use super::steps::{keep_copy, move_out_of_the_way, same_content};
use super::system;

/// The file operations of a transaction's commit, and the number of them that were made.
pub(super) struct CommitProgress<'a> {
    steps: &'a [CommitStep],
    /// Number of steps that were made; the others are still to be made.
    made_count: usize,
}

impl<'a> CommitProgress<'a> {
    /// Finds out how far the commit of an interrupted transaction came: up to its last rename of which the disk shows
    /// that it was made.
    pub(super) fn inspect(steps: &'a [CommitStep]) -> Self {
        let last = (0..steps.len()).rev().find(|index| shows_as_made(steps, *index));
        Self {
            steps,
            made_count: last.map_or(0, |last| last + 1),
        }
    }

    /// Returns the file operations of a transaction's commit in order, each with `true` where it was made.
    pub(super) fn steps(&self) -> impl DoubleEndedIterator<Item = (&'a CommitStep, bool)> {
        let made_count = self.made_count;
        let numbered = self.steps.iter().enumerate();
        numbered
            .map(move |(index, step)| (step, index < made_count))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Returns the files and folders that a transaction's commit still has to rename and that are gone.
    pub(super) fn lost_sources(&self) -> Vec<&'a Path> {
        let pending = &self.steps[self.made_count..];
        let lost = pending.iter().enumerate().filter_map(|(index, step)| {
            let (from, _) = step.rename()?;
            let will_be_made = pending[..index]
                .iter()
                .any(|earlier| from.starts_with(earlier.target()));
            (!exists(from) && !will_be_made).then_some(from)
        });
        lost.collect()
    }

    /// Moves what somebody put, since the run was killed, to the paths to which a transaction's commit still has to
    /// rename its own files. Returns each path with the name under which it is kept.
    pub(super) fn keep_intruders(&self) -> Result<Vec<(PathBuf, PathBuf)>, IoFailure> {
        let pending = &self.steps[self.made_count..];
        let mut kept = Vec::new();
        for (index, step) in pending.iter().enumerate() {
            let Some((from, to)) = step.rename() else { continue };
            let will_leave = pending[..index].iter().any(
                |earlier| matches!(earlier, CommitStep::Move { from, .. } if exists(from) && to.starts_with(from)),
            );
            let is_known = match step {
                CommitStep::Place { old: Some(old), .. } => same_content(old, to),
                _ => false,
            };
            if !exists(from) || !exists(to) || will_leave || is_known {
                continue;
            }
            let is_replaced = matches!(step, CommitStep::Place { .. }) && to.is_file();
            let name = if is_replaced {
                keep_copy(to)?
            } else {
                move_out_of_the_way(to)?
            };
            kept.push((to.to_path_buf(), name));
        }
        Ok(kept)
    }

    /// Keeps a copy of each file that a transaction's commit put in place: an undo replaces it, and it may have been
    /// edited since.
    pub(super) fn keep_placed_files(&self) -> Result<Vec<(PathBuf, PathBuf)>, IoFailure> {
        let made = self.steps[..self.made_count].iter();
        let placed = made.filter_map(|step| match step {
            CommitStep::Place { to, old, .. } if exists(to) => {
                let is_old = old.as_ref().is_some_and(|old| same_content(old, to));
                (!is_old).then_some(to)
            }
            _ => None,
        });
        placed.map(|path| Ok((path.clone(), keep_copy(path)?))).collect()
    }
}

/// Returns whether the disk shows that a rename of a transaction's commit was made: its target is there and its
/// source is gone, or has been made anew by a later step. The target must not be what had the name before: that has
/// been moved away by an earlier step, or is known under a second name.
fn shows_as_made(steps: &[CommitStep], index: usize) -> bool {
    let step = &steps[index];
    let Some((from, to)) = step.rename() else {
        return false;
    };
    let is_made_anew = || {
        steps[index + 1..]
            .iter()
            .any(|later| later.target().starts_with(from))
    };
    let is_earlier_content = match step {
        // Not by content: a backup may have that of the one before it.
        CommitStep::Place { old: Some(old), .. } => system::same_file(old, to),
        _ => steps[..index].iter().any(|earlier| match earlier {
            CommitStep::Move { from, to: away } => to.starts_with(from) && !exists(away),
            _ => false,
        }),
    };
    exists(to) && (!exists(from) || is_made_anew()) && !is_earlier_content
}
