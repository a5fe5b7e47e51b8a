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
    use ModelErrorKind as Kind;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(status: u16, body: &Value, expected: ModelErrorKind) {
        let kind = classify(StatusCode::from_u16(status).ok(), body);
        assert_eq!(kind, expected, "{status} {body}");
    }

    #[test]
    fn refusals_of_anthropic_are_understood() {
        let check = |status, name: &str, words: &str, expected| {
            let error = json!({"type": name, "message": words});
            check(status, &json!({"type": "error", "error": error}), expected);
        };
        check(401, "authentication_error", "invalid x-api-key", Kind::Auth);
        let unpaid = "Your credit balance is too low to access the Anthropic API.";
        check(400, "invalid_request_error", unpaid, Kind::Billing);
        let long = "prompt is too long: 208310 tokens > 200000 maximum";
        check(400, "invalid_request_error", long, Kind::ContextTooLong);
        let large = "Request exceeds the maximum size";
        check(413, "request_too_large", large, Kind::ContextTooLong);
        let limit = "This request would exceed your rate limit";
        check(429, "rate_limit_error", limit, Kind::RateLimit);
        check(529, "overloaded_error", "Overloaded", Kind::Overloaded);
        check(404, "not_found_error", "model: claude-x", Kind::UnknownModel);
        let bad = "messages: at least one message is required";
        check(400, "invalid_request_error", bad, Kind::Refused);
    }

    #[test]
    fn refusals_of_servers_with_the_format_of_openai_are_understood() {
        let coded = |status, code: Value, words: &str, expected| {
            let error = json!({"message": words, "type": "error", "param": null, "code": code});
            check(status, &json!({ "error": error }), expected);
        };
        let key = "Incorrect API key provided: sk-…";
        coded(401, json!("invalid_api_key"), key, Kind::Auth);
        let quota = "You exceeded your current quota";
        coded(429, json!("insufficient_quota"), quota, Kind::Billing);
        // Tokens of a minute are no length of a conversation.
        let minute = "Request too large for gpt-5 on tokens per min (TPM): context window";
        coded(429, json!("rate_limit_exceeded"), minute, Kind::RateLimit);
        let long = "This model's maximum context length is 128000 tokens.";
        coded(400, json!("context_length_exceeded"), long, Kind::ContextTooLong);
        let model = "The model `x` does not exist";
        coded(404, json!("model_not_found"), model, Kind::UnknownModel);
        // OpenRouter, then llama.cpp.
        coded(402, json!(402), "Insufficient credits", Kind::Billing);
        let size = "the request exceeds the available context size";
        coded(400, json!(400), size, Kind::ContextTooLong);
        check(500, &Value::Null, Kind::Overloaded);
        check(418, &json!("teapot"), Kind::Refused);
    }

    #[test]
    fn refusals_of_google_are_understood() {
        let check = |status, name: &str, words: &str, expected| {
            let error = json!({"code": status, "message": words, "status": name});
            check(status, &json!({ "error": error }), expected);
        };
        let key = "API key not valid. Please pass a valid API key.";
        check(400, "INVALID_ARGUMENT", key, Kind::Auth);
        let long = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).";
        check(400, "INVALID_ARGUMENT", long, Kind::ContextTooLong);
        check(403, "PERMISSION_DENIED", "denied", Kind::Auth);
        check(503, "UNAVAILABLE", "The model is overloaded.", Kind::Overloaded);
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
