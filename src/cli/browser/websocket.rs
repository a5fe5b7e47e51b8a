//! Requests to the browser control service over the WebSocket of the gateway, for a gateway that does not listen on the
//! port of the service: OpenClaw from npm (docs/openclaw.md#browser-requests).

use std::time::{Duration, Instant};

use super::request::ControlCall;
use crate::browser::client::ControlReply;
use crate::cli::Context;
use crate::cli::gateway::call;
use crate::client;
use crate::error::Result;
use crate::probe::{self, ProbeVerdict};

/// Name of the gateway's method that passes a request to its browser control service.
const METHOD: &str = "browser.request";
/// Time that the gateway is given for finding it and for its response, in addition to the time that the service may
/// take.
const RESPONSE_GRACE: Duration = Duration::from_secs(5);

/// Sends a request to the browser control service over the WebSocket of this instance's gateway.
///
/// # Errors
/// When the gateway is not ready, refuses the token, or answers with an error.
pub(super) fn send(context: &Context<'_>, request: &ControlCall, timeout: Duration) -> Result<ControlReply> {
    let deadline = Instant::now() + timeout + RESPONSE_GRACE;
    let (probe, auth) = probe::probe_for_client(context.instance_context(), timeout);
    match probe.verdict {
        ProbeVerdict::NotRunning | ProbeVerdict::Stranger(_) | ProbeVerdict::OtherProfile(_) => {
            return Ok(ControlReply::GatewayDown);
        }
        _ => {}
    }
    let endpoint = call::endpoint_of(context, probe, auth)?;
    let left = deadline.saturating_duration_since(Instant::now());
    let params = request.to_params(timeout);
    client::call(&endpoint, METHOD, Some(&params), left).map(ControlReply::Success)
}
