//! The methods of the WebSocket protocol, one row each.
//!
//! What is not served is never met with silence: a method that OpenClaw has and this engine lacks says so,
//! and a name that nobody has is an unknown one.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::clients::Connected;
use super::clients::presence::MOST;
use super::protocol::shape::{Key, Shape};
use super::protocol::{Code, Fault, Protocol, Reply, Role, Scope};
use super::shared::Shared;

mod browser;
pub mod config;
mod dashboard;
mod devices;
pub mod health;
mod known;
mod logs;
mod status;
#[cfg(test)]
mod tests;

/// A request that may be answered.
#[derive(Clone, Debug)]
pub struct Call {
    /// The gateway.
    pub shared: Arc<Shared>,
    /// Who asks.
    pub who: Arc<Connected>,
    /// With what; `Null` where nothing was given.
    pub params: Value,
}

/// How a method is answered.
#[derive(Clone, Copy)]
enum Handler {
    /// At once, from memory.
    Now(fn(&Call) -> Reply),
    /// In its own time.
    Later(fn(Call) -> BoxFuture<'static, Reply>),
}

/// A method.
struct Row {
    name: &'static str,
    /// What it needs in protocol 3, and in 4.
    scopes: [Scope; 2],
    /// The keys that its parameters may have. `None`: it looks at them itself.
    keys: Option<&'static [Key]>,
    handler: Handler,
}

impl Row {
    const fn now(name: &'static str, scope: Scope, handler: fn(&Call) -> Reply) -> Self {
        Self {
            name,
            scopes: [scope; 2],
            keys: None,
            handler: Handler::Now(handler),
        }
    }

    const fn later(name: &'static str, scope: Scope, handler: fn(Call) -> BoxFuture<'static, Reply>) -> Self {
        Self {
            name,
            scopes: [scope; 2],
            keys: None,
            handler: Handler::Later(handler),
        }
    }

    const fn with_keys(mut self, keys: &'static [Key]) -> Self {
        self.keys = Some(keys);
        self
    }

    const fn late(mut self, scope: Scope) -> Self {
        self.scopes[1] = scope;
        self
    }
}

const ROWS: &[Row] = &[
    Row::later("health", Scope::Read, |call| {
        async move { Ok(health::look(&call.shared).await) }.boxed()
    }),
    Row::later("status", Scope::Read, |call| status::answer(call).boxed()),
    Row::now("system-presence", Scope::Read, |call| {
        Ok(call.shared.clients.presence(&call.shared, MOST))
    }),
    // No heartbeat has ever been: this engine runs no agents.
    Row::now("last-heartbeat", Scope::Read, |_| Ok(Value::Null)),
    Row::later("config.get", Scope::Admin, |call| config::get(call).boxed())
        .late(Scope::Read)
        .with_keys(&[]),
    Row::later("logs.tail", Scope::Read, |call| logs::tail(call).boxed()).with_keys(logs::PART),
    Row::later("device.pair.list", Scope::Pairing, |call| {
        devices::list(call).boxed()
    })
    .with_keys(&[]),
    Row::later("device.pair.approve", Scope::Pairing, |call| {
        devices::approve(call).boxed()
    })
    .with_keys(devices::DECISION),
    Row::now("device.pair.reject", Scope::Pairing, devices::reject).with_keys(devices::DECISION),
    Row::later("device.token.revoke", Scope::Pairing, |call| {
        devices::revoke(call).boxed()
    })
    .with_keys(devices::TOKEN),
    Row::later("instance.overview", Scope::Read, |call| {
        dashboard::asked(call).boxed()
    })
    .with_keys(dashboard::WISH),
    Row::later("browser.request", Scope::Write, |call| {
        browser::request(call).boxed()
    }),
];

/// The methods that do what their names say.
pub fn served() -> Vec<&'static str> {
    ROWS.iter().map(|row| row.name).collect()
}

/// Answers a request.
pub fn answer(method: &str, call: Call) -> BoxFuture<'static, Reply> {
    match look(method, &call) {
        Err(fault) => std::future::ready(Err(fault)).boxed(),
        Ok(Handler::Now(handler)) => std::future::ready(handler(&call)).boxed(),
        Ok(Handler::Later(handler)) => handler(call),
    }
}

/// Whether this client may call this method, it is there, and its parameters are in order.
fn look(method: &str, call: &Call) -> Result<Handler, Fault> {
    let who = &call.who;
    let row = ROWS.iter().find(|row| row.name == method);
    let for_nodes = known::NODE.contains(&method);
    if for_nodes != (who.role == Role::Node) {
        return Err(Fault::invalid(format!("unauthorized role: {}", who.role.name())));
    }
    let late = usize::from(who.protocol == Protocol::Four);
    let scope = row.map_or_else(|| known::scope(method), |row| row.scopes[late]);
    if !for_nodes && !who.may(scope) {
        return Err(missing(scope, who.protocol));
    }
    if method == "connect" {
        return Err(Fault::invalid("connect is only valid as the first request"));
    }
    let Some(row) = row else {
        return Err(if known::is_known(method) {
            Fault::unavailable(format!("method not available in the native engine: {method}"))
        } else {
            Fault::invalid(format!("unknown method: {method}"))
        });
    };
    let nothing = json!({});
    let params = if call.params.is_null() {
        &nothing
    } else {
        &call.params
    };
    if let Some(keys) = row.keys {
        let wrong = |faults| Fault::invalid(format!("invalid {method} params: {faults}"));
        Shape::Object(keys).check(params, who.protocol).map_err(wrong)?;
    }
    Ok(row.handler)
}

fn missing(scope: Scope, protocol: Protocol) -> Fault {
    let fault = Fault::invalid(format!("missing scope: {}", scope.name()));
    match protocol {
        Protocol::Three => fault,
        Protocol::Four => Fault {
            code: Code::Forbidden,
            ..fault
        }
        .with_details(json!({
            "code": "MISSING_SCOPE",
            "missingScope": scope.name(),
            "requiredScopes": [scope.name()],
        })),
    }
}
