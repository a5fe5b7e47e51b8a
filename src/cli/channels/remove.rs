//! `openclaw channels remove`: takes a channel, or one account of it, out of the config.

use std::process::ExitCode;

use serde_json::json;

use super::args::AccountArgs;
use super::lookup;
use crate::bot::account::DEFAULT_ACCOUNT;
use crate::bot::channels;
use crate::bot::pairing::PairingStore;
use crate::cli::Context;
use crate::cli::config::change_config;
use crate::config::channels::named_channels;
use crate::config::edit::EditOperation;
use crate::config::key_path::KeyPath;
use crate::error::{Error, Result};
use crate::i18n::msg;

/// Runs `openclaw channels remove`. Channels that this engine does not have can be removed too.
pub(super) fn run(context: &Context<'_>, args: &AccountArgs) -> Result<ExitCode> {
    let config = lookup::load_config(context)?;
    let named = named_channels(&config)
        .into_iter()
        .find(|named| named.name == args.channel)
        .ok_or_else(|| Error::failed(msg!("channels.not-configured", name = args.channel)))?;
    let name = args.account.as_deref().unwrap_or(DEFAULT_ACCOUNT);
    let is_listed = named.accounts.iter().any(|account| account == name);
    let path = match (is_listed, named.accounts.is_empty()) {
        (true, _) => KeyPath::keys(["channels", &named.name, "accounts", name]),
        (false, true) if name == DEFAULT_ACCOUNT => KeyPath::keys(["channels", &named.name]),
        _ => {
            let error = Error::failed(msg!("channels.no-account", name = named.name, account = name));
            return Err(if named.accounts.is_empty() {
                error
            } else {
                error.hint(msg!("channels.accounts", accounts = named.accounts.join(", ")))
            });
        }
    };
    let written = change_config(context, None, &path, &EditOperation::Remove)?;
    let backup = written.as_ref().map(|written| &written.backup);
    let paired = channels::by_name(&named.name)
        .map(|channel| PairingStore::new(&context.instance.state_dir, channel.name).paired());
    let paired = paired.unwrap_or_default();
    let ui = &context.ui;
    if ui.is_json() {
        ui.print_json(&json!({
            "ok": true, "channel": named.name, "accountId": name, "path": path.to_string(),
            "backup": backup, "paired": paired,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    ui.print_line(&msg!("channels.removed", channel = named.name, account = name));
    if let Some(backup) = backup {
        ui.print_note(&msg!("config.kept-before", path = backup.display()));
    }
    if !paired.is_empty() {
        let command = context.instance.command();
        ui.print_note(&msg!(
            "channels.still-paired",
            ids = paired.join(", "),
            command = command,
            channel = named.name
        ));
    }
    Ok(ExitCode::SUCCESS)
}
