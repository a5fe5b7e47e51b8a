//! Who may ask: `Host` and `Origin` against the addresses that are served, the token in constant time.
//!
//! A gateway on loopback is within reach of every web page that a browser of this machine shows. Two
//! looks keep such pages out: the `Host` of each request must be an address of ours (a page that had its
//! own name point to 127.0.0.1 still says that name there), and a WebSocket's `Origin`, which no page can
//! forge, must be a page of ours. What is no browser sends no `Origin` and proves itself by the token.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN, UPGRADE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::http;
use super::serve::Link;
use super::shared::Shared;
use crate::settings::Proof;

/// Whether two secrets are the same, in a time that tells nothing of where they differ, nor how long
/// either is: their digests are compared.
pub fn same(one: &str, other: &str) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(one).ct_eq(&digest(other)).into()
}

/// What became of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is right, or none is asked for.
    Granted,
    /// None was shown.
    Missing,
    /// It is not the right one.
    Wrong,
}

/// Whether this token or password is what the gateway asks for.
pub fn admits(proof: &Proof, token: Option<&str>, password: Option<&str>) -> Admission {
    let (secret, shown) = match proof {
        Proof::None => return Admission::Granted,
        Proof::Token(secret) => (secret, token),
        Proof::Password(secret) => (secret, password),
    };
    match shown.filter(|shown| !shown.is_empty()) {
        None => Admission::Missing,
        Some(shown) if same(shown, secret.expose()) => Admission::Granted,
        Some(_) => Admission::Wrong,
    }
}

/// The token of `Authorization: Bearer`, where exactly one such header is there.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = only(headers, &AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The value of a header that must not come twice: two would let two readers see two things.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() {
        return None;
    }
    first.to_str().ok()
}

/// The addresses that are served, as `Host` and `Origin` name them.
#[derive(Clone, Debug)]
pub struct Served {
    /// Each address, without its port: a forwarded port (`ssh -L`, a container's) has another number, and
    /// no page chooses the port that its browser names there.
    ips: Vec<IpAddr>,
    /// Every address of this host is served. Then any number is taken as one: to have it name this
    /// gateway takes a name, and names are what is checked.
    wildcard: bool,
    /// The names: `localhost` where loopback is served, this host's own where more than that is.
    names: Vec<String>,
    /// The origins that mean loopback at the served port.
    loopback: Vec<String>,
}

impl Served {
    /// What is served by listening on these addresses. `hostname` is this host's own name.
    pub fn new(addresses: &[SocketAddr], hostname: Option<&str>) -> Self {
        let ips: Vec<_> = addresses
            .iter()
            .map(|address| address.ip().to_canonical())
            .collect();
        let wildcard = ips.iter().any(IpAddr::is_unspecified);
        let mut served = Self {
            wildcard,
            names: Vec::new(),
            loopback: Vec::new(),
            ips,
        };
        for address in addresses {
            if address.ip().is_loopback() || address.ip().is_unspecified() {
                let port = address.port();
                served.names = vec!["localhost".to_owned()];
                for host in ["localhost", "127.0.0.1", "[::1]"] {
                    if host.starts_with('l') || served.has(host) {
                        served.loopback.push(format!("http://{host}:{port}"));
                    }
                }
            }
        }
        if addresses.iter().any(|address| !address.ip().is_loopback()) {
            served.names.extend(hostname.map(str::to_ascii_lowercase));
        }
        served
    }

    /// Whether this is the host part of an address of ours: a name, an IPv4 address, an IPv6 one in brackets.
    fn has(&self, host: &str) -> bool {
        match ip(host) {
            Some(ip) => self.wildcard || self.ips.contains(&ip),
            None => self.names.iter().any(|name| name.eq_ignore_ascii_case(host)),
        }
    }

    /// Whether the request names an address of ours, or one of the `origins` that the config allows, in
    /// its one `Host` header. None is not: every browser and every client since HTTP/1.1 sends it.
    pub fn host_allowed(&self, headers: &HeaderMap, origins: &[&str]) -> bool {
        let Some(host) = only(headers, &HOST).and_then(authority) else {
            return false;
        };
        self.has(host.host())
            || origins
                .iter()
                .any(|origin| authority_of(origin).is_some_and(|o| o.eq_ignore_ascii_case(host.as_str())))
    }

    /// Whether the request comes from no browser, or from a page of ours: one that the same address gave
    /// (its `Host` is looked at by [`Served::host_allowed`]), another name of loopback at the served port,
    /// or one of the `origins` that the config allows. `null`, as sandboxed pages and files say, is none.
    pub fn origin_allowed(&self, headers: &HeaderMap, origins: &[&str]) -> bool {
        if !headers.contains_key(ORIGIN) {
            return true;
        }
        let Some(origin) = only(headers, &ORIGIN) else {
            return false;
        };
        let own = || {
            let host = only(headers, &HOST)?;
            Some(authority_of(origin)?.eq_ignore_ascii_case(host))
        };
        own().unwrap_or(false)
            || self
                .loopback
                .iter()
                .any(|served| served.eq_ignore_ascii_case(origin))
            || origins
                .iter()
                .any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin))
    }
}

