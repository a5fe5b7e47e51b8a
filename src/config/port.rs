//! Ports in a config.

use serde_json::Value;

/// Returns `gateway.port` of a config when it is a port.
pub fn base_port(config: &Value) -> Option<u16> {
    port(config.pointer("/gateway/port")?)
}

/// Returns the port that a value is: a whole number from 1 to 65535, in any notation (`18789.0`). JavaScript knows no
/// difference.
pub fn port(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|n| n.fract() == 0.0)?;
        format!("{number}").parse().ok()
    })?;
    u16::try_from(number).ok().filter(|port| *port > 0)
}
