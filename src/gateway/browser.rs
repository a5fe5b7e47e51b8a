//! The control service of a gateway over HTTP, on base+2: for whoever has the gateway's token, at
//! loopback only, wherever the gateway itself listens.
//!
//! Each request must name an address of ours in its `Host` (so no page can have a name of its own point
//! here), come from no page of another origin, and show the token. Nothing passes without these.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Query, Request as HttpRequest, State};
use axum::http::StatusCode;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::response::{IntoResponse as _, Response as HttpResponse};
use serde_json::Value;

use super::guard::{self, Admission, Served};
use super::serve::Link;
use super::shared::Shared;
use crate::browser::World;
use crate::browser::client::TIMEOUT;
use crate::browser::control::Control;
use crate::browser::route::{Request, Response};
use crate::i18n::Lang;
use crate::ports::{LOOPBACK, Role};

/// The largest body, in bytes.
const MOST: usize = 1024 * 1024;

#[derive(Clone, Debug)]
struct Service {
    shared: Arc<Shared>,
    control: Arc<Control>,
    served: Arc<Served>,
}

/// The browsers of a gateway that starts, made known to its other parts.
pub fn control(shared: &Arc<Shared>) -> Arc<Control> {
    let world = World {
        host: shared.host.clone(),
        env: shared.env.clone(),
        instance: shared.instance.clone(),
        base: shared.live().settings.port,
    };
    let config = {
        let shared = Arc::downgrade(shared);
        move || match shared.upgrade() {
            Some(shared) => shared.live().config.clone(),
            None => Value::Null,
        }
    };
    let make = || Arc::new(Control::new(world, config));
    shared.browser.get_or_init(make).clone()
}

/// The routes, for listeners at loopback on the instance's own port.
pub fn router(shared: &Arc<Shared>) -> Router {
    let control = control(shared);
    let port = control.family().map(|family| family.port(Role::BrowserControl));
    let addresses: Vec<_> = port
        .into_iter()
        .flat_map(|port| LOOPBACK.map(|ip| SocketAddr::new(ip, port)))
        .collect();
    let served = Arc::new(Served::new(&addresses, None));
    Router::new().fallback(answer).with_state(Service {
        shared: shared.clone(),
        control,
        served,
    })
}

async fn answer(State(service): State<Service>, request: HttpRequest) -> HttpResponse {
    let (head, body) = request.into_parts();
    let live = service.shared.live();
    let allowed =
        service.served.host_allowed(&head.headers, &[]) && service.served.origin_allowed(&head.headers, &[]);
    if !allowed || is_from_elsewhere(&head.headers) {
        return guard::refusal(StatusCode::FORBIDDEN, "not from here", "forbidden");
    }
    let peer = head.extensions.get::<Link>().map(|link| link.peer.ip());
    let admission = guard::admission(&service.shared, &live.settings.proof, &head.headers, peer).await;
    if admission != Admission::Granted {
        return guard::unauthorized();
    }
    let Ok(body) = to_bytes(body, MOST).await else {
        return guard::refusal(StatusCode::PAYLOAD_TOO_LARGE, "body too large", "too_large");
    };
    let Some(body) = parsed(&body) else {
        return guard::refusal(StatusCode::BAD_REQUEST, "body is no JSON object", "bad_request");
    };
    let text = |name: &str| head.headers.get(name)?.to_str().ok();
    let lang = text(ACCEPT_LANGUAGE.as_str()).and_then(Lang::from_code);
    let query = Query::<BTreeMap<String, String>>::try_from_uri(&head.uri);
    let request = Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: query.map(|Query(query)| query).unwrap_or_default(),
        body,
        limit: text(TIMEOUT)
            .and_then(|limit| limit.parse().ok())
            .map(Duration::from_millis),
        lang: lang.unwrap_or_else(Lang::english),
    };
    into_http(service.control.handle(request).await)
}

/// Whether a browser says that another site asked.
fn is_from_elsewhere(headers: &axum::http::HeaderMap) -> bool {
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none")
}

fn parsed(body: &Bytes) -> Option<Value> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Some(Value::Null);
    }
    serde_json::from_slice(body).ok().filter(Value::is_object)
}

fn into_http(response: Response) -> HttpResponse {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(response.body)).into_response()
}
