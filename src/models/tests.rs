//! Chains of models against servers that answer from a script.

#![expect(clippy::disallowed_methods, reason = "tests make their own files")]

use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::limits::Limits;
use super::*;
use crate::environment::Environment;
use crate::host::Host;
use crate::i18n::Lang;
use crate::instance::Instance;
use crate::profile::ProfileName;

mod keys;
#[cfg(unix)]
mod llmock;

/// A key that must never be shown.
const KEY: &str = "sk-CANARY-4711-SECRET-KEY";
/// The head of a streamed answer.
const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// What stands among the requests where the client of a reply that hangs has gone.
const GONE: &str = "gone";

/// What a connection gets.
#[derive(Clone, Debug)]
enum Reply {
    /// These bytes, then the end of the connection.
    Bytes(String),
    /// These bytes, then nothing more for as long as the client stays.
    Hangs(String),
}

/// An answer of this text.
fn says(text: &str) -> Reply {
    let piece = json!({"choices": [{"delta": {"content": text}, "finish_reason": "stop"}]});
    Reply::Bytes(format!("{STREAM}data: {piece}\n\ndata: [DONE]\n\n"))
}

/// A refusal with this status, these headers and these words.
fn refuses(status: u16, headers: &str, words: &str) -> Reply {
    let body = json!({"error": {"message": words}}).to_string();
    Reply::Bytes(format!(
        "HTTP/1.1 {status} No\r\n{headers}content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ))
}

/// A server that gives each connection the next reply of its script, and keeps the requests.
struct Script {
    url: String,
    requests: mpsc::Receiver<String>,
}

impl Script {
    async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::channel();
        tokio::spawn(async move {
            for reply in replies {
                let (stream, _) = listener.accept().await.unwrap();
                let sender = sender.clone();
                tokio::spawn(serve(stream, reply, sender));
            }
        });
        Self { url, requests }
    }

    /// Returns the requests so far.
    fn requests(&self) -> Vec<String> {
        self.requests.try_iter().collect()
    }

    /// Returns the keys of the requests so far.
    fn keys(&self) -> Vec<String> {
        let key = |request: String| {
            let line = request
                .lines()
                .find_map(|line| line.strip_prefix("authorization: Bearer "));
            line.unwrap_or_default().to_owned()
        };
        self.requests().into_iter().map(key).collect()
    }
}

/// Reads a request whole and answers it.
async fn serve(mut stream: TcpStream, reply: Reply, requests: mpsc::Sender<String>) {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                requests.send(text).unwrap();
                break;
            }
        }
        if stream.read_buf(&mut request).await.unwrap() == 0 {
            return;
        }
    }
    let (Reply::Bytes(bytes) | Reply::Hangs(bytes)) = &reply;
    stream.write_all(bytes.as_bytes()).await.unwrap();
    if let Reply::Hangs(_) = reply {
        // It ends where the client goes.
        let _ = stream.read(&mut [0]).await;
        let _ = requests.send(GONE.to_owned());
    }
}

/// The models of a rescue instance in a home folder of its own.
struct Home {
    folder: tempfile::TempDir,
    models: Models,
}

impl Home {
    fn new(vars: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let context = OwnedInstanceContext {
            host: Host::fixed(&[], vars.iter().copied()),
            env: Environment {
                home: folder.path().to_owned(),
                ..Environment::default()
            },
            instance: Instance::canonical(folder.path(), ProfileName::parse("rescue").unwrap()),
        };
        let mut models = Models::new(context);
        models.limits = Limits {
            first_retry: Duration::from_millis(1),
            usual_rate_limit: Duration::from_mins(1),
            ..Limits::default()
        };
        Self { folder, models }
    }

    /// Writes a file in the state folder.
    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(".openclaw-rescue").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Asks these models, and returns the answer with what happened.
    async fn ask(&self, chain: &[&str]) -> (Result<ModelReply, ModelError>, Vec<String>) {
        self.ask_as("main", chain).await
    }

