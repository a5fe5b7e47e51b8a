//! The instances that the doctor reports on.

use std::collections::HashSet;
use std::path::Path;

use crate::environment::Environment;
use crate::instance::{self, CONFIG_FILE, Instance, InstanceContext};
use crate::probe;
use crate::survey::{Survey, SurveyedInstance};

/// An instance that the doctor reports on, with its entry in the survey of the host.
pub(super) type Candidate<'a> = (Option<&'a SurveyedInstance>, Instance);

/// Returns the instances that the doctor reports on: those that the survey of the host found, the chosen one, and
/// those whose config is a link to another's.
pub(super) fn find_candidates<'a>(
    chosen: InstanceContext<'_>,
    survey: &'a Survey,
    position: Option<usize>,
) -> Vec<Candidate<'a>> {
    let surveyed = survey.instances.iter().enumerate().map(|(index, found)| {
        let own = (position == Some(index)).then(|| chosen.instance.clone());
        (
            Some(found),
            own.unwrap_or_else(|| probe::instance_of(chosen.env, found)),
        )
    });
    let mut candidates: Vec<Candidate<'a>> = surveyed.collect();
    if position.is_none() {
        candidates.push((None, chosen.instance.clone()));
    }
    for twin in instances_with_linked_config(chosen.env, survey, &candidates) {
        candidates.push((None, twin));
    }
    candidates
}

/// Returns the instances whose config is a link to another instance's: the survey of the host counts each config
/// once.
fn instances_with_linked_config(
    env: &Environment,
    survey: &Survey,
    known: &[Candidate<'_>],
) -> Vec<Instance> {
    let known: HashSet<&Path> = known.iter().map(|(_, known)| &*known.config_path).collect();
    let entries = std::fs::read_dir(&env.home).into_iter().flatten().flatten();
    let mut twins: Vec<_> = entries
        .filter_map(|entry| instance::profile_of_folder(entry.file_name().to_str()?))
        .map(|profile| Instance::canonical(&env.home, profile))
        .filter(|twin| !known.contains(&*twin.config_path))
        .filter(|twin| !twin.state_dir.is_symlink() && twin.state_dir.join(CONFIG_FILE).is_symlink())
        .filter(|twin| survey.position(&twin.config_path).is_none())
        .collect();
    twins.sort_by(|a, b| a.profile.cmp(&b.profile));
    twins
}
