//! Answers to questions. Nothing here changes anything.

use serde_json::Value;

use super::CommandContext;
use crate::bot::command::{self, Scope, Target};
use crate::bot::message::{Line, Message};
use crate::config::diff::ConfigDifference;
use crate::config::key_path::KeyPath;
use crate::config::{self, LoadedConfig, document, secrets};
use crate::doctor::{self, HostReport, Severity};
use crate::error::{Error, Result};
use crate::i18n::{Msg, duration_msg, msg};
use crate::instance::Instance;
use crate::logs;
use crate::probe::Probe;
use crate::record::Record;
use crate::rescue;
use crate::rescue::diagnose::{self, Cause};
use crate::rescue::evidence::{self, Evidence};
use crate::rescue::history::{History, HistoryEntry};
use crate::rescue::record::{Recorded, StepKind, StepResultKind};
use crate::rescue::steps;
use crate::survey;
use crate::time::{format_for_person, from_unix_millis};

/// Maximum number of findings, changes or past repairs that a message lists.
const MAX_LISTED: usize = 10;
/// Maximum size of a config value that is shown, in bytes.
const MAX_VALUE_BYTES: usize = 3000;

/// Answers `/status`.
pub(crate) fn status(context: &CommandContext, scope: &Scope) -> Result<Message> {
    match scope {
        Scope::One(target) => {
            let (survey, instance) = context.find_target_alone(target)?;
            let probe = context.probe(&survey, &instance);
            Ok(with_remedies(
                state_message(context, &instance, &probe),
                &instance,
                &probe,
            ))
        }
        Scope::All => Ok(all(context)),
    }
}

/// Returns the state of a gateway in a few lines.
fn state_message(context: &CommandContext, instance: &Instance, probe: &Probe) -> Message {
    let mut message = Message::heading(probe.msg(instance.profile.as_str()));
    let mut item = |msg: Msg| message.lines.push(Line::Item(msg));
    item(msg!("bot.port", port = probe.port_number()));
    if probe.is_running() {
        let engine = [Some(probe.engine.name()), probe.version.as_deref()];
        item(msg!(
            "bot.engine",
            engine = engine.into_iter().flatten().collect::<Vec<_>>().join(" ")
        ));
        let started = probe
            .started
            .and_then(|at| context.own.host.now().duration_since(at).ok());
        if let Some(up) = started {
            item(Msg::new("bot.up").with_msg("time", duration_msg(up)));
        }
    }
    message
}

/// Adds the buttons that help with a gateway which is not healthy.
fn with_remedies(message: Message, instance: &Instance, probe: &Probe) -> Message {
    let name = &instance.profile;
    if probe.is_healthy() {
        return message;
    }
    message
        .button(msg!("bot.button-diagnose"), format!("/diagnose {name}"))
        .button(msg!("bot.button-repair"), format!("/repair {name}"))
        .button(msg!("bot.button-logs"), format!("/logs {name}"))
}

/// Returns the state of all gateways, a line each.
fn all(context: &CommandContext) -> Message {
    let own = &context.own;
    let survey = survey::survey_host(&own.host, &own.env);
    let deadline = std::time::Instant::now() + super::PROBE_TIMEOUT;
    let probes = crate::probe::probe_all(&own.host, &own.env, &survey, deadline);
    let lines = survey.instances.iter().zip(&probes).map(|(instance, probe)| {
        let port = probe.port_number();
        let line = Msg::new("bot.state-line")
            .with("instance", &instance.label)
            .with("port", port);
        Line::Item(line.with_msg("state", probe.verdict.short_msg()))
    });
    Message::heading(msg!("bot.all", count = survey.instances.len())).lines(lines)
}

