//! A session: one WebSocket connection from the challenge to the close frame (docs/openclaw.md#websocket-handshake).
//!
//! ```text
//! challenge ──► handshake (10 s at most) ──► hello ──► requests and events ──► close
//! ```
//!
//! One task serves each connection. The transport is a WebSocket, or a test's channels. A request that takes long (a browser's) does not delay the others.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout, timeout_at};

use super::access::Peer;
use super::clients::ConnectedClient;
use super::clients::{ClientRegistration, Outbound};
use super::methods::{self, AllowedCall};
use super::protocol::event::GatewayEvent;
use super::protocol::frame::{self, FrameError};
use super::protocol::refusal::{CloseReason, ConnectRefusal};
use super::protocol::{ErrorResponse, HANDSHAKE_TIMEOUT, MethodResult, Protocol, response_frame};
use super::state::{GatewayState, StopReason};
use super::websocket::{IncomingMessage, MAX_SMALL_MESSAGE_BYTES, MessageTransport, OutgoingMessage};
use crate::sync::spawn_blocking;
use crate::time::unix_millis;

mod handshake;
mod hello;
#[cfg(test)]
mod tests;

use handshake::{AcceptedClient, RejectedClient};

/// Maximum time in which a client must accept a frame of the gateway's WebSocket protocol before it is disconnected.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time that a client of the gateway has to answer a WebSocket close frame with its own.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The request id in the gateway's answer to a client's message that has no id.
const UNKNOWN_REQUEST_ID: &str = "invalid";
/// Maximum number of requests of one client that the gateway answers at the same time; the next is read when one is
/// answered.
const MAX_CONCURRENT_CALLS: usize = 16;

/// The end of a client's WebSocket connection to the gateway where the client has left or does not read: nothing more
/// can be sent.
struct Disconnected;

/// Serves one WebSocket connection to the gateway from the handshake's challenge to its end. `on_authenticated` is
/// called once the client is authenticated: from then on the protocol limits what it may send.
pub(crate) async fn serve<IO: MessageTransport>(
    state: Arc<GatewayState>,
    io: IO,
    peer: Peer,
    on_authenticated: impl FnOnce(),
) {
    let mut io = pin!(io);
    // Boxed, so that an idle client keeps nothing of what the handshake needed.
    let end = match Box::pin(open_session(&state, io.as_mut(), peer)).await {
        Ok(Ok(registration)) => {
            on_authenticated();
            let max_message = registration.client.protocol.max_payload();
            io.as_mut().set_authenticated(max_message);
            converse(&state, io.as_mut(), registration).await
        }
        Ok(Err(close_reason)) => Ok(close_reason),
        Err(Disconnected) => Err(Disconnected),
    };
    match end {
        Ok(close_reason) => close(io, close_reason).await,
        // Answers the close frame of the other side, where it sent one.
        Err(Disconnected) => drop(timeout(CLOSE_TIMEOUT, io.close()).await),
    }
}

/// Sends a WebSocket message to a client of the gateway. Fails where the other side does not accept it within
/// [`WRITE_TIMEOUT`].
async fn send<IO: MessageTransport>(
    mut io: Pin<&mut IO>,
    message: OutgoingMessage,
) -> Result<(), Disconnected> {
    match timeout(WRITE_TIMEOUT, io.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Disconnected),
    }
}

/// Sends a WebSocket text message to a client of the gateway.
async fn send_text<IO: MessageTransport>(
    io: Pin<&mut IO>,
    text: impl Into<Bytes>,
) -> Result<(), Disconnected> {
    send(io, OutgoingMessage::Text(text.into())).await
}

/// Receives the next WebSocket message of a client, or the reason to close the connection where what the client sends
/// can't be accepted.
async fn receive<IO: MessageTransport>(
    io: &mut Pin<&mut IO>,
) -> Result<Result<IncomingMessage, CloseReason>, Disconnected> {
    match io.next().await {
        Some(Ok(message)) => Ok(Ok(message)),
        Some(Err(error)) => error.close_reason().map(Err).ok_or(Disconnected),
        None => Err(Disconnected),
    }
}

