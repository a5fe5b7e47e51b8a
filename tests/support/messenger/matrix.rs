//! Matrix with a real homeserver: Synapse, behind a proxy that breaks calls of the bot as the test plans it.
//!
//! Buttons are reactions: the bot reacts to its own message once for each button, with the label as the key, and a person
//! presses one by reacting with the same key. Rooms are not encrypted.

mod events;
mod proxy;
mod relay;
pub mod synapse;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::Request;
use serde_json::{Value, json};

use super::server::Server;
use super::state::{Call, Record, Shared};
use super::{Messenger, OWNER, Seen, User};
use events::Room;
use proxy::Account;
use synapse::Synapse;

/// Calls that show something to a person.
const SENDING_METHODS: [&str; 1] = ["PUT /rooms/{id}/send/m.room.message/{id}"];
/// Maximum size of an event, in bytes.
const EVENT_LIMIT: usize = 65_536;

/// A bot on the homeserver of this test process.
pub struct Matrix {
    shared: Arc<Shared<Account>>,
    synapse: &'static Synapse,
    server: Server,
    /// Tells the people of this bot from those of other tests on the same homeserver.
    number: u32,
    bot_id: String,
    bot_token: String,
}

impl Matrix {
    /// Registers a bot on the homeserver, which the first call starts. Its owner has a private room with it. Returns `None`
    /// where Synapse is not installed; the calling test counts as skipped then.
    #[track_caller]
    pub fn start() -> Option<Self> {
        /// Number of bots on the homeserver.
        static BOTS: AtomicU32 = AtomicU32::new(0);
        let synapse = synapse::get()?;
        let number = BOTS.fetch_add(1, Ordering::Relaxed);
        let (bot_id, bot_token) = synapse.register(&format!("bot{number}{}", synapse.suffix()));
        let shared = Arc::new(Shared::new(Account::default()));
        let for_router = shared.clone();
        let url = synapse.url().to_owned();
        let server = Server::start(|_| {
            Router::new().fallback(move |request: Request| {
                let (shared, url) = (for_router.clone(), url.clone());
                async move { proxy::forward(&shared, &url, request).await }
            })
        });
        let matrix = Self {
            shared,
            synapse,
            server,
            number,
            bot_id,
            bot_token,
        };
        let room = matrix.room(OWNER);
        matrix.synapse.call(
            &matrix.bot_token,
            "POST",
            &format!("/rooms/{}/join", room.id),
            &json!({}),
        );
        Some(matrix)
    }

    /// Returns the private room of a person with the bot. The first call registers the person, makes the room, and invites
    /// the bot to it.
    fn room(&self, user: User) -> Room {
        let known = self
            .shared
            .change(|state| state.own.rooms.get(&user.number).cloned());
        if let Some(room) = known {
            return room;
        }
        let (_, token) = self.synapse.register(&self.local_name(user));
        let invitation =
            json!({"preset": "trusted_private_chat", "is_direct": true, "invite": [self.bot_id]});
        let made = self.synapse.call(&token, "POST", "/createRoom", &invitation);
        let room = Room {
            id: made["room_id"].as_str().expect("an id").to_owned(),
            token,
        };
        self.shared
            .change(|state| state.own.rooms.insert(user.number, room.clone()));
        events::watch(&self.shared, self.synapse, room.clone(), self.bot_id.clone());
        room
    }

    /// Makes a further room of a person as the person wishes, and invites the bot to it, after all others. Returns its id.
    pub fn make_room(&self, user: User, mut wish: Value) -> String {
        let token = self.room(user).token;
        let mut invited = wish["invite"].as_array().cloned().unwrap_or_default();
        invited.push(self.bot_id.clone().into());
        wish["invite"] = invited.into();
        let made = self.synapse.call(&token, "POST", "/createRoom", &wish);
        let room = Room {
            id: made["room_id"].as_str().expect("an id").to_owned(),
            token,
        };
        events::watch(&self.shared, self.synapse, room.clone(), self.bot_id.clone());
        room.id
    }

    /// Returns the id of the private room of a person with the bot.
    pub fn private_room(&self, user: User) -> String {
        self.room(user).id
    }

    /// Sends an event to a room as a person.
    pub fn send_to(&self, user: User, room: &str, kind: &str, content: &Value) -> String {
        let token = self.room(user).token;
        let id = room.to_owned();
        self.send(&Room { id, token }, kind, content)
    }

    /// Calls the homeserver as a person, or as the bot.
    pub fn call_as(&self, user: Option<User>, method: &str, path: &str, content: &Value) -> Value {
        let token = user.map_or_else(|| self.bot_token.clone(), |user| self.room(user).token);
        self.synapse.call(&token, method, path, content)
    }

