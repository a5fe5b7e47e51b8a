//! A session: one WebSocket connection from the challenge to the close frame (docs/openclaw.md#websocket-handshake).
//!
//! ```text
//! challenge ──► handshake (10 s at most) ──► hello ──► requests and events ──► close
//! ```
//!
//! One task serves each connection. The transport is any stream and sink of messages: the socket of `http`,
//! or a test's channels. A request that takes long (a browser's) does not delay the others.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, Sink, SinkExt as _, Stream, StreamExt as _};
use serde_json::json;
use tokio::time::{Instant, timeout, timeout_at};

use super::access::Peer;
use super::clients::{ClientRegistration, Outbound};
use super::methods;
use super::methods::call::MethodCall;
use super::protocol::event::GatewayEvent;
use super::protocol::frame::{self, FrameError};
use super::protocol::refusal::{CloseReason, ConnectRefusal};
use super::protocol::{
    ErrorResponse, HANDSHAKE_TIMEOUT, MAX_HANDSHAKE_BYTES, MethodResult, Protocol, response_frame,
};
use super::state::{GatewayState, StopReason};
use crate::time::unix_millis;

mod handshake;
mod hello;
#[cfg(test)]
mod tests;

use handshake::{AcceptedClient, RejectedClient};

/// Maximum time in which a client must accept a frame of the gateway's WebSocket protocol before it is disconnected.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time that the other side has to answer a close frame with its own.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Maximum number of requests of one client that are answered at the same time; the next is read when one
/// is answered.
const MAX_CONCURRENT_CALLS: usize = 16;

/// The end of a connection whose other side has left or does not read: nothing more can be sent.
struct Disconnected;

/// Serves one WebSocket connection from the challenge to its end. `on_authenticated` is called once the
/// client is authenticated: from then on the protocol limits what it may send.
pub(crate) async fn serve<IO, E>(
    state: Arc<GatewayState>,
    io: IO,
    peer: Peer,
    on_authenticated: impl FnOnce(),
) where
    IO: Stream<Item = Result<Message, E>> + Sink<Message>,
{
    let mut io = pin!(io);
    // Boxed, so that an idle client keeps nothing of what the handshake needed.
    let end = match Box::pin(open_session(&state, io.as_mut(), peer)).await {
        Ok(Ok(registration)) => {
            on_authenticated();
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

/// Sends a WebSocket message to a client of the gateway. Fails where the other side does not take it within
/// [`WRITE_TIMEOUT`].
async fn send<IO: Sink<Message>>(mut io: Pin<&mut IO>, message: Message) -> Result<(), Disconnected> {
    match timeout(WRITE_TIMEOUT, io.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Disconnected),
    }
}

/// Sends a WebSocket text message to a client of the gateway.
async fn send_text<IO: Sink<Message>>(
    io: Pin<&mut IO>,
    text: impl Into<Utf8Bytes>,
) -> Result<(), Disconnected> {
    send(io, Message::Text(text.into())).await
}

/// Receives the next message with a content. Pings and pongs are answered by the socket and skipped.
async fn receive<IO, E>(io: &mut Pin<&mut IO>) -> Result<Bytes, Disconnected>
where
    IO: Stream<Item = Result<Message, E>>,
{
    loop {
        match io.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.into()),
            Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Disconnected),
        }
    }
}

/// Opens the WebSocket session of a client: sends the challenge, checks the client's first request and answers it.
/// Returns the registered client, or the reason to close.
async fn open_session<IO, E>(
    state: &Arc<GatewayState>,
    mut io: Pin<&mut IO>,
    peer: Peer,
) -> Result<Result<ClientRegistration, CloseReason>, Disconnected>
where
    IO: Stream<Item = Result<Message, E>> + Sink<Message>,
{
    let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
    let nonce = uuid::Uuid::new_v4().to_string();
    let ts = unix_millis(state.context.host.now());
    let challenge = json!({"nonce": nonce, "ts": ts, "capabilities": []});
    let challenge = GatewayEvent::ConnectChallenge.to_frame(&challenge, None, None);
    send_text(io.as_mut(), challenge).await?;

    let first = tokio::select! {
        first = timeout_at(deadline, receive(&mut io)) => first,
        _ = state.stopped() => return Ok(Err(service_restart())),
    };
    let checked = match first {
        Ok(message) => check_first_message(state, peer, &nonce, deadline, &message?).await,
        Err(_) => Err((None, RejectedClient::unknown(ConnectRefusal::TimedOut))),
    };
    match checked {
        // The credentials changed during the check. From here on the client is registered and told of changes.
        Ok((_, accepted)) if accepted.is_outdated(state) => Ok(Err(credentials_changed())),
        Ok((id, mut accepted)) => {
            let (device_token, method) = (accepted.device_token.take(), accepted.method);
            let client = accepted.into_connected(state, peer);
            let registration = state.clients.register(client);
            let hello = hello::payload(state, &registration.client, peer, device_token.as_ref(), method);
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
            tracing::info!(ip = %peer.address.ip(), why = %close_reason.reason, "client refused");
            if let (Some(id), Some(error)) = (id, reason.error(protocol, client.as_ref())) {
                send_text(io, response_frame(&id, &Err(error))).await?;
            }
            Ok(Err(close_reason))
        }
    }
}

