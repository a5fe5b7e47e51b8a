//! Answers of a Matrix homeserver to a bot: the filter with which it is asked, and the answers as events
//! (<https://spec.matrix.org/latest/client-server-api/#syncing>).

use std::time::Duration;

use serde_json::{Value, json};

/// Maximum number of events of one room in one answer. What came before them is asked for.
pub(super) const MAX_EVENTS: usize = 20;
/// The kinds of events that a bot wants to see.
const EVENT_TYPES: [&str; 4] = [
    "m.room.message",
    "m.room.encrypted",
    "m.reaction",
    "m.room.member",
];

/// The answer of a homeserver: what is new since a position.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Synced {
    /// The position after it.
    pub(super) next: String,
    /// The invitations.
    pub(super) invitations: Vec<Invitation>,
    /// The rooms in which something happened.
    pub(super) rooms: Vec<RoomNews>,
}

/// An invitation of the bot to a room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invitation {
    /// The id of the room.
    pub(super) room: String,
    /// The id of the person who invites.
    pub(super) person: String,
    /// The name of the person.
    pub(super) name: String,
    /// `true` where the person says that the room is for the two of them.
    pub(super) is_direct: bool,
}

/// The events of a room.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RoomNews {
    /// The id of the room.
    pub(super) room: String,
    /// The messages of people there, the oldest first.
    pub(super) events: Vec<RoomEvent>,
    /// The position before the events, where some are missing between it and the position that was asked for.
    pub(super) gap: Option<String>,
    /// `true` where the members may be others than before.
    pub(super) has_new_members: bool,
}

/// Something that somebody said in a room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RoomEvent {
    /// The id of the event.
    pub(super) id: String,
    /// The id of the person.
    pub(super) person: String,
    /// The time by the clock of the person's homeserver, in milliseconds since 1970.
    pub(super) at: u64,
    /// The time since then, as the bot's own homeserver knows it.
    pub(super) age: Option<Duration>,
    /// The content.
    pub(super) said: Said,
}

/// The content of an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A text that the person typed.
    Text(String),
    /// A reaction to a message.
    Reaction {
        /// The id of the message.
        message: String,
        /// The emoji or text.
        key: String,
    },
    /// Something that can't be read.
    Encrypted,
    /// Anything else: a picture, an edited message.
    Other,
}

/// Returns the filter of a bot with this id, with at most this number of events of each room.
pub(super) fn filter(bot: &str, max_events: usize) -> String {
    let none = json!({ "types": [] });
    let filter = json!({
        "presence": none,
        "account_data": none,
        "room": {
            "ephemeral": none,
            "account_data": none,
            "state": { "types": ["m.room.member"], "lazy_load_members": true },
            "timeline": timeline_filter(bot, max_events),
        },
    });
    filter.to_string()
}

/// Returns the filter of the events of a room: what others say. Nothing of it is for one device only, so that nothing
/// of it is lost.
pub(super) fn timeline_filter(bot: &str, max_events: usize) -> Value {
    json!({ "types": EVENT_TYPES, "not_senders": [bot], "limit": max_events })
}

impl Synced {
    /// Reads an answer to a bot with this id; `None` where it has no position.
    pub(super) fn parse(answer: &Value, bot: &str) -> Option<Self> {
        let rooms = |kind: &str| {
            answer
                .pointer(&format!("/rooms/{kind}"))
                .and_then(Value::as_object)
        };
        let invited = rooms("invite").into_iter().flatten();
        let joined = rooms("join").into_iter().flatten();
        Some(Self {
            next: text(answer, "next_batch")?,
            invitations: invited
                .filter_map(|(room, invited)| Invitation::parse(room, invited, bot))
                .collect(),
            rooms: joined
                .map(|(room, news)| RoomNews::parse(room, news, bot))
                .collect(),
        })
    }
}