    async fn ask_as(&self, agent: &str, chain: &[&str]) -> (Result<ModelReply, ModelError>, Vec<String>) {
        let chain: Vec<_> = chain.iter().map(|name| ModelName::parse(name).unwrap()).collect();
        let request = ModelRequest {
            agent: agent.to_owned(),
            messages: vec![ModelMessage::User(vec![Part::Text("hi".to_owned())])],
            ..ModelRequest::default()
        };
        let mut events = Vec::new();
        let mut on_event = |event| {
            events.push(match event {
                ModelEvent::Asked(model) => format!("asked {model}"),
                ModelEvent::Text(text) => format!("text {text}"),
                ModelEvent::Switched { from, to, why } => {
                    format!("{from} -> {to}: {}", why.failover_reason())
                }
            });
        };
        let answer = self.models.ask(&chain, &request, &mut on_event).await;
        (answer, events)
    }
}

/// Returns a config with these providers, their URLs and keys.
fn config(providers: &[(&str, &Script, Value)]) -> Value {
    let entries = providers.iter().map(|(id, script, key)| {
        let entry = json!({"baseUrl": script.url, "api": "openai-completions", "apiKey": key});
        ((*id).to_owned(), entry)
    });
    json!({"models": {"providers": Value::Object(entries.collect())}})
}

fn kind(answer: Result<ModelReply, ModelError>) -> ModelErrorKind {
    answer.unwrap_err().kind
}

