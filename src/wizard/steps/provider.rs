//! The model provider, its API key, and for a custom provider its server and model.

use crate::answers::{Answers, Provider};
use crate::config::dialect::Dialect;
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::secret::Secret;
use crate::url::ServerUrl;
use crate::wizard::context::{ForeignKey, InterviewContext};
use crate::wizard::question::{Choice, EmptyReply, Question, Reply};
use crate::wizard::step::{
    EnumStep, QuickFlow, Rejection, StepId, WizardStep, enum_question, reject_placeholder,
};
use crate::wizard::verification::Verification;

pub(super) struct ApiKey;
pub(super) struct CustomBaseUrl;
pub(super) struct CustomModelId;
pub(super) struct CustomProviderId;
pub(super) struct Model;

pub(super) struct ModelProvider;

/// The choice of a model provider by its name.
static STEP: EnumStep<Provider> = EnumStep {
    id: StepId::AuthChoice,
    in_quick_flow: QuickFlow::Asked,
    aliases: &[],
    question,
    accept: |provider, _, answers| {
        answers.provider = Some(provider);
        Ok(())
    },
    saved: |answers| answers.provider,
};

fn question(context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
    if answers.keep_config() {
        return None;
    }
    let labels = Provider::ALL.iter().map(|provider| (*provider, label(*provider)));
    let text = msg!("step.auth-choice.ask");
    if let Some(current) = current_provider(context, answers).filter(|_| context.interactive) {
        let offered = labels.filter(|(provider, _)| *provider != Provider::Skip);
        return Some(enum_question(text, offered, "").with_kept_choice(current));
    }
    // Without a person, or with a config that is kept, nothing is changed unasked.
    let default = if !context.interactive || context.keeps_existing(answers) {
        Provider::Skip
    } else {
        // The native engine is of use without a model too; an agent of OpenClaw is not.
        let usual = if context.runs_agent(answers) {
            Provider::Anthropic
        } else {
            Provider::Skip
        };
        provider_with_key(context).unwrap_or(usual)
    };
    Some(enum_question(text, labels, default.name()))
}

/// Returns the first model provider whose API key is in the environment or at another instance.
fn provider_with_key(context: &InterviewContext<'_>) -> Option<Provider> {
    let all = || Provider::ALL.iter().copied();
    let in_environment = |provider: &Provider| context.environment_key(*provider).is_some();
    let elsewhere = |provider: &Provider| context.key_of_other_instance(*provider).is_some();
    all().find(in_environment).or_else(|| all().find(elsewhere))
}

impl WizardStep for ModelProvider {
    fn id(&self) -> StepId {
        STEP.id()
    }

    fn is_expected(&self, context: &InterviewContext<'_>, answers: &Answers) -> bool {
        // Without the keys and the servers on this host, which only the question itself looks for.
        !answers.keep_config() && !self.is_idle(context, answers)
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        let question = question(context, answers)?;
        if self.is_idle(context, answers) {
            return Some(question);
        }
        let found = context.local_servers();
        let choices = found.iter().map(|server| {
            let (label, count) = (server.kind.label, server.models.len());
            Choice::new(
                server.kind.id,
                msg!("step.auth-choice.local", name = label, count = count),
            )
        });
        Some(question.with_choices_before(Provider::Custom.name(), choices))
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        // A server on this host is a custom one whose URL is known.
        let Some((key, url)) = context.local_server_url(reply.text()) else {
            return STEP.accept(reply, context, answers);
        };
        answers.provider = Some(Provider::Custom);
        answers.custom.base_url = Some(url);
        answers.custom.provider_id = Some(reply.text().to_owned());
        answers.provider_key = Some(Secret::new(key));
        Ok(())
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        STEP.saved_value(answers)
    }
}

