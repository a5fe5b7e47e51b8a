//! Connections by WebSocket to servers on the network, through the same proxies and with the same TLS as requests.

use std::time::Duration;

use http::Uri;
use http::header::USER_AGENT;
use tokio_tungstenite::WebSocketStream;
use tungstenite::Error as WebSocketError;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::protocol::WebSocketConfig;

use super::connect::NetworkStream;
use super::error::{HttpsError, connection_error, unusable_url};
use super::{HttpsClient, MAX_MESSAGE_BYTES, user_agent};

/// The client's end of a WebSocket.
pub(crate) type WebSocket = WebSocketStream<NetworkStream>;

impl HttpsClient {
    /// Opens a WebSocket to a URL whose scheme is `ws` or `wss`.
    ///
    /// # Errors
    /// Where it does not stand within the time limit; [`HttpsError::NoWebSocket`] where the server answers with a status.
    pub(crate) async fn websocket(&self, url: &str, limit: Duration) -> Result<WebSocket, HttpsError> {
        let uri: Uri = url.parse().map_err(|_| unusable_url(url))?;
        let mut request = url.into_client_request().map_err(|_| unusable_url(url))?;
        request.headers_mut().insert(USER_AGENT, user_agent());
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let opening = async {
            let stream = self.connector.connect(&uri).await?;
            let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await;
            match opened {
                Ok((socket, _)) => Ok(socket),
                Err(WebSocketError::Http(response)) => Err(HttpsError::NoWebSocket(response.status())),
                Err(error) => Err(connection_error(&error)),
            }
        };
        tokio::time::timeout(limit, opening)
            .await
            .unwrap_or(Err(HttpsError::TimedOut))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tungstenite::Message;

    const LIMIT: Duration = Duration::from_secs(30);

    async fn listen() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/socket?v=1", listener.local_addr().unwrap());
        (listener, url)
    }

    fn client() -> HttpsClient {
        HttpsClient::new(&Host::fixed(&[], [("", ""); 0]), None).unwrap()
    }

    #[tokio::test]
    async fn messages_go_both_ways() {
        let (listener, url) = listen().await;
        let server = async {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            let message = socket.next().await.unwrap().unwrap();
            socket.send(message).await.unwrap();
        };
        let echoed = async {
            let mut socket = client().websocket(&url, LIMIT).await.unwrap();
            socket.send(Message::text("hello")).await.unwrap();
            socket.next().await.unwrap().unwrap()
        };
        let ((), echoed) = tokio::join!(server, echoed);
        assert_eq!(echoed, Message::text("hello"));
    }

    #[tokio::test]
    async fn status_in_place_of_a_websocket_is_told() {
        let (listener, url) = listen().await;
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 1024];
            let _ = stream.read(&mut head).await.unwrap();
            let answer = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        };
        let client = client();
        let ((), opened) = tokio::join!(server, client.websocket(&url, LIMIT));
        assert!(
            matches!(opened, Err(HttpsError::NoWebSocket(status)) if status == 429),
            "{:?}",
            opened.err()
        );
        assert!(matches!(
            client.websocket("no url", LIMIT).await,
            Err(HttpsError::Url(_))
        ));
    }
}
