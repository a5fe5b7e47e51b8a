//! Serves routers on listeners until the word to stop: limits, time limits, the drain.
//!
//! Not `axum::serve`: it waits for a request head for ever and takes any number of connections. What is
//! bounded here is what a stranger can make a gateway hold: heads, silence, connections.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;

use super::connections::{Stage, Ticket};
use super::shared::Shared;

mod bounded;

use crate::i18n::msg;
use bounded::Bounded;

/// A request head has as long to come whole, from the moment of the connection or of the last answer.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// A request head has at most this many bytes.
const HEAD: usize = 16 * 1024;
/// And at most this many headers.
const HEADERS: usize = 64;
/// Connections have as long to end by themselves once the gateway stops.
const DRAIN: Duration = Duration::from_secs(5);
/// After a failure to accept that is not one connection's own.
const PAUSE: Duration = Duration::from_millis(100);
/// Files that are not connections: logs, listeners, the lock, state files being written.
const OTHER_FILES: usize = 64;

/// The connection that a request came over; in the request's extensions.
#[derive(Clone, Debug)]
pub struct Link {
    /// Who is at its other end.
    pub peer: SocketAddr,
    /// Its place among the connections; whatever outlives the request holds on to it.
    pub ticket: Arc<Ticket>,
}

/// Serves one router on these listeners (already bound, non-blocking) until `shared` is stopped; then
/// drains for at most 5 s. Raises the number of files that this process may open to what the system
/// allows: each client is one.
pub async fn serve(shared: &Arc<Shared>, listeners: Vec<TcpListener>, router: Router) -> std::io::Result<()> {
    if let Some(files) = shared.host.raise_open_file_limit() {
        shared
            .connections
            .allow(files.saturating_sub(OTHER_FILES).max(OTHER_FILES));
    }
    let mut accepting = tokio::task::JoinSet::new();
    for listener in listeners {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (router, shared) = (router.clone(), shared.clone());
        accepting.spawn(async move {
            tokio::select! {
                _ = shared.stopped() => {}
                () = accept(&shared, &listener, &router) => {}
            }
        });
    }
    while let Some(ended) = accepting.join_next().await {
        ended.map_err(std::io::Error::other)?;
    }
    shared.connections.drained(DRAIN).await;
    Ok(())
}

async fn accept(shared: &Arc<Shared>, listener: &tokio::net::TcpListener, router: &Router) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Without room it is closed again at once.
                if let Some(ticket) = shared.connections.admit(peer.ip()) {
                    let link = Link {
                        peer,
                        ticket: Arc::new(ticket),
                    };
                    tokio::spawn(connection(shared.clone(), stream, link, router.clone()));
                }
            }
            Err(error) if is_of_the_connection(error.kind()) => {}
            Err(error) => {
                tracing::warn!(%error, "{}", msg!("guard.accept").render(shared.lang));
                shared.connections.shed_one();
                // Without a pause the same error would come back at once, for ever.
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether a failed accept says something of one connection only.
fn is_of_the_connection(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
            | ErrorKind::WouldBlock
    )
}

async fn connection(shared: Arc<Shared>, stream: TcpStream, link: Link, router: Router) {
    // Small answers go out at once; a socket that can't is no worse for it.
    let _ = stream.set_nodelay(true);
    let ticket = link.ticket.clone();
    let stream = Bounded::new(stream, ticket.clone());
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let ticket = link.ticket.clone();
        ticket.is_at(Stage::Working);
        request.extensions_mut().insert(link.clone());
        let answer = router.call(request);
        async move {
            let answer = answer.await;
            if !matches!(&answer, Ok(answer) if answer.status() == hyper::StatusCode::SWITCHING_PROTOCOLS) {
                ticket.is_at(Stage::Silent);
            }
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    // However it ended, there is nobody left to tell.
    tokio::select! {
        _ = &mut connection => {}
        () = ticket.shed() => {}
        _ = shared.stopped() => {
            // Ends one that asks nothing at once.
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                _ = &mut connection => {}
                () = ticket.shed() => {}
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
