//! Repairs a broken gateway from outside: without its help, without a network, without a model.
//!
//! ```text
//! evidence ──► diagnose ──► steps ──► repair ──► history
//! (reads)      (pure)       (pure)    (acts, one step at a time, and watches)
//! ```
//!
//! Everything before the repair only reads. A repair goes from the least to the most invasive step, waits for the
//! gateway's own word that it is well after each, and stops at the first step that helps. Nothing of the target is
//! copied into the rescuer's files: causes and steps are kept as names of this program, never as text of the target.

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

pub(crate) mod diagnose;
pub(crate) mod drill;
pub(crate) mod evidence;
pub(crate) mod history;
pub(crate) mod open_drill;
pub(crate) mod record;
pub(crate) mod repair;
pub(crate) mod steps;
pub(crate) mod stop;
pub mod watch;

/// Suffix of the file that keeps a broken config, which a gateway's repair replaced.
const BROKEN_SUFFIX: &str = "broken";

/// Returns the folder that all rescuers of this user on this host share: it holds the host-wide lock and the history
/// of repairs.
pub(crate) fn shared_dir(host: &Host, env: &Environment) -> PathBuf {
    registry::state_home(host, env).join("rescue")
}

/// Returns the instance, named by its profile, whose gateway another instance is to repair. Fails for an unknown
/// profile, and for the rescuer's own: a broken gateway can't repair itself.
pub(crate) fn resolve_target(
    env: &Environment,
    survey: &Survey,
    rescuer: &Instance,
    name: &ProfileName,
) -> Result<Instance> {
    let found = survey
        .instances
        .iter()
        .find(|found| found.profile.as_ref() == Some(name));
    let real = read::canonicalize_existing;
    let is_rescuer = *name == rescuer.profile
        || found.is_some_and(|found| real(&rescuer.config_path) == real(&found.config_path));
    if is_rescuer {
        let error = Error::usage(msg!("rescue.itself", profile = name));
        return Err(match find_other_profile(survey, name) {
            Some(other) => error.hint(msg!("rescue.from-another", profile = other, target = name)),
            None => error.hint(msg!("rescue.set-one-up")),
        });
    }
    find_target(env, survey, name)
}

/// Returns the instance, named by its profile, whose gateway somebody on another host is to repair.
///
/// # Errors
/// For an unknown profile.
pub(crate) fn find_target(env: &Environment, survey: &Survey, name: &ProfileName) -> Result<Instance> {
    let mut all = survey.instances.iter();
    let Some(found) = all.find(|found| found.profile.as_ref() == Some(name)) else {
        let known = survey.instances.iter().filter_map(|found| found.profile.as_ref());
        let error = Error::failed(msg!("profiles.unknown", profile = name));
        return Err(match profile::nearest_name(name, known) {
            Some(near) => error.hint(msg!("profiles.meant", profile = near)),
            None => error.hint(msg!("profiles.see-list")),
        });
    };
    Ok(probe::instance_of(env, found))
}

/// Returns an instance profile other than the given one, from which a broken gateway could be repaired.
fn find_other_profile<'a>(survey: &'a Survey, name: &ProfileName) -> Option<&'a ProfileName> {
    let mut others = survey.instances.iter().filter_map(|found| found.profile.as_ref());
    others.find(|other| *other != name)
}