/// Opens the WebSocket session of a client of the gateway: sends the challenge, checks the client's first request and
/// answers it. Returns the registered client, or the reason to close.
async fn open_session<IO: MessageTransport>(
    state: &Arc<GatewayState>,
    mut io: Pin<&mut IO>,
    peer: Peer,
) -> Result<Result<ClientRegistration, CloseReason>, Disconnected> {
    let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
    let nonce = crate::host::random_uuid().to_string();
    let ts = unix_millis(state.context.host.now());
    let challenge = json!({"nonce": nonce, "ts": ts, "capabilities": []});
    let challenge = GatewayEvent::ConnectChallenge
        .render(&challenge, None)
        .without_seq();
    send_text(io.as_mut(), challenge).await?;

    let first = tokio::select! {
        first = timeout_at(deadline, receive(&mut io)) => first,
        _ = state.stopped() => return Ok(Err(service_restart())),
    };
    let checked = match first {
        Ok(received) => match received? {
            Ok(message) => check_first_message(state, peer, &nonce, deadline, &message.bytes).await,
            Err(close_reason) => {
                let ip = peer.address.ip();
                state.throttle.log.record_refusal(ip, &close_reason.reason);
                return Ok(Err(close_reason));
            }
        },
        Err(_) => Err((None, RejectedClient::unknown(ConnectRefusal::TimedOut))),
    };
    match checked {
        // The credentials changed during the check. From here on the client is registered and told of changes.
        Ok((_, accepted)) if accepted.is_outdated(state) => Ok(Err(credentials_changed())),
        Ok((id, mut accepted)) => {
            let (device_token, method) = (accepted.device_token.take(), accepted.method);
            let client = accepted.into_connected(state, peer);
            let registration = state.clients.register(client);
            let hello = hello::payload(state, &registration.client, device_token.as_ref(), method);
            send_text(io, response_frame(&id, &Ok(hello.await))).await?;
            Ok(Ok(registration))
        }
        Err((id, rejected)) => {
            let RejectedClient {
                reason,
                protocol,
                client,
            } = rejected;
            let close_reason = reason.close_reason(protocol, client.as_ref());
            if !reason.is_of_wrong_credentials() {
                let ip = peer.address.ip();
                state.throttle.log.record_refusal(ip, &close_reason.reason);
            }
            if let (Some(id), Some(error)) = (id, reason.error(protocol, client.as_ref())) {
                send_text(io, response_frame(&id, &Err(error))).await?;
            }
            Ok(Err(close_reason))
        }
    }
}

/// Checks the first WebSocket message of a client: the request by which it connects to the gateway. Returns the id of
/// the request with the outcome; a rejection without an id can't be answered.
async fn check_first_message(
    state: &GatewayState,
    peer: Peer,
    nonce: &str,
    deadline: Instant,
    message: &[u8],
) -> Result<(String, AcceptedClient), (Option<String>, RejectedClient)> {
    let unanswered = |reason| (None, RejectedClient::unknown(reason));
    let request = frame::parse_request(message, Protocol::Three).map_err(|error| {
        unanswered(match error {
            FrameError::NotJson => ConnectRefusal::NotJson,
            FrameError::NotARequest { .. } => ConnectRefusal::NotARequest,
        })
    })?;
    let params = request.params.map_or(Ok(Value::Null), serde_json::from_str);
    let params = params.map_err(|_| unanswered(ConnectRefusal::NotJson))?;
    let check = handshake::check_first_request(state, peer, nonce, &request.method, params);
    match timeout_at(deadline, check).await {
        Ok(Ok(accepted)) => Ok((request.id, accepted)),
        Ok(Err(rejected)) => Err((Some(request.id), rejected)),
        Err(_) => Err(unanswered(ConnectRefusal::TimedOut)),
    }
}

/// The next step of a client's WebSocket session after its handshake: to send a frame, to send an answer,
/// to handle a message or to close the connection.
enum SessionStep {
    Send(Bytes),
    Answer(Bytes),
    Handle(IncomingMessage),
    Close(CloseReason),
}

/// The calls of one client to gateway methods that are not answered yet, with the ids of their requests.
type PendingCalls = FuturesUnordered<BoxFuture<'static, (String, MethodResult)>>;

/// Answers the requests of a connected client and delivers the gateway's events to it, until either side ends the
/// WebSocket session.
async fn converse<IO: MessageTransport>(
    state: &Arc<GatewayState>,
    mut io: Pin<&mut IO>,
    mut registration: ClientRegistration,
) -> Result<CloseReason, Disconnected> {
    let mut calls = PendingCalls::new();
    let mut stopped = pin!(state.stopped());
    loop {
        let step = tokio::select! {
            reason = &mut stopped => {
                send_text(io.as_mut(), shutdown_frame(state, &registration.client, reason)).await?;
                SessionStep::Close(service_restart())
            }
            outbound = registration.outbound.recv() => match outbound {
                Some(Outbound::Frame(frame)) => SessionStep::Send(frame),
                Some(Outbound::CredentialsChanged) => SessionStep::Close(credentials_changed()),
                None => SessionStep::Close(CloseReason::new(1008, "slow consumer")),
            },
            Some((id, result)) = calls.next(), if !calls.is_empty() => {
                SessionStep::Answer(response_frame(&id, &result).into())
            }
            received = receive(&mut io), if calls.len() < MAX_CONCURRENT_CALLS => match received? {
                Ok(message) => SessionStep::Handle(message),
                Err(close_reason) => SessionStep::Close(close_reason),
            },
        };
        match step {
            SessionStep::Send(frame) => send_text(io.as_mut(), frame).await?,
            SessionStep::Answer(answer) => {
                // What was queued before the answer was made goes first: the client gets both in their order.
                for _ in 0..registration.outbound.len() {
                    if let Ok(Outbound::Frame(frame)) = registration.outbound.try_recv() {
                        send_text(io.as_mut(), frame).await?;
                    } else {
                        return Ok(credentials_changed());
                    }
                }
                send_text(io.as_mut(), answer).await?;
            }
            SessionStep::Close(reason) => return Ok(reason),
            SessionStep::Handle(message) => calls.push(start_call(state, &registration.client, message)),
        }
    }
}

