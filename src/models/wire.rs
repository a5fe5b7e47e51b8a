//! The formats in which providers are asked and answer, a row for each: pure functions between what this program says and JSON.

use http::StatusCode;
use serde_json::Value;

use super::message::ModelRequest;
use super::reply::{GrowingReply, PieceFault};
use super::sse::SseEvent;
use crate::answers::Provider;

mod openai;

/// A format in which models are asked and answer.
pub(super) struct WireFormat {
    /// OpenClaw's name of it (`models.providers.ID.api`).
    pub(super) name: &'static str,
    /// The provider whose base URL, version and headers a server with this format has.
    pub(super) interface: Provider,
    /// Returns the path that is asked, below the base URL.
    pub(super) path: fn(model_id: &str) -> String,
    /// Returns the body of a request.
    pub(super) body: fn(&Question<'_>) -> Value,
    /// Puts an event of the answer into the reply.
    pub(super) read: fn(&mut GrowingReply, &SseEvent) -> Result<(), PieceFault>,
}

/// A request to a model with what the format has to know about the model.
pub(super) struct Question<'a> {
    /// The provider's id of the model.
    pub(super) model_id: &'a str,
    /// The request.
    pub(super) request: &'a ModelRequest,
    /// The maximum number of tokens of the answer, of the request or of the config.
    pub(super) max_tokens: Option<u32>,
    /// The name of the limit of tokens, where the format has several.
    pub(super) max_tokens_key: &'static str,
}

/// The formats.
static FORMATS: [&WireFormat; 1] = [&openai::COMPLETIONS];

impl WireFormat {
    /// Finds a format by OpenClaw's name of it.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        FORMATS.into_iter().find(|format| format.name == name)
    }

    /// Returns the format of a provider that this program knows.
    pub(super) fn of_provider(_provider: Provider) -> &'static Self {
        &openai::COMPLETIONS
    }
}

impl PieceFault {
    /// Returns the HTTP status that an error in the middle of an answer stands for.
    pub(super) fn status(&self) -> StatusCode {
        let code = match self {
            Self::Reported(body) => body.pointer("/error/code").and_then(Value::as_u64),
            _ => None,
        };
        let code = code.and_then(|code| StatusCode::from_u16(u16::try_from(code).ok()?).ok());
        code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
