//! The call of a method: the client, the parameters and the gateway.

use std::sync::Arc;

use serde_json::Value;

use crate::gateway::clients::ConnectedClient;
use crate::gateway::protocol::response_frame;
use crate::gateway::state::GatewayState;
use crate::time::unix_millis;

/// The call of a gateway method by a client.
#[derive(Clone, Debug)]
pub(crate) struct MethodCall {
    /// The state of the gateway.
    pub state: Arc<GatewayState>,
    /// The client that calls.
    pub client: Arc<ConnectedClient>,
    /// The id of the request.
    pub id: String,
    /// The parameters; `Null` where there are none.
    pub params: Value,
}

impl MethodCall {
    /// Returns a parameter of a client's call to a gateway method if it is a text; `None` where it is missing or
    /// anything else.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.params.get(key).and_then(Value::as_str)
    }

    /// Answers a client's call before its last answer: the client gets both under one id.
    pub(super) fn answer_first(&self, payload: Value) {
        let frame = response_frame(&self.id, &Ok(payload));
        self.state.clients.send_frame(self.client.conn_id, frame);
    }

    /// Returns the time of a client's call to a gateway method, in milliseconds since 1970.
    pub(super) fn now_ms(&self) -> u64 {
        unix_millis(self.state.context.host.now())
    }
}
