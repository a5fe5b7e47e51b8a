//! The accounts of messaging channels as a gateway reports them in its answers to `health` and `channels.status`
//! (docs/openclaw.md#empty-answers): the form is OpenClaw's, with some keys of this program beside it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::i18n::{Msg, msg};
use crate::text::sanitize;
use crate::time::{format_for_person, from_unix_millis};

/// One account of a messaging channel: what the config says of it, and how it is in a running gateway. Times are in
/// milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and a key of OpenClaw's form"
)]
pub(crate) struct AccountReport {
    /// The name of the channel, as the config has it.
    pub(crate) channel: String,
    /// The name of the channel, as people know it.
    pub(crate) label: String,
    /// The name of the account.
    pub(crate) account_id: String,
    /// `true` where neither the channel nor the account is switched off.
    pub(crate) enabled: bool,
    /// `true` where the account has every secret that it needs.
    pub(crate) configured: bool,
    /// `true` where the engine has this channel.
    pub(crate) supported: Option<bool>,
    /// The place of the token: `config`, `tokenFile`, `env` or `none`.
    pub(crate) token_source: Option<String>,
    /// The rule for private chats.
    pub(crate) dm_policy: Option<String>,
    /// The number of people who may command the bot.
    pub(crate) owners: Option<usize>,
    /// `true` where a task of the gateway works for the account.
    pub(crate) running: bool,
    /// `true` where the channel's servers answer. OpenClaw does not tell it for every channel.
    pub(crate) connected: Option<bool>,
    /// The way in which messages are received.
    pub(crate) mode: Option<String>,
    /// The name of the bot in the channel.
    pub(crate) bot_name: Option<String>,
    /// The time since which the account is connected.
    pub(crate) last_connected_at: Option<u64>,
    /// The time at which somebody was heard last.
    pub(crate) last_inbound_at: Option<u64>,
    /// The time at which something was sent last.
    pub(crate) last_outbound_at: Option<u64>,
    /// The reason why the account does not work, or did not the last time.
    pub(crate) last_error: Option<String>,
    /// `true` where another program receives what is said to this bot.
    pub(crate) polled_elsewhere: bool,
    /// The instance of this host that has the same token.
    pub(crate) other_instance: Option<String>,
    /// The answer of the channel's servers, where they were asked.
    pub(crate) probe: Value,
}

impl AccountReport {
    /// Returns whether the account is to work: it is switched on, and has its token.
    pub(crate) fn is_wanted(&self) -> bool {
        self.enabled && self.configured && self.supported != Some(false)
    }

    /// Returns whether the account works, as far as the gateway tells.
    pub(crate) fn is_connected(&self) -> bool {
        self.running && self.connected.unwrap_or(true)
    }

    /// Returns the account as a person calls it: the name of the channel, and that of the account in parentheses.
    pub(crate) fn name_msg(&self) -> Msg {
        msg!(
            "channels.account",
            channel = sanitize(&self.label),
            account = sanitize(&self.account_id)
        )
    }

    /// Returns the state of the account in a few words. Of a gateway that does not run, only the config tells something.
    pub(crate) fn state_msg(&self, is_running: bool) -> Msg {
        if !self.enabled {
            return msg!("channels.off");
        }
        if self.supported == Some(false) {
            return msg!("channels.not-in-engine");
        }
        if !self.configured {
            return msg!("channels.no-token");
        }
        if !is_running {
            return msg!("channels.on");
        }
        if self.polled_elsewhere {
            return match &self.other_instance {
                Some(other) => msg!("channels.polled-by", instance = sanitize(other)),
                None => msg!("channels.polled-elsewhere"),
            };
        }
        if !self.is_connected() {
            return msg!("channels.not-connected");
        }
        let time = |millis: Option<u64>| match millis {
            Some(millis) => msg!("ui.typed", text = format_for_person(from_unix_millis(millis))),
            None => msg!("channels.never"),
        };
        let name = self.bot_name.as_deref().unwrap_or("-");
        msg!("channels.connected", name = sanitize(name))
            .with_msg("since", time(self.last_connected_at))
            .with_msg("heard", time(self.last_inbound_at))
            .with_msg("sent", time(self.last_outbound_at))
    }

