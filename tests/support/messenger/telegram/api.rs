//! The calls of the Bot API over HTTP: token, method, parameters, answer.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::Request;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::TOKEN;
use super::chats::{self, Chats};
use super::updates::{self, Updates};
use crate::support::messenger::Failure;
use crate::support::messenger::server::{json_response, parse_form, read_body};
use crate::support::messenger::state::{Call, Shared, State};

/// Maximum number of commands in the menu.
const COMMAND_LIMIT: usize = 100;
/// Maximum length of the text that answers a press, in characters.
const PRESS_TEXT_LIMIT: usize = 200;

/// The bot and everything that Telegram knows of it.
#[derive(Debug, Default)]
pub struct Account {
    pub is_revoked: bool,
    pub chats: Chats,
    pub updates: Updates,
    /// Ids of presses that wait for the bot's answer.
    pub open_presses: BTreeSet<String>,
    /// Menus of commands by scope and language.
    commands: BTreeMap<(String, String), Value>,
}

/// A refused call.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub description: String,
}

/// The `result` of a call, or why it was refused.
pub type Outcome = Result<Value, Refusal>;

impl Refusal {
    /// Creates the refusal of a wrong request.
    pub fn bad(reason: impl std::fmt::Display) -> Self {
        Self::new(400, format!("Bad Request: {reason}"))
    }

    /// Creates a refusal.
    pub fn new(status: u16, description: impl Into<String>) -> Self {
        Self {
            status,
            description: description.into(),
        }
    }
}

/// The parameters of a call. Both JSON and forms may give a number as a string, and an object as JSON in a string.
#[derive(Debug)]
pub struct Parameters(Map<String, Value>);

impl Parameters {
    /// Reads the parameters from the query and the body.
    async fn read(request: Request) -> Result<Self, Refusal> {
        let (head, body) = request.into_parts();
        let mut parameters = parse_form(head.uri.query().unwrap_or_default());
        let body = read_body(body).await;
        let kind = head
            .headers
            .get(CONTENT_TYPE)
            .map(|kind| kind.to_str().expect("ASCII"));
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
        match kind {
            _ if body.is_empty() => {}
            "application/json" => match serde_json::from_slice(&body) {
                Ok(Value::Object(fields)) => parameters.extend(fields),
                _ => return Err(Refusal::bad("object expected as parameters")),
            },
            "application/x-www-form-urlencoded" => {
                let form =
                    str::from_utf8(&body).map_err(|_| Refusal::bad("strings must be encoded in UTF-8"))?;
                parameters.extend(parse_form(form));
            }
            other => panic!("the stand-in reads no body of the type {other:?}"),
        }
        parameters.retain(|_, value| !value.is_null());
        Ok(Self(parameters))
    }

    /// Returns a text; empty where it is missing.
    pub fn text(&self, name: &str) -> String {
        match self.0.get(name) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// Returns a whole number, or `None` where it is missing or no number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name).parse().ok()
    }

    /// Returns `true` where a flag is set.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.text(name).to_lowercase().as_str(), "true" | "yes" | "1")
    }

    /// Returns an object or a list, or `None` where it is missing.
    pub fn object(&self, name: &str) -> Result<Option<Value>, Refusal> {
        match self.0.get(name) {
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| Refusal::bad(format!("can't parse {name} JSON object"))),
            other => Ok(other.cloned()),
        }
    }
}

/// Answers a request.
pub async fn answer(shared: &Shared<Account>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let Some((token, method)) = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/')) else {
        return respond(Err(Refusal::new(404, "Not Found")));
    };
    let is_post_or_get = [http::Method::GET, http::Method::POST].contains(request.method());
    if !is_post_or_get {
        return respond(Err(Refusal::new(405, "Method Not Allowed")));
    }
    let parameters = match Parameters::read(request).await {
        Ok(parameters) => parameters,
        Err(refusal) => return respond(Err(refusal)),
    };
    let is_valid = shared.change(|state| {
        state.calls.push(Call {
            method: method.to_owned(),
            parameters: Value::Object(parameters.0.clone()),
        });
        token == TOKEN && !state.own.is_revoked
    });
    if !is_valid {
        return respond(Err(Refusal::new(401, "Unauthorized")));
    }
    let call = async { respond(call(shared, method, &parameters).await) };
    shared.answer(method, refuse, call).await
}

