//! What tests of sessions stand on: a gateway without a socket, and clients that are channels.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use axum::extract::ws::Message;
use futures_util::{Sink, Stream};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Peer, serve};
use crate::device::{Claim, Identity as Device};
use crate::environment::Environment;
use crate::gateway::clients::Connected;
use crate::gateway::clients::presence::millis;
use crate::gateway::methods::Call;
use crate::gateway::protocol::connect::Client as Program;
use crate::gateway::protocol::{Protocol, Role};
use crate::gateway::shared::{Identity, Live, Shared};
use crate::host::Host;
use crate::i18n::Lang;
use crate::instance::Instance;
use crate::profile::ProfileName;
use crate::secret::Secret;
use crate::settings::{PortFrom, Proof, Settings};

pub(crate) const TOKEN: &str = "the-right-token";

/// A gateway in a home folder of its own.
pub(crate) struct Stand {
    pub(crate) home: tempfile::TempDir,
    pub(crate) shared: Arc<Shared>,
}

impl Stand {
    pub(crate) fn new() -> Self {
        Self::with(Proof::Token(Secret::new(TOKEN)))
    }

    pub(crate) fn with(proof: Proof) -> Self {
        Self::at(tempfile::tempdir().unwrap(), proof)
    }

    pub(crate) fn at(home: tempfile::TempDir, proof: Proof) -> Self {
        let host = Host::fixed(&[], [("HOME", home.path())]);
        let env = Environment::read(&host).unwrap();
        let profile = ProfileName::parse("rescue").unwrap();
        let instance = Instance::canonical(home.path(), profile);
        let identity = Identity {
            profile: "rescue".to_owned(),
            instance_id: "0123456789abcdef".to_owned(),
            boot_id: "boot".to_owned(),
            version: "0.1.0",
            pid: 7,
            started: SystemTime::UNIX_EPOCH,
        };
        let live = Live {
            config: json!({"gateway": {"mode": "local"}}),
            settings: Settings {
                port: 19789,
                port_from: PortFrom::Config,
                bind: crate::answers::Bind::Loopback,
                bind_host: None,
                proof,
            },
            warning: None,
            missing: Vec::new(),
        };
        let addresses = vec![SocketAddr::from(([127, 0, 0, 1], 19789))];
        let shared = Shared::new(host, env, instance, identity, Lang::english(), addresses, live);
        Self {
            home,
            shared: Arc::new(shared),
        }
    }

    pub(crate) fn call(&self, who: Connected) -> Call {
        Call {
            shared: self.shared.clone(),
            who: Arc::new(who),
            params: Value::Null,
        }
    }

    /// Somebody connects from this machine.
    pub(crate) fn dial(&self) -> Client {
        self.dial_from("127.0.0.1", true)
    }

    pub(crate) fn dial_from(&self, ip: &str, local: bool) -> Client {
        let (to, incoming) = mpsc::channel(256);
        let (outgoing, from) = mpsc::channel(256);
        let wire = Wire { incoming, outgoing };
        let peer = Peer {
            address: SocketAddr::new(ip.parse().unwrap(), 40000),
            local,
        };
        let session = tokio::spawn(serve(self.shared.clone(), wire, peer, || {}));
        Client {
            to: Some(to),
            from,
            session,
        }
    }

    /// A client that is let in.
    pub(crate) async fn friend(&self, protocol: u64) -> Client {
        let mut client = self.dial();
        client.challenge().await;
        client.connect(params(protocol)).await;
        let hello = client.next().await;
        assert_eq!(hello["payload"]["type"], "hello-ok", "{hello}");
        client
    }
}

/// The server's end of the channels.
struct Wire {
    incoming: mpsc::Receiver<Message>,
    outgoing: mpsc::Sender<Message>,
}

impl Stream for Wire {
    type Item = Result<Message, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.incoming.poll_recv(cx).map(|message| message.map(Ok))
    }
}

impl Sink<Message> for Wire {
    type Error = ();

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        if self.outgoing.is_closed() {
            return Poll::Ready(Err(()));
        }
        if self.outgoing.capacity() > 0 {
            return Poll::Ready(Ok(()));
        }
        // A full channel stands for a client that does not read: it may well never be ready again.
        let _ = cx;
        Poll::Pending
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), ()> {
        self.outgoing.try_send(message).map_err(drop)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }
}

/// The client's end.
pub(crate) struct Client {
    pub(crate) to: Option<mpsc::Sender<Message>>,
    from: mpsc::Receiver<Message>,
    pub(crate) session: tokio::task::JoinHandle<()>,
}

impl Client {
    pub(crate) async fn send(&self, text: impl Into<String>) {
        self.message(Message::Text(text.into().into())).await;
    }

    pub(crate) async fn message(&self, message: Message) {
        self.to.as_ref().unwrap().send(message).await.unwrap();
    }

    pub(crate) async fn connect(&self, params: Value) {
        self.request("1", "connect", params).await;
    }

    pub(crate) async fn request(&self, id: &str, method: &str, params: Value) {
        let frame = json!({"type": "req", "id": id, "method": method, "params": params});
        self.send(frame.to_string()).await;
    }

    pub(crate) async fn raw(&mut self) -> Message {
        let message = tokio::time::timeout(Duration::from_mins(10), self.from.recv()).await;
        message.expect("in time").expect("a message")
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Value {
        match self.raw().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// The answer to a request, events left aside.
    pub(crate) async fn answer(&mut self, id: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] == "res" && frame["id"] == id {
                return frame;
            }
        }
    }

    /// The nonce.
    pub(crate) async fn challenge(&mut self) -> String {
        let challenge = self.next().await;
        assert_eq!(challenge["event"], "connect.challenge");
        challenge["payload"]["nonce"].as_str().unwrap().to_owned()
    }

    /// Code and reason of the end.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.raw().await {
                Message::Close(Some(frame)) => return (frame.code, frame.reason.to_string()),
                Message::Text(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// What a command line says of itself.
pub(crate) fn params(protocol: u64) -> Value {
    json!({
        "minProtocol": protocol,
        "maxProtocol": protocol,
        "client": {"id": "cli", "version": "dev", "platform": "linux", "mode": "cli"},
        "auth": {"token": TOKEN},
        "role": "operator",
        "scopes": ["operator.admin"],
    })
}

/// The parameters with a device's claim over them, made now.
pub(crate) fn signed(mut params: Value, device: &Device, nonce: Option<&str>) -> Value {
    let scopes: Vec<String> = serde_json::from_value(params["scopes"].clone()).unwrap_or_default();
    let auth = params["auth"].clone();
    let token = auth["token"].as_str().or_else(|| auth["deviceToken"].as_str());
    let (id, at) = (device.device_id(), millis(crate::host::now()));
    let claim = Claim {
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
    let key = device.public_key().encoded();
    params["device"] = json!({"id": id, "publicKey": key, "signature": signature, "signedAt": at});
    if let Some(nonce) = nonce {
        params["device"]["nonce"] = nonce.into();
    }
    params
}

/// A client that was let in, as methods see it.
pub(crate) fn caller(protocol: Protocol, scopes: &[&str]) -> Connected {
    Connected {
        conn_id: uuid::Uuid::new_v4(),
        client: Program {
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
        role: Role::Operator,
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        device_id: None,
        by_device_token: false,
        ip: [127, 0, 0, 1].into(),
        since: SystemTime::UNIX_EPOCH,
    }
}
