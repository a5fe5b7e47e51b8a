//! The rules about who may speak to a bot: its owners, in private chats and in the groups that the config lists.
//!
//! The keys are OpenClaw's, of both releases (such as `dmPolicy` or `dm.policy`), and `commands.ownerAllowFrom`. A bot that
//! repairs is not for everybody, so that the policy `open` opens nothing: who is not named by id is a stranger. And a
//! stranger learns nothing, whatever is said.

use serde_json::Value;

use super::account::{self, AccessKeys, AccountSettings};
use super::channel::{Content, Heard};

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

/// A group, or a community of groups, in which the bot listens.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ListedPlace {
    /// The id of the group or the community.
    id: String,
    /// The people who are listened to there; everybody who may be where there are none.
    people: Vec<String>,
    /// The groups of the community; all of them where there are none.
    within: Vec<Self>,
}

/// The rules of one account about who may speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccessRules {
    policy: PrivatePolicy,
    owners: Vec<String>,
    group_owners: Vec<String>,
    places: Vec<ListedPlace>,
}

impl AccessRules {
    /// Reads the rules of an account. `paired` are the ids of the people that were paired with the channel.
    pub(crate) fn new(settings: &AccountSettings, config: &Value, paired: &[String]) -> Self {
        let AccountSettings { channel, access, .. } = settings;
        let first = |paths: &[&str]| paths.iter().find_map(|path| settings.value(path));
        let allowed = plain_ids(channel, *access, first(access.owners));
        let mut owners: Vec<String> = allowed
            .iter()
            .chain(paired)
            .filter(|id| is_named(id))
            .cloned()
            .collect();
        // Where OpenClaw's list of owners names anybody of this channel, nobody else is one.
        let listed = channel_owners(channel, *access, config);
        if !listed.is_empty() {
            owners.retain(|id| listed.contains(id));
            owners.extend(listed);
        }
        let group_allowed = plain_ids(channel, *access, settings.value("groupAllowFrom"));
        let mut group_owners = owners.clone();
        if !group_allowed.is_empty() {
            group_owners.retain(|id| group_allowed.contains(id));
        }
        let has_private_chats = settings.value("dm.enabled") != Some(&Value::Bool(false));
        Self {
            policy: match settings.private_policy() {
                _ if !has_private_chats => PrivatePolicy::Disabled,
                "allowlist" | "open" => PrivatePolicy::Listed,
                "disabled" => PrivatePolicy::Disabled,
                _ => PrivatePolicy::Pairing,
            },
            owners,
            group_owners,
            places: match settings.text("groupPolicy") {
                Some("disabled") => Vec::new(),
                _ => ListedPlace::read(channel, *access, first(access.places)),
            },
        }
    }