/// Checks the first message of a client. Returns the id of the request with the outcome; a rejection without
/// an id can't be answered.
async fn check_first_message(
    state: &GatewayState,
    peer: Peer,
    nonce: &str,
    deadline: Instant,
    message: &[u8],
) -> Result<(String, AcceptedClient), (Option<String>, RejectedClient)> {
    let unanswered = |reason| (None, RejectedClient::unknown(reason));
    if message.len() > MAX_HANDSHAKE_BYTES {
        return Err(unanswered(ConnectRefusal::TooLarge));
    }
    let request = frame::parse_request(message, Protocol::Three).map_err(|error| {
        unanswered(match error {
            FrameError::NotJson => ConnectRefusal::NotJson,
            FrameError::NotARequest { .. } => ConnectRefusal::NotARequest,
        })
    })?;
    let check = handshake::check_first_request(state, peer, nonce, &request.method, request.params);
    match timeout_at(deadline, check).await {
        Ok(Ok(accepted)) => Ok((request.id, accepted)),
        Ok(Err(rejected)) => Err((Some(request.id), rejected)),
        Err(_) => Err(unanswered(ConnectRefusal::TimedOut)),
    }
}

/// The next step of a client's WebSocket session after its handshake: to send a frame, to handle a message or to
/// close the connection.
enum SessionStep {
    Send(Utf8Bytes),
    Handle(Bytes),
    Close(CloseReason),
}

/// The calls of a client that are not answered yet, with the ids of their requests.
type PendingCalls = FuturesUnordered<BoxFuture<'static, (String, MethodResult)>>;

/// Answers the requests of a connected client and delivers the gateway's events to it, until either side ends the
/// WebSocket session.
async fn converse<IO, E>(
    state: &Arc<GatewayState>,
    mut io: Pin<&mut IO>,
    mut registration: ClientRegistration,
) -> Result<CloseReason, Disconnected>
where
    IO: Stream<Item = Result<Message, E>> + Sink<Message>,
{
    let max_payload = registration.client.protocol.max_payload();
    let mut calls = PendingCalls::new();
    let mut stopped = pin!(state.stopped());
    loop {
        let step = tokio::select! {
            reason = &mut stopped => {
                send_text(io.as_mut(), shutdown_frame(state, reason)).await?;
                SessionStep::Close(service_restart())
            }
            outbound = registration.outbound.recv() => match outbound {
                Some(Outbound::Frame(frame)) => SessionStep::Send(frame),
                Some(Outbound::CredentialsChanged) => SessionStep::Close(credentials_changed()),
                None => SessionStep::Close(CloseReason::new(1008, "slow consumer")),
            },
            Some((id, result)) = calls.next(), if !calls.is_empty() => {
                SessionStep::Send(response_frame(&id, &result).into())
            }
            bytes = receive(&mut io), if calls.len() < MAX_CONCURRENT_CALLS => SessionStep::Handle(bytes?),
        };
        match step {
            SessionStep::Send(frame) => send_text(io.as_mut(), frame).await?,
            SessionStep::Close(reason) => return Ok(reason),
            SessionStep::Handle(bytes) if bytes.len() > max_payload => return Ok(CloseReason::new(1009, "")),
            SessionStep::Handle(bytes) => {
                if let Some(refusal) = start_call(state, &registration, &calls, &bytes) {
                    send_text(io.as_mut(), refusal).await?;
                }
            }
        }
    }
}

/// Starts the call that a client's WebSocket message asks for, or returns the response to a message that is not a
/// request.
fn start_call(
    state: &Arc<GatewayState>,
    registration: &ClientRegistration,
    calls: &PendingCalls,
    message: &[u8],
) -> Option<String> {
    let error = match frame::parse_request(message, registration.client.protocol) {
        Ok(request) => {
            let call = MethodCall {
                state: state.clone(),
                client: registration.client.clone(),
                params: request.params,
            };
            let id = request.id;
            let answer = methods::answer(&request.method, call).map(|result| (id, result));
            calls.push(answer.boxed());
            return None;
        }
        Err(error) => error,
    };
    let (id, reason) = match error {
        FrameError::NotJson => (None, "not JSON".to_owned()),
        FrameError::NotARequest { id, reason } => (id, reason),
    };
    let error = ErrorResponse::invalid_request(format!("invalid request frame: {reason}"));
    let id = id.as_deref().unwrap_or("invalid");
    Some(response_frame(id, &Err(error)))
}

/// Renders the event that tells a client that the gateway stops.
fn shutdown_frame(state: &GatewayState, reason: StopReason) -> Utf8Bytes {
    let payload = match reason {
        StopReason::Signal => json!({"reason": "gateway stopping"}),
        StopReason::Restart => json!({"reason": "gateway restarting", "restartExpectedMs": 1500}),
    };
    state.clients.event_frame(GatewayEvent::Shutdown, &payload)
}

/// Returns the close reason of a gateway that stops, for either reason.
fn service_restart() -> CloseReason {
    CloseReason::new(1012, "service restart")
}

/// Returns the close reason of a client whose credentials are not valid any more, as in OpenClaw 2026.9.6.
fn credentials_changed() -> CloseReason {
    CloseReason::new(4001, "gateway auth changed")
}

/// Closes the WebSocket connection of a client and gives the client a moment to close its side. What it sent
/// meanwhile is read: otherwise the system would reset the connection, and our last frames would be lost.
async fn close<IO, E>(mut io: Pin<&mut IO>, reason: CloseReason)
where
    IO: Stream<Item = Result<Message, E>> + Sink<Message>,
{
    let frame = CloseFrame {
        code: reason.code,
        reason: reason.reason.into(),
    };
    if send(io.as_mut(), Message::Close(Some(frame))).await.is_ok() {
        let drained = async { while let Some(Ok(_)) = io.next().await {} };
        let _ = timeout(CLOSE_TIMEOUT, drained).await;
    }
}
