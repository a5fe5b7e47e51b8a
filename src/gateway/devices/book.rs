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
/// Time without a connection after which a device that was paired without being approved is forgotten, in
/// milliseconds: 30 days.
const UNUSED_PAIRING_LIFETIME_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// The way in which a device was paired with the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Approval {
    /// At once, because it is on this machine and showed the gateway's own credentials.
    Silent,
    /// By an operator, whom OpenClaw calls the owner.
    ByOperator,
}

impl Approval {
    /// Returns the name of a way of pairing in the record of a device.
    fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::ByOperator => "owner",
        }
    }
}

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

/// Returns the names of the roles in which a paired device may connect.
fn roles_of(device: &Value) -> Vec<String> {
    match string_list(device.get("roles")) {
        roles if roles.is_empty() => {
            let role = device.get("role").and_then(Value::as_str);
            role.map(str::to_owned).into_iter().collect()
        }
        roles => roles,
    }
}

/// Returns whether a device was paired without being approved. A record without a word on that is of an early release,
/// which did so with every device on its own machine.
fn is_silently_paired(device: &Value) -> bool {
    match device.get("approvedVia").and_then(Value::as_str) {
        Some(approval) => approval == Approval::Silent.name(),
        None => device.get("remoteIp").is_none(),
    }
}

/// Returns the time of the last sign of life of a paired device, in milliseconds since 1970: its pairing, a connection,
/// or the making of a token. `None` where its record has no time.
fn last_activity_ms(device: &Value) -> Option<u64> {
    let tokens = device.get("tokens").and_then(Value::as_object);
    let records = std::iter::once(device).chain(tokens.into_iter().flat_map(Map::values));
    let times = records.flat_map(|record| {
        [
            "createdAtMs",
            "approvedAtMs",
            "rotatedAtMs",
            "lastUsedAtMs",
            "lastSeenAtMs",
        ]
        .into_iter()
        .filter_map(|key| record.get(key).and_then(Value::as_u64))
    });
    times.max()
}

/// Returns the records of a paired device's tokens, by role.
fn token_entries(device: &Map<String, Value>) -> Map<String, Value> {
    let tokens = device.get("tokens").and_then(Value::as_object);
    tokens.cloned().unwrap_or_default()
}

