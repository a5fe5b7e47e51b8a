//! Socket Mode: hello, envelopes and their acknowledgements, and the requests to connect anew.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tungstenite::Message;

use super::objects::{APP, Account, see};
use crate::support::messenger::server::{Socket, close, json_response, upgrade};
use crate::support::messenger::state::{Call, Shared, State};

/// What the test wants of a connection.
#[derive(Clone, Debug)]
pub enum Order {
    /// Says why the connection ends, and ends it.
    Disconnect(&'static str),
}

/// What a connection does next.
enum Step {
    Send(Value),
    Disconnect(&'static str),
}

/// Answers a request for a WebSocket: each ticket is good once.
pub fn connect(shared: &Arc<Shared<Account>>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let ticket = query.split('&').find_map(|pair| pair.strip_prefix("ticket="));
    let ticket = ticket.unwrap_or_default().to_owned();
    if !shared.change(|state| state.own.tickets.remove(&ticket)) {
        return json_response(408, &json!({"ok": false, "error": "ticket expired"}));
    }
    let shared = shared.clone();
    upgrade(request, move |mut socket| async move {
        let number = shared.change(|state| {
            let number = state.own.next_number();
            state.own.connections.insert(number, VecDeque::new());
            number
        });
        serve(&shared, number, &mut socket).await;
        shared.change(|state| state.own.connections.remove(&number));
    })
}

/// Serves a connection until it ends.
async fn serve(shared: &Shared<Account>, number: u64, socket: &mut Socket) {
    let hello = json!({
        "type": "hello", "num_connections": 1, "connection_info": {"app_id": APP},
        "debug_info": {"host": "applink-1", "approximate_connection_time": 18060}
    });
    let mut payload = Some(hello);
    loop {
        if let Some(payload) = payload.take() {
            // It fails where the client has gone, which the next read tells.
            let _ = socket.send(Message::text(payload.to_string())).await;
        }
        tokio::select! {
            step = shared.until(|state| next_step(&mut state.own, number)) => match step {
                Step::Send(document) => payload = Some(document),
                Step::Disconnect(reason) => {
                    let disconnect = json!({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}});
                    let _ = socket.send(Message::text(disconnect.to_string())).await;
                    return close(socket, 1000, "").await;
                }
            },
            received = socket.next() => match received {
                Some(Ok(Message::Text(text))) => shared.change(|state| receive(state, &text)),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            }
        }
    }
}

/// Returns what a connection does next by itself, or `None` where nothing is to be done. The newest one gets the envelopes.
fn next_step(account: &mut Account, number: u64) -> Option<Step> {
    let newest = account.connections.keys().next_back().copied();
    if let Some(Order::Disconnect(reason)) = account.connections.get_mut(&number)?.pop_front() {
        return Some(Step::Disconnect(reason));
    }
    (newest == Some(number))
        .then(|| account.next_envelope())
        .flatten()
        .map(Step::Send)
}

/// Takes an acknowledgement.
fn receive(state: &mut State<Account>, text: &str) {
    let document: Value = serde_json::from_str(text).expect("JSON");
    state.calls.push(Call {
        method: "socket".to_owned(),
        parameters: document.clone(),
    });
    if let Some(message) = state.own.acknowledge(&document) {
        state.seen.enter(see(&message, false));
    }
}
