//! Serving a router on listeners until the gateway stops: size limits, time limits, and the drain.
//!
//! This is not `axum::serve`, which waits for a request head for ever and accepts any number of connections.
//! Limited here is what a stranger can make a gateway hold: request heads, silence, connections.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;

use super::connections::{ConnectionStage, RequestConnection};
use super::state::GatewayState;
use crate::i18n::msg;

mod counted_stream;

use counted_stream::CountedStream;

/// Time within which the whole head of an HTTP request to the gateway must arrive, counted from the connection or
/// from the last HTTP response.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of the head of an HTTP request to the gateway, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Maximum number of headers of an HTTP request to the gateway.
const MAX_HEADERS: usize = 64;
/// Time that connections to the gateway have to end by themselves once it stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause of a gateway server after a failure to accept a connection: without one the same error would come back at
/// once.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);
/// Minimum time between two warnings about failures to accept a connection.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);
/// Number of file descriptors that the gateway keeps for other files than connections: logs, listeners, the lock,
/// state files being written.
const RESERVED_FILES: usize = 64;

/// Serves the gateway's HTTP router on listeners that are bound and non-blocking, until the gateway stops; then
/// drains the connections for at most [`DRAIN_TIMEOUT`]. Raises the number of files that this process may open to the
/// maximum that the system allows: each client is one.
///
/// # Errors
/// A listener can't be served by the async runtime.
pub(crate) async fn serve(
    state: &Arc<GatewayState>,
    listeners: Vec<TcpListener>,
    router: Router,
) -> std::io::Result<()> {
    if let Some(files) = state.context.host.raise_open_file_limit() {
        state
            .connections
            .set_max(files.saturating_sub(RESERVED_FILES).max(RESERVED_FILES));
    }
    let mut accept_tasks = tokio::task::JoinSet::new();
    for listener in listeners {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (router, state) = (router.clone(), state.clone());
        accept_tasks.spawn(async move {
            tokio::select! {
                _ = state.stopped() => {}
                () = accept_connections(&state, &listener, &router) => {}
            }
        });
    }
    while let Some(ended) = accept_tasks.join_next().await {
        ended.map_err(std::io::Error::other)?;
    }
    state.connections.drain(DRAIN_TIMEOUT).await;
    Ok(())
}

/// Accepts connections to the gateway for ever; each is served by a task of its own.
async fn accept_connections(state: &Arc<GatewayState>, listener: &tokio::net::TcpListener, router: &Router) {
    let mut last_warning: Option<Instant> = None;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // A connection that is not admitted is closed with its stream.
                if let Some(permit) = state.connections.admit(peer.ip()) {
                    let connection = RequestConnection {
                        peer,
                        permit: Arc::new(permit),
                    };
                    tokio::spawn(serve_connection(
                        state.clone(),
                        stream,
                        connection,
                        router.clone(),
                    ));
                }
            }
            Err(error) if concerns_one_connection(error.kind()) => {}
            Err(error) => {
                // A host without file descriptors fails ten times a second for as long as it has none.
                if last_warning.is_none_or(|last| last.elapsed() >= WARNING_INTERVAL) {
                    last_warning = Some(Instant::now());
                    tracing::warn!(%error, "{}", msg!("guard.accept").render(state.lang));
                }
                state.connections.evict_one();
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

/// Returns whether a failure to accept a connection to the gateway concerns that connection only, and not the
/// listener.
fn concerns_one_connection(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
            | ErrorKind::WouldBlock
    )
}

/// Serves the HTTP requests of one connection to the gateway until it ends, is evicted, or the gateway stops.
async fn serve_connection(
    state: Arc<GatewayState>,
    stream: TcpStream,
    connection: RequestConnection,
    router: Router,
) {
    // Without a delay for small replies. Where that fails, they are only slower.
    let _ = stream.set_nodelay(true);
    let permit = connection.permit.clone();
    let stream = CountedStream::new(stream, permit.clone());
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let permit = connection.permit.clone();
        permit.set_stage(ConnectionStage::Working);
        request.extensions_mut().insert(connection.clone());
        let reply = router.call(request);
        async move {
            let reply = reply.await;
            let is_upgraded =
                matches!(&reply, Ok(reply) if reply.status() == hyper::StatusCode::SWITCHING_PROTOCOLS);
            if !is_upgraded {
                permit.set_stage(ConnectionStage::Silent);
            }
            reply
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    // The result is ignored: however the connection ended, there is nobody left to tell.
    tokio::select! {
        _ = &mut connection => {}
        () = permit.evicted() => {}
        _ = state.stopped() => {
            // Without a request in progress this ends the connection at once.
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                _ = &mut connection => {}
                () = permit.evicted() => {}
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
