//! The connections of Socket Mode. There is one, and for a while two: Slack asks a client to connect anew before it ends
//! a connection, and what it delivers by the old one until then must be acknowledged there.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until, timeout_at};
use tungstenite::Message;

use super::web::WebApi;
use crate::bot::channel::ChannelError;
use crate::https::WebSocket;
use crate::i18n::msg;

/// Time after which a call that received nothing returns.
const RECEIVE_TIME: Duration = Duration::from_secs(50);
/// Time without a sign of life after which a connection is asked for one, and again after which it counts as broken.
/// Slack sends a ping every few seconds.
const SILENCE_LIMIT: Duration = Duration::from_secs(20);

/// Returns the time at which a call that receives nothing returns.
pub(super) fn receive_deadline() -> Instant {
    Instant::now() + RECEIVE_TIME
}

/// The connections of an app by Socket Mode.
#[derive(Default)]
pub(super) struct SocketMode {
    current: Option<Connection>,
    /// The connection before, until Slack ends it.
    previous: Option<Connection>,
}

impl SocketMode {
    /// Opens a connection where there is none.
    ///
    /// # Errors
    /// The reason why there is none.
    pub(super) async fn open(&mut self, web: &WebApi) -> Result<(), ChannelError> {
        if self.current.is_none() {
            self.current = Some(Connection::new(web.open_socket().await?));
        }
        Ok(())
    }

    /// Waits for the next envelope; `None` where none came by `deadline`.
    ///
    /// # Errors
    /// The reason why none will come by this connection.
    pub(super) async fn next(
        &mut self,
        web: &WebApi,
        deadline: Instant,
    ) -> Result<Option<Value>, ChannelError> {
        loop {
            self.open(web).await?;
            let (is_current, document) = tokio::select! {
                document = next_of(&mut self.current) => (true, document),
                document = next_of(&mut self.previous) => (false, document),
                () = sleep_until(deadline) => return Ok(None),
            };
            let document = match document {
                Ok(document) => document,
                Err(error) if is_current => {
                    self.current = None;
                    return Err(error);
                }
                Err(_) => {
                    self.previous = None;
                    continue;
                }
            };
            match (document["type"].as_str(), document["reason"].as_str()) {
                (Some("disconnect"), Some("link_disabled")) => {
                    *self = Self::default();
                    // The token may be revoked, which Slack says where it is used.
                    let off = ChannelError::Settings(msg!("bot.error-slack-off"));
                    return Err(web.request_socket().await.err().unwrap_or(off));
                }
                (Some("disconnect"), Some("too_many_websockets")) => {
                    *self = Self::default();
                    return Err(ChannelError::PolledElsewhere);
                }
                (Some("disconnect"), _) if is_current => self.previous = self.current.take(),
                _ if document["envelope_id"].is_string() => return Ok(Some(document)),
                _ => {}
            }
        }
    }

    /// Acknowledges an envelope by the connection that delivered it. Where that has ended, Slack delivers the envelope
    /// again, and the inbox knows it by its id.
    pub(super) async fn acknowledge(&mut self, envelope: &str) {
        let connections = [&mut self.current, &mut self.previous];
        for connection in connections.into_iter().flatten() {
            if connection.delivered == envelope {
                let acknowledgement = json!({ "envelope_id": envelope }).to_string();
                let _ = connection.socket.send(Message::text(acknowledgement)).await;
            }
        }
    }
}

/// A connection of Socket Mode.
struct Connection {
    socket: WebSocket,
    /// The id of the envelope that it delivered last.
    delivered: String,
    /// The time at which it is to have shown a sign of life.
    due: Instant,
    /// `true` where it was asked for one.
    is_asked: bool,
}

impl Connection {
    fn new(socket: WebSocket) -> Self {
        Self {
            socket,
            delivered: String::new(),
            due: Instant::now() + SILENCE_LIMIT,
            is_asked: false,
        }
    }

