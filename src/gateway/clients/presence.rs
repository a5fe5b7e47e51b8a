//! The presence list: this gateway, who is connected, and who was until lately.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::Connected;
use crate::gateway::shared::Shared;

/// As many entries the list has at most, as the reference has it.
pub const MOST: usize = 200;
/// As many are sent unasked: an entry is 300 bytes, and a connection's write buffer keeps the size of the
/// largest frame that went through it.
pub const BRIEF: usize = 24;
/// As long somebody who went is still listed.
const LINGER: Duration = Duration::from_mins(5);

/// Who is and was there.
#[derive(Debug, Default)]
pub(super) struct Presence {
    entries: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    value: Value,
    at: SystemTime,
    gone: bool,
}

/// Milliseconds since 1970.
pub fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Presence {
    pub(super) fn came(&mut self, key: String, who: &Connected, now: SystemTime) {
        let client = &who.client;
        let host = client.display_name.as_ref().unwrap_or(&client.id);
        let mut value = json!({
            "host": host,
            "version": client.version,
            "platform": client.platform,
            "deviceFamily": client.device_family,
            "modelIdentifier": client.model_identifier,
            "mode": client.mode,
            "deviceId": who.device_id,
            "roles": [who.role.name()],
            "scopes": who.scopes,
            "instanceId": who.device_id.as_ref().or(client.instance_id.as_ref()),
            "ip": (!who.ip.is_loopback()).then(|| who.ip.to_string()),
            "reason": "connect",
            "text": format!("Node: {host} · mode {}", client.mode),
        });
        if let Some(map) = value.as_object_mut() {
            map.retain(|_, value| !value.is_null());
        }
        self.entries.insert(
            key,
            Entry {
                value,
                at: now,
                gone: false,
            },
        );
        self.tidy(now);
    }

    pub(super) fn went(&mut self, key: &str, now: SystemTime) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.value["reason"] = "disconnect".into();
            (entry.at, entry.gone) = (now, true);
        }
        self.tidy(now);
    }

    /// Those who went long ago, and then those who went or came first, make room.
    fn tidy(&mut self, now: SystemTime) {
        self.entries.retain(|_, entry| !entry.is_over(now));
        while self.entries.len() >= MOST {
            let first = self
                .entries
                .iter()
                .min_by_key(|(_, entry)| (!entry.gone, entry.at));
            let Some(key) = first.map(|(key, _)| key.clone()) else {
                return;
            };
            self.entries.remove(&key);
        }
    }

    pub(super) fn list(&self, now: SystemTime, most: usize) -> Vec<Value> {
        let mut entries: Vec<_> = self
            .entries
            .values()
            .filter(|entry| !entry.is_over(now))
            .collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.at));
        let value = |entry: &Entry| {
            let mut value = entry.value.clone();
            // Who is there is there now; who went has the time when it did.
            value["ts"] = millis(if entry.gone { entry.at } else { now }).into();
            value
        };
        entries.into_iter().take(most).map(value).collect()
    }
}

impl Entry {
    fn is_over(&self, now: SystemTime) -> bool {
        self.gone && now.duration_since(self.at).is_ok_and(|age| age > LINGER)
    }
}

/// This gateway's own entry.
pub(super) fn own(shared: &Shared, now: SystemTime) -> Value {
    let name = shared.host.hostname().unwrap_or_else(|| "localhost".to_owned());
    let version = shared.identity.version;
    let outside = shared.addresses.iter().map(std::net::SocketAddr::ip);
    let ip = outside
        .into_iter()
        .find(|ip| !ip.is_loopback() && !ip.is_unspecified());
    let place = ip.map_or_else(String::new, |ip| format!(" ({ip})"));
    let mut value = json!({
        "host": name,
        "version": version,
        "platform": std::env::consts::OS,
        "deviceFamily": family(),
        "modelIdentifier": std::env::consts::ARCH,
        "mode": "gateway",
        "reason": "self",
        "text": format!("Gateway: {name}{place} · app {version} · mode gateway · reason self"),
        "ts": millis(now),
    });
    if let Some(ip) = ip {
        value["ip"] = ip.to_string().into();
    }
    if !shared.identity.instance_id.is_empty() {
        value["instanceId"] = shared.identity.instance_id.as_str().into();
    }
    value
}

fn family() -> &'static str {
    match std::env::consts::OS {
        "linux" => "Linux",
        "macos" => "Mac",
        "windows" => "Windows",
        other => other,
    }
}
