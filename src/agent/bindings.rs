//! Which agent answers whom: the `bindings` of a config, the most specific first, and the session in which a conversation
//! over a channel takes place (docs/openclaw.md#bindings).

use serde_json::Value;

use super::roster;
use crate::config::agent_id::normalize_agent_id;
use crate::sessions::SessionKey;

/// The account of a channel where a message or a binding names none.
const DEFAULT_ACCOUNT: &str = "default";

/// The kind of conversation over a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerKind {
    /// A conversation with one person.
    Direct,
    /// A group.
    Group,
    /// A channel of a server or workspace.
    Channel,
}

impl PeerKind {
    /// Returns the word for the kind in the keys of sessions.
    fn name(self) -> &'static str {
        match self {
            Self::Direct => "dm",
            Self::Group => "group",
            Self::Channel => "channel",
        }
    }

    /// Returns the kind of a word in a config of any release.
    fn from_config(word: &str) -> Option<Self> {
        match word.trim().to_ascii_lowercase().as_str() {
            "dm" | "direct" => Some(Self::Direct),
            "group" => Some(Self::Group),
            "channel" => Some(Self::Channel),
            _ => None,
        }
    }
}

/// Where a message over a channel comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageOrigin<'a> {
    /// The channel, such as `telegram`.
    pub(crate) channel: &'a str,
    /// The account of the channel.
    pub(crate) account: &'a str,
    /// The kind of the conversation.
    pub(crate) kind: PeerKind,
    /// The id of the person, group or channel.
    pub(crate) peer: &'a str,
    /// The id of the Discord server.
    pub(crate) guild: Option<&'a str>,
    /// The id of the Slack workspace.
    pub(crate) team: Option<&'a str>,
}

/// The kind of a binding by what it asks of a message, the most specific first: the first that fits is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    Peer,
    Guild,
    Team,
    Account,
    Channel,
}

/// Returns the id of the agent that answers a message: that of the most specific binding which fits, of equal ones the
/// first, else the default agent. A binding to an agent that is not there leads to the default one.
pub(crate) fn agent_for(config: &Value, origin: &MessageOrigin<'_>) -> String {
    let bindings = config.get("bindings").and_then(Value::as_array);
    let fitting = bindings.into_iter().flatten().filter_map(|binding| {
        let specificity = fits(binding.get("match")?, origin)?;
        Some((specificity, binding.get("agentId")?.as_str()?))
    });
    let ids = roster::agent_ids(config);
    let bound = fitting.min_by_key(|(specificity, _)| *specificity);
    let bound = bound.map(|(_, agent)| normalize_agent_id(agent));
    let found = bound.filter(|id| ids.contains(id));
    found.unwrap_or_else(|| ids[0].clone())
}

/// Returns where a config's bindings let an agent answer, in their order: `telegram`, `telegram/office`, `discord 42`.
pub(crate) fn bound_places(config: &Value, agent: &str) -> Vec<String> {
    let bindings = config.get("bindings").and_then(Value::as_array);
    let own = bindings.into_iter().flatten().filter(|binding| {
        let id = binding.get("agentId").and_then(Value::as_str);
        id.is_some_and(|id| normalize_agent_id(id) == agent)
    });
    own.filter_map(|binding| {
        let rule = binding.get("match")?;
        let mut place = id_text(rule.get("channel"))?;
        if let Some(account) = id_text(rule.get("accountId")).filter(|account| account != "*") {
            place = format!("{place}/{account}");
        }
        let peer = rule.get("peer").and_then(|peer| id_text(peer.get("id")));
        let part = peer.or_else(|| id_text(rule.get("guildId")).or_else(|| id_text(rule.get("teamId"))));
        Some(match part {
            Some(part) => format!("{place} {part}"),
            None => place,
        })
    })
    .collect()
}

/// Returns how specific a binding is that fits a message; `None` for one that does not.
fn fits(rule: &Value, origin: &MessageOrigin<'_>) -> Option<Specificity> {
    let text = |key: &str| id_text(rule.get(key)).filter(|text| !text.is_empty());
    let is_same = |rule: &Option<String>, own: Option<&str>| match rule {
        Some(rule) => own == Some(rule.as_str()),
        None => true,
    };
    let channel = text("channel")?;
    let account = text("accountId");
    let account = account.as_deref().unwrap_or(DEFAULT_ACCOUNT);
    let (guild, team) = (text("guildId"), text("teamId"));
    let fits_place = channel.eq_ignore_ascii_case(origin.channel)
        && (account == "*" || account == origin.account)
        && is_same(&guild, origin.guild)
        && is_same(&team, origin.team)
        // The roles of a member are not known here: a binding for some of them must not fit everybody.
        && rule.get("roles").and_then(Value::as_array).is_none_or(Vec::is_empty);
    let peer = rule.get("peer").filter(|peer| !peer.is_null());
    let fits_peer = peer.is_none_or(|peer| {
        let kind = peer
            .get("kind")
            .and_then(Value::as_str)
            .and_then(PeerKind::from_config);
        kind == Some(origin.kind) && id_text(peer.get("id")).as_deref() == Some(origin.peer)
    });
    if !fits_place || !fits_peer {
        return None;
    }
    Some(match (peer, guild, team) {
        (Some(_), ..) => Specificity::Peer,
        (None, Some(_), _) => Specificity::Guild,
        (None, None, Some(_)) => Specificity::Team,
        (None, None, None) if account != "*" => Specificity::Account,
        (None, None, None) => Specificity::Channel,
    })
}

