//! The routes of the base port, and the checks on the way to them.
//!
//! ```text
//! request ──► host (421) ──► WebSocket? ──► origin (403) ──► session
//!                              │ no
//!                              └──► token (401) ──► body size (413) ──► route or 404
//! ```

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::access::{Peer, is_local, is_websocket_upgrade};
use super::connections::RequestConnection;
use super::guard::{self, Guard};
use super::protocol::MAX_HANDSHAKE_BYTES;
use super::state::GatewayState;
use super::upgrade::{accept_upgrade, serve_until_evicted};
use super::{canvas, completions, dashboard, reply, session};
use crate::time::millis;

/// Maximum size of the body of an HTTP request to the gateway's base port, in bytes.
const MAX_BODY_BYTES: u64 = 1024 * 1024;

/// Returns all HTTP routes of the gateway's base port, with their checks.
pub(crate) fn router(state: &Arc<GatewayState>) -> Router {
    let guard = Guard {
        state: state.clone(),
        hosts: state.hosts.clone(),
        is_public_page: dashboard::is_page_file,
    };
    Router::new()
        .route("/health", get(liveness))
        .route("/healthz", get(liveness))
        .route("/ready", get(readiness))
        .route("/readyz", get(readiness))
        .route("/startup", get(startup))
        .route("/startupz", get(startup))
        .route("/tools/invoke", post(invoke_tool))
        .route("/v1/chat/completions", post(completions::complete))
        .route("/v1/responses", post(refuse_responses))
        .with_state(state.clone())
        .merge(dashboard::router(state.clone()))
        .merge(canvas::routes(state, &state.hosts, canvas::CanvasPort::Base))
        .fallback(async || reply::not_found())
        .method_not_allowed_fallback(async || reply::method_not_allowed())
        .layer(from_fn(check_body_size))
        .layer(from_fn_with_state(guard.clone(), guard::check_token))
        .layer(from_fn_with_state(guard.clone(), serve_websocket))
        .layer(from_fn_with_state(guard, guard::check_host))
}

/// Answers an HTTP liveness probe with the identity of this gateway. The keys are those of OpenClaw 2026.9.6 (`ok`,
/// `status`) and those of the identity.
async fn liveness(State(state): State<Arc<GatewayState>>) -> Json<Value> {
    let mut answer = json!({ "ok": true, "status": "live" });
    state.identity.add_to(&mut answer);
    Json(answer)
}

/// Answers an HTTP readiness probe of the gateway with OpenClaw's keys (`ready`, `failing`, `uptimeMs`), our
/// `warnings` and the gateway's identity. A gateway is not ready while it stops. One that runs with another config
/// than the file's, or without one of its derived ports, does its work: it is ready, with a warning.
async fn readiness(State(state): State<Arc<GatewayState>>) -> (StatusCode, Json<Value>) {
    let is_stopping = state.is_stopping();
    let failing: &[&str] = if is_stopping { &["stopping"] } else { &[] };
    let active = state.active();
    let config = active.warning.as_ref().map(|_| "config");
    let ports = active.missing_ports.first().map(|_| "ports");
    let warnings: Vec<_> = config.into_iter().chain(ports).collect();
    let mut answer = json!({
        "ready": !is_stopping,
        "failing": failing,
        "warnings": warnings,
        "uptimeMs": millis(state.uptime()),
    });
    state.identity.add_to(&mut answer);
    (probe_status(is_stopping), Json(answer))
}

/// Answers an HTTP startup probe of the gateway with OpenClaw's keys (`ok`, `status`, `version`, `uptimeMs`) and the
/// gateway's identity. A gateway that listens has been started; while it stops, it fails the probe as it fails that of
/// readiness.
async fn startup(State(state): State<Arc<GatewayState>>) -> (StatusCode, Json<Value>) {
    let is_stopping = state.is_stopping();
    let mut answer = json!({
        "ok": !is_stopping,
        "status": if is_stopping { "stopping" } else { "started" },
        "version": state.identity.version,
        "uptimeMs": millis(state.uptime()),
    });
    state.identity.add_to(&mut answer);
    (probe_status(is_stopping), Json(answer))
}

