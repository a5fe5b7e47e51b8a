//! The objects of Slack: users, channels, messages, and the envelopes in which a bot gets them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::socket::Order;
use crate::support::messenger::markdown::{Dialect, render};
use crate::support::messenger::seen::Seen;
use crate::support::messenger::{OWNER, User};

/// Id of the bot's user.
pub const BOT_USER: &str = "U0RESCUEBOT";
/// Id of the bot.
pub const BOT_ID: &str = "B0RESCUEBOT";
/// Id of the workspace.
pub const TEAM: &str = "T0TESTTEAM";
/// Id of the app.
pub const APP: &str = "A0123456789";
/// Id of a channel with the bot.
pub const GROUP_CHANNEL: &str = "C0GENERAL01";
/// Beginning of the ids of users.
const USER_PREFIX: &str = "U0USER";
/// Beginning of the ids of private channels.
const CHANNEL_PREFIX: &str = "D0USER";
/// Words in a text that alert everybody.
const ALERTS: [&str; 3] = ["<!channel", "<!here", "<!everyone"];

/// An envelope that the bot has to acknowledge.
#[derive(Clone, Debug)]
pub struct Envelope {
    kind: &'static str,
    payload: Value,
    attempt: u32,
}

/// The app and everything that Slack knows of it.
#[derive(Debug, Default)]
pub struct Account {
    pub is_revoked: bool,
    /// Tickets of URLs for Socket Mode that nobody has used.
    pub tickets: BTreeSet<String>,
    /// What the test wants of the connections, by their numbers.
    pub connections: BTreeMap<u64, VecDeque<Order>>,
    /// Messages by their time stamps.
    pub messages: BTreeMap<String, Value>,
    /// Envelopes that no connection has got.
    waiting: VecDeque<Envelope>,
    /// Envelopes that were sent and not acknowledged, by their ids.
    unacknowledged: BTreeMap<String, Envelope>,
    last: Option<Envelope>,
    last_number: u64,
}

impl Account {
    /// Returns a new number. Later ones are greater.
    pub fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Enters a message and returns it. What a person writes is escaped.
    pub fn enter(&mut self, user: &str, channel: &str, text: &str) -> Value {
        let escaped = text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        self.enter_content(user, channel, &json!({"text": escaped}))
    }

    /// Enters a message with these fields and returns it.
    pub fn enter_content(&mut self, user: &str, channel: &str, content: &Value) -> Value {
        let time = format!("1700000000.{:06}", self.next_number());
        let kind = if channel.starts_with('D') { "im" } else { "channel" };
        let mut message = json!({
            "type": "message", "user": user, "ts": time, "event_ts": time, "channel": channel, "channel_type": kind,
            "team": TEAM
        });
        let fields = content.as_object().expect("fields").clone();
        message.as_object_mut().expect("an object").extend(fields);
        if user == BOT_USER {
            message["bot_id"] = json!(BOT_ID);
        }
        self.messages.insert(time, message.clone());
        message
    }

    /// Changes the last message of a person and delivers that.
    pub fn edit_last_of(&mut self, user: User, text: &str) {
        let is_theirs = |message: &&mut Value| message["user"] == user_id(user);
        let message = self
            .messages
            .values_mut()
            .rev()
            .find(is_theirs)
            .expect("a message");
        let before = message.clone();
        message["text"] = json!(text);
        let after = message.clone();
        self.deliver_change(&before, &after);
    }

    /// Delivers the change of a message.
    pub fn deliver_change(&mut self, before: &Value, after: &Value) {
        self.deliver_event(&json!({
            "type": "message", "subtype": "message_changed", "channel": after["channel"],
            "channel_type": after["channel_type"], "message": after, "previous_message": before,
            "ts": after["ts"], "event_ts": after["ts"]
        }));
    }

    /// Delivers an event.
    pub fn deliver_event(&mut self, event: &Value) {
        let id = format!("Ev{:09}", self.next_number());
        let is_of_bot = event["user"] == BOT_USER || event["message"]["user"] == BOT_USER;
        let payload = json!({
            "token": "unused", "team_id": TEAM, "api_app_id": APP, "type": "event_callback", "event_id": id,
            "event_time": 1_700_000_000, "event": event,
            "authorizations": [{"team_id": TEAM, "user_id": BOT_USER, "is_bot": true}]
        });
        self.deliver("events_api", payload, is_of_bot);
    }

    /// Delivers a command: its word, and the text after it.
    pub fn deliver_command(&mut self, user: User, text: &str) {
        let (command, text) = text.split_once(' ').unwrap_or((text, ""));
        let payload = json!({
            "command": command, "text": text, "user_id": user_id(user), "user_name": user_id(user),
            "channel_id": private_channel(user), "channel_name": "directmessage", "team_id": TEAM, "api_app_id": APP,
            "trigger_id": format!("1.{}", self.next_number())
        });
        self.deliver("slash_commands", payload, false);
    }

    /// Delivers the press of a button.
    pub fn press(&mut self, user: User, message: &Value, button: &Value) {
        let mut action = button.clone();
        action["action_ts"] = json!(format!("1700000000.{:06}", self.next_number()));
        let payload = json!({
            "type": "block_actions", "api_app_id": APP, "team": {"id": TEAM}, "message": message, "actions": [action],
            "user": {"id": user_id(user), "username": user_id(user), "team_id": TEAM},
            "channel": {"id": message["channel"], "name": "directmessage"},
            "container": {"type": "message", "message_ts": message["ts"], "channel_id": message["channel"]},
            "trigger_id": format!("1.{}", self.next_number())
        });
        self.deliver("interactive", payload, false);
    }

