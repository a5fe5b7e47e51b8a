//! The canvas host: static files of the instance's own canvas folder, which clients show in web views.
//!
//! The canvas is served at base+4, and below `/__openclaw__/canvas/` of the base port
//! (docs/openclaw.md#canvas). Every path requires the token. A web view can't send one, so a path with a
//! capability, which is random at each start and which clients learn from their greeting, opens the canvas
//! too.
//!
//! Agents write these pages. At base+4 they have another origin than the dashboard; on the base port they are
//! sandboxed, so that none of their scripts can read what the dashboard keeps.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::any;

use super::access::{AllowedHosts, AuthOutcome, configured_origins, is_websocket_upgrade};
use super::connections::RequestConnection;
use super::guard::Guard;
use super::state::GatewayState;
use super::upgrade::{accept_upgrade, serve_until_evicted};
use super::{log, reply};
use crate::i18n::msg;
use crate::ports::{LOOPBACK, PortFamily, Role};
use crate::sync::spawn_blocking;
use crate::text::sanitize;

pub(crate) mod capability;
mod page;
mod reload;
mod safe_open;
pub(crate) mod settings;
pub(crate) mod url_path;
pub(crate) mod watcher;

use safe_open::OpenedPath;
use url_path::{CANVAS_PATH, CAPABILITY_PREFIX, RELOAD_PATH};

/// The `Content-Security-Policy` of canvas pages on the gateway's base port: everything is permitted except its
/// origin.
const SANDBOX_POLICY: &str = "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads";
/// The `Content-Security-Policy` of canvas pages on the canvas's own port, the gateway's base port + 4.
const OWN_PORT_POLICY: &str = "frame-ancestors 'self'";
/// Maximum size of a message that a canvas page may send over its live reload socket, in bytes.
const MAX_RELOAD_MESSAGE_BYTES: usize = 1024;

/// The port of the gateway that canvas routes are served on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CanvasPort {
    /// The base port of the gateway.
    Base,
    /// base+4.
    Own,
}

/// The values that the HTTP routes of the canvas on one port share.
#[derive(Clone)]
struct CanvasContext {
    state: Arc<GatewayState>,
    hosts: Arc<AllowedHosts>,
    port: CanvasPort,
}

/// Returns all HTTP routes of the canvas's own port, base+4 on loopback, wherever the base port listens: no key of
/// the config asks for more, and clients on other machines reach the canvas below the base port. Writes the starter
/// page if the instance's own folder is served and empty.
pub(crate) fn router(state: &Arc<GatewayState>) -> Router {
    let active = state.active();
    let folder = state.context.instance.canvas();
    if settings::root(state.context.borrowed(), &active.config) == folder {
        page::write_starter_page(&folder, state.lang, &state.identity.profile);
    }
    let port = PortFamily::new(active.settings.port).map_or(0, |family| family.port(Role::Canvas).get());
    let addresses: Vec<_> = LOOPBACK.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
    let guard = Guard {
        state: state.clone(),
        hosts: Arc::new(AllowedHosts::new(&addresses, None)),
        is_public_page: |_| false,
    };
    let routes = Router::new()
        .route("/", any(redirect_to_canvas))
        .merge(routes(state, &guard.hosts, CanvasPort::Own))
        .fallback(async || reply::not_found());
    guard.protect(routes)
}

/// Returns the HTTP routes of the canvas on one port of the gateway, to be protected by that port's guard.
pub(crate) fn routes(state: &Arc<GatewayState>, hosts: &Arc<AllowedHosts>, port: CanvasPort) -> Router {
    let context = CanvasContext {
        state: state.clone(),
        hosts: hosts.clone(),
        port,
    };
    Router::new()
        .route(RELOAD_PATH, any(serve_live_reload_with_token))
        .route(CANVAS_PATH, any(redirect_to_canvas))
        .route(&format!("{CANVAS_PATH}/"), any(serve_file_with_token))
        .route(&format!("{CANVAS_PATH}/{{*path}}"), any(serve_file_with_token))
        .route(
            &format!("{CAPABILITY_PREFIX}/{{capability}}/{{*path}}"),
            any(serve_with_capability),
        )
        .with_state(context)
}

/// Redirects an HTTP request to the index page of the canvas.
async fn redirect_to_canvas() -> Redirect {
    Redirect::permanent(&format!("{CANVAS_PATH}/"))
}

/// Serves a file of the canvas to an HTTP request whose gateway token was checked by the guard.
async fn serve_file_with_token(State(context): State<CanvasContext>, request: Request) -> Response {
    let path = request.uri().path();
    let path = path.strip_prefix(CANVAS_PATH).unwrap_or_default();
    serve_file(&context, path, request.method()).await
}