/// Returns the HTTP status of the answer to a readiness or startup probe of the gateway.
fn probe_status(is_stopping: bool) -> StatusCode {
    if is_stopping {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    }
}

/// Refuses an HTTP request to call a tool: tools belong to agents, which this gateway does not run.
async fn invoke_tool() -> Response {
    reply::error(
        StatusCode::NOT_FOUND,
        "tools are not served by this engine",
        "not_found",
    )
}

/// Refuses an HTTP request to the Responses API, in the form of the OpenAI API. The status is the one of a model that does
/// not exist: clients repeat requests that are answered with 5xx.
async fn refuse_responses() -> Response {
    reply::error(
        StatusCode::NOT_FOUND,
        "the native engine of this gateway answers at /v1/chat/completions; `openclaw gateway --engine node` runs OpenClaw's own",
        "model_not_found",
    )
}

/// Refuses an HTTP request to the gateway whose body is too large by its `Content-Length`, or whose `Content-Length` is
/// no number. No route reads more than that header announces.
async fn check_body_size(request: Request, next: Next) -> Response {
    match announced_length(request.headers()) {
        Some(length) if length <= MAX_BODY_BYTES => next.run(request).await,
        Some(_) => reply::error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "request body too large",
            "too_large",
        ),
        None => reply::error(StatusCode::BAD_REQUEST, "invalid content length", "bad_request"),
    }
}

/// Returns the largest number of bytes that a `Content-Length` of an HTTP request announces, 0 where there is none.
/// `None` where one of them is not a number.
fn announced_length(headers: &HeaderMap) -> Option<u64> {
    let parse = |value: &HeaderValue| {
        let digits = value.to_str().ok()?;
        // Without this check a sign would be allowed.
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse::<u64>().ok()).flatten()
    };
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter().map(parse);
    lengths.try_fold(0, |largest, length| Some(length?.max(largest)))
}

/// Turns a WebSocket request to the gateway's base port into a client session, whatever its path; only live reload
/// has a path of its own.
async fn serve_websocket(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if !is_websocket_upgrade(request.headers()) || canvas::url_path::is_reload_path(request.uri().path()) {
        return next.run(request).await;
    }
    let (mut parts, _) = request.into_parts();
    if !guard.origin_allowed(&parts.headers) {
        return reply::foreign_origin();
    }
    let Some(connection) = parts.extensions.get::<RequestConnection>().cloned() else {
        return reply::not_found();
    };
    let peer = Peer {
        address: connection.peer,
        local: is_local(&parts.headers, connection.peer.ip()),
    };
    let state = guard.state;
    let permit = connection.permit.clone();
    let turns = state.large_message_turns.clone();
    match accept_upgrade(&mut parts) {
        Ok(upgrade) => serve_until_evicted(upgrade, connection, MAX_HANDSHAKE_BYTES, turns, move |socket| {
            session::serve(state, socket, peer, move || permit.set_authenticated())
        }),
        Err(status) => reply::upgrade_required(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_length_must_be_a_number() {
        let cases = [
            (&[][..], Some(0)),
            (&["0"], Some(0)),
            (&["1048577"], Some(1_048_577)),
            (&["1048577", "5"], Some(1_048_577)),
            (&["18446744073709551616"], None),
            (&["-1"], None),
            (&["+5"], None),
            (&["5, 5"], None),
            (&["0x10"], None),
            (&[""], None),
            (&["5", "many"], None),
        ];
        for (lengths, expected) in cases {
            let values = lengths.iter().map(|length| HeaderValue::from_static(length));
            let headers: HeaderMap = values.map(|value| (CONTENT_LENGTH, value)).fold(
                HeaderMap::new(),
                |mut headers, (name, value)| {
                    headers.append(name, value);
                    headers
                },
            );
            assert_eq!(announced_length(&headers), expected, "{lengths:?}");
        }
    }
}
