//! A gateway without a socket for unit tests, and clients that are channels.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use futures_util::{Sink, Stream};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;

use super::access::Peer;
use super::clients::ConnectedClient;
use super::devices::key::DeviceClaim;
use super::devices::key::test_support::TestDevice;
use super::identity::GatewayIdentity;
use super::methods;
use super::periodic_events;
use super::protocol::connect::ClientInfo;
use super::protocol::{ClientRole, MAX_HANDSHAKE_BYTES, MethodResult, Protocol};
use super::session::serve;
use super::state::{ActiveConfig, GatewayState};
use super::websocket::{IncomingMessage, MessageTransport, OutgoingMessage, WebSocketError};
use crate::environment::Environment;
use crate::host::Host;
use crate::i18n::Lang;
use crate::instance::{Instance, OwnedInstanceContext};
use crate::ports::{Port, PortSource};
use crate::profile::ProfileName;
use crate::secret::Secret;
use crate::settings::{ClientAuth, Settings};
use crate::time::unix_millis;

/// The token that clients of a test gateway must show.
pub(crate) const TOKEN: &str = "the-right-token";

/// The gateway of instance profile `rescue` in a home folder of its own for tests, with base port 19789 and no
/// listener.
pub(crate) struct TestGateway {
    pub(crate) home: tempfile::TempDir,
    pub(crate) state: Arc<GatewayState>,
}

impl TestGateway {
    /// Creates a test gateway that requires [`TOKEN`] from its clients.
    pub(crate) fn new() -> Self {
        Self::requiring(ClientAuth::Token(Secret::new(TOKEN)))
    }

    /// Creates a test gateway that requires these credentials.
    pub(crate) fn requiring(proof: ClientAuth) -> Self {
        Self::in_home(tempfile::tempdir().unwrap(), proof)
    }

    /// Creates a test gateway in this home folder. Needs an async runtime.
    pub(crate) fn in_home(home: tempfile::TempDir, proof: ClientAuth) -> Self {
        let host = Host::fixed(&[], [("HOME", home.path())]);
        let env = Environment::read(&host).unwrap();
        let profile = ProfileName::parse("rescue").unwrap();
        let instance = Instance::canonical(home.path(), profile);
        crate::apply::make_folders(&instance.state_dir).unwrap();
        let identity = GatewayIdentity {
            profile: "rescue".to_owned(),
            instance_id: "0123456789abcdef".to_owned(),
            boot_id: "boot".to_owned(),
            version: "0.1.0",
            pid: 7,
            started: SystemTime::UNIX_EPOCH,
        };
        let active = ActiveConfig {
            config: json!({"gateway": {"mode": "local"}}),
            settings: Settings {
                port: Port::known(19789),
                port_source: PortSource::Config,
                bind: crate::answers::Bind::Loopback,
                bind_host: None,
                auth: proof,
            },
            warning: None,
            missing_ports: Vec::new(),
        };
        let addresses = vec![SocketAddr::from(([127, 0, 0, 1], 19789))];
        let context = OwnedInstanceContext { host, env, instance };
        let state = GatewayState::new(context, identity, Lang::english(), addresses, active);
        let state = Arc::new(state);
        tokio::spawn(periodic_events::broadcast_until_stopped(state.clone()));
        Self { home, state }
    }

    /// Answers a call of a method of the test gateway by this client. `Null` stands for no parameters.
    pub(crate) async fn call(&self, client: ConnectedClient, method: &str, params: Value) -> MethodResult {
        let client = Arc::new(client);
        let params = (!params.is_null()).then(|| params.to_string());
        let call = methods::check_call(method, &client, params.as_deref())?;
        call.answer(&self.state, &client, "test").await
    }

    /// Connects a test client from this machine to the test gateway.
    pub(crate) fn connect(&self) -> TestClient {
        self.connect_from("127.0.0.1", true)
    }

