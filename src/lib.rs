//! Several OpenClaw gateways on one host, each isolated from the others.
//!
//! The way of the data:
//!
//! ```text
//! argv + env -> Environment -> Instance paths
//!                                  |
//! host ------> Survey -------------+
//!                                  v
//! prompts, flags, answers -> Interview -> Answers -> plan() -> Plan -> apply() -> Report -> ui
//! ```
//!
//! Everything before `apply` only reads. The domain (`ports`, `plan`, `config`, `survey`) speaks in
//! [`i18n::Msg`] and knows no screen; `host` is the only door to the system; `ui` the only writer to it.

pub mod apply;
pub mod config;
pub mod environment;
pub mod error;
pub mod host;
pub mod i18n;
pub mod plan;
pub mod ports;
pub mod profile;
pub mod registry;
pub mod secret;
pub mod survey;

use std::process::ExitCode;

/// Runs the program in this world.
pub fn run(_host: &host::Host) -> ExitCode {
    ExitCode::SUCCESS
}
