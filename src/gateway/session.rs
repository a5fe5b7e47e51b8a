//! One WebSocket connection, from the challenge to the last frame (docs/openclaw.md#websocket-handshake).
//!
//! ```text
//! challenge ──► handshake (10 s at most) ──► hello ──► requests and events ──► close
//! ```
//!
//! One task for each connection, over anything that streams messages and takes them: the socket of `http`,
//! or a test's channels. A request that takes its time (a browser's) does not hold up the others.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocketUpgrade};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, Sink, SinkExt as _, Stream, StreamExt as _};
use serde_json::json;
use tokio::time::{timeout, timeout_at};

use super::clients::presence::millis;
use super::clients::{Errand, Stay};
use super::methods::{self, Call};
use super::protocol::frame::{self, Unread};
use super::protocol::refusal::{Closing, Refusal};
use super::protocol::{self, Fault, MAX_HANDSHAKE, MAX_PAYLOAD, Protocol, Reply};
use super::shared::{Shared, Stop};

mod handshake;
mod hello;
#[cfg(test)]
pub(in crate::gateway) mod stand;
#[cfg(test)]
mod tests;

/// A client proves itself within this time.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A client takes a frame within this time, or it is let go.
const WRITE: Duration = Duration::from_secs(10);
/// After a close frame the other side has this time to answer with its own.
const FAREWELL: Duration = Duration::from_secs(1);
/// As many requests of one client are worked on at once; the next is read when one is answered.
const CALLS: usize = 16;
/// The read buffer of one connection, in bytes: kept for as long as it is open.
const READ_BUFFER: usize = 4 * 1024;

/// Who is at the other end, as the upgrade request tells.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Where from.
    pub address: SocketAddr,
    /// Straight from this machine: over loopback, named so by its `Host`, passed on by no proxy.
    pub local: bool,
}

/// A socket with the limits of the protocol, and with buffers that thousands of idle ones can have.
pub fn limited(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(MAX_PAYLOAD)
        .max_frame_size(MAX_PAYLOAD)
}

/// Why a connection ends without a word more: the other side is gone, or does not read.
struct Gone;

/// Serves one connection to its end. `proven` is called when the client has proven itself: what it may say
/// is bounded by the protocol from then on.
pub async fn serve<IO, E>(shared: Arc<Shared>, io: IO, peer: Peer, proven: impl FnOnce())
where
    IO: Stream<Item = Result<Message, E>> + Sink<Message>,
{
    let mut io = pin!(io);
    // What the handshake needs is freed with its box: an idle client keeps nothing of it.
    let closing = match Box::pin(greet(&shared, io.as_mut(), peer)).await {
        Ok(Ok(stay)) => {
            proven();
            converse(&shared, io.as_mut(), stay).await
        }
        Ok(Err(closing)) => Ok(closing),
        Err(Gone) => Err(Gone),
    };
    match closing {
        Ok(closing) => part(io, closing).await,
        // Its own close frame, where it sent one, is answered.
        Err(Gone) => drop(timeout(FAREWELL, io.close()).await),
    }
}

async fn send<IO: Sink<Message>>(mut io: Pin<&mut IO>, message: Message) -> Result<(), Gone> {
    match timeout(WRITE, io.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

async fn say<IO: Sink<Message>>(io: Pin<&mut IO>, text: impl Into<Utf8Bytes>) -> Result<(), Gone> {
    send(io, Message::Text(text.into())).await
}

/// The bytes of the next message that says something. `Err` at the end of the connection.
async fn heard<IO, E>(io: &mut Pin<&mut IO>) -> Result<axum::body::Bytes, Gone>
where
    IO: Stream<Item = Result<Message, E>>,
{
    loop {
        match io.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.into()),
            Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
        }
    }
}