/// The origins that a config allows besides the gateway's own: `gateway.controlUi.allowedOrigins`. `*` is
/// none: it would let every page in.
pub fn configured_origins(config: &Value) -> Vec<&str> {
    let list = config
        .pointer("/gateway/controlUi/allowedOrigins")
        .and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// `host[:port]`, nothing around it.
fn authority(text: &str) -> Option<Authority> {
    let authority: Authority = text.parse().ok()?;
    (!authority.as_str().contains('@')).then_some(authority)
}

/// The `host[:port]` of a web origin.
fn authority_of(origin: &str) -> Option<&str> {
    let (scheme, rest) = origin.split_once("://")?;
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    web.then(|| rest.trim_end_matches('/'))
}

/// The number that a host part is.
fn ip(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    bare.parse().ok().map(|ip: IpAddr| ip.to_canonical())
}

/// Whether the request comes straight from this machine: over loopback, named so by its `Host`, and
/// passed on by no proxy. Only such clients are paired without asking.
pub fn is_local(headers: &HeaderMap, peer: IpAddr) -> bool {
    let named = only(headers, &HOST).and_then(authority).is_some_and(|host| {
        let host = host.host();
        host.eq_ignore_ascii_case("localhost") || ip(host).is_some_and(|ip| ip.is_loopback())
    });
    let forwarded = headers.keys().any(|name| {
        let name = name.as_str();
        name == "forwarded" || name.starts_with("x-forwarded-") || name == "x-real-ip" || name == "via"
    });
    peer.to_canonical().is_loopback() && named && !forwarded
}

/// Whether a request wants to become a WebSocket.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Whether a request passes without a token, for the reason beside each.
fn open(path: &str, pages: fn(&str) -> bool) -> bool {
    // Liveness says what `ps` says anyway.
    let probe = matches!(path, "/health" | "/healthz" | "/ready" | "/readyz");
    // The path carries its own proof, which the canvas looks at.
    let capability = path.starts_with("/__openclaw__/cap/");
    // A page itself holds nothing; what it shows, it asks for in a session.
    probe || capability || pages(path)
}

/// What each request of one port must pass before anything else is done with it.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The gateway.
    pub shared: Arc<Shared>,
    /// The addresses of this port.
    pub served: Arc<Served>,
    /// The paths of a page which needs no token.
    pub pages: fn(&str) -> bool,
}

impl Guard {
    /// Lets through to these routes who names this port and shows the token.
    pub fn around(self, routes: Router) -> Router {
        routes
            .layer(from_fn_with_state(self.clone(), token))
            .layer(from_fn_with_state(self, host))
    }

    /// Whether the request comes from no browser or from a page that may.
    pub fn origin(&self, headers: &HeaderMap) -> bool {
        let live = self.shared.live();
        self.served
            .origin_allowed(headers, &configured_origins(&live.config))
    }
}

/// Refuses requests that name another host, and makes every answer a hardened one.
pub async fn host(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let live = guard.shared.live();
    let origins = configured_origins(&live.config);
    // `GET http://host/path` names it a second time.
    let named = |authority: &Authority| {
        authority.as_str().parse().is_ok_and(|value| {
            let absolute = HeaderMap::from_iter([(HOST, value)]);
            guard.served.host_allowed(&absolute, &origins)
        })
    };
    let allowed =
        guard.served.host_allowed(request.headers(), &origins) && request.uri().authority().is_none_or(named);
    let mut answer = if allowed {
        next.run(request).await
    } else {
        refusal(
            StatusCode::MISDIRECTED_REQUEST,
            "host not served here",
            "misdirected",
        )
    };
    http::harden(answer.headers_mut());
    answer
}

/// Asks for the token wherever it is needed.
pub async fn token(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if open(request.uri().path(), guard.pages) {
        return next.run(request).await;
    }
    let peer = request.extensions().get::<Link>().map(|link| link.peer.ip());
    let live = guard.shared.live();
    match admission(&guard.shared, &live.settings.proof, request.headers(), peer).await {
        Admission::Granted => next.run(request).await,
        Admission::Missing | Admission::Wrong => unauthorized(),
    }
}

/// Looks at a bearer token, slower for an address that has shown wrong ones, and not at all where too many
/// of that address wait.
pub async fn admission(
    shared: &Shared,
    proof: &Proof,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
) -> Admission {
    let shown = bearer(headers);
    if let (Some(_), Some(peer)) = (shown, peer)
        && !shared.throttle.turn(peer).await
    {
        return Admission::Wrong;
    }
    // As OpenClaw has it, the one header carries whichever of the two is asked for.
    let admission = admits(proof, shown, shown);
    match (admission, peer) {
        (Admission::Wrong, Some(peer)) => shared.throttle.failed(peer),
        (Admission::Granted, Some(peer)) if shown.is_some() => shared.throttle.succeeded(peer),
        _ => {}
    }
    admission
}

/// The answer to a request without the right token, in the protocol's own shape (docs/openclaw.md#http-unauthorized).
pub fn unauthorized() -> Response {
    refusal(StatusCode::UNAUTHORIZED, "Unauthorized", "unauthorized")
}

/// An error of the HTTP side: the protocol's words, the same in every language.
pub fn refusal(status: StatusCode, message: &str, kind: &str) -> Response {
    let body = json!({ "error": { "message": message, "type": kind } });
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests;
