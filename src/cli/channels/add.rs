//! `openclaw channels add`: writes an account of a channel into the config, by OpenClaw's own keys. A token is never an
//! argument, which other users of the host can read.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::args::AddArgs;
use super::lookup;
use crate::bot::account::{DEFAULT_ACCOUNT, DescribedAccount, describe_accounts};
use crate::bot::channel::ChannelType;
use crate::cli::Context;
use crate::cli::config::{change_config, read_stdin_value};
use crate::config::edit::EditOperation;
use crate::config::key_path::KeyPath;
use crate::error::{Error, Result};
use crate::host::read;
use crate::i18n::msg;
use crate::secret::Secret;
use crate::wizard::question::{Prompter as _, Question};
use crate::wizard::terminal::Terminal;

/// Runs `openclaw channels add`.
pub(super) fn run(context: &Context<'_>, args: &AddArgs) -> Result<ExitCode> {
    let channel = lookup::find_channel(&args.account.channel)?;
    let account = args.account.account.as_deref().unwrap_or(DEFAULT_ACCOUNT);
    check_account_name(account)?;
    let config = lookup::load_config(context)?;
    let mut values = token_values(context, args, channel, account)?;
    values.insert("enabled".to_owned(), true.into());
    let path = account_path(&config, channel, account);
    if !args.owners.is_empty() {
        values.insert("allowFrom".to_owned(), owners(&config, &path, &args.owners));
    }
    let written = change_config(context, None, &path, &EditOperation::Merge(values.into()))?;
    let owners = owner_count(context, channel, account);
    let ui = &context.ui;
    let backup = written.as_ref().map(|written| &written.backup);
    if ui.is_json() {
        ui.print_json(&json!({
            "ok": true, "channel": channel.name, "accountId": account, "path": path.to_string(),
            "changed": written.is_some(), "backup": backup, "owners": owners,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    ui.print_line(&msg!(
        "channels.added",
        channel = channel.label,
        account = account
    ));
    if let Some(backup) = backup {
        ui.print_note(&msg!("config.kept-before", path = backup.display()));
    }
    if owners == 0 {
        let command = context.instance.command();
        ui.print_note(&msg!(
            "channels.no-owner-yet",
            command = command,
            channel = channel.name
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses a name of an account that would be several keys of a config.
fn check_account_name(name: &str) -> Result<()> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(is_allowed) {
        Ok(())
    } else {
        Err(Error::usage(msg!("channels.account-name", name = name)))
    }
}

/// Returns the place of an account in a config: the channel itself for the account without a name, unless the config has
/// it among the others.
fn account_path(config: &Value, channel: &ChannelType, account: &str) -> KeyPath {
    let is_own = account == DEFAULT_ACCOUNT
        && config
            .pointer(&format!("/channels/{}/accounts/{DEFAULT_ACCOUNT}", channel.name))
            .is_none();
    if is_own {
        KeyPath::keys(["channels", channel.name])
    } else {
        KeyPath::keys(["channels", channel.name, "accounts", account])
    }
}

/// Returns the keys of an account that hold its secrets, or the file with its token.
fn token_values(
    context: &Context<'_>,
    args: &AddArgs,
    channel: &ChannelType,
    account: &str,
) -> Result<Map<String, Value>> {
    if let Some(file) = &args.token_file {
        return file_values(context, file, channel);
    }
    if !args.token_stdin && has_variables(context, channel, account) {
        return Ok(Map::new());
    }
    let secrets = if args.token_stdin {
        read_stdin_value()?
            .lines()
            .map(|line| Secret::new(line.trim()))
            .collect()
    } else {
        ask(context, channel)?
    };
    secret_values(channel, &secrets)
}

/// Returns whether the environment has every secret of an account already.
fn has_variables(context: &Context<'_>, channel: &ChannelType, account: &str) -> bool {
    let bare = json!({"channels": {channel.name: {}}});
    let described = describe_accounts(context.instance_context(), &bare, channel.name, channel.secrets);
    account == DEFAULT_ACCOUNT && described.iter().any(DescribedAccount::has_secrets)
}

/// Returns the keys for a file with the secrets: the path of the file where the channel has a key for it, else what is in
/// it.
fn file_values(context: &Context<'_>, file: &Path, channel: &ChannelType) -> Result<Map<String, Value>> {
    let path: PathBuf = context
        .host
        .cwd()
        .map_or_else(|| file.to_owned(), |cwd| cwd.join(file));
    let text = read::text(&path);
    let text =
        text.map_err(|cause| Error::usage(msg!("client.token-file", path = path.display())).because(cause))?;
    let secrets: Vec<_> = text.lines().map(|line| Secret::new(line.trim())).collect();
    let values = secret_values(channel, &secrets)?;
    Ok(match channel.secrets {
        [secret] if secret.file_key.is_some() => {
            let key = secret.file_key.unwrap_or_default().to_owned();
            Map::from_iter([(key, path.display().to_string().into())])
        }
        _ => values,
    })
}

/// Returns the keys of a channel's secrets with these values, one for each.
fn secret_values(channel: &ChannelType, secrets: &[Secret]) -> Result<Map<String, Value>> {
    let keys: Vec<_> = channel.secrets.iter().map(|secret| secret.key).collect();
    let is_complete = secrets.len() == keys.len() && !secrets.iter().any(Secret::is_placeholder);
    if !is_complete {
        let wrong = msg!(
            "channels.token-lines",
            channel = channel.label,
            keys = keys.join(", ")
        );
        return Err(Error::usage(wrong));
    }
    let values = secrets.iter().map(|secret| Value::from(secret.expose()));
    Ok(keys.into_iter().map(str::to_owned).zip(values).collect())
}

/// Asks a person at the terminal for the secrets of a channel.
///
/// # Errors
/// Exit 2 without a terminal.
fn ask(context: &Context<'_>, channel: &ChannelType) -> Result<Vec<Secret>> {
    let terminal = context.host.terminal();
    if context.ui.is_json() || !(terminal.stdin && terminal.stderr) {
        return Err(
            Error::usage(msg!("channels.token-missing", channel = channel.label))
                .hint(msg!("channels.token-ways")),
        );
    }
    let mut terminal = Terminal::new(context.ui);
    let asked = channel.secrets.iter().map(|secret| {
        let text = msg!("channels.token-ask", channel = channel.label, key = secret.key);
        Ok(terminal.ask(&Question::secret(text, None))?.into_secret())
    });
    asked.collect()
}

/// Returns the owners that a config names at an account, with further ones.
fn owners(config: &Value, path: &KeyPath, further: &[String]) -> Value {
    let account = crate::config::document::find(config, path);
    let known = account.and_then(|account| account.get("allowFrom")?.as_array());
    let mut owners = known.cloned().unwrap_or_default();
    let is_same = |known: &Value, id: &str| match known {
        Value::String(text) => text == id,
        other => id.parse::<i64>().is_ok_and(|id| other.as_i64() == Some(id)),
    };
    for id in further.iter().map(|id| id.trim()).filter(|id| !id.is_empty()) {
        if !owners.iter().any(|known| is_same(known, id)) {
            owners.push(id.into());
        }
    }
    owners.into()
}

/// Returns the number of people who may command an account, after the change.
fn owner_count(context: &Context<'_>, channel: &ChannelType, account: &str) -> usize {
    let Ok(config) = lookup::load_config(context) else {
        return 0;
    };
    let reports =
        crate::bot::report::describe(context.instance_context(), &config, crate::record::Engine::Native);
    let own = reports
        .iter()
        .find(|report| report.channel == channel.name && report.account_id == account);
    own.and_then(|report| report.owners).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_added_once_to_those_that_are_there() {
        let config = json!({"channels": {"telegram": {"allowFrom": [42, "7"]}}});
        let path = KeyPath::keys(["channels", "telegram"]);
        let added = ["42", "7", " 9 ", "9", ""].map(str::to_owned);
        assert_eq!(owners(&config, &path, &added), json!([42, "7", "9"]));
        assert_eq!(owners(&json!({}), &path, &added[2..3]), json!(["9"]));
    }

    #[test]
    fn default_account_is_the_channel_itself_unless_it_stands_among_the_others() {
        let channel = lookup::find_channel("telegram").unwrap();
        let path = |config: Value, account: &str| account_path(&config, channel, account).to_string();
        assert_eq!(path(json!({}), DEFAULT_ACCOUNT), "channels.telegram");
        assert_eq!(path(json!({}), "b"), "channels.telegram.accounts.b");
        let listed = json!({"channels": {"telegram": {"accounts": {"default": {}}}}});
        assert_eq!(
            path(listed, DEFAULT_ACCOUNT),
            "channels.telegram.accounts.default"
        );
    }
}
