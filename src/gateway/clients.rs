//! The clients that are connected over the WebSocket, and the delivery of events to all of them.
//!
//! Each client has a bounded queue of frames, whose bytes all queues share. A client that does not read
//! fills its queue and is disconnected; nobody waits for it. An idle client costs its entry here and the
//! task of its session.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Instant, SystemTime};

use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

use super::protocol::connect::ClientInfo;
use super::protocol::event::{EventFrame, GatewayEvent};
use super::protocol::{ClientRole, OperatorScope, Protocol, StateVersion};
use crate::sync::lock;

pub(crate) mod audience;
pub(crate) mod presence;

use audience::{Audience, Subscriptions};
use presence::{PresenceList, client_entry};

/// Maximum number of frames of the gateway that wait for a client that reads slowly; one more, and it is
/// disconnected. A hundred conversations that end at once have as many.
const QUEUE_LENGTH: usize = 1024;
/// Number of frames that wait for a client from which on it gets no part of a growing text: the next one has it too.
const MAX_QUEUED_PARTS: usize = 256;

/// A message to the task that runs a client's WebSocket session: a frame to send, or the end of the session.
#[derive(Clone, Debug)]
pub(crate) enum Outbound {
    /// A frame to send, in UTF-8.
    Frame(Bytes),
    /// The end of the session: the credentials that the client showed are not valid any more.
    CredentialsChanged,
}

/// A client of the gateway that is connected over the WebSocket and authenticated.
#[derive(Clone, Debug)]
pub(crate) struct ConnectedClient {
    /// The id of the connection, new for each.
    pub conn_id: Uuid,
    /// The client program.
    pub client: ClientInfo,
    /// The negotiated protocol version.
    pub protocol: Protocol,
    /// The role.
    pub role: ClientRole,
    /// The names of the scopes.
    pub scopes: Vec<String>,
    /// The capabilities that the client named, such as `tool-events`.
    pub caps: Vec<String>,
    /// The id of the device, if the client has proved one.
    pub device_id: Option<String>,
    /// `true` where the client was authenticated by the token of its device.
    pub by_device_token: bool,
    /// The address of the client.
    pub ip: IpAddr,
    /// `true` for a client on this machine, without a proxy in between.
    pub local: bool,
    /// The time of the connection.
    pub since: SystemTime,
}

impl ConnectedClient {
    /// Returns whether a connected client is an operator with this permission scope.
    pub(crate) fn has_scope(&self, scope: OperatorScope) -> bool {
        self.role == ClientRole::Operator && scope.is_granted_by(&self.scopes)
    }

    /// Returns whether a connected client is an operator with the permission scope of this name, which may be one that
    /// this gateway does not know.
    pub(crate) fn has_scope_named(&self, name: &str) -> bool {
        let known = OperatorScope::ALL.into_iter().find(|scope| scope.name() == name);
        known.is_some_and(|scope| self.has_scope(scope)) || self.scopes.iter().any(|own| own == name)
    }

    /// Returns the key of a connected client in the gateway's presence list, or `None` for a command line: a command
    /// line connects anew for each call and is not listed.
    fn presence_key(&self) -> Option<String> {
        let key = || {
            let stable = self.device_id.as_ref().or(self.client.instance_id.as_ref());
            stable.map_or_else(|| self.conn_id.to_string(), |key| key.trim().to_owned())
        };
        (!self.client.is_cli()).then(key)
    }

    /// Returns the entry of a connected node in an answer to `node.list`. `None` for a client without a device. Keys
    /// without a value are left out.
    fn node_entry(&self) -> Option<Value> {
        let client = &self.client;
        let mut entry = json!({
            "nodeId": self.device_id.as_ref()?,
            "displayName": client.display_name,
            "platform": client.platform,
            "version": client.version,
            "deviceFamily": client.device_family,
            "modelIdentifier": client.model_identifier,
            "remoteIp": (!self.local).then(|| self.ip.to_string()),
            "caps": [],
            "commands": [],
            "paired": true,
            "connected": true,
        });
        if let Some(map) = entry.as_object_mut() {
            map.retain(|_, value| !value.is_null());
        }
        Some(entry)
    }

    /// Returns the entry of a connected client in the gateway's presence list.
    fn presence_entry(&self) -> Value {
        client_entry(
            &self.client,
            self.role,
            &self.scopes,
            self.device_id.as_deref(),
            self.ip,
        )
    }
}

/// The clients that are connected to a gateway, with its presence list.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    registry: Mutex<ClientRegistry>,
    /// Notified when the first client connects.
    first_client: Notify,
    /// Notified when the presence list changes.
    presence_changed: Notify,
}

/// An event of a conversation, and whom it is for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AddressedEvent {
    /// The event.
    pub(crate) event: GatewayEvent,
    /// The clients that it is for.
    pub(crate) audience: Audience,
    /// The payload.
    pub(crate) payload: Value,
}