    /// Returns what the person who said something may do there.
    ///
    /// An owner may invite the bot to any group: what is said there is judged by itself.
    pub(crate) fn standing(&self, heard: &Heard) -> Standing {
        let is_private =
            heard.is_private || heard.content == Content::Invitation && self.owners.contains(&heard.person);
        if !is_private {
            let is_listed = self.places.iter().any(|place| place.admits(heard));
            return if is_listed && self.group_owners.contains(&heard.person) {
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
    pub(crate) fn owner(&self, settings: &AccountSettings, typed: &str) -> Option<String> {
        let id = plain_id(settings.channel, settings.access, typed.trim());
        self.owners.iter().find(|owner| *owner == id).cloned()
    }

    /// Returns the ids of the owners, whom alerts are sent to.
    pub(crate) fn owners(&self) -> &[String] {
        &self.owners
    }
}

impl ListedPlace {
    /// Reads the places that are the keys of an object of a config, without those that are switched off.
    fn read(channel: &str, access: AccessKeys, object: Option<&Value>) -> Vec<Self> {
        let is_off = |place: &Value| {
            ["enabled", "allow"]
                .iter()
                .any(|key| place.get(*key) == Some(&Value::Bool(false)))
        };
        let places = object.and_then(Value::as_object).into_iter().flatten();
        let place = |(id, place): (&String, &Value)| Self {
            id: id.clone(),
            people: ["users", "allowFrom"]
                .iter()
                .flat_map(|key| plain_ids(channel, access, place.get(*key)))
                .collect(),
            within: Self::read(channel, access, place.get("channels")),
        };
        places.filter(|(_, place)| !is_off(place)).map(place).collect()
    }

    /// Returns whether something was said in this place, by somebody who is listened to there.
    fn admits(&self, heard: &Heard) -> bool {
        let is_here = self.id == heard.chat || heard.community.as_ref() == Some(&self.id);
        let is_heard = self.people.is_empty() || self.people.contains(&heard.person);
        is_here && is_heard && (self.within.is_empty() || self.within.iter().any(|place| place.admits(heard)))
    }
}

/// Returns the ids of a list in a config, each without the name of the channel before it.
fn plain_ids(channel: &str, access: AccessKeys, list: Option<&Value>) -> Vec<String> {
    let listed = account::texts(list).into_iter();
    listed
        .map(|id| plain_id(channel, access, &id).to_owned())
        .collect()
}

/// Returns an id without the name of the channel before it: `telegram:42` and `tg:42` are `42`.
fn plain_id<'a>(channel: &str, access: AccessKeys, id: &'a str) -> &'a str {
    let is_known = |prefix: &str| {
        let mut prefixes = access.prefixes.iter().copied().chain([channel]);
        prefixes.any(|known| prefix.eq_ignore_ascii_case(known))
    };
    match id.split_once(':') {
        Some((prefix, rest)) if is_known(prefix) => rest,
        _ => id,
    }
}

/// Returns whether an entry names somebody, rather than everybody.
fn is_named(id: &str) -> bool {
    !id.is_empty() && id != "*"
}

/// Returns the ids of a channel in `commands.ownerAllowFrom`.
fn channel_owners(channel: &str, access: AccessKeys, config: &Value) -> Vec<String> {
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
    ids.map(|id| plain_id(channel, access, id).to_owned())
        .filter(|id| is_named(id))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::account::AccountKeys;
    use crate::bot::channel::Content;
    use crate::bot::test_support::rescue_instance;
    use serde_json::json;

    const KEYS: AccountKeys = AccountKeys {
        secrets: &[],
        settings: &[],
        access: AccessKeys {
            owners: &["allowFrom", "dm.allowFrom"],
            policy: &["dmPolicy", "dm.policy"],
            places: &["guilds"],
            prefixes: &["user"],
        },
    };

    /// Returns the rules of an account of Discord.
    fn rules(values: &Value) -> AccessRules {
        let home = tempfile::tempdir().unwrap();
        let own = rescue_instance(home.path(), &[]);
        let config = json!({"channels": {"discord": values}});
        let accounts = account::read_accounts(own.borrowed(), &config, "discord", KEYS);
        AccessRules::new(&accounts[0], &config, &[])
    }

    fn heard(person: &str, chat: &str, community: Option<&str>) -> Heard {
        Heard {
            id: "1".to_owned(),
            at: 0,
            chat: chat.to_owned(),
            is_private: community.is_none(),
            person: person.to_owned(),
            name: String::new(),
            language: None,
            content: Content::Other,
            community: community.map(str::to_owned),
            receipt: None,
            is_addressed: false,
        }
    }

    #[test]
    fn owners_and_policies_of_both_releases_are_read() {
        for (values, owner, stranger) in [
            (json!({"allowFrom": ["42"]}), Standing::Owner, Standing::MayPair),
            (
                json!({"dm": {"allowFrom": [42, "user:7"], "policy": "allowlist"}}),
                Standing::Owner,
                Standing::Stranger,
            ),
            (
                json!({"allowFrom": ["discord:42"], "dmPolicy": "open"}),
                Standing::Owner,
                Standing::Stranger,
            ),
            (
                json!({"allowFrom": ["42"], "dm": {"enabled": false}}),
                Standing::Stranger,
                Standing::Stranger,
            ),
            // The key of the later release counts where both are set.
            (
                json!({"allowFrom": ["7"], "dm": {"allowFrom": ["42"]}}),
                Standing::MayPair,
                Standing::MayPair,
            ),
        ] {
            let rules = rules(&values);
            assert_eq!(rules.standing(&heard("42", "c", None)), owner, "{values}");
            assert_eq!(rules.standing(&heard("1", "c", None)), stranger, "{values}");
        }
    }

    #[test]
    fn owner_is_heard_in_the_communities_and_groups_that_are_listed() {
        let rules = rules(&json!({"allowFrom": ["42", "7"], "guilds": {
            "whole": {},
            "part": {"channels": {"in": {}, "off": {"allow": false}}},
            "some": {"users": ["7"]},
            "off": {"enabled": false},
        }}));
        for (community, chat, is_heard) in [
            ("whole", "any", true),
            ("part", "in", true),
            ("part", "off", false),
            ("part", "other", false),
            ("some", "any", false),
            ("off", "any", false),
            ("other", "in", false),
        ] {
            let standing = rules.standing(&heard("42", chat, Some(community)));
            assert_eq!(standing == Standing::Owner, is_heard, "{community} {chat}");
        }
        assert_eq!(rules.standing(&heard("7", "any", Some("some"))), Standing::Owner);
        assert_eq!(
            rules.standing(&heard("1", "any", Some("whole"))),
            Standing::Stranger
        );
    }
}