/// Answers `/diagnose`.
pub(crate) fn diagnose(context: &CommandContext, target: &Target) -> Result<Message> {
    let (_, instance) = context.find_target_alone(target)?;
    let name = &instance.profile;
    let evidence = evidence::collect(context.with_instance(&instance));
    if evidence.is_well() {
        return Ok(Message::text(msg!("rescue.healthy", profile = name)));
    }
    let causes = diagnose::diagnose(&evidence);
    let steps = steps::plan_steps(&evidence, &causes);
    let mut message = causes_message(&instance, &evidence, &causes);
    if steps.is_empty() {
        message.lines.push(Line::Text(msg!("rescue.no-steps")));
    } else {
        message.lines.push(Line::Text(msg!("rescue.steps")));
        message
            .lines
            .extend(steps.iter().map(|step| Line::Item(step.msg())));
        message = message.button(msg!("bot.button-repair"), format!("/repair {name}"));
    }
    Ok(message.button(msg!("bot.button-logs"), format!("/logs {name}")))
}

/// Returns the causes of a gateway's problem, what was changed since it worked, and the last complaints of its log.
pub(super) fn causes_message(instance: &Instance, evidence: &Evidence, causes: &[Cause]) -> Message {
    let mut message = Message::heading(msg!("rescue.not-healthy", profile = instance.profile));
    for cause in causes {
        message.lines.push(Line::Item(cause.msg()));
        let by_hand = cause.by_hand(&instance.command());
        message.lines.extend(by_hand.map(Line::Text));
    }
    if !evidence.config_changes.is_empty() {
        message.lines.push(Line::Text(msg!("rescue.changes")));
        let changes = evidence.config_changes.iter().take(MAX_LISTED);
        message
            .lines
            .extend(changes.map(|change| Line::Item(change_msg(change))));
    }
    if !evidence.log.is_empty() {
        message.lines.push(Line::Quote(evidence.log.join("\n")));
    }
    message
}

/// Returns the sentence about a changed key of a config. Secrets are left out of both values.
pub(super) fn change_msg(change: &ConfigDifference) -> Msg {
    evidence::change_msg(&change.path, change.before.as_deref(), change.after.as_deref())
}

/// Answers `/logs`.
pub(crate) fn logs(context: &CommandContext, target: &Target, count: usize) -> Result<Message> {
    let (_, instance) = context.find_target_alone(target)?;
    let engine = Record::read(&instance.record_path()).unwrap_or_default().engine;
    let lines = logs::last_shown_lines(context.with_instance(&instance), engine, count);
    let name = &instance.profile;
    Ok(if lines.is_empty() {
        Message::text(msg!("bot.no-log", profile = name))
    } else {
        Message::heading(msg!("bot.log", profile = name)).line(Line::Quote(lines.join("\n")))
    })
}

/// Answers `/config get`.
pub(crate) fn config_value(context: &CommandContext, target: &Target, path: &KeyPath) -> Result<Message> {
    let (_, instance) = context.find_target_alone(target)?;
    let value =
        read_value(&instance, path)?.ok_or_else(|| Error::failed(msg!("config.no-such-key", path = path)))?;
    let mut shown = shown_value(path, &value);
    if shown.len() > MAX_VALUE_BYTES {
        let end = shown.floor_char_boundary(MAX_VALUE_BYTES);
        shown.truncate(end);
        shown.push('…');
    }
    let heading = msg!("bot.value", path = path, profile = instance.profile);
    Ok(Message::heading(heading).line(Line::Quote(shown)))
}

/// Returns the value at a key of an instance's config, included files merged in; `None` where there is none.
pub(super) fn read_value(instance: &Instance, path: &KeyPath) -> Result<Option<Value>> {
    let file = &instance.config_path;
    match config::load(file) {
        LoadedConfig::Ok(document) => {
            let whole =
                config::effective(file, &document).map_err(|fault| config::broken_error(file, &fault))?;
            Ok(document::find(&whole.value, path).cloned())
        }
        LoadedConfig::Broken(fault) => Err(config::broken_error(file, &fault)),
        LoadedConfig::Missing => Err(Error::failed(msg!("config.missing", path = file.display()))),
    }
}

/// Returns a config value as text, without its secrets.
pub(super) fn shown_value(path: &KeyPath, value: &Value) -> String {
    match secrets::redact(path, value) {
        Value::String(text) => text,
        other => format!("{other:#}"),
    }
}

