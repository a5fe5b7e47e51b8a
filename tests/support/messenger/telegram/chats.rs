//! The chats of the bot: messages in both directions, and the methods that send and change them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::api::{Account, Outcome, Parameters, Refusal};
use super::keyboard;
use super::markup::{Formatted, parse_html};
use crate::support::messenger::seen::Seen;
use crate::support::messenger::state::State;

/// Maximum length of a text after its markup was read, in UTF-16 code units.
pub const TEXT_LIMIT: usize = 4096;
/// Actions of [`send_action`].
const ACTIONS: [&str; 11] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

/// The chats and their messages.
#[derive(Debug, Default)]
pub struct Chats {
    /// Objects `Chat` of the API by their ids.
    known: BTreeMap<i64, Value>,
    /// Objects `Message` of the API by their ids, which are unique over all chats.
    messages: BTreeMap<i64, Value>,
    blocked_by: BTreeSet<i64>,
    last_press_id: u64,
}

impl Chats {
    /// Makes a chat known to the bot.
    pub fn open(&mut self, chat: &Value) {
        self.known
            .insert(chat["id"].as_i64().expect("an id"), chat.clone());
    }

    /// Blocks the bot in a private chat, or ends that.
    pub fn set_blocked(&mut self, user: u32, is_blocked: bool) {
        if is_blocked {
            self.blocked_by.insert(user.into());
        } else {
            self.blocked_by.remove(&user.into());
        }
    }

    /// Returns the id of a new press.
    pub fn next_press_id(&mut self) -> String {
        self.last_press_id += 1;
        format!("18446744073{:09}", self.last_press_id)
    }

    /// Enters a message of a person and returns it.
    pub fn post(&mut self, from: &Value, chat: &Value, content: &Value) -> Value {
        self.open(chat);
        self.enter(from, chat, content)
    }

    /// Changes the last message of a person and returns it.
    pub fn edit_last_of(&mut self, user: u32, text: &str) -> Value {
        let is_theirs = |message: &&mut Value| message["from"]["id"] == user;
        let message = self
            .messages
            .values_mut()
            .rev()
            .find(is_theirs)
            .expect("a message");
        message["text"] = json!(text);
        message["edit_date"] = json!(unix_time());
        message.clone()
    }

    /// Enters a message and returns it.
    fn enter(&mut self, from: &Value, chat: &Value, content: &Value) -> Value {
        let id = self.messages.keys().next_back().map_or(1, |last| last + 1);
        let mut message = json!({"message_id": id, "from": from, "chat": chat, "date": unix_time()});
        let fields = content.as_object().expect("fields").clone();
        message.as_object_mut().expect("an object").extend(fields);
        self.messages.insert(id, message.clone());
        message
    }

    /// Returns the chat that a call names, where the bot may write to it.
    fn find(&self, parameters: &Parameters) -> Result<Value, Refusal> {
        let id = parameters.text("chat_id");
        if id.is_empty() {
            return Err(Refusal::bad("chat_id is empty"));
        }
        let id: i64 = id.parse().map_err(|_| Refusal::bad("chat not found"))?;
        let chat = self
            .known
            .get(&id)
            .ok_or_else(|| Refusal::bad("chat not found"))?;
        if self.blocked_by.contains(&id) {
            return Err(Refusal::new(403, "Forbidden: bot was blocked by the user"));
        }
        Ok(chat.clone())
    }

    /// Returns the bot's own message that a call wants to change.
    fn find_own_message(&mut self, parameters: &Parameters) -> Result<&mut Value, Refusal> {
        let chat = self.find(parameters)?;
        let id = parameters
            .number("message_id")
            .ok_or_else(|| Refusal::bad("message identifier is not specified"))?;
        let message = self.messages.get_mut(&id);
        let message = message
            .filter(|message| message["chat"]["id"] == chat["id"])
            .ok_or_else(|| Refusal::bad("message to edit not found"))?;
        if message["from"] == bot() {
            Ok(message)
        } else {
            Err(Refusal::bad("message can't be edited"))
        }
    }
}

/// Returns the bot as the object `User` of the API.
pub fn bot() -> Value {
    json!({
        "id": 4_839_574_812_u64, "is_bot": true, "first_name": "Rescue", "username": "rescue_test_bot",
        "can_join_groups": true, "can_read_all_group_messages": false, "supports_inline_queries": false
    })
}

/// Returns the seconds since 1970.
fn unix_time() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a time after 1970").as_secs()
}

