//! The access rules of a gateway: which `Host` and `Origin` headers are accepted, and which credentials.
//! Functions of headers, addresses and settings; nothing here knows a running gateway.
//!
//! A gateway on loopback is within reach of every web page that a browser on this machine shows. Two
//! checks keep such pages out. The `Host` header of each request must name a served address: a page whose
//! own domain name was pointed to 127.0.0.1 (DNS rebinding) still sends that name. And the `Origin` header
//! of a WebSocket request, which no page can forge, must be an accepted origin. Programs other than
//! browsers send no `Origin` header; they are kept out by the token.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN, UPGRADE};
use axum::http::uri::Authority;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::settings::ClientAuth;
use crate::url::{ServerUrl, host_ip, is_loopback_host, parse_authority};

#[cfg(test)]
mod tests;

/// The client at the other end of a WebSocket connection, as its upgrade request describes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// The address and port of the client.
    pub address: SocketAddr,
    /// `true` for a client on this machine: see [`is_local`].
    pub local: bool,
}

/// The outcome of checking the credentials of a client of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthOutcome {
    /// The credentials are right, or none are required.
    Accepted,
    /// Credentials are required and none were shown.
    Missing,
    /// Credentials are required and wrong ones were shown.
    Wrong,
    /// There were too many failed attempts from the client's network. The credentials were wrong, or not compared.
    TooManyAttempts {
        /// The time after which the client may try again.
        retry_after: Duration,
    },
}

/// Returns whether two secrets are equal, in a time that depends neither on where they differ nor on their
/// lengths: the digests are compared.
pub(crate) fn secrets_equal(one: &str, other: &str) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(one).ct_eq(&digest(other)).into()
}

/// Checks the token or password of a client against what the gateway requires. An empty text counts as missing.
pub(crate) fn check_credentials(
    required: &ClientAuth,
    token: Option<&str>,
    password: Option<&str>,
) -> AuthOutcome {
    let (secret, shown) = match required {
        ClientAuth::None => return AuthOutcome::Accepted,
        ClientAuth::Token(secret) => (secret, token),
        ClientAuth::Password(secret) => (secret, password),
    };
    match shown.filter(|shown| !shown.is_empty()) {
        None => AuthOutcome::Missing,
        Some(shown) if secrets_equal(shown, secret.expose()) => AuthOutcome::Accepted,
        Some(_) => AuthOutcome::Wrong,
    }
}

/// Returns the token in an HTTP request's `Authorization: Bearer` header, if the request has exactly one.
pub(crate) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = single_header(headers, &AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Returns the value of an HTTP header that must not be repeated: two values would let two readers see two different
/// requests.
fn single_header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() {
        return None;
    }
    first.to_str().ok()
}

/// The origin of a web page: `http` or `https`, a host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WebOrigin {
    secure: bool,
    host: String,
    port: u16,
}

impl WebOrigin {
    /// Parses the origin of a web page, as an `Origin` header or the config names it; a `/` at its end is allowed, a
    /// path is not. `None` for `null`, which sandboxed pages and files send, and for the schemes of browser
    /// extensions.
    fn parse(text: &str) -> Option<Self> {
        let url = ServerUrl::parse(text)?;
        let secure = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let is_bare = url.path_and_query() == "/" && !url.has_credentials() && !text.contains('#');
        is_bare.then_some(Self {
            secure,
            host: url.host().to_ascii_lowercase(),
            port: url.port_or_default()?,
        })
    }

    /// Returns whether a `Host` header names the host and port of this web origin. A port that is missing there is
    /// the default of this origin's scheme.
    fn is_at(&self, host: &Authority) -> bool {
        let default = if self.secure { 443 } else { 80 };
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case(&self.host) && host.port_u16().unwrap_or(default) == self.port
    }
}

/// The addresses that one port of the gateway is served on, in the forms in which `Host` and `Origin` headers name
/// them.
#[derive(Clone, Debug)]
pub(crate) struct AllowedHosts {
    /// The addresses without their port: a forwarded port (`ssh -L`, a container's) has another number,
    /// and no page chooses the port that its browser puts into the header.
    ips: Vec<IpAddr>,
    /// `true` where every address of this host is served. Any IP address is accepted then: to make a
    /// browser name this gateway takes a domain name, and domain names are checked.
    any_ip: bool,
    /// `localhost` where loopback is served, and this host's own name where more than loopback is.
    names: Vec<String>,
    /// The origins that mean loopback at the served port.
    loopback_origins: Vec<WebOrigin>,
}

