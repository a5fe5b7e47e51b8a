//! The methods of the WebSocket protocol, one row each.
//!
//! A method that is not served is never met with silence: one that OpenClaw has and this engine lacks is
//! answered as unavailable, and a name that no release has as unknown.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::clients::presence::MAX_ENTRIES;
use super::protocol::shape::{FrameField, FrameShape};
use super::protocol::{ClientRole, ErrorCode, ErrorResponse, MethodResult, OperatorScope, Protocol};

mod browser;
pub(crate) mod call;
pub(crate) mod config;
mod dashboard;
mod devices;
pub(crate) mod health;
mod known;
mod logs;
mod status;
#[cfg(test)]
mod tests;

use call::MethodCall;

/// The function that answers a method of the gateway's WebSocket protocol, at once or later.
#[derive(Clone, Copy)]
enum Handler {
    /// Answers at once, from memory.
    Sync(fn(&MethodCall) -> MethodResult),
    /// Answers later.
    Async(fn(MethodCall) -> BoxFuture<'static, MethodResult>),
}

/// A method that this gateway serves, and what a call of it requires.
struct Method {
    name: &'static str,
    /// The scope that it requires in protocol 3, and in 4.
    scopes: [OperatorScope; 2],
    /// The fields of its parameters. `None` for a method that checks its parameters itself.
    params: Option<&'static [FrameField]>,
    handler: Handler,
}

impl Method {
    /// Creates a method that is answered at once.
    const fn sync(
        name: &'static str,
        scope: OperatorScope,
        handler: fn(&MethodCall) -> MethodResult,
    ) -> Self {
        Self {
            name,
            scopes: [scope; 2],
            params: None,
            handler: Handler::Sync(handler),
        }
    }

    /// Creates a method that is answered later.
    const fn future(
        name: &'static str,
        scope: OperatorScope,
        handler: fn(MethodCall) -> BoxFuture<'static, MethodResult>,
    ) -> Self {
        Self {
            name,
            scopes: [scope; 2],
            params: None,
            handler: Handler::Async(handler),
        }
    }

    /// Sets the fields of the parameters, which are checked before the handler is called.
    const fn with_params(mut self, params: &'static [FrameField]) -> Self {
        self.params = Some(params);
        self
    }

    /// Sets the scope that protocol 4 requires, where it differs from that of protocol 3.
    const fn with_scope_since_4(mut self, scope: OperatorScope) -> Self {
        self.scopes[1] = scope;
        self
    }
}

/// Every method of the WebSocket protocol that the gateway serves.
const METHODS: &[Method] = &[
    Method::future("health", OperatorScope::Read, |call| {
        async move { Ok(health::document(&call.state).await) }.boxed()
    }),
    Method::future("status", OperatorScope::Read, |call| status::status(call).boxed()),
    Method::sync("system-presence", OperatorScope::Read, |call| {
        Ok(call.state.presence(MAX_ENTRIES))
    }),
    // There has never been a heartbeat: this engine runs no agents.
    Method::sync("last-heartbeat", OperatorScope::Read, |_| Ok(Value::Null)),
    Method::future("config.get", OperatorScope::Admin, |call| {
        config::get(call).boxed()
    })
    .with_scope_since_4(OperatorScope::Read)
    .with_params(&[]),
    Method::future("logs.tail", OperatorScope::Read, |call| logs::tail(call).boxed())
        .with_params(logs::TAIL_PARAMS),
    Method::future("device.pair.list", OperatorScope::Pairing, |call| {
        devices::list(call).boxed()
    })
    .with_params(&[]),
    Method::future("device.pair.approve", OperatorScope::Pairing, |call| {
        devices::approve(call).boxed()
    })
    .with_params(devices::DECISION_PARAMS),
    Method::sync("device.pair.reject", OperatorScope::Pairing, devices::reject)
        .with_params(devices::DECISION_PARAMS),
    Method::future("device.token.revoke", OperatorScope::Pairing, |call| {
        devices::revoke(call).boxed()
    })
    .with_params(devices::REVOKE_PARAMS),
    Method::future("instance.overview", OperatorScope::Read, |call| {
        dashboard::overview(call).boxed()
    })
    .with_params(dashboard::OVERVIEW_PARAMS),
    Method::future("browser.request", OperatorScope::Write, |call| {
        browser::request(call).boxed()
    }),
];

/// Returns the names of the served methods.
pub(crate) fn served_names() -> Vec<&'static str> {
    METHODS.iter().map(|method| method.name).collect()
}

/// Answers a client's call of a method of the gateway's WebSocket protocol, or returns the error of a call that is
/// refused.
pub(crate) fn answer(name: &str, call: MethodCall) -> BoxFuture<'static, MethodResult> {
    match find_handler(name, &call) {
        Err(error) => std::future::ready(Err(error)).boxed(),
        Ok(Handler::Sync(handler)) => std::future::ready(handler(&call)).boxed(),
        Ok(Handler::Async(handler)) => handler(call),
    }
}

/// Returns the handler of a method that this client may call with these parameters.
fn find_handler(name: &str, call: &MethodCall) -> Result<Handler, ErrorResponse> {
    let client = &call.client;
    let method = METHODS.iter().find(|method| method.name == name);
    let is_for_nodes = known::NODE_METHODS.contains(&name);
    if is_for_nodes != (client.role == ClientRole::Node) {
        let role = client.role.name();
        return Err(ErrorResponse::invalid_request(format!(
            "unauthorized role: {role}"
        )));
    }
    let version = usize::from(client.protocol == Protocol::Four);
    let scope = method.map_or_else(|| known::required_scope(name), |method| method.scopes[version]);
    if !is_for_nodes && !client.has_scope(scope) {
        return Err(missing_scope(scope, client.protocol));
    }
    if name == "connect" {
        return Err(ErrorResponse::invalid_request(
            "connect is only valid as the first request",
        ));
    }
    let Some(method) = method else {
        return Err(if known::is_known(name) {
            ErrorResponse::unavailable(format!("method not available in the native engine: {name}"))
        } else {
            ErrorResponse::invalid_request(format!("unknown method: {name}"))
        });
    };
    let nothing = json!({});
    let params = if call.params.is_null() {
        &nothing
    } else {
        &call.params
    };
    if let Some(fields) = method.params {
        FrameShape::Object(fields)
            .check(params, client.protocol)
            .map_err(|reason| ErrorResponse::invalid_request(format!("invalid {name} params: {reason}")))?;
    }
    Ok(method.handler)
}

/// Returns the error of a call without the required scope.
fn missing_scope(scope: OperatorScope, protocol: Protocol) -> ErrorResponse {
    let message = format!("missing scope: {}", scope.name());
    match protocol {
        Protocol::Three => ErrorResponse::invalid_request(message),
        Protocol::Four => ErrorResponse::new(ErrorCode::Forbidden, message).with_details(json!({
            "code": "MISSING_SCOPE",
            "missingScope": scope.name(),
            "requiredScopes": [scope.name()],
        })),
    }
}