    /// Returns the id of the bot.
    pub fn bot_id(&self) -> &str {
        &self.bot_id
    }

    /// Returns the name of a person on the homeserver.
    fn local_name(&self, user: User) -> String {
        format!(
            "user{}-of-bot{}{}",
            user.number,
            self.number,
            self.synapse.suffix()
        )
    }

    /// Sends an event as a person and returns its id.
    fn send(&self, room: &Room, kind: &str, content: &Value) -> String {
        let transaction = self.shared.change(|state| state.own.next_transaction());
        let path = format!("/rooms/{}/send/{kind}/{transaction}", room.id);
        let sent = self.synapse.call(&room.token, "PUT", &path, content);
        sent["event_id"].as_str().expect("an id").to_owned()
    }

    /// Changes the last message that the person wrote to the bot.
    ///
    /// # Panics
    /// Where there is none.
    pub fn edit_last(&self, user: User, text: &str) {
        let room = self.room(user);
        let last = self
            .shared
            .change(|state| state.own.last_messages.get(&user.number).cloned());
        let new = json!({"msgtype": "m.text", "body": text});
        let content = json!({
            "msgtype": "m.text", "body": format!("* {text}"), "m.new_content": new,
            "m.relates_to": {"rel_type": "m.replace", "event_id": last.expect("a message")}
        });
        self.send(&room, "m.room.message", &content);
    }

    /// Returns every call of the bot, the first one first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.change(|state| state.calls.clone())
    }
}

impl Messenger for Matrix {
    fn config(&self, owners: &[User]) -> Value {
        let owners: Vec<_> = owners.iter().map(|owner| self.id(*owner)).collect();
        json!({
            "enabled": true, "homeserver": self.api(), "userId": self.bot_id, "accessToken": self.bot_token,
            "encryption": false, "network": {"dangerouslyAllowPrivateNetwork": true}, "dm": {"allowFrom": owners}
        })
    }

    fn api(&self) -> String {
        format!("http://{}", self.server.address())
    }

    fn id(&self, user: User) -> String {
        format!("@{}:{}", self.local_name(user), synapse::SERVER_NAME)
    }

    fn text_limit(&self) -> usize {
        EVENT_LIMIT
    }

    fn text_length(&self, text: &str) -> usize {
        text.len()
    }

    fn say(&self, user: User, text: &str) {
        let room = self.room(user);
        let id = self.send(
            &room,
            "m.room.message",
            &json!({"msgtype": "m.text", "body": text}),
        );
        self.shared
            .change(|state| state.own.last_messages.insert(user.number, id));
    }

    #[track_caller]
    fn press(&self, user: User, message: &Seen, label: &str) {
        assert!(
            message.buttons.iter().any(|button| button == label),
            "no button {label:?}: {message:#?}"
        );
        let room = self.room(user);
        let key = (user.number, message.id.clone(), label.to_owned());
        // A person can react once with a key: the second press takes the first one back.
        if let Some(earlier) = self.shared.change(|state| state.own.presses.remove(&key)) {
            let transaction = self.shared.change(|state| state.own.next_transaction());
            let path = format!("/rooms/{}/redact/{earlier}/{transaction}", room.id);
            self.synapse.call(&room.token, "PUT", &path, &json!({}));
        }
        let relation = json!({"rel_type": "m.annotation", "event_id": message.id, "key": label});
        let id = self.send(&room, "m.reaction", &json!({"m.relates_to": relation}));
        self.shared.change(|state| state.own.presses.insert(key, id));
    }

    fn record(&self) -> &dyn Record {
        &*self.shared
    }

    fn sending_methods(&self) -> &'static [&'static str] {
        &SENDING_METHODS
    }

    fn revoke(&self) {
        self.synapse.call(&self.bot_token, "POST", "/logout", &json!({}));
    }

    fn drop_connections(&self) {
        self.shared.change(|state| state.own.has_synced = false);
        self.server.drop_connections();
    }

    fn set_reachable(&self, is_reachable: bool) {
        self.shared.change(|state| state.own.has_synced = false);
        self.server.set_reachable(is_reachable);
    }

    fn wait_until_connected(&self) {
        self.shared
            .wait("the bot syncs", |state| state.own.has_synced.then_some(()));
    }

    fn repeat_last(&self) {
        self.shared.change(|state| state.own.repeat_last());
    }
}

impl Drop for Matrix {
    fn drop(&mut self) {
        self.shared.change(|state| state.own.is_over = true);
    }
}