/// Returns an id of a config, which may be a number.
fn id_text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns the key of the session in which an agent talks over a channel. By default all private conversations of an agent
/// are its main session (`session.dmScope`).
pub(crate) fn session_key(config: &Value, agent: &str, origin: &MessageOrigin<'_>) -> SessionKey {
    let rules = roster::session_key_rules(config);
    if rules.is_global {
        return SessionKey::main_of(agent, &rules);
    }
    let channel = origin.channel.to_ascii_lowercase();
    let kind = origin.kind.name();
    if origin.kind != PeerKind::Direct {
        let peer = origin.peer.to_ascii_lowercase();
        return SessionKey::of_agent(agent, &format!("{channel}:{kind}:{peer}"));
    }
    let scope = config.pointer("/session/dmScope").and_then(Value::as_str);
    let peer = linked_person(config, &channel, origin.peer).to_ascii_lowercase();
    match scope.unwrap_or("main") {
        "per-peer" => SessionKey::of_agent(agent, &format!("{kind}:{peer}")),
        "per-channel-peer" => SessionKey::of_agent(agent, &format!("{channel}:{kind}:{peer}")),
        "per-account-channel-peer" => {
            let account = origin.account.to_ascii_lowercase();
            SessionKey::of_agent(agent, &format!("{channel}:{account}:{kind}:{peer}"))
        }
        _ => SessionKey::main_of(agent, &rules),
    }
}

/// Returns the name that `session.identityLinks` gives to a person of a channel, else the person's id.
fn linked_person<'a>(config: &'a Value, channel: &str, person: &'a str) -> &'a str {
    let links = config
        .pointer("/session/identityLinks")
        .and_then(Value::as_object);
    let full = format!("{channel}:{person}");
    let is_person = |id: &Value| {
        let id = id.as_str().unwrap_or_default().trim();
        id.eq_ignore_ascii_case(person) || id.eq_ignore_ascii_case(&full)
    };
    let has_person =
        |(_, ids): &(&'a String, &Value)| ids.as_array().is_some_and(|ids| ids.iter().any(is_person));
    let found = links.into_iter().flatten().find(has_person);
    found.map_or(person, |(name, _)| name.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FROM_ALI: MessageOrigin<'static> = MessageOrigin {
        channel: "telegram",
        account: "default",
        kind: PeerKind::Direct,
        peer: "4242",
        guild: None,
        team: None,
    };

    fn config(bindings: &Value) -> Value {
        json!({
            "agents": {"list": [{"id": "main"}, {"id": "a"}, {"id": "b"}, {"id": "c"}]},
            "bindings": bindings,
        })
    }

    #[test]
    fn most_specific_binding_is_taken_whatever_their_order() {
        let bindings = json!([
            {"agentId": "a", "match": {"channel": "telegram", "accountId": "*"}},
            {"agentId": "b", "match": {"channel": "telegram"}},
            {"agentId": "c", "match": {"channel": "telegram", "peer": {"kind": "dm", "id": 4242}}},
        ]);
        let config = config(&bindings);
        assert_eq!(agent_for(&config, &FROM_ALI), "c");
        assert_eq!(
            agent_for(
                &config,
                &MessageOrigin {
                    peer: "1",
                    ..FROM_ALI
                }
            ),
            "b"
        );
        let other = MessageOrigin {
            account: "two",
            ..FROM_ALI
        };
        assert_eq!(agent_for(&config, &MessageOrigin { peer: "1", ..other }), "a");
        assert_eq!(
            agent_for(
                &config,
                &MessageOrigin {
                    channel: "matrix",
                    ..FROM_ALI
                }
            ),
            "main"
        );
    }

    #[test]
    fn binding_of_a_server_fits_that_server_and_one_of_roles_fits_nobody() {
        let bindings = json!([
            {"agentId": "a", "match": {"channel": "discord", "guildId": "g", "roles": ["r"]}},
            {"agentId": "b", "match": {"channel": "discord", "guildId": "g"}},
            {"agentId": "c", "match": {"channel": "slack", "teamId": "T"}},
            {"agentId": "gone", "match": {"channel": "matrix"}},
        ]);
        let config = config(&bindings);
        let group = MessageOrigin {
            kind: PeerKind::Channel,
            ..FROM_ALI
        };
        let on = |channel, guild, team| MessageOrigin {
            channel,
            guild,
            team,
            ..group
        };
        assert_eq!(agent_for(&config, &on("discord", Some("g"), None)), "b");
        assert_eq!(agent_for(&config, &on("discord", Some("other"), None)), "main");
        assert_eq!(agent_for(&config, &on("slack", None, Some("T"))), "c");
        assert_eq!(agent_for(&config, &on("matrix", None, None)), "main");
    }

    #[test]
    fn sessions_of_a_channel_are_those_of_openclaw() {
        let key = |session: Value, origin: &MessageOrigin<'_>| {
            session_key(&json!({ "session": session }), "Main", origin).to_string()
        };
        let group = MessageOrigin {
            kind: PeerKind::Group,
            peer: "-100A",
            ..FROM_ALI
        };
        assert_eq!(key(json!({}), &FROM_ALI), "agent:main:main");
        assert_eq!(key(json!({}), &group), "agent:main:telegram:group:-100a");
        let scoped = |scope: &str| json!({"dmScope": scope, "identityLinks": {"ali": ["telegram:4242"]}});
        assert_eq!(key(scoped("per-peer"), &FROM_ALI), "agent:main:dm:ali");
        assert_eq!(
            key(scoped("per-channel-peer"), &FROM_ALI),
            "agent:main:telegram:dm:ali"
        );
        let all = key(scoped("per-account-channel-peer"), &FROM_ALI);
        assert_eq!(all, "agent:main:telegram:default:dm:ali");
        assert_eq!(key(json!({"scope": "global"}), &group), "global");
    }
}
