//! Responses of servers that are read piece by piece, while the server still writes them.

use std::time::Duration;

use http::{HeaderMap, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use serde_json::Value;

use super::error::{HttpsError, body_error};
use super::retry_after::retry_after;

/// A response whose body is still on its way. Dropping it ends the connection.
#[derive(Debug)]
pub(crate) struct HttpsStream {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    body: Limited<Incoming>,
}

impl HttpsStream {
    /// Wraps a response, of whose body at most `max_bytes` are read.
    pub(super) fn new(response: Response<Incoming>, max_bytes: usize) -> Self {
        let (head, body) = response.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            body: Limited::new(body, max_bytes),
        }
    }

    /// Returns the next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// Where none arrives within the time limit, where the connection breaks, and where the body is too large.
    pub(crate) async fn next(&mut self, limit: Duration) -> Result<Option<Bytes>, HttpsError> {
        let reading = async {
            loop {
                let Some(frame) = self.body.frame().await else {
                    return Ok(None);
                };
                let frame = frame.map_err(|error| body_error(error.as_ref()))?;
                // Trailers mean nothing here.
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        };
        tokio::time::timeout(limit, reading)
            .await
            .unwrap_or(Err(HttpsError::TimedOut))
    }

    /// Returns the seconds that the server asks a client to wait, from its `Retry-After` header.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers)
    }

    /// Reads the rest of the body as JSON; `Null` where it is none, is larger than `max_bytes` or breaks off.
    pub(crate) async fn json(mut self, max_bytes: usize, limit: Duration) -> Value {
        let reading = async {
            let mut bytes = Vec::new();
            while let Ok(Some(piece)) = self.next(limit).await {
                bytes.extend_from_slice(&piece);
                if bytes.len() > max_bytes {
                    return Value::Null;
                }
            }
            serde_json::from_slice(&bytes).unwrap_or_default()
        };
        tokio::time::timeout(limit, reading).await.unwrap_or_default()
    }
}
