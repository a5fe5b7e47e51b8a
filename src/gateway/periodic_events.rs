//! The task that sends the periodic events to all clients: a tick, the health document, and the presence
//! list. It waits for the first client: a gateway that nobody talks to has no timer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Interval, MissedTickBehavior, interval_at, sleep};

use super::clients::presence::MAX_ENTRIES_UNREQUESTED;
use super::methods::health;
use super::protocol::TICK_INTERVAL;
use super::protocol::event::GatewayEvent;
use super::state::GatewayState;
use crate::time::unix_millis;

/// Time between two `health` events that the gateway sends to its clients.
const HEALTH_INTERVAL: Duration = Duration::from_mins(1);
/// Minimum time between two `presence` events that the gateway sends to its clients: a thousand clients that connect
/// at once are one event, not a thousand events for each of a thousand.
const PRESENCE_DELAY: Duration = Duration::from_millis(500);
/// Further time between two `presence` events of the gateway for each connected client, so that sending them takes a
/// small part of the time however many clients there are.
const PRESENCE_DELAY_PER_CLIENT: Duration = Duration::from_millis(1);

/// Sends the periodic events to all clients, from the first client on, until the gateway stops.
pub(crate) async fn broadcast_until_stopped(state: Arc<GatewayState>) {
    let broadcasting = async {
        state.clients.first_client().await;
        broadcast(&state).await;
    };
    tokio::select! {
        () = broadcasting => {}
        _ = state.stopped() => {}
    }
}

/// Sends the periodic events for ever.
async fn broadcast(state: &Arc<GatewayState>) {
    let (mut tick, mut health_check) = (interval(TICK_INTERVAL), interval(HEALTH_INTERVAL));
    loop {
        tokio::select! {
            _ = tick.tick() => {
                let ts = unix_millis(state.context.host.now());
                state.clients.broadcast(GatewayEvent::Tick, &json!({"ts": ts}));
            }
            _ = health_check.tick() => {
                let health = health::document(state).await;
                state.clients.increment_health_version();
                state.clients.broadcast(GatewayEvent::Health, &health);
            }
            () = state.clients.presence_changed() => {
                sleep(presence_delay(state.clients.count())).await;
                state.clients.broadcast(GatewayEvent::Presence, &presence_payload(state));
            }
        }
    }
}

/// Returns a timer whose first tick comes after one period.
fn interval(period: Duration) -> Interval {
    let mut interval = interval_at(tokio::time::Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Returns the time for which changes of the gateway's presence list are gathered into one event.
fn presence_delay(clients: usize) -> Duration {
    let clients = u32::try_from(clients).unwrap_or(u32::MAX);
    PRESENCE_DELAY + PRESENCE_DELAY_PER_CLIENT.saturating_mul(clients)
}

/// Returns the payload of the presence event.
fn presence_payload(state: &GatewayState) -> Value {
    json!({"presence": state.presence(MAX_ENTRIES_UNREQUESTED)})
}
