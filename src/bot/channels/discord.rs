//! Discord: its gateway over a WebSocket, and its HTTP API, both of version 10 (<https://docs.discord.com/developers>).
//!
//! The position is that of a session, which is resumed after a restart. What a bot says names nobody: mentions in it alert
//! no one, and its links bring no pictures along.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::bot::account::{AccessKeys, AccountKeys, AccountSettings, SecretKey, SettingKey};
use crate::bot::channel::{Batch, ChannelError, ChannelType, MenuCommand, Messenger, RenderedMessage};
use crate::bot::markup::{Markup, MessageFormat};
use crate::https::HttpsClient;
use crate::secret::Secret;
use crate::sync::lock;

mod events;
mod gateway;
mod limits;

use gateway::{End, Gateway, Position};
use limits::RateLimits;

/// The row of Discord.
pub(super) const DISCORD: ChannelType = ChannelType {
    name: "discord",
    label: "Discord",
    format: MessageFormat {
        markup: Markup::Markdown,
        max_length: 2000,
    },
    has_buttons: true,
    command_mark: '/',
    keys: AccountKeys {
        secrets: &[SecretKey {
            key: "token",
            file_key: None,
            variable: Some("DISCORD_BOT_TOKEN"),
            alternative: None,
        }],
        settings: &[SettingKey {
            key: "apiRoot",
            variable: "DISCORD_API_ROOT",
            is_needed: false,
        }],
        access: AccessKeys {
            owners: &["allowFrom", "dm.allowFrom"],
            policy: &["dmPolicy", "dm.policy"],
            places: &["guilds"],
            prefixes: &["user"],
        },
    },
    connect: |settings, client| Box::new(Discord::new(&settings, client)),
};

/// The address of the API; `apiRoot` or `DISCORD_API_ROOT` sets another.
const API_ROOT: &str = "https://discord.com/api/v10";
/// The name of the program in the form that Discord demands (<https://docs.discord.com/developers/reference#user-agent>).
/// The program has no address of its own: its name stands in that place.
const AGENT: &str = concat!("DiscordBot (openclaw-rs, ", env!("CARGO_PKG_VERSION"), ")");
/// Time for a request, and for a connection to the gateway.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// Time after which nothing was received.
const RECEIVE_TIME: Duration = Duration::from_secs(50);
/// Shortest time before a new session begins in place of a lost one. Up to four times as much is added, as the
/// documentation of the gateway demands.
const LOST_PAUSE: Duration = Duration::from_secs(1);
/// Intents: messages in servers, messages in private chats, the content of messages in servers.
const GUILD_MESSAGES: u64 = 1 << 9;
const DIRECT_MESSAGES: u64 = 1 << 12;
const MESSAGE_CONTENT: u64 = 1 << 15;
/// Flag of a message: no previews of links.
const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// Flag of a message: only the person who chose the command sees it.
const EPHEMERAL: u64 = 1 << 6;
/// Answers to an interaction: by a message, and by nothing that is seen.
const ANSWER_MESSAGE: u8 = 4;
const ANSWER_NOTHING: u8 = 6;
/// Maximum number of buttons in a row, and in a message.
const BUTTONS_IN_ROW: usize = 5;
const MAX_BUTTONS: usize = 25;
/// Maximum number of characters of a nonce, by which Discord knows a message that it has already.
const NONCE_LENGTH: usize = 25;
/// The type of a component that is a row, and of one that is a button.
const ROW: u8 = 1;
const BUTTON: u8 = 2;
/// The style of a button that is as good as the others.
const SECONDARY: u8 = 2;

/// An account of Discord.
struct Discord {
    client: HttpsClient,
    root: String,
    token: Secret,
    intents: u64,
    /// `true` where the bot listens in servers.
    has_servers: bool,
    /// The id of the bot, once it is known.
    bot: Mutex<Arc<str>>,
    /// `true` once the menu is set.
    has_menu: Mutex<bool>,
    /// The private channels with people, by the ids of the people.
    private_channels: Mutex<HashMap<String, String>>,
    limits: RateLimits,
    gateway: tokio::sync::Mutex<Option<Gateway>>,
}

