//! The type of a TCP port, and its parsers for configs, the command line, environment variables, and this program's own
//! files. No other module parses ports.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A TCP port that can be listened on, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Port(NonZeroU16);

/// Error of a text that isn't a port: anything but the digits of a number from 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a port from 1 to 65535")]
pub struct InvalidPort;

impl Port {
    /// Returns the port of a number, or `None` for 0.
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Returns the port of a number that a test knows to be one.
    #[cfg(test)]
    pub(crate) const fn known(number: u16) -> Self {
        Self::new(number).expect("a number from 1")
    }

    /// Returns the number.
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// Parses a number of a config. JavaScript knows one kind of number, so `18789.0` and `1.8789e4` are ports too
    /// (docs/openclaw.md#config-format).
    pub fn from_json(value: &Value) -> Option<Self> {
        let number = value.as_u64().or_else(|| {
            let number = value.as_f64().filter(|number| number.fract() == 0.0)?;
            // A whole float is written without a fraction.
            format!("{number}").parse().ok()
        })?;
        u16::try_from(number).ok().and_then(Self::new)
    }

    /// Parses a variable of the environment, which may be `host:port` (docs/openclaw.md#order-of-precedence).
    pub fn from_variable(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_host = |host: &str| {
            !host.is_empty() && (!host.contains(':') || host.starts_with('[') && host.ends_with(']'))
        };
        match text.rsplit_once(':') {
            Some((host, port)) if is_host(host) => port.parse().ok(),
            Some(_) => None,
            None => text.parse().ok(),
        }
    }
}

impl FromStr for Port {
    type Err = InvalidPort;

    fn from_str(text: &str) -> Result<Self, InvalidPort> {
        // The standard parser takes a plus sign, too.
        let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits
            .and_then(|digits| digits.parse().ok())
            .map(Self)
            .ok_or(InvalidPort)
    }
}

impl From<Port> for u16 {
    fn from(port: Port) -> Self {
        port.get()
    }
}

impl From<Port> for i64 {
    fn from(port: Port) -> Self {
        port.get().into()
    }
}

impl From<Port> for Value {
    fn from(port: Port) -> Self {
        port.get().into()
    }
}

impl PartialEq<u16> for Port {
    fn eq(&self, other: &u16) -> bool {
        self.get() == *other
    }
}

impl PartialEq<Port> for u16 {
    fn eq(&self, other: &Port) -> bool {
        *self == other.get()
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_number_of_a_config_is_a_port_in_any_notation() {
        for value in [json!(18789), json!(18789.0), json!(1.8789e4)] {
            assert_eq!(Port::from_json(&value).unwrap(), 18789, "{value}");
        }
        let none = [
            json!(0),
            json!(-1),
            json!(65536),
            json!(18789.5),
            json!(1e300),
            json!("18789"),
            json!(null),
            json!([1]),
        ];
        for value in none {
            assert_eq!(Port::from_json(&value), None, "{value}");
        }
    }

    #[test]
    fn text_is_a_port_if_it_is_all_digits_and_in_range() {
        for (text, port) in [("1", 1), ("65535", 65535), ("018789", 18789)] {
            assert_eq!(text.parse::<Port>().unwrap(), port, "{text}");
        }
        for text in [
            "",
            "0",
            "65536",
            "+1",
            "-1",
            " 1",
            "1.0",
            "0x10",
            "localhost:1",
            "18789x",
        ] {
            assert_eq!(text.parse::<Port>(), Err(InvalidPort), "{text}");
        }
    }

    #[test]
    fn variable_may_have_a_host_before_the_port() {
        for text in ["18789", " 18789 ", "127.0.0.1:18789", "host:18789", "[::1]:18789"] {
            assert_eq!(Port::from_variable(text).unwrap(), 18789, "{text}");
        }
        for text in ["", ":", "host:", "18789x", "host:0", ":18789", "::1:18789"] {
            assert_eq!(Port::from_variable(text), None, "{text}");
        }
    }
}
