//! The interface of `OpenAI` over HTTP.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::ChatHome;
use crate::support::chat_model::{Answer, Piece, USUAL_TEXT};
use crate::support::gateway::{self, Gateway, TOKEN, request_with_body};

const PATH: &str = "/v1/chat/completions";

/// A home whose gateway has the interface.
fn home() -> ChatHome {
    ChatHome::with(&json!({"http": {"endpoints": {"chatCompletions": {"enabled": true}}}}))
}

fn ask(gateway: &Gateway, body: &Value) -> gateway::Answer {
    let bearer = format!("Authorization: Bearer {TOKEN}");
    request_with_body(gateway.port, "POST", PATH, &[&bearer], &body.to_string()).expect("an answer")
}

fn says(text: &str) -> Value {
    json!({"model": "openclaw", "messages": [{"role": "user", "content": text}]})
}

#[test]
fn answer_comes_as_one_document_to_whoever_has_the_token() {
    let home = home();
    let gateway = home.start();
    let refused =
        request_with_body(gateway.port, "POST", PATH, &[], &says("hi").to_string()).expect("an answer");
    assert_eq!(refused.status, 401);
    let answer = ask(&gateway, &says("hi"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let document = answer.json();
    assert_eq!(document["object"], "chat.completion");
    assert_eq!(
        document["choices"][0]["message"],
        json!({"role": "assistant", "content": USUAL_TEXT})
    );
    assert_eq!(
        document["usage"],
        json!({"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105})
    );
    // Each request has a session of its own, and one with a user continues his.
    let mut of_user = says("first");
    of_user["user"] = "ali".into();
    ask(&gateway, &of_user);
    of_user["messages"][0]["content"] = "second".into();
    ask(&gateway, &of_user);
    let asked = home.model.wait_for_requests(3);
    let users = |at: usize| {
        let messages = asked[at].messages().iter();
        messages.filter(|message| message["role"] == "user").count()
    };
    assert_eq!([users(0), users(1), users(2)], [1, 1, 2]);
}

#[test]
fn answer_is_streamed_as_it_grows() {
    let home = home();
    let gateway = home.start();
    home.model.push(Answer::text(&["Hel", "lo", " there."]));
    let mut body = says("hi");
    body["stream"] = true.into();
    let answer = ask(&gateway, &body);
    assert!(answer.head.contains("text/event-stream"), "{answer:?}");
    let pieces = answer.body.lines().filter_map(|line| line.strip_prefix("data: "));
    let pieces: Vec<_> = pieces.collect();
    assert_eq!(pieces.last(), Some(&"[DONE]"), "{answer:?}");
    let pieces = pieces[..pieces.len() - 1].iter();
    let pieces: Vec<Value> = pieces
        .map(|piece| serde_json::from_str(piece).expect("JSON"))
        .collect();
    assert_eq!(pieces[0]["choices"][0]["delta"], json!({"role": "assistant"}));
    let text: String = pieces
        .iter()
        .filter_map(|piece| piece["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, "Hello there.");
    assert_eq!(
        pieces.last().expect("an end")["choices"][0]["finish_reason"],
        "stop"
    );
}

#[test]
fn request_that_can_not_be_answered_is_told_why() {
    let home = home();
    let gateway = home.start();
    for (body, status, words) in [
        (json!({"messages": []}), 400, "user message"),
        (
            json!({"model": "openclaw/nobody", "messages": says("hi")["messages"]}),
            400,
            "Unknown agent",
        ),
    ] {
        let answer = ask(&gateway, &body);
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(words), "{answer:?}");
    }
    home.model.push(Answer::error(401, "Incorrect API key provided"));
    let answer = ask(&gateway, &says("hi"));
    assert_eq!(answer.status, 500, "{answer:?}");
    assert!(answer.body.contains("Incorrect API key provided"), "{answer:?}");
}

#[test]
fn client_that_leaves_ends_its_run() {
    let home = home();
    let gateway = home.start();
    home.model
        .push(Answer::Pieces(vec![Piece::Text("Once".to_owned()), Piece::Held]));
    let mut body = says("a story");
    body["stream"] = true.into();
    let body = body.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).expect("a connection");
    write!(
        stream,
        "POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n{body}",
        gateway.port,
        body.len()
    )
    .expect("a request");
    let mut lines = BufReader::new(&stream).lines();
    assert!(lines.any(|line| line.expect("a line").contains("Once")));
    drop(lines);
    drop(stream);
    home.model.wait_for_abandoned(1);
}
