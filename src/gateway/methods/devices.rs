//! Who is paired, and who may be: `device.pair.*`, `device.token.revoke`.

use serde_json::{Value, json};

use super::Call;
use crate::gateway::clients::presence::millis;
use crate::gateway::devices::Waiting;
use crate::gateway::protocol::shape::{Key, TEXT, required};
use crate::gateway::protocol::{Fault, Reply};
use crate::secret::Secret;

/// The parameters of a decision.
pub(super) const DECISION: &[Key] = &[required("requestId", TEXT)];
/// The parameters that name a token.
pub(super) const TOKEN: &[Key] = &[required("deviceId", TEXT), required("role", TEXT)];

impl Waiting {
    /// As it is told to those who may let it in.
    pub fn to_value(&self) -> Value {
        let pairing = &self.pairing;
        let mut value = json!({
            "requestId": self.request_id,
            "deviceId": pairing.device_id,
            "publicKey": pairing.public_key,
            "displayName": pairing.client.display_name,
            "platform": pairing.client.platform,
            "clientId": pairing.client.id,
            "clientMode": pairing.client.mode,
            "role": pairing.role.name(),
            "roles": [pairing.role.name()],
            "scopes": pairing.scopes,
            "remoteIp": pairing.ip.map(|ip| ip.to_string()),
            "silent": false,
            "ts": self.ts,
        });
        if let Some(map) = value.as_object_mut() {
            map.retain(|_, value| !value.is_null());
        }
        value
    }
}

fn text<'a>(call: &'a Call, key: &str) -> &'a str {
    call.params.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn unread() -> Fault {
    Fault::unavailable("paired devices can not be read or written")
}

pub(super) async fn list(call: Call) -> Reply {
    let book = call.shared.devices.book().await.ok_or_else(unread)?;
    let waiting = call.shared.devices.waiting();
    let pending: Vec<_> = waiting.iter().map(Waiting::to_value).collect();
    Ok(json!({"pending": pending, "paired": book.list()}))
}

fn decided(call: &Call, waiting: &Waiting, decision: &str) {
    let resolved = json!({
        "requestId": waiting.request_id,
        "deviceId": waiting.pairing.device_id,
        "decision": decision,
        "ts": millis(call.shared.host.now()),
    });
    call.shared.clients.broadcast("device.pair.resolved", &resolved);
}

fn waiting(call: &Call) -> Result<Waiting, Fault> {
    let waiting = call.shared.devices.decide(text(call, "requestId"));
    waiting.ok_or_else(|| Fault::invalid("unknown requestId"))
}

pub(super) async fn approve(call: Call) -> Reply {
    let shared = &call.shared;
    let waiting = waiting(&call)?;
    let token = Secret::new(uuid::Uuid::new_v4().simple().to_string());
    let now = millis(shared.host.now());
    let approve =
        |book: &mut crate::gateway::devices::Book| Some(book.approve(&waiting.pairing, &token, now));
    shared.devices.change(approve).await.ok_or_else(unread)?;
    decided(&call, &waiting, "approved");
    let book = shared.devices.book().await.ok_or_else(unread)?;
    let id = waiting.pairing.device_id.as_str();
    let device = book.list().into_iter().find(|device| device["deviceId"] == id);
    Ok(json!({"requestId": waiting.request_id, "device": device}))
}

pub(super) fn reject(call: &Call) -> Reply {
    let waiting = waiting(call)?;
    decided(call, &waiting, "rejected");
    Ok(json!({"requestId": waiting.request_id, "deviceId": waiting.pairing.device_id}))
}

pub(super) async fn revoke(call: Call) -> Reply {
    let now = millis(call.shared.host.now());
    let (id, role) = (text(&call, "deviceId").to_owned(), text(&call, "role").to_owned());
    let revoked = call
        .shared
        .devices
        .change(|book| book.revoke(&id, &role, now))
        .await;
    revoked.ok_or_else(|| Fault::invalid("unknown deviceId/role"))?;
    call.shared.clients.token_revoked(&id, &role);
    Ok(json!({"deviceId": id, "role": role, "revokedAtMs": now}))
}
