//! Tests of sessions over real sockets: how much a client may send before and after authentication, and the answers to
//! refused clients.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::{Value, json};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::{Message, WebSocket};

use crate::support::Sandbox;
use crate::support::gateway::{Gateway, TOKEN, WAIT_TIMEOUT};

/// Maximum size of a message that an authenticated client of protocol 4 may send, in bytes; others may send less.
const LARGE_MESSAGE_BYTES: usize = 20 * 1024 * 1024;

/// A client over a real socket.
pub struct Client(pub WebSocket<TcpStream>);

impl Client {
    /// Connects and receives the challenge.
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_read_timeout(Some(WAIT_TIMEOUT)).expect("a time limit");
        stream
            .set_write_timeout(Some(WAIT_TIMEOUT))
            .expect("a time limit");
        let (socket, _) = tungstenite::client(format!("ws://127.0.0.1:{port}/"), stream).expect("an upgrade");
        let mut client = Self(socket);
        assert_eq!(client.next_frame()["event"], "connect.challenge");
        client
    }

    /// Connects and authenticates with the right token.
    pub fn accepted(port: u16, protocol: u64) -> Self {
        let mut client = Self::connect(port);
        client.send(connect_request(protocol).to_string());
        assert_eq!(client.response("1")["ok"], true);
        client
    }

    pub fn send(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).expect("it is sent");
    }

    /// Waits for the next frame of the protocol, and returns it.
    #[track_caller]
    pub fn next_frame(&mut self) -> Value {
        loop {
            match self.0.read().expect("a message") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Returns the response to a request; events before it are skipped.
    #[track_caller]
    pub fn response(&mut self, id: &str) -> Value {
        loop {
            let frame = self.next_frame();
            if frame["type"] == "res" && frame["id"] == id {
                return frame;
            }
        }
    }

    /// Waits for the close frame, and returns its code and reason.
    pub fn wait_closed(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(frame) = self.0.read().expect("a message") {
                let frame = frame.expect("a code");
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }
}

/// Returns the `connect` request of a command line with the right token.
pub fn connect_request(protocol: u64) -> Value {
    json!({
        "type": "req", "id": "1", "method": "connect",
        "params": {
            "minProtocol": protocol, "maxProtocol": protocol, "role": "operator", "scopes": [],
            "client": { "id": "cli", "version": "1", "platform": "linux", "mode": "cli" },
            "caps": [], "auth": { "token": TOKEN },
        },
    })
}

/// Returns the head of a WebSocket frame, masked with zeros.
pub fn frame_head(first: u8, length: usize) -> Vec<u8> {
    let mut head = vec![first, 0xff];
    head.extend(u64::try_from(length).expect("a length").to_be_bytes());
    head.extend([0; 4]);
    head
}

/// Sends bytes before authentication, and returns the code and the reason of the close frame.
fn flood(port: u16, bytes: impl Iterator<Item = Vec<u8>>) -> (u16, String) {
    let mut client = Client::connect(port);
    let mut stream = client.0.get_ref().try_clone().expect("the same connection");
    for piece in bytes {
        if stream.write_all(&piece).is_err() {
            break;
        }
    }
    client.wait_closed()
}

#[test]
fn unauthenticated_client_can_not_send_large_messages() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let piece = vec![b'x'; 64 * 1024];
    // One message that never ends.
    let one = std::iter::once(frame_head(0x81, LARGE_MESSAGE_BYTES + 1)).chain(std::iter::repeat_n(
        piece.clone(),
        LARGE_MESSAGE_BYTES / piece.len(),
    ));
    assert_eq!(flood(gateway.port, one), (1009, String::new()));
    // One message of many small fragments.
    let fragment = |at: usize| {
        let mut fragment = frame_head(u8::from(at == 0), piece.len());
        fragment.extend(&piece);
        fragment
    };
    let fragments = (0..LARGE_MESSAGE_BYTES / piece.len()).map(fragment);
    assert_eq!(flood(gateway.port, fragments), (1009, String::new()));
    let mut client = Client::accepted(gateway.port, 4);
    client.send(json!({"type": "req", "id": "2", "method": "health"}).to_string());
    assert_eq!(client.response("2")["ok"], true);
}

#[test]
fn authenticated_client_may_send_as_much_as_its_protocol_allows() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let padded = |length: usize| {
        let request = json!({"type": "req", "id": "2", "method": "health"}).to_string();
        format!("{request}{}", " ".repeat(length - request.len()))
    };
    for (protocol, max) in [(3, 512 * 1024), (4, LARGE_MESSAGE_BYTES)] {
        let mut client = Client::accepted(gateway.port, protocol);
        client.send(padded(max));
        assert_eq!(client.response("2")["ok"], true, "{protocol}");
    }
    for (protocol, max) in [(3, 512 * 1024), (4, 25 * 1024 * 1024)] {
        let mut client = Client::accepted(gateway.port, protocol);
        client.send(padded(max + 1));
        assert_eq!(client.wait_closed(), (1009, String::new()), "{protocol}");
    }
}

