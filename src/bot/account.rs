//! The accounts of a channel as a config describes them: tokens, proxies, and who may speak. The keys are OpenClaw's, and
//! which of them a channel has is a row of its own.
//!
//! `channels.NAME` is the account `default`; `channels.NAME.accounts.ID` are further ones, and what an account does not
//! set it takes from the channel.

use std::fmt;

use serde_json::{Map, Value};

use crate::host::read;
use crate::instance::{ConfigVariables, InstanceContext};
use crate::secret::Secret;

/// The name of the account that `channels.NAME` itself describes.
pub(crate) const DEFAULT_ACCOUNT: &str = "default";

/// Where an account has one of its secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SecretKey {
    /// The key that holds it.
    pub(crate) key: &'static str,
    /// The key that holds the path of a file with it.
    pub(crate) file_key: Option<&'static str>,
    /// The environment variable that holds that of the account `default`.
    pub(crate) variable: Option<&'static str>,
    /// The secret that does in its place, such as a password in place of a token.
    pub(crate) alternative: Option<&'static Self>,
}

/// A key of an account that is no secret, and that an account needs or an environment variable may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SettingKey {
    /// The key that holds it.
    pub(crate) key: &'static str,
    /// The environment variable that holds it where the config does not: that of the account `default` where each account
    /// needs a value of its own, else that of every account.
    pub(crate) variable: &'static str,
    /// `true` where an account can't be used without it.
    pub(crate) is_needed: bool,
}

/// The keys by which an account says who may speak to it. Each is the path of a key, such as `dm.allowFrom`; where the
/// releases of OpenClaw have different ones, the first one that is set counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccessKeys {
    /// The lists of owners.
    pub(crate) owners: &'static [&'static str],
    /// The policies for private chats.
    pub(crate) policy: &'static [&'static str],
    /// The objects whose keys are the groups, or the communities of groups, that are listened to.
    pub(crate) places: &'static [&'static str],
    /// The prefixes that the id of a person may have beside the name of the channel: `tg` in `tg:42`.
    pub(crate) prefixes: &'static [&'static str],
}

/// The keys of a channel's accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccountKeys {
    /// The secrets that an account needs, the one that tells bots apart first.
    pub(crate) secrets: &'static [SecretKey],
    /// The other keys that an account needs, or that a variable may set.
    pub(crate) settings: &'static [SettingKey],
    /// The keys that say who may speak.
    pub(crate) access: AccessKeys,
}

/// The settings of one account of a channel.
#[derive(Clone, PartialEq)]
pub(crate) struct AccountSettings {
    /// The name of the channel.
    pub(crate) channel: &'static str,
    /// The name of the account.
    pub(crate) account: String,
    /// The secrets, in the order of the channel's list.
    pub(crate) secrets: Vec<Secret>,
    /// The key of each secret: that of the list, or its alternative.
    pub(crate) secret_keys: Vec<&'static str>,
    /// The keys that say who may speak.
    pub(super) access: AccessKeys,
    /// The values of the account, with those of the channel where it has none of its own.
    values: Map<String, Value>,
}

impl fmt::Debug for AccountSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountSettings({}.{})", self.channel, self.account)
    }
}

impl AccountSettings {
    /// Returns the name by which an account is told from all others: `telegram.default`.
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", self.channel, self.account)
    }

    /// Returns the value at the path of a key of the account, such as `dm.policy`.
    pub(crate) fn value(&self, path: &str) -> Option<&Value> {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        let keys = rest.split('.').filter(|key| !key.is_empty());
        keys.fold(self.values.get(first), |value, key| value?.get(key))
    }

    /// Returns the text at the path of a key of the account; `None` for a blank one.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        let text = self.value(path)?.as_str()?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// Returns the policy for private chats as the config names it; `pairing` where it names none.
    pub(crate) fn private_policy(&self) -> &str {
        let mut paths = self.access.policy.iter();
        paths.find_map(|path| self.text(path)).unwrap_or("pairing")
    }
}

