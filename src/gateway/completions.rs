//! `POST /v1/chat/completions`: the agents of this gateway for programs that speak `OpenAI`'s interface, where
//! `gateway.http.endpoints.chatCompletions.enabled` is true (docs/openclaw.md#http-unauthorized).
//!
//! A request is a run like any other: it is in the transcript of its session and the gateway's clients see it. A client that leaves
//! ends its run, as nobody else waits for it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};

use super::chat::{Answer, Person, Said, TakenIn, answer_growing, take_in};
use super::reply;
use super::runs::RunSource;
use super::state::GatewayState;
use crate::agent::{RunEnd, roster};
use crate::host::random_bytes;
use crate::sessions::SessionKey;
use crate::time::unix_millis;

mod question;

use question::Question;

/// Maximum size of a request, in bytes; the gateway refuses larger ones by their `Content-Length` already.
const MAX_BODY_BYTES: usize = 1 << 20;
/// The key of the config that switches the interface on.
const ENABLED_KEY: &str = "/gateway/http/endpoints/chatCompletions/enabled";

/// The name of whoever asks over this interface, in plans and in the history.
const PERSON: &str = "http";

/// Answers a request for a completion.
pub(crate) async fn complete(State(state): State<Arc<GatewayState>>, request: Request) -> Response {
    if state.active().config.pointer(ENABLED_KEY) != Some(&Value::Bool(true)) {
        return reply::error(
            StatusCode::NOT_FOUND,
            "this interface is off: set gateway.http.endpoints.chatCompletions.enabled to true",
            "model_not_found",
        );
    }
    let (head, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_BODY_BYTES).await else {
        return reply::error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "request body too large",
            "too_large",
        );
    };
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let question = match Question::read(&head.headers, &body) {
        Ok(question) => question,
        Err(why) => return invalid(why),
    };
    match begin(&state, &question).await {
        Ok(running) if question.is_streamed => stream_answer(running),
        Ok(running) => whole_answer(running).await,
        Err(response) => response,
    }
}

/// Returns the answer to a request that can't be understood.
fn invalid(why: &str) -> Response {
    reply::error(StatusCode::BAD_REQUEST, why, "invalid_request_error")
}

/// A run whose answer a client waits for. Dropping it ends the run.
struct Running {
    state: Arc<GatewayState>,
    id: String,
    key: SessionKey,
    /// The name of the model, as the client calls it.
    model: String,
    /// The seconds since 1970 at which it began.
    created: u64,
    growth: watch::Receiver<String>,
    end: oneshot::Receiver<Answer>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(agents) = self.state.agents.get() {
            agents.abort(&self.key, Some(&self.id));
        }
    }
}

/// Begins the run that answers a question.
async fn begin(state: &Arc<GatewayState>, question: &Question) -> Result<Running, Response> {
    let unavailable = || {
        reply::error(
            StatusCode::SERVICE_UNAVAILABLE,
            "gateway starting; retry shortly",
            "api_error",
        )
    };
    let bot = state.bot.get().ok_or_else(unavailable)?;
    let Some(key) = session_key(state, question) else {
        return Err(invalid("Unknown agent."));
    };
    let said = Said {
        run: format!("chatcmpl_{}", hex::encode(random_bytes::<16>())),
        key: key.clone(),
        text: question.text.clone(),
        images: question.images.clone(),
        person: Person {
            id: PERSON.to_owned(),
            name: PERSON.to_owned(),
        },
        source: RunSource::Agent,
    };
    match take_in(state, &said).await {
        Ok(TakenIn::Begun) => {}
        Ok(TakenIn::InFlight | TakenIn::Answered) => return Err(unavailable()),
        Err(error) => return Err(failed(&error.msg.render(state.lang))),
    }
    let (growth, grown) = watch::channel(String::new());
    let (ended, end) = oneshot::channel();
    let id = said.run.clone();
    let work = state.clone();
    bot.start(async move {
        let _ = ended.send(answer_growing(&work, &said, growth).await);
    });
    Ok(Running {
        state: state.clone(),
        id,
        key,
        model: question.model.clone(),
        created: unix_millis(state.context.host.now()) / 1000,
        growth: grown,
        end,
    })
}

/// Returns the session of a question: one of its own where it names none. `None` for an agent that is not there.
fn session_key(state: &GatewayState, question: &Question) -> Option<SessionKey> {
    let roster = roster::Roster::new(state.context.borrowed(), &state.active().config);
    let agent = match &question.agent {
        Some(agent) => roster.get(agent)?,
        None => roster.default_agent(),
    };
    let session = match &question.session {
        Some(session) => session.clone(),
        None => format!("openai:{}", hex::encode(random_bytes::<16>())),
    };
    let rules = roster::session_key_rules(&state.active().config);
    Some(if session.starts_with("agent:") {
        SessionKey::resolve(&session, &rules)
    } else {
        SessionKey::resolve(&format!("agent:{}:{session}", agent.id), &rules)
    })
}

