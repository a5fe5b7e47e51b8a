//! Tests of the defences of a gateway against web pages, guessed tokens, floods and malformed input.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::session::{Client, connect_request};
use crate::support::Sandbox;
use crate::support::gateway::{Gateway, TOKEN, WAIT_TIMEOUT, log, request, wait_for};

/// Asks for a WebSocket with these header lines. Returns the status of the reply and the connection.
fn upgrade(port: u16, path: &str, headers: &[&str]) -> (u16, TcpStream) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_read_timeout(Some(WAIT_TIMEOUT)).expect("a time limit");
    let host = format!("Host: 127.0.0.1:{port}");
    let mut lines = vec![
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    if !headers.iter().any(|header| header.starts_with("Host:")) {
        lines.push(&host);
    }
    lines.extend(headers);
    let head = format!("GET {path} HTTP/1.1\r\n{}\r\n\r\n", lines.join("\r\n"));
    stream.write_all(head.as_bytes()).expect("it is sent");
    let mut line = [0; 12];
    stream.read_exact(&mut line).expect("a status line");
    let status = String::from_utf8_lossy(&line[9..]).parse().expect("a status");
    (status, stream)
}

#[test]
fn requests_that_name_another_host_are_refused_on_every_path() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let port = gateway.port;
    let bearer = format!("Authorization: Bearer {TOKEN}");
    for path in [
        "/",
        "/health",
        "/ready",
        "/nowhere",
        "/__openclaw__/canvas/",
        "/tools/invoke",
    ] {
        for host in ["evil.example", "127.0.0.1.evil.example", "10.1.2.3", "0.0.0.0"] {
            let host = format!("Host: {host}:{port}");
            let answer = request(port, "GET", path, &[&host, &bearer]).expect("an answer");
            assert_eq!(answer.status, 421, "{path} {host}");
        }
        assert_eq!(upgrade(port, path, &["Host: evil.example"]).0, 421, "{path}");
    }
    let twice = request(port, "GET", "http://evil.example/health", &[]).expect("an answer");
    assert_eq!(twice.status, 421, "another host in the request line");
    let named = request(port, "GET", "/health", &[&format!("Host: localhost:{port}")]).expect("an answer");
    assert_eq!(named.status, 200);
}

#[test]
fn only_pages_of_the_gateway_may_open_a_websocket() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let port = gateway.port;
    for path in ["/", "/health", "/any/path", "/__openclaw__/canvas/"] {
        for origin in [
            "https://evil.example",
            "null",
            "http://localhost:1",
            "http://127.0.0.1",
        ] {
            let origin = format!("Origin: {origin}");
            assert_eq!(upgrade(port, path, &[&origin]).0, 403, "{path} {origin}");
        }
        for own in ["127.0.0.1", "localhost", "[::1]"] {
            let origin = format!("Origin: http://{own}:{port}");
            assert_eq!(upgrade(port, path, &[&origin]).0, 101, "{path} {origin}");
        }
        assert_eq!(upgrade(port, path, &[]).0, 101, "{path}: not a browser");
    }
    // Live reload is not a session: its token is checked before the upgrade.
    assert_eq!(upgrade(port, "/__openclaw__/ws", &[]).0, 401);
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let foreign = "Origin: https://evil.example";
    assert_eq!(upgrade(port, "/__openclaw__/ws", &[&bearer, foreign]).0, 403);
    assert_eq!(upgrade(port, "/__openclaw__/ws", &[&bearer]).0, 101);
}

#[test]
fn wrong_token_is_logged_with_the_address_but_not_with_the_token() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let guess = "guess-5f1c7d2e";
    for _ in 0..4 {
        let wrong = format!("Authorization: Bearer {guess}");
        let answer = request(gateway.port, "GET", "/nowhere", &[&wrong]).expect("an answer");
        assert_eq!(answer.status, 401);
    }
    let written = wait_for("the first failure is logged at once", || {
        Some(log(&sandbox, "rescue"))
            .filter(|log| log.contains("127.0.0.1") && log.contains("\"failures\":1"))
    });
    let exited = gateway.stop().with(0);
    let counted = log(&sandbox, "rescue");
    assert!(counted.contains("\"failures\":4"), "{counted}");
    for text in [written, log(&sandbox, "rescue"), exited.stdout, exited.stderr] {
        assert!(!text.contains(guess) && !text.contains(TOKEN), "{text}");
    }
}

#[test]
fn request_heads_and_bodies_are_limited() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let large = request(
        gateway.port,
        "POST",
        "/tools/invoke",
        &[&bearer, "Content-Length: 1048577"],
    );
    assert_eq!(large.expect("an answer").status, 413);
    for invalid in ["many", "-1", "18446744073709551616"] {
        let length = format!("Content-Length: {invalid}");
        let answer = request(gateway.port, "POST", "/tools/invoke", &[&bearer, &length]);
        assert_eq!(answer.expect("an answer").status, 400, "{invalid}");
    }
    let long = format!("X-Long: {}", "a".repeat(64 * 1024));
    let head = request(gateway.port, "GET", "/health", &[&long]);
    assert!(
        head.is_none_or(|answer| answer.status == 431),
        "the head is too large"
    );
    assert_eq!(gateway.get("/health").expect("an answer").status, 200);
}