impl AllowedHosts {
    /// Computes the hosts that `Host` headers may name from the addresses that the gateway is served on. `hostname`
    /// is this host's own name.
    pub(crate) fn new(addresses: &[SocketAddr], hostname: Option<&str>) -> Self {
        let ips: Vec<_> = addresses
            .iter()
            .map(|address| address.ip().to_canonical())
            .collect();
        let any_ip = ips.iter().any(IpAddr::is_unspecified);
        let mut allowed = Self {
            any_ip,
            names: Vec::new(),
            loopback_origins: Vec::new(),
            ips,
        };
        for address in addresses {
            if address.ip().is_loopback() || address.ip().is_unspecified() {
                allowed.names = vec!["localhost".to_owned()];
                for host in ["localhost", "127.0.0.1", "::1"] {
                    if allowed.contains(host) {
                        allowed.loopback_origins.push(WebOrigin {
                            secure: false,
                            host: host.to_owned(),
                            port: address.port(),
                        });
                    }
                }
            }
        }
        if addresses.iter().any(|address| !address.ip().is_loopback()) {
            allowed.names.extend(hostname.map(str::to_ascii_lowercase));
        }
        allowed
    }

    /// Returns whether a host (a name, an IPv4 address, or an IPv6 address with or without brackets) names one of the
    /// addresses that the gateway is served on.
    fn contains(&self, host: &str) -> bool {
        match host_ip(host) {
            Some(ip) => self.any_ip || self.ips.contains(&ip),
            None => self.names.iter().any(|name| name.eq_ignore_ascii_case(host)),
        }
    }

    /// Returns whether the one `Host` header of an HTTP request names an address of the gateway or one of the web
    /// origins that the config allows. A request without the header is refused: every browser, and every client since
    /// HTTP/1.1, sends one.
    pub(crate) fn host_allowed(&self, headers: &HeaderMap, origins: &[&str]) -> bool {
        single_header(headers, &HOST)
            .and_then(parse_authority)
            .is_some_and(|host| self.authority_allowed(&host, origins))
    }

    /// Returns whether an authority (`host[:port]`) names an address of the gateway or one of the web origins that
    /// the config allows.
    pub(crate) fn authority_allowed(&self, host: &Authority, origins: &[&str]) -> bool {
        !host.as_str().contains('@')
            && (self.contains(host.host())
                || origins
                    .iter()
                    .filter_map(|origin| WebOrigin::parse(origin))
                    .any(|origin| origin.is_at(host)))
    }

    /// Returns whether an HTTP request comes from a web page that may use the gateway, or from a program that is not
    /// a browser and sends no `Origin` header.
    ///
    /// The accepted pages are the page that the same address served (its `Host` header is checked by
    /// [`AllowedHosts::host_allowed`]), another name of loopback at the served port, and the `origins` that
    /// the config allows.
    pub(crate) fn origin_allowed(&self, headers: &HeaderMap, origins: &[&str]) -> bool {
        if !headers.contains_key(ORIGIN) {
            return true;
        }
        let Some(origin) = single_header(headers, &ORIGIN).and_then(WebOrigin::parse) else {
            return false;
        };
        let host = single_header(headers, &HOST).and_then(parse_authority);
        host.is_some_and(|host| origin.is_at(&host))
            || self.loopback_origins.contains(&origin)
            || origins
                .iter()
                .filter_map(|allowed| WebOrigin::parse(allowed))
                .any(|allowed| allowed == origin)
    }
}

/// Returns the web origins that a config allows to use the gateway besides the gateway's own:
/// `gateway.controlUi.allowedOrigins`. `*` is not an origin and never matches: it would let every page in.
pub(crate) fn configured_origins(config: &Value) -> Vec<&str> {
    let list = config
        .pointer("/gateway/controlUi/allowedOrigins")
        .and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Returns whether an HTTP request comes from this machine: over loopback, with a `Host` header that names loopback,
/// and without the header of a proxy. Only such clients are paired without being approved.
pub(crate) fn is_local(headers: &HeaderMap, peer: IpAddr) -> bool {
    let names_loopback = single_header(headers, &HOST)
        .and_then(parse_authority)
        .is_some_and(|host| is_loopback_host(host.host()));
    let is_forwarded = headers.keys().any(|name| {
        let name = name.as_str();
        name == "forwarded" || name.starts_with("x-forwarded-") || name == "x-real-ip" || name == "via"
    });
    peer.to_canonical().is_loopback() && names_loopback && !is_forwarded
}

/// Returns whether an HTTP request asks to become a WebSocket.
pub(crate) fn is_websocket_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}
