//! The hand-over of an HTTP connection to a WebSocket: the checks of the request, and the place of the connection
//! among the others.

use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tungstenite::handshake::derive_accept_key;

use super::access::is_websocket_upgrade;
use super::connections::{ConnectionStage, MAX_UNAUTHENTICATED_BYTES, RequestConnection};
use super::websocket::{LargeMessageTurns, WebSocket};

/// A WebSocket over an HTTP connection that was upgraded.
pub(crate) type UpgradedSocket = WebSocket<TokioIo<Upgraded>>;

/// An HTTP request that is a valid upgrade to a WebSocket.
#[derive(Debug)]
pub(crate) struct UpgradeRequest {
    on_upgrade: OnUpgrade,
    accept: HeaderValue,
}

/// Checks that an HTTP request is a valid upgrade to a WebSocket.
///
/// # Errors
/// The status of the reply to a request that is none.
pub(crate) fn accept_upgrade(parts: &mut Parts) -> Result<UpgradeRequest, StatusCode> {
    let headers = &parts.headers;
    if parts.method != Method::GET {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let upgrades = |value: &HeaderValue| {
        let names = value.to_str().unwrap_or_default().split(',');
        names
            .map(str::trim)
            .any(|name| name.eq_ignore_ascii_case("upgrade"))
    };
    if !is_websocket_upgrade(headers) || !headers.get(CONNECTION).is_some_and(upgrades) {
        return Err(StatusCode::UPGRADE_REQUIRED);
    }
    let is_13 = headers
        .get(SEC_WEBSOCKET_VERSION)
        .is_some_and(|version| version == "13");
    let accept = headers
        .get(SEC_WEBSOCKET_KEY)
        .filter(|_| is_13)
        .and_then(|key| HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok())
        .ok_or(StatusCode::BAD_REQUEST)?;
    let on_upgrade = parts
        .extensions
        .remove::<OnUpgrade>()
        .ok_or(StatusCode::UPGRADE_REQUIRED)?;
    Ok(UpgradeRequest { on_upgrade, accept })
}

/// Answers an HTTP request to become a WebSocket and runs `serve` on the socket until it ends, or until the
/// connection is evicted to make room for another one. Messages have at most `max_message` bytes until the client is
/// authenticated.
pub(crate) fn serve_until_evicted<F>(
    upgrade: UpgradeRequest,
    connection: RequestConnection,
    max_message: usize,
    turns: LargeMessageTurns,
    serve: impl FnOnce(UpgradedSocket) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    let RequestConnection { permit, .. } = connection;
    permit.set_stage(ConnectionStage::Session);
    tokio::spawn(async move {
        let served = async {
            // The connection may have ended before its reply was sent.
            let Ok(upgraded) = upgrade.on_upgrade.await else {
                return;
            };
            let mut socket = WebSocket::new(TokioIo::new(upgraded), max_message, turns);
            if !permit.is_authenticated() {
                socket.count_bytes(Box::new(permit.clone()), MAX_UNAUTHENTICATED_BYTES);
            }
            serve(socket).await;
        };
        tokio::select! {
            () = served => {}
            () = permit.evicted() => {}
        }
    });
    let headers = [
        (CONNECTION, HeaderValue::from_static("upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_ACCEPT, upgrade.accept),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}