    /// Connects a test client from this IP address to the test gateway.
    pub(crate) fn connect_from(&self, ip: &str, local: bool) -> TestClient {
        let (to, incoming) = mpsc::channel(256);
        let (outgoing, from) = mpsc::channel(256);
        let channels = ServerChannels {
            incoming,
            outgoing,
            max_message: MAX_HANDSHAKE_BYTES,
        };
        let peer = Peer {
            address: SocketAddr::new(ip.parse().unwrap(), 40000),
            local,
        };
        let session = tokio::spawn(serve(self.state.clone(), channels, peer, || {}));
        TestClient {
            to: Some(to),
            from,
            session,
        }
    }

    /// Connects a test client that the test gateway accepts.
    pub(crate) async fn accepted_client(&self, protocol: u64) -> TestClient {
        let mut client = self.connect();
        client.challenge().await;
        client.send_connect(connect_params(protocol)).await;
        let hello = client.next_frame().await;
        assert_eq!(hello["payload"]["type"], "hello-ok", "{hello}");
        client
    }
}

/// The gateway's end of the channels that stand in for a WebSocket in unit tests.
struct ServerChannels {
    incoming: mpsc::Receiver<Message>,
    outgoing: mpsc::Sender<Message>,
    max_message: usize,
}

impl Stream for ServerChannels {
    type Item = Result<IncomingMessage, WebSocketError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let bytes = match ready!(self.incoming.poll_recv(cx)) {
                Some(Message::Text(text)) => text.as_bytes().to_vec(),
                Some(Message::Binary(bytes)) => bytes.to_vec(),
                Some(Message::Ping(_) | Message::Pong(_)) => continue,
                _ => return Poll::Ready(None),
            };
            return Poll::Ready(Some(if bytes.len() > self.max_message {
                Err(WebSocketError::TooLarge)
            } else {
                Ok(IncomingMessage::new(bytes, None))
            }));
        }
    }
}

impl Sink<OutgoingMessage> for ServerChannels {
    type Error = ();

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        if self.outgoing.is_closed() {
            return Poll::Ready(Err(()));
        }
        if self.outgoing.capacity() > 0 {
            return Poll::Ready(Ok(()));
        }
        // A full channel stands for a client that does not read: it is never ready again.
        Poll::Pending
    }

    fn start_send(self: Pin<&mut Self>, message: OutgoingMessage) -> Result<(), ()> {
        let message = match message {
            OutgoingMessage::Text(text) => Message::text(String::from_utf8(text.to_vec()).unwrap()),
            OutgoingMessage::Close(reason) => Message::Close(Some(CloseFrame {
                code: reason.code.into(),
                reason: reason.reason.into(),
            })),
        };
        self.outgoing.try_send(message).map_err(drop)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }
}

impl MessageTransport for ServerChannels {
    fn set_authenticated(mut self: Pin<&mut Self>, max_message: usize) {
        self.max_message = max_message;
    }
}

/// The client's end of the channels that stand in for a WebSocket in unit tests of the gateway.
pub(crate) struct TestClient {
    pub(crate) to: Option<mpsc::Sender<Message>>,
    from: mpsc::Receiver<Message>,
    pub(crate) session: tokio::task::JoinHandle<()>,
}

impl TestClient {
    /// Sends a text message from a test client to the gateway.
    pub(crate) async fn send(&self, text: impl Into<String>) {
        self.send_message(Message::Text(text.into().into())).await;
    }

    /// Sends a WebSocket message of any kind from a test client to the gateway.
    pub(crate) async fn send_message(&self, message: Message) {
        self.to.as_ref().unwrap().send(message).await.unwrap();
    }

    /// Sends the `connect` request, with id 1, from a test client to the gateway.
    pub(crate) async fn send_connect(&self, params: Value) {
        self.request("1", "connect", params).await;
    }

