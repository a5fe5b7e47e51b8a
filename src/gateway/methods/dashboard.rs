//! `instance.overview`, the data of the dashboard: a method of this engine only.

use super::call::MethodCall;
use crate::gateway::dashboard;
use crate::gateway::protocol::shape::{FrameField, TEXT, optional};
use crate::gateway::protocol::{ErrorResponse, MethodResult};
use crate::i18n::Lang;

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
