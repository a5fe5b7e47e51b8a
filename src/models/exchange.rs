//! One request to one server, and its answer as it is streamed: within limits of time and size, and with every reason for
//! which there is none.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use super::error::{ModelError, ModelErrorKind};
use super::message::{ModelName, ModelReply};
use super::reply::{GrowingReply, PieceFault};
use super::sse::{SseEvent, SseParser};
use super::wire::WireFormat;
use crate::https::{HttpsClient, HttpsError, HttpsStream};
use crate::secret::Secret;
use crate::verify::{hide_key, server_words};

/// Maximum size of a streamed answer, in bytes. Each token comes in some hundred bytes of JSON.
const MAX_STREAM_BYTES: usize = 64 << 20;
/// Maximum size of the answer of a server that refuses, in bytes.
const MAX_ERROR_BYTES: usize = 1 << 20;
/// Time within which an answer has to begin. A server on the same host may have to load its model first.
const START_LIMIT: Duration = Duration::from_mins(5);
/// Time for which an answer may pause.
const PAUSE_LIMIT: Duration = Duration::from_mins(2);
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
            START_LIMIT,
            MAX_STREAM_BYTES,
        );
        let response = response.await.map_err(|error| self.no_connection(&error))?;
        if response.status.is_success() {
            return self.read(response, on_text).await;
        }
        let (status, retry_after) = (response.status, response.retry_after());
        Err(self.refusal(
            status,
            &response.json(MAX_ERROR_BYTES, WORDS_LIMIT).await,
            retry_after,
        ))
    }

    /// Reads a streamed answer.
    async fn read(
        &self,
        mut response: HttpsStream,
        on_text: &mut (dyn FnMut(String) + Send),
    ) -> Result<ModelReply, ModelError> {
        let content_type = response.headers.get(http::header::CONTENT_TYPE);
        let is_whole = content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
        let mut reply = GrowingReply::default();
        let mut parser = SseParser::default();
        let mut limit = START_LIMIT;
        if is_whole {
            let body = response.json(MAX_STREAM_BYTES, START_LIMIT).await;
            let event = SseEvent {
                data: body.to_string(),
                ..SseEvent::default()
            };
            self.take(&mut reply, &[event], on_text)?;
            return Ok(reply.finish(self.model));
        }
        while !reply.is_complete {
            let piece = response
                .next(limit)
                .await
                .map_err(|error| self.no_connection(&error))?;
            limit = PAUSE_LIMIT;
            let mut events = Vec::new();
            let read = match &piece {
                Some(bytes) => parser.push(bytes, &mut events),
                None => parser.finish(&mut events),
            };
            read.map_err(|_| self.error(ModelErrorKind::BadAnswer, ""))?;
            self.take(&mut reply, &events, on_text)?;
            if piece.is_none() {
                break;
            }
        }
        if reply.is_complete || reply.stop.is_some() {
            Ok(reply.finish(self.model))
        } else {
            Err(self.error(
                ModelErrorKind::Unreachable,
                "the connection ended in the middle of the answer",
            ))
        }
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
                PieceFault::Reported(body) => self.refusal(fault.status(), body, None),
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

    /// Returns the error for an answer with an error in it.
    fn refusal(&self, status: StatusCode, body: &Value, retry_after: Option<Duration>) -> ModelError {
        let words = server_words(body).unwrap_or_default();
        let kind = match status.as_u16() {
            401 | 403 => ModelErrorKind::Auth,
            402 => ModelErrorKind::Billing,
            404 => ModelErrorKind::UnknownModel,
            408 | 504 => ModelErrorKind::TimedOut,
            413 => ModelErrorKind::ContextTooLong,
            429 => ModelErrorKind::RateLimit { retry_after },
            500..=599 => ModelErrorKind::Overloaded,
            _ => ModelErrorKind::Refused,
        };
        let words = hide_key(&words, self.key);
        let words = match words.as_str() {
            "" => format!("HTTP {}", status.as_u16()),
            words => format!("HTTP {}: {words}", status.as_u16()),
        };
        self.error(kind, &words)
    }
}
