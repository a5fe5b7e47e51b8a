//! A stand-in for a server of language models with `OpenAI`'s interface that holds a conversation: each request gets the next
//! answer of a script, piece by piece, and every request is kept.
//!
//! Nothing waits for time: a piece that is held waits until the test releases it.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::gateway::WAIT_TIMEOUT;
use super::messenger::server::{Server, break_connection, json_response};

/// Maximum size of a request, in bytes: a conversation with a picture.
const BODY_LIMIT: usize = 32 << 20;
/// The key that a config of [`ChatModel::config`] has.
pub const MODEL_KEY: &str = "sk-CANARY-0815-model-key";
/// What the model says when the script has nothing more.
pub const USUAL_TEXT: &str = "Hello from the stub.";

/// A piece of an answer.
#[derive(Clone, Debug)]
pub enum Piece {
    /// A piece of the text.
    Text(String),
    /// A call of a tool: its id, its name, its arguments.
    Call(String, String, Value),
    /// Nothing more until the test releases it by [`ChatModel::release`].
    Held,
    /// The connection is cut.
    Cut,
}

/// What a request gets.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A streamed answer.
    Pieces(Vec<Piece>),
    /// An error of `OpenAI`'s form: its status, its words, and the seconds of `Retry-After`.
    Error(u16, String, Option<u64>),
    /// The connection is closed without a byte.
    Broken,
}

impl Answer {
    /// An answer of these pieces of text.
    pub fn text(pieces: &[&str]) -> Self {
        Self::Pieces(
            pieces
                .iter()
                .map(|text| Piece::Text((*text).to_owned()))
                .collect(),
        )
    }

    /// An answer that calls a tool.
    pub fn call(id: &str, tool: &str, arguments: Value) -> Self {
        Self::Pieces(vec![Piece::Call(id.to_owned(), tool.to_owned(), arguments)])
    }

    /// An error.
    pub fn error(status: u16, words: &str) -> Self {
        Self::Error(status, words.to_owned(), None)
    }
}

/// A request that the server got.
#[derive(Clone, Debug)]
pub struct ChatRequest {
    /// The key, without `Bearer`.
    pub key: Option<String>,
    /// The body.
    pub body: Value,
}

impl ChatRequest {
    /// Returns the messages.
    pub fn messages(&self) -> &[Value] {
        self.body["messages"].as_array().expect("messages")
    }

    /// Returns the text of the last message.
    pub fn last_text(&self) -> String {
        let content = &self.messages().last().expect("a message")["content"];
        let parts = content.as_array().into_iter().flatten();
        let texts = parts.filter_map(|part| part["text"].as_str());
        content.as_str().map_or_else(|| texts.collect(), str::to_owned)
    }
}

#[derive(Debug, Default)]
struct Kept {
    script: VecDeque<Answer>,
    /// `true` where what was said last is the answer when the script has nothing more.
    echoes: bool,
    requests: Vec<ChatRequest>,
    /// Number of answers whose client has gone before their end.
    abandoned: usize,
}

#[derive(Debug)]
struct Shared {
    kept: Mutex<Kept>,
    changed: Condvar,
    releases: Semaphore,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<R>(&self, change: impl FnOnce(&mut Kept) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }
}

/// A running stand-in for a server of language models.
pub struct ChatModel {
    server: Server,
    shared: Arc<Shared>,
}

impl ChatModel {
    /// Starts a server with an empty script: it says [`USUAL_TEXT`] in three pieces.
    pub fn start() -> Self {
        let shared = Arc::new(Shared {
            kept: Mutex::default(),
            changed: Condvar::new(),
            releases: Semaphore::new(0),
        });
        let answering = shared.clone();
        let server = Server::start(|_| {
            Router::new().fallback(move |request: Request| {
                let shared = answering.clone();
                async move { serve(request, shared).await }
            })
        });
        Self { server, shared }
    }

    /// Returns the base URL.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.server.address())
    }

    /// Returns the part of a config by which an instance has this server as the provider `stub` with the model `m1`.
    pub fn config(&self) -> Value {
        let model = json!({"id": "m1", "name": "Stub One", "contextWindow": 128_000, "maxTokens": 4096});
        json!({
            "models": {"providers": {"stub": {
                "baseUrl": self.url(), "api": "openai-completions", "apiKey": MODEL_KEY, "models": [model],
            }}},
            "agents": {"defaults": {"model": {"primary": "stub/m1"}}},
        })
    }

    /// Puts an answer at the end of the script.
    pub fn push(&self, answer: Answer) {
        self.shared.change(|kept| kept.script.push_back(answer));
    }

    /// Answers with what was said last, from now on, when the script has nothing more.
    pub fn echo(&self) {
        self.shared.change(|kept| kept.echoes = true);
    }

    /// Lets one held piece go on.
    pub fn release(&self) {
        self.shared.releases.add_permits(1);
    }

    /// Returns the requests, the first one first.
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.shared.lock().requests.clone()
    }

    /// Waits until the server got this many requests in all, and returns them.
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) -> Vec<ChatRequest> {
        self.wait("requests", |kept| kept.requests.len() >= count)
            .requests
            .clone()
    }

    /// Waits until the client of this many answers has gone before their end.
    #[track_caller]
    pub fn wait_for_abandoned(&self, count: usize) {
        drop(self.wait("abandoned answers", |kept| kept.abandoned >= count));
    }

    #[track_caller]
    fn wait(&self, what: &str, is_there: impl Fn(&Kept) -> bool) -> MutexGuard<'_, Kept> {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        let mut kept = self.shared.lock();
        while !is_there(&kept) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain for {what}: {kept:#?}");
            let waited = self.shared.changed.wait_timeout(kept, left);
            kept = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        kept
    }
}