    /// Returns the account and its state in one line.
    pub(crate) fn line_msg(&self, is_running: bool) -> Msg {
        Msg::new("channels.line")
            .with_msg("account", self.name_msg())
            .with_msg("state", self.state_msg(is_running))
    }
}

/// Returns the accounts in a gateway's answer to `health`, in the order of the answer.
pub(crate) fn accounts_of_health(health: &Value) -> Vec<AccountReport> {
    let channels = health["channels"].as_object();
    let accounts = channels.into_iter().flatten().flat_map(|(channel, summary)| {
        let accounts = summary["accounts"].as_object();
        let accounts = accounts.into_iter().flatten();
        accounts.map(move |(id, account)| parse(channel, id, account))
    });
    accounts.collect()
}

/// Returns the accounts in a gateway's answer to `channels.status`, in the order of the answer.
pub(crate) fn accounts_of_status(status: &Value) -> Vec<AccountReport> {
    let channels = status["channelAccounts"].as_object();
    let accounts = channels.into_iter().flatten().flat_map(|(channel, accounts)| {
        let label = status["channelLabels"][channel].as_str();
        let accounts = accounts.as_array().into_iter().flatten();
        accounts.map(move |account| {
            let id = account["accountId"].as_str().unwrap_or_default();
            let mut account = parse(channel, id, account);
            if let Some(label) = label.filter(|_| account.label == account.channel) {
                label.clone_into(&mut account.label);
            }
            account
        })
    });
    accounts.collect()
}

/// Parses one account. What OpenClaw leaves out, or writes as null, has the value that means nothing.
fn parse(channel: &str, id: &str, account: &Value) -> AccountReport {
    let mut known = account.as_object().cloned().unwrap_or_default();
    known.retain(|_, value| !value.is_null());
    let has = |key: &str| account[key].is_boolean();
    let (has_enabled, has_configured) = (has("enabled"), has("configured"));
    let mut report: AccountReport = serde_json::from_value(known.into()).unwrap_or_default();
    report.enabled |= !has_enabled;
    report.configured |= !has_configured;
    channel.clone_into(&mut report.channel);
    id.clone_into(&mut report.account_id);
    if report.label.is_empty() {
        channel.clone_into(&mut report.label);
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn accounts_of_openclaw_are_read_with_what_it_leaves_out() {
        let account = json!({
            "accountId": "default", "enabled": true, "configured": true, "tokenSource": "config", "running": true,
            "mode": "polling", "lastStartAt": 1, "lastStopAt": null, "lastError": null, "probe": {"ok": true},
        });
        let status = json!({
            "channelLabels": {"telegram": "Telegram"},
            "channelAccounts": {"telegram": [account], "discord": [{"accountId": "b", "configured": false}]},
        });
        let accounts = accounts_of_status(&status);
        let telegram = accounts
            .iter()
            .find(|account| account.channel == "telegram")
            .unwrap();
        assert!(telegram.is_wanted() && telegram.is_connected(), "{telegram:?}");
        assert_eq!(
            (telegram.label.as_str(), telegram.last_error.as_deref()),
            ("Telegram", None)
        );
        assert_eq!(telegram.probe["ok"], true);
        let discord = accounts
            .iter()
            .find(|account| account.channel == "discord")
            .unwrap();
        assert!(!discord.is_wanted() && !discord.is_connected(), "{discord:?}");
    }

    #[test]
    fn account_is_read_back_as_it_was_written() {
        let account = AccountReport {
            channel: "telegram".to_owned(),
            label: "Telegram".to_owned(),
            account_id: "default".to_owned(),
            enabled: true,
            configured: true,
            running: true,
            connected: Some(false),
            owners: Some(2),
            polled_elsewhere: true,
            last_inbound_at: Some(5),
            ..AccountReport::default()
        };
        let health = json!({"channels": {"telegram": {"accounts": {"default": account}}}});
        assert_eq!(accounts_of_health(&health), std::slice::from_ref(&account));
        assert!(account.is_wanted() && !account.is_connected());
    }
}