impl Discord {
    fn new(settings: &AccountSettings, client: HttpsClient) -> Self {
        let guilds = settings.value("guilds").and_then(Value::as_object);
        let has_servers = guilds.is_some_and(|guilds| !guilds.is_empty())
            && settings.text("groupPolicy") != Some("disabled");
        let has_content = settings.value("intents.messageContent") == Some(&Value::Bool(true));
        let of_servers = match (has_servers, has_content) {
            (false, _) => 0,
            (true, false) => GUILD_MESSAGES,
            (true, true) => GUILD_MESSAGES | MESSAGE_CONTENT,
        };
        let root = settings.text("apiRoot").unwrap_or(API_ROOT);
        Self {
            client,
            root: root.trim_end_matches('/').to_owned(),
            token: settings.secrets[0].clone(),
            intents: DIRECT_MESSAGES | of_servers,
            has_servers,
            bot: Mutex::new(Arc::from("")),
            has_menu: Mutex::new(false),
            private_channels: Mutex::default(),
            limits: RateLimits::default(),
            gateway: tokio::sync::Mutex::default(),
        }
    }

    /// Calls the API, and returns its result.
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ChannelError> {
        // The messages of a channel have one limit, whichever is edited.
        let place = path.split_inclusive("/messages").next().unwrap_or(path);
        let route = format!("{method} {place}");
        self.limits.check(&route)?;
        let mut headers = HeaderMap::new();
        let authorization = HeaderValue::from_str(&format!("Bot {}", self.token.expose()));
        let mut authorization = authorization.map_err(|_| ChannelError::Unauthorized)?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let url = format!("{}{path}", self.root);
        let request = self.client.request(method, &url, headers, body, REQUEST_TIMEOUT);
        self.limits.take(&route, request.await?)
    }

    async fn get(&self, path: &str) -> Result<Value, ChannelError> {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, ChannelError> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Sets the menu of commands, once in the life of the account.
    async fn set_menu(&self, menu: &[MenuCommand]) -> Result<(), ChannelError> {
        if menu.is_empty() || *lock(&self.has_menu) {
            return Ok(());
        }
        let application = self.get("/applications/@me").await?;
        let application = id_of(&application)?;
        // Commands are offered in private chats with the bot, and in servers where it listens in any.
        let contexts: &[u8] = if self.has_servers { &[0, 1] } else { &[1] };
        let commands: Vec<_> = menu
            .iter()
            .map(|command| {
                json!({
                    "name": command.word, "type": 1, "description": command.description, "contexts": contexts,
                    "options": [{"type": 3, "name": "text", "description": command.description}],
                })
            })
            .collect();
        let path = format!("/applications/{application}/commands");
        self.call(Method::PUT, &path, Some(&commands.into())).await?;
        *lock(&self.has_menu) = true;
        Ok(())
    }

    /// Connects to the gateway, and resumes the session of a cursor, or begins a new one where there is none.
    async fn connect(&self, cursor: Option<&str>) -> Result<Gateway, ChannelError> {
        // A session of other intents would not hear what is wanted now.
        let position = cursor
            .and_then(Position::parse)
            .filter(|position| position.intents == self.intents);
        let resumed = match &position {
            // Where its own server is gone, any other one resumes a session too.
            Some(position) => self.open(&position.url).await.ok(),
            None => None,
        };
        let socket = match resumed {
            Some(socket) => socket,
            None => self.open(&self.gateway_url(position.is_none()).await?).await?,
        };
        Gateway::greet(socket, &self.token, (cursor, position), self.intents).await
    }

    async fn open(&self, url: &str) -> Result<crate::https::WebSocket, ChannelError> {
        let url = format!("{}/?v=10&encoding=json", url.trim_end_matches('/'));
        Ok(self.client.websocket(&url, REQUEST_TIMEOUT).await?)
    }

    /// Returns the URL of the gateway. A new session is begun only where Discord allows it: a token that begins too many
    /// is revoked.
    async fn gateway_url(&self, begins_session: bool) -> Result<String, ChannelError> {
        let gateway = self.get("/gateway/bot").await?;
        let number = |key: &str| gateway.pointer(&format!("/session_start_limit/{key}"))?.as_u64();
        if begins_session && number("remaining") == Some(0) {
            let pause = number("reset_after").unwrap_or_default();
            return Err(ChannelError::RateLimited(Duration::from_millis(pause)));
        }
        let url = gateway.get("url").and_then(Value::as_str);
        url.map(str::to_owned)
            .ok_or_else(|| ChannelError::Unreachable("no URL of the gateway".to_owned()))
    }
}

impl Messenger for Discord {
    fn start<'a>(&'a self, menu: &'a [MenuCommand]) -> BoxFuture<'a, Result<String, ChannelError>> {
        Box::pin(async move {
            let name = self.identify().await?;
            self.set_menu(menu).await?;
            Ok(name)
        })
    }