/// The challenge, the first request, and its answer.
async fn greet<IO, E>(
    shared: &Arc<Shared>,
    mut io: Pin<&mut IO>,
    peer: Peer,
) -> Result<Result<Stay, Closing>, Gone>
where
    IO: Stream<Item = Result<Message, E>> + Sink<Message>,
{
    let deadline = tokio::time::Instant::now() + HANDSHAKE;
    let nonce = uuid::Uuid::new_v4().to_string();
    let ts = millis(shared.host.now());
    let challenge = json!({"nonce": nonce, "ts": ts, "capabilities": []});
    say(
        io.as_mut(),
        protocol::event("connect.challenge", &challenge, None, None),
    )
    .await?;

    let first = tokio::select! {
        first = timeout_at(deadline, heard(&mut io)) => first,
        why = shared.stopped() => return Ok(Err(restart(why))),
    };
    let read = match first {
        Err(_) => Err((None, handshake::Turned::away(Refusal::Stalled))),
        Ok(Err(Gone)) => return Err(Gone),
        Ok(Ok(bytes)) if bytes.len() > MAX_HANDSHAKE => {
            Err((None, handshake::Turned::away(Refusal::TooLarge)))
        }
        Ok(Ok(bytes)) => match frame::parse(&bytes, Protocol::Three) {
            Err(Unread::NotJson) => Err((None, handshake::Turned::away(Refusal::NotJson))),
            Err(Unread::NotARequest { .. }) => Err((None, handshake::Turned::away(Refusal::NotARequest))),
            Ok(request) => {
                let checked = timeout_at(
                    deadline,
                    handshake::check(shared, peer, &nonce, &request.method, request.params),
                );
                match checked.await {
                    Ok(Ok(admitted)) => Ok((request.id, admitted)),
                    Ok(Err(turned)) => Err((Some(request.id), turned)),
                    Err(_) => Err((None, handshake::Turned::away(Refusal::Stalled))),
                }
            }
        },
    };
    match read {
        // It changed while this client was looked at; from here on it is told of changes.
        Ok((_, admitted)) if admitted.is_outdated(shared) => Ok(Err(proof_changed())),
        Ok((id, admitted)) => {
            let (who, issued, method) = admitted.connected(shared, peer);
            let stay = Stay::begin(shared, who);
            let hello = hello::payload(shared, &stay.who, peer, issued.as_ref(), method).await;
            say(io, protocol::response(&id, &Ok(hello))).await?;
            Ok(Ok(stay))
        }
        Err((id, turned)) => {
            let closing = turned.why.closing(turned.protocol, turned.client.as_ref());
            tracing::info!(ip = %peer.address.ip(), why = %closing.reason, "client refused");
            let fault = turned.why.fault(turned.protocol, turned.client.as_ref());
            if let (Some(id), Some(fault)) = (id, fault) {
                say(io, protocol::response(&id, &Err(fault))).await?;
            }
            Ok(Err(closing))
        }
    }
}

/// What a session does next.
enum Next {
    Say(Utf8Bytes),
    Hear(axum::body::Bytes),
    Close(Closing),
}

/// Requests and their answers, and events, until either side ends it.
async fn converse<IO, E>(shared: &Arc<Shared>, mut io: Pin<&mut IO>, mut stay: Stay) -> Result<Closing, Gone>
where
    IO: Stream<Item = Result<Message, E>> + Sink<Message>,
{
    let protocol = stay.who.protocol;
    let mut calls: FuturesUnordered<BoxFuture<'static, (String, Reply)>> = FuturesUnordered::new();
    let mut stopped = pin!(shared.stopped());
    loop {
        let next = tokio::select! {
            why = &mut stopped => {
                let farewell = match why {
                    Stop::Asked => json!({"reason": "gateway stopping"}),
                    Stop::Restart => json!({"reason": "gateway restarting", "restartExpectedMs": 1500}),
                };
                say(io.as_mut(), shared.clients.last_frame("shutdown", &farewell)).await?;
                Next::Close(restart(why))
            }
            frame = stay.outbox.recv() => match frame {
                Some(Errand::Say(frame)) => Next::Say(frame),
                Some(Errand::ProofChanged) => Next::Close(proof_changed()),
                None => Next::Close(Closing::new(1008, "slow consumer")),
            },
            Some((id, reply)) = calls.next(), if !calls.is_empty() => {
                Next::Say(protocol::response(&id, &reply).into())
            }
            bytes = heard(&mut io), if calls.len() < CALLS => Next::Hear(bytes?),
        };
        match next {
            Next::Say(frame) => say(io.as_mut(), frame).await?,
            Next::Close(closing) => return Ok(closing),
            Next::Hear(bytes) if bytes.len() > protocol.max_payload() => return Ok(Closing::new(1009, "")),
            Next::Hear(bytes) => match frame::parse(&bytes, protocol) {
                Ok(request) => {
                    let call = Call {
                        shared: shared.clone(),
                        who: stay.who.clone(),
                        params: request.params,
                    };
                    let id = request.id;
                    calls.push(
                        methods::answer(&request.method, call)
                            .map(|reply| (id, reply))
                            .boxed(),
                    );
                }
                Err(unread) => {
                    let (id, faults) = match unread {
                        Unread::NotJson => (None, "not JSON".to_owned()),
                        Unread::NotARequest { id, faults } => (id, faults),
                    };
                    let fault = Fault::invalid(format!("invalid request frame: {faults}"));
                    let id = id.as_deref().unwrap_or("invalid");
                    say(io.as_mut(), protocol::response(id, &Err(fault))).await?;
                }
            },
        }
    }
}

/// How a connection is closed when the gateway stops.
fn restart(why: Stop) -> Closing {
    let (Stop::Asked | Stop::Restart) = why;
    Closing::new(1012, "service restart")
}

/// How a connection is closed whose proof opens no longer: as OpenClaw 2026.9.6 does.
fn proof_changed() -> Closing {
    Closing::new(4001, "gateway auth changed")
}

/// Closes the connection and gives the other side a moment to do so too: what it sent meanwhile is read, or
/// the system would reset the connection and our last words would be lost.
async fn part<IO, E>(mut io: Pin<&mut IO>, closing: Closing)
where
    IO: Stream<Item = Result<Message, E>> + Sink<Message>,
{
    let frame = CloseFrame {
        code: closing.code,
        reason: closing.reason.into(),
    };
    if send(io.as_mut(), Message::Close(Some(frame))).await.is_ok() {
        let gone = async { while let Some(Ok(_)) = io.next().await {} };
        let _ = timeout(FAREWELL, gone).await;
    }
}
