//! What a provider's refusal means: every provider has its own words for the same few reasons.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::error::ModelErrorKind;

/// Words by which providers say that a conversation is longer than the model can read, in lower case.
const TOO_LONG: [&str; 15] = [
    // OpenAI, OpenRouter, vLLM, LM Studio
    "context length",
    "context_length_exceeded",
    "context window",
    "maximum context",
    // Anthropic
    "prompt is too long",
    "input length and `max_tokens` exceed",
    "request_too_large",
    // Google
    "exceeds the maximum number of tokens allowed",
    "input token count",
    // llama.cpp, Ollama
    "exceeds the available context size",
    "context size has been exceeded",
    // Mistral, xAI, Z.AI
    "too large for model with",
    "maximum prompt length",
    "prompt exceeds max length",
    "more than max tokens allowed",
];
/// Words by which providers say that somebody has to pay first, in lower case.
const UNPAID: [&str; 7] = [
    "insufficient_quota",
    "exceeded your current quota, please check your plan and billing",
    "credit balance",
    "insufficient balance",
    "insufficient credits",
    "billing_error",
    "billing hard limit",
];
/// Words by which providers refuse a key with the status of a bad request, in lower case.
const BAD_KEY: [&str; 4] = [
    "api key not valid",
    "api_key_invalid",
    "invalid_api_key",
    "incorrect api key",
];

/// Names that providers give their errors (`type`, `code`, `status`), and what each means.
const NAMES: [(&str, ModelErrorKind); 18] = [
    ("authentication_error", ModelErrorKind::Auth),
    ("permission_error", ModelErrorKind::Auth),
    ("UNAUTHENTICATED", ModelErrorKind::Auth),
    ("PERMISSION_DENIED", ModelErrorKind::Auth),
    ("billing_error", ModelErrorKind::Billing),
    ("rate_limit_error", ModelErrorKind::RateLimit),
    ("rate_limit_exceeded", ModelErrorKind::RateLimit),
    ("RESOURCE_EXHAUSTED", ModelErrorKind::RateLimit),
    ("overloaded_error", ModelErrorKind::Overloaded),
    ("api_error", ModelErrorKind::Overloaded),
    ("server_error", ModelErrorKind::Overloaded),
    ("UNAVAILABLE", ModelErrorKind::Overloaded),
    ("INTERNAL", ModelErrorKind::Overloaded),
    ("timeout_error", ModelErrorKind::TimedOut),
    ("DEADLINE_EXCEEDED", ModelErrorKind::TimedOut),
    ("model_not_found", ModelErrorKind::UnknownModel),
    ("not_found_error", ModelErrorKind::UnknownModel),
    ("NOT_FOUND", ModelErrorKind::UnknownModel),
];

/// Returns what a provider's refusal means, by its status and its body. `status` is that of the response, or `None` for an error
/// in the middle of an answer.
pub(super) fn classify(status: Option<StatusCode>, body: &Value) -> ModelErrorKind {
    let error = error_of(body);
    let code = error["code"].as_u64().and_then(|code| u16::try_from(code).ok());
    let status = status.map(|status| status.as_u16()).or(code);
    let said = error.to_string().to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| said.contains(words));
    // Tokens of a minute are no length of a conversation.
    let is_rate = status == Some(429);
    if says(&UNPAID) || status == Some(402) {
        return ModelErrorKind::Billing;
    }
    if (!is_rate && says(&TOO_LONG)) || status == Some(413) {
        return ModelErrorKind::ContextTooLong;
    }
    if status == Some(400) && says(&BAD_KEY) {
        return ModelErrorKind::Auth;
    }
    let words = ["type", "code", "status"].map(|key| error[key].as_str());
    let known = NAMES.iter().find(|(name, _)| words.contains(&Some(*name)));
    match (status, known) {
        (Some(429), _) | (_, Some((_, ModelErrorKind::RateLimit))) => ModelErrorKind::RateLimit,
        (Some(401 | 403), _) => ModelErrorKind::Auth,
        (Some(404), _) => ModelErrorKind::UnknownModel,
        (Some(408 | 504), _) => ModelErrorKind::TimedOut,
        (Some(500..=599), _) | (None, None) => ModelErrorKind::Overloaded,
        (_, Some((_, kind))) => *kind,
        (Some(_), None) => ModelErrorKind::Refused,
    }
}

/// Returns the time that Google's error asks to wait: `{"retryDelay": "37s"}` among its details.
pub(super) fn retry_delay(body: &Value) -> Option<Duration> {
    let mut details = error_of(body)["details"].as_array()?.iter();
    let delay = details.find_map(|detail| detail["retryDelay"].as_str())?;
    Duration::try_from_secs_f64(delay.strip_suffix('s')?.parse().ok()?).ok()
}

