//! The mark of a move in a state folder, `move.json`: whose instance it is, on each of the two hosts. What is decided is written
//! down there first. A folder that was put aside keeps its mark, so that a gateway can't run from it by mistake.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::lease::LEASE_END_TIMEOUT;
use crate::apply;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::read::{self, ReadError};
use crate::i18n::msg;
use crate::instance::{Instance, InstanceContext};
use crate::registry;
use crate::releases::RunMode;
use crate::text::sanitize_name;

/// Name of the file in a state folder with the mark of a move.
pub(crate) const MARK_FILE: &str = "move.json";
/// Name of the lock of the moves of this host, in the state home.
const LOCK_FILE: &str = "move.lock";
/// Environment variable of a gateway that runs provisionally: the id of its move, and that of the process that started it.
const PROVISIONAL_VARIABLE: &str = "OPENCLAW_PROVISIONAL";

/// The phase of a move, as the state folder of one of the two hosts has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MovePhase {
    /// On the sending host: the gateway is stopped, or about to be. The other host keeps nothing.
    Leaving,
    /// On the sending host: the other host was told to keep the gateway, or is about to be. It alone knows whether it did.
    Keeping,
    /// On the sending host: the gateway runs on the other one.
    Left,
    /// On the sending host: the move is undone, and the gateway starts again.
    Returning,
    /// On the receiving host: the gateway is provisional.
    Arriving,
    /// On the receiving host: the gateway is there to stay.
    Arrived,
}

/// The mark of a move in a state folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MoveMark {
    /// The random id of the move.
    pub(crate) id: String,
    /// The phase.
    pub(crate) phase: MovePhase,
    /// The name of the other host.
    pub(crate) other: String,
    /// The time at which it began, in milliseconds since 1970.
    pub(crate) at: u64,
    /// The way in which the gateway ran.
    pub(crate) mode: RunMode,
}

/// The state of a move away from this host, for whoever looks at a gateway that does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AwayPhase {
    /// None, or one that is as good as undone.
    None,
    /// One is under way, or is decided: nobody else starts the gateway.
    Away,
    /// One was cut short before anything was decided, and has stopped a gateway that ran: nobody wanted that.
    CutShort,
}

impl AwayPhase {
    /// Looks at the mark of an instance, and at the lock of who moves it.
    pub(crate) fn of(context: InstanceContext<'_>) -> Self {
        let Ok(Some(mark)) = MoveMark::read(context.instance) else {
            return Self::None;
        };
        let is_under_way = || MoveLock::is_held(&registry::state_home(context.host, context.env));
        match mark.phase {
            MovePhase::Arrived => Self::None,
            MovePhase::Leaving | MovePhase::Returning if !is_under_way() => match mark.mode {
                RunMode::Stopped => Self::None,
                _ => Self::CutShort,
            },
            _ => Self::Away,
        }
    }
}

/// A move that was cut short, as the state folder of an instance shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UnfinishedMove {
    /// To the host with this name.
    Leaving(String),
    /// From the host with this name, and not kept.
    Arriving(String),
    /// Nobody knows.
    Unreadable,
}

impl UnfinishedMove {
    /// Looks at the mark of an instance; `None` where nothing is to be done. A move that is under way is none. `registry` is the
    /// path of the registry, which lies in the state home.
    pub(crate) fn of(instance: &Instance, registry: &Path) -> Option<Self> {
        let mark = match MoveMark::read(instance) {
            Ok(mark) => mark.filter(|mark| mark.phase != MovePhase::Arrived)?,
            Err(_) => return Some(Self::Unreadable),
        };
        if registry.parent().is_some_and(MoveLock::is_held) {
            return None;
        }
        let other = sanitize_name(&mark.other);
        Some(match mark.phase {
            MovePhase::Arriving => Self::Arriving(other),
            _ => Self::Leaving(other),
        })
    }
}

impl MoveMark {
    fn path(instance: &Instance) -> PathBuf {
        instance.state_dir.join(MARK_FILE)
    }

    /// Reads the mark of an instance; `None` where it is not moved.
    ///
    /// # Errors
    /// Where there is a mark that can't be read: nobody knows whose instance it is.
    pub(crate) fn read(instance: &Instance) -> Result<Option<Self>> {
        let path = Self::path(instance);
        let bytes = match read::bytes(&path) {
            Err(ReadError::Missing) => return Ok(None),
            Err(error) => {
                return Err(Error::blocked(msg!("move.unreadable", path = path.display())).because(error));
            }
            Ok(bytes) => bytes,
        };
        match serde_json::from_slice(&bytes) {
            Ok(mark) => Ok(Some(mark)),
            Err(error) => Err(Error::blocked(msg!("move.unreadable", path = path.display())).because(error)),
        }
    }

    /// Writes the mark durably into the state folder of an instance.
    pub(crate) fn write(&self, instance: &Instance) -> Result<()> {
        apply::write_file(&Self::path(instance), self.text().as_bytes())
    }

    /// Returns the text of the mark.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Writes the next phase of the move.
    pub(crate) fn advance(&mut self, instance: &Instance, phase: MovePhase) -> Result<()> {
        let next = Self {
            phase,
            ..self.clone()
        };
        next.write(instance)?;
        *self = next;
        Ok(())
    }

    /// Returns the environment variable, with its value, of the provisional gateway of this move, which this process starts.
    pub(crate) fn provisional_variable(&self) -> (&'static str, String) {
        (
            PROVISIONAL_VARIABLE,
            format!("{} {}", self.id, std::process::id()),
        )
    }

