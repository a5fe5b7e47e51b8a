//! Matrix: the client-server API of a homeserver, with long polling
//! (<https://spec.matrix.org/latest/client-server-api/>). Rooms that are encrypted can't be read, and are told so.
//!
//! The position is the `next_batch` of `/sync`, with the id of the bot before it: it means nothing to another account. The
//! first answer without a position has what was said before: of that, only what is younger than the bot's connection is
//! heard.

mod buttons;
mod client;
mod incoming;
mod invitations;
mod rooms;
mod sync;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::bot::account::{AccessKeys, AccountKeys, AccountSettings, SecretKey, SettingKey};
use crate::bot::channel::{Batch, ChannelError, ChannelType, MenuCommand, Messenger, RenderedMessage};
use crate::bot::markup::{Markup, MessageFormat};
use crate::https::HttpsClient;
use crate::sync::lock;
use buttons::Keyboards;
use client::{HomeserverClient, PASSWORD_KEY, RequestError, encode};
use invitations::InvitationPolicy;
use rooms::Rooms;

/// The row of Matrix.
pub(super) const MATRIX: ChannelType = ChannelType {
    name: "matrix",
    label: "Matrix",
    format: MessageFormat {
        markup: Markup::WebHtml,
        // An edit has the text three times, of up to three bytes for each unit, and an event has 65,536 bytes.
        max_length: 4096,
    },
    has_buttons: true,
    command_mark: '!',
    keys: AccountKeys {
        secrets: &[SecretKey {
            key: "accessToken",
            file_key: None,
            variable: Some("MATRIX_ACCESS_TOKEN"),
            alternative: Some(&SecretKey {
                key: PASSWORD_KEY,
                file_key: None,
                variable: Some("MATRIX_PASSWORD"),
                alternative: None,
            }),
        }],
        settings: &[
            SettingKey {
                key: "homeserver",
                variable: "MATRIX_HOMESERVER",
                is_needed: true,
            },
            SettingKey {
                key: "userId",
                variable: "MATRIX_USER_ID",
                is_needed: false,
            },
            SettingKey {
                key: "deviceName",
                variable: "MATRIX_DEVICE_NAME",
                is_needed: false,
            },
        ],
        access: AccessKeys {
            owners: &["dm.allowFrom"],
            policy: &["dm.policy"],
            places: PLACES,
            prefixes: &[],
        },
    },
    connect: |settings, client| Box::new(Matrix::new(&settings, client)),
};

/// The keys of the rooms in which the bot listens, of both releases of OpenClaw.
const PLACES: &[&str] = &["groups", "rooms"];
/// Time for which a room shows that the bot is writing, in milliseconds: a little longer than the time between two
/// signs.
const TYPING_MS: u64 = 8_000;
/// Maximum number of rooms whose names are looked up.
const MAX_ALIASES: usize = 32;

/// An account of Matrix.
struct Matrix {
    client: Arc<HomeserverClient>,
    rooms: Rooms,
    keyboards: Keyboards,
    /// The id of the bot, once it is known.
    id: OnceCell<String>,
    /// The names of rooms in the config (`#name:host`).
    listed_names: Vec<String>,
    /// The names of rooms in the config, by the ids of the rooms.
    names: Mutex<HashMap<String, String>>,
    invitations: InvitationPolicy,
    /// The time since which the bot is connected, or of the last answer.
    last_contact: Mutex<Instant>,
}

impl Matrix {
    fn new(settings: &AccountSettings, client: HttpsClient) -> Self {
        let client = Arc::new(HomeserverClient::new(settings, client));
        let invitations = InvitationPolicy::new(settings);
        let places = PLACES.iter().filter_map(|key| settings.value(key)?.as_object());
        let places = places.flatten().map(|(place, _)| place);
        let names = places
            .chain(invitations.rooms())
            .filter(|place| place.starts_with('#'));
        Self {
            rooms: Rooms::new(client.clone()),
            keyboards: Keyboards::new(client.clone()),
            client,
            id: OnceCell::new(),
            listed_names: names.take(MAX_ALIASES).cloned().collect(),
            names: Mutex::default(),
            invitations,
            last_contact: Mutex::new(Instant::now()),
        }
    }

    /// Returns the id of the bot, which is asked for once.
    async fn id(&self) -> Result<&str, RequestError> {
        let id = self.id.get_or_try_init(|| self.ask_id()).await?;
        Ok(id)
    }

