//! One request to one server, and its answer as it is streamed: within limits of time and size, and with every reason for
//! which there is none.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use super::error::{ModelError, ModelErrorKind};
use super::format::WireFormat;
use super::limits::Limits;
use super::message::{ModelName, ModelReply};
use super::refusal::{classify, retry_delay};
use super::reply::{GrowingReply, PieceFault};
use super::sse::{SseEvent, SseParser};
use crate::host::random_bytes;
use crate::https::{HttpsClient, HttpsError, HttpsStream};
use crate::secret::Secret;
use crate::verify::{hide_key, server_words};

/// Maximum size of a streamed answer, in bytes. Each token comes in some hundred bytes of JSON.
const MAX_STREAM_BYTES: usize = 64 << 20;
/// Maximum size of the answer of a server that refuses, in bytes.
const MAX_ERROR_BYTES: usize = 1 << 20;
/// Time for which the words of a server that refuses are waited for.
const WORDS_LIMIT: Duration = Duration::from_secs(5);

/// A request to one server.
pub(super) struct Exchange<'a> {
    /// The client.
    pub(super) client: &'a HttpsClient,
    /// The model.
    pub(super) model: &'a ModelName,
    /// The format.
    pub(super) format: &'static WireFormat,
    /// The URL.
    pub(super) url: String,
    /// The headers, with the key.
    pub(super) headers: HeaderMap,
    /// The key, which is left out of what the server says.
    pub(super) key: Option<&'a Secret>,
    /// The body.
    pub(super) body: Value,
    /// The times that the server is given.
    pub(super) limits: Limits,
}

impl Exchange<'_> {
    /// Sends the request and passes on each new piece of the answer's text.
    ///
    /// # Errors
    /// Where no whole answer comes.
    pub(super) async fn run(
        mut self,
        on_text: &mut (dyn FnMut(String) + Send),
    ) -> Result<ModelReply, ModelError> {
        let accepted = HeaderValue::from_static("text/event-stream, application/json");
        self.headers.insert(http::header::ACCEPT, accepted);
        let headers = std::mem::take(&mut self.headers);
        let (client, body) = (self.client, Some(&self.body));
        let response = client.request_stream(
            Method::POST,
            &self.url,
            headers,
            body,
            self.limits.start,
            MAX_STREAM_BYTES,
        );
        let response = response.await.map_err(|error| self.no_connection(&error))?;
        if response.status.is_success() {
            return self.read(response, on_text).await;
        }
        let (status, retry_after) = (response.status, response.retry_after());
        Err(self.refusal(
            Some(status),
            &response.json(MAX_ERROR_BYTES, WORDS_LIMIT).await,
            retry_after,
        ))
    }

    /// Reads an answer: a stream of events, or a document where the server does not stream.
    async fn read(
        &self,
        response: HttpsStream,
        on_text: &mut (dyn FnMut(String) + Send),
    ) -> Result<ModelReply, ModelError> {
        let content_type = response.headers.get(http::header::CONTENT_TYPE);
        let is_document = content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
        let mut reply = GrowingReply::default();
        let has_begun = if is_document {
            let body = response.json(MAX_STREAM_BYTES, self.limits.start).await;
            let event = SseEvent {
                data: body.to_string(),
                ..SseEvent::default()
            };
            self.take(&mut reply, &[event], on_text)?;
            false
        } else {
            self.read_stream(response, &mut reply, on_text).await?
        };
        match (reply.is_complete || reply.stop.is_some(), has_begun) {
            (true, _) => Ok(reply.finish(self.model, self.format.name, new_call_id)),
            // The connection ended in the middle.
            (false, true) => Err(self.error(ModelErrorKind::Unreachable, "")),
            (false, false) => Err(self.error(ModelErrorKind::BadAnswer, "")),
        }
    }

    /// Reads a streamed answer to its end, and returns whether it had any event.
    async fn read_stream(
        &self,
        mut response: HttpsStream,
        reply: &mut GrowingReply,
        on_text: &mut (dyn FnMut(String) + Send),
    ) -> Result<bool, ModelError> {
        let mut parser = SseParser::default();
        let (mut limit, mut has_begun) = (self.limits.start, false);
        while !reply.is_complete {
            let piece = response.next(limit).await;
            let piece = piece.map_err(|error| self.no_connection(&error))?;
            limit = self.limits.pause;
            let mut events = Vec::new();
            let read = match &piece {
                Some(bytes) => parser.push(bytes, &mut events),
                None => parser.finish(&mut events),
            };
            read.map_err(|_| self.error(ModelErrorKind::BadAnswer, ""))?;
            has_begun |= !events.is_empty();
            self.take(reply, &events, on_text)?;
            if piece.is_none() {
                break;
            }
        }
        Ok(has_begun)
    }

    /// Puts events into the reply and passes on the new text.
    fn take(
        &self,
        reply: &mut GrowingReply,
        events: &[SseEvent],
        on_text: &mut (dyn FnMut(String) + Send),
    ) -> Result<(), ModelError> {
        for event in events {
            let taken = (self.format.read)(reply, event);
            if let Some(text) = reply.take_new_text() {
                on_text(text);
            }
            taken.map_err(|fault| match &fault {
                PieceFault::Reported(body) => self.refusal(None, body, None),
                PieceFault::Malformed | PieceFault::TooLarge => self.error(ModelErrorKind::BadAnswer, ""),
            })?;
        }
        Ok(())
    }

    fn error(&self, kind: ModelErrorKind, words: &str) -> ModelError {
        ModelError::new(kind, self.model, words)
    }

    /// Returns the error for a connection that failed.
    fn no_connection(&self, error: &HttpsError) -> ModelError {
        let kind = match error {
            HttpsError::TimedOut => ModelErrorKind::TimedOut,
            HttpsError::TooLarge => ModelErrorKind::BadAnswer,
            _ => ModelErrorKind::Unreachable,
        };
        let words = match error {
            HttpsError::TimedOut | HttpsError::TooLarge => String::new(),
            other => hide_key(&other.to_string(), self.key),
        };
        self.error(kind, &words)
    }

    /// Returns the error for an answer with an error in it; `status` is that of the response, or `None` in the middle of an answer.
    fn refusal(&self, status: Option<StatusCode>, body: &Value, retry_after: Option<Duration>) -> ModelError {
        let kind = classify(status, body);
        let words = server_words(body).unwrap_or_default();
        let words = hide_key(&words, self.key);
        let status = status.map(|status| format!("HTTP {}", status.as_u16()));
        let said = status.into_iter().chain((!words.is_empty()).then_some(words));
        ModelError {
            retry_after: retry_after.or_else(|| retry_delay(body)),
            ..self.error(kind, &said.collect::<Vec<_>>().join(": "))
        }
    }
}

/// Returns a new id for a call of a tool, for servers that give it none. No two of a conversation have the same.
fn new_call_id() -> String {
    format!("call_{}", hex::encode(random_bytes::<12>()))
}
