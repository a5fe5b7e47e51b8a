//! The gateway: hello, identify, heartbeats, events, resume, and the codes with which it closes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tungstenite::Message;

use super::TOKEN;
use super::objects::{Account, bot};
use crate::support::messenger::server::{Socket, close, upgrade};
use crate::support::messenger::state::{Call, Shared, State};

/// Discord's own time between heartbeats, in milliseconds.
const HEARTBEAT_INTERVAL: u32 = 41_250;
/// Intent for messages in servers.
const GUILD_MESSAGES: u64 = 1 << 9;
/// Intent for messages in private channels.
const DIRECT_MESSAGES: u64 = 1 << 12;
/// Intent for the content of messages in servers.
const MESSAGE_CONTENT: u64 = 1 << 15;
/// All intents that exist.
const ALL_INTENTS: u64 = 0x0331_ffff;

/// What a session has heard of.
#[derive(Debug, Default)]
pub struct Session {
    intents: u64,
    /// Events in their order: the sequence number of the first one is 1.
    events: Vec<Value>,
}

/// A connection to the gateway.
#[derive(Debug)]
pub struct Connection {
    /// Id of its session, once it has one.
    pub session: Option<String>,
    /// What the test wants of it.
    pub orders: VecDeque<Order>,
    /// How many events of the session it has sent.
    sent: usize,
    /// Whether the client has resumed and has to be told so after the missed events.
    is_resuming: bool,
    /// Whether it answers no heartbeat.
    pub ignores_heartbeats: bool,
    last_heartbeat: Instant,
}

/// What the test wants of a connection.
#[derive(Clone, Debug)]
pub enum Order {
    Send(Value),
    Close(u16),
}

/// What a connection does next.
enum Step {
    Send(Value),
    Close(u16),
}

impl Session {
    /// Enters an event where the session asked for such events.
    pub fn dispatch(&mut self, name: &str, data: &Value) {
        let mut data = data.clone();
        if name.starts_with("MESSAGE_") {
            let is_in_server = data.get("guild_id").is_some();
            let needed = if is_in_server {
                GUILD_MESSAGES
            } else {
                DIRECT_MESSAGES
            };
            if self.intents & needed == 0 {
                return;
            }
            if is_in_server && self.intents & MESSAGE_CONTENT == 0 {
                data["content"] = json!("");
            }
        }
        self.enter(name, &data);
    }

    /// Enters an event.
    fn enter(&mut self, name: &str, data: &Value) {
        let number = self.events.len() + 1;
        self.events
            .push(json!({"op": 0, "s": number, "t": name, "d": data}));
    }
}

/// Answers a request for a WebSocket.
pub fn connect(shared: &Arc<Shared<Account>>, address: SocketAddr, request: Request) -> Response {
    let shared = shared.clone();
    let uri = request.uri().clone();
    let query = uri.query().unwrap_or_default().to_owned();
    shared.change(|state| {
        state.calls.push(Call {
            method: "gateway connect".to_owned(),
            parameters: json!(uri.to_string()),
        });
    });
    upgrade(request, move |mut socket| async move {
        let is_known = query.split('&').any(|pair| pair == "v=10")
            && query.split('&').any(|pair| pair == "encoding=json");
        if !is_known {
            return close(&mut socket, 4012, "Invalid API version.").await;
        }
        serve(&shared, address, &mut socket).await;
    })
}

/// Serves a connection until it ends.
async fn serve(shared: &Shared<Account>, address: SocketAddr, socket: &mut Socket) {
    let (id, interval) = shared.change(|state| {
        let id = state.own.next_id();
        state.own.connections.insert(id, Connection::new());
        let set = state.own.heartbeat_interval;
        (id, if set == 0 { HEARTBEAT_INTERVAL } else { set })
    });
    send(socket, json!({"op": 10, "d": {"heartbeat_interval": interval}})).await;
    let patience = Duration::from_millis(interval.into()) * 2;
    loop {
        let step = tokio::select! {
            step = shared.until(|state| next_step(&mut state.own, id)) => Some(step),
            // A client that is silent for two intervals has gone.
            () = silence(shared, id, patience) => Some(Step::Close(4009)),
            received = socket.next() => match received {
                Some(Ok(Message::Text(text))) => shared.change(|state| receive(state, address, id, &text)),
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map_or(1005, |frame| frame.code.into());
                    return end(shared, id, matches!(code, 1000 | 1001));
                }
                Some(Ok(_)) => None,
                Some(Err(_)) | None => return end(shared, id, false),
            }
        };
        match step {
            Some(Step::Send(payload)) => send(socket, payload).await,
            Some(Step::Close(code)) => {
                close(socket, code, "").await;
                return end(shared, id, code == 4004);
            }
            None => {}
        }
    }
}