#[tokio::test]
async fn answer_is_passed_on_while_it_is_streamed() {
    let script = Script::start(vec![says("Hello")]).await;
    let home = Home::new(&[]);
    home.models.apply(&config(&[("stub", &script, json!(KEY))]));
    let (answer, events) = home.ask(&["stub/m1"]).await;
    let reply = answer.unwrap();
    assert_eq!(
        (reply.text.as_str(), reply.model.to_string().as_str()),
        ("Hello", "stub/m1")
    );
    assert_eq!(events, ["asked stub/m1", "text Hello"]);
    let request = &script.requests()[0];
    assert!(
        request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains(&format!("authorization: Bearer {KEY}\r\n")),
        "{request}"
    );
    assert!(
        request.ends_with(r#""stream":true,"stream_options":{"include_usage":true}}"#),
        "{request}"
    );
}

#[tokio::test]
async fn refused_key_cools_down_and_the_next_model_takes_over_which_is_said() {
    let words = format!("Incorrect API key provided: {KEY}\u{1b}[2J");
    let first = Script::start(vec![refuses(401, "", &words)]).await;
    let second = Script::start(vec![says("Hi"), says("Hi again")]).await;
    let home = Home::new(&[]);
    let config = config(&[("a", &first, json!(KEY)), ("b", &second, json!("other"))]);
    home.models.apply(&config);
    let (answer, events) = home.ask(&["a/m", "b/m"]).await;
    assert_eq!(answer.unwrap().text, "Hi");
    assert_eq!(events, ["asked a/m", "a/m -> b/m: auth", "asked b/m", "text Hi"]);
    // The first server is not asked again: its script is over.
    let (answer, events) = home.ask(&["a/m", "b/m"]).await;
    assert_eq!(answer.unwrap().text, "Hi again");
    assert_eq!(events, ["a/m -> b/m: rate_limit", "asked b/m", "text Hi again"]);
    assert_eq!(first.requests().len(), 1);
    // The same config changes nothing; another key is tried at once.
    home.models.apply(&config);
    assert!(matches!(
        kind(home.ask(&["a/m"]).await.0),
        ModelErrorKind::CoolingDown { .. }
    ));
}

#[tokio::test]
async fn key_is_neither_in_the_error_nor_in_its_sentence() {
    let words = format!("bad key {KEY}, {}\u{1b}[2J", "x".repeat(3000));
    let script = Script::start(vec![refuses(401, "", &words)]).await;
    let home = Home::new(&[]);
    home.models.apply(&config(&[("stub", &script, json!(KEY))]));
    let error = home.ask(&["stub/m1"]).await.0.unwrap_err();
    for lang in Lang::all() {
        let shown = format!("{error:?} {}", error.msg().render(lang));
        assert!(shown.contains("HTTP 401: bad key …"), "{shown}");
        assert!(
            !shown.contains("CANARY") && !shown.contains('\u{1b}') && shown.len() < 3000,
            "{shown}"
        );
    }
}

#[tokio::test]
async fn rate_limit_is_waited_for_where_nobody_else_can_answer() {
    let limited = || refuses(429, "retry-after: 0.01\r\n", "slow down");
    let first = Script::start(vec![limited(), limited(), says("Hi")]).await;
    let second = Script::start(vec![says("Hello")]).await;
    let home = Home::new(&[]);
    home.models
        .apply(&config(&[("a", &first, json!("x")), ("b", &second, json!("y"))]));
    let (answer, events) = home.ask(&["a/m", "b/m"]).await;
    assert_eq!(answer.unwrap().text, "Hello");
    assert_eq!(events[1], "a/m -> b/m: rate_limit");
    let (answer, _) = home.ask(&["a/m"]).await;
    assert_eq!(answer.unwrap().text, "Hi");
    assert_eq!(first.requests().len(), 3);
}

#[tokio::test]
async fn rate_limit_that_lasts_too_long_is_not_waited_for() {
    let script = Script::start(vec![refuses(429, "retry-after: 3000\r\n", "slow down")]).await;
    let home = Home::new(&[]);
    home.models.apply(&config(&[("stub", &script, json!("x"))]));
    let error = home.ask(&["stub/m"]).await.0.unwrap_err();
    let asked = Some(Duration::from_mins(50));
    assert_eq!(
        (error.kind, error.retry_after),
        (ModelErrorKind::RateLimit, asked)
    );
    assert!(matches!(
        kind(home.ask(&["stub/m"]).await.0),
        ModelErrorKind::CoolingDown { .. }
    ));
}

#[tokio::test]
async fn server_in_trouble_is_asked_again_and_then_the_next_one() {
    let trouble = || refuses(500, "", "The server had an error");
    let script = Script::start(vec![
        trouble(),
        Reply::Bytes(String::new()),
        says("Hi"),
        trouble(),
        trouble(),
        trouble(),
    ]);
    let script = script.await;
    let home = Home::new(&[]);
    home.models.apply(&config(&[("stub", &script, json!("x"))]));
    assert_eq!(home.ask(&["stub/m"]).await.0.unwrap().text, "Hi");
    let (answer, events) = home.ask(&["stub/m"]).await;
    assert_eq!(kind(answer), ModelErrorKind::Overloaded);
    assert_eq!(events.len(), 3);
}

#[tokio::test]
async fn no_other_model_is_asked_once_text_was_passed_on() {
    let piece = json!({"choices": [{"delta": {"content": "Hel"}}]});
    let script = Script::start(vec![
        Reply::Bytes(format!("{STREAM}data: {piece}\n\n")),
        says("never"),
    ])
    .await;
    let home = Home::new(&[]);
    home.models.apply(&config(&[("stub", &script, json!("x"))]));
    let (answer, events) = home.ask(&["stub/m", "stub/n"]).await;
    let error = answer.unwrap_err();
    assert_eq!(
        (error.kind, error.is_partial),
        (ModelErrorKind::Unreachable, true)
    );
    assert_eq!(events, ["asked stub/m", "text Hel"]);
}

#[tokio::test]
async fn conversation_that_is_too_long_is_left_to_the_caller() {
    let words = "This model's maximum context length is 8192 tokens.";
    let script = Script::start(vec![refuses(400, "", words), says("never")]).await;
    let home = Home::new(&[]);
    home.models.apply(&config(&[("stub", &script, json!("x"))]));
    let (answer, events) = home.ask(&["stub/m", "stub/n"]).await;
    assert_eq!(kind(answer), ModelErrorKind::ContextTooLong);
    assert_eq!(events, ["asked stub/m"]);
}

#[tokio::test]
async fn answer_that_does_not_begin_or_pauses_is_given_up() {
    let piece = format!(
        "{STREAM}data: {}\n\n",
        json!({"choices": [{"delta": {"role": "assistant"}}]})
    );
    let script = Script::start(vec![
        Reply::Hangs(String::new()),
        Reply::Hangs(STREAM.to_owned()),
        Reply::Hangs(piece),
    ]);
    let script = script.await;
    let mut home = Home::new(&[]);
    home.models.limits.start = Duration::from_millis(20);
    home.models.limits.pause = Duration::from_millis(20);
    home.models.apply(&config(&[("stub", &script, json!("x"))]));
    for _ in 0..3 {
        assert_eq!(kind(home.ask(&["stub/m"]).await.0), ModelErrorKind::TimedOut);
    }
}

#[tokio::test]
async fn page_in_place_of_an_answer_is_a_bad_answer() {
    let page = |kind: &str| {
        Reply::Bytes(format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n<html>welcome"
        ))
    };
    let endless = Reply::Bytes(format!("{STREAM}data: {}", "x".repeat(2 << 20)));
    let script = Script::start(vec![page("text/html"), page("application/json"), endless]).await;
    let home = Home::new(&[]);
    home.models.apply(&config(&[("stub", &script, json!("x"))]));
    for _ in 0..3 {
        assert_eq!(kind(home.ask(&["stub/m"]).await.0), ModelErrorKind::BadAnswer);
    }
}

