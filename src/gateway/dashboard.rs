//! The dashboard, the page at `/`: this gateway, its ports, the connected clients, the doctor's findings.
//!
//! The files of the page are part of the program (`dashboard/`). They hold no data, so they need no token;
//! everything that the page shows comes over the WebSocket, from [`overview()`], once the token was
//! accepted. The token is in the fragment of the URL, which browsers send to nobody, or comes in exchange for a one-time
//! code ([`sign_in_code`]). The page may run and
//! load nothing but its own files, whatever the name of an instance contains (`Content-Security-Policy`).

use std::sync::Arc;
use std::time::Instant;

use axum::body::to_bytes;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::access::{AuthOutcome, configured_origins};
use super::connections::RequestConnection;
use super::state::GatewayState;
use super::{log, reply};
use crate::i18n::{Lang, msg};
use crate::settings::ClientAuth;
use crate::sync::spawn_blocking;

pub(crate) mod cache;
mod overview;
pub(crate) mod sign_in_code;

use overview::{examine, overview};

/// The `Content-Security-Policy` header of the gateway's dashboard page: the page may load only its own files.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The URL path below which the files of the dashboard page are, except for the page itself.
const FILES_PREFIX: &str = "/__openclaw__/dashboard/";
/// The URL path of the texts of the dashboard page in a language.
const TEXTS_PATH: &str = "/__openclaw__/dashboard/words.json";

/// The URL path at which the dashboard page gets the token in exchange for a one-time code.
const SIGN_IN_PATH: &str = "/__openclaw__/dashboard/sign-in";
/// Maximum size of a request with a one-time code, in bytes.
const MAX_SIGN_IN_BYTES: usize = 1024;

/// The files of the dashboard page: the URL path, content type and text of each.
const FILES: [(&str, &str, &str); 5] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("dashboard/index.html"),
    ),
    (
        "/__openclaw__/dashboard/app.js",
        "text/javascript; charset=utf-8",
        include_str!("dashboard/app.js"),
    ),
    (
        "/__openclaw__/dashboard/chat.js",
        "text/javascript; charset=utf-8",
        include_str!("dashboard/chat.js"),
    ),
    (
        "/__openclaw__/dashboard/style.css",
        "text/css; charset=utf-8",
        include_str!("dashboard/style.css"),
    ),
    (
        "/__openclaw__/dashboard/icon.svg",
        "image/svg+xml",
        include_str!("dashboard/icon.svg"),
    ),
];

/// The catalogue keys of the translated texts of the dashboard page. The page knows them by the part behind the dot.
const TEXT_KEYS: [&str; 76] = [
    "dashboard.page-title",
    "dashboard.page-skip",
    "dashboard.page-language",
    "dashboard.page-theme",
    "dashboard.page-theme-auto",
    "dashboard.page-theme-light",
    "dashboard.page-theme-dark",
    "dashboard.page-connecting",
    "dashboard.page-live",
    "dashboard.page-lost",
    "dashboard.page-stopping",
    "dashboard.page-locked",
    "dashboard.page-token-ask",
    "dashboard.page-token-why",
    "dashboard.page-token-where",
    "dashboard.page-token-refused",
    "dashboard.page-token-wrong",
    "dashboard.page-password-wrong",
    "dashboard.page-code-wrong",
    "dashboard.page-code-busy",
    "dashboard.page-token-label",
    "dashboard.page-token-send",
    "dashboard.page-forget",
    "dashboard.page-gateway",
    "dashboard.page-profile",
    "dashboard.page-version",
    "dashboard.page-engine",
    "dashboard.page-channels",
    "dashboard.page-process",
    "dashboard.page-up",
    "dashboard.page-started",
    "dashboard.page-listens",
    "dashboard.page-auth",
    "dashboard.page-instance",
    "dashboard.page-config",
    "dashboard.page-state",
    "dashboard.page-workspace",
    "dashboard.page-logs",
    "dashboard.page-ports",
    "dashboard.page-port",
    "dashboard.page-role",
    "dashboard.page-now",
    "dashboard.page-map",
    "dashboard.page-map-why",
    "dashboard.page-this",
    "dashboard.page-running",
    "dashboard.page-stopped",
    "dashboard.page-ephemeral",
    "dashboard.page-key-free",
    "dashboard.page-key-own",
    "dashboard.page-key-held",
    "dashboard.page-key-shared",
    "dashboard.page-isolation",
    "dashboard.page-isolated",
    "dashboard.page-examining",
    "dashboard.page-finding-error",
    "dashboard.page-finding-warning",
    "dashboard.page-finding-info",
    "dashboard.page-watching",
    "dashboard.page-chat",
    "dashboard.page-chat-label",
    "dashboard.page-chat-send",
    "dashboard.page-chat-failed",
    "dashboard.page-clients",
    "dashboard.page-no-clients",
    "dashboard.page-events",
    "dashboard.page-no-events",
    "dashboard.page-updated",
    "dashboard.page-failed",
    "dashboard.page-loading",
    "dashboard.page-canvas",
    "dashboard.page-copy",
    "dashboard.page-copied",
    "dashboard.page-client-dashboard",
    "dashboard.page-client-cli",
    "dashboard.page-warning",
];