/// Returns the texts of a list in a config. Numbers count as texts: ids are written both ways.
pub(super) fn texts(list: Option<&Value>) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let values = list.and_then(Value::as_array);
    values.into_iter().flatten().filter_map(text).collect()
}

/// The place where a secret of an account was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretPlace {
    /// The config, or a variable that the config names.
    Config,
    /// A file that the config names.
    File,
    /// The environment of the gateway.
    Environment,
}

impl SecretPlace {
    /// Returns the name that OpenClaw gives the place of a token (`tokenSource`).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::File => "tokenFile",
            Self::Environment => "env",
        }
    }
}

/// An account as a config describes it, whether or not it can be used.
#[derive(Clone, Debug)]
pub(crate) struct DescribedAccount {
    /// The settings, with those secrets that were found.
    pub(crate) settings: AccountSettings,
    /// `true` where neither the channel nor the account is switched off.
    pub(crate) is_on: bool,
    /// The place of each secret that the channel needs, in the order of its list; `None` for a missing one.
    pub(crate) places: Vec<Option<SecretPlace>>,
    /// `true` where every other key that the channel needs is set.
    pub(crate) has_settings: bool,
}

impl DescribedAccount {
    /// Returns whether every secret that the account needs was found.
    pub(crate) fn has_secrets(&self) -> bool {
        self.places.iter().all(Option::is_some)
    }

    /// Returns whether the account has everything that its channel needs.
    pub(crate) fn is_complete(&self) -> bool {
        self.has_settings && self.has_secrets()
    }
}

/// Reads the accounts of a channel from a config: those that are switched on and have everything that they need.
pub(crate) fn read_accounts(
    context: InstanceContext<'_>,
    config: &Value,
    channel: &'static str,
    keys: AccountKeys,
) -> Vec<AccountSettings> {
    describe_accounts(context, config, channel, keys)
        .into_iter()
        .filter(|account| account.is_on && account.is_complete())
        .map(|account| account.settings)
        .collect()
}

/// Reads every account of a channel from a config. Waits for files.
pub(crate) fn describe_accounts(
    context: InstanceContext<'_>,
    config: &Value,
    channel: &'static str,
    keys: AccountKeys,
) -> Vec<DescribedAccount> {
    let Some(own) = config
        .pointer(&format!("/channels/{channel}"))
        .and_then(Value::as_object)
    else {
        return Vec::new();
    };
    let mut base = own.clone();
    let accounts = base.remove("accounts");
    let accounts = accounts.as_ref().and_then(Value::as_object);
    let source = SecretSource {
        context,
        variables: ConfigVariables::new(context.host, &context.instance.state_dir, config),
    };
    let is_on = |values: &Map<String, Value>| values.get("enabled") != Some(&Value::Bool(false));
    let is_channel_on = is_on(&base);
    merged_values(keys, &base, accounts)
        .into_iter()
        .map(|(account, mut values)| {
            let is_default = account == DEFAULT_ACCOUNT;
            let secret = |key| source.find_any(key, &values, is_default);
            let found: Vec<_> = keys.secrets.iter().map(secret).collect();
            source.fill_in(keys.settings, &mut values, is_default);
            let is_set = |setting: &SettingKey| values.contains_key(setting.key);
            DescribedAccount {
                has_settings: keys.settings.iter().all(|key| !key.is_needed || is_set(key)),
                is_on: is_channel_on && is_on(&values),
                places: found.iter().map(|found| Some(found.as_ref()?.place)).collect(),
                settings: AccountSettings {
                    channel,
                    account,
                    secret_keys: found.iter().flatten().map(|found| found.key).collect(),
                    secrets: found.into_iter().flatten().map(|found| found.secret).collect(),
                    access: keys.access,
                    values,
                },
            }
        })
        // The account that a channel with others has by itself is none without a token.
        .filter(|account| {
            accounts.is_none_or(Map::is_empty)
                || account.settings.account != DEFAULT_ACCOUNT
                || account.places.iter().any(Option::is_some)
        })
        .collect()
}

