//! Check that the sandbox containers of two instances have different names.
//!
//! Two instances with an agent of one id use one container: whoever comes second works in the workspace of the first.

use super::super::check::Problem;
use super::super::host_report::{HostReport, InstanceReport};
use super::super::originality::instance_to_change;
use super::super::sandbox_containers::DEFAULT_PREFIX;
use crate::i18n::msg;

/// Key of a config that sets the start of the names of all sandbox containers.
const PREFIX_KEY: &str = "agents.defaults.sandbox.docker.containerPrefix";

/// Reports two instances whose sandboxes have one container.
pub(super) fn shared_containers(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let shared = report.others_to_compare(own).find_map(|other| {
        let mut mine = own.containers.iter();
        Some((other, mine.find(|name| other.containers.contains(name))?))
    });
    let problem = shared.map(|(other, name)| {
        let msg = msg!("doctor.isolation-sandbox", name = name, holder = other.label);
        let changes = instance_to_change(report, own, other);
        let prefix = format!("{DEFAULT_PREFIX}{}-", changes.instance.profile);
        Problem::new(
            msg,
            format!("{} config set {PREFIX_KEY} {prefix}", changes.command),
        )
    });
    problem.into_iter().collect()
}
