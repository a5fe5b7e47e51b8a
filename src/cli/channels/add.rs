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
use crate::cli::config::{WrittenFile, change_config, read_stdin_value};
use crate::config::dialect::Dialect;
use crate::config::document;
use crate::config::edit::EditOperation;
use crate::config::key_path::KeyPath;
use crate::config::release::Release;
use crate::config::schema::known_keys;
use crate::error::{Error, ErrorReason, Result};
use crate::host::read;
use crate::i18n::msg;
use crate::record::Record;
use crate::secret::Secret;
use crate::verify::bot::BotAccount;
use crate::wizard::question::{Prompter as _, Question, Reply};
use crate::wizard::terminal::Terminal;
use crate::wizard::verification::{Verification, Verified, verify_with_person};

/// Runs `openclaw channels add`.
pub(super) fn run(context: &Context<'_>, args: &AddArgs) -> Result<ExitCode> {
    let channel = lookup::find_channel(&args.account.channel)?;
    let account = args.account.account.as_deref().unwrap_or(DEFAULT_ACCOUNT);
    check_account_name(account)?;
    let config = lookup::load_config(context)?;
    let mut values = setting_values(context, args, channel, account)?;
    values.extend(token_values(context, args, (channel, account), &values)?);
    values.insert("enabled".to_owned(), true.into());
    let path = account_path(&config, channel, account);
    let written = write(
        context,
        (channel, &path),
        &values,
        owners(
            &config,
            &owner_keys(context, &config, channel, &path),
            &path,
            &args.owners,
        ),
    )?;
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

/// Writes the keys of an account into the config, and its owners at the first of these keys that the release of the config
/// accepts.
fn write(
    context: &Context<'_>,
    (channel, path): (&ChannelType, &KeyPath),
    values: &Map<String, Value>,
    owners: Vec<(&'static str, Value)>,
) -> Result<Option<WrittenFile>> {
    let merge =
        |values: Map<String, Value>| change_config(context, None, path, &EditOperation::Merge(values.into()));
    if owners.is_empty() {
        return merge(values.clone());
    }
    let mut refused = None;
    for (key, owners) in owners {
        let mut values = values.clone();
        let nested = key.rsplit('.').fold(owners, |value, key| json!({ key: value }));
        values.extend(nested.as_object().cloned().unwrap_or_default());
        match merge(values) {
            Ok(written) => return Ok(written),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or_else(|| Error::usage(msg!("channels.unknown", name = channel.name))))
}

/// Returns the keys of an account that are no secrets, as typed and as asked for.
///
/// # Errors
/// For a key that the channel does not have, and where one that it needs is missing.
fn setting_values(
    context: &Context<'_>,
    args: &AddArgs,
    channel: &ChannelType,
    account: &str,
) -> Result<Map<String, Value>> {
    let known = channel.keys.settings;
    let mut values = Map::new();
    for typed in &args.settings {
        let Some((key, value)) = typed
            .split_once('=')
            .filter(|(key, value)| known.iter().any(|known| known.key == *key) && !value.trim().is_empty())
        else {
            let keys: Vec<_> = known.iter().map(|known| known.key).collect();
            let unknown = msg!("channels.setting-unknown", channel = channel.label, typed = typed);
            return Err(Error::usage(unknown).hint(msg!("channels.settings", keys = keys.join(", "))));
        };
        values.insert(key.to_owned(), value.trim().into());
    }
    let config = lookup::load_config(context)?;
    let bare = json!({"channels": {channel.name: {}}});
    let described = [&config, &bare].map(|config| {
        let all = describe_accounts(context.instance_context(), config, channel.name, channel.keys);
        all.into_iter()
            .find(|described| described.settings.account == account)
    });
    let is_set = |key: &str| {
        let mut described = described.iter().flatten();
        described.any(|described| described.settings.text(key).is_some())
    };
    let is_missing = |key: &str| !values.contains_key(key) && !is_set(key);
    match known
        .iter()
        .find(|setting| setting.is_needed && is_missing(setting.key))
    {
        Some(setting) => {
            let missing = msg!(
                "channels.setting-missing",
                channel = channel.label,
                key = setting.key
            );
            Err(Error::usage(missing).hint(msg!("channels.setting-way", key = setting.key)))
        }
        None => Ok(values),
    }
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
    (channel, account): (&'static ChannelType, &str),
    settings: &Map<String, Value>,
) -> Result<Map<String, Value>> {
    if let Some(file) = &args.token_file {
        return file_values(context, file, channel);
    }
    if !args.token_stdin && has_variables(context, channel, account) {
        return Ok(Map::new());
    }
    if !args.token_stdin {
        return ask(context, channel, settings);
    }
    let lines = read_stdin_value()?;
    let secrets: Vec<_> = lines.lines().map(|line| Secret::new(line.trim())).collect();
    secret_values(channel, &secrets)
}

/// Returns whether the environment has every secret of an account already.
fn has_variables(context: &Context<'_>, channel: &ChannelType, account: &str) -> bool {
    let bare = json!({"channels": {channel.name: {}}});
    let described = describe_accounts(context.instance_context(), &bare, channel.name, channel.keys);
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
    Ok(match channel.keys.secrets {
        [secret] if secret.file_key.is_some() => {
            let key = secret.file_key.unwrap_or_default().to_owned();
            Map::from_iter([(key, path.display().to_string().into())])
        }
        _ => values,
    })
}

/// Returns the keys of a channel's secrets with these values, one for each.
fn secret_values(channel: &ChannelType, secrets: &[Secret]) -> Result<Map<String, Value>> {
    let keys: Vec<_> = channel.keys.secrets.iter().map(|secret| secret.key).collect();
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

/// Asks a person at the terminal for the secrets of a channel, until its servers take them, or the person keeps refused ones.
/// Returns their keys.
///
/// # Errors
/// Exit 2 without a terminal, and where the person leaves.
fn ask(
    context: &Context<'_>,
    channel: &'static ChannelType,
    settings: &Map<String, Value>,
) -> Result<Map<String, Value>> {
    let streams = context.host.terminal();
    if context.ui.is_json() || !(streams.stdin && streams.stderr) {
        return Err(
            Error::usage(msg!("channels.token-missing", channel = channel.label))
                .hint(msg!("channels.token-ways")),
        );
    }
    let config = lookup::load_config(context)?;
    let mut terminal = Terminal::new(context.ui);
    loop {
        let asked = channel.keys.secrets.iter().map(|secret| {
            let text = msg!("channels.token-ask", channel = channel.label, key = secret.key);
            match terminal.ask(&Question::secret(text, None).with_cancel())? {
                Reply::Back => Err(left()),
                reply => Ok(reply.into_secret()),
            }
        });
        let secrets = asked.collect::<Result<Vec<_>>>()?;
        let values = secret_values(channel, &secrets)?;
        let all = settings.clone().into_iter().chain(values.clone()).collect();
        let at = context.instance_context();
        let Some(account) = BotAccount::with_values(at, &config, channel, all) else {
            return Ok(values);
        };
        let asking = msg!("verify.asking", server = channel.label);
        let accept = |name: String| msg!("verify.bot", channel = channel.label, name = name);
        let verification = Verification::new(asking, account.start_identifying(context.host), accept);
        match verify_with_person(&mut terminal, verification)? {
            Verified::Kept => return Ok(values),
            Verified::AskAgain => {}
            Verified::Later => return Err(left()),
        }
    }
}

/// Returns the error for a person who leaves without a change.
fn left() -> Error {
    Error::failed(msg!("onboard.left")).with_reason(ErrorReason::Cancelled)
}

/// Returns the keys that may hold the owners of an account, first those of the release of OpenClaw on this host, else of
/// that for which the config is written. This program's own gateway reads all of them.
fn owner_keys(
    context: &Context<'_>,
    config: &Value,
    channel: &ChannelType,
    path: &KeyPath,
) -> Vec<&'static str> {
    let survey = context.survey();
    let record = Record::read(&context.instance.record_path()).unwrap_or_default();
    let node = survey.node_for(Some(&record)).map(|node| node.version);
    let dialect = Dialect::decide(node.as_deref(), Some(config));
    let releases = Release::ALL.map(|release| (dialect == Some(release.dialect())).then_some(release));
    let releases: Vec<_> = releases.into_iter().flatten().collect();
    let is_known = |key: &&str| {
        let mut segments: Vec<_> = key.split('.').collect();
        let last = segments.pop().unwrap_or_default();
        let parent = segments
            .into_iter()
            .fold(path.clone(), |path, key| path.child(key));
        known_keys(&parent, &releases).contains(last)
    };
    let (mut known, others): (Vec<_>, Vec<_>) =
        channel.keys.access.owners.iter().copied().partition(is_known);
    known.extend(others);
    known
}

/// Returns the owners that a config names at an account, with those that were typed, at each of the keys that may hold them:
/// the one that is in use, else all. Nothing where none was typed.
fn owners(
    config: &Value,
    keys: &[&'static str],
    path: &KeyPath,
    further: &[String],
) -> Vec<(&'static str, Value)> {
    if further.is_empty() {
        return Vec::new();
    }
    let account = document::find(config, path);
    let known = |key: &str| {
        account?
            .pointer(&format!("/{}", key.replace('.', "/")))?
            .as_array()
    };
    let used = keys.iter().find(|key| known(key).is_some());
    let with_further = |key: &&'static str| (*key, owner_list(known(key), further));
    used.map_or(keys, std::slice::from_ref)
        .iter()
        .map(with_further)
        .collect()
}

/// Returns a list of owners with further ones.
fn owner_list(known: Option<&Vec<Value>>, further: &[String]) -> Value {
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
        let channel = lookup::find_channel("telegram").unwrap();
        let config = json!({"channels": {"telegram": {"allowFrom": [42, "7"]}}});
        let path = KeyPath::keys(["channels", "telegram"]);
        let added = ["42", "7", " 9 ", "9", ""].map(str::to_owned);
        let keys = channel.keys.access.owners;
        let list = |config: &Value, added: &[String]| owners(config, keys, &path, added);
        assert_eq!(list(&config, &added), [("allowFrom", json!([42, "7", "9"]))]);
        assert_eq!(list(&json!({}), &added[2..3]), [("allowFrom", json!(["9"]))]);
        assert_eq!(list(&config, &[]), []);
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
