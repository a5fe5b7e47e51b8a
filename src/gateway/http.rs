//! The routes of the base port.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::shared::Shared;

/// All routes of the base port.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/health", get(live))
        .route("/healthz", get(live))
        .with_state(shared)
}

/// Liveness: which gateway answers, so that nobody takes one for another. The keys of OpenClaw 2026.9.6
/// (`ok`, `status`) and ours.
async fn live(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let me = &shared.identity;
    Json(json!({
        "ok": true,
        "status": "live",
        "profile": me.profile,
        "instanceId": me.instance_id,
        "bootId": me.boot_id,
        "version": me.version,
        "pid": me.pid,
        "startedAt": humantime::format_rfc3339_millis(me.started).to_string(),
        "engine": "native",
    }))
}
