//! `usage.cost` and `sessions.usage`: nothing was used, and nothing was spent.

use serde_json::{Value, json};

use super::call::MethodCall;
use super::method::Method;
use crate::gateway::protocol::{OperatorScope, Protocol};

/// The methods about what was used.
pub(super) const METHODS: &[Method] = &[
    Method::infallible("sessions.usage", OperatorScope::Read, sessions).with_unchecked_params(),
    Method::infallible("usage.cost", OperatorScope::Read, cost).with_unchecked_params(),
];

/// The names of the sums of tokens and costs in both versions of the protocol.
const SUMS: [&str; 7] = [
    "input",
    "output",
    "cacheRead",
    "cacheWrite",
    "totalTokens",
    "totalCost",
    "missingCostEntries",
];
/// The names of further sums of costs in version 4 of the protocol.
const LATE_SUMS: [&str; 4] = ["inputCost", "outputCost", "cacheReadCost", "cacheWriteCost"];
/// The names of the lists in an answer to `sessions.usage` that say what the sums are made of.
const BREAKDOWNS: [&str; 9] = [
    "byModel",
    "byProvider",
    "byAgent",
    "byChannel",
    "byCreator",
    "costDaily",
    "dailyLatency",
    "modelDaily",
    "daily",
];

/// Returns the sums of tokens and costs, all of them 0, in the form of a protocol version.
fn totals(protocol: Protocol) -> Value {
    let late = LATE_SUMS.into_iter().filter(|_| protocol == Protocol::Four);
    let names = SUMS.into_iter().chain(late);
    Value::Object(names.map(|name| (name.to_owned(), 0.into())).collect())
}

/// Returns the state of the files from which OpenClaw 2026.9.6 computes its sums: there are none.
fn cache_status() -> Value {
    json!({"status": "fresh", "cachedFiles": 0, "pendingFiles": 0, "staleFiles": 0})
}

/// Answers the gateway's method `usage.cost`.
fn cost(call: &MethodCall) -> Value {
    let days = call.params.get("days").and_then(Value::as_u64).unwrap_or(30);
    let mut answer = json!({
        "updatedAt": call.now_ms(),
        "days": days,
        "daily": [],
        "totals": totals(call.client.protocol),
    });
    if call.client.protocol == Protocol::Four {
        answer["cacheStatus"] = cache_status();
    }
    answer
}

/// Answers the gateway's method `sessions.usage`, which OpenClaw 2026.1.30 does not have.
fn sessions(call: &MethodCall) -> Value {
    let now = crate::time::format_seconds(call.state.context.host.now());
    let today = now.split('T').next().unwrap_or_default();
    let date = |key: &str| call.text(key).unwrap_or(today).to_owned();
    let mut aggregates = json!({
        "sessionCount": 0,
        "messages": {
            "total": 0, "user": 0, "assistant": 0, "toolCalls": 0, "toolResults": 0, "errors": 0,
        },
        "tools": {"totalCalls": 0, "uniqueTools": 0, "tools": []},
    });
    for list in BREAKDOWNS {
        aggregates[list] = json!([]);
    }
    json!({
        "updatedAt": call.now_ms(),
        "startDate": date("startDate"),
        "endDate": date("endDate"),
        "sessions": [],
        "totals": totals(Protocol::Four),
        "aggregates": aggregates,
        "creatorOptions": [],
        "cacheStatus": cache_status(),
    })
}
