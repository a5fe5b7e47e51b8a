//! The decision about a config that exists already: keep, change or reset it; and for one that can't be used, how to go on.

use crate::answers::{Answers, Existing, NamedValue as _};
use crate::config::backup;
use crate::config::error::ConfigError;
use crate::config::{self, LoadedConfig};
use crate::i18n::{Msg, msg};
use crate::profile::ProfileName;
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{Choice, Question, Reply};
use crate::wizard::step::{ConfigRepair, EnumStep, QuickFlow, Rejection, StepId, WizardStep, enum_question};

pub(super) struct ExistingConfig;

/// The name of the wizard's choice that opens a broken config in the editor.
const EDIT_CHOICE: &str = "edit";
/// The name of the wizard's choice that sets up a rescue bot beside a broken config, and of that bot's profile: the example
/// of OpenClaw's documentation.
const RESCUE_CHOICE: &str = "rescue";
/// The name of the wizard's choice that restores the last working config.
const LAST_GOOD_CHOICE: &str = "last-good";
/// Start of the name of the wizard's choice that restores a numbered backup of the config.
const BACKUP_CHOICE: &str = "backup-";

/// The decision about a config that can be used, of which a broken one has the resets only.
static STEP: EnumStep<Existing> = EnumStep {
    id: StepId::Existing,
    in_quick_flow: QuickFlow::Asked,
    aliases: &[],
    question: usable_question,
    accept: |existing, _, answers| {
        answers.existing = existing;
        Ok(())
    },
    // A saved reset would move the config of the next run aside: a file says keep or change only.
    saved: |answers| {
        Some(if answers.keep_config() {
            Existing::Keep
        } else {
            Existing::Change
        })
    },
};

impl WizardStep for ExistingConfig {
    fn id(&self) -> StepId {
        STEP.id
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        match &context.input.broken {
            Some(fault) if context.interactive => Some(broken_question(context, fault)),
            _ => STEP.question(context, answers),
        }
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let error = context.input.broken.as_ref().map(|fault| {
            let path = &context.input.instance.config_path;
            config::broken_error(path, fault)
        });
        if let Some(error) = error {
            return match (parse_repair(reply.text()), Existing::from_name(reply.text())) {
                (Some(repair), _) if context.interactive => Err(Rejection::Repair(repair, Box::new(error))),
                (_, Some(existing)) if !existing.is_reset() => Err(Rejection::Invalid(error)),
                _ => STEP.accept(reply, context, answers),
            };
        }
        STEP.accept(reply, context, answers)
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        STEP.saved_value(answers)
    }
}

fn usable_question(context: &InterviewContext<'_>, _: &Answers) -> Option<Question> {
    if !context.input.exists {
        return None;
    }
    let labels = [
        (Existing::Keep, msg!("step.existing.keep")),
        (Existing::Change, msg!("step.existing.change")),
    ];
    // Without a person the flags count, so that the default is to change what they name.
    let default = if context.interactive {
        Existing::Keep
    } else {
        Existing::Change
    };
    let instance = &context.input.instance;
    let path = context.input.display_path(&instance.config_path);
    let intro = msg!("step.existing.intro", profile = instance.profile, path = path);
    let labels = labels.into_iter().chain(reset_labels());
    Some(enum_question(msg!("step.existing.ask"), labels, default.name()).with_intro(intro))
}

/// Returns the choices of the wizard that move the config of an instance aside, with their labels.
fn reset_labels() -> [(Existing, Msg); 3] {
    [
        (Existing::ResetConfig, msg!("step.existing.reset-config")),
        (
            Existing::ResetCredentials,
            msg!("step.existing.reset-credentials"),
        ),
        (Existing::ResetFull, msg!("step.existing.reset-full")),
    ]
}

/// Returns the question of the wizard about a config that can't be used: what is wrong with it, and the ways to go on.
fn broken_question(context: &InterviewContext<'_>, fault: &ConfigError) -> Question {
    let instance = &context.input.instance;
    let place = fault.location(&instance.config_path);
    let mut options = Vec::new();
    if let Some(editor) = context.editor() {
        let name = editor.name().to_owned();
        let label = match fault.position {
            Some((line, _)) => msg!("step.existing.edit-line", editor = name, line = line),
            None => msg!("step.existing.edit", editor = name),
        };
        options.push(Choice::new(EDIT_CHOICE, label));
    }
    options.extend(backup_choices(context));
    let resets = reset_labels().into_iter();
    options.extend(resets.map(|(existing, label)| Choice::new(existing.name(), label)));
    let is_rescue = instance.profile.as_str() == RESCUE_CHOICE;
    let has_rescue = context.has_profile(RESCUE_CHOICE);
    if !is_rescue && !has_rescue {
        options.push(Choice::new(RESCUE_CHOICE, msg!("step.existing.rescue")));
    }
    let broken = Msg::new("config.broken")
        .with("place", context.abbreviate(&place))
        .with_msg("why", fault.why.clone());
    let question = Question::choice(msg!("step.existing.broken-ask"), options, "").with_intro(broken);
    if is_rescue || !has_rescue {
        return question;
    }
    let target = Some(&instance.profile).filter(|profile| !profile.is_default());
    let target = target.map(|profile| format!(" {profile}")).unwrap_or_default();
    let command = format!("openclaw --profile {RESCUE_CHOICE} rescue{target}");
    question.with_intro(msg!("step.existing.let-rescue", command = command))
}

/// Returns a choice of the wizard for each backup of the broken config that can be used, the newest first, else for the
/// last working config.
fn backup_choices(context: &InterviewContext<'_>) -> Vec<Choice> {
    let path = &context.input.instance.config_path;
    let usable = backup::list(path)
        .into_iter()
        .filter(|backup| backup.read().is_ok());
    let numbered: Vec<_> = usable
        .map(|backup| {
            let when = backup.modified.map(crate::time::format_for_person);
            let when = when.unwrap_or_else(|| backup.path.display().to_string());
            let id = format!("{BACKUP_CHOICE}{}", backup.number);
            Choice::new(&id, msg!("step.existing.restore", when = when))
        })
        .collect();
    let has_last_good = || matches!(config::load(&backup::last_good_path(path)), LoadedConfig::Ok(_));
    if numbered.is_empty() && has_last_good() {
        return vec![Choice::new(
            LAST_GOOD_CHOICE,
            msg!("step.existing.restore-last-good"),
        )];
    }
    numbered
}

/// Returns the repair of a broken config that a choice of the wizard stands for.
fn parse_repair(name: &str) -> Option<ConfigRepair> {
    match name {
        EDIT_CHOICE => Some(ConfigRepair::Edit),
        LAST_GOOD_CHOICE => Some(ConfigRepair::Restore(None)),
        RESCUE_CHOICE => Some(ConfigRepair::RescueBot(ProfileName::parse(RESCUE_CHOICE).ok()?)),
        _ => {
            let number = name.strip_prefix(BACKUP_CHOICE)?.parse().ok()?;
            Some(ConfigRepair::Restore(Some(number)))
        }
    }
}