#[tokio::test]
async fn what_can_not_be_asked_is_said() {
    let home = Home::new(&[]);
    home.models.apply(&json!({"models": {"providers": {
        "codex": {"baseUrl": "https://a.example", "api": "openai-codex-responses", "apiKey": "x"},
        "broken": {"baseUrl": "ftp://a.example", "apiKey": "x"}}}}));
    for (chain, expected) in [
        (&["codex/m"][..], ModelErrorKind::UnknownApi),
        (&["broken/m"], ModelErrorKind::UnknownProvider),
        (&["nobody/m"], ModelErrorKind::UnknownProvider),
        (&["openai/gpt-5"], ModelErrorKind::NoKey),
        (&[], ModelErrorKind::NoModel),
    ] {
        let error = home.ask(chain).await.0.unwrap_err();
        assert_eq!(error.kind, expected, "{chain:?}");
        for lang in Lang::all() {
            assert!(!error.msg().render(lang).contains('{'), "{chain:?}");
        }
    }
}

#[tokio::test]
async fn dropped_request_ends_the_connection() {
    let script = Script::start(vec![Reply::Hangs(STREAM.to_owned())]).await;
    let home = Home::new(&[]);
    home.models.apply(&config(&[("stub", &script, json!("x"))]));
    let request = ModelRequest::default();
    let chain = [ModelName::parse("stub/m").unwrap()];
    let mut on_event = |_| {};
    {
        let asking = home.models.ask(&chain, &request, &mut on_event);
        tokio::pin!(asking);
        while script.requests().is_empty() {
            tokio::select! {
                biased;
                _ = &mut asking => panic!("an answer"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    while script.requests() != [GONE] {
        tokio::task::yield_now().await;
    }
}

#[test]
fn name_of_a_model_has_a_provider_and_an_id_that_may_hold_slashes() {
    let parse = |text| ModelName::parse(text).map(|name| (name.provider, name.id));
    let name = |provider: &str, id: &str| Some((provider.to_owned(), id.to_owned()));
    assert_eq!(
        parse(" anthropic/claude-opus-5 "),
        name("anthropic", "claude-opus-5")
    );
    assert_eq!(parse("openrouter/z-ai/glm-5"), name("openrouter", "z-ai/glm-5"));
    for bad in ["", "claude", "/claude", "anthropic/", " / "] {
        assert_eq!(parse(bad), None, "{bad}");
    }
}
