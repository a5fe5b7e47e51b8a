//! The canvas host: static files of the instance's own canvas folder, shown in web views of clients.
//!
//! It is served at base+4 and below `/__openclaw__/canvas/` of the base port (docs/openclaw.md#canvas). Every
//! path asks for the token. A web view can't send one, so a path that carries a capability, random at each
//! start and told to clients in their greeting, opens it too.
//!
//! Agents write these pages. At base+4 they are of another origin than the dashboard; on the base port
//! they are sandboxed, so that no script of theirs reads what the dashboard keeps.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::guard::{self, Guard, Served, refusal};
use super::serve::Link;
use super::shared::Shared;
use super::{http, session};
use crate::environment::Environment;
use crate::host::Host;
use crate::instance::{self, Instance};
use crate::ports::{LOOPBACK, PortFamily, Role};
use crate::secret::Secret;

mod beneath;
mod page;
mod reload;
mod route;

/// Where the canvas is on each port.
const CANVAS: &str = "/__openclaw__/canvas";
/// Below it, the capability, and what it opens.
const CAPABILITY: &str = "/__openclaw__/cap";
/// The live reload socket.
const RELOAD: &str = "/__openclaw__/ws";
/// What pages may do on the base port: anything but be of its origin.
const SANDBOX: &str = "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads";

/// The canvas of one gateway.
#[derive(Debug)]
pub struct Canvas {
    home: PathBuf,
    instance: Instance,
    cwd: Option<PathBuf>,
    /// Opens the canvas without a token: 256 random bits.
    capability: Secret,
    watcher: Mutex<Option<reload::Watcher>>,
}

/// Which port a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The base port.
    Base,
    /// base+4.
    Own,
}

impl Canvas {
    /// The canvas of this instance, with a capability of this start.
    pub fn new(env: &Environment, instance: &Instance, host: &Host) -> Self {
        Self {
            home: env.home.clone(),
            instance: instance.clone(),
            cwd: host.cwd().map(Path::to_owned),
            capability: Secret::new(URL_SAFE_NO_PAD.encode(host.random::<32>())),
            watcher: Mutex::default(),
        }
    }

    /// The folder that is served: `canvasHost.root`, where that shows nothing of this or another instance
    /// that is no canvas (docs/openclaw.md#leak-canvas-root), else the instance's own.
    pub fn root(&self, config: &Value) -> PathBuf {
        let wished = config.pointer("/canvasHost/root").and_then(Value::as_str);
        let absolute = |typed: &str| {
            let path = match typed.strip_prefix('~') {
                Some(rest) => self.home.join(rest.trim_start_matches(['/', '\\'])),
                None => self.cwd.as_deref().unwrap_or(Path::new("/")).join(typed),
            };
            Some(path)
        };
        wished
            .map(str::trim)
            .filter(|typed| !typed.is_empty())
            .and_then(absolute)
            .filter(|path| may_be_shown(path, &self.home, &self.instance))
            .unwrap_or_else(|| self.instance.canvas())
    }

    /// See [`Shared::canvas_url`].
    pub fn url(&self, config: &Value, base: u16) -> Option<String> {
        let port = PortFamily::new(base)?.port(Role::Canvas);
        let capability = self.capability.expose();
        enabled(config).then(|| format!("http://127.0.0.1:{port}{CAPABILITY}/{capability}"))
    }
}

/// Whether this folder may be shown on a canvas: it holds no instance's state, and lies in none, but for
/// what this instance has for its canvas or works on.
fn may_be_shown(path: &Path, home: &Path, instance: &Instance) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (path, state, home) = (real(path), real(&instance.state_dir), real(home));
    if state.starts_with(&path) || home.starts_with(&path) {
        return false;
    }
    if let Ok(below) = path.strip_prefix(&state) {
        let first = below.components().next();
        let name = first
            .and_then(|first| first.as_os_str().to_str())
            .unwrap_or_default();
        return name == "canvas" || name.starts_with("workspace");
    }
    !path
        .ancestors()
        .any(|folder| instance::owner_of_state(&home, folder).is_some())
}

/// Whether there is a canvas: `canvasHost.enabled`.
pub fn enabled(config: &Value) -> bool {
    config.pointer("/canvasHost/enabled").and_then(Value::as_bool) != Some(false)
}

/// Whether pages are told of changes: `canvasHost.liveReload`.
fn reloads(config: &Value) -> bool {
    config.pointer("/canvasHost/liveReload").and_then(Value::as_bool) != Some(false)
}

/// All routes of its own port: base+4 on loopback, whatever the base port does. No key of the config asks
/// for more, and clients from elsewhere reach the canvas below the base port. Makes the starter page where
/// the instance's folder has nothing in it.
pub fn router(shared: &Arc<Shared>) -> Router {
    page::start(shared);
    let port = PortFamily::new(shared.live().settings.port).map_or(0, |family| family.port(Role::Canvas));
    let addresses: Vec<_> = LOOPBACK.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
    let guard = Guard {
        shared: shared.clone(),
        served: Arc::new(Served::new(&addresses, None)),
        pages: |_| false,
    };
    let routes = Router::new()
        .route("/", any(async || Redirect::permanent(&format!("{CANVAS}/"))))
        .merge(routes(shared, &guard.served, Place::Own))
        .fallback(async || refusal(StatusCode::NOT_FOUND, "not found", "not_found"));
    guard.around(routes)
}