    /// Waits for the next document. Can be dropped at any time.
    async fn next(&mut self) -> Result<Value, ChannelError> {
        loop {
            let Ok(received) = timeout_at(self.due, self.socket.next()).await else {
                if self.is_asked {
                    return Err(broken("no sign of life"));
                }
                self.is_asked = true;
                self.due = Instant::now() + SILENCE_LIMIT;
                let asked = self.socket.send(Message::Ping(Vec::new().into())).await;
                asked.map_err(|error| broken(&error.to_string()))?;
                continue;
            };
            self.due = Instant::now() + SILENCE_LIMIT;
            self.is_asked = false;
            match received {
                Some(Ok(Message::Text(text))) => {
                    let document: Value = serde_json::from_str(&text).unwrap_or_default();
                    if let Some(id) = document["envelope_id"].as_str() {
                        id.clone_into(&mut self.delivered);
                    }
                    return Ok(document);
                }
                Some(Ok(Message::Close(_))) | None => return Err(broken("the connection was closed")),
                Some(Err(error)) => return Err(broken(&error.to_string())),
                Some(Ok(_)) => {}
            }
        }
    }
}

/// Waits for the next document of a connection; for ever where there is none.
async fn next_of(connection: &mut Option<Connection>) -> Result<Value, ChannelError> {
    match connection {
        Some(connection) => connection.next().await,
        None => std::future::pending().await,
    }
}

fn broken(why: &str) -> ChannelError {
    ChannelError::Unreachable(format!("Socket Mode: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::https::HttpsClient;
    use crate::secret::Secret;
    use tokio::net::TcpListener;
    use tokio_tungstenite::{WebSocketStream, accept_async};

    fn client() -> HttpsClient {
        HttpsClient::new(&Host::fixed(&[], [("", ""); 0]), None).unwrap()
    }

    /// Connects to a server in the test, and returns both ends.
    async fn connect() -> (Connection, WebSocketStream<tokio::net::TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let client = client();
        let accepted = async { accept_async(listener.accept().await.unwrap().0).await.unwrap() };
        let (opened, accepted) = tokio::join!(client.websocket(&url, SILENCE_LIMIT), accepted);
        (Connection::new(opened.unwrap()), accepted)
    }

    #[tokio::test]
    async fn silent_connection_is_asked_for_a_sign_of_life_before_it_counts_as_broken() {
        let (mut connection, mut server) = connect().await;
        tokio::time::pause();
        let begun = Instant::now();
        let asked = async {
            loop {
                let message = server.next().await.unwrap().unwrap();
                if message.is_ping() && begun.elapsed() > 10 * SILENCE_LIMIT {
                    return server
                        .send(Message::text(r#"{"envelope_id":"e1"}"#))
                        .await
                        .unwrap();
                }
            }
        };
        let ((), received) = tokio::join!(asked, connection.next());
        assert_eq!(received.unwrap()["envelope_id"], "e1", "every ping was answered");
        let answered = Instant::now();
        // Nobody reads at the other end any more.
        let error = connection.next().await.unwrap_err();
        assert!(error.to_string().contains("no sign of life"), "{error}");
        assert_eq!(answered.elapsed().as_secs(), 2 * SILENCE_LIMIT.as_secs());
        drop(server);
    }

    #[tokio::test]
    async fn envelope_of_the_connection_before_is_acknowledged_there() {
        let (current, mut new_server) = connect().await;
        let (previous, mut old_server) = connect().await;
        let mut mode = SocketMode {
            current: Some(current),
            previous: Some(previous),
        };
        let web = WebApi::new(client(), "http://127.0.0.1:1", Secret::new("a"), Secret::new("b"));
        let deadline = receive_deadline();
        for (server, id) in [(&mut old_server, "e1"), (&mut new_server, "e2")] {
            let envelope = json!({ "envelope_id": id }).to_string();
            server.send(Message::text(envelope.clone())).await.unwrap();
            let received = mode.next(&web, deadline).await.unwrap().unwrap();
            assert_eq!(received["envelope_id"], id);
            mode.acknowledge(id).await;
            assert_eq!(server.next().await.unwrap().unwrap(), Message::text(envelope));
        }
        old_server.close(None).await.unwrap();
        new_server
            .send(Message::text(r#"{"envelope_id":"e3"}"#))
            .await
            .unwrap();
        assert!(
            mode.next(&web, deadline).await.unwrap().is_some(),
            "the other goes on"
        );
        new_server.close(None).await.unwrap();
        assert!(matches!(
            mode.next(&web, deadline).await,
            Err(ChannelError::Unreachable(_))
        ));
    }
}
