//! A stand-in for Discord: its gateway (version 10) and its HTTP API as documented at `docs.discord.com/developers`.
//!
//! Not there: compression, shards, files, embeds, and the counting of requests per bucket.

mod gateway;
mod objects;
mod rest;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use serde_json::{Value, json};

use super::server::Server;
use super::state::{Call, Record, Shared};
use super::{Messenger, Seen, User};
use gateway::Order;
use objects::Account;

pub use objects::{GROUP_CHANNEL, GUILD};

/// The token of the bot of [`Discord::start`].
pub const TOKEN: &str = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs";
/// Calls that show something to a person.
const SENDING_METHODS: [&str; 2] = [
    "POST /channels/{id}/messages",
    "PATCH /channels/{id}/messages/{id}",
];

/// A running stand-in for Discord with one bot.
pub struct Discord {
    shared: Arc<Shared<Account>>,
    server: Server,
}

impl Discord {
    /// Starts the service. The owner of the bot has written to it at some time before.
    pub fn start() -> Self {
        let shared = Arc::new(Shared::new(Account::default()));
        let for_router = shared.clone();
        let server = Server::start(|address| router(address, &for_router));
        Self { shared, server }
    }

    /// Delivers a message with these fields beside the usual ones, in the private chat of `user` with the bot.
    pub fn post(&self, user: User, content: &Value) {
        self.shared.change(|state| {
            let channel = objects::private_channel(user);
            let message = state.own.enter(&objects::person(user), &channel, content);
            state.own.dispatch("MESSAGE_CREATE", &message);
        });
    }

    /// Delivers a message in a channel of a server with the bot.
    pub fn say_in_group(&self, user: User, text: &str) {
        self.shared.change(|state| {
            let mut message = state.own.enter(
                &objects::person(user),
                objects::GROUP_CHANNEL,
                &json!({"content": text}),
            );
            message["guild_id"] = json!(objects::GUILD);
            state.own.dispatch("MESSAGE_CREATE", &message);
        });
    }

    /// Changes the last message that the person wrote to the bot.
    ///
    /// # Panics
    /// Where there is none.
    pub fn edit_last(&self, user: User, text: &str) {
        self.shared.change(|state| {
            let message = state.own.edit_last_of(user, text);
            state.own.dispatch("MESSAGE_UPDATE", &message);
        });
    }

    /// Chooses a command of the bot's menu, with a text after it.
    ///
    /// # Panics
    /// Where the menu has no such command.
    pub fn choose(&self, user: User, name: &str, text: &str) {
        self.shared.change(|state| {
            let choice = state.own.choose(user, name, text);
            state.own.dispatch("INTERACTION_CREATE", &choice);
        });
    }

    /// Makes every press that the bot has not answered too old to be answered.
    pub fn expire_presses(&self) {
        self.shared.change(|state| state.own.presses.clear());
    }

    /// Asks the bot to reconnect and resume (opcode 7).
    pub fn ask_to_reconnect(&self) {
        self.order(&Order::Send(json!({"op": 7, "d": null})));
    }

    /// Tells the bot that its session is invalid (opcode 9), and ends the session unless it can be resumed.
    pub fn invalidate_session(&self, can_resume: bool) {
        self.order(&Order::Send(json!({"op": 9, "d": can_resume})));
        if !can_resume {
            self.shared.change(|state| state.own.end_sessions());
        }
    }

    /// Asks the bot for a heartbeat at once (opcode 1).
    pub fn ask_for_heartbeat(&self) {
        self.order(&Order::Send(json!({"op": 1, "d": null})));
    }

    /// Closes the connections of the bot with a code.
    pub fn close(&self, code: u16) {
        self.order(&Order::Close(code));
    }

    /// Sets the time between heartbeats that a connection is told from now on.
    pub fn set_heartbeat_interval(&self, milliseconds: u32) {
        self.shared
            .change(|state| state.own.heartbeat_interval = milliseconds);
    }

    /// Stops answering heartbeats on every connection that exists, as a connection does that died half.
    pub fn ignore_heartbeats(&self) {
        self.shared.change(|state| {
            for connection in state.own.connections.values_mut() {
                connection.ignores_heartbeats = true;
            }
        });
    }

    /// Allows or forbids the bot to ask for the content of messages in servers.
    pub fn allow_content_intent(&self, is_allowed: bool) {
        self.shared
            .change(|state| state.own.is_content_intent_forbidden = !is_allowed);
    }

    /// Returns every call of the bot, the first one first. What it sends to the gateway has the method `gateway`.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.change(|state| state.calls.clone())
    }

    /// Waits for a call of the bot that is wanted, made already or not.
    pub fn wait_for_call(&self, what: &str, wanted: impl Fn(&Call) -> bool) -> Call {
        self.shared.wait(what, |state| {
            state.calls.iter().find(|call| wanted(call)).cloned()
        })
    }

    /// Puts an order to every connection.
    fn order(&self, order: &Order) {
        self.shared.change(|state| {
            for connection in state.own.connections.values_mut() {
                connection.orders.push_back(order.clone());
            }
        });
    }
}

impl Messenger for Discord {
    fn config(&self, owners: &[User]) -> Value {
        let owners: Vec<_> = owners.iter().map(|owner| self.id(*owner)).collect();
        json!({"enabled": true, "token": TOKEN, "allowFrom": owners})
    }

    fn api(&self) -> String {
        format!("http://{}/api/v10", self.server.address())
    }

    fn id(&self, user: User) -> String {
        objects::user_id(user)
    }

    fn text_limit(&self) -> usize {
        rest::TEXT_LIMIT
    }

    fn text_length(&self, text: &str) -> usize {
        text.chars().count()
    }

    fn say(&self, user: User, text: &str) {
        self.post(user, &json!({"content": text}));
    }

    #[track_caller]
    fn press(&self, user: User, message: &Seen, label: &str) {
        let button = objects::buttons(&message.raw).find(|button| button["label"] == label);
        let button = button.unwrap_or_else(|| panic!("no button {label:?}: {message:#?}"));
        self.shared.change(|state| {
            let press = state.own.press(user, &message.raw, &button["custom_id"]);
            state.own.dispatch("INTERACTION_CREATE", &press);
        });
    }

    fn record(&self) -> &dyn Record {
        &*self.shared
    }

    fn sending_methods(&self) -> &'static [&'static str] {
        &SENDING_METHODS
    }

    fn revoke(&self) {
        self.shared.change(|state| {
            state.own.is_revoked = true;
            state.own.end_sessions();
        });
        self.close(4004);
    }

    fn drop_connections(&self) {
        self.shared.change(|state| state.own.connections.clear());
        self.server.drop_connections();
    }

    fn set_reachable(&self, is_reachable: bool) {
        self.shared.change(|state| state.own.connections.clear());
        self.server.set_reachable(is_reachable);
    }

    fn wait_until_connected(&self) {
        self.shared.wait("the bot has a session", |state| {
            let has_session = |connection: &gateway::Connection| connection.session.is_some();
            state.own.connections.values().any(has_session).then_some(())
        });
    }

    fn repeat_last(&self) {
        self.shared.change(|state| state.own.repeat_last());
    }
}

/// Returns the routes: the HTTP API, and everywhere else the gateway.
fn router(address: SocketAddr, shared: &Arc<Shared<Account>>) -> Router {
    let shared = shared.clone();
    Router::new().fallback(move |request: Request| {
        let shared = shared.clone();
        async move {
            if request.headers().contains_key("upgrade") {
                gateway::connect(&shared, address, request)
            } else {
                rest::answer(&shared, address, request).await
            }
        }
    })
}