/// Returns the error in a provider's answer. Google's may be a list.
fn error_of(body: &Value) -> &Value {
    let listed = body.pointer("/0/error");
    listed.or_else(|| body.get("error")).unwrap_or(body)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::too_many_lines, reason = "a table of refusals")]

    use serde_json::json;

    use super::*;

    fn of(status: u16, body: &Value) -> ModelErrorKind {
        classify(StatusCode::from_u16(status).ok(), body)
    }

    #[test]
    fn refusals_of_each_provider_are_understood() {
        let anthropic =
            |kind: &str, words: &str| json!({"type": "error", "error": {"type": kind, "message": words}});
        let openai = |code: &str, words: &str| json!({"error": {"message": words, "type": "invalid_request_error", "param": null, "code": code}});
        let google = |code: u16, status: &str, words: &str| json!({"error": {"code": code, "message": words, "status": status}});
        let limit = ModelErrorKind::RateLimit;
        for (status, body, expected) in [
            (
                401,
                anthropic("authentication_error", "invalid x-api-key"),
                ModelErrorKind::Auth,
            ),
            (
                400,
                anthropic(
                    "invalid_request_error",
                    "Your credit balance is too low to access the Anthropic API.",
                ),
                ModelErrorKind::Billing,
            ),
            (
                400,
                anthropic(
                    "invalid_request_error",
                    "prompt is too long: 208310 tokens > 200000 maximum",
                ),
                ModelErrorKind::ContextTooLong,
            ),
            (
                413,
                anthropic("request_too_large", "Request exceeds the maximum size"),
                ModelErrorKind::ContextTooLong,
            ),
            (
                429,
                anthropic("rate_limit_error", "This request would exceed your rate limit"),
                limit,
            ),
            (
                529,
                anthropic("overloaded_error", "Overloaded"),
                ModelErrorKind::Overloaded,
            ),
            (
                404,
                anthropic("not_found_error", "model: claude-x"),
                ModelErrorKind::UnknownModel,
            ),
            (
                400,
                anthropic("invalid_request_error", "messages: at least one"),
                ModelErrorKind::Refused,
            ),
            (
                401,
                openai("invalid_api_key", "Incorrect API key provided: sk-…"),
                ModelErrorKind::Auth,
            ),
            (
                429,
                json!({"error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "You exceeded your current quota"}}),
                ModelErrorKind::Billing,
            ),
            (
                429,
                openai(
                    "rate_limit_exceeded",
                    "Request too large for gpt-5 on tokens per min (TPM): context window",
                ),
                limit,
            ),
            (
                400,
                openai(
                    "context_length_exceeded",
                    "This model's maximum context length is 128000 tokens.",
                ),
                ModelErrorKind::ContextTooLong,
            ),
            (
                404,
                openai("model_not_found", "The model `x` does not exist"),
                ModelErrorKind::UnknownModel,
            ),
            (
                402,
                json!({"error": {"code": 402, "message": "Insufficient credits"}}),
                ModelErrorKind::Billing,
            ),
            (
                400,
                json!({"error": {"code": 400, "type": "exceed_context_size_error", "message": "the request exceeds the available context size"}}),
                ModelErrorKind::ContextTooLong,
            ),
            (
                400,
                google(
                    400,
                    "INVALID_ARGUMENT",
                    "API key not valid. Please pass a valid API key.",
                ),
                ModelErrorKind::Auth,
            ),
            (
                400,
                google(
                    400,
                    "INVALID_ARGUMENT",
                    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                ),
                ModelErrorKind::ContextTooLong,
            ),
            (
                403,
                google(403, "PERMISSION_DENIED", "denied"),
                ModelErrorKind::Auth,
            ),
            (
                503,
                google(503, "UNAVAILABLE", "The model is overloaded."),
                ModelErrorKind::Overloaded,
            ),
            (500, Value::Null, ModelErrorKind::Overloaded),
            (418, json!("teapot"), ModelErrorKind::Refused),
        ] {
            assert_eq!(of(status, &body), expected, "{status} {body}");
        }
    }

    #[test]
    fn errors_in_the_middle_of_an_answer_are_understood() {
        let of = |body: Value| classify(None, &body);
        let overloaded =
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
        assert_eq!(of(overloaded), ModelErrorKind::Overloaded);
        assert_eq!(
            of(json!({"error": {"code": 402, "message": "x"}})),
            ModelErrorKind::Billing
        );
        assert_eq!(of(json!({"error": "gone"})), ModelErrorKind::Overloaded);
    }

    #[test]
    fn time_to_wait_is_among_the_details_of_google() {
        let body = json!([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure"},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37.5s"},
        ]}}]);
        assert_eq!(retry_delay(&body), Some(Duration::from_millis(37_500)));
        for other in [
            json!({}),
            json!({"error": {"details": [{"retryDelay": "-1s"}]}}),
            json!({"error": {"details": [{"retryDelay": "soon"}]}}),
        ] {
            assert_eq!(retry_delay(&other), None);
        }
    }
}
