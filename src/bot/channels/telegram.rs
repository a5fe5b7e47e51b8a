//! Telegram: the Bot API over HTTPS, with long polling (<https://core.telegram.org/bots/api>).
//!
//! The position is the `offset` of `getUpdates`. Asking for updates from an offset makes Telegram forget those before
//! it, so that an update that was not recorded is delivered again. A webhook that is set keeps `getUpdates` from
//! working and is removed at the start, as OpenClaw does.

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::bot::account::{AccessKeys, AccountKeys, AccountSettings, SecretKey};
use crate::bot::channel::{
    Batch, ChannelError, ChannelType, Content, Heard, MenuCommand, Messenger, RenderedMessage,
};
use crate::bot::markup::{Markup, MessageFormat};
use crate::https::{HttpsClient, HttpsResponse};
use crate::secret::Secret;

/// The row of Telegram.
pub(super) const TELEGRAM: ChannelType = ChannelType {
    name: "telegram",
    label: "Telegram",
    format: MessageFormat {
        markup: Markup::Html,
        max_length: 4096,
    },
    has_buttons: true,
    command_mark: '/',
    keys: AccountKeys {
        secrets: &[SecretKey {
            key: "botToken",
            file_key: Some("tokenFile"),
            variable: Some("TELEGRAM_BOT_TOKEN"),
            alternative: None,
        }],
        settings: &[],
        access: AccessKeys {
            owners: &["allowFrom"],
            policy: &["dmPolicy"],
            places: &["groups"],
            prefixes: &["tg"],
        },
    },
    connect: |settings, client| Box::new(Telegram::new(&settings, client)),
};

/// The address of the Bot API; `apiRoot` sets another.
const API_ROOT: &str = "https://api.telegram.org";
/// Time for which Telegram holds a request for updates open while there are none, in seconds.
const POLL_SECONDS: u64 = 30;
/// Time for a request beside the time that Telegram holds it open.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// The kinds of updates that a bot wants. Edited messages are wanted so that they can be told from new ones.
const ALLOWED_UPDATES: [&str; 3] = ["message", "edited_message", "callback_query"];
/// Number of buttons in a row, which fits the width of a phone.
const BUTTONS_IN_ROW: usize = 3;

/// An account of Telegram.
struct Telegram {
    client: HttpsClient,
    root: String,
    token: Secret,
}

impl Telegram {
    fn new(settings: &AccountSettings, client: HttpsClient) -> Self {
        let root = settings.text("apiRoot").unwrap_or(API_ROOT);
        Self {
            client,
            root: root.trim_end_matches('/').to_owned(),
            token: settings.secrets[0].clone(),
        }
    }

    /// Calls a method of the Bot API, and returns its result. `held_open` is the time for which the server may hold
    /// the request open.
    async fn call(&self, method: &str, params: &Value, held_open: Duration) -> Result<Value, ChannelError> {
        let url = format!("{}/bot{}/{method}", self.root, self.token.expose());
        let limit = REQUEST_TIMEOUT + held_open;
        let response = self
            .client
            .request(Method::POST, &url, HeaderMap::new(), Some(params), limit)
            .await?;
        result_of(response)
    }

    /// Calls a method of the Bot API that answers at once.
    async fn ask(&self, method: &str, params: Value) -> Result<Value, ChannelError> {
        self.call(method, &params, Duration::ZERO).await
    }
}

impl Messenger for Telegram {
    fn start<'a>(&'a self, menu: &'a [MenuCommand]) -> BoxFuture<'a, Result<String, ChannelError>> {
        Box::pin(async move {
            let name = self.identify().await?;
            self.ask("deleteWebhook", json!({ "drop_pending_updates": false }))
                .await?;
            let commands: Vec<_> = menu
                .iter()
                .map(|command| json!({ "command": command.word, "description": command.description }))
                .collect();
            match self.ask("setMyCommands", json!({ "commands": commands })).await {
                Err(error @ (ChannelError::Unauthorized | ChannelError::RateLimited(_))) => Err(error),
                // What is typed works without a menu.
                _ => Ok(name),
            }
        })
    }