impl Invitation {
    fn parse(room: &str, invited: &Value, bot: &str) -> Option<Self> {
        let events = invited
            .pointer("/invite_state/events")
            .and_then(Value::as_array)?;
        let member = |id: &str| {
            let mut events = events.iter().rev();
            events.find(|event| event["type"] == "m.room.member" && event["state_key"] == id)
        };
        let own = member(bot)?;
        let person = text(own, "sender")?;
        let name = member(&person).and_then(|member| text(&member["content"], "displayname"));
        Some(Self {
            room: room.to_owned(),
            name: name.unwrap_or_default(),
            is_direct: own["content"]["is_direct"] == true,
            person,
        })
    }
}

impl RoomNews {
    fn parse(room: &str, news: &Value, bot: &str) -> Self {
        let timeline = &news["timeline"];
        let page = Page::parse(array(&timeline["events"]), bot);
        let is_limited = timeline["limited"] == true;
        let is_own_state = |event: &Value| event["type"] == "m.room.member" && event["state_key"] == bot;
        Self {
            room: room.to_owned(),
            events: page.events,
            gap: text(timeline, "prev_batch").filter(|_| is_limited && !page.begins_with_invitation),
            has_new_members: is_limited
                || page.has_members
                || array(&news["state"]["events"]).iter().any(is_own_state),
        }
    }
}

/// Events of a room that follow each other.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The messages of people, the oldest first. What was said before the bot was invited is left out: it was not said to it.
    pub(super) events: Vec<RoomEvent>,
    /// `true` where the bot was invited within the page: it need not know what came before.
    pub(super) begins_with_invitation: bool,
    has_members: bool,
}

impl Page {
    /// Reads events, the oldest first.
    pub(super) fn parse(events: &[Value], bot: &str) -> Self {
        let mut page = Self::default();
        for event in events {
            if event["type"] != "m.room.member" {
                page.events.extend(RoomEvent::parse(event));
                continue;
            }
            page.has_members = true;
            if event["state_key"] == bot && event["content"]["membership"] == "invite" {
                page.begins_with_invitation = true;
                page.events.clear();
            }
        }
        page
    }
}

impl RoomEvent {
    /// Reads an event; `None` for one that says nothing to a bot: one that was taken back, a notice of another bot.
    fn parse(event: &Value) -> Option<Self> {
        let content = &event["content"];
        let relation = &content["m.relates_to"];
        let relation_type = relation["rel_type"].as_str();
        let said = match event["type"].as_str()? {
            "m.room.encrypted" if content.get("algorithm").is_some() => Said::Encrypted,
            "m.reaction" if relation_type == Some("m.annotation") => Said::Reaction {
                message: text(relation, "event_id")?,
                key: text(relation, "key")?,
            },
            "m.room.message" => match content["msgtype"].as_str()? {
                // Bots must not answer bots.
                "m.notice" | "m.key.verification.request" => return None,
                "m.text" if relation_type != Some("m.replace") => {
                    let is_reply = relation.get("m.in_reply_to").is_some();
                    Said::Text(own_words(content["body"].as_str()?, is_reply).to_owned())
                }
                _ => Said::Other,
            },
            _ => return None,
        };
        Some(Self {
            id: text(event, "event_id")?,
            person: text(event, "sender")?,
            at: event["origin_server_ts"].as_u64().unwrap_or_default(),
            age: event["unsigned"]["age"].as_u64().map(Duration::from_millis),
            said,
        })
    }
}

