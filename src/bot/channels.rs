//! The channels of the native engine, one file each. A new one is a file and a row of [`CHANNELS`].

use super::channel::ChannelType;

mod discord;
mod matrix;
mod slack;
mod telegram;

/// Every channel that the native engine has.
pub(crate) const CHANNELS: &[ChannelType] =
    &[telegram::TELEGRAM, matrix::MATRIX, discord::DISCORD, slack::SLACK];

/// Returns the channel with a name, such as `telegram`.
pub(crate) fn by_name(name: &str) -> Option<&'static ChannelType> {
    CHANNELS
        .iter()
        .find(|channel| channel.name.eq_ignore_ascii_case(name))
}
