//! What the dashboard asks for: `instance.overview`, a method of this engine alone.

use serde_json::Value;

use super::Call;
use crate::gateway::dashboard;
use crate::gateway::protocol::shape::{Key, TEXT, optional};
use crate::gateway::protocol::{Fault, Reply};
use crate::i18n::Lang;

/// Its parameters: in which language its sentences are; the gateway's own where that is not said.
pub(super) const WISH: &[Key] = &[optional("lang", TEXT)];

pub(super) async fn asked(call: Call) -> Reply {
    let wished = call.params.get("lang").and_then(Value::as_str);
    let lang = wished.and_then(Lang::from_code).unwrap_or(call.shared.lang);
    let answer = dashboard::answer(call.shared, lang).await;
    answer.ok_or_else(|| Fault::unavailable("this host can not be looked at"))
}
