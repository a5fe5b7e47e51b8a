//! Real sockets, a clock that runs ahead by itself while nothing else happens.
#![expect(clippy::disallowed_methods, reason = "the tests listen themselves")]

use std::time::SystemTime;

use axum::http::StatusCode;
use axum::routing::get;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::*;
use crate::answers::Bind;
use crate::environment::Environment;
use crate::gateway::shared::{Identity, Live, Stop};
use crate::host::Host;
use crate::i18n::Lang;
use crate::instance::Instance;
use crate::profile::ProfileName;
use crate::secret::Secret;
use crate::settings::{PortFrom, Proof, Settings};

/// A gateway's shared part, with its home in `home`.
pub(in crate::gateway) fn shared(home: &std::path::Path, config: serde_json::Value) -> Arc<Shared> {
    let host = Host::fixed(&[], [("HOME", home.as_os_str())]);
    let env = Environment::read(&host).unwrap();
    let instance = Instance::canonical(home, ProfileName::parse("rescue").unwrap());
    let identity = Identity {
        profile: "rescue".to_owned(),
        instance_id: "0123456789abcdef".to_owned(),
        boot_id: "boot".to_owned(),
        version: "0",
        pid: 1,
        started: SystemTime::UNIX_EPOCH,
    };
    let live = Live {
        config,
        settings: Settings {
            port: 40_000,
            port_from: PortFrom::Config,
            bind: Bind::Loopback,
            bind_host: None,
            proof: Proof::Token(Secret::new("token")),
        },
        warning: None,
        missing: Vec::new(),
    };
    let addresses = vec![SocketAddr::from(([127, 0, 0, 1], 40_000))];
    let lang = Lang::english();
    Arc::new(Shared::new(host, env, instance, identity, lang, addresses, live))
}

/// What is served in the tests: an answer at once, and one that only the end of the gateway brings.
struct Served {
    shared: Arc<Shared>,
    address: SocketAddr,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
    _home: tempfile::TempDir,
}

fn serving() -> Served {
    let home = tempfile::tempdir().unwrap();
    let shared = shared(home.path(), json!({}));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let stopper = shared.clone();
    let slow = async move || {
        stopper.stopped().await;
        StatusCode::ACCEPTED
    };
    let router = Router::new()
        .route("/", get(async || StatusCode::NO_CONTENT))
        .route("/slow", get(slow))
        .route("/never", get(std::future::pending::<StatusCode>));
    let serving = tokio::spawn({
        let shared = shared.clone();
        async move { serve(&shared, vec![listener], router).await }
    });
    Served {
        shared,
        address,
        serving,
        _home: home,
    }
}

async fn connect(served: &Served) -> TcpStream {
    TcpStream::connect(served.address).await.unwrap()
}

/// Everything until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn answered(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut bytes = [0; 1024];
    let read = stream.read(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

#[tokio::test(start_paused = true)]
async fn who_stalls_is_dropped_after_ten_seconds() {
    let served = serving();
    for said in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: 1"] {
        let mut stream = connect(&served).await;
        stream.write_all(said.as_bytes()).await.unwrap();
        let since = Instant::now();
        rest(&mut stream).await;
        let waited = since.elapsed();
        assert!(waited >= Duration::from_secs(9), "{said:?}: {waited:?}");
        assert!(waited <= Duration::from_secs(11), "{said:?}: {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_answered_and_is_silent_is_dropped_too() {
    let served = serving();
    let mut stream = connect(&served).await;
    let answer = answered(&mut stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    let since = Instant::now();
    assert_eq!(rest(&mut stream).await, "");
    assert!(
        since.elapsed() <= Duration::from_secs(11),
        "{:?}",
        since.elapsed()
    );
}

#[tokio::test]
async fn heads_are_bounded_in_bytes_and_in_number() {
    let served = serving();
    for head in [
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(HEAD * 2)),
        format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(HEAD * 2)),
        format!(
            "GET / HTTP/1.1\r\nHost: x\r\n{}\r\n",
            "X: 1\r\n".repeat(HEADERS + 1)
        ),
    ] {
        let mut stream = connect(&served).await;
        // It may close before all of it is sent.
        let _ = stream.write_all(head.as_bytes()).await;
        let answer = rest(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let mut stream = connect(&served).await;
    let answer = answered(&mut stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

#[tokio::test]
async fn a_request_that_is_being_answered_is_answered_after_the_word_to_stop() {
    let served = serving();
    let mut asking = connect(&served).await;
    asking
        .write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    // The second answer tells that the first request was read before: one thread, in order.
    let mut other = connect(&served).await;
    answered(&mut other, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    served.shared.stop(Stop::Asked);
    assert!(rest(&mut asking).await.starts_with("HTTP/1.1 202"));
    served.serving.await.unwrap().unwrap();
    assert!(
        TcpStream::connect(served.address).await.is_err(),
        "nobody listens"
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_end_is_cut_after_five_seconds() {
    let served = serving();
    let mut silent = connect(&served).await;
    let mut stalled = connect(&served).await;
    stalled.write_all(b"GET / HT").await.unwrap();
    let mut asking = connect(&served).await;
    asking
        .write_all(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut other = connect(&served).await;
    answered(&mut other, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let since = Instant::now();
    served.shared.stop(Stop::Asked);
    rest(&mut silent).await;
    assert!(
        since.elapsed() < Duration::from_secs(1),
        "who never asked is not waited for"
    );
    served.serving.await.unwrap().unwrap();
    assert!(
        since.elapsed() >= DRAIN && since.elapsed() < DRAIN * 2,
        "{:?}",
        since.elapsed()
    );
    assert_eq!(rest(&mut asking).await, "");
}
