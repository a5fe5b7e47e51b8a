//! The methods about devices: `device.pair.*` and `device.token.revoke`.

use serde_json::json;

use super::call::MethodCall;
use crate::gateway::devices::PendingPairing;
use crate::gateway::protocol::event::GatewayEvent;
use crate::gateway::protocol::shape::{FrameField, TEXT, required};
use crate::gateway::protocol::{ErrorResponse, MethodResult};
use crate::secret::Secret;
use crate::time::unix_millis;

/// The parameters of the gateway's methods `device.pair.approve` and `device.pair.reject`.
pub(super) const DECISION_PARAMS: &[FrameField] = &[required("requestId", TEXT)];
/// The parameters of the gateway's method `device.token.revoke`.
pub(super) const REVOKE_PARAMS: &[FrameField] = &[required("deviceId", TEXT), required("role", TEXT)];

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
    Ok(json!({"pending": pending, "paired": book.list()}))
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
    let token = Secret::new(uuid::Uuid::new_v4().simple().to_string());
    let now = unix_millis(call.state.context.host.now());
    devices
        .update(|book| Some(book.approve(&pairing.request, &token, now)))
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

/// Answers the gateway's method `device.token.revoke`: the device's token becomes invalid, and sessions that it
/// authenticated end.
pub(super) async fn revoke(call: MethodCall) -> MethodResult {
    let state = &call.state;
    let now = unix_millis(state.context.host.now());
    let (id, role) = (call.text("deviceId"), call.text("role"));
    let (id, role) = (id.unwrap_or_default(), role.unwrap_or_default());
    let revoked = state.devices.update(|book| book.revoke(id, role, now)).await;
    revoked.ok_or_else(|| ErrorResponse::invalid_request("unknown deviceId/role"))?;
    state.clients.disconnect_device(id, role);
    Ok(json!({"deviceId": id, "role": role, "revokedAtMs": now}))
}
