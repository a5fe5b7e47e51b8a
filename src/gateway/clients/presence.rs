//! The presence list: the clients that are connected, and those that were until a moment ago; and the entry
//! of the gateway itself.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::gateway::identity::GatewayIdentity;
use crate::gateway::protocol::ClientRole;
use crate::gateway::protocol::connect::ClientInfo;
use crate::time::unix_millis;

/// Maximum length of the gateway's presence list, as in OpenClaw.
pub(crate) const MAX_ENTRIES: usize = 200;
/// Maximum number of entries of the presence list in an event or a greeting of the gateway: an entry is 300 bytes,
/// and the write buffer of a connection keeps the size of the largest frame that went through it.
pub(crate) const MAX_ENTRIES_UNREQUESTED: usize = 24;
/// Time for which a disconnected client stays in the gateway's presence list.
const DISCONNECTED_RETENTION: Duration = Duration::from_mins(5);

/// The clients that are connected to the gateway or were until a moment ago, each under its key.
#[derive(Debug, Default)]
pub(super) struct PresenceList {
    entries: HashMap<String, PresenceEntry>,
}

/// The entry of one client in the gateway's presence list.
#[derive(Debug)]
struct PresenceEntry {
    value: Value,
    /// The time of the connection or the disconnection.
    changed: SystemTime,
    disconnected: bool,
}

impl PresenceEntry {
    /// Returns whether a client was disconnected too long ago to stay in the gateway's presence list.
    fn is_expired(&self, now: SystemTime) -> bool {
        self.disconnected
            && now
                .duration_since(self.changed)
                .is_ok_and(|age| age > DISCONNECTED_RETENTION)
    }
}

impl PresenceList {
    /// Adds the entry of a client that connected to the gateway's presence list. `key` is the same for each
    /// connection of one device.
    pub(super) fn insert(&mut self, key: String, value: Value, now: SystemTime) {
        let entry = PresenceEntry {
            value,
            changed: now,
            disconnected: false,
        };
        self.entries.insert(key, entry);
        self.remove_surplus(now);
    }

    /// Marks a client as disconnected in the gateway's presence list, where it stays for a while.
    pub(super) fn mark_disconnected(&mut self, key: &str, now: SystemTime) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.value["reason"] = "disconnect".into();
            (entry.changed, entry.disconnected) = (now, true);
        }
        self.remove_surplus(now);
    }

    /// Removes expired entries of the gateway's presence list, and while the list is too long the oldest:
    /// disconnected clients first.
    fn remove_surplus(&mut self, now: SystemTime) {
        self.entries.retain(|_, entry| !entry.is_expired(now));
        while self.entries.len() >= MAX_ENTRIES {
            let oldest = self
                .entries
                .iter()
                .min_by_key(|(_, entry)| (!entry.disconnected, entry.changed));
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            self.entries.remove(&key);
        }
    }

    /// Returns at most `limit` entries of the gateway's presence list as JSON, the latest change first.
    pub(super) fn newest(&self, now: SystemTime, limit: usize) -> Vec<Value> {
        let mut entries: Vec<_> = self
            .entries
            .values()
            .filter(|entry| !entry.is_expired(now))
            .collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.changed));
        let to_value = |entry: &PresenceEntry| {
            let mut value = entry.value.clone();
            // The time at which the client was last there.
            let last_seen = if entry.disconnected { entry.changed } else { now };
            value["ts"] = unix_millis(last_seen).into();
            value
        };
        entries.into_iter().take(limit).map(to_value).collect()
    }
}

/// Returns the entry for the gateway's presence list of a client that connects. Keys without a value are left out.
pub(super) fn client_entry(
    client: &ClientInfo,
    role: ClientRole,
    scopes: &[String],
    device_id: Option<&str>,
    ip: IpAddr,
) -> Value {
    let host = client.display_name.as_ref().unwrap_or(&client.id);
    let mut value = json!({
        "host": host,
        "version": client.version,
        "platform": client.platform,
        "deviceFamily": client.device_family,
        "modelIdentifier": client.model_identifier,
        "mode": client.mode,
        "deviceId": device_id,
        "roles": [role.name()],
        "scopes": scopes,
        "instanceId": device_id.or(client.instance_id.as_deref()),
        "ip": (!ip.is_loopback()).then(|| ip.to_string()),
        "reason": "connect",
        "text": format!("Node: {host} · mode {}", client.mode),
    });
    if let Some(map) = value.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
    value
}

/// Returns the entry of the gateway itself for its presence list. `addresses` are those that it listens on.
pub(crate) fn gateway_entry(
    identity: &GatewayIdentity,
    hostname: Option<String>,
    addresses: &[SocketAddr],
    now: SystemTime,
) -> Value {
    let host = hostname.unwrap_or_else(|| "localhost".to_owned());
    let version = identity.version;
    let ip = addresses
        .iter()
        .map(SocketAddr::ip)
        .find(|ip| !ip.is_loopback() && !ip.is_unspecified());
    let place = ip.map_or_else(String::new, |ip| format!(" ({ip})"));
    let mut value = json!({
        "host": host,
        "version": version,
        "platform": std::env::consts::OS,
        "deviceFamily": device_family(),
        "modelIdentifier": std::env::consts::ARCH,
        "mode": "gateway",
        "reason": "self",
        "text": format!("Gateway: {host}{place} · app {version} · mode gateway · reason self"),
        "ts": unix_millis(now),
    });
    if let Some(ip) = ip {
        value["ip"] = ip.to_string().into();
    }
    if !identity.instance_id.is_empty() {
        value["instanceId"] = identity.instance_id.as_str().into();
    }
    value
}

/// Returns the device family of this host, as OpenClaw's clients name it.
fn device_family() -> &'static str {
    match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "Mac",
        "windows" => "Windows",
        other => other,
    }
}