/// Returns when the client has sent no heartbeat for so long.
async fn silence(shared: &Shared<Account>, id: u64, patience: Duration) {
    loop {
        let last = shared.change(|state| {
            state
                .own
                .connections
                .get(&id)
                .map(|connection| connection.last_heartbeat)
        });
        let Some(last) = last else {
            return std::future::pending().await;
        };
        let left = (last + patience).saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left).await;
    }
}

/// Forgets a connection, and its session where that ends with it.
fn end(shared: &Shared<Account>, id: u64, ends_session: bool) {
    shared.change(|state| {
        let connection = state.own.connections.remove(&id);
        if let Some(session) = connection.and_then(|connection| connection.session)
            && ends_session
        {
            state.own.sessions.remove(&session);
        }
    });
}

/// Sends a payload.
async fn send(socket: &mut Socket, payload: Value) {
    // It fails where the client has gone, which the next read tells.
    let _ = socket.send(Message::text(payload.to_string())).await;
}

impl Connection {
    /// Creates a connection without a session.
    fn new() -> Self {
        Self {
            session: None,
            orders: VecDeque::new(),
            sent: 0,
            is_resuming: false,
            ignores_heartbeats: false,
            last_heartbeat: Instant::now(),
        }
    }
}

/// Returns what a connection does next by itself, or `None` where nothing is to be done.
fn next_step(account: &mut Account, id: u64) -> Option<Step> {
    let connection = account.connections.get_mut(&id)?;
    match connection.orders.pop_front() {
        Some(Order::Send(payload)) => return Some(Step::Send(payload)),
        Some(Order::Close(code)) => return Some(Step::Close(code)),
        None => {}
    }
    let session = account.sessions.get_mut(connection.session.as_ref()?)?;
    if connection.sent == session.events.len() && connection.is_resuming {
        connection.is_resuming = false;
        session.enter("RESUMED", &json!({}));
    }
    let event = session.events.get(connection.sent)?.clone();
    connection.sent += 1;
    Some(Step::Send(event))
}

/// Takes a payload of the client and returns what follows from it.
fn receive(state: &mut State<Account>, address: SocketAddr, id: u64, text: &str) -> Option<Step> {
    let Ok(payload) = serde_json::from_str::<Value>(text) else {
        return Some(Step::Close(4002));
    };
    state.calls.push(Call {
        method: "gateway".to_owned(),
        parameters: payload.clone(),
    });
    let account = &mut state.own;
    let connection = account.connections.get_mut(&id)?;
    let data = &payload["d"];
    match (payload["op"].as_u64(), &connection.session) {
        (Some(1), _) => {
            connection.last_heartbeat = Instant::now();
            (!connection.ignores_heartbeats).then(|| Step::Send(json!({"op": 11})))
        }
        (Some(2), None) => identify(account, address, id, data),
        (Some(6), None) => resume(account, id, data),
        (Some(2 | 6), Some(_)) => Some(Step::Close(4005)),
        (Some(3), Some(_)) => None,
        (Some(3), None) => Some(Step::Close(4003)),
        _ => Some(Step::Close(4001)),
    }
}

/// Begins a session.
fn identify(account: &mut Account, address: SocketAddr, id: u64, data: &Value) -> Option<Step> {
    if data["token"] != TOKEN || account.is_revoked {
        return Some(Step::Close(4004));
    }
    if !data["properties"].is_object() {
        return Some(Step::Close(4002));
    }
    let Some(intents) = data["intents"]
        .as_u64()
        .filter(|intents| intents & !ALL_INTENTS == 0)
    else {
        return Some(Step::Close(4013));
    };
    if intents & MESSAGE_CONTENT != 0 && account.is_content_intent_forbidden {
        return Some(Step::Close(4014));
    }
    let session_id = format!("{:032x}", account.next_id());
    let mut session = Session {
        intents,
        events: Vec::new(),
    };
    let ready = json!({
        "v": 10, "user": bot(), "guilds": [], "session_id": session_id,
        "resume_gateway_url": format!("ws://{address}/resume"),
        "application": {"id": bot()["id"], "flags": 0}
    });
    session.enter("READY", &ready);
    account.sessions.insert(session_id.clone(), session);
    let connection = account.connections.get_mut(&id)?;
    connection.session = Some(session_id);
    connection.sent = 0;
    None
}

/// Continues a session after the last event that the client has.
fn resume(account: &mut Account, id: u64, data: &Value) -> Option<Step> {
    if data["token"] != TOKEN || account.is_revoked {
        return Some(Step::Close(4004));
    }
    let session_id = data["session_id"].as_str().unwrap_or_default();
    let Some(session) = account.sessions.get(session_id) else {
        return Some(Step::Send(json!({"op": 9, "d": false})));
    };
    let number = data["seq"]
        .as_u64()
        .and_then(|number| usize::try_from(number).ok());
    let Some(sent) = number.filter(|number| *number <= session.events.len()) else {
        return Some(Step::Close(4007));
    };
    let connection = account.connections.get_mut(&id)?;
    connection.session = Some(session_id.to_owned());
    connection.sent = sent;
    connection.is_resuming = true;
    None
}