impl AddressedEvent {
    /// Returns whether it is a part of a growing text, which the next part and the end have too.
    fn is_part(&self) -> bool {
        self.payload["state"] == "delta" || self.payload["stream"] == "assistant"
    }
}

/// The clients that are connected to the gateway, and its presence list, which change under one lock.
#[derive(Debug, Default)]
struct ClientRegistry {
    connected: HashMap<Uuid, Recipient>,
    presence: PresenceList,
    version: StateVersion,
}

/// A client that is connected to the gateway, and the queue of frames for its WebSocket session.
#[derive(Debug)]
struct Recipient {
    client: Arc<ConnectedClient>,
    queue: mpsc::Sender<Outbound>,
    subscriptions: Subscriptions,
    /// The sequence number of the last event that this client got.
    seq: u64,
}

impl Recipient {
    /// Returns the number of frames that wait for the client.
    fn queued(&self) -> usize {
        QUEUE_LENGTH - self.queue.capacity()
    }

    /// Queues a frame of an event with the next sequence number; `false` where the queue is full or the session ended.
    fn send(&mut self, frame: &EventFrame) -> bool {
        self.seq += 1;
        let bytes = Bytes::from(frame.with_seq(self.seq));
        self.queue.try_send(Outbound::Frame(bytes)).is_ok()
    }
}