/// Returns the model provider that a kept config uses, with the model, as a choice of the wizard that keeps it.
fn current_provider(context: &InterviewContext<'_>, answers: &Answers) -> Option<Msg> {
    let model = current_model(context, answers)?;
    let (id, model) = model.split_once('/')?;
    let known = Provider::ALL
        .iter()
        .find(|provider| provider.id() == id && **provider != Provider::Skip);
    let name = match known {
        Some(Provider::Custom) | None => msg!("ui.typed", text = id),
        Some(provider) => label(*provider),
    };
    Some(msg!("step.auth-choice.keep", model = model).with_msg("provider", name))
}

/// Returns the primary model of a config that the wizard's answers keep, as `provider/model`.
fn current_model<'c>(context: &'c InterviewContext<'_>, answers: &Answers) -> Option<&'c str> {
    ["agents.defaults.model.primary", "agents.defaults.model"]
        .into_iter()
        .find_map(|key| context.current_text(answers, key))
}

/// Returns the name of a model provider as a choice of the wizard.
fn label(provider: Provider) -> Msg {
    match provider {
        Provider::Anthropic => msg!("step.auth-choice.anthropic"),
        Provider::OpenAi => msg!("step.auth-choice.openai"),
        Provider::OpenRouter => msg!("step.auth-choice.openrouter"),
        Provider::Google => msg!("step.auth-choice.google"),
        Provider::Custom => msg!("step.auth-choice.custom"),
        Provider::Skip => msg!("step.auth-choice.skip"),
    }
}

fn is_custom(answers: &Answers) -> bool {
    answers.provider == Some(Provider::Custom)
}

fn chosen_provider(answers: &Answers) -> Option<Provider> {
    answers.provider.filter(|provider| *provider != Provider::Skip)
}

impl WizardStep for CustomBaseUrl {
    fn id(&self) -> StepId {
        StepId::CustomBaseUrl
    }

    fn part_of(&self) -> StepId {
        StepId::AuthChoice
    }

    fn question(&self, _: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        let is_asked = is_custom(answers) && answers.custom.base_url.is_none();
        is_asked.then(|| Question::text(msg!("step.custom-base-url.ask"), None))
    }

    fn accept(
        &self,
        reply: Reply,
        _: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let typed = reply.text();
        let is_usable = ServerUrl::parse(typed).is_some_and(|url| matches!(url.scheme(), "http" | "https"));
        if !is_usable {
            let value = typed.escape_debug();
            return Err(Error::usage(msg!("step.custom-base-url.invalid", value = value)).into());
        }
        answers.custom.base_url = Some(typed.trim_end_matches('/').to_owned());
        Ok(())
    }

    fn verify<'c>(&self, context: &'c InterviewContext<'_>, answers: &Answers) -> Option<Verification<'c>> {
        context.verify_open_server(answers)
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.custom.base_url.as_deref()?.into())
    }
}

impl WizardStep for CustomModelId {
    fn id(&self) -> StepId {
        StepId::CustomModelId
    }

    fn part_of(&self) -> StepId {
        StepId::AuthChoice
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if !is_custom(answers) {
            return None;
        }
        let text = msg!("step.custom-model-id.ask");
        let Some(listed) = context.listed_models(answers) else {
            return Some(Question::text(text, None));
        };
        let options: Vec<_> = listed.iter().map(|id| model_choice(id)).collect();
        let first = listed.first().map_or("", String::as_str);
        Some(Question::choice(text, options, first).filtered())
    }

    fn accept(
        &self,
        reply: Reply,
        _: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let typed = reply.text();
        if typed.is_empty() {
            return Err(Error::usage(msg!("step.custom-model-id.empty")).into());
        }
        answers.custom.model_id = Some(typed.to_owned());
        Ok(())
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.custom.model_id.as_deref()?.into())
    }
}

impl WizardStep for CustomProviderId {
    fn id(&self) -> StepId {
        StepId::CustomProviderId
    }

    fn part_of(&self) -> StepId {
        StepId::AuthChoice
    }

    fn in_quick_flow(&self, _: &InterviewContext<'_>, _: &Answers) -> QuickFlow {
        QuickFlow::LeftOut
    }

    fn question(&self, _: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        let default = || Some(Provider::Custom.id().to_owned());
        let is_asked = is_custom(answers) && answers.custom.provider_id.is_none();
        is_asked.then(|| Question::text(msg!("step.custom-provider-id.ask"), default()))
    }

