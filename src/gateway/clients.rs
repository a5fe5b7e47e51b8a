//! Who is connected over the WebSocket, and how events reach them all.
//!
//! Each client has a bounded queue of frames, which all share their bytes. One that does not read fills its
//! queue and is let go; nobody waits for it. An idle client costs its entry here and its session's task.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use axum::extract::ws::Utf8Bytes;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use super::protocol::connect::Client;
use super::protocol::{self, Protocol, Role, Scope, StateVersion};
use super::shared::Shared;

pub mod presence;
pub mod pulse;

use presence::Presence;

/// As many frames wait for a client that reads slowly; one more, and it is let go.
const QUEUE: usize = 64;

/// What a session is to do for its client.
#[derive(Clone, Debug)]
pub enum Errand {
    /// To send this frame.
    Say(Utf8Bytes),
    /// To end: what the client was let in by opens no longer.
    ProofChanged,
}

/// A client that has proved itself.
#[derive(Clone, Debug)]
pub struct Connected {
    /// Its connection: new each time.
    pub conn_id: Uuid,
    /// Which program it is.
    pub client: Client,
    /// What it speaks.
    pub protocol: Protocol,
    /// As what it connects.
    pub role: Role,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Its device, where it has proved one.
    pub device_id: Option<String>,
    /// Whether its device's own token let it in.
    pub by_device_token: bool,
    /// Where it connects from.
    pub ip: IpAddr,
    /// Since when.
    pub since: SystemTime,
}

impl Connected {
    /// Whether it may do what needs this scope.
    pub fn may(&self, scope: Scope) -> bool {
        self.role == Role::Operator && scope.is_in(&self.scopes)
    }

    /// Its place in the presence list. A command line comes and goes with each call, and has none.
    fn presence_key(&self) -> Option<String> {
        let key = || {
            let named = self.device_id.as_ref().or(self.client.instance_id.as_ref());
            named.map_or_else(|| self.conn_id.to_string(), |key| key.trim().to_owned())
        };
        (!self.client.is_cli()).then(key)
    }
}

/// The connected clients.
#[derive(Debug, Default)]
pub struct Clients {
    registry: Mutex<Registry>,
    /// The presence list changed.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Registry {
    connected: HashMap<Uuid, Slot>,
    presence: Presence,
    version: StateVersion,
    seq: u64,
    /// Whether the pulse beats: from the first client on.
    beats: bool,
}

#[derive(Debug)]
struct Slot {
    who: Arc<Connected>,
    queue: mpsc::Sender<Errand>,
}

impl Clients {
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everybody who is connected, in no order.
    pub fn connected(&self) -> Vec<Arc<Connected>> {
        self.registry()
            .connected
            .values()
            .map(|slot| slot.who.clone())
            .collect()
    }

    /// How many are connected.
    pub fn count(&self) -> usize {
        self.registry().connected.len()
    }

    /// The presence list, the newest first, at most `most` of it; the gateway's own entry comes first.
    pub fn presence(&self, shared: &Shared, most: usize) -> Value {
        let now = shared.host.now();
        let mut list = vec![presence::own(shared, now)];
        list.extend(self.registry().presence.list(now, most.saturating_sub(1)));
        list.into()
    }

    /// The versions of presence list and health.
    pub fn version(&self) -> StateVersion {
        self.registry().version
    }

    /// The health was looked at anew.
    pub(super) fn health_changed(&self) {
        self.registry().version.health += 1;
    }

    /// Sends an event to every client that may see it.
    pub fn broadcast(&self, name: &str, payload: &Value) {
        let versioned = matches!(name, "presence" | "health");
        let mut registry = self.registry();
        let version = versioned.then_some(registry.version);
        let frame = registry.frame(name, payload, version);
        let needed = name.starts_with("device.pair.").then_some(Scope::Pairing);
        registry.connected.retain(|_, slot| {
            let sees = needed.is_none_or(|scope| slot.who.may(scope));
            // Who is gone or does not read is dropped with its sender: its session sees that, and ends.
            !sees || slot.queue.try_send(Errand::Say(frame.clone())).is_ok()
        });
    }

    /// Lets everybody go who was let in by the gateway's own token or password, which is another now; how
    /// many that were. Who has a token of its device stays.
    pub(super) fn proof_changed(&self) -> usize {
        self.let_go(|who| !who.by_device_token)
    }

    /// Lets a device go that was let in, in this role, by a token of its own, which opens no longer.
    pub(super) fn token_revoked(&self, device_id: &str, role: &str) {
        self.let_go(|who| {
            who.by_device_token && who.device_id.as_deref() == Some(device_id) && who.role.name() == role
        });
    }

    fn let_go(&self, goes: impl Fn(&Connected) -> bool) -> usize {
        let mut registry = self.registry();
        let before = registry.connected.len();
        registry.connected.retain(|_, slot| {
            let goes = goes(&slot.who);
            if goes {
                // Where its queue is full, it goes with its sender.
                let _ = slot.queue.try_send(Errand::ProofChanged);
            }
            !goes
        });
        before - registry.connected.len()
    }

    /// The frame of an event that each session sends itself.
    pub(super) fn last_frame(&self, name: &str, payload: &Value) -> Utf8Bytes {
        self.registry().frame(name, payload, None)
    }
}

impl Registry {
    fn frame(&mut self, name: &str, payload: &Value, version: Option<StateVersion>) -> Utf8Bytes {
        self.seq += 1;
        protocol::event(name, payload, Some(self.seq), version).into()
    }
}

/// The stay of one client: it ends when this is dropped.
#[derive(Debug)]
pub struct Stay {
    shared: Arc<Shared>,
    /// Who stays.
    pub who: Arc<Connected>,
    /// What is to be done for it. `None` comes when it was let go.
    pub outbox: mpsc::Receiver<Errand>,
}

impl Stay {
    /// Lets a client in.
    pub fn begin(shared: &Arc<Shared>, who: Connected) -> Self {
        let (queue, outbox) = mpsc::channel(QUEUE);
        let who = Arc::new(who);
        let mut registry = shared.clients.registry();
        if let Some(key) = who.presence_key() {
            registry.presence.came(key, &who, shared.host.now());
            registry.version.presence += 1;
            shared.clients.changed.notify_one();
        }
        registry.connected.insert(
            who.conn_id,
            Slot {
                who: who.clone(),
                queue,
            },
        );
        if !std::mem::replace(&mut registry.beats, true) {
            tokio::spawn(pulse::beat(shared.clone()));
        }
        drop(registry);
        tracing::debug!(conn = %who.conn_id, client = who.client.id, ip = %who.ip, "client connected");
        Self {
            shared: shared.clone(),
            who,
            outbox,
        }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        let clients = &self.shared.clients;
        let mut registry = clients.registry();
        registry.connected.remove(&self.who.conn_id);
        if let Some(key) = self.who.presence_key() {
            let others = registry
                .connected
                .values()
                .any(|slot| slot.who.presence_key().as_ref() == Some(&key));
            if !others {
                registry.presence.went(&key, self.shared.host.now());
                registry.version.presence += 1;
                clients.changed.notify_one();
            }
        }
        drop(registry);
        tracing::debug!(conn = %self.who.conn_id, "client disconnected");
    }
}

/// The payload of a presence event.
fn presence_payload(shared: &Shared) -> Value {
    json!({"presence": shared.clients.presence(shared, presence::BRIEF)})
}
