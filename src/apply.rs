//! Carries a plan out as one transaction: afterwards the disk has the old state or the new one, never a half.
//!
//! 1. [`preflight()`] checks, reading only, that the disk is still as the plan took it to be.
//! 2. A journal lists every step before it is made.
//! 3. New files are staged beside the old ones: folders 0700 and files 0600 from their first moment.
//! 4. The journal is marked. From here on there are only renames, each of which may be repeated.
//! 5. What was kept for an undo is removed, the journal last.
//!
//! A failure undoes everything. After a kill the next run does what is missing ([`recover()`]): before the mark it
//! undoes, after it it completes. Until then each single file is the old or the new one, whole.
//!
//! This is the module that writes and removes files; `clippy.toml` disallows it elsewhere, with the exceptions
//! that name their reason (man pages, the links of systemd). A plan is written under the [`HostLock`] only. Single
//! files that one process owns (a gateway's state) are replaced without it ([`write_file`]).

#![expect(
    clippy::disallowed_methods,
    reason = "this is the module that writes and removes files"
)]

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::plan::Plan;

mod append;
mod commit_progress;
mod draft;
mod event;
mod file_ops;
mod interrupted;
mod io_failure;
mod journal;
mod lock;
mod other_paths;
mod preflight;
mod recover;
mod resolve;
mod run_id;
mod single_file;
mod step_list;
mod steps;
#[cfg_attr(unix, path = "apply/unix.rs")]
#[cfg_attr(windows, path = "apply/windows.rs")]
mod system;
#[cfg(test)]
mod tests;
mod transaction;

pub(crate) use append::append_state_lines;
pub(crate) use draft::AnswersDraft;
pub use event::ApplyEvent;
pub(crate) use file_ops::{free_aside_name, free_path, remove_if_present};
pub use interrupted::has_unfinished_transaction;
pub(crate) use interrupted::{InterruptedTransaction, changes_any, interrupted_transaction};
pub use lock::HostLock;
pub(crate) use lock::{
    is_lock_held, make_folders, read_holder as read_lock_holder, reserve_room, try_lock_file,
    wait_for_lock_file, write_holder as write_lock_holder,
};
pub(crate) use other_paths::{InstancePaths, OtherPaths};
pub(crate) use preflight::preflight;
pub use recover::{Recovered, RecoveryOutcome, recover};
pub(crate) use single_file::{
    StagedFolders, create_file, is_leftover_folder, keep_second_name, leftover_temporary_files,
    make_readable, move_staged, put_back, remove_file, remove_staging, remove_temporary_files, stage_file,
    stage_link, sync_staging, write_error, write_file, write_state_file,
};

/// The result of a plan of file changes that was carried out on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The paths that were created, changed or renamed, in the plan's order.
    pub(crate) changed: Vec<PathBuf>,
    /// Notices for the user: a folder of the instance that other users may enter, a temporary file that could not be removed.
    pub(crate) notices: Vec<Msg>,
}

/// Applies a plan of file changes as one transaction: the disk has the new state afterwards, or the old one and an
/// error is returned. An empty plan writes nothing.
///
/// `others` are the state folders, workspaces and configs of the other instances, which [`preflight()`] keeps out of.
///
/// # Errors
/// `apply.stale` when a file changed since the plan was made; `apply.unfinished` when [`recover()`] was not called
/// after a run that was cut short; else what the system refused. The old state is back then.
pub fn apply(
    lock: &HostLock,
    plan: &Plan,
    others: &[PathBuf],
    events: &mut dyn FnMut(ApplyEvent<'_>),
) -> Result<Applied> {
    if plan.is_empty() {
        return Ok(Applied::default());
    }
    let state_home = lock.state_home();
    if has_unfinished_transaction(state_home) {
        return Err(
            Error::failed(msg!("apply.unfinished", path = state_home.display()))
                .hint(msg!("apply.run-again")),
        );
    }
    let mut report = preflight::inspect(plan, InstancePaths::of_others(others).all())?;
    let mut notices = std::mem::take(&mut report.notices);
    let steps = step_list::build(plan, report, &run_id::run_id());
    let mut transaction = transaction::Transaction::new(state_home, plan, others, steps);
    loop {
        match transaction.advance(events) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) if transaction.is_committed() => {
                notices.push(msg!("apply.leftover").with_msg("what", error.msg));
                break;
            }
            Err(error) => return Err(transaction.undo(error, events)),
        }
    }
    Ok(Applied {
        changed: plan
            .changes
            .iter()
            .map(|change| change.path().to_path_buf())
            .collect(),
        notices,
    })
}