#[test]
fn fragmented_messages_are_read() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    for protocol in [3, 4] {
        let mut client = Client::connect(gateway.port);
        for (id, request) in [
            ("1", connect_request(protocol)),
            ("2", json!({"type": "req", "id": "2", "method": "health"})),
        ] {
            let text = request.to_string();
            let last = text.len() - 1;
            for (at, byte) in text.bytes().enumerate() {
                let data = if at == 0 { Data::Text } else { Data::Continue };
                let frame = Frame::message(vec![byte], OpCode::Data(data), at == last);
                client.0.write(Message::Frame(frame)).expect("it is sent");
                if at == last / 2 {
                    client
                        .0
                        .send(Message::Ping(Vec::new().into()))
                        .expect("it is sent");
                }
            }
            client.0.flush().expect("it is sent");
            assert_eq!(client.response(id)["ok"], true, "{protocol}");
        }
    }
}

/// A first message that is refused, with the expected answer.
struct RefusalCase {
    sent: String,
    /// Code, message and `details.code` of the response, where there is one.
    error: Option<(&'static str, &'static str, &'static str)>,
    /// Code and reason of the close frame.
    close: (u16, &'static str),
}

/// Returns the cases of `connect` requests that are refused. The message of each is the reason of its close.
fn connect_cases(protocol: u64) -> Vec<RefusalCase> {
    let case = |change: &dyn Fn(&mut Value), code, message, detail| {
        let mut request = connect_request(protocol);
        change(&mut request["params"]);
        RefusalCase {
            sent: request.to_string(),
            error: Some((code, message, detail)),
            close: (1008, message),
        }
    };
    let wrong_token = |params: &mut Value| params["auth"]["token"] = "wrong".into();
    let wrong_token_of_backend = |params: &mut Value| {
        params["auth"]["token"] = "wrong".into();
        params["client"] =
            json!({"id": "gateway-client", "version": "1", "platform": "linux", "mode": "backend"});
    };
    let cli_mismatch = if protocol == 3 {
        "unauthorized: gateway token mismatch (set gateway.remote.token to match gateway.auth.token)"
    } else {
        "unauthorized: gateway token mismatch (use this gateway's gateway.auth.token or pair the device)"
    };
    let mismatch = "unauthorized: gateway token mismatch (provide gateway auth token)";
    let extra = "invalid connect params: at root: unexpected property 'zzz'";
    let (invalid, unpaired) = ("INVALID_REQUEST", "NOT_PAIRED");
    let wrong = "AUTH_TOKEN_MISMATCH";
    let no_credentials = |params: &mut Value| params["auth"] = json!({});
    let unknown_key = |params: &mut Value| params["zzz"] = 1.into();
    let unknown_version = |params: &mut Value| {
        params["minProtocol"] = 9.into();
        params["maxProtocol"] = 9.into();
    };
    vec![
        case(&wrong_token, invalid, cli_mismatch, wrong),
        case(&wrong_token_of_backend, invalid, mismatch, wrong),
        case(
            &no_credentials,
            unpaired,
            "device identity required",
            "DEVICE_IDENTITY_REQUIRED",
        ),
        case(&unknown_key, invalid, extra, ""),
        RefusalCase {
            close: (1002, "protocol mismatch"),
            ..case(
                &unknown_version,
                invalid,
                "protocol mismatch",
                "PROTOCOL_MISMATCH",
            )
        },
    ]
}

/// Returns the cases of first messages that are not a `connect` request.
fn malformed_cases() -> Vec<RefusalCase> {
    let not_connect = "invalid handshake: first request must be connect";
    let unanswered = |sent: &str, code, reason| RefusalCase {
        sent: sent.to_owned(),
        error: None,
        close: (code, reason),
    };
    vec![
        RefusalCase {
            sent: json!({"type": "req", "id": "1", "method": "health"}).to_string(),
            error: Some(("INVALID_REQUEST", not_connect, "")),
            close: (1008, not_connect),
        },
        unanswered(r#"{"foo":1}"#, 1008, "invalid request frame"),
        unanswered("hello", 1000, ""),
        unanswered(&format!("\"{}\"", "x".repeat(80 * 1024)), 1009, ""),
    ]
}

/// The expected answers are those of both releases.
#[test]
fn refused_clients_get_the_answers_of_both_releases() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    for protocol in [3_u64, 4] {
        for case in connect_cases(protocol).into_iter().chain(malformed_cases()) {
            let mut client = Client::connect(gateway.port);
            client.send(case.sent.clone());
            let brief: String = case.sent.chars().take(300).collect();
            let (close_code, reason) = case.close;
            if let Some((code, message, detail)) = case.error {
                let error = client.response("1")["error"].take();
                assert_eq!(
                    (&error["code"], &error["message"]),
                    (&code.into(), &message.into())
                );
                // An unknown protocol version is refused in the words of the later release.
                let has_detail = protocol == 4 || close_code == 1002;
                let found = error["details"]["code"].as_str().unwrap_or_default();
                assert_eq!(found, if has_detail { detail } else { "" }, "{brief}");
            }
            assert_eq!(client.wait_closed(), (close_code, reason.to_owned()), "{brief}");
        }
    }
}
