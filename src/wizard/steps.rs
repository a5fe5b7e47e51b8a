//! The table of steps, in the order in which they are asked. One table serves prompts, flags, the answers file
//! and `--json`.

use crate::answers::Answers;

use super::step::WizardStep;

mod auth;
mod bind;
mod channel;
mod engine;
mod existing;
mod flow;
mod owner;
mod port;
mod profile;
mod provider;
mod risk;
mod service;
mod watch;
mod workspace;

pub(crate) use profile::SECOND_PROFILE;

/// Every step of the wizard, in the order in which they are asked.
pub(crate) static ALL: &[&dyn WizardStep] = &[
    &flow::STEP,
    &profile::Profile,
    &profile::TypedProfile,
    &profile::MeantProfile,
    &existing::ExistingConfig,
    &engine::GatewayEngine,
    &risk::AcceptRisk,
    &workspace::Workspace,
    &port::GatewayPort,
    &port::TypedPort,
    &bind::STEP,
    &bind::GatewayCustomHost,
    &auth::STEP,
    &auth::GatewayToken,
    &auth::GatewayPassword,
    &provider::ModelProvider,
    &provider::CustomBaseUrl,
    &provider::CustomModelId,
    &provider::CustomProviderId,
    &provider::ApiKey,
    &provider::Model,
    &channel::STEP,
    &channel::ChannelToken,
    &owner::ChannelOwner,
    &watch::Watch,
    &service::InstallDaemon,
    &service::EnableLinger,
];

/// Returns the wizard's answers as an answers file holds them, without secrets.
pub(crate) fn saved_values(answers: &Answers) -> toml::Table {
    let entries = ALL
        .iter()
        .filter_map(|step| Some((step.id().name().to_owned(), step.saved_value(answers)?)));
    entries.collect()
}
