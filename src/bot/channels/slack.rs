//! Slack: Socket Mode for what is said, and the Web API for what the bot says
//! (<https://docs.slack.dev/apis/events-api/using-socket-mode>, <https://docs.slack.dev/apis/web-api>).
//!
//! There is no position: Slack delivers each envelope until it is acknowledged, which is done when it is recorded. The
//! private chat with a person is the id of that person, which Slack takes for a channel
//! (<https://docs.slack.dev/reference/methods/chat.postMessage#channels>): a slash command may be typed in any other
//! private chat, and is answered there. An edit needs the channel, so that the id of a message names it.

use std::sync::OnceLock;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::bot::account::{AccessKeys, AccountKeys, AccountSettings, SecretKey, SettingKey};
use crate::bot::channel::{Batch, ChannelError, ChannelType, MenuCommand, Messenger, RenderedMessage};
use crate::bot::markup::{Markup, MessageFormat};
use crate::https::HttpsClient;

mod envelope;
mod socket;
mod web;

use envelope::{ACTION_PREFIX, Reader, message_id};
use socket::SocketMode;
use web::WebApi;

/// The row of Slack.
pub(super) const SLACK: ChannelType = ChannelType {
    name: "slack",
    label: "Slack",
    format: MessageFormat {
        markup: Markup::Mrkdwn,
        max_length: MAX_SECTION_LENGTH,
    },
    has_buttons: true,
    command_mark: '!',
    keys: AccountKeys {
        secrets: &[
            SecretKey {
                key: "botToken",
                file_key: None,
                variable: Some("SLACK_BOT_TOKEN"),
                alternative: None,
            },
            SecretKey {
                key: "appToken",
                file_key: None,
                variable: Some("SLACK_APP_TOKEN"),
                alternative: None,
            },
        ],
        settings: &[SettingKey {
            key: ROOT_KEY,
            variable: "SLACK_API_ROOT",
            is_needed: false,
        }],
        access: AccessKeys {
            owners: &["allowFrom", "dm.allowFrom"],
            policy: &["dmPolicy", "dm.policy"],
            places: &["channels"],
            prefixes: &["user"],
        },
    },
    connect: |settings, client| Box::new(Slack::new(&settings, client)),
};

/// The address of the Web API; the setting at [`ROOT_KEY`] names another.
const API_ROOT: &str = "https://slack.com/api";
/// The key of an account that holds another address of the Web API.
const ROOT_KEY: &str = "apiRoot";
/// Maximum length of the text of a section, in characters (<https://docs.slack.dev/reference/block-kit/blocks/section-block>).
const MAX_SECTION_LENGTH: usize = 3000;
/// Maximum length of the label of a button, in characters
/// (<https://docs.slack.dev/reference/block-kit/block-elements/button-element>).
const MAX_LABEL_LENGTH: usize = 75;
/// Maximum number of buttons in a block (<https://docs.slack.dev/reference/block-kit/blocks/actions-block>).
const MAX_BUTTONS_IN_BLOCK: usize = 25;

/// An account of Slack.
struct Slack {
    web: WebApi,
    socket: Mutex<SocketMode>,
    /// The name of the slash command that stands for the bot, as in OpenClaw's `slashCommand.name`.
    slash_command: String,
    /// The user id of the bot, once it is known.
    bot_user: OnceLock<String>,
}

impl Slack {
    fn new(settings: &AccountSettings, client: HttpsClient) -> Self {
        let name = settings.text("slashCommand.name").unwrap_or("openclaw");
        let root = settings.text(ROOT_KEY).unwrap_or(API_ROOT);
        let [bot_token, app_token] = [0, 1].map(|number| settings.secrets[number].clone());
        Self {
            web: WebApi::new(client, root, bot_token, app_token),
            socket: Mutex::default(),
            slash_command: format!("/{}", name.trim_start_matches('/')),
            bot_user: OnceLock::new(),
        }
    }
}

