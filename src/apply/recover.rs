//! What the next run does about a transaction that was cut short: it completes or undoes it, and says which.

use std::fs;
use std::path::{Path, PathBuf};

use super::file_ops::free_path;
use super::io_failure::{During as _, Operation};
use super::journal::{Journal, Phase, unfinished_phase};
use super::lock::HostLock;
use super::steps::{intruders, keep_intruder};
use super::transaction::{complete, tidy, undo};
use crate::error::Result;
use crate::host::read;
use crate::i18n::{Msg, msg};

/// The result of the recovery of a transaction that was cut short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The end to which the transaction was brought.
    pub outcome: RecoveryOutcome,
    /// The config that the transaction was about, or else the last path that it changed; the journal itself for
    /// [`RecoveryOutcome::SetAside`].
    pub about: PathBuf,
    /// Messages for the user: the outcome, then each file that was found in the way and kept.
    pub msgs: Vec<Msg>,
}

/// The end to which a transaction that was cut short was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryOutcome {
    /// The new state is on the disk.
    Completed,
    /// The old state is on the disk.
    Undone,
    /// The journal could not be understood and was renamed; nothing else was touched.
    SetAside,
}

/// Returns whether a transaction was cut short in this state home. Only reads, for commands that don't write.
pub fn has_unfinished_transaction(state_home: &Path) -> bool {
    unfinished_phase(state_home).is_some()
}

/// Completes or undoes the transaction that was cut short in a state home, or returns `None` when there is none.
///
/// Every command that writes calls this first, and surveys the host only after it.
///
/// # Errors
/// When the system refuses a step. The journal stays, and the next call goes on.
pub fn recover(lock: &HostLock) -> Result<Option<Recovered>> {
    let state_home = lock.state_home();
    Journal::remove_temporary(state_home)?;
    let Some(phase) = unfinished_phase(state_home) else {
        return Ok(None);
    };
    let path = phase.path(state_home);
    let journal = match read::bytes(&path)
        .map_err(|e| e.to_string())
        .and_then(|bytes| Journal::parse(&bytes))
    {
        Ok(journal) => journal,
        Err(why) => return set_aside(&path, &why).map(Some),
    };
    let about = journal.about.clone();
    let completed = msg!("apply.completed", path = about.display());
    let (outcome, msgs) = match phase {
        Phase::Staging | Phase::Undoing => {
            undo(state_home, &journal, &mut |_| {})?;
            let undone = msg!("apply.taken-back", path = about.display());
            (RecoveryOutcome::Undone, vec![undone])
        }
        Phase::Committing => {
            let mut msgs = vec![completed];
            for path in intruders(journal.commit_steps()) {
                let name = keep_intruder(path)?;
                msgs.push(msg!("apply.kept", path = path.display(), name = name.display()));
            }
            complete(state_home, &journal)?;
            (RecoveryOutcome::Completed, msgs)
        }
        Phase::Tidying => {
            tidy(state_home, &journal)?;
            (RecoveryOutcome::Completed, vec![completed])
        }
    };
    Ok(Some(Recovered { outcome, about, msgs }))
}

/// Renames a journal that can't be parsed, so that it stays for inspection and blocks nothing.
fn set_aside(path: &Path, why: &str) -> Result<Recovered> {
    let to = free_path(|number| path.with_extension(format!("broken.{number}")));
    fs::rename(path, &to).during(Operation::Move, path)?;
    let msgs = vec![msg!(
        "apply.journal-broken",
        path = path.display(),
        to = to.display(),
        why = why
    )];
    Ok(Recovered {
        outcome: RecoveryOutcome::SetAside,
        about: to,
        msgs,
    })
}
