//! Runs the gateways of instances under the service manager of the system, one service for each instance
//! (docs/openclaw.md#services).
//!
//! [`crate::service_files`] renders the files of a service. Here, each manager has one file, which implements
//! [`manager::ServiceManager`] by the commands of the manager and a pure parser of their answers. The operations that
//! all managers share (`control`, `install`) use that trait only.
//!
//! No crate is used for this: the common one (`service-manager`) writes command lines without quotes and ignores
//! failures.

mod control;
mod error;
#[cfg(all(test, unix))]
mod fake_tools;
mod install;
mod launchd;
mod linger;
mod manager;
mod replaced_file;
mod retire;
mod schtasks;
mod spec;
mod systemd;
mod timer;
mod transition;

use crate::i18n::{Msg, msg};

pub(crate) use control::{
    ActionOutcome, ActionReport, ServiceStatus, find_manager, last_log_lines, restart, start, status, stop,
};
pub(crate) use error::LINGER_COMMAND;
pub(crate) use install::{InstallOptions, ServiceDrift, drift, install, leftovers, preview, uninstall};
pub(crate) use linger::{Linger, enable_linger, linger, wsl_idle_note};
pub(crate) use manager::{ManagerKind, RunState, StopCause};
pub(crate) use retire::{retire_command, retire_system_command};

/// Returns the way out where a gateway runs that this program can't end: its process can't be seen from here, or the system, as
/// Windows, ends no process in order but by its service manager.
pub(crate) fn stop_hint() -> Msg {
    if cfg!(windows) {
        msg!("service.stop-in-window")
    } else {
        msg!("service.stop-there")
    }
}
