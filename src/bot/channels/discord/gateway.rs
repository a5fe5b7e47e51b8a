//! The gateway of Discord, version 10: one WebSocket over which a session hears events
//! (<https://docs.discord.com/developers/events/gateway>).
//!
//! ```text
//! hello ──► identify ──► READY     a new session: only what is said from now on
//!       └─► resume ────► the events after a number, then RESUMED
//! ```
//!
//! A session outlives its connection, unless that is closed with a word. It is therefore never closed with one: what is
//! said while the bot is away is heard when it resumes the session.

use std::fmt;
use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;

use crate::bot::channel::{Batch, ChannelError, Heard};
use crate::host;
use crate::https::WebSocket;
use crate::i18n::msg;
use crate::secret::Secret;

/// Time within which the gateway says hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(15);
/// Time for which a connection must have stood to be made anew at once where it ends: one that ends sooner may do so again.
const MIN_LIFETIME: Duration = Duration::from_secs(5);
/// Maximum number of messages and presses that are taken over at once.
const MAX_BATCH: usize = 100;

/// The place of a bot in what its session hears: the session, and the number of the last event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    session: String,
    sequence: u64,
    /// The intents of the session, which stay what they are.
    pub(super) intents: u64,
    /// The URL at which the session is resumed.
    pub(super) url: String,
}

impl Position {
    /// Reads a position as it is kept on disk.
    pub(super) fn parse(cursor: &str) -> Option<Self> {
        let mut parts = cursor.splitn(4, ' ');
        Some(Self {
            session: parts.next()?.to_owned(),
            sequence: parts.next()?.parse().ok()?,
            intents: parts.next()?.parse().ok()?,
            url: parts.next()?.to_owned(),
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            session,
            sequence,
            intents,
            url,
        } = self;
        write!(f, "{session} {sequence} {intents} {url}")
    }
}

/// An event that a session hears.
#[derive(Debug)]
pub(super) struct Event {
    /// The name, such as `MESSAGE_CREATE`.
    pub(super) name: String,
    /// The data.
    pub(super) data: Value,
}

/// The end of a connection.
#[derive(Debug)]
pub(super) enum End {
    /// The session is to be resumed at once.
    Resume,
    /// Something failed.
    Failed(ChannelError),
}

/// A payload, in either direction.
#[derive(Debug, Deserialize)]
struct Payload {
    op: u64,
    #[serde(default)]
    d: Value,
    s: Option<u64>,
    t: Option<String>,
}

/// A connection to the gateway.
pub(super) struct Gateway {
    socket: WebSocket,
    /// The position after the last event; `None` until a new session has begun.
    position: Option<Position>,
    /// The cursor that was handed on last.
    handed_on: Option<String>,
    /// The intents of a new session.
    intents: u64,
    interval: Duration,
    next_heartbeat: Instant,
    is_heartbeat_answered: bool,
    connected: Instant,
    /// The end, where something that came before it has to be handed on first.
    end: Option<End>,
}

impl Gateway {
    /// Greets the gateway: resumes the session of a position, or begins a new one that hears the events of `intents` in
    /// place of that of the cursor.
    pub(super) async fn greet(
        mut socket: WebSocket,
        token: &Secret,
        (cursor, position): (Option<&str>, Option<Position>),
        intents: u64,
    ) -> Result<Self, ChannelError> {
        let hello = timeout(HELLO_TIMEOUT, read(&mut socket)).await;
        let hello = hello.map_err(|_| unreachable("no hello in time"))??;
        let interval = hello.d.get("heartbeat_interval").and_then(Value::as_u64);
        let interval = Duration::from_millis(interval.ok_or_else(|| unreachable("no hello"))?);
        let greeting = match &position {
            Some(position) => json!({"op": 6, "d": {
                "token": token.expose(), "session_id": position.session, "seq": position.sequence,
            }}),
            None => json!({"op": 2, "d": {
                "token": token.expose(), "intents": intents,
                "properties": {"os": std::env::consts::OS, "browser": "openclaw", "device": "openclaw"},
            }}),
        };
        let now = Instant::now();
        let mut gateway = Self {
            socket,
            handed_on: cursor.map(str::to_owned),
            intents,
            position,
            interval,
            // Bots that lost their connections at the same time are not to speak at the same time.
            next_heartbeat: now + interval.mul_f64(random_fraction()),
            is_heartbeat_answered: true,
            connected: now,
            end: None,
        };
        gateway.send(&greeting).await?;
        Ok(gateway)
    }

