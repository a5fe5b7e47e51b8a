//! What the next run does about one that was cut short: completes it or takes it back, and says which.

use std::fs;
use std::path::{Path, PathBuf};

use super::fault::{During as _, Operation};
use super::journal::{Journal, Phase, unfinished};
use super::lock::HostLock;
use super::steps::{intruders, keep_intruder};
use super::transaction::{clear, redo, undo};
use crate::error::Result;
use crate::host::read;
use crate::i18n::{Msg, msg};

/// What became of a run that was cut short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Which way it went.
    pub outcome: RecoveryOutcome,
    /// The config that it was about, or what else it changed last; the journal itself for
    /// [`RecoveryOutcome::SetAside`].
    pub about: PathBuf,
    /// What the user should know: the outcome, then each file that was found in the way and kept.
    pub msgs: Vec<Msg>,
}

/// Which way a run that was cut short went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryOutcome {
    /// The new state is there.
    Completed,
    /// The old state is there.
    Undone,
    /// Its journal could not be understood and was moved aside; nothing else was touched.
    SetAside,
}

/// Whether a run was cut short here: reads only, for commands that don't write.
pub fn has_unfinished_transaction(state_home: &Path) -> bool {
    unfinished(state_home).is_some()
}

/// Brings a run that was cut short to one of its two ends. Every command that writes calls this first,
/// and surveys only after it.
pub fn recover(lock: &HostLock) -> Result<Option<Recovered>> {
    let state_home = lock.state_home();
    Journal::clear_draft(state_home)?;
    let Some(phase) = unfinished(state_home) else {
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
    let (outcome, msgs) = match phase {
        Phase::Staging | Phase::Undoing => {
            undo(state_home, &journal, &mut |_| {})?;
            (
                RecoveryOutcome::Undone,
                vec![msg!("apply.taken-back", path = about.display())],
            )
        }
        Phase::Committing => {
            let mut msgs = vec![msg!("apply.completed", path = about.display())];
            for path in intruders(&journal.commit) {
                let name = keep_intruder(path)?;
                msgs.push(msg!("apply.kept", path = path.display(), name = name.display()));
            }
            redo(state_home, &journal)?;
            (RecoveryOutcome::Completed, msgs)
        }
        Phase::Tidying => {
            clear(state_home, &journal)?;
            (
                RecoveryOutcome::Completed,
                vec![msg!("apply.completed", path = about.display())],
            )
        }
    };
    Ok(Some(Recovered { outcome, about, msgs }))
}

/// Moves a journal that can't be understood out of the way: somebody may yet learn from it.
fn set_aside(path: &Path, why: &str) -> Result<Recovered> {
    let names = (0..).map(|number| path.with_extension(format!("broken.{number}")));
    let to = names
        .into_iter()
        .find(|name| fs::symlink_metadata(name).is_err())
        .unwrap_or_default();
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
