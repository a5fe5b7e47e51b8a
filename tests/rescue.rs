//! `openclaw rescue`: with a real user manager and without one, killed at any moment, and as a watcher.

use crate::support::{Sandbox, manager};

mod drill;
pub mod inside;
mod killed;
mod killed_inside;
mod limits;
mod state_gone;
mod strangers;
mod watch;
pub mod without_manager;

/// Runs the repairs of services of one manager.
#[test]
fn on_a_real_manager() {
    let sandbox = Sandbox::new();
    manager::run(&sandbox.home(), "rescue::inside::");
}

/// Runs the repairs that are killed while their manager works, on another manager.
#[test]
fn killed_on_a_real_manager() {
    let sandbox = Sandbox::new();
    manager::run(&sandbox.home(), "rescue::killed_inside::");
}
