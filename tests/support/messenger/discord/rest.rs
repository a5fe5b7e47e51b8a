//! The HTTP API: who the bot is, where the gateway is, messages, edits, and answers to presses.

use std::net::SocketAddr;

use axum::extract::Request;
use axum::response::Response;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::TOKEN;
use super::objects::{self, Account, Press, see};
use crate::support::messenger::Failure;
use crate::support::messenger::server::{json_response, read_body};
use crate::support::messenger::state::{Call, Shared, State};

/// Maximum length of a text, in characters.
pub const TEXT_LIMIT: usize = 2000;
/// Maximum number of rows of buttons, and of buttons in a row.
const ROW_LIMIT: usize = 5;
/// Maximum length of the id of a button, in characters.
const BUTTON_ID_LIMIT: usize = 100;
/// Maximum length of the label of a button, in characters.
const LABEL_LIMIT: usize = 80;
/// Maximum length of a nonce, in characters.
const NONCE_LIMIT: usize = 25;
/// Maximum number of commands in the menu, and maximum length of the name and the description of one, in characters.
const COMMAND_LIMIT: usize = 100;
const NAME_LIMIT: usize = 32;
const DESCRIPTION_LIMIT: usize = 100;

/// The answer to a call: a status with a document, `null` for none.
type Outcome = Result<(u16, Value), (u16, Value)>;

/// Returns the refusal of a call, with Discord's own code for it.
fn refusal(status: u16, code: u32, message: &str) -> (u16, Value) {
    (status, json!({"message": message, "code": code}))
}

/// Returns the refusal of a field.
fn invalid(field: &str, code: &str, message: &str) -> (u16, Value) {
    let errors = json!({field: {"_errors": [{"code": code, "message": message}]}});
    (
        400,
        json!({"message": "Invalid Form Body", "code": 50035, "errors": errors}),
    )
}

/// Answers a request.
pub async fn answer(shared: &Shared<Account>, address: SocketAddr, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = read_body(body).await;
    let Some(path) = head.uri.path().strip_prefix("/api/v10") else {
        let (status, document) = refusal(404, 0, "404: Not Found");
        return json_response(status, &document);
    };
    let parts: Vec<_> = path.split('/').skip(1).collect();
    let method = format!("{} {}", head.method, template(&parts));
    let parameters = if body.is_empty() {
        Ok(Value::Null)
    } else {
        serde_json::from_slice(&body)
    };
    shared.change(|state| {
        let parameters = parameters.as_ref().unwrap_or(&Value::Null);
        state.calls.push(Call {
            method: method.clone(),
            parameters: parameters.clone(),
        });
    });
    let call = async {
        let outcome = shared.change(|state| {
            check_token(state, &head.headers, &parts)?;
            let parameters =
                parameters.map_err(|_| refusal(400, 50109, "The request body contains invalid JSON."))?;
            call(state, address, (head.method.as_str(), &parts), &parameters)
        });
        let (status, document) = outcome.unwrap_or_else(|refused| refused);
        with_limits(json_response(status, &document), 4)
    };
    shared.answer(&method, refuse, call).await
}

/// Returns a path with `{id}` for each id, as the documentation writes routes.
fn template(parts: &[&str]) -> String {
    let is_id = |part: &&str| part.starts_with(|c: char| c.is_ascii_digit()) || part.len() > 20;
    let parts = parts.iter().map(|part| {
        if is_id(part) {
            "/{id}".to_owned()
        } else {
            format!("/{part}")
        }
    });
    parts.collect()
}

/// Adds the headers that tell how many requests are left.
fn with_limits(mut response: Response, left: u32) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-ratelimit-limit", "5"),
        ("x-ratelimit-reset-after", "1.000"),
        ("x-ratelimit-bucket", "abcd1234"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("x-ratelimit-remaining", left.into());
    response
}

/// Answers a call that the test lets fail.
fn refuse(failure: Failure) -> Response {
    let Failure::RateLimited { seconds } = failure else {
        return json_response(500, &json!({"message": "500: Internal Server Error", "code": 0}));
    };
    let document = json!({
        "message": "You are being rate limited.", "retry_after": f64::from(seconds), "global": false
    });
    let mut response = with_limits(json_response(429, &document), 0);
    response.headers_mut().insert("retry-after", seconds.into());
    response
        .headers_mut()
        .insert("x-ratelimit-scope", HeaderValue::from_static("user"));
    response
}

/// Checks the token. Answers to presses carry a token of their own in the path.
fn check_token(state: &State<Account>, headers: &HeaderMap, parts: &[&str]) -> Result<(), (u16, Value)> {
    let is_own = headers
        .get(AUTHORIZATION)
        .is_some_and(|value| value == &format!("Bot {TOKEN}"));
    if parts[0] == "interactions" || (is_own && !state.own.is_revoked) {
        return Ok(());
    }
    Err(refusal(401, 0, "401: Unauthorized"))
}

