//! One target: what was seen of it, why it is so, and what a repair would try, as text and as JSON.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::Context;
use crate::error::Result;
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::profile::ProfileName;
use crate::rescue;
use crate::rescue::diagnose::{self, Cause};
use crate::rescue::evidence::{self, Evidence};
use crate::rescue::ladder::{self, Step};
use crate::rescue::repair::{Came, Report};
use crate::survey;

pub(crate) fn parse(name: &str) -> Result<ProfileName> {
    ProfileName::parse(name).map_err(|error| error.refuse(name))
}

/// A target, what was seen of it, and what follows.
pub(super) struct Case {
    pub(crate) target: Instance,
    pub(crate) seen: Evidence,
    pub(crate) causes: Vec<Cause>,
    pub(crate) steps: Vec<Step>,
}

impl Case {
    pub(super) fn open(context: &Context<'_>, name: Option<&str>) -> Result<Self> {
        let name = parse(name.unwrap_or("default"))?;
        let survey = survey::take(context.host, &context.env);
        let target = rescue::target(&context.env, &survey, &context.instance, &name)?;
        Ok(Self::look(context, target))
    }

    fn look(context: &Context<'_>, target: Instance) -> Self {
        let seen = evidence::gather(context.host, &context.env, &target);
        let causes = diagnose::causes(&seen);
        let steps = ladder::steps(&seen, &causes);
        Self {
            target,
            seen,
            causes,
            steps,
        }
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.seen.probe.is_healthy()
    }

    pub(super) fn exit(&self) -> ExitCode {
        ExitCode::from(u8::from(!self.is_healthy()))
    }

    /// The causes, the most probable first, and what they rest on.
    pub(super) fn show(&self, context: &Context<'_>) {
        let ui = &context.ui;
        if self.is_healthy() {
            ui.paragraph(&msg!("rescue.healthy", profile = self.target.profile));
            return;
        }
        ui.paragraph(&msg!("rescue.not-healthy", profile = self.target.profile));
        for (at, cause) in self.causes.iter().enumerate() {
            ui.hanging(2, 5, &format!("{}. {}", at + 1, ui.say(&cause.msg())));
        }
        for evidence in self.evidence() {
            ui.hanging(5, 5, &ui.say(&evidence));
        }
        if !self.seen.log.is_empty() {
            let said = match &self.seen.foreign_log {
                Some(path) => msg!("rescue.log-of-openclaw", path = path.display()),
                None => msg!("rescue.log"),
            };
            ui.hanging(5, 5, &ui.say(&said));
        }
        for line in &self.seen.log {
            ui.hanging(5, 7, &format!("| {line}"));
        }
    }

    /// What a person should see beside the causes.
    fn evidence(&self) -> Vec<Msg> {
        let mut changes: Vec<_> = (self.seen.changed.iter())
            .map(|change| match (&change.before, &change.after) {
                (Some(before), Some(after)) => {
                    msg!(
                        "rescue.changed",
                        path = change.path,
                        before = before,
                        after = after
                    )
                }
                (None, Some(after)) => msg!("rescue.added", path = change.path, after = after),
                (_, None) => msg!("rescue.removed", path = change.path),
            })
            .collect();
        if !changes.is_empty() {
            changes.insert(0, msg!("rescue.changes"));
        }
        let mut lines = self.circumstances();
        lines.extend(changes);
        lines
    }

