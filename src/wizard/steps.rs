//! The table of questions, in the order in which they are asked. One table serves prompts, flags, the
//! answers file and `--json`; a test walks it.

use crate::answers::Answers;
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};

use super::context::InterviewContext;
use super::step::Choice;

use super::{Question, Reply, Step};

mod auth;
mod bind;
mod channel;
mod existing;
mod flow;
mod port;
mod profile;
mod provider;
mod risk;
mod service;
mod workspace;

/// Every step, in order.
pub static ALL: &[&dyn Step] = &[
    &risk::AcceptRisk,
    &flow::FlowStep,
    &profile::Profile,
    &existing::ExistingStep,
    &workspace::Workspace,
    &port::GatewayPort,
    &port::TypedPort,
    &bind::GatewayBind,
    &bind::GatewayCustomHost,
    &auth::GatewayAuth,
    &auth::GatewayToken,
    &auth::GatewayPassword,
    &provider::AuthChoice,
    &provider::CustomBaseUrl,
    &provider::CustomModelId,
    &provider::CustomProviderId,
    &provider::ApiKey,
    &provider::Model,
    &channel::ChannelStep,
    &channel::ChannelToken,
    &service::InstallDaemon,
];

/// The choices of an enum that has names: labels are `step.STEP.NAME` in the catalogues.
fn choices(labels: impl IntoIterator<Item = (&'static str, Msg)>) -> Vec<Choice> {
    labels
        .into_iter()
        .map(|(id, label)| Choice::new(id, label))
        .collect()
}

/// A value that is none of the choices: says which there are.
fn not_a_choice(flag: &'static str, typed: &str, names: impl IntoIterator<Item = &'static str>) -> Error {
    let names = names.into_iter().collect::<Vec<_>>().join(", ");
    Error::usage(msg!("answers.choice", flag = flag, value = typed.escape_debug()))
        .hint(msg!("answers.choices", names = names))
}

/// A yes or no, as a flag, a file or a prompt brings it.
fn yes_no(flag: &'static str, reply: &Reply) -> Result<bool> {
    match reply {
        Reply::Yes(yes) => Ok(*yes),
        other => match other.text() {
            "true" | "yes" => Ok(true),
            "false" | "no" => Ok(false),
            typed => Err(not_a_choice(flag, typed, ["true", "false"])),
        },
    }
}

/// Whether the config stays as it is, so that nothing of it is asked.
fn kept(answers: &Answers) -> bool {
    answers.existing == crate::answers::Existing::Keep
}

/// The value of a key that is the default of a question; nothing once the old config is moved aside.
fn standing<'s>(context: &'s InterviewContext<'_>, answers: &Answers, key: &str) -> Option<&'s str> {
    if answers.existing.is_reset() {
        None
    } else {
        context.input.text(key)
    }
}

/// Whether the step's answer is a secret, which no answers file holds.
pub fn is_secret(id: &str) -> bool {
    matches!(
        id,
        "gateway-token" | "gateway-password" | "api-key" | "channel-token"
    )
}

/// The answers as an answers file has them: no secrets.
pub fn saved(answers: &Answers) -> toml::Table {
    let all = ALL
        .iter()
        .filter_map(|step| Some((step.id().to_owned(), step.saved(answers)?)));
    all.collect()
}

/// The place of a step in the table.
pub(super) fn position(id: &str) -> Option<usize> {
    ALL.iter().position(|step| step.id() == id)
}
