//! The native engine: an async server for one instance. `OpenClaw`'s own clients talk to it (docs/openclaw.md#gateway-runtime).
//!
//! ```text
//! start ──► lock, config, settings ──► listen ──► serve ──► http ──► session (WebSocket)
//!                                        │                     ├──► dashboard, canvas, live routes
//!                                        └── base, base+2 (browser control), base+4 (canvas)
//! ```
//!
//! Async stays in here and in `browser`. A gateway reads and writes its own instance only: every path
//! comes from its [`Instance`](crate::instance::Instance) (docs/openclaw.md#isolation-leaks).

pub mod browser;
pub mod canvas;
pub mod claim;
pub mod clients;
pub mod connections;
pub mod dashboard;
pub mod devices;
pub mod guard;
pub mod http;
pub mod identity;
pub mod listen;
pub mod log;
pub mod methods;
pub mod notify;
pub mod protocol;
pub mod serve;
pub mod session;
pub mod shared;
pub mod signals;
pub mod start;
pub mod throttle;
pub mod watch;
pub mod watchman;

pub use claim::Edge;
pub use start::{Options, run};
