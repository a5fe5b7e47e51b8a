//! The page at `/`: which gateway this is, its ports, who is connected, what the doctor found.
//!
//! The page itself is hand-written and lies inside the program (`dashboard/`). Its files hold no data,
//! so they need no token; everything it shows comes over the WebSocket, from [`overview`], once the
//! token was taken. The token comes in the URL fragment, which browsers send to nobody. Nothing but its
//! own files may run or be loaded, whatever a label or a path of some instance says (`Content-Security-Policy`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::shared::Shared;
use crate::doctor::Finding;
use crate::i18n::Lang;

mod overview;

pub use overview::{examine, overview};

/// What a file of the page may be used for.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Where the files of the page are.
const FOLDER: &str = "/__openclaw__/dashboard/";
/// The path of the page's words in a language.
const WORDS_PATH: &str = "/__openclaw__/dashboard/words.json";

/// The files of the page: path, type, text.
const FILES: [(&str, &str, &str); 4] = [
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

/// The sentences of the page. It asks for them by what stands behind the dot.
const WORDS: [&str; 61] = [
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
    "dashboard.page-token-label",
    "dashboard.page-token-send",
    "dashboard.page-forget",
    "dashboard.page-gateway",
    "dashboard.page-profile",
    "dashboard.page-version",
    "dashboard.page-engine",
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
    "dashboard.page-clients",
    "dashboard.page-no-clients",
    "dashboard.page-events",
    "dashboard.page-no-events",
    "dashboard.page-updated",
    "dashboard.page-failed",
    "dashboard.page-warning",
];

/// The routes of the page's own files. They need no token.
pub fn router(shared: Arc<Shared>) -> Router {
    let files = FILES
        .into_iter()
        .fold(Router::new(), |router, (path, kind, text)| {
            router.route(path, get(move || async move { (headers(kind), text) }))
        });
    files.route(WORDS_PATH, get(words)).with_state(shared)
}

/// Whether a path is one of the page's own files, which need no token.
pub fn is_page(path: &str) -> bool {
    path == "/" || path.starts_with(FOLDER)
}

fn headers(kind: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

#[derive(Deserialize)]
struct Wish {
    lang: Option<String>,
}

/// The page's words in the language that is wished, in the gateway's own where that is none of ours.
async fn words(State(shared): State<Arc<Shared>>, Query(wish): Query<Wish>) -> impl IntoResponse {
    let lang = wish.lang.as_deref().and_then(Lang::from_code);
    let lang = lang.unwrap_or(shared.lang);
    let answer = json!({ "lang": lang.code(), "words": sentences(lang) });
    (headers("application/json"), Json(answer))
}

fn sentences(lang: Lang) -> Map<String, Value> {
    let pair = |key: &&'static str| {
        let text = lang.text(key).or_else(|| Lang::english().text(key));
        let (_, name) = key.split_once('.')?;
        Some((name.to_owned(), text?.into()))
    };
    WORDS.iter().filter_map(pair).collect()
}

/// How long a look at the host answers further questions: several open pages ask for one look.
const FRESH: Duration = Duration::from_millis(1500);
/// How long the doctor's findings stand: it asks gateways and service managers.
const EXAMINED: Duration = Duration::from_secs(10);

/// The last look at the host, for whoever asks next.
#[derive(Debug, Default)]
pub struct LastLook(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    answer: Option<(Instant, Lang, Value)>,
    findings: Option<(Instant, Arc<[Finding]>)>,
    /// Whether the doctor looks right now.
    examining: bool,
}

/// The answer to `instance.overview`: [`overview`], off the thread that serves everybody, and not more
/// often than it changes. The doctor asks others, who may take their time: what it finds is in a later
/// answer. `None` where that thread has gone.
pub async fn answer(shared: Arc<Shared>, lang: Lang) -> Option<Value> {
    let look = shared.clone();
    let mut last = look.last_look.0.lock().await;
    if let Some((at, of, seen)) = &last.answer
        && at.elapsed() < FRESH
        && *of == lang
    {
        return Some(seen.clone());
    }
    let known = last.findings.clone();
    let is_fresh = known.as_ref().is_some_and(|(at, _)| at.elapsed() < EXAMINED);
    if !is_fresh && !std::mem::replace(&mut last.examining, true) {
        tokio::spawn(examined(shared.clone()));
    }
    let look = move || overview(&shared, known.as_ref().map(|(_, findings)| &**findings), lang);
    let seen = tokio::task::spawn_blocking(look).await.ok()?;
    last.answer = Some((Instant::now(), lang, seen.clone()));
    Some(seen)
}

/// Has the doctor look, for later answers.
async fn examined(shared: Arc<Shared>) {
    let look = shared.clone();
    let found = tokio::task::spawn_blocking(move || examine(&look)).await;
    let mut last = shared.last_look.0.lock().await;
    last.examining = false;
    if let Ok(found) = found {
        last.findings = Some((Instant::now(), found.into()));
        last.answer = None;
    }
}

#[cfg(test)]
mod tests;
