//! The addresses that the gateway listens on.

use std::net::IpAddr;

use crate::answers::{Answers, Bind};
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{Question, Reply};
use crate::wizard::step::{EnumStep, Rejection, StepId, WizardStep, enum_question};

pub(super) struct GatewayCustomHost;

pub(super) static STEP: EnumStep<Bind> = EnumStep {
    id: StepId::GatewayBind,
    in_quickstart: false,
    aliases: &[],
    question,
    accept,
    saved: |answers| answers.bind,
};

fn question(context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
    if answers.keep_config() {
        return None;
    }
    let mut labels = vec![
        (Bind::Loopback, msg!("step.gateway-bind.loopback")),
        (Bind::Lan, msg!("step.gateway-bind.lan")),
        (Bind::Tailnet, msg!("step.gateway-bind.tailnet")),
        (Bind::Auto, msg!("step.gateway-bind.auto")),
    ];
    if context.input.dialect.allows_custom_bind_host() {
        labels.push((Bind::Custom, msg!("step.gateway-bind.custom")));
    }
    let current = context.current_text(answers, "gateway.bind");
    let default = current.unwrap_or(Bind::Loopback.name());
    Some(enum_question(msg!("step.gateway-bind.ask"), labels, default))
}

fn accept(bind: Bind, context: &InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
    // Only the schema of later releases has a key for the address (docs/openclaw.md#config-dialects).
    if bind == Bind::Custom && !context.input.dialect.allows_custom_bind_host() {
        return Err(Error::usage(msg!("step.gateway-bind.no-custom")));
    }
    answers.bind = Some(bind);
    Ok(())
}

impl WizardStep for GatewayCustomHost {
    fn id(&self) -> StepId {
        StepId::GatewayCustomHost
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if answers.bind != Some(Bind::Custom) {
            return None;
        }
        let current = context.current_text(answers, "gateway.customBindHost");
        let default = current.map(str::to_owned);
        Some(Question::text(msg!("step.gateway-custom-host.ask"), default))
    }

    fn accept(
        &self,
        reply: Reply,
        _: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let typed = reply.text();
        let host: IpAddr = typed.parse().map_err(|_| {
            Error::usage(msg!(
                "step.gateway-custom-host.invalid",
                value = typed.escape_debug()
            ))
        })?;
        answers.bind_host = Some(host);
        Ok(())
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.bind_host?.to_string().into())
    }
}
