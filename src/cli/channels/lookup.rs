//! The look-ups with which the commands about channels begin: the channel that is named, the config, the engine.

use serde_json::Value;

use crate::bot::channel::ChannelType;
use crate::bot::channels::{self, CHANNELS};
use crate::cli::Context;
use crate::cli::config::read_config;
use crate::config::{broken_error, effective};
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::record::{Engine, Record};

/// Returns the channel that the command line names.
///
/// # Errors
/// Exit 2 for a name that the native engine does not have, with those that it has.
pub(in crate::cli) fn find_channel(name: &str) -> Result<&'static ChannelType> {
    channels::by_name(name).ok_or_else(|| {
        let known: Vec<_> = CHANNELS.iter().map(|channel| channel.name).collect();
        Error::usage(msg!("channels.unknown", name = name))
            .hint(msg!("channels.known", names = known.join(", ")))
    })
}

/// Reads the config of the instance, with included files merged in.
///
/// # Errors
/// When it is broken or missing.
pub(in crate::cli) fn load_config(context: &Context<'_>) -> Result<Value> {
    let file = &context.instance.config_path;
    let document = read_config(context)?;
    let config = effective(file, &document).map_err(|fault| broken_error(file, &fault))?;
    Ok(config.value)
}

/// Returns the engine of the instance.
pub(super) fn engine(context: &Context<'_>) -> Result<Engine> {
    Ok(Record::read(&context.instance.record_path())?.engine)
}
