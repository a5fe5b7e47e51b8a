//! Reads the base port of a config.

use serde_json::Value;

use crate::ports::Port;

/// Returns the base port that a config sets, or `None` where `gateway.port` is missing or not a port.
pub(crate) fn base_port(config: &Value) -> Option<Port> {
    Port::from_json(config.pointer("/gateway/port")?)
}
