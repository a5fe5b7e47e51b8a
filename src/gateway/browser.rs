//! The browser control service over HTTP, on base+2: on loopback only, wherever the gateway itself listens.
//!
//! Each request must name a served address in its `Host` header, must not come from a page of another
//! origin, and must show the token. No path is exempt.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Query, Request as HttpRequest, State};
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response as HttpResponse};
use serde_json::Value;

use super::access::{AllowedHosts, AuthOutcome};
use super::connections::RequestConnection;
use super::guard::authenticate;
use super::reply;
use super::state::GatewayState;
use crate::browser::client::TIMEOUT_HEADER;
use crate::browser::route::{ControlRequest, ControlResponse};
use crate::browser::{BrowserContext, BrowserControl};
use crate::i18n::Lang;
use crate::ports::{LOOPBACK, Role};

/// Maximum size of the body of a request to the browser control service, in bytes.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The values that the routes of the browser control service share.
#[derive(Clone, Debug)]
struct ControlService {
    state: Arc<GatewayState>,
    control: Arc<BrowserControl>,
    hosts: Arc<AllowedHosts>,
}

/// Returns the browsers that a gateway controls, which are created and stored in its state by the first call.
fn browser_control(state: &Arc<GatewayState>) -> Arc<BrowserControl> {
    let context = BrowserContext {
        host: state.context.host.clone(),
        env: state.context.env.clone(),
        instance: state.context.instance.clone(),
        base_port: state.active().settings.port,
    };
    let config = {
        // Weak: the state holds the browsers.
        let state = Arc::downgrade(state);
        move || match state.upgrade() {
            Some(state) => state.active().config.clone(),
            None => Value::Null,
        }
    };
    let create = || Arc::new(BrowserControl::new(context, config));
    state.browsers.get_or_init(create).clone()
}

/// Returns the HTTP routes of the gateway's browser control service, at the base port + 2 on loopback.
pub(crate) fn router(state: &Arc<GatewayState>) -> Router {
    let control = browser_control(state);
    let port = control
        .port_family()
        .map(|family| family.port(Role::BrowserControl));
    let addresses: Vec<_> = port
        .into_iter()
        .flat_map(|port| LOOPBACK.map(|ip| SocketAddr::new(ip, port.get())))
        .collect();
    Router::new().fallback(handle).with_state(ControlService {
        state: state.clone(),
        control,
        hosts: Arc::new(AllowedHosts::new(&addresses, None)),
    })
}

/// Handles a request to the browser control service: checks it, passes it to the browsers and returns their
/// reply.
async fn handle(State(service): State<ControlService>, request: HttpRequest) -> HttpResponse {
    let (head, body) = request.into_parts();
    let active = service.state.active();
    let allowed =
        service.hosts.host_allowed(&head.headers, &[]) && service.hosts.origin_allowed(&head.headers, &[]);
    if !allowed || is_cross_site(&head.headers) {
        return reply::error(StatusCode::FORBIDDEN, "not from here", "forbidden");
    }
    let connection = head.extensions.get::<RequestConnection>();
    let peer = connection.map(|connection| connection.peer.ip());
    let required = &active.settings.auth;
    let outcome = authenticate(&service.state.throttle, required, &head.headers, peer).await;
    if outcome != AuthOutcome::Accepted {
        return reply::unauthenticated(outcome);
    }
    if let Some(connection) = connection {
        connection.permit.set_authenticated();
    }
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return reply::error(StatusCode::PAYLOAD_TOO_LARGE, "body too large", "too_large");
    };
    let Some(body) = parse_body(&body) else {
        return reply::error(
            StatusCode::BAD_REQUEST,
            "body is not a JSON object",
            "bad_request",
        );
    };
    let header = |name: &str| head.headers.get(name)?.to_str().ok();
    let lang = header(ACCEPT_LANGUAGE.as_str()).and_then(Lang::from_code);
    let query = Query::<BTreeMap<String, String>>::try_from_uri(&head.uri);
    let request = ControlRequest {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: query.map(|Query(query)| query).unwrap_or_default(),
        body,
        timeout: header(TIMEOUT_HEADER)
            .and_then(|timeout| timeout.parse().ok())
            .map(Duration::from_millis),
        lang: lang.unwrap_or_else(Lang::english),
    };
    into_http(service.control.handle(request).await)
}

/// Returns whether the `Sec-Fetch-Site` header, which browsers set, says that an HTTP request was made by another
/// site.
fn is_cross_site(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none")
}

/// Parses the body of a request to the browser control service: `Null` where it is empty, `None` where it is
/// not a JSON object.
fn parse_body(body: &Bytes) -> Option<Value> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Some(Value::Null);
    }
    serde_json::from_slice(body).ok().filter(Value::is_object)
}

/// Converts a reply of the browser control service to an HTTP response.
fn into_http(response: ControlResponse) -> HttpResponse {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(response.body)).into_response()
}
