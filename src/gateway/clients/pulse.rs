//! What clients are told without asking: a tick, the health, and who came and went. It begins with the
//! first client: a gateway that nobody talks to has no timer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::{MissedTickBehavior, interval_at, sleep};

use super::{presence, presence_payload};
use crate::gateway::methods::health;
use crate::gateway::shared::Shared;

/// Between two ticks.
pub const TICK: Duration = Duration::from_secs(30);
/// Between two looks at the health.
const HEALTH: Duration = Duration::from_mins(1);
/// At least as long between two presence events: a thousand clients that connect at once are one event,
/// not a thousand events for each of a thousand.
const PRESENCE: Duration = Duration::from_millis(500);
/// And as much more for each client: so that telling all of them takes a small part of the time, however many they are.
const EACH: Duration = Duration::from_millis(1);

/// Beats until the gateway stops.
pub(super) async fn beat(shared: Arc<Shared>) {
    let interval = |period| {
        let mut interval = interval_at(tokio::time::Instant::now() + period, period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval
    };
    let (mut tick, mut look) = (interval(TICK), interval(HEALTH));
    let beating = async {
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    let ts = presence::millis(shared.host.now());
                    shared.clients.broadcast("tick", &json!({"ts": ts}));
                }
                _ = look.tick() => {
                    let health = health::look(&shared).await;
                    shared.clients.health_changed();
                    shared.clients.broadcast("health", &health);
                }
                () = shared.clients.changed.notified() => {
                    sleep(PRESENCE + EACH.saturating_mul(shared.clients.count().try_into().unwrap_or(u32::MAX))).await;
                    shared.clients.broadcast("presence", &presence_payload(&shared));
                }
            }
        }
    };
    tokio::select! {
        () = beating => {}
        _ = shared.stopped() => {}
    }
}
