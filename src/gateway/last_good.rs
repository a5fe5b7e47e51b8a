//! Saving the config that a gateway has started well with as the last good one.

use std::sync::Arc;
use std::time::Duration;

use super::log;
use super::state::GatewayState;
use crate::boot::{ConfigLoader, UsableConfig};
use crate::sync::spawn_blocking;

/// Time for which a gateway must run with a config before the config counts as good and is saved as the last good
/// one.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// Waits for [`SETTLE_TIME`], then saves the config that the gateway was started with as the last good one.
pub(crate) async fn save_when_settled(state: Arc<GatewayState>, loader: ConfigLoader, ready: UsableConfig) {
    tokio::time::sleep(SETTLE_TIME).await;
    // Off this thread: it waits for the disk. A failure is logged there.
    let _ = spawn_blocking(move || save(&state, &loader, &ready)).await;
}

/// Saves a config as the last good one, if the gateway still runs with it. A failure is logged.
pub(crate) fn save(state: &GatewayState, loader: &ConfigLoader, ready: &UsableConfig) {
    if state.active().config == ready.config
        && let Err(error) = loader.save_last_good(ready)
    {
        log::error(state.lang, &error);
    }
}