    fn identify(&self) -> BoxFuture<'_, Result<String, ChannelError>> {
        Box::pin(async move {
            let me = self.get("/users/@me").await?;
            *lock(&self.bot) = id_of(&me)?.into();
            Ok(me["username"].as_str().unwrap_or_default().to_owned())
        })
    }

    fn receive<'a>(&'a self, cursor: Option<&'a str>) -> BoxFuture<'a, Result<Batch, ChannelError>> {
        Box::pin(async move {
            let until = Instant::now() + RECEIVE_TIME;
            let bot = lock(&self.bot).clone();
            let mut connected = self.gateway.lock().await;
            loop {
                // What was handed on and not kept is received again.
                let mut gateway = match connected.take().filter(|gateway| gateway.is_at(cursor)) {
                    Some(gateway) => gateway,
                    None => self.connect(cursor).await?,
                };
                let received = gateway.receive(until, |event| events::heard(event, &bot)).await;
                match received {
                    Ok(batch) => {
                        *connected = Some(gateway);
                        return Ok(batch);
                    }
                    Err(End::Resume) => {}
                    Err(End::Failed(error)) => {
                        if matches!(error, ChannelError::LostPosition) {
                            sleep(LOST_PAUSE + LOST_PAUSE.mul_f64(4.0 * gateway::random_fraction())).await;
                        }
                        return Err(error);
                    }
                }
            }
        })
    }

    fn send<'a>(
        &'a self,
        chat: &'a str,
        message: &'a RenderedMessage,
    ) -> BoxFuture<'a, Result<String, ChannelError>> {
        Box::pin(async move {
            let mut fields = message_fields(message);
            let nonce = message.key.chars().filter(|c| *c != '-').take(NONCE_LENGTH);
            fields["nonce"] = nonce.collect::<String>().into();
            fields["enforce_nonce"] = true.into();
            let sent = self.post(&format!("/channels/{chat}/messages"), &fields).await?;
            Ok(id_of(&sent)?.to_owned())
        })
    }

    fn edit<'a>(
        &'a self,
        chat: &'a str,
        id: &'a str,
        message: &'a RenderedMessage,
    ) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            let path = format!("/channels/{chat}/messages/{id}");
            let fields = message_fields(message);
            self.call(Method::PATCH, &path, Some(&fields)).await.map(drop)
        })
    }

    fn acknowledge<'a>(&'a self, press: &'a str) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            let (interaction, chosen) = press.split_once(' ').unwrap_or((press, ""));
            let answer = if chosen.is_empty() {
                json!({"type": ANSWER_NOTHING})
            } else {
                // Discord shows nobody which command was chosen in a private chat, and wants an answer to it.
                let content = DISCORD.format.markup.escape(chosen);
                let data = json!({"content": content, "flags": EPHEMERAL, "allowed_mentions": {"parse": []}});
                json!({"type": ANSWER_MESSAGE, "data": data})
            };
            let path = format!("/interactions/{interaction}/callback");
            self.post(&path, &answer).await.map(drop)
        })
    }

    fn show_typing<'a>(&'a self, chat: &'a str) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            let path = format!("/channels/{chat}/typing");
            self.call(Method::POST, &path, None).await.map(drop)
        })
    }

    fn private_chat<'a>(&'a self, person: &'a str) -> BoxFuture<'a, Result<String, ChannelError>> {
        Box::pin(async move {
            let known = lock(&self.private_channels).get(person).cloned();
            if let Some(channel) = known {
                return Ok(channel);
            }
            let asked = json!({"recipient_id": person});
            let channel = self.post("/users/@me/channels", &asked).await?;
            let id = id_of(&channel)?.to_owned();
            lock(&self.private_channels).insert(person.to_owned(), id.clone());
            Ok(id)
        })
    }
}

/// Returns the fields of a message.
fn message_fields(message: &RenderedMessage) -> Value {
    let buttons: Vec<_> = message
        .buttons
        .iter()
        .take(MAX_BUTTONS)
        .map(|(label, command)| {
            json!({"type": BUTTON, "style": SECONDARY, "label": label, "custom_id": command})
        })
        .collect();
    let rows = buttons.chunks(BUTTONS_IN_ROW);
    let rows: Vec<_> = rows.map(|row| json!({"type": ROW, "components": row})).collect();
    json!({
        "content": message.text,
        "components": rows,
        "allowed_mentions": {"parse": []},
        "flags": SUPPRESS_EMBEDS,
    })
}

/// Returns the id of an object.
fn id_of(object: &Value) -> Result<&str, ChannelError> {
    let id = object.get("id").and_then(Value::as_str);
    id.ok_or_else(|| ChannelError::Unreachable("an answer without an id".to_owned()))
}