/// Answers `/doctor`.
pub(crate) fn doctor(context: &CommandContext, target: &Target) -> Result<Message> {
    let (survey, instance) = context.find_target(target)?;
    let report = HostReport::collect(context.with_instance(&instance), &survey, doctor::Scope::One);
    let mut findings = doctor::examine(&report);
    findings.retain(|finding| finding.severity != Severity::Info);
    findings.sort_by_key(|finding| finding.severity);
    let name = &instance.profile;
    if findings.is_empty() {
        return Ok(Message::text(msg!("bot.doctor-fine", profile = name)));
    }
    let listed = findings
        .iter()
        .take(MAX_LISTED)
        .map(|finding| Line::Item(finding.msg.clone()));
    let heading = msg!("bot.doctor-found", profile = name, count = findings.len());
    Ok(Message::heading(heading).lines(listed))
}

/// Answers `/ports`.
pub(crate) fn ports(context: &CommandContext) -> Message {
    let own = &context.own;
    let survey = survey::survey_host(&own.host, &own.env);
    let lines = survey.instances.iter().map(|instance| {
        let family = instance
            .running
            .or_else(|| instance.base.map(|(family, _)| family));
        Line::Item(match family {
            Some(family) => msg!(
                "bot.ports-line",
                instance = instance.label,
                base = family.base(),
                span = family.span()
            ),
            None => msg!("bot.ports-unknown", instance = instance.label),
        })
    });
    Message::heading(msg!("bot.ports")).lines(lines)
}

/// Answers `/history`.
pub(crate) fn history(context: &CommandContext) -> Message {
    let own = &context.own;
    let history = History::read(&rescue::shared_dir(&own.host, &own.env));
    let entries: Vec<_> = history.entries.iter().rev().take(MAX_LISTED).collect();
    if entries.is_empty() {
        return Message::text(msg!("rescue.no-history"));
    }
    let lines = entries.into_iter().flat_map(past_lines);
    Message::heading(msg!("bot.history")).lines(lines)
}

/// Returns the lines about a past repair or another change: when, what, by whom, and what became of it.
fn past_lines(entry: &HistoryEntry) -> Vec<Line> {
    let when = format_for_person(from_unix_millis(entry.at));
    let row = msg!(
        "rescue.past-row",
        when = when,
        target = entry.target,
        rescuer = entry.rescuer
    );
    let mut lines = vec![Line::Text(row.with_msg("outcome", entry.outcome.msg()))];
    lines.extend(entry.steps.iter().map(|step| Line::Item(past_step_msg(step))));
    if entry.drill {
        lines.push(Line::Item(msg!("rescue.past-drill")));
    }
    if let Some(by) = &entry.by {
        lines.push(Line::Item(msg!(
            "rescue.past-by",
            person = by.person,
            channel = by.channel
        )));
    }
    lines
}

/// Returns the sentence about a step of a past repair, or of another change, and its result.
pub(crate) fn past_step_msg((step, result): &(Recorded<StepKind>, Recorded<StepResultKind>)) -> Msg {
    Msg::new("rescue.past-step")
        .with_msg("step", recorded_msg(step, StepKind::past_msg))
        .with_msg("came", recorded_msg(result, StepResultKind::past_msg))
}

fn recorded_msg<T: Copy>(value: &Recorded<T>, msg: impl Fn(T) -> Msg) -> Msg {
    match value {
        Recorded::Known(value) => msg(*value),
        Recorded::Later(name) => msg!("bot.said", text = name),
    }
}

/// Answers `/help`, and whatever is no command.
pub(crate) fn help(context: &CommandContext, heading: Msg) -> Message {
    let line = |(word, what)| {
        Line::Text(
            Msg::new("bot.menu-line")
                .with("mark", context.mark)
                .with("word", word)
                .with_msg("what", what),
        )
    };
    Message::text(heading).lines(command::menu(context.lang).map(line))
}
