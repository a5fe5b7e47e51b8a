//! The methods of the WebSocket protocol, one row each.
//!
//! A method that is not served is never met with silence: one that OpenClaw has and this engine lacks is
//! answered as unavailable, and a name that no release has as unknown.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::clients::ConnectedClient;
use super::clients::presence::MAX_ENTRIES;
use super::protocol::{ClientRole, ErrorCode, ErrorResponse, MethodResult, OperatorScope, Protocol};
use super::state::GatewayState;
use crate::text::sanitize_name;

mod agents;
mod browser;
pub(crate) mod call;
pub(crate) mod channels;
mod chat;
pub(crate) mod config;
mod config_edit;
mod config_schema;
mod dashboard;
mod devices;
mod empty;
pub(crate) mod health;
mod known;
mod logs;
mod method;
mod pairing;
mod session_key;
mod sessions;
mod status;
pub(crate) mod surface;
#[cfg(test)]
mod tests;
mod usage;

use call::MethodCall;
use method::{Handler, Method};

/// The methods of the WebSocket protocol that the gateway serves, in tables by what they are about.
const TABLES: [&[Method]; 11] = [
    OWN_METHODS,
    config::METHODS,
    config_edit::METHODS,
    config_schema::METHODS,
    agents::METHODS,
    sessions::METHODS,
    channels::METHODS,
    chat::METHODS,
    empty::METHODS,
    pairing::METHODS,
    usage::METHODS,
];

/// The methods of the WebSocket protocol about the gateway itself, its devices and its browsers.
const OWN_METHODS: &[Method] = &[
    Method::future("health", OperatorScope::Read, |call| {
        async move { Ok(health::document(&call.state).await) }.boxed()
    }),
    Method::future("status", OperatorScope::Read, |call| status::status(call).boxed()),
    Method::sync("system-presence", OperatorScope::Read, |call| {
        Ok(call.state.presence(MAX_ENTRIES))
    }),
    // There has never been a heartbeat: an agent of this engine speaks when it is spoken to.
    Method::sync("last-heartbeat", OperatorScope::Read, |_| Ok(Value::Null)),
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
    Method::future("device.pair.remove", OperatorScope::Pairing, |call| {
        devices::remove(call).boxed()
    })
    .with_params(devices::REMOVE_PARAMS),
    Method::future("device.pair.rename", OperatorScope::Pairing, |call| {
        devices::rename(call).boxed()
    })
    .with_params(devices::RENAME_PARAMS),
    Method::future("device.token.rotate", OperatorScope::Pairing, |call| {
        devices::rotate(call).boxed()
    })
    .with_params(devices::ROTATE_PARAMS),
    Method::future("device.token.revoke", OperatorScope::Pairing, |call| {
        devices::revoke(call).boxed()
    })
    .with_params(devices::REVOKE_PARAMS),
    Method::future("instance.overview", OperatorScope::Read, |call| {
        dashboard::overview(call).boxed()
    })
    .with_params(dashboard::OVERVIEW_PARAMS),
    Method::sync("instance.signInCode", OperatorScope::Admin, |call| {
        Ok(dashboard::sign_in_code(call))
    })
    .with_params(&[]),
    Method::sync("plugin.surface.refresh", OperatorScope::Read, surface::refresh).with_unchecked_params(),
    Method::sync(
        "node.pluginSurface.refresh",
        OperatorScope::Read,
        surface::refresh,
    )
    .with_unchecked_params(),
    Method::future("browser.request", OperatorScope::Write, |call| {
        browser::request(call).boxed()
    })
    .with_unchecked_params(),
];

/// Returns every method of the WebSocket protocol that the gateway serves.
fn served() -> impl Iterator<Item = &'static Method> {
    TABLES.into_iter().flatten()
}

/// Returns the names of the methods that the gateway serves over the WebSocket.
pub(crate) fn served_names() -> Vec<&'static str> {
    served().map(|method| method.name).collect()
}

/// A call to a gateway method that the client may make, with its checked parameters.
pub(crate) struct AllowedCall {
    handler: Handler,
    params: Value,
}

impl AllowedCall {
    /// Starts a client's call to a gateway method and returns a future of the method's result.
    pub(crate) fn answer(
        self,
        state: &Arc<GatewayState>,
        client: &Arc<ConnectedClient>,
        id: &str,
    ) -> BoxFuture<'static, MethodResult> {
        let call = MethodCall {
            state: state.clone(),
            client: client.clone(),
            id: id.to_owned(),
            params: self.params,
        };
        match self.handler {
            Handler::Sync(handler) => std::future::ready(handler(&call)).boxed(),
            Handler::Infallible(handler) => std::future::ready(Ok(handler(&call))).boxed(),
            Handler::Async(handler) => handler(call),
            Handler::Fixed(answer) => {
                let answer = serde_json::from_str(answer);
                let answer = answer.map_err(|_| ErrorResponse::unavailable("invalid answer"));
                std::future::ready(answer).boxed()
            }
        }
    }
}

/// Checks a client's call to a gateway method: first whether this client may call it, then its parameters. They are
/// built only where the method reads them, so that a refused call costs no more memory than its message.
///
/// # Errors
/// The error that the client is answered with.
pub(crate) fn check_call(
    name: &str,
    client: &ConnectedClient,
    params: Option<&str>,
) -> Result<AllowedCall, ErrorResponse> {
    let method = find_method(name, client)?;
    let params = method.parse_params(params, client.protocol)?;
    Ok(AllowedCall {
        handler: method.handler,
        params,
    })
}

/// Returns the gateway method of this name if this client may call it. A method that the gateway does not serve is
/// absent for every client, whatever its permission scopes are.
fn find_method(name: &str, client: &ConnectedClient) -> Result<&'static Method, ErrorResponse> {
    let is_for_nodes = known::NODE_METHODS.contains(&name);
    if is_for_nodes != (client.role == ClientRole::Node) {
        let role = client.role.name();
        return Err(ErrorResponse::invalid_request(format!(
            "unauthorized role: {role}"
        )));
    }
    // Before the scope: with another one the client would be told that the method is not there.
    let method = served().find(|method| method.name == name);
    let method = method.ok_or_else(|| missing_method(name))?;
    let scope = method.scopes[usize::from(client.protocol == Protocol::Four)];
    if !is_for_nodes && !client.has_scope(scope) {
        return Err(missing_scope(scope, client.protocol));
    }
    Ok(method)
}

/// Returns the error of a call to a method that the gateway does not serve, by whether OpenClaw has it.
fn missing_method(name: &str) -> ErrorResponse {
    if name == "connect" {
        ErrorResponse::invalid_request("connect is only valid as the first request")
    } else if known::needs_agent(name) {
        let message = format!(
            "{name} needs an agent with a model, and the native engine of this gateway has none; \
             `openclaw gateway --engine node` runs OpenClaw's own"
        );
        ErrorResponse::unavailable(message).with_details(json!({"code": "NO_AGENT", "engine": "native"}))
    } else if known::is_known(name) {
        ErrorResponse::unavailable(format!("method not available in the native engine: {name}"))
    } else {
        ErrorResponse::invalid_request(format!("unknown method: {}", sanitize_name(name)))
    }
}

/// Returns the error of a call to a gateway method by a client without the required permission scope.
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
