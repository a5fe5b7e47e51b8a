//! The profile, asked for where nobody chose one: a list of those that exist, a rescue bot, or a typed name.

use crate::answers::Answers;
use crate::error::Result;
use crate::i18n::{Msg, msg};
use crate::profile::{ProfileName, misspelled_name, suggest_name};
use crate::survey::SurveyedInstance;
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{Choice, Question, Reply};
use crate::wizard::step::{QuickFlow, Rejection, StepId, WizardStep, parse_yes_no};

pub(super) struct Profile;
pub(super) struct TypedProfile;
pub(super) struct MeantProfile;

/// The name that the wizard proposes for a second profile beside a default instance: the example of OpenClaw's
/// documentation.
pub(crate) const SECOND_PROFILE: &str = "rescue";
/// The id of the wizard's choice that leads to a typed profile; no profile has such a name.
const TYPED_CHOICE: &str = "another name";

impl WizardStep for Profile {
    fn id(&self) -> StepId {
        StepId::Profile
    }

    fn in_quick_flow(&self, context: &InterviewContext<'_>, _: &Answers) -> QuickFlow {
        // The first gateway of a host is the default one.
        if context.survey.instances.is_empty() {
            QuickFlow::Reviewed
        } else {
            QuickFlow::Asked
        }
    }

    fn question(&self, context: &InterviewContext<'_>, _: &Answers) -> Option<Question> {
        if context.input.instance.is_explicit || !context.interactive {
            return None;
        }
        let default = ProfileName::default_profile();
        let has_default = context.has_profile(default.as_str());
        let second = ProfileName::parse(SECOND_PROFILE).ok();
        let second = second.filter(|name| has_default && !context.has_profile(name.as_str()));
        let mut options = Vec::new();
        if !has_default {
            options.push(new_choice(
                &default,
                msg!("step.profile.default", profile = default),
            ));
        }
        let mut existing: Vec<_> = context.survey.instances.iter().collect();
        existing.sort_by_cached_key(|found| found.reading_order());
        options.extend(
            existing
                .iter()
                .filter_map(|found| existing_choice(context, found)),
        );
        if let Some(name) = &second {
            options.push(new_choice(name, msg!("step.profile.rescue", profile = name)));
        }
        options.push(Choice::new(TYPED_CHOICE, msg!("step.profile.other")));
        let intro = match (has_default, &second) {
            (false, _) => msg!("step.profile.first"),
            (true, Some(_)) => msg!("step.profile.second"),
            (true, None) => msg!("step.profile.more"),
        };
        let chosen = context.input.instance.profile.as_str();
        Some(Question::choice(msg!("step.profile.ask"), options, chosen).with_intro(intro))
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        if reply.text() == TYPED_CHOICE {
            answers.types_profile = true;
            return Ok(());
        }
        choose(reply.text(), context, answers)
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.profile.as_ref()?.as_str().into())
    }
}

impl WizardStep for TypedProfile {
    fn id(&self) -> StepId {
        StepId::ProfileTyped
    }

    fn flag_step(&self) -> StepId {
        StepId::Profile
    }

    fn follows(&self) -> Option<StepId> {
        Some(StepId::Profile)
    }

    fn question(&self, _: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        answers
            .types_profile
            .then(|| Question::text(msg!("step.profile.typed"), None))
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        choose(reply.text(), context, answers)
    }
}

impl WizardStep for MeantProfile {
    fn id(&self) -> StepId {
        StepId::ProfileMeant
    }

    fn flag_step(&self) -> StepId {
        StepId::Profile
    }

    fn follows(&self) -> Option<StepId> {
        Some(StepId::Profile)
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        let typed = answers.profile.as_ref().filter(|_| answers.types_profile)?;
        let meant = meant_profile(context, typed)?;
        let question = Question::yes_no(msg!("profiles.meant", profile = meant), Some(true));
        Some(question.with_intro(msg!("profiles.unknown", profile = typed)))
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let typed = answers.profile.as_ref();
        let meant = typed.and_then(|typed| meant_profile(context, typed));
        if let Some(meant) = meant.filter(|_| parse_yes_no(&reply).unwrap_or_default()) {
            context.choose_profile(&meant)?;
            answers.profile = Some(meant);
        }
        Ok(())
    }
}

/// Changes the wizard to the profile with a name that was chosen or typed.
fn choose(typed: &str, context: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<(), Rejection> {
    let name = ProfileName::parse(typed).map_err(|e| match suggest_name(typed) {
        Some(proposed) => Rejection::Correctable(Box::new(e.to_error(typed)), proposed),
        None => Rejection::Invalid(e.to_error(typed)),
    })?;
    context.choose_profile(&name)?;
    answers.profile = Some(name);
    Ok(())
}

/// Returns the existing profile that was probably meant by a typed one that does not exist.
fn meant_profile(context: &InterviewContext<'_>, typed: &ProfileName) -> Option<ProfileName> {
    if context.has_profile(typed.as_str()) {
        return None;
    }
    misspelled_name(typed, context.profiles()).cloned()
}

/// Returns the choice of the wizard for a new profile.
fn new_choice(profile: &ProfileName, label: Msg) -> Choice {
    Choice::new(profile.as_str(), label)
}

/// Returns the choice of the wizard for an existing instance, with its port and the state of its gateway; `None` for one
/// without a profile, which only its paths choose.
fn existing_choice(context: &InterviewContext<'_>, found: &SurveyedInstance) -> Option<Choice> {
    let profile = found.profile.as_ref()?;
    let port = found.base.map(|(family, _)| family.base());
    let label = match (port, context.gateway_states.get(&found.label)) {
        (Some(port), Some(state)) => {
            let label = msg!("step.profile.change-known", profile = profile, port = port);
            label.with_msg("state", state.clone())
        }
        _ => msg!("step.profile.change", profile = profile),
    };
    Some(Choice::new(profile.as_str(), label))
}