impl Messenger for Slack {
    fn start<'a>(&'a self, _menu: &'a [MenuCommand]) -> BoxFuture<'a, Result<String, ChannelError>> {
        Box::pin(async move {
            let name = self.identify().await?;
            // The other token is wrong or right, too, before the account counts as connected.
            self.socket.lock().await.open(&self.web).await?;
            Ok(name)
        })
    }

    fn identify(&self) -> BoxFuture<'_, Result<String, ChannelError>> {
        Box::pin(async move {
            let me = self.web.call("auth.test", &json!({})).await?;
            if let Some(id) = me["user_id"].as_str() {
                self.bot_user.get_or_init(|| id.to_owned());
            }
            Ok(me["user"].as_str().unwrap_or_default().to_owned())
        })
    }

    fn receive<'a>(&'a self, _cursor: Option<&'a str>) -> BoxFuture<'a, Result<Batch, ChannelError>> {
        Box::pin(async move {
            let reader = Reader {
                bot_user: self.bot_user.get().map_or("", String::as_str),
                slash_command: &self.slash_command,
            };
            let deadline = socket::receive_deadline();
            let mut socket = self.socket.lock().await;
            loop {
                let Some(envelope) = socket.next(&self.web, deadline).await? else {
                    return Ok(Batch::default());
                };
                if let Some(heard) = reader.heard(&envelope) {
                    return Ok(Batch {
                        heard: vec![heard],
                        cursor: None,
                    });
                }
                // There is nothing to record of it.
                if let Some(id) = envelope["envelope_id"].as_str() {
                    socket.acknowledge(id).await;
                }
            }
        })
    }

    fn confirm<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            let mut socket = self.socket.lock().await;
            for receipt in batch.heard.iter().filter_map(|heard| heard.receipt.as_deref()) {
                socket.acknowledge(receipt).await;
            }
            Ok(())
        })
    }

    fn send<'a>(
        &'a self,
        chat: &'a str,
        message: &'a RenderedMessage,
    ) -> BoxFuture<'a, Result<String, ChannelError>> {
        Box::pin(async move {
            let mut params = message_params(message);
            params["channel"] = chat.into();
            params["unfurl_links"] = false.into();
            params["unfurl_media"] = false.into();
            params["client_msg_id"] = message.key.as_str().into();
            let sent = self.web.call("chat.postMessage", &params).await?;
            match (sent["channel"].as_str(), sent["ts"].as_str()) {
                (Some(channel), Some(time)) => Ok(message_id(channel, time)),
                _ => Err(ChannelError::Refused("chat.postMessage without an id".to_owned())),
            }
        })
    }

    fn edit<'a>(
        &'a self,
        _chat: &'a str,
        id: &'a str,
        message: &'a RenderedMessage,
    ) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            let (channel, time) = id.split_once('/').unwrap_or_default();
            let mut params = message_params(message);
            params["channel"] = channel.into();
            params["ts"] = time.into();
            self.web.call("chat.update", &params).await.map(drop)
        })
    }

    fn private_chat<'a>(&'a self, person: &'a str) -> BoxFuture<'a, Result<String, ChannelError>> {
        Box::pin(async move { Ok(person.to_owned()) })
    }
}

/// Returns the parameters of a message that say what people see. The text is what a notification shows.
fn message_params(message: &RenderedMessage) -> Value {
    let text = json!({ "type": "mrkdwn", "text": message.text, "verbatim": true });
    let mut blocks = vec![json!({ "type": "section", "text": text, "expand": true })];
    let button = |(number, (label, command)): (usize, &(String, String))| {
        let label: String = label.chars().take(MAX_LABEL_LENGTH).collect();
        json!({
            "type": "button",
            "action_id": format!("{ACTION_PREFIX}{number}"),
            "text": { "type": "plain_text", "text": label },
            "value": command,
        })
    };
    let buttons: Vec<_> = message.buttons.iter().enumerate().map(button).collect();
    let rows = buttons.chunks(MAX_BUTTONS_IN_BLOCK);
    blocks.extend(rows.map(|row| json!({ "type": "actions", "elements": row })));
    json!({ "text": message.text, "blocks": blocks })
}
