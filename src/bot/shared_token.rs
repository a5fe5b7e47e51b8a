//! One token in two places: which other instance of this host has the token of an account. Only one program receives
//! what is said to a bot; two take the messages from each other.

use crate::instance::InstanceContext;
use crate::secret::Secret;
use crate::survey::Survey;

/// Returns the label of another instance in a survey whose config has this token, switched on or not.
pub(crate) fn find_other_instance(
    own: InstanceContext<'_>,
    survey: &Survey,
    token: &Secret,
) -> Option<String> {
    let own = survey.position(&own.instance.config_path);
    let others = survey
        .instances
        .iter()
        .enumerate()
        .filter(|(index, _)| Some(*index) != own);
    let mut holders = others.filter(|(_, other)| other.tokens.iter().any(|(_, theirs)| theirs == token));
    holders.next().map(|(_, other)| other.label.clone())
}
