//! The checks of `openclaw doctor`: they find problems of the instances of a host, and name or make the repair.
//!
//! ```text
//! host ──► HostReport (collected once, read only) ──► checks ──► findings ──► fix plans ──► apply
//! ```
//!
//! Each check has a stable id and a severity, and is one row in the table of its family. Checks read the
//! [`HostReport`], so that a unit test needs no host, and none of them asks the system twice.

mod agents;
mod browser;
mod candidates;
mod channels;
mod check;
mod collect;
mod config;
pub(crate) mod diff;
mod engine;
mod finding;
mod fix;
mod fix_plan;
mod gateway;
mod host_report;
mod inspected_paths;
mod installation;
mod installed_files;
mod isolation;
mod modes;
mod originality;
mod path_index;
mod ports;
mod sandbox_containers;
mod service;
mod state;
#[cfg_attr(unix, path = "doctor/unix.rs")]
#[cfg_attr(windows, path = "doctor/windows.rs")]
mod system;
#[cfg(test)]
mod tests;
mod workspace;

pub(crate) use check::{Check, Severity};
pub(crate) use finding::{Finding, is_worse};
pub(crate) use fix_plan::{FixPlan, combine, plan_fixes, reverse};
pub(crate) use host_report::{HostReport, Scope, UnusableModel};

/// The doctor's tables of checks, one for each family of checks, in the order in which they are run.
const CHECK_FAMILIES: [&[Check]; 12] = [
    isolation::CHECKS,
    ports::CHECKS,
    config::CHECKS,
    gateway::CHECKS,
    state::CHECKS,
    workspace::CHECKS,
    service::CHECKS,
    browser::CHECKS,
    channels::CHECKS,
    agents::CHECKS,
    engine::CHECKS,
    installation::CHECKS,
];

/// Returns every check of the doctor, in the order of the check families.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    CHECK_FAMILIES.into_iter().flatten()
}

/// Runs every check of the doctor on every selected instance; returns the findings, the worst first, and by instance where
/// they are equally bad.
pub(crate) fn examine(report: &HostReport<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for own in report.selected() {
        let interrupted = [&state::INTERRUPTED];
        let is_half_changed = report.is_half_changed(own);
        let only = interrupted.into_iter().filter(|_| is_half_changed);
        for check in only.chain(checks().filter(|_| !is_half_changed)) {
            for problem in (check.find)(report, own) {
                let refused = problem
                    .fix
                    .as_ref()
                    .and_then(|fix| fix_plan::refuse(report, own, fix));
                findings.push(Finding {
                    id: check.id,
                    severity: check.severity,
                    obstruction: check.obstruction,
                    instance: own.label.clone(),
                    msg: problem.msg,
                    remedy: match &problem.fix {
                        Some(fix) if refused.is_some() => fix_plan::manual_command(own, fix),
                        _ => problem.remedy,
                    },
                    fix: problem.fix.filter(|_| refused.is_none()),
                    fix_refused: refused,
                });
            }
        }
    }
    findings.sort_by_key(|finding: &Finding| finding.severity);
    findings
}