/// Returns the values of each account of a channel, with those of the channel where it has none of its own.
fn merged_values(
    keys: AccountKeys,
    base: &Map<String, Value>,
    accounts: Option<&Map<String, Value>>,
) -> Vec<(String, Map<String, Value>)> {
    let mut merged = Vec::new();
    if !accounts.is_some_and(|accounts| accounts.contains_key(DEFAULT_ACCOUNT)) {
        merged.push((DEFAULT_ACCOUNT.to_owned(), base.clone()));
    }
    for (name, account) in accounts.into_iter().flatten() {
        let mut values = base.clone();
        if name != DEFAULT_ACCOUNT {
            // A token of the channel is that of its own account.
            values.retain(|key, _| !is_own_key(keys, key));
        }
        values.extend(account.as_object().cloned().unwrap_or_default());
        merged.push((name.clone(), values));
    }
    merged
}

/// Returns whether each account has a value of its own at a key.
fn is_own_key(keys: AccountKeys, key: &str) -> bool {
    let alternatives = |secret| std::iter::successors(Some(secret), |secret: &&SecretKey| secret.alternative);
    let mut secrets = keys.secrets.iter().flat_map(alternatives);
    secrets.any(|secret| secret.key == key || secret.file_key == Some(key))
}

/// A secret of an account, with the key that holds it.
struct FoundSecret {
    key: &'static str,
    secret: Secret,
    place: SecretPlace,
}

/// The places in which an account's secrets may be: the config, files, the environment of the gateway.
struct SecretSource<'a> {
    context: InstanceContext<'a>,
    variables: ConfigVariables<'a>,
}

impl SecretSource<'_> {
    /// Finds a secret of an account, or the first of its alternatives.
    fn find_any(
        &self,
        key: &'static SecretKey,
        values: &Map<String, Value>,
        is_default: bool,
    ) -> Option<FoundSecret> {
        std::iter::successors(Some(key), |key| key.alternative).find_map(|key| {
            let (secret, place) = self.find(key, values, is_default)?;
            let key = key.key;
            Some(FoundSecret { key, secret, place })
        })
    }

    /// Finds a secret of an account, and its place: at its key, in its file, else in its variable.
    fn find(
        &self,
        key: &SecretKey,
        values: &Map<String, Value>,
        is_default: bool,
    ) -> Option<(Secret, SecretPlace)> {
        let InstanceContext { env, instance, .. } = self.context;
        let in_config = values.get(key.key).and_then(|value| self.variables.secret(value));
        let in_file = || {
            let path = values.get(key.file_key?)?.as_str()?;
            read::text(&self.variables.path(env, Some(&instance.state_dir), path)?).ok()
        };
        let in_variable = || self.variables.get(key.variable.filter(|_| is_default)?);
        let (found, place) = (in_config.map(|text| (text, SecretPlace::Config)))
            .or_else(|| Some((in_file()?, SecretPlace::File)))
            .or_else(|| Some((in_variable()?, SecretPlace::Environment)))?;
        let secret = Secret::new(found.trim());
        (!secret.is_placeholder()).then_some((secret, place))
    }

    /// Fills in the values of settings that an account has not from their variables.
    fn fill_in(&self, settings: &[SettingKey], values: &mut Map<String, Value>, is_default: bool) {
        for setting in settings {
            if let Some(text) = values
                .get(setting.key)
                .and_then(|value| self.variables.secret(value))
            {
                values.insert(setting.key.to_owned(), text.into());
            } else if is_default || !setting.is_needed {
                let set = self.variables.get(setting.variable);
                values.extend(set.map(|text| (setting.key.to_owned(), text.trim().into())));
            }
        }
    }
}

/// Returns the proxy of an account, where it has one of its own.
pub(crate) fn proxy(settings: &AccountSettings) -> Option<&str> {
    settings.text("proxy")
}

#[cfg(test)]
mod tests;