/// Starts the call to a gateway method that a client's WebSocket message asks for. Returns the id of the request with
/// the answer. A large message is read by another thread: others wait for this one.
fn start_call(
    state: &Arc<GatewayState>,
    client: &Arc<ConnectedClient>,
    message: IncomingMessage,
) -> BoxFuture<'static, (String, MethodResult)> {
    let (state, client) = (state.clone(), client.clone());
    if message.bytes.len() <= MAX_SMALL_MESSAGE_BYTES {
        let (id, call) = read_call(&message, &client);
        return answer_call(&state, &client, id, call);
    }
    let reader = client.clone();
    // Begun at once, so that the turn of the message does not depend on what this client reads.
    let reading = spawn_blocking(move || read_call(&message, &reader));
    let answer = async move {
        let Ok((id, call)) = reading.await else {
            let error = ErrorResponse::unavailable("request cannot be read");
            return (UNKNOWN_REQUEST_ID.to_owned(), Err(error));
        };
        answer_call(&state, &client, id, call).await
    };
    answer.boxed()
}

/// Parses a client's WebSocket message as a call to a gateway method. Returns the id of the request with the call, or
/// with the error that answers it.
fn read_call(
    message: &IncomingMessage,
    client: &ConnectedClient,
) -> (String, Result<AllowedCall, ErrorResponse>) {
    let (id, reason) = match frame::parse_request(&message.bytes, client.protocol) {
        Ok(request) => {
            let call = methods::check_call(&request.method, client, request.params);
            return (request.id, call);
        }
        Err(FrameError::NotJson) => (None, "not JSON".to_owned()),
        Err(FrameError::NotARequest { id, reason }) => (id, reason),
    };
    let error = ErrorResponse::invalid_request(format!("invalid request frame: {reason}"));
    (id.unwrap_or_else(|| UNKNOWN_REQUEST_ID.to_owned()), Err(error))
}

/// Answers a client's call to a gateway method, or answers it with the error found while parsing it.
fn answer_call(
    state: &Arc<GatewayState>,
    client: &Arc<ConnectedClient>,
    id: String,
    call: Result<AllowedCall, ErrorResponse>,
) -> BoxFuture<'static, (String, MethodResult)> {
    match call {
        Ok(call) => {
            let answer = call.answer(state, client, &id);
            answer.map(|result| (id, result)).boxed()
        }
        Err(error) => std::future::ready((id, Err(error))).boxed(),
    }
}

/// Renders the frame of the gateway's `shutdown` event, which tells a client that the gateway stops.
fn shutdown_frame(state: &GatewayState, client: &ConnectedClient, reason: StopReason) -> Bytes {
    let payload = match reason {
        StopReason::Signal => json!({"reason": "gateway stopping"}),
        StopReason::Restart => json!({"reason": "gateway restarting", "restartExpectedMs": 1500}),
    };
    state
        .clients
        .event_frame(client.conn_id, GatewayEvent::Shutdown, &payload)
}

/// Returns the reason with which a gateway that stops or restarts closes its clients' WebSocket connections.
fn service_restart() -> CloseReason {
    CloseReason::new(1012, "service restart")
}

/// Returns the reason with which the gateway closes the connection of a client whose credentials are not valid any
/// more, as in OpenClaw 2026.9.6.
fn credentials_changed() -> CloseReason {
    CloseReason::new(4001, "gateway auth changed")
}

/// Closes the WebSocket connection of a client and gives the client a moment to close its side. What it sent
/// meanwhile is read: otherwise the system would reset the connection, and our last frames would be lost.
async fn close<IO: MessageTransport>(mut io: Pin<&mut IO>, reason: CloseReason) {
    if send(io.as_mut(), OutgoingMessage::Close(reason)).await.is_ok() {
        let drained = async { while let Some(Ok(_)) = io.next().await {} };
        let _ = timeout(CLOSE_TIMEOUT, drained).await;
    }
}
