//! The Web API: who the bot is, where Socket Mode is, private channels, messages and edits.

use std::net::SocketAddr;

use axum::extract::Request;
use axum::response::Response;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};

use super::objects::{self, Account, BOT_ID, BOT_USER, TEAM, see};
use super::{APP_TOKEN, BOT_TOKEN};
use crate::support::messenger::Failure;
use crate::support::messenger::server::{json_response, parse_form, read_body};
use crate::support::messenger::state::{Call, Shared, State};

/// Maximum length of a text that every method takes, in characters.
pub const TEXT_LIMIT: usize = 4000;
/// Maximum length of the text of a section, in characters.
const SECTION_LIMIT: usize = 3000;
/// Maximum number of blocks.
const BLOCK_LIMIT: usize = 50;
/// Maximum number of buttons in a block.
const BUTTON_LIMIT: usize = 25;
/// Maximum length of the label of a button, in characters.
const LABEL_LIMIT: usize = 75;
/// Maximum length of the value of a button, in characters.
const VALUE_LIMIT: usize = 2000;

/// The answer to a call without its `ok`, or the name of the error.
type Outcome = Result<Value, &'static str>;

/// Answers a request.
pub async fn answer(shared: &Shared<Account>, address: SocketAddr, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Some(method) = head.uri.path().strip_prefix("/api/") else {
        return json_response(404, &json!({"ok": false}));
    };
    let body = read_body(body).await;
    let header = |name| {
        head.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let parameters = match header(CONTENT_TYPE).split(';').next() {
        Some("application/json") => serde_json::from_slice(&body).unwrap_or_default(),
        _ => Value::Object(parse_form(&String::from_utf8_lossy(&body))),
    };
    shared.change(|state| {
        state.calls.push(Call {
            method: method.to_owned(),
            parameters: parameters.clone(),
        });
    });
    let token = header(AUTHORIZATION).strip_prefix("Bearer ").unwrap_or_default();
    let call = async {
        let outcome = shared.change(|state| {
            check_token(state, method, token)?;
            call(state, address, method, &parameters)
        });
        let document = match outcome {
            Ok(mut answer) => {
                answer["ok"] = json!(true);
                answer
            }
            Err(error) => json!({"ok": false, "error": error}),
        };
        json_response(200, &document)
    };
    shared.answer(method, refuse, call).await
}

/// Answers a call that the test lets fail.
fn refuse(failure: Failure) -> Response {
    let Failure::RateLimited { seconds } = failure else {
        return json_response(500, &json!({"ok": false, "error": "internal_error"}));
    };
    let mut response = json_response(429, &json!({"ok": false, "error": "ratelimited"}));
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}

/// Checks that a call has the token of its kind.
fn check_token(state: &State<Account>, method: &str, token: &str) -> Result<(), &'static str> {
    let (needed, other) = match method {
        "apps.connections.open" => (APP_TOKEN, BOT_TOKEN),
        _ => (BOT_TOKEN, APP_TOKEN),
    };
    match token {
        "" => Err("not_authed"),
        _ if token != needed && token != other => Err("invalid_auth"),
        _ if state.own.is_revoked => Err("token_revoked"),
        _ if token == other => Err("not_allowed_token_type"),
        _ => Ok(()),
    }
}

/// Runs a method.
fn call(state: &mut State<Account>, address: SocketAddr, method: &str, parameters: &Value) -> Outcome {
    match method {
        "auth.test" => Ok(json!({
            "url": "https://test.slack.com/", "team": "Test", "team_id": TEAM, "user": "rescue", "user_id": BOT_USER,
            "bot_id": BOT_ID
        })),
        "apps.connections.open" => {
            let ticket = format!("ticket{}", state.own.next_number());
            state.own.tickets.insert(ticket.clone());
            Ok(json!({"url": format!("ws://{address}/link/?ticket={ticket}&app_id={}", objects::APP)}))
        }
        "conversations.open" => {
            let user = objects::person(text(parameters, "users")).ok_or("user_not_found")?;
            Ok(json!({"channel": {"id": objects::private_channel(user)}}))
        }
        "chat.postMessage" => post(state, parameters),
        "chat.update" => update(state, parameters),
        _ => Err("unknown_method"),
    }
}

/// Returns a text of a call; empty where it is missing.
fn text<'a>(parameters: &'a Value, name: &str) -> &'a str {
    parameters[name].as_str().unwrap_or_default()
}

