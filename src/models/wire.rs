//! The formats in which providers are asked and answer, a row for each.

use super::format::WireFormat;
use crate::answers::Provider;

mod anthropic;
mod google;
mod openai;

/// The formats.
static FORMATS: [&WireFormat; 3] = [&openai::COMPLETIONS, &anthropic::MESSAGES, &google::GENERATIVE];

/// Finds a format by OpenClaw's name of it.
pub(super) fn find_format(name: &str) -> Option<&'static WireFormat> {
    FORMATS.into_iter().find(|format| format.name == name)
}

/// Returns the format of a provider that this program knows: `OpenAI`'s where it has none of its own.
pub(super) fn format_of_provider(provider: Provider) -> &'static WireFormat {
    let own = FORMATS.into_iter().find(|format| format.interface == provider);
    own.unwrap_or(&openai::COMPLETIONS)
}

#[cfg(test)]
mod tests;
