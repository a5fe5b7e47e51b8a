//! The rules about who may speak to a bot: its owners, in private chats and in the groups that the config lists.
//!
//! The keys are OpenClaw's (`dmPolicy`, `allowFrom`, `groups`, `groupAllowFrom`, `commands.ownerAllowFrom`). A bot that
//! repairs is not for everybody, so that the policy `open` opens nothing: who is not named by id is a stranger. And a
//! stranger learns nothing, whatever is said.

use serde_json::Value;

use super::account::AccountSettings;
use super::channel::Heard;

/// The standing of a person with a bot, which decides what the person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// May ask for everything.
    Owner,
    /// Is unknown, and may be given a pairing code: this is a private chat of an account with pairing.
    MayPair,
    /// Gets no answer.
    Stranger,
}

/// The rule by which an account deals with private chats (`dmPolicy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PrivatePolicy {
    /// Strangers get a pairing code.
    Pairing,
    /// Strangers get no answer.
    Listed,
    /// Nobody gets an answer.
    Disabled,
}

/// The rules of one account about who may speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccessRules {
    policy: PrivatePolicy,
    owners: Vec<String>,
    group_owners: Vec<String>,
    groups: Vec<String>,
}

impl AccessRules {
    /// Reads the rules of an account. `paired` are the ids of the people that were paired with the channel.
    pub(crate) fn new(settings: &AccountSettings, config: &Value, paired: &[String]) -> Self {
        let ids = |key| -> Vec<String> {
            let listed = settings.list(key).into_iter();
            listed
                .map(|id| plain_id(settings.channel, &id).to_owned())
                .collect()
        };
        let allowed = ids("allowFrom");
        let mut owners: Vec<String> = allowed
            .iter()
            .chain(paired)
            .filter(|id| is_named(id))
            .cloned()
            .collect();
        // Where OpenClaw's list of owners names anybody of this channel, nobody else is one.
        let listed = channel_owners(settings.channel, config);
        if !listed.is_empty() {
            owners.retain(|id| listed.contains(id));
            owners.extend(listed);
        }
        let group_allowed = ids("groupAllowFrom");
        let mut group_owners = owners.clone();
        if !group_allowed.is_empty() {
            group_owners.retain(|id| group_allowed.contains(id));
        }
        Self {
            policy: match settings.text("dmPolicy") {
                Some("allowlist" | "open") => PrivatePolicy::Listed,
                Some("disabled") => PrivatePolicy::Disabled,
                _ => PrivatePolicy::Pairing,
            },
            owners,
            group_owners,
            groups: match settings.text("groupPolicy") {
                Some("disabled") => Vec::new(),
                _ => settings.keys("groups"),
            },
        }
    }

    /// Returns what the person who said something may do there.
    pub(crate) fn standing(&self, heard: &Heard) -> Standing {
        if !heard.is_private {
            let is_owner = self.groups.contains(&heard.chat) && self.group_owners.contains(&heard.person);
            return if is_owner {
                Standing::Owner
            } else {
                Standing::Stranger
            };
        }
        match self.policy {
            PrivatePolicy::Disabled => Standing::Stranger,
            _ if self.owners.contains(&heard.person) => Standing::Owner,
            PrivatePolicy::Pairing => Standing::MayPair,
            PrivatePolicy::Listed => Standing::Stranger,
        }
    }

    /// Returns the id of an owner as typed, with the name of the channel before it or without; `None` for anybody else.
    pub(crate) fn owner(&self, channel: &str, typed: &str) -> Option<String> {
        let id = plain_id(channel, typed.trim());
        self.owners.iter().find(|owner| *owner == id).cloned()
    }

    /// Returns the ids of the owners, whom alerts are sent to.
    pub(crate) fn owners(&self) -> &[String] {
        &self.owners
    }
}

/// Returns an id without the name of the channel before it: `telegram:42` and `tg:42` are `42`.
fn plain_id<'a>(channel: &str, id: &'a str) -> &'a str {
    match id.split_once(':') {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(channel) || prefix.eq_ignore_ascii_case("tg") => {
            rest
        }
        _ => id,
    }
}

/// Returns whether an entry names somebody, rather than everybody.
fn is_named(id: &str) -> bool {
    !id.is_empty() && id != "*"
}

/// Returns the ids of a channel in `commands.ownerAllowFrom`.
fn channel_owners(channel: &str, config: &Value) -> Vec<String> {
    let listed = config
        .pointer("/commands/ownerAllowFrom")
        .and_then(Value::as_array);
    let of_channel = |id: &&str| {
        id.split_once(':')
            .is_some_and(|(prefix, _)| prefix.eq_ignore_ascii_case(channel))
    };
    let ids = listed
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(of_channel);
    ids.map(|id| plain_id(channel, id).to_owned())
        .filter(|id| is_named(id))
        .collect()
}
