//! A stand-in for Telegram: its Bot API as documented at `core.telegram.org/bots/api`, with the wording of errors of
//! `telegram-bot-api`, the server that Telegram publishes.
//!
//! Not there: webhooks, media of the bot, Markdown, channels, inline mode.

mod api;
mod chats;
mod keyboard;
mod markup;
mod updates;

use std::sync::Arc;

use axum::Router;
use serde_json::{Value, json};

use super::server::Server;
use super::state::{Call, Record, Shared};
use super::{Failure, Messenger, OWNER, Seen, User};
use api::Account;

/// The token of the bot of [`Telegram::start`].
pub const TOKEN: &str = "4839574812:AAFD39kkdpWt3ywyRZergyOLMaJhac60qcF";
/// Methods that show something to a person.
const SENDING_METHODS: [&str; 3] = ["sendMessage", "editMessageText", "editMessageReplyMarkup"];
/// Id of the owner of the bot. Ids of strangers follow.
const OWNER_ID: u32 = 4242;

/// A running stand-in for Telegram with one bot.
pub struct Telegram {
    shared: Arc<Shared<Account>>,
    server: Server,
}

impl Telegram {
    /// Starts the service. The owner of the bot has written to it at some time before.
    pub fn start() -> Self {
        let shared = Arc::new(Shared::new(Account::default()));
        shared.change(|state| state.own.chats.open(&private_chat(OWNER)));
        let for_router = shared.clone();
        let server = Server::start(|_| {
            Router::new().fallback(move |request| {
                let shared = for_router.clone();
                async move { api::answer(&shared, request).await }
            })
        });
        Self { shared, server }
    }

    /// Delivers a message with these fields beside the usual ones, from a person in a chat.
    pub fn post(&self, user: User, chat: &Value, content: &Value) {
        self.shared.change(|state| {
            let account = &mut state.own;
            let message = account.chats.post(&person(user), chat, content);
            account.updates.put("message", &message);
        });
    }

    /// Delivers a message in a group with the bot.
    pub fn say_in_group(&self, user: User, group: i64, text: &str) {
        let chat = json!({"id": group, "type": "supergroup", "title": "A group"});
        self.post(user, &chat, &text_content(text));
    }

    /// Delivers a message that the person forwarded from somebody else.
    pub fn forward(&self, user: User, author: User, text: &str) {
        let mut content = text_content(text);
        content["forward_origin"] =
            json!({"type": "user", "sender_user": person(author), "date": 1_700_000_000});
        self.post(user, &private_chat(user), &content);
    }

    /// Delivers a sticker.
    pub fn send_sticker(&self, user: User) {
        let sticker = json!({
            "file_id": "CAACAgIAAxkBAAE", "file_unique_id": "AgADAQ", "type": "regular", "width": 512, "height": 512,
            "is_animated": false, "is_video": false, "emoji": "👍"
        });
        self.post(user, &private_chat(user), &json!({"sticker": sticker}));
    }

    /// Changes the last message that the person wrote to the bot.
    ///
    /// # Panics
    /// Where there is none.
    pub fn edit_last(&self, user: User, text: &str) {
        self.shared.change(|state| {
            let account = &mut state.own;
            let message = account.chats.edit_last_of(user_id(user), text);
            account.updates.put("edited_message", &message);
        });
    }

    /// Makes every press that the bot has not answered too old to be answered.
    pub fn expire_presses(&self) {
        self.shared.change(|state| state.own.open_presses.clear());
    }

    /// Lets another process poll with the same token, or ends that.
    pub fn set_polled_elsewhere(&self, is_polled: bool) {
        self.shared
            .change(|state| state.own.updates.set_polled_elsewhere(is_polled));
    }

    /// Blocks the bot, or ends that.
    pub fn set_blocked(&self, user: User, is_blocked: bool) {
        self.shared
            .change(|state| state.own.chats.set_blocked(user_id(user), is_blocked));
    }

    /// Lets the next `count` calls of a method fail.
    pub fn fail(&self, method: &str, failure: Failure, count: usize) {
        self.shared
            .change(|state| state.faults.plan(&[method], failure, count));
    }

