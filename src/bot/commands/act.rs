//! Changes that an owner asks for: first the plan, then, once it is agreed to, the change itself.
//!
//! Repairs, restarts and config restores are carried out here, step by step, as `openclaw rescue` does, so that their
//! progress can be told. Other changes are the commands of the command line, run as a program of their own: they obey
//! the same rules there, and a bot needs no rules of its own.

use std::time::Duration;

use serde_json::Value;

use super::CommandContext;
use super::look::{causes_message, change_msg, read_value, shown_value};
use crate::bot::command::{Action, Order};
use crate::bot::message::{Line, Message};
use crate::config::key_path::KeyPath;
use crate::config::{self, LoadedConfig, diff, secrets};
use crate::error::{Error, Result};
use crate::host::process::CommandSpec;
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::profile::ProfileName;
use crate::rescue;
use crate::rescue::diagnose;
use crate::rescue::evidence::{self, Evidence};
use crate::rescue::history::{History, HistoryEntry, RepairOutcome, RequestedBy};
use crate::rescue::record::{Recorded, StepKind, StepResultKind};
use crate::rescue::repair::{self, RepairEvent, RepairJob, RepairOrigin, RepairReport};
use crate::rescue::steps::{self, RepairStep};
use crate::rescue::stop::StopSignal;
use crate::survey::Survey;
use crate::time::unix_millis;

/// Maximum number of changed keys that a plan lists.
const MAX_CHANGES: usize = 6;
/// Time that a command of the command line has: a stop of OpenClaw from npm takes the longest.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(6);

/// The plan of a change that an owner asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ActionPlan {
    /// The instance that is to be changed.
    pub(crate) target: ProfileName,
    /// The change.
    pub(crate) action: Action,
    /// The reason for the change, as it is known now. It may be another one until the plan is agreed to.
    pub(crate) reason: Message,
    /// The steps. Where they are others at the time of the yes, the new plan is shown first.
    pub(crate) steps: Vec<Msg>,
}

/// The result of the preparation of a change that an owner asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Prepared {
    /// Nothing is to be done, for this reason.
    Nothing(Message),
    /// This would be done.
    Plan(Box<ActionPlan>),
}

impl From<ActionPlan> for Prepared {
    fn from(plan: ActionPlan) -> Self {
        Self::Plan(Box::new(plan))
    }
}

/// An agreed change that is to be carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AgreedChange<'a> {
    /// The plan.
    pub(crate) plan: &'a ActionPlan,
    /// The person who agreed.
    pub(crate) by: &'a RequestedBy,
    /// Set once the bot itself is told to end.
    pub(crate) stop: &'a StopSignal,
}

/// The instance that a change is about, as it is now.
struct TargetState {
    survey: Survey,
    instance: Instance,
}

/// Plans a change that an owner asks for. Nothing is changed.
pub(crate) fn prepare(context: &CommandContext, order: &Order) -> Result<Prepared> {
    let (survey, instance) = context.find_target(&order.target)?;
    let state = TargetState { survey, instance };
    let own = &context.own.instance;
    let needs_other = !matches!(order.action, Action::ConfigSet(..) | Action::Snapshot);
    if needs_other {
        // A bot that stopped itself could not say so.
        rescue::resolve_target(&context.own.env, &state.survey, own, &state.instance.profile)?;
    }
    match &order.action {
        Action::Repair => Ok(prepare_repair(context, &state)),
        Action::Restart => Ok(state.plan(order, msg!("rescue.step-restart")).into()),
        Action::Start => Ok(prepare_start(context, order, &state)),
        Action::Stop => Ok(state.plan(order, msg!("bot.step-stop")).into()),
        Action::Rollback => Ok(prepare_rollback(context, order, &state)),
        Action::ConfigSet(path, value) => prepare_config_set(order, &state, path, value),
        Action::Snapshot => Ok(state.plan(order, msg!("bot.step-snapshot")).into()),
    }
}

