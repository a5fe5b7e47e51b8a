//! The server over real sockets, with a paused clock that advances while nothing else happens.
#![expect(clippy::disallowed_methods, reason = "the tests listen themselves")]

use axum::http::StatusCode;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::*;
use crate::gateway::state::StopReason;
use crate::gateway::test_support::TestGateway;

/// A gateway that serves three routes: `/` answers at once, `/slow` when the gateway stops, `/never` never.
struct TestServer {
    gateway: TestGateway,
    address: std::net::SocketAddr,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

fn start_server() -> TestServer {
    let gateway = TestGateway::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let stopping = gateway.state.clone();
    let slow = async move || {
        stopping.stopped().await;
        StatusCode::ACCEPTED
    };
    let router = Router::new()
        .route("/", get(async || StatusCode::NO_CONTENT))
        .route("/slow", get(slow))
        .route("/never", get(std::future::pending::<StatusCode>));
    let state = gateway.state.clone();
    let serving = tokio::spawn(async move { serve(&state, vec![listener], router).await });
    TestServer {
        gateway,
        address,
        serving,
    }
}

async fn connect(server: &TestServer) -> TcpStream {
    TcpStream::connect(server.address).await.unwrap()
}

/// Reads everything until the server closes.
async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset counts as the end, too.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends a text and returns the first part of the reply.
async fn exchange(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut bytes = [0; 1024];
    let read = stream.read(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

#[tokio::test(start_paused = true)]
async fn incomplete_request_head_is_closed_after_ten_seconds() {
    let server = start_server();
    for sent in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: 1"] {
        let mut stream = connect(&server).await;
        stream.write_all(sent.as_bytes()).await.unwrap();
        let since = Instant::now();
        read_to_end(&mut stream).await;
        let waited = since.elapsed();
        assert!(waited >= Duration::from_secs(9), "{sent:?}: {waited:?}");
        assert!(waited <= Duration::from_secs(11), "{sent:?}: {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn silent_connection_is_closed_after_its_reply() {
    let server = start_server();
    let mut stream = connect(&server).await;
    let answer = exchange(&mut stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    let since = Instant::now();
    assert_eq!(read_to_end(&mut stream).await, "");
    assert!(
        since.elapsed() <= Duration::from_secs(11),
        "{:?}",
        since.elapsed()
    );
}

#[tokio::test]
async fn request_heads_are_limited_in_bytes_and_in_headers() {
    let server = start_server();
    for head in [
        format!(
            "GET /{} HTTP/1.1\r\nHost: x\r\n\r\n",
            "a".repeat(MAX_HEAD_BYTES * 2)
        ),
        format!(
            "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
            "a".repeat(MAX_HEAD_BYTES * 2)
        ),
        format!(
            "GET / HTTP/1.1\r\nHost: x\r\n{}\r\n",
            "X: 1\r\n".repeat(MAX_HEADERS + 1)
        ),
    ] {
        let mut stream = connect(&server).await;
        // The server may close before everything is sent.
        let _ = stream.write_all(head.as_bytes()).await;
        let answer = read_to_end(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let mut stream = connect(&server).await;
    let answer = exchange(&mut stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

#[tokio::test]
async fn request_in_progress_is_answered_after_the_stop() {
    let server = start_server();
    let mut asking = connect(&server).await;
    asking
        .write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    // The second reply shows that the first request was read before it: one thread serves in order.
    let mut other = connect(&server).await;
    exchange(&mut other, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.gateway.state.stop(StopReason::Signal);
    assert!(read_to_end(&mut asking).await.starts_with("HTTP/1.1 202"));
    server.serving.await.unwrap().unwrap();
    assert!(
        TcpStream::connect(server.address).await.is_err(),
        "the listener is closed"
    );
}

#[tokio::test(start_paused = true)]
async fn connections_that_do_not_end_are_closed_after_the_drain_timeout() {
    let server = start_server();
    let mut silent = connect(&server).await;
    let mut stalled = connect(&server).await;
    stalled.write_all(b"GET / HT").await.unwrap();
    let mut asking = connect(&server).await;
    asking
        .write_all(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut other = connect(&server).await;
    exchange(&mut other, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let since = Instant::now();
    server.gateway.state.stop(StopReason::Signal);
    read_to_end(&mut silent).await;
    assert!(
        since.elapsed() < Duration::from_secs(1),
        "a connection without a request is not waited for"
    );
    server.serving.await.unwrap().unwrap();
    assert!(
        since.elapsed() >= DRAIN_TIMEOUT && since.elapsed() < DRAIN_TIMEOUT * 2,
        "{:?}",
        since.elapsed()
    );
    assert_eq!(read_to_end(&mut asking).await, "");
}
