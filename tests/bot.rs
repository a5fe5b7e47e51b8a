//! The bot of a native gateway: its channels, who may speak, and what its owners can do from a chat.

use crate::support::{Sandbox, manager};

mod alerts;
mod chat;
mod conformance;
mod cost;
mod discord;
pub mod home;
mod inside;
mod kills;
mod long_name;
mod matrix;
mod repair;
mod slack;

/// Runs the bots whose gateways are services of one manager.
#[test]
fn on_a_real_manager() {
    let sandbox = Sandbox::new();
    manager::run_with_homeserver(&sandbox.home(), "bot::inside::");
}
