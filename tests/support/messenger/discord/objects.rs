//! The objects of Discord: users, channels, messages, presses of buttons, and the sessions that hear of them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::gateway::{Connection, Session};
use crate::support::messenger::markdown::{Dialect, render};
use crate::support::messenger::seen::Seen;
use crate::support::messenger::{OWNER, User};

/// Id of the bot and of its application.
pub const BOT_ID: &str = "198622483471925248";
/// Id of the channel of a server.
pub const GROUP_CHANNEL: &str = "290926798999357250";
/// The id of the server with that channel.
pub const GUILD: &str = "41771983423143937";
/// Id of the owner of the bot. Ids of strangers follow.
const OWNER_ID: u64 = 53_908_232_506_183_680;
/// Id of the private channel with the owner. Those with strangers follow.
const OWNER_CHANNEL: u64 = 319_674_150_115_610_528;
/// Id of the first message, press or other object that is made.
const FIRST_ID: u64 = 1_300_000_000_000_000_000;

/// How the bot answered a press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    Waits,
    Answered,
}

/// The bot and everything that Discord knows of it.
#[derive(Debug, Default)]
pub struct Account {
    pub is_revoked: bool,
    pub is_content_intent_forbidden: bool,
    /// Milliseconds; 0 for Discord's own interval.
    pub heartbeat_interval: u32,
    /// The sessions that can be resumed, by their ids.
    pub sessions: BTreeMap<String, Session>,
    /// The connections to the gateway.
    pub connections: BTreeMap<u64, Connection>,
    /// Presses by id and token, with the message that was pressed.
    pub presses: BTreeMap<(String, String), (Press, Value)>,
    /// The commands of the menu.
    pub commands: Vec<Value>,
    /// Message objects by their ids.
    pub messages: BTreeMap<u64, Value>,
    last_event: Option<(String, Value)>,
    last_id: u64,
}

impl Account {
    /// Returns a new id. Later ones are greater.
    pub fn next_id(&mut self) -> u64 {
        self.last_id = (self.last_id + 1).max(FIRST_ID);
        self.last_id
    }

    /// Ends every session.
    pub fn end_sessions(&mut self) {
        self.sessions.clear();
        for connection in self.connections.values_mut() {
            connection.session = None;
        }
    }

    /// Enters a message and returns it.
    pub fn enter(&mut self, author: &Value, channel: &str, content: &Value) -> Value {
        let id = self.next_id();
        let mut message = json!({
            "id": id.to_string(), "channel_id": channel, "author": author, "content": "", "timestamp": now(),
            "edited_timestamp": null, "tts": false, "mention_everyone": false, "mentions": [], "mention_roles": [],
            "attachments": [], "embeds": [], "components": [], "pinned": false, "type": 0
        });
        let fields = content.as_object().expect("fields").clone();
        message.as_object_mut().expect("an object").extend(fields);
        self.messages.insert(id, message.clone());
        message
    }

    /// Changes the last message of a person and returns it.
    pub fn edit_last_of(&mut self, user: User, text: &str) -> Value {
        let is_theirs = |message: &&mut Value| message["author"]["id"] == user_id(user);
        let message = self
            .messages
            .values_mut()
            .rev()
            .find(is_theirs)
            .expect("a message");
        message["content"] = json!(text);
        message["edited_timestamp"] = json!(now());
        message.clone()
    }

    /// Presses a button and returns the interaction.
    pub fn press(&mut self, user: User, message: &Value, button: &Value) -> Value {
        let id = self.next_id().to_string();
        let token = format!("aW50ZXJhY3Rpb24{id}");
        self.presses
            .insert((id.clone(), token.clone()), (Press::Waits, message.clone()));
        json!({
            "id": id, "application_id": BOT_ID, "type": 3, "token": token, "version": 1, "user": person(user),
            "channel_id": message["channel_id"], "message": message, "locale": user.language,
            "data": {"component_type": 2, "custom_id": button}
        })
    }

