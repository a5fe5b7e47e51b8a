//! The browsers of one instance: found, started, driven and ended; each with its own folder and port
//! (docs/openclaw.md#browser-control). The control service of a gateway and the command line both ask here.
//!
//! ```text
//! gateway: base+2, browser.request ──► Control ──► route (pure) ──► start, stop ──► leftover, badge, launch, prove
//!                                                            └──► tabs ... ──────► cdp, snapshot
//! profiles, ports, discover, status: what config, record and host come to; pure, or reading only
//! ```
//!
//! What answers on a debugging port is used only once it is proven to be the process that was started
//! here, on its own folder (docs/openclaw.md#leak-browser-port).
//!
//! The control service asks for the gateway's token; a debugging port asks for nothing. It listens at
//! loopback only, but there every user of the machine reaches it. A pipe instead of the port would close
//! that, and with it what has a right to the port: tools that attach to `cdpUrl`, and the port rules of
//! both engines. So it is told instead ([`neighbours`]), and the README says what to do about it.
//!
//! Browser profiles that were created at run time are kept in `instance.toml`: no entry of
//! `browser.profiles` fits both releases of OpenClaw.

use serde_json::Value;

use crate::config::variables;
use crate::env_file;
use crate::environment::Environment;
use crate::error::Error;
use crate::host::Host;
use crate::i18n::Msg;
use crate::instance::Instance;
use crate::ports::{Port, PortFamily};
use crate::record::Record;

mod act;
pub mod badge;
pub mod cdp;
pub mod client;
mod connect;
pub mod control;
pub mod discover;
pub mod doctor;
pub mod fetch;
pub mod launch;
pub mod leftover;
pub mod neighbours;
pub mod ports;
pub mod profiles;
pub mod prove;
pub mod route;
mod screenshots;
pub mod snapshot;
pub mod status;

pub use control::Control;

/// Which instance on which host: what everything here is asked about.
#[derive(Clone, Debug)]
pub struct World {
    /// The outside world.
    pub host: Host,
    /// What its environment wishes.
    pub env: Environment,
    /// The instance.
    pub instance: Instance,
    /// The base port that its gateway runs with, 1 to 65535.
    pub base: Port,
}

impl World {
    /// Its ports; `None` where nothing can be derived from its base port.
    pub fn family(&self) -> Option<PortFamily> {
        PortFamily::new(self.base)
    }

    /// The browser profiles that config and record come to. A variable that nobody has stays as it
    /// stands: what is asked then says that it is no address.
    pub fn profiles(&self, config: &Value, record: &Record) -> profiles::Profiles {
        let lookup = |name: &str| {
            let inherited = self
                .host
                .var(name)
                .filter(|_| !Environment::is_own_variable(name));
            inherited
                .map(str::to_owned)
                .or_else(|| env_file::variable(&self.instance.env_file(), name))
                .or_else(|| variables::variable_from_config(config, name))
        };
        let filled = |text: &str| variables::substitute(text, &lookup).unwrap_or_else(|_| text.to_owned());
        let color = profiles::color_of(&self.instance.profile);
        profiles::Profiles::of(config, record, color, &filled)
    }
}

/// A request that is refused or failed: the HTTP status of docs/openclaw.md#browser-errors, and why.
#[derive(Debug)]
pub struct Fault {
    /// 400, 404, 409, 500 or 507.
    pub status: u16,
    /// What happened, with the ways out.
    pub error: Error,
}

/// What a browser's part of the work comes to.
pub type Result<T, E = Fault> = std::result::Result<T, E>;

impl Fault {
    /// An argument that can't be used: 400.
    pub fn bad(msg: Msg) -> Self {
        Self::new(400, msg)
    }

    /// No such profile or tab: 404.
    pub fn unknown(msg: Msg) -> Self {
        Self::new(404, msg)
    }

    /// Not as things are now: 409.
    pub fn conflict(msg: Msg) -> Self {
        Self::new(409, msg)
    }

    /// Something failed: 500.
    pub fn failed(msg: Msg) -> Self {
        Self::new(500, msg)
    }

    /// No port is left: 507.
    pub fn full(msg: Msg) -> Self {
        Self::new(507, msg)
    }

    fn new(status: u16, msg: Msg) -> Self {
        Self {
            status,
            error: Error::failed(msg),
        }
    }

    /// Adds a way out.
    #[must_use]
    pub fn hint(mut self, hint: Msg) -> Self {
        self.error = self.error.hint(hint);
        self
    }

    /// Adds what the system said.
    #[must_use]
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.error = self.error.because(cause);
        self
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self { status: 500, error }
    }
}
