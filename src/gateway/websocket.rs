//! The server's side of a WebSocket (RFC 6455), over any stream of bytes.
//!
//! This is a socket of our own because its limits depend on who the client is, and because of what it holds:
//! nothing for an idle client, no more than arrived for a busy one, and nothing of a large message once that is
//! done. While a reply to a ping waits to be written, nothing is read: a client that sends pings and reads
//! nothing stops itself. Large messages arrive one at a time, over all connections.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::protocol::refusal::CloseReason;

mod decoder;
mod error;
#[cfg(test)]
mod tests;

use decoder::{DecodedMessage, FrameDecoder};
pub(crate) use error::WebSocketError;

/// Maximum size of a WebSocket message that the gateway receives without letting it wait for others, in bytes.
pub(crate) const MAX_SMALL_MESSAGE_BYTES: usize = 64 * 1024;
/// Number of bytes that are read from a WebSocket's stream at once.
const READ_BYTES: usize = 16 * 1024;
/// Maximum time that the other side of a WebSocket has to accept a reply to a ping, or a close frame.
const CONTROL_WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Memory that is reserved for a large WebSocket message, in bytes: more than any message has, and more than 32 MiB.
/// Of the memory that is not used the system gives none; and glibc gives an allocation of this size back as soon as
/// it is freed, while it keeps smaller ones for later.
const LARGE_MESSAGE_CAPACITY: usize = 33 * 1024 * 1024;
/// Maximum time that a large WebSocket message has to arrive whole once it no longer waits for others.
const LARGE_MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// A text or binary message that was received over a WebSocket. A large one keeps its turn until it is dropped.
#[derive(Debug)]
pub(crate) struct IncomingMessage {
    /// The content.
    pub bytes: Vec<u8>,
    /// The turn of a large message: no other one is received before it is dropped.
    _turn: Option<OwnedSemaphorePermit>,
}

impl IncomingMessage {
    /// Creates a received WebSocket message, with the permit to receive a large message if it needed one.
    pub(crate) fn new(bytes: Vec<u8>, turn: Option<OwnedSemaphorePermit>) -> Self {
        Self { bytes, _turn: turn }
    }
}

/// A message to send over a WebSocket.
#[derive(Clone, Debug)]
pub(crate) enum OutgoingMessage {
    /// A text, in UTF-8.
    Text(Bytes),
    /// The close frame, after which nothing is sent.
    Close(CloseReason),
}

/// Lets the connections of a gateway receive large WebSocket messages one at a time.
#[derive(Clone, Debug)]
pub(crate) struct LargeMessageTurns(Arc<Semaphore>);

impl Default for LargeMessageTurns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// The counter of the bytes that a WebSocket connection holds for a client that is not authenticated yet.
pub(crate) trait HeldBytes {
    /// Records the number of received bytes that a WebSocket connection holds now for a client that is not
    /// authenticated yet.
    fn set_held(&self, bytes: usize);
}

/// The progress of receiving a large WebSocket message.
enum LargeMessage {
    /// The message waits for its turn.
    Waiting(BoxFuture<'static, Option<OwnedSemaphorePermit>>),
    /// The message has its turn, and so much time to arrive.
    Arriving(OwnedSemaphorePermit, Pin<Box<Sleep>>),
}

/// A WebSocket frame that is being written.
struct OutgoingFrame {
    header: Vec<u8>,
    payload: Bytes,
    /// The number of bytes of both that were written.
    written: usize,
}

impl OutgoingFrame {
    fn new(opcode: OpCode, payload: Bytes) -> Self {
        let header = FrameHeader {
            opcode,
            ..FrameHeader::default()
        };
        let mut bytes = Vec::new();
        // Writing to memory does not fail.
        let _ = header.format(payload.len() as u64, &mut bytes);
        Self {
            header: bytes,
            payload,
            written: 0,
        }
    }