    fn accept(
        &self,
        reply: Reply,
        _: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let typed = reply.text();
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if typed.is_empty() || !typed.chars().all(is_allowed) {
            let value = typed.escape_debug();
            return Err(Error::usage(msg!("step.custom-provider-id.invalid", value = value)).into());
        }
        answers.custom.provider_id = Some(typed.to_owned());
        Ok(())
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.custom.provider_id.as_deref()?.into())
    }
}

impl WizardStep for ApiKey {
    fn id(&self) -> StepId {
        StepId::ApiKey
    }

    fn part_of(&self) -> StepId {
        StepId::AuthChoice
    }

    fn flag(&self, answers: &Answers) -> &'static str {
        answers.provider.unwrap_or(Provider::Skip).key_flag()
    }

    fn is_secret(&self) -> bool {
        true
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        let provider = chosen_provider(answers)?;
        if is_custom(answers) && answers.provider_key.is_some() {
            // A server on this host, which needs none.
            return None;
        }
        let found = context.environment_key(provider);
        // Without a person the key of the environment is the one that was given.
        let is_stored = (context.interactive || found.is_none()) && context.has_stored_key(provider, answers);
        // A server of the user's own often needs no key.
        let empty = match (found, offered_key(context, provider)) {
            _ if is_stored => Some(EmptyReply::Kept),
            (Some((name, key)), _) => Some(EmptyReply::variable(name, &key)),
            (None, Some(foreign)) => Some(EmptyReply::of_instance(&foreign.holder, &foreign.key)),
            (None, None) if is_custom(answers) => Some(EmptyReply::Nothing),
            (None, None) => context.interactive.then_some(EmptyReply::Later),
        };
        let intro = match &empty {
            Some(found @ (EmptyReply::Variable { .. } | EmptyReply::Instance { .. })) => {
                msg!("step.api-key.found").with_msg("key", found.answer_msg())
            }
            _ => msg!("step.api-key.intro"),
        };
        let name = match &answers.custom.provider_id {
            Some(id) if is_custom(answers) => msg!("ui.typed", text = id),
            _ => label(provider),
        };
        let text = msg!("step.api-key.ask").with_msg("provider", name);
        let question = Question::secret(text, empty).with_intro(intro);
        Some(question.keeping_config(is_stored))
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        if reply == Reply::Later {
            answers.provider_key = None;
            return Ok(());
        }
        let mut key = reply.into_secret();
        if key.expose().is_empty()
            && let Some(provider) = chosen_provider(answers)
        {
            let in_environment = context.environment_key(provider).map(|(_, found)| found);
            let elsewhere = || offered_key(context, provider).map(|foreign| foreign.key);
            key = in_environment.or_else(elsewhere).unwrap_or(key);
        }
        let text = key.expose();
        if text.is_empty() && !is_custom(answers) && !context.interactive {
            return Err(Error::usage(msg!("step.api-key.empty")).into());
        }
        // A key with a blank or a line end in it was pasted wrong, and would break the file that it goes to.
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Error::usage(msg!("step.api-key.blank")).into());
        }
        reject_placeholder(&key)?;
        answers.provider_key = (!text.is_empty()).then_some(key);
        Ok(())
    }

    fn verify<'c>(&self, context: &'c InterviewContext<'_>, answers: &Answers) -> Option<Verification<'c>> {
        answers.provider_key.as_ref()?;
        context.verify_models(answers, label(chosen_provider(answers)?))
    }
}

/// Returns the API key of another instance that the wizard offers a person to take over.
fn offered_key(context: &InterviewContext<'_>, provider: Provider) -> Option<ForeignKey> {
    let is_offered = context.interactive;
    is_offered
        .then(|| context.key_of_other_instance(provider))
        .flatten()
}

/// Returns a model as a choice of the wizard.
fn model_choice(id: &str) -> Choice {
    Choice::new(id, msg!("ui.typed", text = id))
}

