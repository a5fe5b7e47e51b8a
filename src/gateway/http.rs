//! The routes of the base port, and the way of each request to them.
//!
//! ```text
//! request ──► host (421) ──► WebSocket? ──► origin (403) ──► session
//!                              │ no
//!                              └──► token (401) ──► limits (413) ──► route or 404
//! ```

use std::sync::Arc;

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::connections::Stage;
use super::guard::{self, Guard, refusal};
use super::serve::Link;
use super::session::{self, Peer};
use super::shared::Shared;
use super::{canvas, dashboard};

/// The largest request body.
const BODY: u64 = 1024 * 1024;

/// All routes of the base port.
pub fn router(shared: &Arc<Shared>) -> Router {
    let guard = Guard {
        shared: shared.clone(),
        served: shared.served.clone(),
        pages: dashboard::is_page,
    };
    Router::new()
        .route("/health", get(live))
        .route("/healthz", get(live))
        .route("/ready", get(ready))
        .route("/readyz", get(ready))
        .route("/tools/invoke", post(tools))
        .with_state(shared.clone())
        .merge(dashboard::router(shared.clone()))
        .merge(canvas::routes(shared, &shared.served, canvas::Place::Base))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn(body))
        .layer(from_fn_with_state(guard.clone(), guard::token))
        .layer(from_fn_with_state(guard.clone(), socket))
        .layer(from_fn_with_state(guard, guard::host))
}

fn identity(shared: &Shared) -> Value {
    let me = &shared.identity;
    json!({
        "profile": me.profile,
        "instanceId": me.instance_id,
        "bootId": me.boot_id,
        "version": me.version,
        "pid": me.pid,
        "startedAt": humantime::format_rfc3339_millis(me.started).to_string(),
        "engine": "native",
    })
}

fn with_identity(shared: &Shared, mut answer: Value) -> Value {
    if let (Value::Object(answer), Value::Object(me)) = (&mut answer, identity(shared)) {
        answer.extend(me);
    }
    answer
}

/// Liveness: which gateway answers, so that nobody takes one for another. The keys of OpenClaw 2026.9.6
/// (`ok`, `status`) and ours.
async fn live(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(with_identity(&shared, json!({ "ok": true, "status": "live" })))
}

/// Readiness, with OpenClaw's keys (`ready`, `failing`, `uptimeMs`) and ours: not ready while it stops. A
/// gateway that runs with another config than the file's, or without one of its further ports, does its
/// work: it is ready, and says so beside.
async fn ready(State(shared): State<Arc<Shared>>) -> (StatusCode, Json<Value>) {
    let stopping = shared.is_stopping();
    let failing: &[&str] = if stopping { &["stopping"] } else { &[] };
    let live = shared.live();
    let config = live.warning.as_ref().map(|_| "config");
    let ports = live.missing.first().map(|_| "ports");
    let warnings: Vec<_> = config.into_iter().chain(ports).collect();
    let answer = json!({
        "ready": !stopping,
        "failing": failing,
        "warnings": warnings,
        "uptimeMs": u64::try_from(shared.since.elapsed().as_millis()).unwrap_or(u64::MAX),
    });
    let status = if stopping {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    (status, Json(with_identity(&shared, answer)))
}

/// Tools belong to agents, which this engine does not run.
async fn tools() -> Response {
    refusal(
        StatusCode::NOT_FOUND,
        "tools are not served by this engine",
        "not_found",
    )
}

async fn not_found() -> Response {
    refusal(StatusCode::NOT_FOUND, "not found", "not_found")
}

async fn not_allowed() -> Response {
    refusal(
        StatusCode::METHOD_NOT_ALLOWED,
        "method not allowed",
        "method_not_allowed",
    )
}

/// Refuses a body that is said to be too large. No route reads one that grows beyond what was said.
async fn body(request: Request, next: Next) -> Response {
    let length = request.headers().get(CONTENT_LENGTH);
    let said = length.map(|value| value.to_str().ok().and_then(|text| text.parse::<u64>().ok()));
    match said {
        Some(Some(length)) if length > BODY => refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            "request body too large",
            "too_large",
        ),
        _ => next.run(request).await,
    }
}

/// Turns every request for a WebSocket into a session, whatever its path; only live reload has one of its
/// own.
async fn socket(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if !guard::is_upgrade(request.headers()) || canvas::is_reload(request.uri().path()) {
        return next.run(request).await;
    }
    let (mut parts, _) = request.into_parts();
    if !guard.origin(&parts.headers) {
        return foreign();
    }
    let Some(link) = parts.extensions.get::<Link>().cloned() else {
        return not_found().await;
    };
    let peer = Peer {
        address: link.peer,
        local: guard::is_local(&parts.headers, link.peer.ip()),
    };
    let shared = guard.shared;
    let ticket = link.ticket.clone();
    match upgrade(&mut parts).await {
        Ok(upgrade) => held(session::limited(upgrade), link, move |socket| {
            session::serve(shared, socket, peer, move || ticket.proven())
        }),
        Err(refused) => refused,
    }
}

/// The answer to a page of somebody else's.
pub(super) fn foreign() -> Response {
    refusal(StatusCode::FORBIDDEN, "origin not allowed", "forbidden")
}

/// The hand-over to a WebSocket; its limits are still to be set.
pub(super) async fn upgrade(parts: &mut Parts) -> Result<WebSocketUpgrade, Response> {
    WebSocketUpgrade::from_request_parts(parts, &())
        .await
        .map_err(|rejection| refusal(rejection.status(), "upgrade required", "upgrade_required"))
}

/// Runs what follows the hand-over, in the connection's own place, until that is needed for another.
pub(super) fn held<F>(
    upgrade: WebSocketUpgrade,
    link: Link,
    serve: impl FnOnce(WebSocket) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    link.ticket.is_at(Stage::Session);
    upgrade.on_upgrade(move |socket| async move {
        tokio::select! {
            () = serve(socket) => {}
            () = link.ticket.shed() => {}
        }
    })
}

/// The headers of every answer that does not say otherwise itself: nothing is kept, framed, sniffed,
/// embedded or told to others. No CORS header is among them: no page elsewhere has business here.
pub(super) fn harden(headers: &mut HeaderMap) {
    const ALWAYS: [(&str, &str); 6] = [
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
    for (name, value) in ALWAYS {
        if !headers.contains_key(name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}
