//! The native engine: an async server for one instance, which OpenClaw's own clients can talk to
//! (docs/openclaw.md#gateway-runtime).
//!
//! ```text
//! start ──► config, lock, base port ──► lifecycle ──► serve ──► http ──► session (WebSocket)
//!                                          │                     ├──► dashboard, canvas
//!                                          └── base, base+2 (browser control), base+4 (canvas)
//! ```
//!
//! Modules by layer, each of which knows those before it only: rules and data (`protocol`, `access`, `client_network`,
//! `reply`, `identity`, `websocket`), stores (`refusal_log`, `throttle`, `connections`, `clients`, `devices`, `watch_status`), the `state` that
//! holds them, what uses the state (`guard`, `methods`, `session`, `canvas`, `dashboard`, `http`), and the
//! life of the process (`acquire`, `lifecycle`, `start`).
//!
//! Async code is here and in `browser` only. A gateway reads and writes its own instance only: every path
//! comes from its [`Instance`](crate::instance::Instance) (docs/openclaw.md#isolation-leaks).

mod access;
mod acquire;
mod bot_task;
mod browser;
mod canvas;
mod chat;
mod client_network;
mod clients;
mod completions;
mod config_reload;
mod connections;
pub mod dashboard;
mod debounce;
mod devices;
mod guard;
mod http;
pub mod identity;
mod last_good;
mod lifecycle;
mod listen;
mod log;
mod methods;
mod periodic_events;
pub mod protocol;
mod refusal_log;
mod reply;
mod rescue_task;
mod runs;
mod serve;
mod session;
mod sign_in_page;
mod signals;
mod start;
pub mod state;
mod systemd_notify;
#[cfg(test)]
mod test_support;
mod throttle;
mod upgrade;
mod watch_status;
mod websocket;

pub(crate) use acquire::UserInteraction;
pub(crate) use start::{GatewayOptions, run};
