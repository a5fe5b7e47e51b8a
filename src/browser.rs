//! The browsers of one instance: finds, starts, drives and ends them, each with its own data folder and debugging
//! port (docs/openclaw.md#browser-control). Used by the control service of a gateway and by `openclaw browser`.
//!
//! ```text
//! gateway: base+2, browser.request ──► BrowserControl ──► route (pure) ──► control::{lifecycle, manage}
//!                                                                     └──► tabs ──► snapshot, act ──► page_elements ──► cdp
//! lifecycle: orphan, debug_port, window_branding, launch, port_owner
//! profiles, debug_port, discover, status, checks: derived from config, record and host; pure, or reading only
//! ```
//!
//! A process that answers on a debugging port is used only once it is proven to be the one that was started here,
//! on its own folder (docs/openclaw.md#leak-browser-port).
//!
//! The control service requires the gateway's token; a debugging port requires nothing. It listens on loopback
//! only, but every user of the machine can connect there. A pipe in place of the port would close that gap, but
//! tools that attach to `cdpUrl` and the port rules of both engines need the port. So `browser doctor` reports the
//! other users of the machine instead ([`other_users`]), and `SECURITY.md` says what to do about it.
//!
//! Browser profiles that were created at run time are stored in `instance.toml`: no entry of `browser.profiles` is
//! valid in both releases of OpenClaw.

mod act;
mod arguments;
mod blocking;
mod cdp;
pub(crate) mod checks;
pub(crate) mod client;
mod connection;
mod context;
pub(crate) mod control;
pub(crate) mod debug_port;
mod discover;
mod element_refs;
mod error;
mod http_client;
mod launch;
mod orphan;
mod other_users;
mod page_elements;
mod port_owner;
pub(crate) mod profiles;
pub(crate) mod route;
mod screenshots;
mod slot;
mod snapshot;
pub(crate) mod status;
mod tabs;
mod window_branding;

pub(crate) use context::BrowserContext;
pub(crate) use control::BrowserControl;
pub(crate) use discover::{BrowserKind, installed_kind};
use error::{BrowserError, Result};