    fn identify(&self) -> BoxFuture<'_, Result<String, ChannelError>> {
        Box::pin(async move {
            let me = self.ask("getMe", json!({})).await?;
            Ok(text_at(&me, "/username").unwrap_or_default().to_owned())
        })
    }

    fn receive<'a>(&'a self, cursor: Option<&'a str>) -> BoxFuture<'a, Result<Batch, ChannelError>> {
        Box::pin(async move {
            let mut params =
                json!({ "timeout": POLL_SECONDS, "limit": 100, "allowed_updates": ALLOWED_UPDATES });
            if let Some(offset) = cursor.and_then(|cursor| cursor.parse::<i64>().ok()) {
                params["offset"] = offset.into();
            }
            let updates = self
                .call("getUpdates", &params, Duration::from_secs(POLL_SECONDS))
                .await?;
            let updates = updates.as_array().map(Vec::as_slice).unwrap_or_default();
            let last = updates
                .iter()
                .filter_map(|update| update.get("update_id")?.as_i64())
                .max();
            Ok(Batch {
                heard: updates.iter().filter_map(heard).collect(),
                cursor: last.map(|id| (id + 1).to_string()),
            })
        })
    }

    fn send<'a>(
        &'a self,
        chat: &'a str,
        message: &'a RenderedMessage,
    ) -> BoxFuture<'a, Result<String, ChannelError>> {
        Box::pin(async move {
            let sent = self.ask("sendMessage", message_params(chat, message)).await?;
            id_at(&sent, "/message_id")
                .ok_or_else(|| ChannelError::Refused("sendMessage without an id".to_owned()))
        })
    }

    fn edit<'a>(
        &'a self,
        chat: &'a str,
        id: &'a str,
        message: &'a RenderedMessage,
    ) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            let mut params = message_params(chat, message);
            params["message_id"] = id.parse::<i64>().unwrap_or_default().into();
            match self.ask("editMessageText", params).await {
                // What it says already is what it is to say.
                Err(ChannelError::Refused(why)) if why.contains("message is not modified") => Ok(()),
                edited => edited.map(drop),
            }
        })
    }

    fn acknowledge<'a>(&'a self, press: &'a str) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            self.ask("answerCallbackQuery", json!({ "callback_query_id": press }))
                .await?;
            Ok(())
        })
    }

    fn show_typing<'a>(&'a self, chat: &'a str) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            self.ask("sendChatAction", json!({ "chat_id": chat, "action": "typing" }))
                .await?;
            Ok(())
        })
    }

    fn private_chat<'a>(&'a self, person: &'a str) -> BoxFuture<'a, Result<String, ChannelError>> {
        // The id of a private chat is that of its person.
        Box::pin(async move { Ok(person.to_owned()) })
    }
}

/// Returns the parameters of a message to a chat.
fn message_params(chat: &str, message: &RenderedMessage) -> Value {
    let buttons: Vec<_> = message
        .buttons
        .iter()
        .map(|(label, command)| json!({ "text": label, "callback_data": command }))
        .collect();
    let rows: Vec<_> = buttons.chunks(BUTTONS_IN_ROW).collect();
    json!({
        "chat_id": chat,
        "text": message.text,
        "parse_mode": "HTML",
        "link_preview_options": { "is_disabled": true },
        "reply_markup": { "inline_keyboard": rows },
    })
}

/// Returns the result of a call, or the reason why there is none
/// (<https://core.telegram.org/bots/api#making-requests>).
fn result_of(mut response: HttpsResponse) -> Result<Value, ChannelError> {
    if response.body.get("ok") == Some(&Value::Bool(true)) {
        return Ok(response.body["result"].take());
    }
    let why = text_at(&response.body, "/description").unwrap_or_default();
    let why = crate::text::sanitize(why);
    let pause = response
        .body
        .pointer("/parameters/retry_after")
        .and_then(Value::as_u64);
    Err(match response.status.as_u16() {
        401 | 404 if response.body.get("error_code").is_some() => ChannelError::Unauthorized,
        409 => ChannelError::PolledElsewhere,
        429 => {
            let pause = pause.map(Duration::from_secs).or_else(|| response.retry_after());
            ChannelError::RateLimited(pause.unwrap_or(Duration::from_secs(5)))
        }
        400..=499 if !why.is_empty() => ChannelError::Refused(why),
        status => ChannelError::Unreachable(format!("HTTP {status} {why}").trim_end().to_owned()),
    })
}

