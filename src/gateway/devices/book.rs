//! The rules of pairing, on the document itself: keys that other releases put there stay.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::gateway::guard;
use crate::gateway::protocol::connect::Client;
use crate::gateway::protocol::{Role, Scope};
use crate::secret::Secret;

/// `paired.json`: `{<deviceId>: {...}}`.
#[derive(Clone, Debug, Default)]
pub struct Book(Map<String, Value>);

/// A device that is to be let in, or that comes again.
#[derive(Clone, Debug)]
pub struct Pairing {
    /// Its id.
    pub device_id: String,
    /// Its key, base64url.
    pub public_key: String,
    /// Which program it runs.
    pub client: Client,
    /// As what.
    pub role: Role,
    /// What it wants to be allowed.
    pub scopes: Vec<String>,
    /// Where it comes from, where that is another machine.
    pub ip: Option<IpAddr>,
}

/// A device's token as it is told to the device.
#[derive(Clone, Debug)]
pub struct Issued {
    /// 32 hex digits.
    pub token: Secret,
    /// What it opens.
    pub scopes: Vec<String>,
    /// Since when, in milliseconds since 1970.
    pub issued_at_ms: u64,
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Whether all of these scopes are among the allowed ones. An admin's are all that an operator has.
fn covered(wanted: &[String], allowed: &[String]) -> bool {
    let known = [
        Scope::Read,
        Scope::Write,
        Scope::Approvals,
        Scope::Pairing,
        Scope::Admin,
    ];
    wanted.iter().all(|name| {
        allowed.contains(name)
            || known
                .iter()
                .any(|scope| scope.name() == name && scope.is_in(allowed))
    })
}

fn merged(mut old: Vec<String>, new: &[String]) -> Vec<String> {
    for text in new {
        if !old.contains(text) {
            old.push(text.clone());
        }
    }
    old
}

impl Book {
    /// The book of this document.
    pub fn new(document: Map<String, Value>) -> Self {
        Self(document)
    }

    /// The document's text, as OpenClaw writes it.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(&self.0).unwrap_or_default()
    }

    fn token_entry(&self, device_id: &str, role: Role) -> Option<&Value> {
        let entry = self.0.get(device_id)?.get("tokens")?.get(role.name())?;
        let revoked = entry.get("revokedAtMs").is_some_and(|at| !at.is_null());
        (!revoked).then_some(entry)
    }

    /// Whether this token is this device's, in this role and for all of these scopes.
    pub fn accepts(&self, device_id: &str, role: Role, token: &str, scopes: &[String]) -> bool {
        let Some(entry) = self.token_entry(device_id, role) else {
            return false;
        };
        let right = entry
            .get("token")
            .and_then(Value::as_str)
            .is_some_and(|right| guard::same(right, token));
        right && covered(scopes, &texts(entry.get("scopes")))
    }

    /// Whether this device, with this key, is paired for this role and these scopes.
    pub fn knows(&self, pairing: &Pairing) -> bool {
        self.0.get(&pairing.device_id).is_some_and(|device| {
            let roles = match texts(device.get("roles")) {
                roles if roles.is_empty() => device
                    .get("role")
                    .and_then(Value::as_str)
                    .map(str::to_owned)
                    .into_iter()
                    .collect(),
                roles => roles,
            };
            device.get("publicKey").and_then(Value::as_str) == Some(&pairing.public_key)
                && roles.iter().any(|role| role == pairing.role.name())
                && covered(&pairing.scopes, &texts(device.get("scopes")))
        })
    }

    /// Whether there is an entry for this device, whatever its key.
    pub fn has(&self, device_id: &str) -> bool {
        self.0.contains_key(device_id)
    }

    /// The token that this device has for this role and these scopes.
    pub fn issued(&self, pairing: &Pairing) -> Option<Issued> {
        let entry = self.token_entry(&pairing.device_id, pairing.role)?;
        let scopes = texts(entry.get("scopes"));
        if !covered(&pairing.scopes, &scopes) {
            return None;
        }
        let at = |key: &str| entry.get(key).and_then(Value::as_u64);
        Some(Issued {
            token: Secret::new(entry.get("token")?.as_str()?),
            scopes,
            issued_at_ms: at("rotatedAtMs")
                .or_else(|| at("createdAtMs"))
                .unwrap_or_default(),
        })
    }

