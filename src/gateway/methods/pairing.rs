//! `channels.pairing.list`: who asks to be paired with a bot of this gateway. The form is that of OpenClaw 2026.9.6; a code is
//! not shown, since whoever has the host reads it by `openclaw pairing list`.

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::call::MethodCall;
use super::channels::read_account_reports;
use super::method::Method;
use crate::bot::channels::by_name;
use crate::bot::pairing::{CODE_LIFETIME, MAX_REQUESTS, PairingRequest, PairingStore};
use crate::gateway::protocol::{ErrorResponse, MethodResult, OperatorScope};
use crate::gateway::state::GatewayState;
use crate::probe::channels::AccountReport;
use crate::sync::spawn_blocking;
use crate::time::{format_millis, millis};

/// The methods about people who ask to be paired.
pub(super) const METHODS: &[Method] =
    &[
        Method::future("channels.pairing.list", OperatorScope::Pairing, |call| {
            list(call).boxed()
        })
        .with_unchecked_params(),
    ];

/// Answers the gateway's method `channels.pairing.list`.
async fn list(call: MethodCall) -> MethodResult {
    let state = call.state.clone();
    let listed = spawn_blocking(move || document(&state));
    listed
        .await
        .map_err(|_| ErrorResponse::unavailable("pairing requests cannot be read"))
}

/// Returns the accounts with which strangers may ask to be paired, and the open requests. Waits for files.
fn document(state: &Arc<GatewayState>) -> Value {
    let mut accounts = read_account_reports(state);
    accounts.retain(|account| account.is_wanted() && account.dm_policy.as_deref() == Some("pairing"));
    let now = state.context.host.now();
    let state_dir = &state.context.instance.state_dir;
    let mut requests = Vec::new();
    for (index, account) in accounts.iter().enumerate() {
        // The requests of a channel are kept together: its first account stands for it.
        let is_first = accounts[..index]
            .iter()
            .all(|earlier| earlier.channel != account.channel);
        let channel = by_name(&account.channel).filter(|_| is_first);
        let open = channel.map(|channel| PairingStore::new(state_dir, channel.name).requests(now));
        let open = open.unwrap_or_default();
        requests.extend(open.iter().map(|request| request_value(account, request)));
    }
    let config = &state.active().config;
    let owners = config
        .pointer("/commands/ownerAllowFrom")
        .and_then(Value::as_array);
    json!({
        "accounts": accounts.iter().map(account_value).collect::<Vec<_>>(),
        "requests": requests,
        "commandOwnerConfigured": owners.is_some_and(|owners| !owners.is_empty()),
        "limits": { "pendingPerAccount": MAX_REQUESTS, "ttlMs": millis(CODE_LIFETIME) },
    })
}

/// Returns an account in the form of the method. A person who was paired is not told so by the native engine.
fn account_value(account: &AccountReport) -> Value {
    json!({
        "channel": account.channel,
        "channelLabel": account.label,
        "accountId": account.account_id,
        "notifySupported": false,
    })
}

/// Returns an open request in the form of the method.
fn request_value(account: &AccountReport, request: &PairingRequest) -> Value {
    let time = |time: SystemTime| format_millis(time);
    json!({
        "requestId": format!("{}:{}", account.channel, request.id),
        "channel": account.channel,
        "accountId": account.account_id,
        "senderId": request.id,
        "senderLabel": format!("{}UserId", account.channel),
        "metadata": { "firstName": request.name },
        "createdAt": time(request.created),
        "lastSeenAt": time(request.created),
        "expiresAt": time(request.expires()),
        "notifySupported": false,
    })
}
