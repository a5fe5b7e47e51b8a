//! The document of the paired devices, and the rules by which devices are paired and tokens are accepted. They
//! work on the document itself, so that keys which other releases wrote into it are kept.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::gateway::access::secrets_equal;
use crate::gateway::protocol::connect::ClientInfo;
use crate::gateway::protocol::{ClientRole, OperatorScope};
use crate::secret::Secret;

/// Minimum time between two recorded uses of a device's token, in milliseconds: not every call is worth a write.
const USE_RECORD_INTERVAL_MS: u64 = 60_000;

/// The JSON document of the devices that are paired with the gateway, `paired.json`: `{<deviceId>: {...}}`.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeviceBook(Map<String, Value>);

/// A device that connects to the gateway and wants to be paired, and the role and scopes that it asks for.
#[derive(Clone, Debug)]
pub(crate) struct PairingRequest {
    /// The id of the device.
    pub device_id: String,
    /// The public key, base64url.
    pub public_key: String,
    /// The client program on the device.
    pub client: ClientInfo,
    /// The role that it asks for.
    pub role: ClientRole,
    /// The scopes that it asks for.
    pub scopes: Vec<String>,
    /// The address of the device, if it is another machine.
    pub ip: Option<IpAddr>,
}

/// A token that the gateway has given to a device.
#[derive(Clone, Debug)]
pub(crate) struct IssuedToken {
    /// The token, 32 hex digits.
    pub token: Secret,
    /// The scopes that the token grants.
    pub scopes: Vec<String>,
    /// The time at which it was issued, in milliseconds since 1970.
    pub issued_at_ms: u64,
}

