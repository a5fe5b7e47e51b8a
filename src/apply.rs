//! Carries a plan out as one transaction: the old state or the new one, never a half.
//!
//! 1. [`preflight`] looks, reading only, whether the disk is as the plan took it to be.
//! 2. A journal names every step before it is made.
//! 3. New files are staged beside the old ones: folders 0700 and files 0600 from their first moment.
//! 4. The journal is marked; from here on there are only renames, each of which may be repeated.
//! 5. What was kept for an undo is removed, the journal last.
//!
//! A failure takes everything back. After a kill the next run does what is missing ([`recover`]):
//! before the mark it takes back, after it it completes. Until then each single file is the old or the
//! new one, whole. This is the only module that writes a user's file, and it writes nothing without
//! the [`HostLock`].

#![expect(
    clippy::disallowed_methods,
    reason = "this is the module that writes and removes files"
)]

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::plan::{Change, Plan};

mod draft;
mod fault;
mod file_ops;
mod journal;
mod lock;
mod place;
mod preflight;
mod recover;
mod run_id;
mod script;
mod single;
mod steps;
#[cfg_attr(unix, path = "apply/unix.rs")]
#[cfg_attr(windows, path = "apply/windows.rs")]
mod system;
#[cfg(all(test, unix))]
mod tests;
mod transaction;

pub use draft::AnswersDraft;
pub use file_ops::remove_if_present;
pub use lock::HostLock;
pub(crate) use lock::{make_folders, open_in as open_lock};
pub use preflight::preflight;
pub use recover::{Recovered, RecoveryOutcome, has_unfinished_transaction, recover};
pub use single::{create_file, remove_file, remove_staging, stage_file, write_file};

/// What happens while a plan is carried out, for a progress display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyEvent<'a> {
    /// Work on this change begins.
    Started(&'a Change),
    /// This change is there, durably.
    Done(&'a Change),
    /// After a failure: this path is as it was before.
    Undone(&'a Path),
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// What came to be, changed or went, in the plan's order.
    pub changed: Vec<PathBuf>,
    /// What the user should know: a folder of the instance that others may enter, a leftover.
    pub notices: Vec<Msg>,
}

/// Carries a plan out, whole or not at all. An empty plan writes nothing.
///
/// `others` are the paths of the other instances, as for [`preflight`]. Fails with `apply.stale` where
/// a file changed since the plan was made, and with `apply.unfinished` where [`recover`] was not called.
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
    let mut sight = preflight::look(plan, others)?;
    let mut notices = std::mem::take(&mut sight.notices);
    let script = script::script(plan, sight, &run_id::run_id());
    let mut transaction = transaction::Transaction::new(state_home, plan, others, script);
    loop {
        match transaction.advance(events) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) if transaction.is_done() => {
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
