//! The keys of sessions, by the rules of the active config.

use crate::agent::roster;
use crate::gateway::state::GatewayState;
use crate::sessions::SessionKey;

/// Returns the key that a text of a client stands for.
pub(super) fn resolve_key(state: &GatewayState, typed: &str) -> SessionKey {
    SessionKey::resolve(typed, &roster::session_key_rules(&state.active().config))
}
