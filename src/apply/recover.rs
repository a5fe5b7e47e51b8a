//! Recovery from a transaction that was cut short: the next run completes or undoes it, and says which.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::commit_progress::CommitProgress;
use super::file_ops::free_path;
use super::io_failure::{During as _, Operation};
use super::journal::{Journal, JournalError, Phase, unfinished_phase};
use super::lock::{HostLock, foreign_owner_error};
use super::resolve::{LastLink, LinkResolver};
use super::transaction::{complete, tidy, undo};
use crate::error::{Error, Result};
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

/// Completes or undoes the transaction that was cut short in a state home, or returns `None` when there is none.
///
/// Every command that writes calls this first, and surveys the host only after it.
///
/// # Errors
/// When the journal is another user's, a path of it leads through a link by now, or the system refuses a step. The
/// journal stays, and the next call goes on.
pub fn recover(lock: &HostLock) -> Result<Option<Recovered>> {
    let state_home = lock.state_home();
    Journal::remove_temporary(state_home)?;
    let Some(phase) = unfinished_phase(state_home) else {
        return Ok(None);
    };
    let path = phase.path(state_home);
    let journal = match Journal::read(&path) {
        Ok(journal) => journal,
        Err(JournalError::Foreign(owner)) => return Err(foreign_owner_error(&path, owner)),
        Err(JournalError::Io(failure)) => return Err(failure.into()),
        Err(JournalError::Broken(why)) => return set_aside(&path, &why).map(Some),
    };
    refuse_links(&journal)?;
    let about = journal.about.clone();
    let (outcome, msgs) = match phase {
        Phase::Staging | Phase::Undoing => {
            undo(state_home, &journal, &mut |_| {})?;
            let undone = msg!("apply.taken-back", path = about.display());
            (RecoveryOutcome::Undone, vec![undone])
        }
        Phase::Committing => finish_commit(state_home, &journal)?,
        Phase::Tidying => {
            tidy(state_home, &journal)?;
            let completed = msg!("apply.completed", path = about.display());
            (RecoveryOutcome::Completed, vec![completed])
        }
    };
    Ok(Some(Recovered { outcome, about, msgs }))
}

/// Completes a transaction's commit that was cut short; undoes it where something that it still has to rename is
/// gone.
fn finish_commit(state_home: &Path, journal: &Journal) -> Result<(RecoveryOutcome, Vec<Msg>)> {
    let about = journal.about.display();
    let progress = CommitProgress::inspect(journal.commit_steps());
    let lost = progress.lost_sources();
    let (outcome, first, kept) = if let Some(lost) = lost.first() {
        let kept = progress.keep_placed_files()?;
        undo(state_home, journal, &mut |_| {})?;
        let msg = msg!("apply.lost-undone", path = about, lost = lost.display());
        (RecoveryOutcome::Undone, msg, kept)
    } else {
        let kept = progress.keep_intruders()?;
        complete(state_home, journal, &progress)?;
        (
            RecoveryOutcome::Completed,
            msg!("apply.completed", path = about),
            kept,
        )
    };
    let mut msgs = vec![first];
    msgs.extend(
        kept.iter()
            .map(|(path, name)| msg!("apply.kept", path = path.display(), name = name.display())),
    );
    Ok((outcome, msgs))
}

/// Refuses the journal of an interrupted transaction where one of its paths leads through a link. Its paths had none
/// when they were written: somebody has put one there since, and the renames would go where it leads.
fn refuse_links(journal: &Journal) -> Result<()> {
    // A link that the transaction itself renames is no folder on the way.
    let renamed = journal.renamed_paths().map(Path::to_path_buf);
    let mut links = LinkResolver::without(renamed.collect());
    let folders: BTreeSet<&Path> = journal.paths().filter_map(Path::parent).collect();
    for folder in folders {
        let resolved = links
            .resolve(folder, LastLink::Follow)
            .during(Operation::Inspect, folder)?;
        if resolved.real != folder {
            return Err(Error::blocked(msg!(
                "apply.link-since",
                path = folder.display(),
                real = resolved.real.display()
            ))
            .hint(msg!("apply.move-away", path = folder.display())));
        }
    }
    Ok(())
}

/// Renames the journal of a transaction that can't be parsed, so that it stays for inspection and blocks nothing.
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