/// Answers a call that the test lets fail.
fn refuse(failure: Failure) -> Response {
    match failure {
        Failure::RateLimited { seconds } => json_response(
            429,
            &json!({
                "ok": false, "error_code": 429, "description": format!("Too Many Requests: retry after {seconds}"),
                "parameters": {"retry_after": seconds}
            }),
        ),
        _ => respond(Err(Refusal::new(500, "Internal Server Error"))),
    }
}

/// Returns the answer to a call.
fn respond(outcome: Outcome) -> Response {
    match outcome {
        Ok(result) => json_response(200, &json!({"ok": true, "result": result})),
        Err(Refusal { status, description }) => json_response(
            status,
            &json!({"ok": false, "error_code": status, "description": description}),
        ),
    }
}

/// Runs a method. Their names don't depend on case.
async fn call(shared: &Shared<Account>, method: &str, parameters: &Parameters) -> Outcome {
    let run = |method: fn(&mut State<Account>, &Parameters) -> Outcome| {
        shared.change(|state| method(state, parameters))
    };
    match method.to_lowercase().as_str() {
        "getme" => Ok(chats::bot()),
        "getupdates" => updates::get(shared, parameters).await,
        "deletewebhook" => run(|state, parameters| {
            if parameters.flag("drop_pending_updates") {
                state.own.updates.clear();
            }
            Ok(json!(true))
        }),
        "getwebhookinfo" => run(|state, _| {
            let pending = state.own.updates.len();
            Ok(json!({"url": "", "has_custom_certificate": false, "pending_update_count": pending}))
        }),
        "setmycommands" => run(set_commands),
        "deletemycommands" => run(|state, parameters| {
            state.own.commands.remove(&menu(parameters)?);
            Ok(json!(true))
        }),
        "getmycommands" => run(|state, parameters| {
            let commands = state.own.commands.get(&menu(parameters)?);
            Ok(commands.cloned().unwrap_or_else(|| json!([])))
        }),
        "sendmessage" => run(chats::send_message),
        "editmessagetext" => run(chats::edit_text),
        "editmessagereplymarkup" => run(chats::edit_keyboard),
        "sendchataction" => run(chats::send_action),
        "getchat" => run(chats::get_chat),
        "answercallbackquery" => run(answer_press),
        _ => Err(Refusal::new(404, "Not Found: method not found")),
    }
}

/// Returns scope and language of a menu of commands.
fn menu(parameters: &Parameters) -> Result<(String, String), Refusal> {
    let scope = parameters
        .object("scope")?
        .unwrap_or_else(|| json!({"type": "default"}));
    Ok((scope.to_string(), parameters.text("language_code")))
}

/// Sets a menu of commands.
fn set_commands(state: &mut State<Account>, parameters: &Parameters) -> Outcome {
    let commands = parameters.object("commands")?.unwrap_or_default();
    let list = commands
        .as_array()
        .ok_or_else(|| Refusal::bad("can't parse commands: expected an Array"))?;
    if list.len() > COMMAND_LIMIT {
        return Err(Refusal::bad("BOT_COMMANDS_TOO_MUCH"));
    }
    for command in list {
        let name = command["command"]
            .as_str()
            .unwrap_or_default()
            .trim_start_matches('/');
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || name.len() > 32 || !name.chars().all(is_plain) {
            return Err(Refusal::bad("BOT_COMMAND_INVALID"));
        }
        let description = command["description"].as_str().unwrap_or_default();
        if !(1..=256).contains(&description.chars().count()) {
            return Err(Refusal::bad("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    state.own.commands.insert(menu(parameters)?, commands);
    Ok(json!(true))
}

/// Ends the waiting of a press for its answer, which is possible once.
fn answer_press(state: &mut State<Account>, parameters: &Parameters) -> Outcome {
    if parameters.text("text").chars().count() > PRESS_TEXT_LIMIT {
        return Err(Refusal::bad("MESSAGE_TOO_LONG"));
    }
    if state
        .own
        .open_presses
        .remove(&parameters.text("callback_query_id"))
    {
        return Ok(json!(true));
    }
    Err(Refusal::bad(
        "query is too old and response timeout expired or query ID is invalid",
    ))
}
