//! The live reload of one page: a WebSocket that says `reload` after each burst of changes in the folder.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::timeout;

use super::settings;
use crate::gateway::state::GatewayState;
use crate::gateway::upgrade::UpgradedSocket;
use crate::gateway::websocket::OutgoingMessage;
use crate::sync::spawn_blocking;

/// Maximum time in which a canvas page must accept a live reload message before it is disconnected.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends `reload` to one canvas page after each burst of changes in the canvas folder, until the page disconnects or
/// the gateway stops.
pub(super) async fn serve(state: Arc<GatewayState>, mut socket: UpgradedSocket) {
    let watched = state.clone();
    // Off this thread: the whole folder is walked, and a workspace may be a large one.
    let started = spawn_blocking(move || {
        let root = settings::root(watched.context.borrowed(), &watched.active().config);
        watched.canvas_watcher.changes(&root)
    });
    let Ok(Some(mut changes)) = started.await else {
        return;
    };
    loop {
        tokio::select! {
            result = changes.changed() => {
                let sent = timeout(WRITE_TIMEOUT, socket.send(OutgoingMessage::Text("reload".into())));
                if result.is_err() || !matches!(sent.await, Ok(Ok(()))) {
                    return;
                }
            }
            received = socket.next() => if !matches!(received, Some(Ok(_))) {
                return;
            },
            _ = state.stopped() => return,
        }
    }
}
