//! `instance.overview` and `instance.signInCode`, the data of the dashboard and a way into it: methods of this engine only.

use std::time::Instant;

use serde_json::{Value, json};

use super::call::MethodCall;
use crate::gateway::dashboard;
use crate::gateway::dashboard::sign_in_code::CODE_LIFETIME;
use crate::gateway::protocol::shape::{FrameField, TEXT, optional};
use crate::gateway::protocol::{ErrorResponse, MethodResult};
use crate::i18n::Lang;
use crate::time::millis;

/// The parameters of the gateway's method `instance.overview`: the language of its sentences, the gateway's own by
/// default.
pub(super) const OVERVIEW_PARAMS: &[FrameField] = &[optional("lang", TEXT)];

/// Answers the gateway's method `instance.overview`, which returns the data that the dashboard shows.
pub(super) async fn overview(call: MethodCall) -> MethodResult {
    let requested = call.text("lang").and_then(Lang::from_code);
    let lang = requested.unwrap_or(call.state.lang);
    let overview = dashboard::cached_overview(call.state, lang).await;
    overview.ok_or_else(|| ErrorResponse::unavailable("this host cannot be examined"))
}

/// Answers the gateway's method `instance.signInCode`: makes a one-time code with which a browser gets the token. Whoever
/// calls it could show the token itself.
pub(super) fn sign_in_code(call: &MethodCall) -> Value {
    let random = call.state.context.host.random();
    let code = call.state.sign_in_code.issue(random, Instant::now());
    json!({ "code": code, "expiresInMs": millis(CODE_LIFETIME) })
}