impl Clients {
    fn registry(&self) -> MutexGuard<'_, ClientRegistry> {
        lock(&self.registry)
    }

    /// Registers an authenticated client of the gateway, which counts as connected until the registration is dropped.
    pub(crate) fn register(self: &Arc<Self>, client: ConnectedClient) -> ClientRegistration {
        let (queue, outbound) = mpsc::channel(QUEUE_LENGTH);
        let client = Arc::new(client);
        let mut registry = self.registry();
        if let Some(key) = client.presence_key() {
            registry
                .presence
                .insert(key, client.presence_entry(), client.since);
            registry.version.presence += 1;
            self.presence_changed.notify_one();
        }
        let recipient = Recipient {
            client: client.clone(),
            queue,
            subscriptions: Subscriptions::default(),
            seq: 0,
        };
        registry.connected.insert(client.conn_id, recipient);
        drop(registry);
        self.first_client.notify_one();
        tracing::debug!(conn = %client.conn_id, client = client.client.id, ip = %client.ip, "client connected");
        ClientRegistration {
            clients: self.clone(),
            registered: Instant::now(),
            client,
            outbound,
        }
    }

    /// Waits until a client has connected to the gateway; returns at once where one has before.
    pub(crate) async fn first_client(&self) {
        self.first_client.notified().await;
    }

    /// Waits for the next change of the gateway's presence list.
    pub(crate) async fn presence_changed(&self) {
        self.presence_changed.notified().await;
    }

    /// Returns the number of clients that are connected to the gateway.
    pub(crate) fn count(&self) -> usize {
        self.registry().connected.len()
    }

    /// Returns at most `limit` entries of the gateway's presence list, the newest first.
    pub(crate) fn presence(&self, now: SystemTime, limit: usize) -> Vec<Value> {
        self.registry().presence.newest(now, limit)
    }

    /// Returns the version numbers of the gateway's presence list and its health document.
    pub(crate) fn version(&self) -> StateVersion {
        self.registry().version
    }

    /// Increments the version number of the gateway's health document.
    pub(crate) fn increment_health_version(&self) {
        self.registry().version.health += 1;
    }

    /// Sends an event of the gateway to every connected client that has the permission scope it requires. A client
    /// whose session has ended, or whose queue is full, is removed.
    pub(crate) fn broadcast(&self, event: GatewayEvent, payload: &Value) {
        let mut registry = self.registry();
        let version = event.has_state_version().then_some(registry.version);
        let frame = event.render(payload, version);
        let may_receive =
            |client: &ConnectedClient| event.required_scope().is_none_or(|scope| client.has_scope(scope));
        // With the recipient its sender is dropped, which ends the session.
        registry
            .connected
            .retain(|_, recipient| !may_receive(&recipient.client) || recipient.send(&frame));
    }

    /// Sends events of conversations to the clients that they are for, each in its place after the one before. A client
    /// whose session has ended, or whose queue is full, is removed.
    pub(crate) fn publish(&self, events: &[AddressedEvent]) {
        let mut registry = self.registry();
        if registry.connected.is_empty() {
            return;
        }
        for one in events {
            let scope = one.event.required_scope();
            let mut frame = None;
            registry.connected.retain(|_, recipient| {
                let client = &recipient.client;
                let is_for = one
                    .audience
                    .includes(client.protocol, &client.caps, &recipient.subscriptions)
                    && scope.is_none_or(|scope| client.has_scope(scope))
                    && !(one.is_part() && recipient.queued() > MAX_QUEUED_PARTS);
                !is_for || recipient.send(frame.get_or_insert_with(|| one.event.render(&one.payload, None)))
            });
        }
    }

    /// Changes what a connected client is subscribed to.
    pub(crate) fn subscribe(&self, conn_id: Uuid, change: impl FnOnce(&mut Subscriptions)) {
        if let Some(recipient) = self.registry().connected.get_mut(&conn_id) {
            change(&mut recipient.subscriptions);
        }
    }

    /// Sends a frame that is no event to one client, after what waits for it. A client whose queue is full is removed.
    pub(crate) fn send_frame(&self, conn_id: Uuid, frame: String) {
        let mut registry = self.registry();
        let sent = registry
            .connected
            .get(&conn_id)
            .is_none_or(|recipient| recipient.queue.try_send(Outbound::Frame(frame.into())).is_ok());
        if !sent {
            registry.connected.remove(&conn_id);
        }
    }

    /// Disconnects every client that was authenticated by the gateway's own token or password, which has changed, and
    /// returns the number of those clients. Clients with the token of their device stay.
    pub(crate) fn disconnect_shared_credentials(&self) -> usize {
        self.disconnect(|client| !client.by_device_token)
    }

    /// Disconnects the clients of the gateway that were authenticated as this device, in this role, by the device's
    /// own token, which is revoked.
    pub(crate) fn disconnect_device(&self, device_id: &str, role: &str) {
        self.disconnect(|client| {
            client.by_device_token
                && client.device_id.as_deref() == Some(device_id)
                && client.role.name() == role
        });
    }

    /// Disconnects the clients of the gateway that are this device, which is no longer paired, except for the
    /// connection by which it was removed.
    pub(crate) fn disconnect_removed_device(&self, device_id: &str, caller: Uuid) {
        self.disconnect(|client| client.device_id.as_deref() == Some(device_id) && client.conn_id != caller);
    }

    /// Disconnects the clients of the gateway that were authenticated by the replaced token of this device in this
    /// role, except for the connection by which it was replaced.
    pub(crate) fn disconnect_rotated_device(&self, device_id: &str, role: &str, caller: Uuid) {
        self.disconnect(|client| {
            client.conn_id != caller
                && client.by_device_token
                && client.device_id.as_deref() == Some(device_id)
                && client.role.name() == role
        });
    }

    /// Returns the entries of the nodes that are connected to the gateway, for its method `node.list`.
    pub(crate) fn connected_nodes(&self) -> Vec<Value> {
        let registry = self.registry();
        let clients = registry.connected.values().map(|recipient| &recipient.client);
        let nodes = clients.filter(|client| client.role == ClientRole::Node);
        nodes.filter_map(|client| client.node_entry()).collect()
    }

    /// Returns the ids of the devices that are connected to the gateway.
    pub(crate) fn device_ids(&self) -> HashSet<String> {
        let registry = self.registry();
        let clients = registry.connected.values();
        clients
            .filter_map(|recipient| recipient.client.device_id.clone())
            .collect()
    }

    /// Disconnects the clients of the gateway whose credentials have become invalid, which `is_affected` decides, and
    /// returns the number of those clients.
    fn disconnect(&self, is_affected: impl Fn(&ConnectedClient) -> bool) -> usize {
        let mut registry = self.registry();
        let before = registry.connected.len();
        registry.connected.retain(|_, recipient| {
            let affected = is_affected(&recipient.client);
            if affected {
                // Where the queue is full, the dropped sender ends the session.
                let _ = recipient.queue.try_send(Outbound::CredentialsChanged);
            }
            !affected
        });
        before - registry.connected.len()
    }

    /// Renders the WebSocket frame of a gateway event with the next sequence number of a client, whose session sends it
    /// itself.
    pub(crate) fn event_frame(&self, conn_id: Uuid, event: GatewayEvent, payload: &Value) -> Bytes {
        let mut registry = self.registry();
        let seq = registry.connected.get_mut(&conn_id).map(|recipient| {
            recipient.seq += 1;
            recipient.seq
        });
        event.render(payload, None).with_seq(seq.unwrap_or(1)).into()
    }
}

/// The registration of one client that is connected to the gateway. Dropping it disconnects the client.
#[derive(Debug)]
pub(crate) struct ClientRegistration {
    clients: Arc<Clients>,
    registered: Instant,
    /// The client.
    pub client: Arc<ConnectedClient>,
    /// The messages to the session. The channel is closed when the client was removed.
    pub outbound: mpsc::Receiver<Outbound>,
}

impl Drop for ClientRegistration {
    fn drop(&mut self) {
        let mut registry = self.clients.registry();
        registry.connected.remove(&self.client.conn_id);
        if let Some(key) = self.client.presence_key() {
            let has_others = registry
                .connected
                .values()
                .any(|recipient| recipient.client.presence_key().as_ref() == Some(&key));
            if !has_others {
                // A drop can't be given the time, so it is counted from the registration.
                let now = self.client.since + self.registered.elapsed();
                registry.presence.mark_disconnected(&key, now);
                registry.version.presence += 1;
                self.clients.presence_changed.notify_one();
            }
        }
        drop(registry);
        tracing::debug!(conn = %self.client.conn_id, "client disconnected");
    }
}
