//! Plans the steps of a repair from the causes, the least invasive first. Pure.
//!
//! A step that can't help is left out: starting a gateway whose config no gateway starts from only wears down its
//! service manager. Where a cause is one that only a person can end, no step is planned at all.

use std::path::PathBuf;

use super::diagnose::Cause;
use super::evidence::Evidence;
use super::record::{CauseKind, StepKind};
use crate::i18n::{Msg, msg};
use crate::releases::RecentUpgrade;
use crate::service::RunState;

/// A step by which a gateway can be repaired, such as starting its service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RepairStep {
    /// Start the gateway.
    Start,
    /// Restart the gateway.
    Restart {
        /// The process of the gateway that does not answer, which is ended first: it would not hear its service
        /// manager.
        hung: Option<u32>,
    },
    /// End this process of the gateway, which does not answer, and start the gateway.
    EndStale(u32),
    /// Put back the config of the last healthy start, or the newest usable backup, and start the gateway.
    RestoreConfig {
        /// The file that holds that config.
        from: PathBuf,
        /// `true` if the service is installed anew, because the present one could not start anything.
        reinstalls: bool,
    },
    /// Install the service of the gateway anew, and start it.
    Reinstall,
    /// Roll this upgrade back, with the config and the state of that time.
    RollBack(RecentUpgrade),
}

impl RepairStep {
    /// Returns the kind of a step of a gateway's repair, without its particulars.
    pub(crate) fn kind(&self) -> StepKind {
        match self {
            Self::Start => StepKind::Start,
            Self::Restart { .. } => StepKind::Restart,
            Self::EndStale(_) => StepKind::EndStale,
            Self::RestoreConfig { .. } => StepKind::RestoreConfig,
            Self::Reinstall => StepKind::Reinstall,
            Self::RollBack(_) => StepKind::RollBack,
        }
    }

    /// Returns the sentence that tells a user what a step of a gateway's repair does.
    pub(crate) fn msg(&self) -> Msg {
        match self {
            Self::Start => msg!("rescue.step-start"),
            Self::Restart { hung: None } => msg!("rescue.step-restart"),
            Self::Restart { hung: Some(pid) } => msg!("rescue.step-restart-hung", pid = pid),
            Self::EndStale(pid) => msg!("rescue.step-end-stale", pid = pid),
            Self::RestoreConfig {
                from,
                reinstalls: false,
            } => {
                msg!("rescue.step-restore-config", path = from.display())
            }
            Self::RestoreConfig {
                from,
                reinstalls: true,
            } => {
                msg!("rescue.step-restore-install", path = from.display())
            }
            Self::Reinstall => msg!("rescue.step-reinstall"),
            Self::RollBack(upgrade) => {
                msg!("rescue.step-roll-back", from = upgrade.from, to = upgrade.to)
            }
        }
    }
}

/// Plans the repair steps that may mend these causes of a gateway's failure, in the order in which they are tried.
pub(crate) fn plan_steps(evidence: &Evidence, causes: &[Cause]) -> Vec<RepairStep> {
    if causes.is_empty() || causes.iter().any(Cause::needs_person) {
        return Vec::new();
    }
    let service = evidence.service.as_ref().map(|service| &service.state);
    let has_manager = service.is_some();
    let has = |kind: CauseKind| causes.iter().any(|cause| cause.kind() == kind);
    if has(CauseKind::Deaf) {
        // It is healthy: neither its config nor its service is to blame.
        return vec![RepairStep::Restart { hung: None }];
    }
    let reinstalls = has(CauseKind::ProgramGone) || has(CauseKind::NoService);
    let restore = evidence.restorable_config.clone();
    let restore = restore.map(|from| RepairStep::RestoreConfig { from, reinstalls });
    // It takes the state of that time back too, so that it comes last.
    let roll_back = evidence.recent_upgrade.clone().map(RepairStep::RollBack);
    if has(CauseKind::Config) {
        // Nothing starts from this config, so there is nothing to be tried before, and after it only another release.
        return restore.into_iter().chain(roll_back).collect();
    }
    if reinstalls {
        // A gateway without a service was started by hand: it gets one, where there is a manager.
        return if has_manager {
            vec![RepairStep::Reinstall]
        } else {
            vec![RepairStep::Start]
        };
    }
    let mut steps = Vec::new();
    for cause in causes {
        match cause {
            Cause::Stopped | Cause::Killed | Cause::GaveUp(_) => steps.push(RepairStep::Start),
            Cause::Hung(pid) => {
                if matches!(service, Some(RunState::Running(running)) if *running == *pid) {
                    steps.push(RepairStep::Restart { hung: Some(*pid) });
                }
                steps.push(RepairStep::EndStale(*pid));
            }
            Cause::Outdated | Cause::Unwell(_) => steps.push(RepairStep::Restart { hung: None }),
            _ => {}
        }
    }
    // A config that was changed since it last worked is the likeliest cause of what is left.
    if !evidence.config_changes.is_empty() {
        steps.extend(restore);
    }
    if has_manager && service != Some(&RunState::NotInstalled) {
        steps.push(RepairStep::Reinstall);
    }
    steps.extend(roll_back);
    steps
}

#[cfg(test)]
mod tests;