/// Returns the texts in a JSON list of a paired device's record; none for any other value.
fn string_list(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Returns whether the permission scopes that a device is allowed grant all of those that it wants. `operator.admin`
/// grants every scope of an operator.
fn are_granted(wanted: &[String], allowed: &[String]) -> bool {
    wanted.iter().all(|name| {
        allowed.contains(name)
            || OperatorScope::ALL
                .iter()
                .any(|scope| scope.name() == name && scope.is_granted_by(allowed))
    })
}

/// Returns a device's old roles or scopes, and after them those of the new ones that are not among them.
fn union(mut old: Vec<String>, new: &[String]) -> Vec<String> {
    for text in new {
        if !old.contains(text) {
            old.push(text.clone());
        }
    }
    old
}

impl DeviceBook {
    /// Creates the record of paired devices from the JSON document that was read from their file.
    pub(crate) fn new(document: Map<String, Value>) -> Self {
        Self(document)
    }

    /// Returns the JSON text of the record of devices paired with the gateway, as OpenClaw writes it.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string_pretty(&self.0).unwrap_or_default()
    }

    /// Returns the record of a paired device's token in a role, unless it is revoked.
    fn valid_token(&self, device_id: &str, role: ClientRole) -> Option<&Value> {
        let entry = self.0.get(device_id)?.get("tokens")?.get(role.name())?;
        let revoked = entry.get("revokedAtMs").is_some_and(|at| !at.is_null());
        (!revoked).then_some(entry)
    }

    /// Returns whether a token is valid for this paired device, this role and all of these permission scopes.
    pub(crate) fn accepts(&self, device_id: &str, role: ClientRole, token: &str, scopes: &[String]) -> bool {
        let Some(entry) = self.valid_token(device_id, role) else {
            return false;
        };
        let right = entry
            .get("token")
            .and_then(Value::as_str)
            .is_some_and(|right| secrets_equal(right, token));
        right && are_granted(scopes, &string_list(entry.get("scopes")))
    }

    /// Returns whether the device of a pairing request is paired with the gateway already, with the same key and for
    /// the same role and scopes.
    pub(crate) fn is_paired(&self, request: &PairingRequest) -> bool {
        self.0.get(&request.device_id).is_some_and(|device| {
            let roles = match string_list(device.get("roles")) {
                roles if roles.is_empty() => device
                    .get("role")
                    .and_then(Value::as_str)
                    .map(str::to_owned)
                    .into_iter()
                    .collect(),
                roles => roles,
            };
            device.get("publicKey").and_then(Value::as_str) == Some(&request.public_key)
                && roles.iter().any(|role| role == request.role.name())
                && are_granted(&request.scopes, &string_list(device.get("scopes")))
        })
    }

    /// Returns the token that the gateway has given to a device for the role and scopes of its pairing request.
    pub(crate) fn issued_token(&self, request: &PairingRequest) -> Option<IssuedToken> {
        let entry = self.valid_token(&request.device_id, request.role)?;
        let scopes = string_list(entry.get("scopes"));
        if !are_granted(&request.scopes, &scopes) {
            return None;
        }
        let at = |key: &str| entry.get(key).and_then(Value::as_u64);
        Some(IssuedToken {
            token: Secret::new(entry.get("token")?.as_str()?),
            scopes,
            issued_at_ms: at("rotatedAtMs")
                .or_else(|| at("createdAtMs"))
                .unwrap_or_default(),
        })
    }

    /// Pairs a device with the gateway: the roles and scopes that it had before stay, those that it asks for are
    /// added, and it is given this token.
    pub(crate) fn approve(&mut self, request: &PairingRequest, token: &Secret, now_ms: u64) -> IssuedToken {
        let before = self.0.get(&request.device_id);
        // The id is derived from the key, so no other key can be stored under it. A broken entry is replaced.
        let mut device = before.and_then(Value::as_object).cloned().unwrap_or_default();
        let roles = union(
            string_list(device.get("roles")),
            &[request.role.name().to_owned()],
        );
        let scopes = union(string_list(device.get("scopes")), &request.scopes);
        let mut own_scopes = request.scopes.clone();
        own_scopes.sort();
        let mut tokens = device
            .get("tokens")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        let old = tokens.get(request.role.name()).cloned();
        let mut entry = json!({
            "token": token.expose(),
            "role": request.role.name(),
            "scopes": own_scopes,
            "createdAtMs": old.as_ref().and_then(|old| old.get("createdAtMs")).cloned().unwrap_or_else(|| now_ms.into()),
        });
        if old.is_some() {
            entry["rotatedAtMs"] = now_ms.into();
        }
        tokens.insert(request.role.name().to_owned(), entry);
        let client = &request.client;
        let mut set = |key: &str, value: Value| {
            if value.is_null() {
                device.remove(key);
            } else {
                device.insert(key.to_owned(), value);
            }
        };
        set("deviceId", request.device_id.as_str().into());
        set("publicKey", request.public_key.as_str().into());
        set("displayName", client.display_name.clone().into());
        set("platform", client.platform.as_str().into());
        set("clientId", client.id.as_str().into());
        set("clientMode", client.mode.as_str().into());
        set("role", request.role.name().into());
        set("roles", roles.into());
        set("scopes", scopes.into());
        set("remoteIp", request.ip.map(|ip| ip.to_string()).into());
        set("tokens", tokens.into());
        device.entry("createdAtMs").or_insert_with(|| now_ms.into());
        device.insert("approvedAtMs".to_owned(), now_ms.into());
        self.0.insert(request.device_id.clone(), device.into());
        IssuedToken {
            token: token.clone(),
            scopes: own_scopes,
            issued_at_ms: now_ms,
        }
    }

    /// Records the use of a paired device's token, at most once a minute. `None` where nothing was recorded.
    pub(crate) fn record_use(&mut self, device_id: &str, role: ClientRole, now_ms: u64) -> Option<()> {
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
        (now_ms.saturating_sub(last) >= USE_RECORD_INTERVAL_MS).then(|| {
            entry.insert("lastUsedAtMs".to_owned(), now_ms.into());
        })
    }

    /// Revokes the token of a paired device in a role. `None` where it has none.
    pub(crate) fn revoke(&mut self, device_id: &str, role: &str, now_ms: u64) -> Option<()> {
        let entry = self
            .0
            .get_mut(device_id)?
            .get_mut("tokens")?
            .get_mut(role)?
            .as_object_mut()?;
        entry.insert("revokedAtMs".to_owned(), now_ms.into());
        Some(())
    }

    /// Returns the devices that are paired with the gateway, without their tokens, the latest approval first.
    pub(crate) fn list(&self) -> Vec<Value> {
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
