//! Serves routers on listeners until the word to stop: limits, time limits, the drain.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use axum::Router;

use super::shared::Shared;

/// The connection that a request came over; in the request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Who is at its other end.
    pub peer: SocketAddr,
}

/// Serves one router on these listeners (already bound, non-blocking) until `shared` is stopped; then
/// drains for at most 5 s.
pub async fn serve(shared: &Arc<Shared>, listeners: Vec<TcpListener>, router: Router) -> std::io::Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for listener in listeners {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (router, shared) = (router.clone(), shared.clone());
        tasks.spawn(async move {
            let stopped = async move {
                shared.stopped().await;
            };
            axum::serve(listener, router.into_make_service())
                .with_graceful_shutdown(stopped)
                .await
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(std::io::Error::other)??;
    }
    Ok(())
}