    /// Returns whether the next event is the one after this cursor.
    pub(super) fn is_at(&self, cursor: Option<&str>) -> bool {
        self.handed_on.as_deref() == cursor
    }

    /// Waits until a time for what is said, as `hear` reads it from the events.
    pub(super) async fn receive(
        &mut self,
        until: Instant,
        hear: impl Fn(&Event) -> Option<Heard>,
    ) -> Result<Batch, End> {
        let mut heard = Vec::new();
        loop {
            let next = if heard.is_empty() {
                timeout_at(until, self.next()).await.ok()
            } else {
                self.next().now_or_never().filter(|_| heard.len() < MAX_BATCH)
            };
            match next {
                None => return Ok(self.batch(heard)),
                Some(Err(end)) if heard.is_empty() => return Err(end),
                Some(Err(end)) => {
                    self.end = Some(end);
                    return Ok(self.batch(heard));
                }
                // A new session is kept before anything is said in it.
                Some(Ok(event)) if event.name == "READY" => return Ok(self.batch(heard)),
                Some(Ok(event)) => heard.extend(hear(&event)),
            }
        }
    }

    /// Returns what was heard, with the position after it where that is another one than before.
    fn batch(&mut self, heard: Vec<Heard>) -> Batch {
        let position = self.position.as_ref().map(ToString::to_string);
        let cursor = position.filter(|position| self.handed_on.as_ref() != Some(position));
        if cursor.is_some() {
            self.handed_on.clone_from(&cursor);
        }
        Batch { heard, cursor }
    }

    /// Waits for the next event, and keeps the connection alive meanwhile. May be dropped at any time.
    async fn next(&mut self) -> Result<Event, End> {
        if let Some(end) = self.end.take() {
            return Err(end);
        }
        loop {
            let read = tokio::select! {
                // First, so that many events don't keep the heartbeat from being sent.
                biased;
                () = sleep_until(self.next_heartbeat) => {
                    self.beat().await?;
                    continue;
                }
                read = read(&mut self.socket) => read,
            };
            let payload = match read {
                Ok(payload) => payload,
                Err(error) => return Err(self.ended_by(error)),
            };
            if let Some(event) = self.take(payload).await? {
                return Ok(event);
            }
        }
    }

    /// Takes a payload of the gateway, and returns the event in it.
    async fn take(&mut self, payload: Payload) -> Result<Option<Event>, End> {
        match payload.op {
            0 => return Ok(self.take_event(payload)),
            1 => self.send_heartbeat().await?,
            7 => return Err(self.resumable()),
            9 if payload.d == true => return Err(self.resumable()),
            9 => return Err(End::Failed(self.lost())),
            11 => self.is_heartbeat_answered = true,
            _ => {}
        }
        Ok(None)
    }

    /// Takes an event, and moves the position behind it.
    fn take_event(&mut self, payload: Payload) -> Option<Event> {
        let name = payload.t?;
        if name == "READY" {
            let text = |key: &str| Some(payload.d.get(key)?.as_str()?.to_owned());
            self.position = Some(Position {
                session: text("session_id")?,
                sequence: 0,
                intents: self.intents,
                url: text("resume_gateway_url")?,
            });
        }
        if let (Some(position), Some(sequence)) = (&mut self.position, payload.s) {
            position.sequence = sequence;
        }
        Some(Event {
            name,
            data: payload.d,
        })
    }

    /// Sends the heartbeat that is due, unless the one before was not answered: the connection died half then.
    async fn beat(&mut self) -> Result<(), End> {
        if !std::mem::take(&mut self.is_heartbeat_answered) {
            return Err(self.resumable());
        }
        self.next_heartbeat = Instant::now() + self.interval;
        self.send_heartbeat().await
    }

