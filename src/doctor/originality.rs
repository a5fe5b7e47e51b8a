//! The decision which of two instances has to change where they share something: a copy of a state folder gives way to its
//! original.

use super::host_report::{HostReport, InstanceReport};
use crate::config::document::ConfigDocument;

/// Returns the one of two instances that share something which has to change: a copy gives way to its original, otherwise the
/// instance that is examined does.
pub(super) fn instance_to_change<'r, 'a>(
    report: &HostReport<'a>,
    own: &'r InstanceReport<'a>,
    other: &'r InstanceReport<'a>,
) -> &'r InstanceReport<'a> {
    let text = |own: &'r InstanceReport<'a>| own.document.as_ref().map(ConfigDocument::text);
    let has_same_token = own.gateway_token.is_some() && own.gateway_token == other.gateway_token;
    let is_copy = has_same_token || (text(own).is_some() && text(own) == text(other));
    if is_copy && originality(report, own, other) > originality(report, other, own) {
        other
    } else {
        own
    }
}

/// Returns what speaks for an instance as the original of a copied state folder, the strongest first: it runs, it has a
/// service, its config names no path in the other's state folder, its record names its own profile, it is registered on
/// this host, it is the default one.
fn originality(report: &HostReport<'_>, own: &InstanceReport<'_>, other: &InstanceReport<'_>) -> [bool; 6] {
    let profile = own.instance.profile.as_str();
    let recorded = own
        .record
        .as_ref()
        .ok()
        .and_then(|record| record.profile.as_deref());
    let entries = &report.survey.registry().entries;
    [
        own.running.is_some(),
        own.found.is_some_and(|found| found.service.is_some()),
        !own.named_paths()
            .iter()
            .any(|named| named.path.starts_with(&other.resolved.state)),
        recorded.is_none_or(|recorded| recorded == profile),
        entries
            .iter()
            .any(|entry| entry.config == own.instance.config_path),
        own.instance.profile.is_default(),
    ]
}