/// Serves the canvas file or the live reload socket at a URL path that contains a capability, which replaces the
/// token. A wrong capability counts as a wrong token.
async fn serve_with_capability(State(context): State<CanvasContext>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let (capability, rest) = path
        .get(CAPABILITY_PREFIX.len() + 1..)
        .and_then(|path| path.split_once('/'))
        .unwrap_or_default();
    let connection = request.extensions().get::<RequestConnection>();
    if !context.state.canvas_capability.matches(capability) {
        let peer = connection.map(|connection| connection.peer.ip());
        return refuse_capability(&context.state, peer).await;
    }
    if let Some(connection) = connection {
        connection.permit.set_authenticated();
    }
    // Clients append `canvas/...`, or the whole path that the canvas has without a capability.
    let rest = rest.strip_prefix("__openclaw__/").unwrap_or(rest);
    match rest.strip_prefix("canvas") {
        Some("") => Redirect::permanent(&format!("{path}/")).into_response(),
        Some(below) if below.starts_with('/') => serve_file(&context, below, request.method()).await,
        _ if rest == "ws" => {
            // A page in the sandbox of the base port sends `null`; the capability proves that it is a page of
            // this canvas.
            let is_sandboxed = context.port == CanvasPort::Base
                && request
                    .headers()
                    .get(header::ORIGIN)
                    .is_some_and(|origin| origin == "null");
            serve_live_reload(context, request, is_sandboxed)
        }
        _ => reply::not_found(),
    }
}

/// Refuses an HTTP request with a wrong canvas capability, with the same delay as for a wrong token from the same
/// address.
async fn refuse_capability(state: &GatewayState, peer: Option<IpAddr>) -> Response {
    let outcome = match peer {
        Some(ip) => state.throttle.begin(ip, false).fail().await,
        None => AuthOutcome::Wrong,
    };
    reply::unauthenticated(outcome)
}

/// Serves the live reload socket of a canvas page to an HTTP request whose gateway token was checked by the guard.
async fn serve_live_reload_with_token(State(context): State<CanvasContext>, request: Request) -> Response {
    serve_live_reload(context, request, false)
}

/// Answers an HTTP request of a canvas page for the live reload socket. A sandboxed page has no origin to check.
fn serve_live_reload(context: CanvasContext, request: Request, is_sandboxed: bool) -> Response {
    if !is_websocket_upgrade(request.headers()) {
        return (StatusCode::UPGRADE_REQUIRED, "upgrade required").into_response();
    }
    let active = context.state.active();
    if !settings::is_enabled(&active.config) || !settings::is_live_reload_enabled(&active.config) {
        return reply::not_found();
    }
    let origins = configured_origins(&active.config);
    if !is_sandboxed && !context.hosts.origin_allowed(request.headers(), &origins) {
        return reply::foreign_origin();
    }
    let (mut parts, _) = request.into_parts();
    let Some(connection) = parts.extensions.get::<RequestConnection>().cloned() else {
        return reply::not_found();
    };
    let turns = context.state.large_message_turns.clone();
    match accept_upgrade(&mut parts) {
        Ok(upgrade) => serve_until_evicted(
            upgrade,
            connection,
            MAX_RELOAD_MESSAGE_BYTES,
            turns,
            move |socket| reload::serve(context.state, socket),
        ),
        Err(status) => reply::upgrade_required(status),
    }
}

/// Serves the file at one URL path below the canvas.
async fn serve_file(context: &CanvasContext, path: &str, method: &Method) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return reply::method_not_allowed();
    }
    let state = &context.state;
    let active = state.active();
    let names = url_path::file_names(path).filter(|_| settings::is_enabled(&active.config));
    let Some(names) = names else {
        return reply::not_found();
    };
    let root = settings::root(state.context.borrowed(), &active.config);
    let is_own = root == state.context.instance.canvas();
    let script = settings::is_live_reload_enabled(&active.config)
        .then(|| page::reload_script(&state.canvas_capability));
    let is_folder = path.ends_with('/');
    let open = move || safe_open::open_below(&root, is_own, &names, is_folder);
    let mut reply = match spawn_blocking(open).await {
        Ok(Ok(OpenedPath::File(file))) => page::reply(file, script).await,
        // Relative links of a page are resolved against its folder.
        Ok(Ok(OpenedPath::Folder)) => {
            let last = path.rsplit('/').next().unwrap_or_default();
            Redirect::temporary(&format!("./{last}/")).into_response()
        }
        Ok(Ok(OpenedPath::LinkedFile)) => {
            // Once is enough: a page may ask for it again and again.
            if !state.has_warned_of_canvas_link.swap(true, Ordering::Relaxed) {
                log::warn(state.lang, &msg!("canvas.linked", path = sanitize(path)));
            }
            return reply::not_found();
        }
        _ => return reply::not_found(),
    };
    let headers = reply.headers_mut();
    let policy = match context.port {
        CanvasPort::Base => SANDBOX_POLICY,
        CanvasPort::Own => OWN_PORT_POLICY,
    };
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    // Sandboxed pages have no origin: to the browser their own pictures are another site's.
    let resource_policy = HeaderValue::from_static("cross-origin");
    headers.insert("cross-origin-resource-policy", resource_policy);
    reply
}
