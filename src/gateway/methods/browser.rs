//! `browser.request{method, path, query, body, timeoutMs}`: the browser control routes, over the socket.

use super::Call;
use crate::gateway::protocol::{Fault, Reply};

/// Answers a request to the browser control.
pub(super) fn request(call: &Call) -> Reply {
    let _ = &call.params;
    Err(Fault::unavailable("browser control is not available"))
}
