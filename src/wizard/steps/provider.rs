//! Where models come from: the provider, its key, and for a custom server its address.

use crate::answers::Provider;
use crate::config::dialect::Dialect;

use super::{
    Answers, Error, InterviewContext, Question, Reply, Result, Step, choices, kept, msg, not_a_choice,
    standing,
};

pub(super) struct AuthChoice;
pub(super) struct ApiKey;
pub(super) struct CustomBaseUrl;
pub(super) struct CustomModelId;
pub(super) struct CustomProviderId;
pub(super) struct Model;

impl Step for AuthChoice {
    fn id(&self) -> &'static str {
        "auth-choice"
    }

    fn ask(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if kept(answers) {
            return None;
        }
        let options = choices([
            (Provider::Anthropic.name(), msg!("step.auth-choice.anthropic")),
            (Provider::OpenAi.name(), msg!("step.auth-choice.openai")),
            (Provider::OpenRouter.name(), msg!("step.auth-choice.openrouter")),
            (Provider::Google.name(), msg!("step.auth-choice.google")),
            (Provider::Custom.name(), msg!("step.auth-choice.custom")),
            (Provider::Skip.name(), msg!("step.auth-choice.skip")),
        ]);
        // Nobody there, or a provider set up before: nothing is changed without a wish.
        let leave = !context.interactive || (context.input.exists && !answers.existing.is_reset());
        let default = if leave {
            Provider::Skip
        } else {
            Provider::Anthropic
        };
        Some(Question::choice(
            msg!("step.auth-choice.ask"),
            options,
            default.name(),
        ))
    }

    fn take(&self, reply: Reply, _: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let name = reply.text();
        let all = Provider::ALL.iter().map(|p| p.name());
        answers.provider = Some(Provider::of(name).ok_or_else(|| not_a_choice(self.id(), name, all))?);
        Ok(())
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.provider?.name().into())
    }
}

fn is_custom(answers: &Answers) -> bool {
    answers.provider == Some(Provider::Custom)
}

impl Step for CustomBaseUrl {
    fn id(&self) -> &'static str {
        "custom-base-url"
    }

    fn ask(&self, _: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        is_custom(answers).then(|| Question::text(msg!("step.custom-base-url.ask"), None))
    }

    fn take(&self, reply: Reply, _: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let typed = reply.text();
        let rest = typed
            .strip_prefix("http://")
            .or_else(|| typed.strip_prefix("https://"));
        let usable = rest.is_some_and(|host| !host.is_empty() && !host.starts_with('/'));
        if !usable || typed.contains(char::is_whitespace) {
            return Err(Error::usage(msg!(
                "step.custom-base-url.invalid",
                value = typed.escape_debug()
            )));
        }
        answers.custom.base_url = Some(typed.trim_end_matches('/').to_owned());
        Ok(())
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.custom.base_url.as_deref()?.into())
    }
}

impl Step for CustomModelId {
    fn id(&self) -> &'static str {
        "custom-model-id"
    }

    fn ask(&self, _: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        is_custom(answers).then(|| Question::text(msg!("step.custom-model-id.ask"), None))
    }

    fn take(&self, reply: Reply, _: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let typed = reply.text();
        if typed.is_empty() {
            return Err(Error::usage(msg!("step.custom-model-id.empty")));
        }
        answers.custom.model_id = Some(typed.to_owned());
        Ok(())
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.custom.model_id.as_deref()?.into())
    }
}

impl Step for CustomProviderId {
    fn id(&self) -> &'static str {
        "custom-provider-id"
    }

    fn quick(&self) -> bool {
        false
    }

    fn ask(&self, _: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        let default = || Some(Provider::Custom.id().to_owned());
        is_custom(answers).then(|| Question::text(msg!("step.custom-provider-id.ask"), default()))
    }

    fn take(&self, reply: Reply, _: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let typed = reply.text();
        let usable = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if typed.is_empty() || !typed.chars().all(usable) {
            return Err(Error::usage(msg!(
                "step.custom-provider-id.invalid",
                value = typed.escape_debug()
            )));
        }
        answers.custom.provider_id = Some(typed.to_owned());
        Ok(())
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.custom.provider_id.as_deref()?.into())
    }
}

impl Step for ApiKey {
    fn id(&self) -> &'static str {
        "api-key"
    }

    fn flag(&self, answers: &Answers) -> &'static str {
        answers.provider.unwrap_or(Provider::Skip).key_flag()
    }

    fn ask(&self, _: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        let provider = answers.provider.filter(|p| *p != Provider::Skip)?;
        // A server of one's own often wants no key.
        let optional = provider == Provider::Custom;
        let variable = provider.key_variable();
        let question = Question::secret(msg!("step.api-key.ask", provider = provider.id()), optional);
        Some(match variable {
            Some(variable) => question.after(msg!("step.api-key.intro", variable = variable)),
            None => question.after(msg!("step.api-key.optional")),
        })
    }

    fn take(&self, reply: Reply, _: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let key = reply.secret();
        let text = key.expose();
        let optional = is_custom(answers);
        if text.is_empty() && !optional {
            return Err(Error::usage(msg!("step.api-key.empty")));
        }
        // A key with a blank or a line end in it was pasted wrong, and would break the file it goes to.
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Error::usage(msg!("step.api-key.blank")));
        }
        answers.provider_key = (!text.is_empty()).then_some(key);
        Ok(())
    }

    fn saved(&self, _: &Answers) -> Option<toml::Value> {
        None
    }
}

impl Step for Model {
    fn id(&self) -> &'static str {
        "model"
    }

    fn quick(&self) -> bool {
        false
    }

    fn ask(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        let provider = answers.provider.filter(|p| *p != Provider::Skip)?;
        // A model of this provider that stands stays: the same answers again change nothing. That of a
        // custom server follows from its own answers.
        let own = |model: &&str| {
            provider != Provider::Custom && model.split_once('/').is_some_and(|(id, _)| id == provider.id())
        };
        if let Some(model) = standing(context, answers, "agents.defaults.model.primary").filter(own) {
            return Some(Question::text(msg!("step.model.ask"), Some(model.to_owned())));
        }
        let late = context.input.dialect != Dialect::Early;
        // What each release itself takes for the provider's default.
        let default = match provider {
            Provider::Anthropic => if late {
                "anthropic/claude-opus-5"
            } else {
                "anthropic/claude-opus-4-5"
            }
            .to_owned(),
            Provider::OpenAi => if late {
                "openai/gpt-6-astra"
            } else {
                "openai/gpt-5.2"
            }
            .to_owned(),
            Provider::OpenRouter => "openrouter/auto".to_owned(),
            Provider::Google => if late {
                "google/gemini-3.1-pro-preview"
            } else {
                "google/gemini-3-pro-preview"
            }
            .to_owned(),
            Provider::Custom | Provider::Skip => {
                let custom = &answers.custom;
                let id = custom.provider_id.as_deref().unwrap_or(Provider::Custom.id());
                format!("{id}/{}", custom.model_id.as_deref()?)
            }
        };
        Some(Question::text(msg!("step.model.ask"), Some(default)))
    }

    fn take(&self, reply: Reply, _: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let typed = reply.text();
        let usable = typed
            .split_once('/')
            .is_some_and(|(provider, model)| !provider.is_empty() && !model.is_empty());
        if !usable || typed.contains(char::is_whitespace) {
            return Err(Error::usage(msg!(
                "step.model.invalid",
                value = typed.escape_debug()
            )));
        }
        answers.model = Some(typed.to_owned());
        Ok(())
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.model.as_deref()?.into())
    }
}