impl TargetState {
    /// Returns the plan of a change that is one step.
    fn plan(&self, order: &Order, step: Msg) -> ActionPlan {
        let profile = &self.instance.profile;
        ActionPlan {
            target: profile.clone(),
            action: order.action.clone(),
            reason: Message::heading(msg!("bot.plan", profile = profile)),
            steps: vec![step],
        }
    }
}

fn prepare_repair(context: &CommandContext, state: &TargetState) -> Prepared {
    let profile = &state.instance.profile;
    let evidence = evidence::collect(context.with_instance(&state.instance));
    if evidence.is_well() {
        return Prepared::Nothing(Message::text(msg!("rescue.healthy", profile = profile)));
    }
    let causes = diagnose::diagnose(&evidence);
    let steps = steps::plan_steps(&evidence, &causes);
    let reason = causes_message(&state.instance, &evidence, &causes);
    if steps.is_empty() {
        return Prepared::Nothing(reason.line(Line::Text(msg!("rescue.no-steps"))));
    }
    let plan = ActionPlan {
        target: profile.clone(),
        action: Action::Repair,
        reason: reason.line(Line::Text(msg!("rescue.steps"))),
        steps: steps.iter().map(RepairStep::msg).collect(),
    };
    plan.into()
}

fn prepare_start(context: &CommandContext, order: &Order, state: &TargetState) -> Prepared {
    let probe = context.probe(&state.survey, &state.instance);
    if probe.is_running() {
        return Prepared::Nothing(Message::text(probe.msg(state.instance.profile.as_str())));
    }
    state.plan(order, msg!("rescue.step-start")).into()
}

fn prepare_rollback(context: &CommandContext, order: &Order, state: &TargetState) -> Prepared {
    let instance = &state.instance;
    let profile = &instance.profile;
    let evidence = evidence::collect(context.with_instance(instance));
    let Some(step) = rollback_step(&evidence) else {
        return Prepared::Nothing(Message::text(msg!("bot.no-rollback", profile = profile)));
    };
    let mut plan = state.plan(order, step.msg());
    if let RepairStep::RestoreConfig { from, .. } = &step
        && let (LoadedConfig::Ok(now), LoadedConfig::Ok(then)) =
            (config::load(&instance.config_path), config::load(from))
    {
        let changes = diff::between(now.value(), then.value());
        let shown = changes.iter().take(MAX_CHANGES);
        plan.reason
            .lines
            .extend(shown.map(|change| Line::Item(change_msg(change))));
    }
    plan.into()
}

/// Returns the step that puts back the config of the last healthy start, or the newest usable backup; `None` where the
/// present config is the only one.
fn rollback_step(evidence: &Evidence) -> Option<RepairStep> {
    let from = evidence.restorable_config.clone()?;
    Some(RepairStep::RestoreConfig {
        from,
        reinstalls: false,
    })
}

fn prepare_config_set(order: &Order, state: &TargetState, path: &KeyPath, value: &str) -> Result<Prepared> {
    if secrets::is_secret(path) {
        return Err(Error::failed(msg!("bot.secret-in-chat", path = path)).hint(msg!(
            "bot.secret-way-out",
            command = state.instance.command(),
            path = path
        )));
    }
    let old = read_value(&state.instance, path)?;
    let old = old.map(|old| shown_value(path, &old));
    let step = match old {
        Some(old) => msg!("bot.step-set", path = path, before = old, after = value),
        None => msg!("bot.step-set-new", path = path, after = value),
    };
    Ok(state.plan(order, step).into())
}

