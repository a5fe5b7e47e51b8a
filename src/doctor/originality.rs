//! The decision which of two instances has to change where they share something: a copy of a state folder gives way to its
//! original.

use super::host_report::{HostReport, InstanceReport};

/// Returns the one of two instances that share something which has to change: a copy gives way to its original, otherwise the
/// instance that is examined does.
pub(super) fn instance_to_change<'r, 'a>(
    report: &HostReport<'a>,
    own: &'r InstanceReport<'a>,
    other: &'r InstanceReport<'a>,
) -> &'r InstanceReport<'a> {
    let is_copy = own.gateway_token.is_some() && own.gateway_token == other.gateway_token;
    if is_copy && originality(report, own) > originality(report, other) {
        other
    } else {
        own
    }
}

/// Returns what speaks for an instance as the original of a copied state folder, the strongest first: it runs, it has a
/// service, its record names its own profile, it is registered on this host, it is the default one.
fn originality(report: &HostReport<'_>, own: &InstanceReport<'_>) -> [bool; 5] {
    let profile = own.instance.profile.as_str();
    let recorded = own
        .record
        .as_ref()
        .ok()
        .and_then(|record| record.profile.as_deref());
    let entries = &report.survey.registry.entries;
    [
        own.running.is_some(),
        own.found.is_some_and(|found| found.service.is_some()),
        recorded.is_none_or(|recorded| recorded == profile),
        entries
            .iter()
            .any(|entry| entry.config == own.instance.config_path),
        own.instance.profile.is_default(),
    ]
}
