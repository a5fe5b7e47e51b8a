//! The methods about devices: `device.pair.*` and `device.token.*`.
//!
//! A client that was authenticated by the token of its device manages no device but its own, unless it is an
//! administrator (docs/openclaw.md#device-management).

use serde_json::{Value, json};

use super::call::MethodCall;
use crate::gateway::devices::PendingPairing;
use crate::gateway::devices::book::Approval;
use crate::gateway::protocol::event::GatewayEvent;
use crate::gateway::protocol::shape::{FrameField, FrameShape, TEXT, optional, required};
use crate::gateway::protocol::{ClientRole, ErrorResponse, MethodResult, OperatorScope, Protocol};
use crate::secret::Secret;
use crate::time::unix_millis;

/// The parameters of the gateway's methods `device.pair.approve` and `device.pair.reject`.
pub(super) const DECISION_PARAMS: &[FrameField] = &[required("requestId", TEXT)];
/// The parameters of the gateway's method `device.token.revoke`.
pub(super) const REVOKE_PARAMS: &[FrameField] = &[required("deviceId", TEXT), required("role", TEXT)];

/// The parameters of the gateway's method `device.pair.remove`.
pub(super) const REMOVE_PARAMS: &[FrameField] = &[required("deviceId", TEXT)];
/// The parameters of the gateway's method `device.pair.rename`.
pub(super) const RENAME_PARAMS: &[FrameField] = &[required("deviceId", TEXT), required("label", TEXT)];
/// The parameters of the gateway's method `device.token.rotate`.
pub(super) const ROTATE_PARAMS: &[FrameField] = &[
    required("deviceId", TEXT),
    required("role", TEXT),
    optional("scopes", FrameShape::List(&TEXT)),
];

/// Returns the error of a method of the gateway whose file of paired devices can't be read or written.
fn store_error() -> ErrorResponse {
    ErrorResponse::unavailable("paired devices cannot be read or written")
}

/// Answers the gateway's method `device.pair.list`: the devices that wait for approval, and the paired ones.
pub(super) async fn list(call: MethodCall) -> MethodResult {
    let devices = &call.state.devices;
    let book = devices.book().await.ok_or_else(store_error)?;
    let pending = devices.pending();
    let pending: Vec<_> = pending.iter().map(PendingPairing::to_value).collect();
    let mut paired = book.list();
    if call.client.protocol == Protocol::Four {
        let connected = call.state.clients.device_ids();
        for device in &mut paired {
            let id = device.get("deviceId").and_then(Value::as_str);
            let is_connected = id.is_some_and(|id| connected.contains(id));
            device["connected"] = is_connected.into();
        }
    }
    Ok(json!({"pending": pending, "paired": paired}))
}

/// Returns whether a client of the gateway may manage a device: its own, or any where it is an administrator or was
/// authenticated by the gateway's own credentials.
fn may_manage(call: &MethodCall, device_id: &str) -> bool {
    let client = &call.client;
    !client.by_device_token
        || client.has_scope(OperatorScope::Admin)
        || client.device_id.as_deref() == Some(device_id)
}

/// Returns the device id in the parameters of a call, and refuses a client that may not manage that device. `what` is
/// the name of the change in the refusal.
fn managed_device<'a>(call: &'a MethodCall, what: &str) -> Result<&'a str, ErrorResponse> {
    let id = call.text("deviceId").unwrap_or_default();
    if may_manage(call, id) {
        Ok(id)
    } else {
        Err(denied(what))
    }
}

/// Returns the error of a change of a device that the client may not make.
fn denied(what: &str) -> ErrorResponse {
    ErrorResponse::invalid_request(format!("device {what} denied"))
}

/// Tells the clients of the gateway that a device's pairing request was approved or rejected.
fn announce_decision(call: &MethodCall, pairing: &PendingPairing, decision: &str) {
    let resolved = json!({
        "requestId": pairing.request_id,
        "deviceId": pairing.request.device_id,
        "decision": decision,
        "ts": unix_millis(call.state.context.host.now()),
    });
    call.state
        .clients
        .broadcast(GatewayEvent::PairingResolved, &resolved);
}

/// Removes the device's pairing request that a method's parameters name from those that wait for approval.
fn remove_pending(call: &MethodCall) -> Result<PendingPairing, ErrorResponse> {
    let request_id = call.text("requestId").unwrap_or_default();
    let pairing = call.state.devices.remove_pending(request_id);
    pairing.ok_or_else(|| ErrorResponse::invalid_request("unknown requestId"))
}

/// Answers the gateway's method `device.pair.approve`: pairs the device and returns it without its token.
pub(super) async fn approve(call: MethodCall) -> MethodResult {
    let devices = &call.state.devices;
    let pairing = remove_pending(&call)?;
    let token = Secret::new(crate::host::random_uuid().simple().to_string());
    let now = unix_millis(call.state.context.host.now());
    devices
        .update(|book| Some(book.approve(&pairing.request, Approval::ByOperator, &token, now)))
        .await
        .ok_or_else(store_error)?;
    announce_decision(&call, &pairing, "approved");
    let book = devices.book().await.ok_or_else(store_error)?;
    let id = pairing.request.device_id.as_str();
    let device = book.list().into_iter().find(|device| device["deviceId"] == id);
    Ok(json!({"requestId": pairing.request_id, "device": device}))
}

