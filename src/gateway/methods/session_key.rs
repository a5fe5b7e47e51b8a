//! The keys of sessions, in the form in which OpenClaw stores them.

use super::config;
use crate::gateway::state::GatewayState;

/// Returns the key of a session as OpenClaw stores it: `main` stands for the main session of the default agent, and
/// any other text without an agent for one of that agent's sessions.
pub(super) fn canonical_key(state: &GatewayState, typed: &str) -> String {
    let typed = typed.trim();
    if typed.starts_with("agent:") || ["global", "unknown"].contains(&typed) {
        return typed.to_owned();
    }
    let active = state.active();
    let rest = if typed == "main" {
        config::main_key(&active.config)
    } else {
        typed.to_owned()
    };
    format!("agent:{}:{rest}", config::default_agent(&active.config))
}

/// Returns the key of the main session of the default agent, in which people talk to the bot.
pub(super) fn main_session_key(state: &GatewayState) -> String {
    canonical_key(state, "main")
}
