//! The authentication of clients to the gateway, and the token or password that it needs.

use crate::answers::{Answers, Auth, Bind};
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::secret::SecretOrigin;
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{EmptyReply, Question, Reply};
use crate::wizard::step::{
    EnumStep, QuickFlow, Rejection, StepId, WizardStep, enum_question, kept_enum_question, reject_placeholder,
};

pub(super) struct GatewayToken;
pub(super) struct GatewayPassword;

pub(super) static STEP: EnumStep<Auth> = EnumStep {
    id: StepId::GatewayAuth,
    in_quick_flow: QuickFlow::LeftOut,
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
    let text = msg!("step.gateway-auth.ask");
    let input = &context.input;
    if !context.keeps_existing(answers) || !(input.has_auth() || input.is_remote(answers)) {
        return Some(enum_question(text, labels, Auth::Token.name()));
    }
    let current = input.current_auth();
    Some(kept_enum_question(
        text,
        labels,
        current,
        input.text("gateway.auth.mode"),
    ))
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

/// Returns `true` if the gateway's clients may go without authentication: on loopback only, and only where the schema
/// of the release has it (docs/openclaw.md#config-dialects).
fn allows_no_auth(context: &InterviewContext<'_>, answers: &Answers) -> bool {
    let bind = context.input.bind(answers);
    context.input.dialect.allows_auth_none() && bind.is_some_and(Bind::is_loopback)
}

/// Returns `true` if clients of the gateway sign in by the method `auth`, because an answer says so or because the
/// config does and stays.
fn signs_in_by(auth: Auth, context: &InterviewContext<'_>, answers: &Answers) -> bool {
    if answers.keep_config() {
        return false;
    }
    let current = || {
        context
            .input
            .current_auth()
            .filter(|_| context.keeps_existing(answers))
    };
    answers.auth.or_else(current) == Some(auth)
}

impl WizardStep for GatewayToken {
    fn id(&self) -> StepId {
        StepId::GatewayToken
    }

    fn part_of(&self) -> StepId {
        StepId::GatewayAuth
    }

    fn in_quick_flow(&self, _: &InterviewContext<'_>, _: &Answers) -> QuickFlow {
        QuickFlow::LeftOut
    }

    fn is_secret(&self) -> bool {
        true
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if !signs_in_by(Auth::Token, context, answers) {
            return None;
        }
        // An existing token is kept, because clients have it (docs/openclaw.md#gateway-token).
        let input = &context.input;
        let has_token = input.has_token() || input.is_remote(answers);
        let keeps = has_token && context.keeps_existing(answers);
        let empty = match (&input.instance.env_token, keeps) {
            (_, true) => EmptyReply::Kept,
            (Some(token), false) => EmptyReply::variable("OPENCLAW_GATEWAY_TOKEN", token),
            (None, false) => EmptyReply::Generated,
        };
        let question = Question::secret(msg!("step.gateway-token.ask"), Some(empty));
        Some(question.keeping_config(keeps))
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let given = reply.into_secret();
        reject_placeholder(&given)?;
        answers.credential = if !given.expose().is_empty() {
            Some((given, SecretOrigin::Given))
        } else if let Some(token) = context.input.instance.env_token.clone() {
            Some((token, SecretOrigin::Given))
        } else {
            Some((context.fresh_token.clone(), SecretOrigin::Generated))
        };
        Ok(())
    }
}

impl WizardStep for GatewayPassword {
    fn id(&self) -> StepId {
        StepId::GatewayPassword
    }

    fn part_of(&self) -> StepId {
        StepId::GatewayAuth
    }

    fn is_secret(&self) -> bool {
        true
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if !signs_in_by(Auth::Password, context, answers) {
            return None;
        }
        let input = &context.input;
        let has_password = input.has_credential("gateway.auth.password") || input.is_remote(answers);
        let keeps = has_password && context.keeps_existing(answers);
        let empty = keeps.then_some(EmptyReply::Kept);
        let question = Question::secret(msg!("step.gateway-password.ask"), empty);
        Some(question.keeping_config(keeps))
    }

    fn accept(
        &self,
        reply: Reply,
        _: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let given = reply.into_secret();
        reject_placeholder(&given)?;
        if given.expose().is_empty() {
            return Err(Error::usage(msg!("step.gateway-password.empty")).into());
        }
        answers.credential = Some((given, SecretOrigin::Given));
        Ok(())
    }
}