    /// Sends a request frame from a test client to the gateway.
    pub(crate) async fn request(&self, id: &str, method: &str, params: Value) {
        let frame = json!({"type": "req", "id": id, "method": method, "params": params});
        self.send(frame.to_string()).await;
    }

    /// Returns the next WebSocket message that a test client receives from the gateway.
    pub(crate) async fn next_message(&mut self) -> Message {
        let message = tokio::time::timeout(Duration::from_mins(10), self.from.recv()).await;
        message.expect("in time").expect("a message")
    }

    /// Returns the next frame, parsed as JSON, that a test client receives from the gateway.
    pub(crate) async fn next_frame(&mut self) -> Value {
        match self.next_message().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Returns the gateway's response to a request of a test client; events before it are skipped.
    pub(crate) async fn response(&mut self, id: &str) -> Value {
        loop {
            let frame = self.next_frame().await;
            if frame["type"] == "res" && frame["id"] == id {
                return frame;
            }
        }
    }

    /// Receives the gateway's authentication challenge on a test client and returns its nonce.
    pub(crate) async fn challenge(&mut self) -> String {
        let challenge = self.next_frame().await;
        assert_eq!(challenge["event"], "connect.challenge");
        challenge["payload"]["nonce"].as_str().unwrap().to_owned()
    }

    /// Returns the code and the reason of the close frame that the gateway sends to a test client; frames before it
    /// are skipped.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.next_message().await {
                Message::Close(Some(frame)) => return (frame.code.into(), frame.reason.to_string()),
                Message::Text(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Returns parameters for the gateway's `connect` method in tests, as a command-line client that shows [`TOKEN`]
/// sends them.
pub(crate) fn connect_params(protocol: u64) -> Value {
    json!({
        "minProtocol": protocol,
        "maxProtocol": protocol,
        "client": {"id": "cli", "version": "dev", "platform": "linux", "mode": "cli"},
        "auth": {"token": TOKEN},
        "role": "operator",
        "scopes": ["operator.admin"],
    })
}

/// Adds a device to the parameters of a test client's `connect` request, with a signature over them that is made now.
pub(crate) fn signed(mut params: Value, device: &TestDevice, nonce: Option<&str>) -> Value {
    let scopes: Vec<String> = serde_json::from_value(params["scopes"].clone()).unwrap_or_default();
    let auth = params["auth"].clone();
    let token = auth["token"].as_str().or_else(|| auth["deviceToken"].as_str());
    let (id, at) = (device.device_id(), unix_millis(crate::host::now()));
    let claim = DeviceClaim {
        device_id: &id,
        client_id: params["client"]["id"].as_str().unwrap(),
        client_mode: params["client"]["mode"].as_str().unwrap(),
        role: params["role"].as_str().unwrap(),
        scopes: &scopes,
        signed_at_ms: at,
        token,
        nonce,
        platform: "linux",
        device_family: None,
    };
    let signature = device.sign(&claim);
    let key = device.public_key().to_base64url();
    params["device"] = json!({"id": id, "publicKey": key, "signature": signature, "signedAt": at});
    if let Some(nonce) = nonce {
        params["device"]["nonce"] = nonce.into();
    }
    params
}

/// Returns an authenticated client for tests, as the methods of the gateway see it.
pub(crate) fn connected_client(protocol: Protocol, scopes: &[&str]) -> ConnectedClient {
    ConnectedClient {
        conn_id: crate::host::random_uuid(),
        client: ClientInfo {
            id: "cli".to_owned(),
            display_name: None,
            version: "dev".to_owned(),
            platform: "linux".to_owned(),
            device_family: None,
            model_identifier: None,
            mode: "cli".to_owned(),
            instance_id: None,
        },
        protocol,
        role: ClientRole::Operator,
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        caps: Vec::new(),
        device_id: None,
        by_device_token: false,
        ip: [127, 0, 0, 1].into(),
        local: true,
        since: SystemTime::UNIX_EPOCH,
    }
}
