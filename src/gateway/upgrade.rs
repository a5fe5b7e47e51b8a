//! The hand-over of an HTTP connection to a WebSocket: its limits, and its place among the connections.

use axum::extract::FromRequestParts as _;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::response::Response;

use super::connections::{ConnectionStage, RequestConnection};
use super::protocol::MAX_PAYLOAD_BYTES;
use super::reply;

/// Size of the read buffer of one WebSocket, in bytes. It is kept for as long as the connection is open,
/// and thousands of connections may be idle.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Prepares the upgrade of a request to a WebSocket, with the size limits of the protocol.
///
/// # Errors
/// The reply to a request that is no valid upgrade.
pub(crate) async fn accept_upgrade(parts: &mut Parts) -> Result<WebSocketUpgrade, Response> {
    let upgrade = WebSocketUpgrade::from_request_parts(parts, &())
        .await
        .map_err(|rejection| reply::error(rejection.status(), "upgrade required", "upgrade_required"))?;
    Ok(upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(MAX_PAYLOAD_BYTES)
        .max_frame_size(MAX_PAYLOAD_BYTES))
}

/// Answers an HTTP request to become a WebSocket and runs `serve` on the socket until it ends, or until the
/// connection is evicted to make room for another one.
pub(crate) fn serve_until_evicted<F>(
    upgrade: WebSocketUpgrade,
    connection: RequestConnection,
    serve: impl FnOnce(WebSocket) -> F + Send + 'static,
) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    connection.permit.set_stage(ConnectionStage::Session);
    upgrade.on_upgrade(move |socket| async move {
        tokio::select! {
            () = serve(socket) => {}
            () = connection.permit.evicted() => {}
        }
    })
}