/// Carries out an agreed change, telling its progress, and returns the message about the result.
pub(crate) fn perform(
    context: &CommandContext,
    agreed: AgreedChange<'_>,
    progress: &mut dyn FnMut(Msg),
) -> Result<Message> {
    let plan = agreed.plan;
    let (_, instance) = context.find_target_alone(&Some(plan.target.clone()))?;
    match &plan.action {
        Action::Repair => {
            let evidence = evidence::collect(context.with_instance(&instance));
            let causes = diagnose::diagnose(&evidence);
            let steps = steps::plan_steps(&evidence, &causes);
            let job = job(context, &instance, agreed);
            let report = repair::run_repair(&job, &evidence, &causes, &steps, &mut |event| {
                tell(event, progress);
            })?;
            Ok(report_message(&instance, &report))
        }
        Action::Restart => run_step(
            context,
            &instance,
            agreed,
            RepairStep::Restart { hung: None },
            progress,
        ),
        Action::Start => run_step(context, &instance, agreed, RepairStep::Start, progress),
        Action::Rollback => {
            let evidence = evidence::collect(context.with_instance(&instance));
            let step = rollback_step(&evidence)
                .ok_or_else(|| Error::failed(msg!("bot.no-rollback", profile = instance.profile)))?;
            run_step(context, &instance, agreed, step, progress)
        }
        Action::Stop | Action::Snapshot | Action::ConfigSet(..) => run_recorded(context, &instance, agreed),
    }
}

/// Returns the repair job of an agreed change.
fn job<'a>(context: &'a CommandContext, instance: &'a Instance, agreed: AgreedChange<'a>) -> RepairJob<'a> {
    RepairJob {
        target: context.with_instance(instance),
        rescuer: &context.own.instance,
        origin: RepairOrigin::Chat(agreed.by),
        is_forced: false,
        stop: agreed.stop,
    }
}

/// Carries out one step as a person asked for it.
fn run_step(
    context: &CommandContext,
    instance: &Instance,
    agreed: AgreedChange<'_>,
    step: RepairStep,
    progress: &mut dyn FnMut(Msg),
) -> Result<Message> {
    let job = job(context, instance, agreed);
    let report = repair::run_requested(&job, &[step], &mut |event| tell(event, progress))?;
    Ok(report_message(instance, &report))
}

/// Tells an event of a repair as a sentence.
fn tell(event: RepairEvent<'_>, progress: &mut dyn FnMut(Msg)) {
    match event {
        RepairEvent::Performing(step) => {
            progress(msg!("rescue.taking").with_msg("step", step.kind().past_msg()));
        }
        RepairEvent::Waiting(limit) => progress(msg!("rescue.waiting", seconds = limit.as_secs())),
        RepairEvent::Performed(result) => progress(result.outcome.msg()),
    }
}

/// Returns the message about the result of a repair: whether the gateway is healthy, what was done, what was kept.
fn report_message(instance: &Instance, report: &RepairReport) -> Message {
    let profile = &instance.profile;
    let heading = if report.is_healthy {
        msg!("rescue.done", profile = profile)
    } else {
        msg!("rescue.in-vain", profile = profile)
    };
    let mut message = Message::heading(heading);
    for result in &report.results {
        let step = Msg::new("rescue.past-step").with_msg("step", result.step.kind().past_msg());
        message.lines.push(Line::Item(
            step.with_msg("came", result.outcome.kind().past_msg()),
        ));
        if let repair::StepOutcome::Failed(why) = &result.outcome {
            message.lines.push(Line::Text(why.clone()));
        }
    }
    if let Some(kept) = &report.kept_config {
        message
            .lines
            .push(Line::Text(msg!("rescue.kept", path = kept.display())));
    }
    if report.is_healthy {
        return message;
    }
    message.button(msg!("bot.button-logs"), format!("/logs {profile}"))
}

/// A change that is a command of the command line.
struct CommandLine {
    /// The step as the history names it.
    kind: StepKind,
    /// The words of the command.
    words: Vec<String>,
    /// The lines that tell that it was done.
    done: Vec<Line>,
}