/// What the routes below share.
#[derive(Clone)]
struct Site {
    shared: Arc<Shared>,
    served: Arc<Served>,
    place: Place,
}

/// The routes of the canvas on one port, behind that port's guard.
pub fn routes(shared: &Arc<Shared>, served: &Arc<Served>, place: Place) -> Router {
    let site = Site {
        shared: shared.clone(),
        served: served.clone(),
        place,
    };
    Router::new()
        .route(RELOAD, any(reload))
        .route(CANVAS, any(async || Redirect::permanent(&format!("{CANVAS}/"))))
        .route(&format!("{CANVAS}/"), any(shown))
        .route(&format!("{CANVAS}/{{*path}}"), any(shown))
        .route(&format!("{CAPABILITY}/{{capability}}/{{*path}}"), any(opened))
        .with_state(site)
}

/// Whether this path is a live reload socket's.
pub(super) fn is_reload(path: &str) -> bool {
    path == RELOAD || (path.starts_with(CAPABILITY) && path.ends_with("/ws"))
}

/// A file, asked for with the token.
async fn shown(State(site): State<Site>, request: Request) -> Response {
    let path = request
        .uri()
        .path()
        .strip_prefix(CANVAS)
        .unwrap_or_default()
        .to_owned();
    file(&site, &path, request.method()).await
}

/// What the right capability opens. A wrong one is as wrong as a wrong token.
async fn opened(State(site): State<Site>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let (capability, rest) = path
        .get(CAPABILITY.len() + 1..)
        .and_then(|path| path.split_once('/'))
        .unwrap_or_default();
    let peer = request.extensions().get::<Link>().map(|link| link.peer.ip());
    if !guard::same(capability, site.shared.canvas.capability.expose()) {
        if let Some(peer) = peer
            && site.shared.throttle.turn(peer).await
        {
            site.shared.throttle.failed(peer);
        }
        return guard::unauthorized();
    }
    // Clients put `canvas/...` behind it, or the whole path that it has without.
    let rest = rest.strip_prefix("__openclaw__/").unwrap_or(rest);
    match rest.strip_prefix("canvas") {
        Some("") => Redirect::permanent(&format!("{path}/")).into_response(),
        Some(below) if below.starts_with('/') => file(&site, below, request.method()).await,
        _ if rest == "ws" => {
            // A page in the sandbox of the base port says `null`; the path says that it is ours.
            let sandboxed = site.place == Place::Base
                && request
                    .headers()
                    .get(header::ORIGIN)
                    .is_some_and(|origin| origin == "null");
            socket(site, request, sandboxed).await
        }
        _ => refusal(StatusCode::NOT_FOUND, "not found", "not_found"),
    }
}

/// Live reload, asked for with the token.
async fn reload(State(site): State<Site>, request: Request) -> Response {
    socket(site, request, false).await
}

async fn socket(site: Site, request: Request, sandboxed: bool) -> Response {
    if !guard::is_upgrade(request.headers()) {
        return (StatusCode::UPGRADE_REQUIRED, "upgrade required").into_response();
    }
    let live = site.shared.live();
    if !enabled(&live.config) || !reloads(&live.config) {
        return refusal(StatusCode::NOT_FOUND, "not found", "not_found");
    }
    let origins = guard::configured_origins(&live.config);
    if !sandboxed && !site.served.origin_allowed(request.headers(), &origins) {
        return http::foreign();
    }
    let (mut parts, _) = request.into_parts();
    let Some(link) = parts.extensions.get::<Link>().cloned() else {
        return refusal(StatusCode::NOT_FOUND, "not found", "not_found");
    };
    match http::upgrade(&mut parts).await {
        Ok(upgrade) => {
            let upgrade = session::limited(upgrade)
                .max_message_size(1024)
                .max_frame_size(1024);
            http::held(upgrade, link, move |socket| reload::serve(site.shared, socket))
        }
        Err(refused) => refused,
    }
}

/// The answer for one path below the canvas.
async fn file(site: &Site, path: &str, method: &Method) -> Response {
    let not_found = || refusal(StatusCode::NOT_FOUND, "not found", "not_found");
    if method != Method::GET && method != Method::HEAD {
        return refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "method not allowed",
            "method_not_allowed",
        );
    }
    let live = site.shared.live();
    let Some(names) = route::names(path).filter(|_| enabled(&live.config)) else {
        return not_found();
    };
    let root = site.shared.canvas.root(&live.config);
    let own = root == site.shared.instance.canvas();
    let script = reloads(&live.config).then(|| page::script(&site.shared.canvas.capability));
    let folder = path.ends_with('/');
    let found = tokio::task::spawn_blocking(move || beneath::open(&root, own, &names, folder)).await;
    let mut answer = match found {
        Ok(Ok(beneath::Found::File(file))) => page::answer(file, script).await,
        // Relative links of a page count from its folder.
        Ok(Ok(beneath::Found::Folder)) => {
            let last = path.rsplit('/').next().unwrap_or_default();
            Redirect::temporary(&format!("./{last}/")).into_response()
        }
        _ => return not_found(),
    };
    let headers = answer.headers_mut();
    let policy = match site.place {
        Place::Base => SANDBOX,
        Place::Own => "frame-ancestors 'self'",
    };
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    // Pages in the sandbox are of no origin; their own pictures would be somebody else's.
    let resource = HeaderValue::from_static("cross-origin");
    headers.insert("cross-origin-resource-policy", resource);
    answer
}

#[cfg(test)]
mod tests;