/// Sends a message, once for each `client_msg_id`.
fn post(state: &mut State<Account>, parameters: &Value) -> Outcome {
    let channel = objects::channel(text(parameters, "channel")).ok_or("channel_not_found")?;
    let mut content = read_content(parameters)?;
    let key = &parameters["client_msg_id"];
    let is_same = |message: &&Value| key.is_string() && message["client_msg_id"] == *key;
    if let Some(sent) = state.own.messages.values().find(is_same) {
        return Ok(json!({"channel": sent["channel"], "ts": sent["ts"], "message": sent}));
    }
    if key.is_string() {
        content["client_msg_id"] = key.clone();
    }
    let message = state.own.enter_content(BOT_USER, &channel, &content);
    state.own.deliver_event(&message);
    state.seen.enter(see(&message, false));
    Ok(json!({"channel": channel, "ts": message["ts"], "message": message}))
}

/// Changes a message of the bot. Blocks that the call does not name stay.
fn update(state: &mut State<Account>, parameters: &Value) -> Outcome {
    let channel = objects::channel(text(parameters, "channel")).ok_or("channel_not_found")?;
    let content = read_content(parameters)?;
    let message = state.own.messages.get_mut(text(parameters, "ts"));
    let message = message
        .filter(|message| message["channel"] == *channel)
        .ok_or("message_not_found")?;
    if message["user"] != BOT_USER {
        return Err("cant_update_message");
    }
    let before = message.clone();
    let fields = content.as_object().expect("fields").clone();
    message.as_object_mut().expect("an object").extend(fields);
    message["edited"] = json!({"user": BOT_USER, "ts": before["ts"]});
    let after = message.clone();
    state.own.deliver_change(&before, &after);
    state.seen.enter(see(&after, true));
    Ok(json!({"channel": channel, "ts": after["ts"], "text": after["text"], "message": after}))
}

/// Reads text and blocks of a call. In a form the blocks are JSON in a string.
fn read_content(parameters: &Value) -> Outcome {
    let mut content = json!({});
    if let Some(blocks) = parameters.get("blocks") {
        let parsed = match blocks {
            Value::String(text) => serde_json::from_str(text).map_err(|_| "invalid_blocks_format")?,
            other => other.clone(),
        };
        check_blocks(&parsed)?;
        content["blocks"] = parsed;
    }
    let text = text(parameters, "text");
    let has_blocks = content["blocks"]
        .as_array()
        .is_some_and(|blocks| !blocks.is_empty());
    if text.trim().is_empty() && !has_blocks {
        return Err("no_text");
    }
    if text.chars().count() > TEXT_LIMIT {
        return Err("msg_too_long");
    }
    content["text"] = json!(text);
    Ok(content)
}

/// Checks the blocks of a message.
fn check_blocks(blocks: &Value) -> Result<(), &'static str> {
    let is_text = |text: &Value, limit: usize| {
        let length = text["text"].as_str().unwrap_or_default().chars().count();
        matches!(text["type"].as_str(), Some("mrkdwn" | "plain_text")) && (1..=limit).contains(&length)
    };
    let is_button = |button: &Value| {
        let value = button["value"].as_str().unwrap_or_default();
        button["type"] == "button"
            && button["text"]["type"] == "plain_text"
            && is_text(&button["text"], LABEL_LIMIT)
            && button["action_id"].is_string()
            && value.chars().count() <= VALUE_LIMIT
    };
    let is_block = |block: &Value| match block["type"].as_str() {
        Some("section") => is_text(&block["text"], SECTION_LIMIT),
        Some("actions") => {
            let elements = block["elements"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            (1..=BUTTON_LIMIT).contains(&elements.len()) && elements.iter().all(is_button)
        }
        Some("divider") => true,
        _ => false,
    };
    let list = blocks.as_array().ok_or("invalid_blocks_format")?;
    let ids: Vec<_> = objects::buttons(&json!({"blocks": blocks}))
        .map(|button| button["action_id"].clone())
        .collect();
    let is_repeated = |(at, id): (usize, &Value)| ids[..at].contains(id);
    if list.len() > BLOCK_LIMIT || !list.iter().all(is_block) || ids.iter().enumerate().any(is_repeated) {
        return Err("invalid_blocks");
    }
    Ok(())
}
