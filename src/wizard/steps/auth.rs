//! The authentication of clients to the gateway, and the token or password that it needs.

use crate::answers::{Answers, Auth, Bind};
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::secret::{Secret, SecretOrigin};
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{Question, Reply};
use crate::wizard::step::{EnumStep, Rejection, StepId, WizardStep, enum_question, reject_placeholder};

pub(super) struct GatewayToken;
pub(super) struct GatewayPassword;

pub(super) static STEP: EnumStep<Auth> = EnumStep {
    id: StepId::GatewayAuth,
    in_quickstart: false,
    aliases: &[],
    question,
    accept,
    saved: |answers| answers.auth,
};

fn question(context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
    if answers.keep_config() {
        return None;
    }
    let mut labels = vec![
        (Auth::Token, msg!("step.gateway-auth.token")),
        (Auth::Password, msg!("step.gateway-auth.password")),
    ];
    if allows_no_auth(context, answers) {
        labels.push((Auth::None, msg!("step.gateway-auth.none")));
    }
    let current = context.current_text(answers, "gateway.auth.mode");
    let default = current.unwrap_or(Auth::Token.name());
    Some(enum_question(msg!("step.gateway-auth.ask"), labels, default))
}

fn accept(auth: Auth, context: &InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
    if auth == Auth::None && !allows_no_auth(context, answers) {
        return Err(Error::usage(if context.input.dialect.allows_auth_none() {
            msg!("step.gateway-auth.none-needs-loopback")
        } else {
            msg!("step.gateway-auth.none-needs-release")
        }));
    }
    answers.auth = Some(auth);
    Ok(())
}

/// Returns `true` if clients may go without authentication: on loopback only, and only where the schema of the release has it
/// (docs/openclaw.md#config-dialects).
fn allows_no_auth(context: &InterviewContext<'_>, answers: &Answers) -> bool {
    context.input.dialect.allows_auth_none() && answers.bind.is_some_and(Bind::is_loopback)
}

/// Returns the secret at a key of the current config, as a credential that is kept.
fn current_secret(
    context: &InterviewContext<'_>,
    answers: &Answers,
    key: &str,
) -> Option<(Secret, SecretOrigin)> {
    let secret = context
        .current_text(answers, key)
        .map(Secret::new)
        .filter(|secret| !secret.is_placeholder())?;
    Some((secret, SecretOrigin::Kept))
}

impl WizardStep for GatewayToken {
    fn id(&self) -> StepId {
        StepId::GatewayToken
    }

    fn in_quickstart(&self) -> bool {
        false
    }

    fn is_secret(&self) -> bool {
        true
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if answers.auth != Some(Auth::Token) {
            return None;
        }
        let intro = if current_secret(context, answers, "gateway.auth.token").is_some() {
            msg!("step.gateway-token.kept")
        } else {
            msg!("step.gateway-token.generated")
        };
        Some(Question::secret(msg!("step.gateway-token.ask"), true).with_intro(intro))
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let given = reply.into_secret();
        reject_placeholder(&given)?;
        // An existing token is kept, because clients have it (docs/openclaw.md#gateway-token).
        answers.credential = if !given.expose().is_empty() {
            Some((given, SecretOrigin::Given))
        } else if let Some(kept) = current_secret(context, answers, "gateway.auth.token") {
            Some(kept)
        } else if let Some(token) = context.input.instance.env_token.clone() {
            Some((token, SecretOrigin::Given))
        } else {
            Some((context.fresh_token.clone(), SecretOrigin::Generated))
        };
        Ok(())
    }

    fn saved_value(&self, _: &Answers) -> Option<toml::Value> {
        None
    }
}

impl WizardStep for GatewayPassword {
    fn id(&self) -> StepId {
        StepId::GatewayPassword
    }

    fn is_secret(&self) -> bool {
        true
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if answers.auth != Some(Auth::Password) {
            return None;
        }
        let has_password = current_secret(context, answers, "gateway.auth.password").is_some();
        let question = Question::secret(msg!("step.gateway-password.ask"), has_password);
        Some(if has_password {
            question.with_intro(msg!("step.gateway-password.kept"))
        } else {
            question
        })
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let given = reply.into_secret();
        reject_placeholder(&given)?;
        answers.credential = if given.expose().is_empty() {
            current_secret(context, answers, "gateway.auth.password")
        } else {
            Some((given, SecretOrigin::Given))
        };
        match answers.credential {
            Some(_) => Ok(()),
            None => Err(Error::usage(msg!("step.gateway-password.empty")).into()),
        }
    }

    fn saved_value(&self, _: &Answers) -> Option<toml::Value> {
        None
    }
}