    /// Puts an envelope into the queue.
    fn deliver(&mut self, kind: &'static str, payload: Value, is_of_bot: bool) {
        let envelope = Envelope {
            kind,
            payload,
            attempt: 0,
        };
        if !is_of_bot {
            self.last = Some(envelope.clone());
        }
        self.waiting.push_back(envelope);
    }

    /// Delivers the last event of a person again, as a retry.
    ///
    /// # Panics
    /// Where there was none.
    pub fn repeat_last(&mut self) {
        let last = self.last.clone().expect("an event");
        self.waiting.push_back(last.retried());
    }

    /// Delivers again what was sent and not acknowledged.
    pub fn retry_unacknowledged(&mut self) {
        let unacknowledged = std::mem::take(&mut self.unacknowledged);
        self.waiting
            .extend(unacknowledged.into_values().map(Envelope::retried));
    }

    /// Returns whether nothing waits for the bot or its acknowledgement.
    pub fn is_all_acknowledged(&self) -> bool {
        self.waiting.is_empty() && self.unacknowledged.is_empty()
    }

    /// Takes the next envelope to send, or `None` where there is none.
    pub fn next_envelope(&mut self) -> Option<Value> {
        let envelope = self.waiting.pop_front()?;
        let id = format!("{:08x}-0000-4000-8000-000000000000", self.next_number());
        let mut document = json!({
            "envelope_id": id, "type": envelope.kind, "payload": envelope.payload,
            "accepts_response_payload": envelope.kind == "slash_commands"
        });
        if envelope.kind == "events_api" {
            document["retry_attempt"] = json!(envelope.attempt);
            document["retry_reason"] = json!(if envelope.attempt == 0 { "" } else { "timeout" });
        }
        self.unacknowledged.insert(id, envelope);
        Some(document)
    }

    /// Takes an acknowledgement, and shows what it answers to a command. Returns the message that it makes.
    pub fn acknowledge(&mut self, document: &Value) -> Option<Value> {
        let envelope = self.unacknowledged.remove(document["envelope_id"].as_str()?)?;
        let answer = document
            .get("payload")
            .filter(|_| envelope.kind == "slash_commands")?;
        let channel = envelope.payload["channel_id"].as_str()?.to_owned();
        Some(self.enter_content(BOT_USER, &channel, answer))
    }
}

impl Envelope {
    /// Returns the envelope as it is sent the next time.
    fn retried(self) -> Self {
        Self {
            attempt: self.attempt + 1,
            ..self
        }
    }
}

/// Returns the id of a person.
pub fn user_id(user: User) -> String {
    format!("{USER_PREFIX}{:05}", user.number)
}

/// Returns the id of the private channel of a person with the bot.
pub fn private_channel(user: User) -> String {
    format!("{CHANNEL_PREFIX}{:05}", user.number)
}

/// Returns the person with an id, or `None` where there is none.
pub fn person(id: &str) -> Option<User> {
    let number = id.strip_prefix(USER_PREFIX)?.parse().ok()?;
    Some(User { number, ..OWNER })
}

/// Returns the channel that a call names by its id or by a person's, or `None` where there is none.
pub fn channel(id: &str) -> Option<String> {
    let is_private = |id: &str| {
        id.strip_prefix(CHANNEL_PREFIX)
            .is_some_and(|number| number.parse::<u32>().is_ok())
    };
    match person(id) {
        Some(user) => Some(private_channel(user)),
        None => (id == GROUP_CHANNEL || is_private(id)).then(|| id.to_owned()),
    }
}

/// Returns the blocks of a message.
fn blocks(message: &Value) -> impl Iterator<Item = &Value> {
    message["blocks"].as_array().into_iter().flatten()
}

/// Returns the buttons of a message.
pub fn buttons(message: &Value) -> impl Iterator<Item = &Value> {
    let elements = blocks(message)
        .filter_map(|block| block["elements"].as_array())
        .flatten();
    elements.filter(|element| element["type"] == "button")
}

/// Returns what people see of a message: its blocks, or its text where it has none.
pub fn see(message: &Value, is_edit: bool) -> Seen {
    let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
    let read = |object: &Value| match object["type"].as_str() {
        Some("plain_text") => text(&object["text"]),
        _ => render(&text(&object["text"]), Dialect::Slack),
    };
    let sections: Vec<_> = blocks(message)
        .filter(|block| block["text"].is_object())
        .collect();
    let shown = match sections.as_slice() {
        [] => render(&text(&message["text"]), Dialect::Slack),
        sections => sections
            .iter()
            .map(|block| read(&block["text"]))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    let source = message["text"].to_string() + &message["blocks"].to_string();
    Seen {
        id: text(&message["ts"]),
        chat: text(&message["channel"]),
        text: shown,
        buttons: buttons(message)
            .map(|button| text(&button["text"]["text"]))
            .collect(),
        is_edit,
        alerts_all: ALERTS.iter().any(|alert| source.contains(alert)),
        raw: message.clone(),
    }
}
