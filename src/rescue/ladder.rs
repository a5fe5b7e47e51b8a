//! From causes to steps, the least invasive first. Pure.
//!
//! A step that can't help is left out: starting a gateway whose config no gateway starts from only wears
//! down its service manager's patience. Where the first cause is one that only a person can end, no step
//! is taken at all.

use std::path::PathBuf;

use super::diagnose::Cause;
use super::evidence::Evidence;
use crate::i18n::{Msg, msg};
use crate::service::State;

/// What can be done to a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Start it.
    Start,
    /// Start it again.
    Restart,
    /// End its own process that does not answer, and start it.
    EndStale(u32),
    /// Put back the last config that a healthy start used (or the newest usable backup), and start it.
    RestoreConfig {
        /// The file that it is in.
        from: PathBuf,
        /// Whether its service is to be installed anew: what there is of it could not start anything.
        installs: bool,
    },
    /// Install its service anew, and start it.
    Reinstall,
}

impl Step {
    /// The stable name, for `--json` and the history.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Restart => "restart",
            Self::EndStale(_) => "end-stale",
            Self::RestoreConfig { .. } => "restore-config",
            Self::Reinstall => "reinstall",
        }
    }

    /// What it does.
    pub fn msg(&self) -> Msg {
        match self {
            Self::Start => msg!("rescue.step-start"),
            Self::Restart => msg!("rescue.step-restart"),
            Self::EndStale(pid) => msg!("rescue.step-end-stale", pid = pid),
            Self::RestoreConfig {
                from,
                installs: false,
            } => {
                msg!("rescue.step-restore-config", path = from.display())
            }
            Self::RestoreConfig { from, installs: true } => {
                msg!("rescue.step-restore-install", path = from.display())
            }
            Self::Reinstall => msg!("rescue.step-reinstall"),
        }
    }
}

/// The steps that may mend these causes, in the order in which they are tried.
pub fn steps(seen: &Evidence, causes: &[Cause]) -> Vec<Step> {
    if causes.is_empty() || causes.iter().any(|cause| cause.by_hand().is_some()) {
        return Vec::new();
    }
    let service = seen.service.as_ref().map(|service| &service.state);
    let can_install = service.is_some();
    let has = |id: &str| causes.iter().any(|cause| cause.id() == id);
    let installs = has("program-gone") || has("no-service");
    let restore = seen.restorable.clone();
    let restore = restore.map(|from| Step::RestoreConfig { from, installs });
    let mut steps = Vec::new();
    if has("config") {
        // Nothing starts from this config, so there is nothing to be tried before or after.
        return restore.into_iter().collect();
    }
    if installs {
        // A gateway without a service was started by hand: it gets one, where there is a manager.
        return if can_install {
            vec![Step::Reinstall]
        } else {
            vec![Step::Start]
        };
    }
    for cause in causes {
        match cause {
            Cause::Stopped | Cause::Killed | Cause::GaveUp(_) => steps.push(Step::Start),
            Cause::Hung(pid) => {
                if matches!(service, Some(State::Running(running)) if *running == *pid) {
                    steps.push(Step::Restart);
                }
                steps.push(Step::EndStale(*pid));
            }
            Cause::Outdated | Cause::Unwell(_) => steps.push(Step::Restart),
            _ => {}
        }
    }
    // A config that was changed since it last worked is the likeliest culprit of what is left.
    if !seen.changed.is_empty() {
        steps.extend(restore);
    }
    if can_install && service != Some(&State::NotInstalled) {
        steps.push(Step::Reinstall);
    }
    steps
}

#[cfg(test)]
mod tests;