/// Returns the words of the person: a reply may begin with lines of what it replies to
/// (<https://spec.matrix.org/v1.12/client-server-api/#fallbacks-for-rich-replies>).
fn own_words(body: &str, is_reply: bool) -> &str {
    if !is_reply || !body.starts_with("> ") {
        return body;
    }
    let mut rest = body;
    while rest.starts_with('>') {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    rest.trim_start_matches('\n')
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOT: &str = "@bot:host";

    fn event(kind: &str, content: &Value) -> Value {
        json!({
            "type": kind, "event_id": "$1", "sender": "@ali:host", "origin_server_ts": 7,
            "unsigned": { "age": 1500 }, "content": content,
        })
    }

    fn said(kind: &str, content: &Value) -> Option<Said> {
        RoomEvent::parse(&event(kind, content)).map(|event| event.said)
    }

    #[test]
    fn only_the_own_new_text_of_a_person_is_a_text() {
        let message = |content: Value| said("m.room.message", &content);
        let typed = |text: &str| Some(Said::Text(text.to_owned()));
        assert_eq!(
            message(json!({ "msgtype": "m.text", "body": "/repair" })),
            typed("/repair")
        );
        let edit = json!({
            "msgtype": "m.text", "body": "* /repair", "m.new_content": { "msgtype": "m.text", "body": "/repair" },
            "m.relates_to": { "rel_type": "m.replace", "event_id": "$0" },
        });
        assert_eq!(message(edit), Some(Said::Other));
        let reply = json!({
            "msgtype": "m.text", "body": "> <@eve:host> /repair\n> /stop\n\n/status",
            "m.relates_to": { "m.in_reply_to": { "event_id": "$0" } },
        });
        assert_eq!(message(reply), typed("/status"));
        assert_eq!(
            message(json!({ "msgtype": "m.text", "body": "> /repair" })),
            typed("> /repair")
        );
        assert_eq!(
            message(json!({ "msgtype": "m.image", "body": "/repair" })),
            Some(Said::Other)
        );
        assert_eq!(
            message(json!({ "msgtype": "m.emote", "body": "/repair" })),
            Some(Said::Other)
        );
        assert_eq!(message(json!({ "msgtype": "m.notice", "body": "/repair" })), None);
        assert_eq!(message(json!({})), None, "it was taken back");
        assert_eq!(
            said(
                "m.room.encrypted",
                &json!({ "algorithm": "m.megolm.v1.aes-sha2" })
            ),
            Some(Said::Encrypted)
        );
        let reaction =
            json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": "$0", "key": "Yes" } });
        let expected = Said::Reaction {
            message: "$0".to_owned(),
            key: "Yes".to_owned(),
        };
        assert_eq!(said("m.reaction", &reaction), Some(expected));
    }

    #[test]
    fn what_was_said_before_the_invitation_is_left_out() {
        let text = |text: &str| event("m.room.message", &json!({ "msgtype": "m.text", "body": text }));
        let invitation =
            json!({ "type": "m.room.member", "state_key": BOT, "content": { "membership": "invite" } });
        let timeline = |events: Vec<Value>| {
            let news = json!({ "timeline": { "events": events, "limited": true, "prev_batch": "t1" } });
            RoomNews::parse("!a", &news, BOT)
        };
        let joined = timeline(vec![text("/stop"), invitation, text("/status")]);
        let said: Vec<_> = joined.events.iter().map(|event| &event.said).collect();
        assert_eq!(said, [&Said::Text("/status".to_owned())]);
        assert_eq!((joined.gap, joined.has_new_members), (None, true));
        let busy = timeline(vec![text("/stop")]);
        assert_eq!((busy.events.len(), busy.gap.as_deref()), (1, Some("t1")));
        assert_eq!(busy.events[0].age, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn invitation_names_who_invites_and_whether_to_a_direct_chat() {
        let answer = json!({ "next_batch": "s2", "rooms": { "invite": { "!a": { "invite_state": { "events": [
            { "type": "m.room.member", "state_key": "@ali:host", "sender": "@ali:host",
              "content": { "membership": "join", "displayname": "Ali" } },
            { "type": "m.room.member", "state_key": BOT, "sender": "@ali:host",
              "content": { "membership": "invite", "is_direct": true } },
        ] } }, "!b": { "invite_state": { "events": [] } } } } });
        let synced = Synced::parse(&answer, BOT).unwrap();
        let expected = Invitation {
            room: "!a".to_owned(),
            person: "@ali:host".to_owned(),
            name: "Ali".to_owned(),
            is_direct: true,
        };
        assert_eq!((synced.next.as_str(), synced.invitations), ("s2", vec![expected]));
        assert_eq!(Synced::parse(&json!({}), BOT), None);
    }
}
