//! The addresses that the gateway listens on.

use std::net::IpAddr;

use crate::answers::{Answers, Bind, NamedValue as _};
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{Question, Reply};
use crate::wizard::step::{
    EnumStep, QuickFlow, Rejection, StepId, WizardStep, enum_question, kept_enum_question,
};

pub(super) struct GatewayCustomHost;

pub(super) static STEP: EnumStep<Bind> = EnumStep {
    id: StepId::GatewayBind,
    in_quick_flow: QuickFlow::LeftOut,
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
    let text = msg!("step.gateway-bind.ask");
    if !context.keeps_existing(answers) {
        return Some(enum_question(text, labels, Bind::Loopback.name()));
    }
    // Where the key is not set, a release decides by where it runs (docs/openclaw.md#config-keys).
    let typed = context.input.text("gateway.bind");
    Some(kept_enum_question(
        text,
        labels,
        typed.and_then(Bind::from_name),
        typed,
    ))
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

    fn part_of(&self) -> StepId {
        StepId::GatewayBind
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if context.input.bind(answers) != Some(Bind::Custom) || answers.keep_config() {
            return None;
        }
        let current = context.current_text(answers, "gateway.customBindHost");
        let (keeps, default) = (current.is_some(), current.map(str::to_owned));
        Some(Question::text(msg!("step.gateway-custom-host.ask"), default).keeping_config(keeps))
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
