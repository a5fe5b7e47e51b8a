//! Services: an instance's gateway under the system's own service manager, one service each
//! (docs/openclaw.md#services).
//!
//! [`crate::service_files`] renders the files of a service. Here, each manager is a file that implements
//! [`manager::ServiceManager`]: its commands, and a pure parser of their answers. The operations that all
//! managers share (`control`, `install`) know only that trait.
//!
//! No crate does this: the one that is widely used (`service-manager`) writes its command lines without quotes and
//! drops failures.

mod control;
mod error;
#[cfg(all(test, unix))]
mod fake_tools;
mod install;
mod launchd;
mod linger;
mod manager;
mod schtasks;
mod spec;
mod systemd;

pub(crate) use control::{
    ActionOutcome, ActionReport, ServiceStatus, last_log_lines, restart, start, status, stop,
};
pub(crate) use error::LINGER_COMMAND;
pub(crate) use install::{InstallOptions, ServiceDrift, drift, install, preview, uninstall};
pub(crate) use linger::{Linger, enable_linger, linger, wsl_idle_note};
pub(crate) use manager::{ManagerKind, RunState};