    /// Lets a device in: what it was allowed before stays, what it wants is added, and it gets this token.
    pub fn approve(&mut self, pairing: &Pairing, token: &Secret, now_ms: u64) -> Issued {
        let before = self.0.get(&pairing.device_id);
        // Another key under the same id can't be: the id is the key's. A broken entry is begun anew.
        let mut device = before.and_then(Value::as_object).cloned().unwrap_or_default();
        let roles = merged(texts(device.get("roles")), &[pairing.role.name().to_owned()]);
        let scopes = merged(texts(device.get("scopes")), &pairing.scopes);
        let mut own_scopes = pairing.scopes.clone();
        own_scopes.sort();
        let mut tokens = device
            .get("tokens")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        let old = tokens.get(pairing.role.name()).cloned();
        let mut entry = json!({
            "token": token.expose(),
            "role": pairing.role.name(),
            "scopes": own_scopes,
            "createdAtMs": old.as_ref().and_then(|old| old.get("createdAtMs")).cloned().unwrap_or_else(|| now_ms.into()),
        });
        if old.is_some() {
            entry["rotatedAtMs"] = now_ms.into();
        }
        tokens.insert(pairing.role.name().to_owned(), entry);
        let client = &pairing.client;
        let mut set = |key: &str, value: Value| {
            if value.is_null() {
                device.remove(key);
            } else {
                device.insert(key.to_owned(), value);
            }
        };
        set("deviceId", pairing.device_id.as_str().into());
        set("publicKey", pairing.public_key.as_str().into());
        set("displayName", client.display_name.clone().into());
        set("platform", client.platform.as_str().into());
        set("clientId", client.id.as_str().into());
        set("clientMode", client.mode.as_str().into());
        set("role", pairing.role.name().into());
        set("roles", roles.into());
        set("scopes", scopes.into());
        set("remoteIp", pairing.ip.map(|ip| ip.to_string()).into());
        set("tokens", tokens.into());
        device.entry("createdAtMs").or_insert_with(|| now_ms.into());
        device.insert("approvedAtMs".to_owned(), now_ms.into());
        self.0.insert(pairing.device_id.clone(), device.into());
        Issued {
            token: token.clone(),
            scopes: own_scopes,
            issued_at_ms: now_ms,
        }
    }

    /// When a device's token was last used is kept, at most once a minute: it is worth no write for each call.
    pub fn used(&mut self, device_id: &str, role: Role, now_ms: u64) -> Option<()> {
        let entry = self
            .0
            .get_mut(device_id)?
            .get_mut("tokens")?
            .get_mut(role.name())?
            .as_object_mut()?;
        let last = entry
            .get("lastUsedAtMs")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        (now_ms.saturating_sub(last) >= 60_000).then(|| {
            entry.insert("lastUsedAtMs".to_owned(), now_ms.into());
        })
    }

    /// Takes a device's token away. `None` where it has none.
    pub fn revoke(&mut self, device_id: &str, role: &str, now_ms: u64) -> Option<()> {
        let entry = self
            .0
            .get_mut(device_id)?
            .get_mut("tokens")?
            .get_mut(role)?
            .as_object_mut()?;
        entry.insert("revokedAtMs".to_owned(), now_ms.into());
        Some(())
    }

    /// The devices without their tokens, the one that was let in last first.
    pub fn list(&self) -> Vec<Value> {
        let mut devices: Vec<_> = self
            .0
            .values()
            .filter(|device| device.is_object())
            .cloned()
            .collect();
        devices.sort_by_key(|device| std::cmp::Reverse(device.get("approvedAtMs").and_then(Value::as_u64)));
        for device in &mut devices {
            if let Some(tokens) = device.get_mut("tokens") {
                let entries = tokens.as_object().into_iter().flat_map(Map::values).cloned();
                let entries = entries.map(|mut entry| {
                    if let Some(entry) = entry.as_object_mut() {
                        entry.remove("token");
                    }
                    entry
                });
                *tokens = entries.collect();
            }
        }
        devices
    }
}