/// Returns the response to a run that failed.
fn failed(why: &str) -> Response {
    reply::error(StatusCode::INTERNAL_SERVER_ERROR, why, "api_error")
}

/// Returns the text of an answer, and the tokens that it used.
fn text_of(answer: Answer, state: &GatewayState) -> Result<(String, Value), String> {
    let usage = |input: u64, output: u64| json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output });
    match answer {
        Answer::OfBot(text) | Answer::OfAgent(RunEnd::Repeated { text }) => Ok((text, usage(0, 0))),
        Answer::OfAgent(RunEnd::Replied {
            text, usage: used, ..
        }) => {
            let input = used.input + used.cache_read + used.cache_write;
            Ok((text, usage(input, used.output)))
        }
        Answer::OfAgent(RunEnd::Failed(why)) => Err(why.render(state.lang)),
        Answer::OfAgent(RunEnd::Aborted) => Err("aborted".to_owned()),
    }
}

/// Returns the answer as one document.
async fn whole_answer(mut running: Running) -> Response {
    let Ok(answer) = (&mut running.end).await else {
        return failed("gateway stopping");
    };
    match text_of(answer, &running.state) {
        Err(why) => failed(&why),
        Ok((text, usage)) => Json(json!({
            "id": running.id,
            "object": "chat.completion",
            "created": running.created,
            "model": running.model,
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": text },
                "finish_reason": "stop",
            }],
            "usage": usage,
        }))
        .into_response(),
    }
}

/// Returns the answer as a stream of events.
fn stream_answer(running: Running) -> Response {
    let streamed = Streamed {
        running,
        sent: None,
        is_over: false,
    };
    let body = Body::from_stream(stream::unfold(streamed, Streamed::next));
    let mut response = Response::new(body);
    let kind = http::HeaderValue::from_static("text/event-stream; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    let uncached = http::HeaderValue::from_static("no-cache");
    response
        .headers_mut()
        .insert(http::header::CACHE_CONTROL, uncached);
    response
}

/// An answer that is being streamed.
struct Streamed {
    running: Running,
    /// The text that was sent; `None` before the first piece, which names the role.
    sent: Option<String>,
    is_over: bool,
}

impl Streamed {
    /// Returns the next events.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.is_over {
            return None;
        }
        if self.sent.is_none() {
            self.sent = Some(String::new());
            let role = self.piece(&json!({ "role": "assistant" }), None);
            return Some((Ok(role.into()), self));
        }
        loop {
            let has_grown = tokio::select! {
                biased;
                grown = self.running.growth.changed() => grown.is_ok(),
                answer = &mut self.running.end => {
                    self.is_over = true;
                    let end = self.end(answer.ok());
                    return Some((Ok(end.into()), self));
                }
            };
            if !has_grown {
                self.is_over = true;
                let answer = (&mut self.running.end).await.ok();
                let end = self.end(answer);
                return Some((Ok(end.into()), self));
            }
            let full = self.running.growth.borrow_and_update().clone();
            if let Some(new) = self.take_new(&full) {
                return Some((Ok(new.into()), self));
            }
        }
    }

    /// Returns the event with what is new of the text; `None` where nothing is.
    fn take_new(&mut self, full: &str) -> Option<String> {
        let sent = self.sent.get_or_insert_default();
        // Behind a tool a text begins anew.
        let new = match full.strip_prefix(sent.as_str()) {
            Some(new) => new.to_owned(),
            None => format!("\n\n{full}"),
        };
        full.clone_into(sent);
        (!new.is_empty()).then(|| self.piece(&json!({ "content": new }), None))
    }

    /// Returns the last events: the rest of the text, or why there is none, and the end.
    fn end(&mut self, answer: Option<Answer>) -> String {
        let text = match answer {
            Some(answer) => text_of(answer, &self.running.state).map(|(text, _)| text),
            None => Err("gateway stopping".to_owned()),
        };
        let last = match text {
            Ok(text) if text.is_empty() => self.piece(&json!({}), Some("stop")),
            Ok(text) => {
                let rest = self.take_new(&text).unwrap_or_default();
                rest + &self.piece(&json!({}), Some("stop"))
            }
            Err(why) => format!(
                "data: {}\n\n",
                json!({ "error": { "message": why, "type": "api_error" } })
            ),
        };
        last + "data: [DONE]\n\n"
    }

    /// Returns an event of the stream.
    fn piece(&self, delta: &Value, finish: Option<&str>) -> String {
        let running = &self.running;
        let piece = json!({
            "id": running.id,
            "object": "chat.completion.chunk",
            "created": running.created,
            "model": running.model,
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
        });
        format!("data: {piece}\n\n")
    }
}
