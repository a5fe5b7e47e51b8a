//! Brings a broken gateway back from outside: without its help, without a network, without a model.
//!
//! ```text
//! evidence ──► diagnose ──► ladder ──► repair ──► history
//! (looks)      (pure)       (pure)     (acts, one step at a time, and watches)
//! ```
//!
//! Everything up to the ladder only reads. A repair climbs from the least to the most invasive step,
//! waits for the gateway's own word that it is well after each, and stops at the first that helps. Nothing
//! of the target is copied into the rescuer's files: causes and steps are kept as words of this program,
//! never as text of the target.

use std::path::PathBuf;

use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::{Host, read};
use crate::i18n::msg;
use crate::instance::Instance;
use crate::probe;
use crate::profile::{self, ProfileName};
use crate::registry;
use crate::survey::Survey;

pub mod diagnose;
pub mod evidence;
pub mod history;
pub mod ladder;
pub mod repair;
pub mod watch;
pub mod words;

/// The folder of what all rescuers of this user on this host share: the lock, the history.
pub fn folder(host: &Host, env: &Environment) -> PathBuf {
    registry::state_home(host, env).join("rescue")
}

/// The instance that is to be rescued. Refuses the rescuer itself: who is broken can't mend himself.
pub fn target(
    env: &Environment,
    survey: &Survey,
    rescuer: &Instance,
    name: &ProfileName,
) -> Result<Instance> {
    let found = survey
        .instances
        .iter()
        .find(|found| found.profile.as_ref() == Some(name));
    let is_self = *name == rescuer.profile
        || found.is_some_and(|found| {
            read::canonicalize_existing(&rescuer.config_path)
                == read::canonicalize_existing(&found.config_path)
        });
    if is_self {
        let error = Error::usage(msg!("rescue.itself", profile = name));
        return Err(match another(survey, name) {
            Some(other) => error.hint(msg!("rescue.from-another", profile = other, target = name)),
            None => error.hint(msg!("rescue.set-one-up")),
        });
    }
    let Some(found) = found else {
        let known = survey.instances.iter().filter_map(|found| found.profile.as_ref());
        let error = Error::failed(msg!("profiles.unknown", profile = name));
        return Err(match profile::nearest(name, known) {
            Some(near) => error.hint(msg!("profiles.meant", profile = near)),
            None => error.hint(msg!("profiles.see-list")),
        });
    };
    Ok(probe::of(env, found))
}

/// A profile that could rescue this one.
fn another<'a>(survey: &'a Survey, name: &ProfileName) -> Option<&'a ProfileName> {
    let mut others = survey.instances.iter().filter_map(|found| found.profile.as_ref());
    others.find(|other| *other != name)
}