    /// Chooses a command of the menu and returns the interaction.
    ///
    /// # Panics
    /// Where the menu has no such command.
    pub fn choose(&mut self, user: User, name: &str, text: &str) -> Value {
        let command = self.commands.iter().find(|command| command["name"] == name);
        let option = command.expect("a command of the menu")["options"][0].clone();
        let id = self.next_id().to_string();
        let token = format!("aW50ZXJhY3Rpb24{id}");
        let channel = private_channel(user);
        let place = json!({"channel_id": channel});
        self.presses
            .insert((id.clone(), token.clone()), (Press::Waits, place));
        let mut data = json!({"id": "1", "name": name, "type": 1});
        if !text.is_empty() {
            data["options"] = json!([{"name": option["name"], "type": option["type"], "value": text}]);
        }
        json!({
            "id": id, "application_id": BOT_ID, "type": 2, "token": token, "version": 1, "user": person(user),
            "channel_id": channel, "context": 1, "locale": user.language, "data": data
        })
    }

    /// Lets every session hear of an event, where it asked for such events.
    pub fn dispatch(&mut self, name: &str, data: &Value) {
        let is_of_bot = data["author"]["id"] == BOT_ID;
        if !is_of_bot {
            self.last_event = Some((name.to_owned(), data.clone()));
        }
        for session in self.sessions.values_mut() {
            session.dispatch(name, data);
        }
    }

    /// Lets every session hear of the last event of a person again.
    ///
    /// # Panics
    /// Where there was none.
    pub fn repeat_last(&mut self) {
        let (name, data) = self.last_event.clone().expect("an event");
        self.dispatch(&name, &data);
    }
}

/// Returns the id of a person.
pub fn user_id(user: User) -> String {
    (OWNER_ID + u64::from(user.number)).to_string()
}

/// Returns a person as a user object.
pub fn person(user: User) -> Value {
    let name = if user.number == OWNER.number {
        "ali".to_owned()
    } else {
        format!("stranger{}", user.number)
    };
    json!({"id": user_id(user), "username": name, "discriminator": "0", "global_name": name, "avatar": null})
}

/// Returns the bot as a user object.
pub fn bot() -> Value {
    json!({"id": BOT_ID, "username": "rescue", "discriminator": "8397", "global_name": null, "avatar": null, "bot": true})
}

/// Returns the id of the private channel of a person with the bot.
pub fn private_channel(user: User) -> String {
    (OWNER_CHANNEL + u64::from(user.number)).to_string()
}

/// Returns the id of the private channel of the person with this id, or `None` where there is no such person.
pub fn private_channel_of(id: &str) -> Option<String> {
    let number = id.parse::<u64>().ok()?.checked_sub(OWNER_ID)?;
    let number = u32::try_from(number).ok()?;
    Some(private_channel(User { number, ..OWNER }))
}

/// Returns whether a channel exists.
pub fn is_channel(id: &str) -> bool {
    let is_private = |id: u64| {
        id.checked_sub(OWNER_CHANNEL)
            .is_some_and(|number| u32::try_from(number).is_ok())
    };
    id == GROUP_CHANNEL || id.parse().is_ok_and(is_private)
}

/// Returns the buttons of a message.
pub fn buttons(message: &Value) -> impl Iterator<Item = &Value> {
    let rows = message["components"].as_array();
    rows.into_iter()
        .flatten()
        .filter_map(|row| row["components"].as_array())
        .flatten()
}

/// Returns what people see of a message.
pub fn see(message: &Value, is_edit: bool) -> Seen {
    let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
    Seen {
        id: text(&message["id"]),
        chat: text(&message["channel_id"]),
        text: render(&text(&message["content"]), Dialect::Discord),
        buttons: buttons(message).map(|button| text(&button["label"])).collect(),
        is_edit,
        alerts_all: message["mention_everyone"] == true,
        raw: message.clone(),
    }
}

/// Returns the time as Discord writes it.
pub fn now() -> String {
    humantime::format_rfc3339_micros(SystemTime::now())
        .to_string()
        .replace('Z', "+00:00")
}