    /// Returns the parts of a WebSocket frame that are not written yet.
    fn rest(&self) -> [&[u8]; 2] {
        let header = self.header.get(self.written..).unwrap_or_default();
        let payload = self.written.saturating_sub(self.header.len());
        [header, &self.payload[payload..]]
    }
}

/// The WebSocket frames that wait to be written: at most one of each kind.
#[derive(Default)]
struct OutgoingFrames {
    /// The frame that is partly written.
    current: Option<OutgoingFrame>,
    /// The reply to the last ping or to the close frame of the other side.
    control: Option<OutgoingFrame>,
    /// The message of the session.
    message: Option<OutgoingFrame>,
}

impl OutgoingFrames {
    /// Returns the next WebSocket frame to write.
    fn next(&mut self) -> Option<&mut OutgoingFrame> {
        if self.current.is_none() {
            self.current = self.control.take().or_else(|| self.message.take());
        }
        self.current.as_mut()
    }
}

/// The outcome of reading from the stream of a WebSocket.
enum ReadOutcome {
    /// The other side sends nothing more.
    End,
    /// Bytes were decoded, and a message if they complete one.
    Decoded(Option<DecodedMessage>),
}

/// The transport of a client's session with the gateway: a WebSocket, or channels in a test.
pub(crate) trait MessageTransport:
    Stream<Item = Result<IncomingMessage, WebSocketError>> + Sink<OutgoingMessage>
{
    /// Accepts WebSocket messages of at most `max_message` bytes from now on, from a client that is authenticated.
    fn set_authenticated(self: Pin<&mut Self>, max_message: usize);
}

/// The gateway's end of a WebSocket connection. Received are whole messages; pings are answered by the socket itself.
/// The stream ends with the close frame of the other side.
pub(crate) struct WebSocket<S> {
    stream: S,
    decoder: FrameDecoder,
    /// Bytes that were received behind the end of a message, and how many of them are decoded.
    unread: (Vec<u8>, usize),
    outgoing: OutgoingFrames,
    /// The time at which a reply to a ping must be written.
    control_timeout: Option<Pin<Box<Sleep>>>,
    turns: LargeMessageTurns,
    large: Option<LargeMessage>,
    /// The counter of a client that is not authenticated yet, and the bytes that it may still send.
    unauthenticated: Option<(Box<dyn HeldBytes + Send>, usize)>,
    /// `true` after an error: what the other side sends can't be decoded any more.
    has_failed: bool,
    close_received: bool,
    close_sent: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Creates a WebSocket over a stream whose HTTP upgrade is done. Messages have at most `max_message` bytes.
    pub(crate) fn new(stream: S, max_message: usize, turns: LargeMessageTurns) -> Self {
        Self {
            stream,
            decoder: FrameDecoder::new(max_message),
            unread: (Vec::new(), 0),
            outgoing: OutgoingFrames::default(),
            control_timeout: None,
            turns,
            large: None,
            unauthenticated: None,
            has_failed: false,
            close_received: false,
            close_sent: false,
        }
    }

    /// Counts the bytes that a WebSocket receives from a client that is not authenticated yet, which may send
    /// `max_bytes` in all.
    pub(crate) fn count_bytes(&mut self, counter: Box<dyn HeldBytes + Send>, max_bytes: usize) {
        self.unauthenticated = Some((counter, max_bytes));
    }

