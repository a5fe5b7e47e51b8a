//! A stand-in for Slack: Socket Mode and the Web API as documented at `docs.slack.dev`.
//!
//! Not there: files, threads, modals, home tabs, `response_url`, several connections at once.

mod objects;
mod socket;
mod web;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use serde_json::{Value, json};

use super::server::Server;
use super::state::{Call, Record, Shared};
use super::{Messenger, Seen, User};
pub use objects::GROUP_CHANNEL;

use objects::Account;
use socket::Order;

/// The bot token of [`Slack::start`], for the Web API.
pub const BOT_TOKEN: &str = "xoxb-263594206564-2343594206574-FGqddMF8t08v8N7Oq4i57vs1";
/// The app token of [`Slack::start`], for Socket Mode.
pub const APP_TOKEN: &str = "xapp-1-A0123456789-2343594206575-0123456789abcdef0123456789abcdef";
/// Methods that show something to a person.
const SENDING_METHODS: [&str; 2] = ["chat.postMessage", "chat.update"];

/// A running stand-in for Slack with one app and its bot.
pub struct Slack {
    shared: Arc<Shared<Account>>,
    server: Server,
}

impl Slack {
    /// Starts the service.
    pub fn start() -> Self {
        let shared = Arc::new(Shared::new(Account::default()));
        let for_router = shared.clone();
        let server = Server::start(|address| {
            Router::new().fallback(move |request: Request| {
                let shared = for_router.clone();
                async move {
                    if request.headers().contains_key("upgrade") {
                        socket::connect(&shared, request)
                    } else {
                        web::answer(&shared, address, request).await
                    }
                }
            })
        });
        Self { shared, server }
    }

    /// Delivers a message in a channel with the bot.
    pub fn say_in_group(&self, user: User, text: &str) {
        self.shared.change(|state| {
            let message = state
                .own
                .enter(&objects::user_id(user), objects::GROUP_CHANNEL, text);
            state.own.deliver_event(&message);
        });
    }

    /// Delivers a message in a channel with the bot that begins with its name, in the two events that Slack makes of it.
    pub fn mention_in_group(&self, user: User, text: &str) {
        self.shared.change(|state| {
            let text = format!("<@{}> {text}", objects::BOT_USER);
            let content = json!({"text": text});
            let mut message =
                state
                    .own
                    .enter_content(&objects::user_id(user), objects::GROUP_CHANNEL, &content);
            state.own.deliver_event(&message);
            message["type"] = json!("app_mention");
            message.as_object_mut().expect("an object").remove("channel_type");
            state.own.deliver_event(&message);
        });
    }

    /// Changes the last message that the person wrote to the bot.
    ///
    /// # Panics
    /// Where there is none.
    pub fn edit_last(&self, user: User, text: &str) {
        self.shared.change(|state| state.own.edit_last_of(user, text));
    }

    /// Asks the bot to open a new connection (`refresh_requested`) and closes the one that exists.
    pub fn ask_to_refresh(&self) {
        self.order(&Order::Disconnect("refresh_requested"));
    }

    /// Delivers every event again that the bot has not acknowledged, as Slack does after three seconds.
    pub fn retry_unacknowledged(&self) {
        self.shared.change(|state| state.own.retry_unacknowledged());
    }

    /// Waits until the bot has acknowledged everything.
    pub fn wait_until_acknowledged(&self) {
        self.shared.wait("everything is acknowledged", |state| {
            state.own.is_all_acknowledged().then_some(())
        });
    }

    /// Returns every call of the bot, the first one first. What it sends to the socket has the method `socket`.
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
            for orders in state.own.connections.values_mut() {
                orders.push_back(order.clone());
            }
        });
    }
}

impl Messenger for Slack {
    fn config(&self, owners: &[User]) -> Value {
        let owners: Vec<_> = owners.iter().map(|owner| self.id(*owner)).collect();
        json!({"enabled": true, "mode": "socket", "botToken": BOT_TOKEN, "appToken": APP_TOKEN, "allowFrom": owners})
    }

    fn api(&self) -> String {
        format!("http://{}/api", self.server.address())
    }

    fn id(&self, user: User) -> String {
        objects::user_id(user)
    }

    fn text_limit(&self) -> usize {
        web::TEXT_LIMIT
    }

    fn text_length(&self, text: &str) -> usize {
        text.chars().count()
    }

    fn say(&self, user: User, text: &str) {
        self.shared.change(|state| {
            if text.starts_with('/') {
                state.own.deliver_command(user, text);
            } else {
                let message = state
                    .own
                    .enter(&objects::user_id(user), &objects::private_channel(user), text);
                state.own.deliver_event(&message);
            }
        });
    }

    #[track_caller]
    fn press(&self, user: User, message: &Seen, label: &str) {
        let button = objects::buttons(&message.raw).find(|button| button["text"]["text"] == label);
        let button = button.unwrap_or_else(|| panic!("no button {label:?}: {message:#?}"));
        self.shared
            .change(|state| state.own.press(user, &message.raw, button));
    }

    fn record(&self) -> &dyn Record {
        &*self.shared
    }

    fn sending_methods(&self) -> &'static [&'static str] {
        &SENDING_METHODS
    }

    fn revoke(&self) {
        self.shared.change(|state| state.own.is_revoked = true);
        self.order(&Order::Disconnect("link_disabled"));
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
        self.shared.wait("the bot has a socket", |state| {
            (!state.own.connections.is_empty()).then_some(())
        });
    }

    fn repeat_last(&self) {
        self.shared.change(|state| state.own.repeat_last());
    }
}