    async fn send_heartbeat(&mut self) -> Result<(), End> {
        let sequence = self.position.as_ref().map(|position| position.sequence);
        let sent = self.send(&json!({"op": 1, "d": sequence})).await;
        sent.map_err(|error| self.ended_by(error))
    }

    async fn send(&mut self, payload: &Value) -> Result<(), ChannelError> {
        let sent = self.socket.send(Message::text(payload.to_string())).await;
        sent.map_err(|error| unreachable(&error.to_string()))
    }

    /// Returns the end by an error.
    fn ended_by(&self, error: ChannelError) -> End {
        match error {
            ChannelError::Unreachable(_) if self.connected.elapsed() >= MIN_LIFETIME => End::Resume,
            ChannelError::LostPosition => End::Failed(self.lost()),
            error => End::Failed(error),
        }
    }

    /// Returns the end after which the session can be resumed: at once, unless the connection stood too short for that.
    fn resumable(&self) -> End {
        self.ended_by(unreachable("the gateway asks to connect anew"))
    }

    /// Returns the error for a session that can't be resumed; one that had not begun has no position to lose.
    fn lost(&self) -> ChannelError {
        match self.handed_on {
            Some(_) => ChannelError::LostPosition,
            None => unreachable("the gateway refuses a new session"),
        }
    }
}

/// Reads the next payload.
async fn read(socket: &mut WebSocket) -> Result<Payload, ChannelError> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                return serde_json::from_str(&text).map_err(|error| unreachable(&error.to_string()));
            }
            Some(Ok(Message::Close(frame))) => return Err(close_error(frame.as_ref())),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(unreachable(&error.to_string())),
            None => return Err(unreachable("the connection ended")),
        }
    }
}

/// Returns the error for a connection that the gateway closed
/// (<https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes>).
fn close_error(frame: Option<&CloseFrame>) -> ChannelError {
    let code = frame.map_or(1005, |frame| u16::from(frame.code));
    let reason = frame.map(|frame| crate::text::sanitize(&frame.reason));
    let why = format!("{code} {}", reason.unwrap_or_default());
    match code {
        4004 => ChannelError::Unauthorized,
        4007 => ChannelError::LostPosition,
        4013 | 4014 => ChannelError::Settings(msg!("bot.discord-intents")),
        // It would be refused again and again, and a token that begins too many sessions is revoked.
        4010..=4012 => ChannelError::Settings(msg!("bot.error-refused", why = why.trim())),
        _ => unreachable(why.trim()),
    }
}

fn unreachable(why: &str) -> ChannelError {
    ChannelError::Unreachable(why.to_owned())
}

/// Returns a random number from 0 to below 1.
pub(super) fn random_fraction() -> f64 {
    f64::from(host::random_bytes::<1>()[0]) / 256.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use tungstenite::protocol::frame::coding::CloseCode;

    #[test]
    fn position_is_read_as_it_was_written() {
        let position = Position {
            session: "a1".to_owned(),
            sequence: 7,
            intents: 4096,
            url: "wss://gateway.example/?x=1 2".to_owned(),
        };
        assert_eq!(Position::parse(&position.to_string()), Some(position));
        for broken in ["", "a1", "a1 x 1 wss://y", "a1 7 x wss://y", "a1 7 1"] {
            assert_eq!(Position::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn codes_of_a_close_are_told_apart() {
        let error = |code: u16| {
            close_error(Some(&CloseFrame {
                code: CloseCode::from(code),
                reason: "why".into(),
            }))
        };
        assert!(matches!(error(4004), ChannelError::Unauthorized));
        assert!(matches!(error(4007), ChannelError::LostPosition));
        for code in [4010, 4011, 4012, 4013, 4014] {
            assert!(matches!(error(code), ChannelError::Settings(_)), "{code}");
        }
        for code in [1000, 1001, 4000, 4001, 4002, 4003, 4005, 4008, 4009] {
            assert!(matches!(error(code), ChannelError::Unreachable(_)), "{code}");
        }
        assert!(matches!(close_error(None), ChannelError::Unreachable(_)));
    }
}
