//! Where the gateway listens.

use std::net::IpAddr;

use crate::answers::Bind;

use super::{
    Answers, Error, InterviewContext, Question, Reply, Result, Step, choices, kept, msg, not_a_choice,
    standing,
};

pub(super) struct GatewayBind;
pub(super) struct GatewayCustomHost;

impl Step for GatewayBind {
    fn id(&self) -> &'static str {
        "gateway-bind"
    }

    fn quick(&self) -> bool {
        false
    }

    fn ask(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if kept(answers) {
            return None;
        }
        let mut labels = vec![
            (Bind::Loopback.name(), msg!("step.gateway-bind.loopback")),
            (Bind::Lan.name(), msg!("step.gateway-bind.lan")),
            (Bind::Tailnet.name(), msg!("step.gateway-bind.tailnet")),
            (Bind::Auto.name(), msg!("step.gateway-bind.auto")),
        ];
        if context.input.dialect.allows_custom_bind_host() {
            labels.push((Bind::Custom.name(), msg!("step.gateway-bind.custom")));
        }
        let standing = standing(context, answers, "gateway.bind").unwrap_or(Bind::Loopback.name());
        Some(Question::choice(
            msg!("step.gateway-bind.ask"),
            choices(labels),
            standing,
        ))
    }

    fn take(&self, reply: Reply, context: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let name = reply.text();
        let bind = Bind::of(name)
            .ok_or_else(|| not_a_choice(self.id(), name, Bind::ALL.iter().map(|b| b.name())))?;
        // Only later releases' schema has a key for the address (docs/openclaw.md#config-dialects).
        if bind == Bind::Custom && !context.input.dialect.allows_custom_bind_host() {
            return Err(Error::usage(msg!("step.gateway-bind.no-custom")));
        }
        answers.bind = Some(bind);
        Ok(())
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.bind?.name().into())
    }
}

impl Step for GatewayCustomHost {
    fn id(&self) -> &'static str {
        "gateway-custom-host"
    }

    fn ask(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if answers.bind != Some(Bind::Custom) {
            return None;
        }
        let standing = standing(context, answers, "gateway.customBindHost").map(str::to_owned);
        Some(Question::text(msg!("step.gateway-custom-host.ask"), standing))
    }

    fn take(&self, reply: Reply, _: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
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

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.bind_host?.to_string().into())
    }
}
