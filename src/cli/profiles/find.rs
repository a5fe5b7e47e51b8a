//! The instance of a profile, by name.

use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::profile::{self, ProfileName};
use crate::survey::{Survey, SurveyedInstance};

/// Returns the instance of a profile.
///
/// # Errors
/// When there is none; the hint names the profile that was probably meant.
pub(crate) fn find_instance<'s>(survey: &'s Survey, name: &ProfileName) -> Result<&'s SurveyedInstance> {
    let found = survey
        .instances
        .iter()
        .find(|found| found.profile.as_ref() == Some(name));
    found.ok_or_else(|| {
        let error = Error::failed(msg!("profiles.unknown", profile = name));
        let names = survey.instances.iter().filter_map(|found| found.profile.as_ref());
        match profile::nearest_name(name, names) {
            Some(near) => error.hint(msg!("profiles.meant", profile = near)),
            None => error.hint(Msg::new("profiles.see-list")),
        }
    })
}