    /// Discards what the other side of a WebSocket still sends, undecoded.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut buffer = [MaybeUninit::uninit(); READ_BYTES];
            let mut read = ReadBuf::uninit(&mut buffer);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read)) {
                Ok(()) if !read.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
    }

    /// Writes the waiting frames to the stream of a WebSocket. Nothing is kept of a frame that is written.
    fn poll_write_frames(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WebSocketError>> {
        while let Some(frame) = self.outgoing.next() {
            let [header, payload] = frame.rest();
            let parts = [IoSlice::new(header), IoSlice::new(payload)];
            let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, &parts));
            let Ok(written @ 1..) = written else {
                return Poll::Ready(Err(WebSocketError::Broken));
            };
            frame.written += written;
            if frame.written >= frame.header.len() + frame.payload.len() {
                self.outgoing.current = None;
            }
        }
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        Poll::Ready(flushed.map_err(|_| WebSocketError::Broken))
    }

    /// Writes the reply to a WebSocket ping before anything more is read, within a time limit.
    fn poll_write_control(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WebSocketError>> {
        if self.outgoing.control.is_none() && self.control_timeout.is_none() {
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(written) = self.poll_write_frames(cx) {
            self.control_timeout = None;
            return Poll::Ready(written);
        }
        let timeout = self
            .control_timeout
            .get_or_insert_with(|| Box::pin(sleep(CONTROL_WRITE_TIMEOUT)));
        ready!(timeout.poll_unpin(cx));
        Poll::Ready(Err(WebSocketError::Stalled))
    }

    /// Waits until a large WebSocket message may be received, or fails where its time to arrive is over. A small
    /// message needs none.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WebSocketError>> {
        if self.decoder.announced() <= MAX_SMALL_MESSAGE_BYTES {
            return Poll::Ready(Ok(()));
        }
        if self.large.is_none() {
            let turns = self.turns.0.clone();
            let turn = async move { turns.acquire_owned().await.ok() };
            self.large = Some(LargeMessage::Waiting(turn.boxed()));
        }
        if let Some(LargeMessage::Waiting(turn)) = &mut self.large {
            let turn = ready!(turn.poll_unpin(cx)).ok_or(WebSocketError::Broken)?;
            let timeout = Box::pin(sleep(LARGE_MESSAGE_TIMEOUT));
            self.decoder.reserve(LARGE_MESSAGE_CAPACITY);
            self.large = Some(LargeMessage::Arriving(turn, timeout));
        }
        if let Some(LargeMessage::Arriving(_, timeout)) = &mut self.large
            && timeout.poll_unpin(cx).is_ready()
        {
            return Poll::Ready(Err(WebSocketError::Refused));
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what has arrived over a WebSocket and decodes it up to the end of the first message.
    fn poll_read_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<ReadOutcome, WebSocketError>> {
        let mut buffer = [MaybeUninit::uninit(); READ_BYTES];
        let mut read = ReadBuf::uninit(&mut buffer);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read)).map_err(|_| WebSocketError::Broken)?;
        let bytes = read.filled();
        if bytes.is_empty() {
            return Poll::Ready(Ok(ReadOutcome::End));
        }
        if let Some((_, left)) = &mut self.unauthenticated {
            *left = left.checked_sub(bytes.len()).ok_or(WebSocketError::Refused)?;
        }
        let (used, message) = self.decoder.decode(bytes)?;
        self.unread = (bytes[used..].to_vec(), 0);
        self.record_held();
        Poll::Ready(Ok(ReadOutcome::Decoded(message)))
    }

    /// Decodes bytes that a WebSocket received earlier, up to the end of the first message in them.
    fn decode_unread(&mut self) -> Result<Option<DecodedMessage>, WebSocketError> {
        let (bytes, at) = &mut self.unread;
        let (used, message) = self.decoder.decode(&bytes[*at..])?;
        *at += used;
        if *at >= bytes.len() {
            self.unread = (Vec::new(), 0);
        }
        self.record_held();
        Ok(message)
    }

    /// Records the number of received bytes that a WebSocket holds for a client that is not authenticated.
    fn record_held(&self) {
        if let Some((counter, _)) = &self.unauthenticated {
            counter.set_held(self.decoder.held() + self.unread.0.len());
        }
    }

    /// Answers a ping or a close of a gateway's WebSocket client, and returns any other message, which is for the
    /// session.
    fn handle_decoded(&mut self, message: DecodedMessage) -> Option<IncomingMessage> {
        match message {
            DecodedMessage::Data(bytes) => {
                let turn = match self.large.take() {
                    Some(LargeMessage::Arriving(turn, _)) => Some(turn),
                    _ => None,
                };
                return Some(IncomingMessage::new(bytes, turn));
            }
            DecodedMessage::Ping(payload) if !self.close_sent => {
                let pong = OutgoingFrame::new(OpCode::Control(Control::Pong), payload.into());
                self.outgoing.control = Some(pong);
            }
            DecodedMessage::Ping(_) | DecodedMessage::Pong => {}
            DecodedMessage::Close(payload) => {
                self.close_received = true;
                if !self.close_sent {
                    // The code alone: the reason is the other side's.
                    let code = Bytes::copy_from_slice(payload.get(..2).unwrap_or_default());
                    let reply = OutgoingFrame::new(OpCode::Control(Control::Close), code);
                    self.outgoing.control = Some(reply);
                    self.close_sent = true;
                }
            }
        }
        None
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Receives the next WebSocket message; `None` at the end of the connection.
    fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<IncomingMessage>, WebSocketError>> {
        loop {
            ready!(self.poll_write_control(cx))?;
            if self.close_received {
                return Poll::Ready(Ok(None));
            }
            let decoded = if self.unread.0.is_empty() {
                ready!(self.poll_turn(cx))?;
                match ready!(self.poll_read_message(cx))? {
                    ReadOutcome::End => return Poll::Ready(Ok(None)),
                    ReadOutcome::Decoded(decoded) => decoded,
                }
            } else {
                self.decode_unread()?
            };
            if let Some(message) = decoded.and_then(|message| self.handle_decoded(message)) {
                return Poll::Ready(Ok(Some(message)));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for WebSocket<S> {
    type Item = Result<IncomingMessage, WebSocketError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_failed {
            return self.poll_discard(cx).map(|()| None);
        }
        let received = ready!(self.poll_message(cx));
        if received.is_err() {
            self.has_failed = true;
            self.unread = (Vec::new(), 0);
            self.large = None;
            self.decoder = FrameDecoder::new(0);
        }
        Poll::Ready(received.transpose())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> MessageTransport for WebSocket<S> {
    fn set_authenticated(mut self: Pin<&mut Self>, max_message: usize) {
        self.unauthenticated = None;
        self.decoder.set_max_message(max_message);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink<OutgoingMessage> for WebSocket<S> {
    type Error = WebSocketError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WebSocketError>> {
        self.poll_write_frames(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: OutgoingMessage) -> Result<(), WebSocketError> {
        if self.close_sent {
            return Err(WebSocketError::Broken);
        }
        self.outgoing.message = Some(match message {
            OutgoingMessage::Text(text) => OutgoingFrame::new(OpCode::Data(Data::Text), text),
            OutgoingMessage::Close(reason) => {
                self.close_sent = true;
                let mut payload = reason.code.to_be_bytes().to_vec();
                payload.extend(reason.reason.as_bytes());
                OutgoingFrame::new(OpCode::Control(Control::Close), payload.into())
            }
        });
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WebSocketError>> {
        self.poll_write_frames(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WebSocketError>> {
        ready!(self.poll_write_frames(cx))?;
        let shut_down = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        Poll::Ready(shut_down.map_err(|_| WebSocketError::Broken))
    }
}