/// Returns what an update says; `None` for one that nobody said.
fn heard(update: &Value) -> Option<Heard> {
    let id = update.get("update_id")?.as_i64()?;
    let (message, from, content) = if let Some(press) = update.get("callback_query") {
        let message = press.get("message")?;
        let content = Content::Press {
            command: text_at(press, "/data")?.to_owned(),
            press: text_at(press, "/id")?.to_owned(),
            message: id_at(message, "/message_id")?,
        };
        (message, press.get("from")?, content)
    } else if let Some(message) = update.get("message") {
        // What was written by somebody else is not the person's own word.
        let is_own = ["forward_origin", "forward_date", "forward_from", "via_bot"]
            .iter()
            .all(|key| message.get(*key).is_none());
        let content = match text_at(message, "/text").filter(|_| is_own) {
            Some(text) => Content::Text(text.to_owned()),
            None => Content::Other,
        };
        (message, message.get("from")?, content)
    } else {
        let message = update.get("edited_message")?;
        (message, message.get("from")?, Content::Other)
    };
    let seconds = message.get("date").and_then(Value::as_u64).unwrap_or_default();
    let name = ["/first_name", "/last_name"].map(|key| text_at(from, key));
    Some(Heard {
        id: id.to_string(),
        // A press has no time of its own: that of its message says nothing.
        at: if matches!(content, Content::Press { .. }) {
            0
        } else {
            seconds * 1000
        },
        chat: id_at(message, "/chat/id")?,
        is_private: text_at(message, "/chat/type") == Some("private"),
        person: id_at(from, "/id")?,
        name: name.into_iter().flatten().collect::<Vec<_>>().join(" "),
        language: text_at(from, "/language_code").map(str::to_owned),
        content,
        community: None,
        receipt: None,
        is_addressed: false,
    })
}

fn text_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

/// Returns the id at a place, which is a number, as text.
fn id_at(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_i64().map(|id| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: Value) -> HttpsResponse {
        HttpsResponse {
            status: http::StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body,
        }
    }

    #[test]
    fn errors_are_told_apart_by_their_status() {
        let error = |status, description: &str, extra: Value| {
            let mut body = json!({ "ok": false, "error_code": status, "description": description });
            body["parameters"] = extra;
            result_of(response(status, body)).unwrap_err()
        };
        assert!(matches!(
            error(401, "Unauthorized", json!({})),
            ChannelError::Unauthorized
        ));
        assert!(matches!(
            error(404, "Not Found", json!({})),
            ChannelError::Unauthorized
        ));
        assert!(matches!(
            error(409, "Conflict", json!({})),
            ChannelError::PolledElsewhere
        ));
        let ChannelError::RateLimited(pause) = error(429, "Too Many Requests", json!({ "retry_after": 7 }))
        else {
            panic!("no pause");
        };
        assert_eq!(pause, Duration::from_secs(7));
        assert!(matches!(
            error(400, "Bad Request: x", json!({})),
            ChannelError::Refused(_)
        ));
        assert!(matches!(
            error(502, "Bad Gateway", json!({})),
            ChannelError::Unreachable(_)
        ));
        // A proxy's page is no answer of Telegram.
        assert!(matches!(
            result_of(response(404, Value::Null)),
            Err(ChannelError::Unreachable(_))
        ));
    }

    #[test]
    fn only_the_own_new_text_of_a_person_is_a_text() {
        let update = |kind: &str, extra: Value| {
            let mut message = json!({
                "message_id": 7, "date": 1_700_000_000, "text": "/repair",
                "from": { "id": 42, "first_name": "Ali", "language_code": "tr" },
                "chat": { "id": 42, "type": "private" },
            });
            message
                .as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            heard(&json!({ "update_id": 1, kind: message })).unwrap().content
        };
        assert_eq!(update("message", json!({})), Content::Text("/repair".to_owned()));
        assert_eq!(update("edited_message", json!({})), Content::Other);
        assert_eq!(
            update("message", json!({ "forward_origin": { "type": "user" } })),
            Content::Other
        );
        assert_eq!(
            update("message", json!({ "via_bot": { "id": 3 } })),
            Content::Other
        );
        assert_eq!(
            update("message", json!({ "text": null, "sticker": {} })),
            Content::Other
        );
    }
}