/// Raises the limit of open files: this process opens more than a thousand sockets.
pub fn raise_open_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let highest = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, highest).expect("up to the hard limit");
}

#[test]
fn a_thousand_incomplete_connections_do_not_lock_out_a_healthy_client() {
    raise_open_file_limit();
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let port = gateway.port;
    let mut incomplete = Vec::new();
    for n in 0..1000 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        if n % 2 == 0 {
            // The connection may have been closed for a later one.
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHo");
        }
        incomplete.push(stream);
        if n % 250 == 249 {
            assert_eq!(
                gateway.get("/health").expect("an answer").status,
                200,
                "beside {n}"
            );
            assert_eq!(upgrade(port, "/", &[]).0, 101, "beside {n}");
        }
    }
    let files = format!("/proc/{}/fd", gateway.pid());
    wait_for("the longest silent connections are closed", || {
        let open = std::fs::read_dir(&files).expect("its files").count();
        (open < 500).then_some(())
    });
    let sessions: Vec<_> = (0..200).map(|_| upgrade(port, "/", &[])).collect();
    assert_eq!(gateway.get("/health").expect("an answer").status, 200);
    drop((incomplete, sessions));
}

#[test]
fn random_bytes_do_not_harm_the_gateway() {
    let sandbox = Sandbox::new();
    let mut gateway = Gateway::start(&sandbox, "rescue");
    // xorshift, so that each run sends the same bytes.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = move |length: usize| -> Vec<u8> {
        let mut byte = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        };
        (0..length).map(|_| byte()).collect()
    };
    for n in 0..200 {
        let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).expect("a connection");
        if n % 3 == 0 {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n");
        }
        let _ = stream.write_all(&noise(n * 40));
    }
    for n in 0..50 {
        let (status, mut socket) = upgrade(gateway.port, "/", &[]);
        assert_eq!(status, 101);
        let _ = socket.write_all(&noise(n * 100));
    }
    assert_eq!(gateway.get("/health").expect("an answer").status, 200);
    assert!(gateway.runs());
}

/// Sends a request with a wrong token from an address of loopback, and returns the connection without reading the
/// answer.
fn guess(port: u16, from: &str) -> TcpStream {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    let local: std::net::SocketAddr = format!("{from}:0").parse().expect("an address");
    bind(&socket, &local).expect("bound");
    connect(&socket, &std::net::SocketAddr::from(([127, 0, 0, 1], port))).expect("a connection");
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(WAIT_TIMEOUT)).expect("a time limit");
    let head =
        format!("GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer wrong\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("it is sent");
    stream
}

#[test]
fn right_token_is_accepted_while_all_of_loopback_guesses_and_wrong_ones_are_told_that_they_are_too_many() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let guesses: Vec<_> = (1..=100)
        .map(|n| guess(gateway.port, &format!("127.0.0.{n}")))
        .collect();
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let begun = std::time::Instant::now();
    let right = request(gateway.port, "GET", "/nowhere", &[&bearer]).expect("an answer");
    assert_eq!(right.status, 404, "accepted, and there is nothing");
    assert!(
        begun.elapsed().as_millis() < 900,
        "not delayed: {:?}",
        begun.elapsed()
    );
    let mut statuses = std::collections::BTreeMap::new();
    for mut stream in guesses {
        let mut head = [0; 1024];
        let length = stream.read(&mut head).expect("an answer");
        let head = String::from_utf8_lossy(&head[..length]).to_ascii_lowercase();
        let status = head[9..12].to_owned();
        assert_eq!(status == "429", head.contains("\r\nretry-after: "), "{head}");
        *statuses.entry(status).or_insert(0) += 1;
    }
    assert!(statuses["401"] <= 20 && statuses["429"] >= 80, "{statuses:?}");
    let exited = gateway.stop().with(0);
    let refused = log(&sandbox, "rescue").matches("\"failures\":").count();
    assert!(refused <= 3, "a line and one with the number, not 100: {refused}");
    assert!(exited.stdout.lines().count() < 40, "{exited:?}");
}

#[test]
fn names_that_clients_choose_forge_no_line_of_the_log_and_are_short() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let mut client = Client::connect(gateway.port);
    let forged = "x\n2026-01-01T00:00:00Z ERROR forged \u{1b}[2J\u{202e}";
    let mut frame = connect_request(3);
    frame["params"][forged] = 1.into();
    client.send(frame.to_string());
    assert_eq!(client.response("1")["ok"], false);
    let written = wait_for("the refusal is logged", || {
        Some(log(&sandbox, "rescue")).filter(|log| log.contains("unexpected property"))
    });
    let exited = gateway.stop().with(0);
    for text in [&written, &exited.stdout] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
        assert!(
            !text.lines().any(|line| line.starts_with("2026-01-01")),
            "{text:?}"
        );
    }
}
