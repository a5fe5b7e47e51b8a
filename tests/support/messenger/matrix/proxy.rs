//! The proxy between the bot and the homeserver: it passes calls on unless the test lets them fail, and can hand out what
//! was handed out before.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};

use super::events::Room;
use super::synapse::{CLIENT_ADDRESS, agent};
use crate::support::messenger::Failure;
use crate::support::messenger::seen::Seen;
use crate::support::messenger::server::{json_response, read_body};
use crate::support::messenger::state::{Call, Shared};

/// What the proxy and the people of one bot keep.
#[derive(Debug, Default)]
pub struct Account {
    /// Whether the test has ended.
    pub is_over: bool,
    /// Whether the bot has synced since its connections were dropped.
    pub has_synced: bool,
    /// Private rooms by the numbers of their people.
    pub rooms: BTreeMap<u32, Room>,
    /// Ids of the last messages by the numbers of their people.
    pub last_messages: BTreeMap<u32, String>,
    /// Ids of the reactions by person, message and key.
    pub presses: BTreeMap<(u32, String, String), String>,
    /// The messages of the bot as they are, by their ids.
    pub shown: BTreeMap<String, Seen>,
    /// Ids of the bot's reactions with the message and the key.
    pub reactions: BTreeMap<String, (String, String)>,
    /// Where the bot last synced from and heard something.
    last_heard_since: Option<String>,
    /// Where its next sync is to begin instead of where it says.
    repeated_since: Option<String>,
    last_transaction: u32,
}

impl Account {
    /// Returns the id of a new transaction.
    pub fn next_transaction(&mut self) -> u32 {
        self.last_transaction += 1;
        self.last_transaction
    }

    /// Lets the next sync of the bot begin where the last one began that heard something.
    ///
    /// # Panics
    /// Where there was none.
    pub fn repeat_last(&mut self) {
        let since = self
            .last_heard_since
            .clone()
            .expect("a sync that heard something");
        self.repeated_since = Some(since);
    }
}

/// Returns method and path of a call with `{id}` for each id.
fn template(method: &http::Method, path: &str) -> String {
    let parts = path
        .strip_prefix("/_matrix/client/v3")
        .unwrap_or(path)
        .split('/')
        .skip(1);
    let parts: Vec<_> = parts.collect();
    let is_id = |at: usize, part: &str| {
        let sends = at > 0 && parts.get(2) == Some(&"send") && at + 1 == parts.len();
        sends || part.starts_with(['!', '@', '$', '%'])
    };
    let parts = parts.iter().enumerate();
    let parts = parts.map(|(at, part)| {
        if is_id(at, part) {
            "/{id}".to_owned()
        } else {
            format!("/{part}")
        }
    });
    format!("{method} {}", parts.collect::<String>())
}

/// Answers a request of the bot.
pub async fn forward(shared: &Shared<Account>, url: &str, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = read_body(body).await;
    let method = template(&head.method, head.uri.path());
    let query = head.uri.query().unwrap_or_default();
    let is_sync = method == "GET /sync";
    let query = shared.change(|state| {
        state.calls.push(Call {
            method: method.clone(),
            parameters: serde_json::from_slice(&body).unwrap_or_default(),
        });
        if is_sync {
            sync_query(&mut state.own, query)
        } else {
            query.to_owned()
        }
    });
    let mut upstream = http::Request::builder().method(&head.method);
    upstream = upstream.uri(format!("{url}{}?{query}", head.uri.path()));
    upstream = upstream.header(CLIENT_ADDRESS.0, CLIENT_ADDRESS.1);
    for name in ["authorization", "content-type"] {
        if let Some(value) = head.headers.get(name) {
            upstream = upstream.header(name, value);
        }
    }
    let upstream = upstream.body(body.to_vec()).expect("a request");
    let call = async {
        let (status, document) = tokio::task::spawn_blocking(move || ask(upstream))
            .await
            .expect("an answer");
        if is_sync && status == 200 {
            shared.change(|state| note_sync(&mut state.own, &query, &document));
        }
        Response::builder()
            .status(status)
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(document))
            .expect("a response")
    };
    shared.answer(&method, refuse, call).await
}

/// Asks the homeserver.
fn ask(request: http::Request<Vec<u8>>) -> (u16, String) {
    let mut response = agent().run(request).expect("an answer of the homeserver");
    let body = response.body_mut().read_to_string().expect("a body");
    (response.status().as_u16(), body)
}

/// Returns the query with which a sync is passed on.
fn sync_query(account: &mut Account, query: &str) -> String {
    account.has_synced = true;
    let Some(since) = account.repeated_since.take() else {
        return query.to_owned();
    };
    let others = query.split('&').filter(|pair| !pair.starts_with("since="));
    others
        .chain([format!("since={since}").as_str()])
        .collect::<Vec<_>>()
        .join("&")
}

/// Notes where a sync began that heard something of a room.
fn note_sync(account: &mut Account, query: &str, document: &str) {
    let document: Value = serde_json::from_str(document).expect("JSON");
    let since = query.split('&').find_map(|pair| pair.strip_prefix("since="));
    if let Some(since) = since.filter(|_| document["rooms"]["join"].is_object()) {
        account.last_heard_since = Some(since.to_owned());
    }
}

/// Answers a call that the test lets fail.
fn refuse(failure: Failure) -> Response {
    let Failure::RateLimited { seconds } = failure else {
        return json_response(
            500,
            &json!({"errcode": "M_UNKNOWN", "error": "Internal server error"}),
        );
    };
    let document = json!({
        "errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": u64::from(seconds) * 1000
    });
    let mut response = json_response(429, &document);
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}