    /// Removes the mark of an instance.
    pub(crate) fn remove(instance: &Instance) -> Result<()> {
        apply::remove_file(&Self::path(instance))
    }
}

/// The right to move instances from or to this host, for as long as the value lives.
#[derive(Debug)]
pub(crate) struct MoveLock {
    _file: File,
}

impl MoveLock {
    /// Takes the lock.
    ///
    /// # Errors
    /// Where another move is under way, or the system refuses.
    pub(crate) fn acquire(state_home: &Path) -> Result<Self> {
        let path = state_home.join(LOCK_FILE);
        let file = apply::try_lock_file(&path)?;
        let busy = || Error::failed(msg!("move.busy")).hint(msg!("apply.wait-and-run-again"));
        Ok(Self {
            _file: file.ok_or_else(busy)?,
        })
    }

    /// Takes the lock, and waits for a move that loses its lease.
    ///
    /// # Errors
    /// Where another move is still under way then.
    pub(crate) fn wait(state_home: &Path) -> Result<Self> {
        let file = apply::wait_for_lock_file(&state_home.join(LOCK_FILE), LEASE_END_TIMEOUT)?;
        Ok(Self { _file: file })
    }

    /// Returns whether a move is under way.
    fn is_held(state_home: &Path) -> bool {
        apply::is_lock_held(&state_home.join(LOCK_FILE))
    }
}

/// Judges by the mark of a move whether the gateway of an instance may start here. A move away that was cut short before anything
/// was decided is undone, as soon as the other host can't run the gateway any more.
///
/// # Errors
/// Where the gateway belongs to another host, nobody knows to which one, or a move is under way.
pub(crate) fn settle_before_start(context: InstanceContext<'_>) -> Result<()> {
    let InstanceContext { host, env, instance } = context;
    let Some(mark) = MoveMark::read(instance)? else {
        return Ok(());
    };
    let (profile, other) = (&instance.profile, &mark.other);
    match mark.phase {
        MovePhase::Arrived => Ok(()),
        MovePhase::Returning => MoveMark::remove(instance),
        MovePhase::Arriving => match starter(host, &mark) {
            Some(pid) => {
                host.end_with_parent(pid);
                Ok(())
            }
            None => Err(
                Error::blocked(msg!("move.not-arrived", profile = profile, host = other))
                    .hint(msg!("move.remove-arriving", profile = profile)),
            ),
        },
        MovePhase::Leaving => {
            if MoveLock::is_held(&registry::state_home(host, env)) {
                return Err(Error::blocked(msg!(
                    "move.under-way",
                    profile = profile,
                    host = other
                )));
            }
            wait_for_end_of_lease();
            MoveMark::remove(instance)
        }
        MovePhase::Keeping => Err(
            Error::blocked(msg!("move.undecided", profile = profile, host = other))
                .hint(msg!("move.ask-again", profile = profile, host = other))
                .hint(msg!("move.cancel-it", profile = profile, host = other)),
        ),
        MovePhase::Left => Err(Error::blocked(msg!("move.left", profile = profile, host = other))
            .hint(msg!("move.cancel-it", profile = profile, host = other))),
    }
}

/// Returns the process that started this one as the provisional gateway of a move; `None` where it is none.
fn starter(host: &Host, mark: &MoveMark) -> Option<u32> {
    let (id, pid) = host.var(PROVISIONAL_VARIABLE)?.split_once(' ')?;
    pid.parse().ok().filter(|_| id == mark.id)
}

/// Waits until no other host can hold a lease that this one gave: whoever gave it has ended before now.
fn wait_for_end_of_lease() {
    let end = Instant::now() + LEASE_END_TIMEOUT;
    while let Some(rest) = end.checked_duration_since(Instant::now()) {
        std::thread::sleep(rest);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::profile::ProfileName;

    /// Returns the code of the error with which a gateway is refused whose state folder has this mark; `None` where it may start.
    fn refused(text: &str, variable: &str) -> Option<&'static str> {
        let home = tempfile::tempdir().unwrap();
        let home_text = home.path().to_str().unwrap();
        let host = Host::fixed(&[], [("HOME", home_text), (PROVISIONAL_VARIABLE, variable)]);
        let env = Environment::read(&host).unwrap();
        let instance = Instance::canonical(home.path(), ProfileName::default_profile());
        apply::write_file(&instance.state_dir.join(MARK_FILE), text.as_bytes()).unwrap();
        let context = InstanceContext {
            host: &host,
            env: &env,
            instance: &instance,
        };
        settle_before_start(context).err().map(|error| error.code())
    }

    fn mark(phase: MovePhase) -> String {
        let mark = MoveMark {
            id: "abc".to_owned(),
            phase,
            other: "box".to_owned(),
            at: 7,
            mode: RunMode::Background,
        };
        mark.text()
    }

    #[test]
    fn gateway_starts_only_where_the_mark_says_that_it_is_at_home() {
        let code = |phase| refused(&mark(phase), "");
        assert_eq!(code(MovePhase::Keeping), Some("move.undecided"));
        assert_eq!(code(MovePhase::Left), Some("move.left"));
        assert_eq!(code(MovePhase::Arriving), Some("move.not-arrived"));
        assert_eq!(code(MovePhase::Arrived), None);
        assert_eq!(code(MovePhase::Returning), None);
        assert_eq!(
            refused(&mark(MovePhase::Arriving), "other"),
            Some("move.not-arrived")
        );
        assert_eq!(refused("{}", ""), Some("move.unreadable"));
    }
}
