//! How clients prove themselves to the gateway.

use crate::answers::{Auth, Bind};
use crate::secret::{Secret, SecretOrigin};

use super::{
    Answers, Error, InterviewContext, Question, Reply, Result, Step, choices, kept, msg, not_a_choice,
    standing,
};

pub(super) struct GatewayAuth;
pub(super) struct GatewayToken;
pub(super) struct GatewayPassword;

impl Step for GatewayAuth {
    fn id(&self) -> &'static str {
        "gateway-auth"
    }

    fn quick(&self) -> bool {
        false
    }

    fn ask(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if kept(answers) {
            return None;
        }
        let mut labels = vec![
            (Auth::Token.name(), msg!("step.gateway-auth.token")),
            (Auth::Password.name(), msg!("step.gateway-auth.password")),
        ];
        if may_be_open(context, answers) {
            labels.push((Auth::None.name(), msg!("step.gateway-auth.none")));
        }
        let standing = standing(context, answers, "gateway.auth.mode").unwrap_or(Auth::Token.name());
        Some(Question::choice(
            msg!("step.gateway-auth.ask"),
            choices(labels),
            standing,
        ))
    }

    fn take(&self, reply: Reply, context: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let name = reply.text();
        let auth = Auth::of(name)
            .ok_or_else(|| not_a_choice(self.id(), name, Auth::ALL.iter().map(|a| a.name())))?;
        if auth == Auth::None && !may_be_open(context, answers) {
            return Err(Error::usage(if context.input.dialect.allows_auth_none() {
                msg!("step.gateway-auth.none-needs-loopback")
            } else {
                msg!("step.gateway-auth.none-needs-release")
            }));
        }
        answers.auth = Some(auth);
        Ok(())
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.auth?.name().into())
    }
}

/// No proof at all: on loopback only, and only where the release's schema knows it (docs/openclaw.md#config-dialects).
fn may_be_open(context: &InterviewContext<'_>, answers: &Answers) -> bool {
    context.input.dialect.allows_auth_none() && answers.bind.is_some_and(Bind::is_loopback)
}

/// What stands in the config, as a credential that is kept.
fn standing_secret(
    context: &InterviewContext<'_>,
    answers: &Answers,
    key: &str,
) -> Option<(Secret, SecretOrigin)> {
    let text = standing(context, answers, key).filter(|text| !text.is_empty())?;
    Some((Secret::new(text), SecretOrigin::Kept))
}

impl Step for GatewayToken {
    fn id(&self) -> &'static str {
        "gateway-token"
    }

    fn quick(&self) -> bool {
        false
    }

    fn ask(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if answers.auth != Some(Auth::Token) {
            return None;
        }
        let intro = if standing_secret(context, answers, "gateway.auth.token").is_some() {
            msg!("step.gateway-token.kept")
        } else {
            msg!("step.gateway-token.generated")
        };
        Some(Question::secret(msg!("step.gateway-token.ask"), true).after(intro))
    }

    fn take(&self, reply: Reply, context: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let given = reply.secret();
        // A token that stands is kept: clients have it (docs/openclaw.md#gateway-token).
        answers.credential = if !given.expose().is_empty() {
            Some((given, SecretOrigin::Given))
        } else if let Some(kept) = standing_secret(context, answers, "gateway.auth.token") {
            Some(kept)
        } else if let Some(wished) = context.input.instance.wished_token.clone() {
            Some((wished, SecretOrigin::Given))
        } else {
            Some((context.fresh_token.clone(), SecretOrigin::Generated))
        };
        Ok(())
    }

    fn saved(&self, _: &Answers) -> Option<toml::Value> {
        None
    }
}

impl Step for GatewayPassword {
    fn id(&self) -> &'static str {
        "gateway-password"
    }

    fn ask(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if answers.auth != Some(Auth::Password) {
            return None;
        }
        let standing = standing_secret(context, answers, "gateway.auth.password").is_some();
        let question = Question::secret(msg!("step.gateway-password.ask"), standing);
        Some(if standing {
            question.after(msg!("step.gateway-password.kept"))
        } else {
            question
        })
    }

    fn take(&self, reply: Reply, context: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let given = reply.secret();
        answers.credential = if given.expose().is_empty() {
            standing_secret(context, answers, "gateway.auth.password")
        } else {
            Some((given, SecretOrigin::Given))
        };
        match answers.credential {
            Some(_) => Ok(()),
            None => Err(Error::usage(msg!("step.gateway-password.empty"))),
        }
    }

    fn saved(&self, _: &Answers) -> Option<toml::Value> {
        None
    }
}
