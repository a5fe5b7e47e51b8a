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
use crate::rescue::repair::{RepairReport, StepOutcome};
use crate::rescue::steps::{self, RepairStep};

pub(crate) fn parse(name: &str) -> Result<ProfileName> {
    ProfileName::parse(name).map_err(|error| error.to_error(name))
}

/// A target, what was seen of it, and what follows.
pub(super) struct Case {
    pub(crate) target: Instance,
    pub(crate) evidence: Evidence,
    pub(crate) causes: Vec<Cause>,
    pub(crate) steps: Vec<RepairStep>,
}

impl Case {
    pub(super) fn open(context: &Context<'_>, name: Option<&str>) -> Result<Self> {
        let name = parse(name.unwrap_or("default"))?;
        let survey = context.survey();
        let target = rescue::resolve_target(&context.env, &survey, &context.instance, &name)?;
        Ok(Self::look(context, target))
    }

    fn look(context: &Context<'_>, target: Instance) -> Self {
        let evidence = evidence::collect(context.instance_context().with_instance(&target));
        let causes = diagnose::diagnose(&evidence);
        let steps = steps::plan_steps(&evidence, &causes);
        Self {
            target,
            evidence,
            causes,
            steps,
        }
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.evidence.probe.is_healthy()
    }

    pub(super) fn exit(&self) -> ExitCode {
        ExitCode::from(u8::from(!self.is_healthy()))
    }

    /// The causes, the most probable first, and what they rest on.
    pub(super) fn show(&self, context: &Context<'_>) {
        let ui = &context.ui;
        if self.is_healthy() {
            ui.print_paragraph(&msg!("rescue.healthy", profile = self.target.profile));
            return;
        }
        ui.print_paragraph(&msg!("rescue.not-healthy", profile = self.target.profile));
        for (at, cause) in self.causes.iter().enumerate() {
            ui.print_hanging(2, 5, &format!("{}. {}", at + 1, ui.render(&cause.msg())));
        }
        for line in self.evidence_lines() {
            ui.print_hanging(5, 5, &ui.render(&line));
        }
        if !self.evidence.log.is_empty() {
            let said = match &self.evidence.openclaw_log {
                Some(path) => msg!("rescue.log-of-openclaw", path = path.display()),
                None => msg!("rescue.log"),
            };
            ui.print_hanging(5, 5, &ui.render(&said));
        }
        for line in &self.evidence.log {
            ui.print_hanging(5, 7, &format!("| {line}"));
        }
    }

    /// What a person should see beside the causes.
    fn evidence_lines(&self) -> Vec<Msg> {
        let mut changes: Vec<_> = (self.evidence.config_changes.iter())
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
        if let Some(service) = &self.evidence.service {
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
        let mut holders: Vec<_> = (self.evidence.probe.listeners.iter())
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
        if let Some(free) = self.evidence.free_bytes {
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
            .or_else(|| unmended.then(|| self.evidence.refusal_hint.clone().unwrap_or_else(mend)))
    }

    pub(super) fn show_ladder(&self, context: &Context<'_>) {
        let ui = &context.ui;
        if self.is_healthy() {
            return;
        }
        for hand in self.causes.iter().filter_map(|cause| self.by_hand(cause)) {
            ui.print_detail(&hand);
        }
        if self.steps.is_empty() {
            ui.print_paragraph(&msg!("rescue.no-steps"));
            return;
        }
        ui.print_paragraph(&msg!("rescue.steps"));
        for (at, step) in self.steps.iter().enumerate() {
            ui.print_hanging(2, 5, &format!("{}. {}", at + 1, ui.render(&step.msg())));
        }
    }

    pub(super) fn document(&self, context: &Context<'_>, report: Option<&RepairReport>) -> Value {
        let ui = &context.ui;
        let causes = self.causes.iter().map(|cause| {
            json!({
                "id": cause.kind().name(),
                "message": ui.render(&cause.msg()),
                "byHand": self.by_hand(cause).map(|hand| ui.render(&hand)),
            })
        });
        let planned = self
            .steps
            .iter()
            .map(|step| json!({ "id": step.kind().name(), "message": ui.render(&step.msg()) }));
        let changed = self.evidence.config_changes.iter().map(|change| {
            json!({ "path": change.path.to_string(), "before": change.before, "after": change.after })
        });
        let mut document = json!({
            "ok": report.map_or(self.is_healthy(), |report| report.is_healthy),
            "target": self.target.profile.as_str(),
            "healthy": report.map_or(self.is_healthy(), |report| report.is_healthy),
            "causes": causes.collect::<Vec<_>>(),
            "steps": planned.collect::<Vec<_>>(),
            "changedSinceHealthy": changed.collect::<Vec<_>>(),
            "log": self.evidence.log,
            "logFile": self.evidence.openclaw_log,
            "verdict": self.evidence.probe.verdict.name(),
            "port": {
                "port": self.evidence.probe.port_number(),
                "listeners": self.evidence.probe.listeners.iter().map(|listener| {
                    let owner = listener.owner.as_ref();
                    json!({
                        "address": listener.ip.to_string(),
                        "pid": owner.map(|owner| owner.pid),
                        "name": owner.map(|owner| &owner.name),
                    })
                }).collect::<Vec<_>>(),
            },
            "service": self.evidence.service.as_ref().map(|service| json!({
                "name": service.name,
                "state": service.state.name(),
                "exitCode": service.exit_code,
                "restarts": service.restarts,
            })),
            "freeBytes": self.evidence.free_bytes,
        });
        if let Some(report) = report {
            let tried = report.results.iter().map(|result| {
                let why = match &result.outcome {
                    StepOutcome::Failed(why) => Some(ui.render(why)),
                    _ => None,
                };
                json!({ "id": result.step.kind().name(), "result": result.outcome.kind().name(), "why": why })
            });
            document["tried"] = tried.collect();
            document["keptConfig"] = json!(report.kept_config);
        }
        document
    }
}