/// Returns the HTTP routes of the dashboard page's own files.
pub fn router(state: Arc<GatewayState>) -> Router {
    let files = FILES
        .into_iter()
        .fold(Router::new(), |router, (path, content_type, text)| {
            router.route(
                path,
                get(move || async move { (page_headers(content_type), text) }),
            )
        });
    files
        .route(TEXTS_PATH, get(serve_texts))
        .route(SIGN_IN_PATH, post(redeem_code))
        .with_state(state)
}

/// Returns whether a URL path is one of the dashboard's own files, which need no gateway token.
pub(crate) fn is_page_file(path: &str) -> bool {
    path == "/" || path.starts_with(FILES_PREFIX)
}

/// Returns the HTTP headers of a file of the dashboard page.
fn page_headers(content_type: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

/// The query string of an HTTP request for the texts of the dashboard page.
#[derive(Deserialize)]
struct TextsQuery {
    lang: Option<String>,
}

/// Answers an HTTP request with the dashboard's texts in the requested language, or in the gateway's own where that
/// is unknown.
async fn serve_texts(
    State(state): State<Arc<GatewayState>>,
    Query(query): Query<TextsQuery>,
) -> impl IntoResponse {
    let lang = query.lang.as_deref().and_then(Lang::from_code);
    let lang = lang.unwrap_or(state.lang);
    let answer = json!({ "lang": lang.code(), "words": page_texts(lang) });
    (page_headers("application/json"), Json(answer))
}

/// The body of a request to sign in.
#[derive(Deserialize)]
struct SignInRequest {
    code: String,
}

/// Answers an HTTP request to sign in with the token or the password of the gateway, where its one-time code is right. A
/// code can be guessed: so many wrong ones are compared as of a short password.
async fn redeem_code(State(state): State<Arc<GatewayState>>, request: Request) -> Response {
    let active = state.active();
    let origins = configured_origins(&active.config);
    if !state.hosts.origin_allowed(request.headers(), &origins) {
        return reply::foreign_origin();
    }
    let peer = request.extensions().get::<RequestConnection>();
    let peer = peer.map(|connection| connection.peer.ip());
    let body = to_bytes(request.into_body(), MAX_SIGN_IN_BYTES).await;
    let typed = serde_json::from_slice::<SignInRequest>(&body.unwrap_or_default());
    let (Ok(typed), Some(peer)) = (typed, peer) else {
        return reply::unauthenticated(AuthOutcome::Missing);
    };
    let attempt = state.throttle.begin(peer, true);
    let is_right = attempt.may_compare() && state.sign_in_code.redeem(&typed.code, Instant::now());
    match &active.settings.auth {
        ClientAuth::Token(secret) | ClientAuth::Password(secret) if is_right => {
            attempt.succeed();
            log::info(state.lang, &msg!("dashboard.code-used", address = peer));
            Json(json!({ "token": secret.expose() })).into_response()
        }
        _ => reply::unauthenticated(attempt.fail().await),
    }
}

/// Returns the texts of the dashboard page in a language, by the part of their catalogue key behind the dot.
fn page_texts(lang: Lang) -> Map<String, Value> {
    let pair = |key: &&'static str| {
        let text = lang.text(key).or_else(|| Lang::english().text(key));
        let (_, name) = key.split_once('.')?;
        Some((name.to_owned(), text?.into()))
    };
    TEXT_KEYS.iter().filter_map(pair).collect()
}

/// Answers the dashboard's `instance.overview` call: the [`overview()`] of the host, made off the async thread and
/// not more often than it changes. The doctor asks other programs, which may take their time, so its findings are in
/// a later answer. `None` where the overview could not be made.
pub async fn cached_overview(state: Arc<GatewayState>, lang: Lang) -> Option<Value> {
    let cache_owner = state.clone();
    let mut cache = cache_owner.overview_cache.lock().await;
    if let Some(overview) = cache.overview(lang) {
        return Some(overview);
    }
    let findings = cache.findings();
    if cache.begin_examination() {
        tokio::spawn(update_findings(state.clone()));
    }
    let make = move || overview(&state, findings.as_deref(), lang);
    let overview = spawn_blocking(make).await.ok()?;
    cache.set_overview(lang, overview.clone());
    Some(overview)
}

/// Has the doctor examine the host, and keeps its findings for later overviews of the dashboard.
async fn update_findings(state: Arc<GatewayState>) {
    let examined = state.clone();
    let findings = spawn_blocking(move || examine(&examined)).await;
    state.overview_cache.lock().await.end_examination(findings.ok());
}

#[cfg(test)]
mod tests;
