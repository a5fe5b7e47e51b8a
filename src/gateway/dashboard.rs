//! The page at `/`: which gateway this is, its ports, who is connected, what the isolation check found.

use std::sync::Arc;

use axum::Router;

use super::shared::Shared;

/// Its routes.
pub fn router(_shared: Arc<Shared>) -> Router {
    Router::new()
}

/// Whether this path is part of the page.
pub fn is_page(path: &str) -> bool {
    path == "/"
}