impl CommandLine {
    /// Returns the command that makes a change; `None` for a change that is none.
    fn of(action: &Action, profile: &ProfileName, mark: char) -> Option<Self> {
        let (kind, words, done): (_, &[&str], _) = match action {
            Action::Stop => (
                StepKind::Stop,
                &["gateway", "stop"],
                msg!("bot.stopped", profile = profile),
            ),
            Action::Snapshot => {
                let done = msg!("bot.snapshot-taken", profile = profile);
                (StepKind::Snapshot, &["snapshot", "create"], done)
            }
            Action::ConfigSet(path, _) => {
                let done = msg!("bot.was-set", path = path, profile = profile);
                (StepKind::SetConfig, &["config", "set", "--"], done)
            }
            Action::Repair | Action::Restart | Action::Start | Action::Rollback => return None,
        };
        let mut command = Self {
            kind,
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            done: vec![Line::Heading(done)],
        };
        if let Action::ConfigSet(path, value) = action {
            command.words.extend([path.to_string(), value.clone()]);
            let undo = msg!("bot.undo-rollback", profile = profile, mark = mark);
            command.done.push(Line::Text(undo));
        }
        Some(command)
    }
}

/// Makes a change by its command, and writes it to the history, before and after.
fn run_recorded(context: &CommandContext, instance: &Instance, agreed: AgreedChange<'_>) -> Result<Message> {
    let Some(command) = CommandLine::of(&agreed.plan.action, &instance.profile, context.mark) else {
        return Err(Error::failed(msg!("bot.plan-unknown")));
    };
    let own = &context.own;
    let mut history = History::read(&rescue::shared_dir(&own.host, &own.env));
    let mut entry = HistoryEntry {
        at: unix_millis(own.host.now()),
        rescuer: own.instance.profile.to_string(),
        target: instance.profile.to_string(),
        watched: false,
        causes: Vec::new(),
        steps: vec![(
            Recorded::Known(command.kind),
            Recorded::Known(StepResultKind::Planned),
        )],
        outcome: RepairOutcome::Begun,
        by: Some(agreed.by.clone()),
        drill: false,
    };
    history.insert_or_replace(entry.clone())?;
    let result = run_own_command(context, instance, &command.words);
    let (step, outcome) = match &result {
        Ok(_) => (StepResultKind::Done, RepairOutcome::Done),
        Err(_) => (StepResultKind::Failed, RepairOutcome::Failed),
    };
    entry.steps[0].1 = Recorded::Known(step);
    entry.outcome = outcome;
    history.insert_or_replace(entry)?;
    let said = result?;
    let said = said.map(|text| Line::Text(msg!("bot.said", text = text)));
    Ok(Message::default().lines(command.done).lines(said))
}

/// Runs a command of this program for an instance, and returns the sentence that it says.
///
/// # Errors
/// With the command's own words where it fails.
fn run_own_command(
    context: &CommandContext,
    instance: &Instance,
    words: &[String],
) -> Result<Option<String>> {
    let own = &context.own;
    let failed = || Error::failed(msg!("bot.command-failed", command = words.join(" ")));
    let program = own.host.program().ok_or_else(failed)?;
    let (profile, lang) = (instance.profile.as_str(), context.lang.code());
    // Before the words: what follows `--` is a value.
    let mut args = vec!["--profile", profile, "--lang", lang];
    let split = words.iter().position(|word| word == "--").unwrap_or(words.len());
    args.extend(words[..split].iter().map(String::as_str));
    args.push("--json");
    args.extend(words[split..].iter().map(String::as_str));
    let mut command = CommandSpec::new(program, args)
        .env("OPENCLAW_STATE_DIR", &instance.state_dir)
        .env("OPENCLAW_CONFIG_PATH", &instance.config_path);
    command.env_removed = crate::environment::Environment::inherited_instance_variables(&own.host);
    let output = own
        .host
        .run(&command, COMMAND_TIMEOUT)
        .map_err(|cause| failed().because(cause))?;
    let document: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    let message = document.get("message").and_then(Value::as_str).map(str::to_owned);
    if output.code == Some(0) {
        return Ok(message);
    }
    let hints = document.get("hints").and_then(Value::as_array);
    let hints = hints.into_iter().flatten().filter_map(Value::as_str);
    let error = message.map_or_else(failed, |text| Error::failed(msg!("bot.said", text = text)));
    Err(hints.fold(error, |error, hint| error.hint(msg!("bot.said", text = hint))))
}
