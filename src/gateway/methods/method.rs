//! One method of the WebSocket protocol: its name, the scopes and parameters that a call requires, and its handler.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::call::MethodCall;
use crate::gateway::protocol::shape::{FrameField, FrameShape};
use crate::gateway::protocol::{ErrorResponse, MethodResult, OperatorScope, Protocol};

/// Maximum size of the parameters of a call to a gateway method, in bytes: that of a body which browser control
/// accepts over HTTP. No other method reads as many.
const MAX_PARAMS_BYTES: usize = 1024 * 1024;

/// The function that answers a method of the gateway's WebSocket protocol, at once or later.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// Answers at once, from memory.
    Sync(fn(&MethodCall) -> MethodResult),
    /// Answers at once, from memory, and never with an error.
    Infallible(fn(&MethodCall) -> Value),
    /// Answers later.
    Async(fn(MethodCall) -> BoxFuture<'static, MethodResult>),
    /// Answers with this JSON text.
    Fixed(&'static str),
}

/// The parameters that a method of the gateway's WebSocket protocol takes, and whether they are checked before its
/// handler is called.
#[derive(Clone, Copy)]
pub(super) enum MethodParams {
    /// The method reads none: whatever is there is not looked at.
    Ignored,
    /// An object with these fields, which is checked before the handler is called.
    Fields(&'static [FrameField]),
    /// The handler checks them itself.
    Unchecked,
}

/// A method of the WebSocket protocol that this gateway serves, and what a call of it requires.
pub(super) struct Method {
    /// The name.
    pub(super) name: &'static str,
    /// The scope that it requires in protocol 3, and in 4.
    pub(super) scopes: [OperatorScope; 2],
    /// The parameters that it takes.
    pub(super) params: MethodParams,
    /// The function that answers it.
    pub(super) handler: Handler,
}

impl Method {
    /// Creates a method of the gateway's WebSocket protocol that is answered at once.
    pub(super) const fn sync(
        name: &'static str,
        scope: OperatorScope,
        handler: fn(&MethodCall) -> MethodResult,
    ) -> Self {
        Self {
            name,
            scopes: [scope; 2],
            params: MethodParams::Ignored,
            handler: Handler::Sync(handler),
        }
    }

    /// Creates a method of the gateway's WebSocket protocol that is answered at once, and never with an error.
    pub(super) const fn infallible(
        name: &'static str,
        scope: OperatorScope,
        handler: fn(&MethodCall) -> Value,
    ) -> Self {
        Self {
            name,
            scopes: [scope; 2],
            params: MethodParams::Ignored,
            handler: Handler::Infallible(handler),
        }
    }

    /// Creates a method of the gateway's WebSocket protocol that is answered later.
    pub(super) const fn future(
        name: &'static str,
        scope: OperatorScope,
        handler: fn(MethodCall) -> BoxFuture<'static, MethodResult>,
    ) -> Self {
        Self {
            name,
            scopes: [scope; 2],
            params: MethodParams::Ignored,
            handler: Handler::Async(handler),
        }
    }

    /// Creates a method of the gateway's WebSocket protocol whose answer is always the same JSON text.
    pub(super) const fn fixed(name: &'static str, scope: OperatorScope, answer: &'static str) -> Self {
        Self {
            name,
            scopes: [scope; 2],
            params: MethodParams::Ignored,
            handler: Handler::Fixed(answer),
        }
    }

    /// Sets the fields of a gateway method's parameters, which are checked before its handler is called.
    pub(super) const fn with_params(mut self, params: &'static [FrameField]) -> Self {
        self.params = MethodParams::Fields(params);
        self
    }

    /// Leaves the check of a gateway method's parameters to its handler.
    pub(super) const fn with_unchecked_params(mut self) -> Self {
        self.params = MethodParams::Unchecked;
        self
    }

    /// Builds and checks the parameters of a call to a gateway method; `Null` where there are none, or the method
    /// reads none.
    pub(super) fn parse_params(
        &self,
        text: Option<&str>,
        protocol: Protocol,
    ) -> Result<Value, ErrorResponse> {
        let name = self.name;
        let invalid =
            |reason: &str| ErrorResponse::invalid_request(format!("invalid {name} params: {reason}"));
        let fields = match self.params {
            MethodParams::Ignored => return Ok(Value::Null),
            MethodParams::Fields(fields) => Some(fields),
            MethodParams::Unchecked => None,
        };
        let params = match text {
            None => Value::Null,
            Some(text) if text.len() > MAX_PARAMS_BYTES => return Err(invalid("too large")),
            Some(text) => serde_json::from_str(text).map_err(|_| invalid("not JSON"))?,
        };
        if let Some(fields) = fields {
            let nothing = json!({});
            let params = if params.is_null() { &nothing } else { &params };
            let checked = FrameShape::Object(fields).check(params, protocol);
            checked.map_err(|reason| invalid(&reason))?;
        }
        Ok(params)
    }

    /// Sets the permission scope that a method requires in version 4 of the gateway's protocol, where it differs from
    /// that of version 3.
    pub(super) const fn with_scope_since_4(mut self, scope: OperatorScope) -> Self {
        self.scopes[1] = scope;
        self
    }
}
