//! Checks a config against what the known releases of OpenClaw accept.
//!
//! A gateway refuses a config as a whole for one key that it does not know, or one value that it does not accept. Both
//! releases have a JSON schema (`schemas/`), which `build.rs` takes apart into [`nodes`], and which is checked whole. What
//! they check beyond their schemas is a list of rules ([`rules`]).

use serde_json::Value;

use super::release::Release;
pub use finding::{SchemaFinding, Violation};
pub(crate) use keys::known_keys;

mod evaluate;
mod expectation;
mod finding;
mod format;
pub(super) mod included;
mod keys;
mod keyword;
mod nodes;
mod rules;

/// Returns the values that a release would refuse, in the order of the config. `$include` is not followed: check the
/// [`super::effective()`] value to have included files checked too.
pub(super) fn check(config: &Value, release: Release) -> Vec<SchemaFinding> {
    let roster = rules::Roster::of(config, release);
    let mut findings = evaluate::check(nodes::root(release), &roster.config);
    roster.explain_refused_list(&mut findings);
    // The releases come to some of their rules only where the schema is kept. Here all is said at once, but nothing
    // twice.
    let broken_rules = rules::check(&roster.config, release).into_iter();
    let is_new = |rule: &SchemaFinding| !findings.iter().any(|finding| finding.shares_path(rule));
    let broken_rules: Vec<_> = broken_rules.filter(is_new).collect();
    findings.extend(broken_rules);
    for finding in &mut findings {
        finding.path = roster.original_path(finding.path.clone());
    }
    findings
}

#[cfg(test)]
mod tests;
