//! The diagnosis of one target: the evidence, the probable causes, and the steps of a repair, as text and as JSON.

use serde_json::{Value, json};

use crate::cli::Context;
use crate::config::diff::ConfigDifference;
use crate::error::{ErrorKind, Result};
use crate::i18n::{Msg, msg, size_msg};
use crate::instance::Instance;
use crate::profile::ProfileName;
use crate::rescue;
use crate::rescue::diagnose::{self, Cause};
use crate::rescue::evidence::{self, Evidence};
use crate::rescue::repair::{RepairReport, StepOutcome};
use crate::rescue::steps::{self, RepairStep};
use crate::ui::{ReportOutcome, Ui};

/// Parses the profile name of the gateway to rescue.
pub(crate) fn parse_profile(name: &str) -> Result<ProfileName> {
    ProfileName::parse(name).map_err(|error| error.to_error(name))
}

/// A gateway to rescue with the evidence about it, the probable causes of its problem, and the steps to try.
pub(super) struct Diagnosis {
    pub(crate) target: Instance,
    pub(crate) evidence: Evidence,
    pub(crate) causes: Vec<Cause>,
    pub(crate) steps: Vec<RepairStep>,
}

impl Diagnosis {
    /// Diagnoses the gateway of the instance with this profile name; of the default instance without a name. An instance does
    /// not repair itself, but one that another host asks for may be any of this host.
    pub(super) fn of_target(
        context: &Context<'_>,
        name: Option<&str>,
        is_from_another_host: bool,
    ) -> Result<Self> {
        let name = parse_profile(name.unwrap_or("default"))?;
        let survey = context.survey();
        let target = if is_from_another_host {
            rescue::find_target(&context.env, &survey, &name)?
        } else {
            rescue::resolve_target(&context.env, &survey, &context.instance, &name)?
        };
        Ok(Self::collect(context, target))
    }

    /// Collects the evidence about a gateway, and derives the causes and the repair steps.
    fn collect(context: &Context<'_>, target: Instance) -> Self {
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

    /// Returns `true` if the diagnosed gateway is healthy.
    pub(super) fn is_healthy(&self) -> bool {
        self.evidence.is_well()
    }

    /// Returns the outcome of a command that reports the diagnosis of a gateway, or the repair where one was made.
    pub(super) fn outcome(&self, report: Option<&RepairReport>) -> ReportOutcome {
        if report.map_or(self.is_healthy(), |report| report.is_healthy) {
            return ReportOutcome::Fine;
        }
        let code = if report.is_some() {
            "rescue.in-vain"
        } else {
            "rescue.not-healthy"
        };
        ReportOutcome::Problem(ErrorKind::Failure, code)
    }

    /// Prints the causes of a gateway's problem, the most probable first, and the evidence.
    pub(super) fn print_causes(&self, context: &Context<'_>) {
        let ui = &context.ui;
        if self.is_healthy() {
            ui.print_paragraph(&msg!("rescue.healthy", profile = self.target.profile));
            return;
        }
        ui.print_paragraph(&msg!("rescue.not-healthy", profile = self.target.profile));
        for (at, cause) in self.causes.iter().enumerate() {
            ui.print_hanging(2, 5, &format!("{}. {}", at + 1, ui.render(&cause.msg())));
        }
        self.print_evidence(ui);
    }

    /// Prints the evidence about a gateway, in groups below the causes of its problem.
    fn print_evidence(&self, ui: &Ui) {
        let evidence = &self.evidence;
        let log_heading = match &evidence.openclaw_log {
            Some(path) => msg!("rescue.log-of-openclaw", path = path.display()),
            None => msg!("rescue.log"),
        };
        let render = |lines: Vec<Msg>| lines.iter().map(|line| ui.render(line)).collect::<Vec<_>>();
        let log = evidence.log.iter().map(|line| format!("| {line}"));
        for (heading, lines) in [
            (msg!("rescue.host"), render(self.host_lines())),
            (msg!("rescue.changes"), render(self.change_lines(ui))),
            (log_heading, log.collect()),
        ] {
            if !lines.is_empty() {
                ui.print_hanging(2, 2, &ui.render(&heading));
            }
            for line in lines {
                ui.print_hanging(4, 6, &line);
            }
        }
    }

    /// Returns a line for each key of a gateway's config that was changed since its last healthy start.
    fn change_lines(&self, ui: &Ui) -> Vec<Msg> {
        let changes = self.evidence.config_changes.iter();
        let line = |change: &ConfigDifference| {
            let (before, after) = (ui.render_old_value(change), ui.render_new_value(change));
            evidence::change_msg(&change.path, before.as_deref(), after.as_deref())
        };
        changes.map(line).collect()
    }

    /// Returns the lines of a diagnosis about the service, the ports and the disk of a gateway.
    fn host_lines(&self) -> Vec<Msg> {
        let mut lines = Vec::new();
        if let Some(service) = &self.evidence.service {
            let state = crate::cli::status::service::state_msg(&service.state);
            let line = match service.exit_code {
                Some(code) => msg!("rescue.saw-service-exit", name = service.name, code = code),
                None => msg!("rescue.saw-service", name = service.name),
            };
            lines.push(line.with_msg("state", state));
        } else {
            lines.push(msg!("rescue.saw-no-manager"));
        }
        // A process that listens on several addresses is named once.
        let mut holders: Vec<_> = (self.evidence.probe.listeners.iter())
            .filter_map(|listener| Some((listener.port, listener.process()?)))
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
        if let Some(disk) = self.evidence.disk {
            lines.push(Msg::new("rescue.saw-disk").with_msg("free", size_msg(disk.free_bytes)));
        }
        lines
    }

    /// Returns the sentence about what a person can do about a diagnosed cause that no repair step mends.
    fn manual_remedy(&self, cause: &Cause) -> Option<Msg> {
        let is_unrepaired = self.steps.is_empty() && matches!(cause, Cause::Config(_));
        let edit_config = || msg!("rescue.hand-config", command = self.target.command());
        cause
            .by_hand(&self.target.command())
            .or_else(|| is_unrepaired.then(|| self.evidence.refusal_hint.clone().unwrap_or_else(edit_config)))
    }

    /// Prints the steps of a gateway's repair, and what a person can do.
    pub(super) fn print_steps(&self, context: &Context<'_>) {
        let ui = &context.ui;
        if self.is_healthy() {
            return;
        }
        for remedy in self.causes.iter().filter_map(|cause| self.manual_remedy(cause)) {
            ui.print_detail(&remedy);
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

    /// Returns the JSON document of a gateway's diagnosis, with the report where a repair was made.
    pub(super) fn document(&self, context: &Context<'_>, report: Option<&RepairReport>) -> Value {
        let ui = &context.ui;
        let causes = self.causes.iter().map(|cause| {
            json!({
                "id": cause.kind().name(),
                "message": ui.render(&cause.msg()),
                "byHand": self.manual_remedy(cause).map(|remedy| ui.render(&remedy)),
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
                    let owner = listener.process();
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
            "freeBytes": self.evidence.disk.map(|disk| disk.free_bytes),
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