/// Runs a call.
fn call(
    state: &mut State<Account>,
    address: SocketAddr,
    route: (&str, &[&str]),
    parameters: &Value,
) -> Outcome {
    match route {
        ("GET", ["users", "@me"]) => Ok((200, objects::bot())),
        ("GET", ["applications", "@me"]) => {
            Ok((200, json!({"id": objects::BOT_ID, "name": "rescue", "flags": 0})))
        }
        ("PUT", ["applications", objects::BOT_ID, "commands"]) => set_commands(state, parameters),
        ("GET", ["gateway", "bot"]) => Ok((
            200,
            json!({
                "url": format!("ws://{address}"), "shards": 1,
                "session_start_limit": {"total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1}
            }),
        )),
        ("POST", ["users", "@me", "channels"]) => {
            let id = parameters["recipient_id"].as_str().unwrap_or_default();
            let channel = objects::private_channel_of(id);
            let channel = channel.ok_or_else(|| refusal(400, 50033, "Invalid Recipient(s)"))?;
            Ok((200, json!({"id": channel, "type": 1, "recipients": [{"id": id}]})))
        }
        ("POST", ["channels", channel, "typing"]) => {
            check_channel(channel)?;
            Ok((204, Value::Null))
        }
        ("POST", ["channels", channel, "messages"]) => {
            check_channel(channel)?;
            create_message(state, channel, parameters)
        }
        ("PATCH", ["channels", channel, "messages", message]) => {
            check_channel(channel)?;
            edit_message(state, message, parameters)
        }
        ("POST", ["interactions", id, token, "callback"]) => answer_press(state, id, token, parameters),
        _ => Err(refusal(404, 0, "404: Not Found")),
    }
}

/// Checks that a channel exists.
fn check_channel(id: &str) -> Result<(), (u16, Value)> {
    if objects::is_channel(id) {
        Ok(())
    } else {
        Err(refusal(404, 10003, "Unknown Channel"))
    }
}

/// Checks the fields of a message.
fn check_content(content: &Value) -> Result<(), (u16, Value)> {
    let text = content["content"].as_str().unwrap_or_default();
    if text.chars().count() > TEXT_LIMIT {
        return Err(invalid(
            "content",
            "BASE_TYPE_MAX_LENGTH",
            "Must be 2000 or fewer in length.",
        ));
    }
    if text.trim().is_empty() {
        return Err(refusal(400, 50006, "Cannot send an empty message"));
    }
    let rows = content["components"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let is_row = |row: &Value| {
        row["type"] == 1
            && row["components"]
                .as_array()
                .is_some_and(|row| (1..=ROW_LIMIT).contains(&row.len()))
    };
    if rows.len() > ROW_LIMIT || !rows.iter().all(is_row) {
        return Err(invalid(
            "components",
            "BASE_TYPE_BAD_LENGTH",
            "Must be between 1 and 5 in length.",
        ));
    }
    let mut ids = Vec::new();
    for button in objects::buttons(content) {
        let length = |field: &str| button[field].as_str().unwrap_or_default().chars().count();
        let is_button =
            button["type"] == 2 && (1..=4).contains(&button["style"].as_i64().unwrap_or_default());
        if !is_button || !(1..=BUTTON_ID_LIMIT).contains(&length("custom_id")) {
            return Err(invalid(
                "components",
                "BASE_TYPE_BAD_LENGTH",
                "Must be between 1 and 100 in length.",
            ));
        }
        if !(1..=LABEL_LIMIT).contains(&length("label")) {
            return Err(invalid(
                "components",
                "BASE_TYPE_BAD_LENGTH",
                "Must be between 1 and 80 in length.",
            ));
        }
        if ids.contains(&&button["custom_id"]) {
            return Err(invalid(
                "components",
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            ));
        }
        ids.push(&button["custom_id"]);
    }
    Ok(())
}

/// Returns the fields of a call that a message keeps. `@everyone` alerts everybody unless the call says otherwise.
fn kept_fields(parameters: &Value) -> Value {
    let mut fields = json!({});
    for name in ["content", "components", "message_reference", "nonce"] {
        if let Some(value) = parameters.get(name) {
            fields[name] = value.clone();
        }
    }
    if let Some(text) = parameters["content"].as_str() {
        let parsed = parameters["allowed_mentions"]["parse"].as_array();
        let is_allowed = parsed.is_none_or(|kinds| kinds.contains(&json!("everyone")));
        let is_named = text.contains("@everyone") || text.contains("@here");
        fields["mention_everyone"] = json!(is_allowed && is_named);
    }
    fields
}

/// Sets the commands of the menu in place of those that there are.
fn set_commands(state: &mut State<Account>, parameters: &Value) -> Outcome {
    let wrong = || {
        invalid(
            "0",
            "BASE_TYPE_BAD_LENGTH",
            "Must be between 1 and 100 in length.",
        )
    };
    let commands = parameters
        .as_array()
        .filter(|commands| commands.len() <= COMMAND_LIMIT)
        .ok_or_else(wrong)?;
    let is_described = |described: &Value| {
        let length = |field: &str| described[field].as_str().unwrap_or_default().chars().count();
        (1..=DESCRIPTION_LIMIT).contains(&length("description")) && (1..=NAME_LIMIT).contains(&length("name"))
    };
    let has_options = |command: &Value| {
        let options = command["options"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        options
            .iter()
            .all(|option| option["type"].is_u64() && is_described(option))
    };
    let is_name = |command: &Value| {
        let name = command["name"].as_str().unwrap_or_default();
        name.chars()
            .all(|c| c.is_lowercase() || c.is_numeric() || c == '-' || c == '_')
    };
    if !commands
        .iter()
        .all(|command| is_described(command) && is_name(command) && has_options(command))
    {
        return Err(wrong());
    }
    state.own.commands.clone_from(commands);
    Ok((200, parameters.clone()))
}

/// Sends a message. The bot's own sessions hear of it, too. One with an enforced nonce of an earlier message is that message.
fn create_message(state: &mut State<Account>, channel: &str, parameters: &Value) -> Outcome {
    check_content(parameters)?;
    let nonce = &parameters["nonce"];
    let length = nonce.as_str().unwrap_or_default().chars().count();
    if length > NONCE_LIMIT {
        return Err(invalid(
            "nonce",
            "BASE_TYPE_MAX_LENGTH",
            "Must be 25 or fewer in length.",
        ));
    }
    let is_same = |message: &&Value| message["nonce"] == *nonce && message["channel_id"] == channel;
    if parameters["enforce_nonce"] == true
        && length > 0
        && let Some(message) = state.own.messages.values().find(is_same)
    {
        return Ok((200, message.clone()));
    }
    let message = state
        .own
        .enter(&objects::bot(), channel, &kept_fields(parameters));
    state.own.dispatch("MESSAGE_CREATE", &message);
    state.seen.enter(see(&message, false));
    Ok((200, message))
}

/// Changes a message of the bot. What the call does not name stays.
fn edit_message(state: &mut State<Account>, id: &str, parameters: &Value) -> Outcome {
    let message = id
        .parse()
        .ok()
        .and_then(|id: u64| state.own.messages.get_mut(&id));
    let message = message.ok_or_else(|| refusal(404, 10008, "Unknown Message"))?;
    if message["author"]["id"] != objects::BOT_ID {
        return Err(refusal(
            403,
            50005,
            "Cannot edit a message authored by another user",
        ));
    }
    let mut changed = message.clone();
    let fields = kept_fields(parameters);
    changed
        .as_object_mut()
        .expect("an object")
        .extend(fields.as_object().expect("fields").clone());
    check_content(&changed)?;
    changed["edited_timestamp"] = json!(objects::now());
    *message = changed.clone();
    state.own.dispatch("MESSAGE_UPDATE", &changed);
    state.seen.enter(see(&changed, true));
    Ok((200, changed))
}

/// Answers a press, which is possible once: by a message, by an edit of the message, or by nothing that is seen.
fn answer_press(state: &mut State<Account>, id: &str, token: &str, parameters: &Value) -> Outcome {
    let press = state.own.presses.get_mut(&(id.to_owned(), token.to_owned()));
    let (press, message) = press.ok_or_else(|| refusal(404, 10062, "Unknown interaction"))?;
    if *press == Press::Answered {
        return Err(refusal(400, 40060, "Interaction has already been acknowledged."));
    }
    let kind = parameters["type"].as_u64();
    if !matches!(kind, Some(4..=7)) {
        return Err(invalid(
            "type",
            "BASE_TYPE_CHOICES",
            "Value must be one of {4, 5, 6, 7}.",
        ));
    }
    *press = Press::Answered;
    let [channel, id] =
        ["channel_id", "id"].map(|field| message[field].as_str().unwrap_or_default().to_owned());
    match kind {
        Some(4) => create_message(state, &channel, &parameters["data"])?,
        Some(7) => edit_message(state, &id, &parameters["data"])?,
        _ => (204, Value::Null),
    };
    Ok((204, Value::Null))
}