/// Keeps a request and answers it.
async fn serve(request: Request, shared: Arc<Shared>) -> Response {
    let (head, body) = request.into_parts();
    let key = head
        .headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    if head.method == Method::GET {
        return json_response(200, &json!({"data": [{"id": "m1"}]}));
    }
    let bytes = to_bytes(body, BODY_LIMIT).await.expect("a request");
    let request = ChatRequest {
        key: key.map(|key| key.trim_start_matches("Bearer ").to_owned()),
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    };
    let is_streamed = request.body["stream"] == true;
    let answer = shared.change(|kept| {
        let echo = kept
            .echoes
            .then(|| Answer::text(&["You said: ", &request.last_text()]));
        kept.requests.push(request);
        kept.script.pop_front().or(echo)
    });
    let usual = || Answer::text(&["Hello", " from", " the stub."]);
    match answer.unwrap_or_else(usual) {
        Answer::Broken => break_connection(),
        Answer::Error(status, words, retry_after) => {
            let mut response = json_response(status, &json!({"error": {"message": words, "type": "error"}}));
            if let Some(seconds) = retry_after {
                response.headers_mut().insert("retry-after", seconds.into());
            }
            response
        }
        Answer::Pieces(pieces) => {
            assert!(is_streamed, "the stand-in only streams");
            let answering = Answering {
                pieces: pieces.into(),
                sent: Vec::new(),
                is_over: false,
                shared,
            };
            let body = futures_util::stream::unfold(answering, Answering::next);
            Response::builder()
                .header("content-type", "text/event-stream")
                .body(Body::from_stream(body))
                .expect("a response")
        }
    }
}

/// An answer that is on its way.
struct Answering {
    pieces: VecDeque<Piece>,
    sent: Vec<Piece>,
    is_over: bool,
    shared: Arc<Shared>,
}

impl Drop for Answering {
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.change(|kept| kept.abandoned += 1);
        }
    }
}

impl Answering {
    /// Returns the next bytes of the answer.
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        if self.is_over {
            return None;
        }
        loop {
            let Some(piece) = self.pieces.pop_front() else {
                self.is_over = true;
                let end = self.end();
                return Some((Ok(end), self));
            };
            let delta = match &piece {
                Piece::Held => {
                    self.shared
                        .releases
                        .acquire()
                        .await
                        .expect("it is never closed")
                        .forget();
                    continue;
                }
                Piece::Cut => {
                    self.is_over = true;
                    return Some((Err(io::Error::other("cut by the test")), self));
                }
                Piece::Text(text) => json!({"role": "assistant", "content": text}),
                Piece::Call(id, name, arguments) => {
                    let index = self
                        .sent
                        .iter()
                        .filter(|piece| matches!(piece, Piece::Call(..)))
                        .count();
                    let function = json!({"name": name, "arguments": arguments.to_string()});
                    json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": function}]})
                }
            };
            self.sent.push(piece);
            let choice = json!({"index": 0, "delta": delta, "finish_reason": null});
            return Some((Ok(event(&json!({"choices": [choice]}))), self));
        }
    }

    /// Returns the end of the answer: its reason, the usage and the last mark.
    fn end(&self) -> Bytes {
        let has_calls = self.sent.iter().any(|piece| matches!(piece, Piece::Call(..)));
        let reason = if has_calls { "tool_calls" } else { "stop" };
        let choice = json!({"index": 0, "delta": {}, "finish_reason": reason});
        let usage = json!({"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105});
        let reason = event(&json!({"choices": [choice]}));
        let usage = event(&json!({"choices": [], "usage": usage}));
        [&*reason, &*usage, b"data: [DONE]\n\n"].concat().into()
    }
}

/// Returns the bytes of an event.
fn event(data: &Value) -> Bytes {
    let piece = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": "m1"});
    let mut piece = piece.as_object().expect("an object").clone();
    piece.extend(data.as_object().expect("an object").clone());
    format!("data: {}\n\n", Value::Object(piece)).into()
}