    /// Returns every call of the bot, the first one first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.change(|state| state.calls.clone())
    }

    /// Waits for a call of the bot that is wanted, made already or not.
    pub fn wait_for_call(&self, what: &str, wanted: impl Fn(&Call) -> bool) -> Call {
        self.shared.wait(what, |state| {
            state.calls.iter().find(|call| wanted(call)).cloned()
        })
    }

    /// Waits until the bot has confirmed every update by a higher offset.
    pub fn wait_until_confirmed(&self) {
        self.shared.wait("every update is confirmed", |state| {
            state.own.updates.is_empty().then_some(())
        });
    }
}

impl Messenger for Telegram {
    fn config(&self, owners: &[User]) -> Value {
        let owners: Vec<_> = owners.iter().map(|owner| self.id(*owner)).collect();
        json!({"enabled": true, "botToken": TOKEN, "apiRoot": self.api(), "allowFrom": owners})
    }

    fn api(&self) -> String {
        format!("http://{}", self.server.address())
    }

    fn id(&self, user: User) -> String {
        user_id(user).to_string()
    }

    fn text_limit(&self) -> usize {
        chats::TEXT_LIMIT
    }

    fn text_length(&self, text: &str) -> usize {
        text.encode_utf16().count()
    }

    fn say(&self, user: User, text: &str) {
        self.post(user, &private_chat(user), &text_content(text));
    }

    #[track_caller]
    fn press(&self, user: User, message: &Seen, label: &str) {
        let data = keyboard::data(&message.raw, label);
        let data = data.unwrap_or_else(|| panic!("no button {label:?}: {message:#?}"));
        self.shared.change(|state| {
            let account = &mut state.own;
            let id = account.chats.next_press_id();
            account.open_presses.insert(id.clone());
            let press = json!({
                "id": id, "from": person(user), "message": message.raw, "chat_instance": "-3141592653589793238",
                "data": data
            });
            account.updates.put("callback_query", &press);
        });
    }

    fn record(&self) -> &dyn Record {
        &*self.shared
    }

    fn sending_methods(&self) -> &'static [&'static str] {
        &SENDING_METHODS
    }

    fn revoke(&self) {
        self.shared.change(|state| state.own.is_revoked = true);
    }

    fn drop_connections(&self) {
        self.shared.change(|state| state.own.updates.forget_polls());
        self.server.drop_connections();
    }

    fn set_reachable(&self, is_reachable: bool) {
        self.shared.change(|state| state.own.updates.forget_polls());
        self.server.set_reachable(is_reachable);
    }

    fn wait_until_connected(&self) {
        self.shared.wait("the bot polls", |state| {
            state.own.updates.has_been_polled().then_some(())
        });
    }

    fn repeat_last(&self) {
        self.shared.change(|state| state.own.updates.repeat_last());
    }
}

/// Returns the id of a person.
fn user_id(user: User) -> u32 {
    OWNER_ID + user.number
}

/// Returns a person as the object `User` of the API.
fn person(user: User) -> Value {
    let name = if user == OWNER.speaking(user.language) {
        "Ali".to_owned()
    } else {
        format!("Stranger {}", user.number)
    };
    json!({
        "id": user_id(user), "is_bot": false, "first_name": name,
        "username": format!("user_{}", user.number), "language_code": user.language
    })
}

/// Returns the private chat of a person with the bot as the object `Chat` of the API.
fn private_chat(user: User) -> Value {
    let person = person(user);
    json!({
        "id": person["id"], "type": "private", "first_name": person["first_name"], "username": person["username"]
    })
}

/// Returns the fields of a text message. A command at its start is marked, as Telegram does.
fn text_content(text: &str) -> Value {
    let command = text
        .split_whitespace()
        .next()
        .filter(|word| word.len() > 1 && word.starts_with('/'));
    match command {
        Some(word) if text.starts_with('/') => {
            let length = word.encode_utf16().count();
            json!({"text": text, "entities": [{"type": "bot_command", "offset": 0, "length": length}]})
        }
        _ => json!({"text": text}),
    }
}