    async fn ask_id(&self) -> Result<String, RequestError> {
        let me = self.client.get("/v3/account/whoami").await?;
        let id = me["user_id"].as_str().map(str::to_owned);
        id.ok_or_else(|| RequestError::Channel(ChannelError::Unreachable("whoami without an id".to_owned())))
    }

    /// Finds the rooms that the config lists by name, as the homeserver knows the names. One that it does not know is no
    /// room.
    async fn find_listed_rooms(&self) -> Result<(), RequestError> {
        for name in &self.listed_names {
            match self
                .client
                .get(&format!("/v3/directory/room/{}", encode(name)))
                .await
            {
                Ok(found) => {
                    let room = found["room_id"].as_str().unwrap_or_default().to_owned();
                    lock(&self.names).insert(room, name.clone());
                }
                Err(RequestError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns the name by which the config lists a room.
    fn listed_name(&self, room: &str) -> Option<String> {
        lock(&self.names).get(room).cloned()
    }

    /// Sends an event with the content of a message, and returns its id.
    async fn put_message(&self, room: &str, key: &str, content: &Value) -> Result<String, ChannelError> {
        let path = format!("/v3/rooms/{}/send/m.room.message/{}", encode(room), encode(key));
        let sent = self.client.put(&path, content).await?;
        let id = sent["event_id"].as_str().map(str::to_owned);
        id.ok_or_else(|| ChannelError::Refused("a message without an id".to_owned()))
    }
}

impl Messenger for Matrix {
    fn start<'a>(&'a self, _menu: &'a [MenuCommand]) -> BoxFuture<'a, Result<String, ChannelError>> {
        Box::pin(async move {
            // It is asked each time, because this tells whether the token is good.
            let id = self.identify().await?;
            self.find_listed_rooms().await?;
            *lock(&self.last_contact) = Instant::now();
            Ok(id)
        })
    }

    fn identify(&self) -> BoxFuture<'_, Result<String, ChannelError>> {
        Box::pin(async move { Ok(self.ask_id().await?) })
    }

    fn receive<'a>(&'a self, cursor: Option<&'a str>) -> BoxFuture<'a, Result<Batch, ChannelError>> {
        Box::pin(self.receive_batch(cursor))
    }

    fn confirm<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ChannelError>> {
        self.send_receipts(batch);
        Box::pin(async { Ok(()) })
    }

    fn send<'a>(
        &'a self,
        chat: &'a str,
        message: &'a RenderedMessage,
    ) -> BoxFuture<'a, Result<String, ChannelError>> {
        Box::pin(async move {
            let bot = self.id().await?;
            let id = self
                .put_message(chat, &message.key, &buttons::content(message))
                .await?;
            self.keyboards
                .show(bot, chat, (&id, &id), &message.buttons)
                .await?;
            Ok(id)
        })
    }

    fn edit<'a>(
        &'a self,
        chat: &'a str,
        id: &'a str,
        message: &'a RenderedMessage,
    ) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            let bot = self.id().await?;
            // First the buttons go: one that is pressed in between would stand for what the message no longer says.
            self.keyboards
                .remove_others(bot, chat, id, &message.buttons)
                .await?;
            let edit = self
                .put_message(chat, &message.key, &buttons::edited_content(id, message))
                .await?;
            self.keyboards
                .show(bot, chat, (id, &edit), &message.buttons)
                .await?;
            Ok(())
        })
    }

    fn show_typing<'a>(&'a self, chat: &'a str) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            let path = format!("/v3/rooms/{}/typing/{}", encode(chat), encode(self.id().await?));
            let typing = json!({ "typing": true, "timeout": TYPING_MS });
            self.client.put(&path, &typing).await?;
            Ok(())
        })
    }

    fn private_chat<'a>(&'a self, person: &'a str) -> BoxFuture<'a, Result<String, ChannelError>> {
        Box::pin(async move { Ok(self.rooms.private_chat(self.id().await?, person).await?) })
    }

    fn join<'a>(&'a self, chat: &'a str, person: &'a str) -> BoxFuture<'a, Result<bool, ChannelError>> {
        Box::pin(async move { Ok(self.rooms.join(self.id().await?, person, chat).await?) })
    }

    fn leave<'a>(&'a self, chat: &'a str) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move { Ok(self.rooms.leave(chat).await?) })
    }
}