    /// Its service, its port, its disk.
    fn circumstances(&self) -> Vec<Msg> {
        let mut lines = Vec::new();
        if let Some(service) = &self.seen.service {
            let state = crate::cli::status::service::word(&service.state);
            let said = match service.exit_code {
                Some(code) => msg!("rescue.saw-service-exit", name = service.name, code = code),
                None => msg!("rescue.saw-service", name = service.name),
            };
            lines.push(said.with_msg("state", state));
        } else {
            lines.push(msg!("rescue.saw-no-manager"));
        }
        // Once each, on however many addresses.
        let mut holders: Vec<_> = (self.seen.probe.listeners.iter())
            .filter_map(|listener| Some((listener.port, listener.owner.as_ref()?)))
            .collect();
        holders.dedup_by_key(|(port, owner)| (*port, owner.pid));
        lines.extend(holders.into_iter().map(|(port, owner)| {
            msg!(
                "rescue.saw-listener",
                port = port,
                name = owner.name,
                pid = owner.pid
            )
        }));
        if let Some(free) = self.seen.free {
            lines.push(msg!("rescue.saw-disk", mib = free / (1024 * 1024)));
        }
        lines
    }

    /// What a person can do about a cause that no step mends.
    fn by_hand(&self, cause: &Cause) -> Option<Msg> {
        let unmended = self.steps.is_empty() && matches!(cause, Cause::Config(_));
        let mend = || msg!("rescue.hand-config", command = self.target.command());
        cause
            .by_hand()
            .or_else(|| unmended.then(|| self.seen.way_out.clone().unwrap_or_else(mend)))
    }

    pub(super) fn show_ladder(&self, context: &Context<'_>) {
        let ui = &context.ui;
        if self.is_healthy() {
            return;
        }
        for hand in self.causes.iter().filter_map(|cause| self.by_hand(cause)) {
            ui.remark(&hand);
        }
        if self.steps.is_empty() {
            ui.paragraph(&msg!("rescue.no-steps"));
            return;
        }
        ui.paragraph(&msg!("rescue.steps"));
        for (at, step) in self.steps.iter().enumerate() {
            ui.hanging(2, 5, &format!("{}. {}", at + 1, ui.say(&step.msg())));
        }
    }

    pub(super) fn document(&self, context: &Context<'_>, report: Option<&Report>) -> Value {
        let ui = &context.ui;
        let causes = self.causes.iter().map(|cause| {
            json!({
                "id": cause.id(),
                "message": ui.say(&cause.msg()),
                "byHand": self.by_hand(cause).map(|hand| ui.say(&hand)),
            })
        });
        let planned = self
            .steps
            .iter()
            .map(|step| json!({ "id": step.id(), "message": ui.say(&step.msg()) }));
        let changed = self.seen.changed.iter().map(|change| {
            json!({ "path": change.path.to_string(), "before": change.before, "after": change.after })
        });
        let mut document = json!({
            "ok": report.map_or(self.is_healthy(), |report| report.healthy),
            "target": self.target.profile.as_str(),
            "healthy": report.map_or(self.is_healthy(), |report| report.healthy),
            "causes": causes.collect::<Vec<_>>(),
            "steps": planned.collect::<Vec<_>>(),
            "changedSinceHealthy": changed.collect::<Vec<_>>(),
            "log": self.seen.log,
            "logFile": self.seen.foreign_log,
            "verdict": self.seen.probe.verdict.name(),
            "port": {
                "port": self.seen.probe.port,
                "listeners": self.seen.probe.listeners.iter().map(|listener| {
                    let owner = listener.owner.as_ref();
                    json!({
                        "address": listener.ip.to_string(),
                        "pid": owner.map(|owner| owner.pid),
                        "name": owner.map(|owner| &owner.name),
                    })
                }).collect::<Vec<_>>(),
            },
            "service": self.seen.service.as_ref().map(|service| json!({
                "name": service.name,
                "state": service.state.name(),
                "exitCode": service.exit_code,
                "restarts": service.restarts,
            })),
            "freeBytes": self.seen.free,
        });
        if let Some(report) = report {
            let tried = report.tried.iter().map(|tried| {
                let why = match &tried.came {
                    Came::Failed(why) => Some(ui.say(why)),
                    _ => None,
                };
                json!({ "id": tried.step.id(), "result": tried.came.id(), "why": why })
            });
            document["tried"] = tried.collect();
            document["keptConfig"] = json!(report.kept);
        }
        document
    }
}
