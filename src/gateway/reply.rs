//! HTTP replies that every part of a gateway gives: errors in the protocol's form, and the security headers
//! of every reply.

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::access::AuthOutcome;

/// Builds an HTTP error reply of the gateway, `{"error": {"message", "type"}}` (docs/openclaw.md#http-unauthorized).
/// The texts of the reply belong to the protocol and are the same in every language.
pub(crate) fn error(status: StatusCode, message: &str, kind: &str) -> Response {
    let body = json!({ "error": { "message": message, "type": kind } });
    (status, Json(body)).into_response()
}

/// Builds the HTTP reply to a request that does not show the right token or password of the gateway.
fn unauthorized() -> Response {
    error(StatusCode::UNAUTHORIZED, "Unauthorized", "unauthorized")
}

/// Builds the HTTP reply to a request whose credentials were not accepted: 401, or 429 where there were too many failed
/// attempts (docs/openclaw.md#failed-attempts).
pub(crate) fn unauthenticated(outcome: AuthOutcome) -> Response {
    let AuthOutcome::TooManyAttempts { retry_after } = outcome else {
        return unauthorized();
    };
    let mut reply = error(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many failed authentication attempts. Please try again later.",
        "rate_limited",
    );
    let seconds = retry_after.as_millis().div_ceil(1000);
    if let Ok(seconds) = HeaderValue::from_str(&seconds.to_string()) {
        reply.headers_mut().insert(RETRY_AFTER, seconds);
    }
    reply
}

/// Builds the HTTP reply to a web page whose origin the gateway does not accept.
pub(crate) fn foreign_origin() -> Response {
    error(StatusCode::FORBIDDEN, "origin not allowed", "forbidden")
}

/// Builds the HTTP reply to a request that is no valid upgrade to a WebSocket.
pub(crate) fn upgrade_required(status: StatusCode) -> Response {
    error(status, "upgrade required", "upgrade_required")
}

/// Builds the HTTP reply to a request for a URL path that the gateway does not serve.
pub(crate) fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "not found", "not_found")
}

/// Builds the HTTP reply to a request whose path is served, but not for its HTTP method.
pub(crate) fn method_not_allowed() -> Response {
    error(
        StatusCode::METHOD_NOT_ALLOWED,
        "method not allowed",
        "method_not_allowed",
    )
}

/// Adds to an HTTP reply of the gateway the security headers that it does not set itself: it is not stored, framed,
/// sniffed, embedded or named to other sites. None of them is a CORS header: no page elsewhere may read a gateway.
pub(crate) fn add_security_headers(headers: &mut HeaderMap) {
    const DEFAULTS: [(&str, &str); 6] = [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ];
    for (name, value) in DEFAULTS {
        if !headers.contains_key(name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}
