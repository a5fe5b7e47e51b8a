//! `openclaw engine upgrade --all`: one instance after the other, those that repair others last.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::upgrade::{UpgradeArgs, upgrade};
use crate::cli::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::i18n::msg;
use crate::probe;
use crate::profile::ProfileName;
use crate::record::{Engine, Record};
use crate::survey::SurveyedInstance;

/// Codes of the errors about an instance that there is no reason to upgrade.
const LEFT_OUT: [&str; 3] = ["engine.runs-it", "engine.older", "engine.pinned"];

/// Outcomes of an upgrade of all instances, by their labels.
#[derive(Default)]
struct Outcomes {
    upgraded: Vec<(String, Value)>,
    left_out: Vec<(String, Value)>,
    failed: Vec<(String, Value)>,
}

/// Runs `openclaw engine upgrade --all`. An instance that repairs others is not taken to a release that has just failed one of
/// them: somebody must be left who can repair.
pub(super) fn run(context: &Context<'_>, args: &UpgradeArgs) -> Result<ExitCode> {
    let survey = context.survey();
    let queue = queue(&survey.instances);
    if queue.is_empty() {
        return Err(Error::failed(msg!("engine.none-to-upgrade")).hint(msg!("engine.see-list")));
    }
    let ui = &context.ui;
    let mut outcomes = Outcomes::default();
    for found in queue {
        let instance = if found.config_path == context.instance.config_path {
            context.instance.clone()
        } else {
            probe::instance_of(&context.env, found)
        };
        let own = Context {
            instance,
            ..context.clone()
        };
        let label = found.label.clone();
        if is_rescuer(found) && !outcomes.failed.is_empty() {
            let why = msg!(
                "engine.spared",
                profile = label,
                failed = outcomes.failed_labels()
            );
            let why = ui.print_error(&Error::failed(why));
            outcomes.left_out.push((label, why));
            continue;
        }
        match upgrade(&own, args) {
            Ok(upgraded) => {
                if !ui.is_json() {
                    upgraded.print(&own);
                }
                outcomes.upgraded.push((label, upgraded.document(&own)));
            }
            // Nobody can be asked, or somebody wants to stop: that is about all of them.
            Err(error) if error.kind == ErrorKind::Usage || error.is_about_terminal() => return Err(error),
            Err(error) if LEFT_OUT.contains(&error.code()) => {
                let why = ui.print_error(&error);
                outcomes.left_out.push((label, why));
            }
            Err(error) => {
                let why = ui.print_error(&error);
                outcomes.failed.push((label, why));
            }
        }
    }
    Ok(outcomes.print(context))
}

impl Outcomes {
    fn failed_labels(&self) -> String {
        labels(&self.failed)
    }

    /// Prints what became of all instances. Returns the exit code.
    fn print(&self, context: &Context<'_>) -> ExitCode {
        let ui = &context.ui;
        let code = ExitCode::from(u8::from(!self.failed.is_empty()));
        if ui.is_json() {
            let list = |outcomes: &[(String, Value)]| -> Vec<Value> {
                let named =
                    |(label, document): &(String, Value)| json!({ "instance": label, "result": document });
                outcomes.iter().map(named).collect()
            };
            ui.print_json(&json!({
                "ok": self.failed.is_empty(),
                "upgraded": list(&self.upgraded),
                "leftOut": list(&self.left_out),
                "failed": list(&self.failed),
            }));
            return code;
        }
        let lines = [
            (
                &self.upgraded,
                msg!("engine.all-upgraded", list = labels(&self.upgraded)),
            ),
            (
                &self.left_out,
                msg!("engine.all-left-out", list = labels(&self.left_out)),
            ),
            (
                &self.failed,
                msg!("engine.all-failed", list = labels(&self.failed)),
            ),
        ];
        for (_, line) in lines.iter().filter(|(outcomes, _)| !outcomes.is_empty()) {
            ui.print_line(line);
        }
        code
    }
}

fn labels(outcomes: &[(String, Value)]) -> String {
    let labels: Vec<_> = outcomes.iter().map(|(label, _)| label.as_str()).collect();
    labels.join(", ")
}

/// Returns the instances that OpenClaw from npm runs, in the order in which they are upgraded: those that repair others last.
fn queue(instances: &[SurveyedInstance]) -> Vec<&SurveyedInstance> {
    let runs_openclaw = |record: &Record| record.engine == Engine::Node;
    let mut queue: Vec<_> = instances
        .iter()
        .filter(|found| found.record().is_some_and(runs_openclaw))
        .collect();
    queue.sort_by_key(|found| is_rescuer(found));
    queue
}

/// Returns whether an instance repairs others: it watches one, or is called a rescue bot.
fn is_rescuer(found: &SurveyedInstance) -> bool {
    let watches = found
        .record()
        .is_some_and(|record| !record.rescue.watch.is_empty());
    watches || found.profile.as_ref().is_some_and(ProfileName::is_of_rescue_bot)
}