/// Answers the gateway's method `device.pair.reject`, which refuses a device that waits for approval.
pub(super) fn reject(call: &MethodCall) -> MethodResult {
    let pairing = remove_pending(call)?;
    announce_decision(call, &pairing, "rejected");
    Ok(json!({"requestId": pairing.request_id, "deviceId": pairing.request.device_id}))
}

/// Answers the gateway's method `device.pair.remove`: the device is no longer paired, and its sessions end.
pub(super) async fn remove(call: MethodCall) -> MethodResult {
    const WHAT: &str = "pairing removal";
    let id = managed_device(&call, WHAT)?;
    let devices = &call.state.devices;
    let book = devices.book().await.ok_or_else(store_error)?;
    // To pair a node again takes an operator.
    if call.client.by_device_token
        && !call.client.has_scope(OperatorScope::Admin)
        && book.has_other_role_than_operator(id)
    {
        return Err(denied(WHAT));
    }
    let removed = devices.update(|book| book.remove(id)).await;
    removed.ok_or_else(|| ErrorResponse::invalid_request("unknown deviceId"))?;
    call.state
        .clients
        .disconnect_removed_device(id, call.client.conn_id);
    Ok(json!({"deviceId": id}))
}

/// Answers the gateway's method `device.pair.rename`, which gives a device a label.
pub(super) async fn rename(call: MethodCall) -> MethodResult {
    let label = call.text("label").unwrap_or_default().trim();
    if label.is_empty() {
        return Err(ErrorResponse::invalid_request("label required"));
    }
    let id = managed_device(&call, "pairing rename")?;
    let renamed = call.state.devices.update(|book| book.rename(id, label)).await;
    renamed.ok_or_else(|| ErrorResponse::invalid_request("unknown deviceId"))?;
    Ok(json!({"deviceId": id, "label": label}))
}

/// Answers the gateway's method `device.token.rotate`: the device gets a new token, and the other sessions that the old
/// one authenticated end. Nobody gets a token for more than the scopes that he has himself.
pub(super) async fn rotate(call: MethodCall) -> MethodResult {
    const WHAT: &str = "token rotation";
    let (state, client) = (&call.state, &call.client);
    let role = call.text("role").unwrap_or_default().trim();
    let id = managed_device(&call, WHAT)?;
    if role != ClientRole::Operator.name() && !client.has_scope(OperatorScope::Admin) {
        return Err(denied(WHAT));
    }
    let requested = call.params.get("scopes").and_then(Value::as_array);
    let requested: Option<Vec<String>> = requested.map(|scopes| {
        let texts = scopes.iter().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    });
    let refused = || match client.protocol {
        Protocol::Three => ErrorResponse::invalid_request("unknown deviceId/role"),
        Protocol::Four => denied(WHAT),
    };
    let book = state.devices.book().await.ok_or_else(store_error)?;
    let scopes = book
        .rotation_scopes(id, role, requested.as_deref())
        .ok_or_else(refused)?;
    if !scopes.iter().all(|scope| client.has_scope_named(scope)) {
        return Err(denied(WHAT));
    }
    let now = unix_millis(state.context.host.now());
    let token = Secret::new(crate::host::random_uuid().simple().to_string());
    let rotated = state
        .devices
        .update(|book| book.rotate(id, role, &scopes, &token, now))
        .await;
    let rotated = rotated.ok_or_else(store_error)?;
    state.clients.disconnect_rotated_device(id, role, client.conn_id);
    let mut answer = json!({
        "deviceId": id,
        "role": role,
        "scopes": rotated.scopes,
        "rotatedAtMs": rotated.issued_at_ms,
    });
    let is_own = client.device_id.as_deref() == Some(id);
    if is_own || client.protocol == Protocol::Three {
        answer["token"] = rotated.token.expose().into();
    } else {
        answer["tokenDelivery"] = "withheld-cross-device".into();
    }
    Ok(answer)
}

/// Answers the gateway's method `device.token.revoke`: the device's token becomes invalid, and sessions that it
/// authenticated end.
pub(super) async fn revoke(call: MethodCall) -> MethodResult {
    let state = &call.state;
    let now = unix_millis(state.context.host.now());
    let id = managed_device(&call, "token revocation")?;
    let role = call.text("role").unwrap_or_default();
    let revoked = state.devices.update(|book| book.revoke(id, role, now)).await;
    revoked.ok_or_else(|| ErrorResponse::invalid_request("unknown deviceId/role"))?;
    state.clients.disconnect_device(id, role);
    Ok(json!({"deviceId": id, "role": role, "revokedAtMs": now}))
}