/// Reads the text of a call.
fn read_text(parameters: &Parameters) -> Result<Formatted, Refusal> {
    let source = parameters.text("text");
    if source.is_empty() {
        return Err(Refusal::bad("message text is empty"));
    }
    let mut formatted = match parameters.text("parse_mode").to_lowercase().as_str() {
        "" | "none" => Formatted {
            text: source,
            entities: Vec::new(),
        },
        "html" => parse_html(&source).map_err(|e| Refusal::bad(format!("can't parse entities: {e}")))?,
        _ => return Err(Refusal::bad("unsupported parse_mode")),
    };
    formatted.text.truncate(formatted.text.trim_end().len());
    if formatted.text.trim().is_empty() {
        return Err(Refusal::bad("text must be non-empty"));
    }
    if formatted.text.encode_utf16().count() > TEXT_LIMIT {
        return Err(Refusal::bad("message is too long"));
    }
    Ok(formatted)
}

/// Puts text, entities and keyboard into a message. Without a keyboard the message loses the one that it has.
fn set_content(message: &mut Value, formatted: Formatted, keyboard: Option<Value>) {
    let fields = message.as_object_mut().expect("an object");
    fields.insert("text".to_owned(), formatted.text.into());
    fields.insert("entities".to_owned(), formatted.entities.into());
    set_keyboard(message, keyboard);
}

/// Puts a keyboard below a message in place of the one that it has.
fn set_keyboard(message: &mut Value, keyboard: Option<Value>) {
    let fields = message.as_object_mut().expect("an object");
    match keyboard {
        Some(keyboard) => fields.insert("reply_markup".to_owned(), keyboard),
        None => fields.remove("reply_markup"),
    };
}

/// Returns what people see of a message.
fn see(message: &Value, is_edit: bool) -> Seen {
    Seen {
        id: message["message_id"].to_string(),
        chat: message["chat"]["id"].to_string(),
        text: message["text"].as_str().unwrap_or_default().to_owned(),
        buttons: keyboard::labels(message),
        is_edit,
        alerts_all: false,
        raw: message.clone(),
    }
}

/// Sends a message.
pub fn send_message(state: &mut State<Account>, parameters: &Parameters) -> Outcome {
    let chats = &mut state.own.chats;
    let chat = chats.find(parameters)?;
    let formatted = read_text(parameters)?;
    let keyboard = keyboard::read(parameters)?;
    let mut content = json!({});
    let reply = parameters.object("reply_parameters")?;
    let replied = reply.as_ref().and_then(|reply| reply["message_id"].as_i64());
    if let Some(id) = replied.or_else(|| parameters.number("reply_to_message_id")) {
        match chats.messages.get(&id) {
            Some(message) => content["reply_to_message"] = message.clone(),
            None if reply.is_some_and(|reply| reply["allow_sending_without_reply"] == true) => {}
            None => return Err(Refusal::bad("message to be replied not found")),
        }
    }
    set_content(&mut content, formatted, keyboard);
    let message = chats.enter(&bot(), &chat, &content);
    state.seen.enter(see(&message, false));
    Ok(message)
}

/// Changes a message of the bot, and refuses an edit that changes nothing.
fn edit(state: &mut State<Account>, parameters: &Parameters, change: impl FnOnce(&mut Value)) -> Outcome {
    let message = state.own.chats.find_own_message(parameters)?;
    let before = message.clone();
    change(message);
    if *message == before {
        return Err(Refusal::bad(
            "message is not modified: specified new message content and reply markup are exactly the same as a \
             current content and reply markup of the message",
        ));
    }
    message["edit_date"] = json!(unix_time());
    let message = message.clone();
    state.seen.enter(see(&message, true));
    Ok(message)
}

/// Changes text and keyboard of a message.
pub fn edit_text(state: &mut State<Account>, parameters: &Parameters) -> Outcome {
    let formatted = read_text(parameters)?;
    let keyboard = keyboard::read(parameters)?;
    edit(state, parameters, |message| {
        set_content(message, formatted, keyboard);
    })
}

/// Changes the keyboard of a message.
pub fn edit_keyboard(state: &mut State<Account>, parameters: &Parameters) -> Outcome {
    let keyboard = keyboard::read(parameters)?;
    edit(state, parameters, |message| set_keyboard(message, keyboard))
}

/// Shows that the bot is doing something.
pub fn send_action(state: &mut State<Account>, parameters: &Parameters) -> Outcome {
    state.own.chats.find(parameters)?;
    if ACTIONS.contains(&parameters.text("action").as_str()) {
        Ok(json!(true))
    } else {
        Err(Refusal::bad("wrong parameter action in request"))
    }
}

/// Returns a chat.
pub fn get_chat(state: &mut State<Account>, parameters: &Parameters) -> Outcome {
    state.own.chats.find(parameters)
}
