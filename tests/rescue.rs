//! `openclaw rescue`: on a real user manager, without one, killed on the way, and as a watch.

use crate::support::{Sandbox, manager};

mod alone;
mod cut;
mod inside;
mod killed;
mod limits;
mod watch;

/// Main and a rescuer as services, and what can break main, on one manager.
#[test]
fn on_a_real_manager() {
    let sandbox = Sandbox::new();
    manager::run(&sandbox.home(), "rescue::inside::");
}

/// A rescuer that is killed while its manager works, on another one.
#[test]
fn killed_on_a_real_manager() {
    let sandbox = Sandbox::new();
    manager::run(&sandbox.home(), "rescue::cut::");
}
