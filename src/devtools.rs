//! The Chrome `DevTools` protocol: commands to a browser, their responses, and events, over one WebSocket.
//!
//! The commands that this program sends are the typed messages in [`commands`]; any other goes as JSON by
//! [`DevtoolsConnection::call`]. A page is reached over a session of its own on the same socket ("flat" sessions). The
//! protocol is described at <https://chromedevtools.github.io/devtools-protocol/>.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{broadcast, oneshot};
use tokio_tungstenite::WebSocketStream;
use tungstenite::Message;
use tungstenite::protocol::WebSocketConfig;

use crate::sync::lock;
use crate::url::ServerUrl;

pub mod commands;

use commands::{AttachToTarget, Command};

/// Time that a browser has to respond to a command.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// Number of events of a browser that wait for a slow receiver before the oldest is dropped.
const EVENT_CAPACITY: usize = 256;

/// The reason why a browser did not carry out a command.
#[derive(Debug, thiserror::Error)]
pub enum DevtoolsError {
    /// The browser did not respond within [`COMMAND_TIMEOUT`], or did not accept the connection in time.
    #[error("no response in time")]
    TimedOut,
    /// The browser refused the command, with this message.
    #[error("{0}")]
    Refused(String),
    /// The response has another form than the protocol says.
    #[error("unexpected response: {0}")]
    Response(#[from] serde_json::Error),
    /// The connection was closed.
    #[error("the connection is closed")]
    Closed,
    /// The connection failed.
    #[error(transparent)]
    Socket(#[from] Box<tungstenite::Error>),
    /// The URL is no `ws://` URL.
    #[error("not a ws:// URL")]
    Url,
}

impl From<tungstenite::Error> for DevtoolsError {
    fn from(error: tungstenite::Error) -> Self {
        Self::Socket(Box::new(error))
    }
}

impl From<io::Error> for DevtoolsError {
    fn from(error: io::Error) -> Self {
        tungstenite::Error::Io(error).into()
    }
}

impl DevtoolsError {
    /// Returns whether the browser refused a command because the page that it is for has been closed.
    pub fn is_target_gone(&self) -> bool {
        /// Starts of the messages by which Chromium says so.
        const MESSAGES: [&str; 3] = [
            "No target with given id",
            "Session with given id not found",
            "No session with given id",
        ];
        matches!(self, Self::Refused(message) if MESSAGES.iter().any(|start| message.starts_with(start)))
    }
}

/// An event that a browser reports.
#[derive(Clone, Debug)]
pub struct DevtoolsEvent {
    /// The name of the event, such as `Log.entryAdded`.
    pub method: String,
    /// The values of the event.
    pub params: Value,
    /// The session of the page in which it happened; `None` for the browser itself.
    pub session: Option<String>,
}

/// Responses that commands wait for, by the number of the command. `None` once the connection has ended.
type PendingResponses = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<Result<Value, DevtoolsError>>>>>>;

/// A connection to a browser over the Chrome `DevTools` protocol. It ends when this value is dropped.
#[derive(Debug)]
pub struct DevtoolsConnection {
    sink: tokio::sync::Mutex<SplitSink<WebSocketStream<TcpStream>, Message>>,
    pending: PendingResponses,
    events: broadcast::Sender<DevtoolsEvent>,
    next_id: AtomicU64,
    /// Sessions of pages by the id of the page's target.
    sessions: Mutex<HashMap<String, String>>,
    reader: tokio::task::JoinHandle<()>,
}

impl DevtoolsConnection {
    /// Connects to a browser by the `ws://` URL of its debugging port.
    ///
    /// # Errors
    /// When the browser does not accept the connection in time.
    pub async fn connect(url: &str, timeout: Duration) -> Result<Self, DevtoolsError> {
        let address = ServerUrl::parse(url)
            .filter(|url| url.scheme() == "ws")
            .ok_or(DevtoolsError::Url)?;
        let connecting = async {
            let stream = TcpStream::connect((address.host(), address.port().unwrap_or(80))).await?;
            // Messages are small, and each waits for the response to the one before.
            stream.set_nodelay(true)?;
            // A screenshot of a whole page is one message.
            let config = WebSocketConfig::default()
                .max_message_size(None)
                .max_frame_size(None);
            let (socket, _) = tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await?;
            Ok(socket)
        };
        let connected = tokio::time::timeout(timeout, connecting).await;
        let socket: WebSocketStream<TcpStream> = connected.unwrap_or(Err(DevtoolsError::TimedOut))?;
        let (sink, stream) = socket.split();
        let pending: PendingResponses = Arc::new(Mutex::new(Some(HashMap::new())));
        let (events, _) = broadcast::channel(EVENT_CAPACITY);
        let reader = tokio::spawn(read_messages(stream, pending.clone(), events.clone()));
        Ok(Self {
            sink: tokio::sync::Mutex::new(sink),
            pending,
            events,
            next_id: AtomicU64::new(1),
            sessions: Mutex::default(),
            reader,
        })
    }

    /// Returns whether the connection to the browser is open.
    pub fn is_open(&self) -> bool {
        lock(&self.pending).is_some()
    }

    /// Returns a receiver of the events that the browser reports from now on. Most have to be turned on by a command
    /// such as `Log.enable`.
    pub fn events(&self) -> broadcast::Receiver<DevtoolsEvent> {
        self.events.subscribe()
    }

    /// Sends a command to the browser itself and returns its response.
    ///
    /// # Errors
    /// When the browser refuses the command, does not respond in time, or the connection is closed.
    pub async fn execute<C: Command>(&self, command: C) -> Result<C::Response, DevtoolsError> {
        let params = serde_json::to_value(command)?;
        Ok(serde_json::from_value(self.send(C::METHOD, params, None).await?)?)
    }

    /// Sends a command to the page of a target and returns its response.
    ///
    /// # Errors
    /// As [`Self::execute`]; also when the target is gone.
    pub async fn execute_in<C: Command>(
        &self,
        target: &str,
        command: C,
    ) -> Result<C::Response, DevtoolsError> {
        let params = serde_json::to_value(command)?;
        Ok(serde_json::from_value(
            self.call(target, C::METHOD, params).await?,
        )?)
    }

    /// Sends a command to the page of a target as JSON and returns the response as JSON.
    ///
    /// # Errors
    /// As [`Self::execute_in`].
    pub async fn call(&self, target: &str, method: &str, params: Value) -> Result<Value, DevtoolsError> {
        let known = lock(&self.sessions).get(target).cloned();
        if let Some(session) = known {
            match self.send(method, params.clone(), Some(&session)).await {
                // A session ends when its page moves to another process, and a new one can be had.
                Err(error) if error.is_target_gone() => lock(&self.sessions).remove(target),
                result => return result,
            };
        }
        let attach = AttachToTarget {
            target_id: target,
            flatten: true,
        };
        let session = self.execute(attach).await?.session_id;
        lock(&self.sessions).insert(target.to_owned(), session.clone());
        self.send(method, params, Some(&session)).await
    }

    async fn send(&self, method: &str, params: Value, session: Option<&str>) -> Result<Value, DevtoolsError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let (sender, response) = oneshot::channel();
        match lock(&self.pending).as_mut() {
            Some(pending) => pending.insert(id, sender),
            None => return Err(DevtoolsError::Closed),
        };
        let exchange = async {
            self.sink
                .lock()
                .await
                .send(Message::text(message.to_string()))
                .await?;
            response.await.unwrap_or(Err(DevtoolsError::Closed))
        };
        let answered = tokio::time::timeout(COMMAND_TIMEOUT, exchange).await;
        if let Some(pending) = lock(&self.pending).as_mut() {
            pending.remove(&id);
        }
        answered.unwrap_or(Err(DevtoolsError::TimedOut))
    }
}

impl Drop for DevtoolsConnection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// A message from a browser: a response where it has an `id`, else an event.
#[derive(Deserialize)]
struct IncomingMessage {
    id: Option<u64>,
    result: Option<Value>,
    error: Option<CommandRefusal>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
    #[serde(rename = "sessionId")]
    session: Option<String>,
}

/// The reason that a browser gives for the refusal of a command.
#[derive(Deserialize)]
struct CommandRefusal {
    message: String,
}

/// Returns the number of the command to which a message responds, where a browser writes it first.
fn id_of(message: &str) -> Option<u64> {
    let rest = message.strip_prefix("{\"id\":")?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}

/// Returns the sender of the response that a command waits for.
fn take_waiting(
    pending: &PendingResponses,
    id: u64,
) -> Option<oneshot::Sender<Result<Value, DevtoolsError>>> {
    lock(pending).as_mut()?.remove(&id)
}

/// Hands each message of a browser to the command that waits for it, or to those who listen to events, until the
/// connection ends.
async fn read_messages(
    mut stream: SplitStream<WebSocketStream<TcpStream>>,
    pending: PendingResponses,
    events: broadcast::Sender<DevtoolsEvent>,
) {
    while let Some(Ok(message)) = stream.next().await {
        let Ok(text) = message.to_text() else { continue };
        let message = match serde_json::from_str::<IncomingMessage>(text) {
            Ok(message) => message,
            Err(error) => {
                // JSON of a browser may hold half of a character, which no text of ours can.
                if let Some(waiting) = id_of(text).and_then(|id| take_waiting(&pending, id)) {
                    // Who gave up waiting needs no response.
                    let _ = waiting.send(Err(error.into()));
                }
                continue;
            }
        };
        if let Some(id) = message.id {
            let waiting = take_waiting(&pending, id);
            let response = match message.error {
                Some(refusal) => Err(DevtoolsError::Refused(refusal.message)),
                None => Ok(message.result.unwrap_or_default()),
            };
            if let Some(waiting) = waiting {
                // Who gave up waiting needs no response.
                let _ = waiting.send(response);
            }
        } else if let Some(method) = message.method {
            // Sending fails where nobody listens.
            let _ = events.send(DevtoolsEvent {
                method,
                params: message.params,
                session: message.session,
            });
        }
    }
    // Drops the senders, so that every command that still waits fails.
    lock(&pending).take();
}