impl WizardStep for Model {
    fn id(&self) -> StepId {
        StepId::Model
    }

    fn part_of(&self) -> StepId {
        StepId::AuthChoice
    }

    fn in_quick_flow(&self, context: &InterviewContext<'_>, answers: &Answers) -> QuickFlow {
        // Where the models are known, one is chosen; without a list the default is as good as what is typed.
        if !is_custom(answers) && context.listed_models(answers).is_some() {
            QuickFlow::Asked
        } else {
            QuickFlow::LeftOut
        }
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        let ask = |model: &str| Question::text(msg!("step.model.ask"), Some(model.to_owned()));
        if answers.provider.is_none() {
            let current = current_model(context, answers).filter(|_| !answers.keep_config())?;
            return Some(ask(current).keeping_config(true));
        }
        let provider = chosen_provider(answers)?;
        // A current model of this provider stays, so that the same answers change nothing. The model of a custom
        // provider follows from its own answers.
        let is_of_provider = |model: &&str| {
            let id = model.split_once('/').map(|(id, _)| id);
            provider != Provider::Custom && id == Some(provider.id())
        };
        let default = match current_model(context, answers).filter(is_of_provider) {
            Some(model) => model.to_owned(),
            None => default_model(provider, context.input.dialect, answers)?,
        };
        // The model of a custom provider was chosen from its list already.
        match context.listed_models(answers).filter(|_| !is_custom(answers)) {
            Some(listed) => Some(listed_question(provider, &listed, &default)),
            None => Some(ask(&default)),
        }
    }

    fn accept(
        &self,
        reply: Reply,
        _: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let typed = reply.text();
        let is_usable = typed
            .split_once('/')
            .is_some_and(|(provider, model)| !provider.is_empty() && !model.is_empty());
        if !is_usable || typed.contains(char::is_whitespace) {
            let value = typed.escape_debug();
            return Err(Error::usage(msg!("step.model.invalid", value = value)).into());
        }
        answers.model = Some(typed.to_owned());
        Ok(())
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.model.as_deref()?.into())
    }
}

/// Returns the question for the primary model where the server of its provider has listed the models. Enter takes the default
/// of the release, else the model whose name is most like it.
fn listed_question(provider: Provider, listed: &[String], default: &str) -> Question {
    let full_name = |id: &String| format!("{}/{id}", provider.id());
    let names: Vec<_> = listed.iter().map(full_name).collect();
    let likeness = |name: &str| {
        let pairs = name.chars().zip(default.chars());
        pairs.take_while(|(one, other)| one == other).count()
    };
    // The first of several, as providers put the newest first.
    let nearest = names
        .iter()
        .rev()
        .max_by_key(|name| (*name == default, likeness(name)));
    let nearest = nearest.cloned().unwrap_or_default();
    let choice = |(name, id): (&String, &String)| Choice::new(name, msg!("ui.typed", text = id));
    let options = names.iter().zip(listed).map(choice).collect();
    Question::choice(msg!("step.model.ask"), options, &nearest).filtered()
}

/// Returns the model that the OpenClaw release itself takes as the default of a model provider.
fn default_model(provider: Provider, dialect: Dialect, answers: &Answers) -> Option<String> {
    let is_early = dialect == Dialect::Early;
    let model = match provider {
        Provider::Anthropic if is_early => "anthropic/claude-opus-4-5",
        Provider::Anthropic => "anthropic/claude-opus-5",
        Provider::OpenAi if is_early => "openai/gpt-5.2",
        Provider::OpenAi => "openai/gpt-6-astra",
        Provider::OpenRouter => "openrouter/auto",
        Provider::Google if is_early => "google/gemini-3-pro-preview",
        Provider::Google => "google/gemini-3.1-pro-preview",
        Provider::Custom | Provider::Skip => {
            let custom = &answers.custom;
            let id = custom.provider_id.as_deref().unwrap_or(Provider::Custom.id());
            return Some(format!("{id}/{}", custom.model_id.as_deref()?));
        }
    };
    Some(model.to_owned())
}