/// Puts a new token for a role among the token records of a paired device.
fn insert_token(
    tokens: &mut Map<String, Value>,
    role: &str,
    scopes: &[String],
    token: &Secret,
    now_ms: u64,
) -> IssuedToken {
    let mut scopes = scopes.to_vec();
    scopes.sort();
    let old = tokens.get(role);
    let created = old.and_then(|old| old.get("createdAtMs")).cloned();
    let mut entry = json!({
        "token": token.expose(),
        "role": role,
        "scopes": scopes,
        "createdAtMs": created.unwrap_or_else(|| now_ms.into()),
    });
    if old.is_some() {
        entry["rotatedAtMs"] = now_ms.into();
    }
    tokens.insert(role.to_owned(), entry);
    IssuedToken {
        token: token.clone(),
        scopes,
        issued_at_ms: now_ms,
    }
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
            device.get("publicKey").and_then(Value::as_str) == Some(&request.public_key)
                && roles_of(device).iter().any(|role| role == request.role.name())
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
    pub(crate) fn approve(
        &mut self,
        request: &PairingRequest,
        approval: Approval,
        token: &Secret,
        now_ms: u64,
    ) -> IssuedToken {
        let before = self.0.get(&request.device_id);
        // The id is derived from the key, so no other key can be stored under it. A broken entry is replaced.
        let mut device = before.and_then(Value::as_object).cloned().unwrap_or_default();
        let roles = union(
            string_list(device.get("roles")),
            &[request.role.name().to_owned()],
        );
        let scopes = union(string_list(device.get("scopes")), &request.scopes);
        let mut tokens = token_entries(&device);
        let issued = insert_token(&mut tokens, request.role.name(), &request.scopes, token, now_ms);
        // What an operator approved once stays approved.
        let was_approved = before.is_some_and(|device| !is_silently_paired(device));
        let approval = if was_approved {
            Approval::ByOperator
        } else {
            approval
        };
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
        set("approvedVia", approval.name().into());
        set("tokens", tokens.into());
        device.entry("createdAtMs").or_insert_with(|| now_ms.into());
        device.insert("approvedAtMs".to_owned(), now_ms.into());
        self.0.insert(request.device_id.clone(), device.into());
        issued
    }

    /// Records that a paired device connected with its token of this role, at most once a minute. `None` where nothing
    /// was recorded.
    pub(crate) fn record_use(&mut self, device_id: &str, role: ClientRole, now_ms: u64) -> Option<()> {
        let device = self.0.get_mut(device_id)?.as_object_mut()?;
        let entry = device.get_mut("tokens")?.get_mut(role.name())?.as_object_mut()?;
        let last = entry
            .get("lastUsedAtMs")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        if now_ms.saturating_sub(last) < USE_RECORD_INTERVAL_MS {
            return None;
        }
        entry.insert("lastUsedAtMs".to_owned(), now_ms.into());
        device.insert("lastSeenAtMs".to_owned(), now_ms.into());
        device.insert("lastSeenReason".to_owned(), "connect".into());
        Some(())
    }

    /// Removes the devices that were paired without being approved and have not connected for 30 days: every browser
    /// window without a history pairs a new one. Such a device is paired again at its next connection.
    pub(crate) fn remove_unused(&mut self, now_ms: u64) {
        self.0.retain(|_, device| {
            !is_silently_paired(device)
                || last_activity_ms(device)
                    .is_none_or(|last| now_ms.saturating_sub(last) < UNUSED_PAIRING_LIFETIME_MS)
        });
    }

    /// Removes a paired device with all of its tokens. `None` where there is no such device.
    pub(crate) fn remove(&mut self, device_id: &str) -> Option<()> {
        self.0.shift_remove(device_id).map(drop)
    }

    /// Sets the label that an operator gives to a paired device. `None` where there is no such device.
    pub(crate) fn rename(&mut self, device_id: &str, label: &str) -> Option<()> {
        let device = self.0.get_mut(device_id)?.as_object_mut()?;
        device.insert("operatorLabel".to_owned(), label.into());
        Some(())
    }

    /// Returns whether a paired device has a role other than that of an operator.
    pub(crate) fn has_other_role_than_operator(&self, device_id: &str) -> bool {
        let roles = self.0.get(device_id).map(roles_of).unwrap_or_default();
        roles.iter().any(|role| role != ClientRole::Operator.name())
    }

    /// Returns the permission scopes that a new token of a paired device in this role would have: `requested`, else
    /// those of its present token. `None` where the device has no such role, or is not allowed all of them.
    pub(crate) fn rotation_scopes(
        &self,
        device_id: &str,
        role: &str,
        requested: Option<&[String]>,
    ) -> Option<Vec<String>> {
        let device = self.0.get(device_id)?;
        let allowed = string_list(device.get("scopes"));
        let present = device.pointer(&format!("/tokens/{role}/scopes"));
        let scopes = requested.map_or_else(|| string_list(present), <[String]>::to_vec);
        let may = roles_of(device).iter().any(|own| own == role) && are_granted(&scopes, &allowed);
        may.then_some(scopes)
    }

    /// Replaces the token of a paired device in a role by this one, with these permission scopes. `None` where there is
    /// no such device.
    pub(crate) fn rotate(
        &mut self,
        device_id: &str,
        role: &str,
        scopes: &[String],
        token: &Secret,
        now_ms: u64,
    ) -> Option<IssuedToken> {
        let device = self.0.get_mut(device_id)?.as_object_mut()?;
        let mut tokens = token_entries(device);
        let issued = insert_token(&mut tokens, role, scopes, token, now_ms);
        device.insert("tokens".to_owned(), tokens.into());
        Some(issued)
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

#[cfg(test)]
mod tests;
