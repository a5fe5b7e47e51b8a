//! The slot of one browser profile in a running gateway: the browser's process, its connection, and the locks that
//! order what is done with them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::cdp::CdpConnection;
use super::discover::BrowserKind;
use super::element_refs::ElementRefs;
use super::orphan;
use super::status::BrowserState;
use crate::host::process_group::{ProcessExit, ProcessGroup};
use crate::ports::Port;
use crate::sync::lock;

/// The browser of one browser profile, as a running gateway holds it.
#[derive(Debug, Default)]
pub(super) struct ProfileSlot {
    /// Held during a start, a stop or a delete of the profile: they wait for each other.
    pub(super) operation_lock: tokio::sync::Mutex<()>,
    /// The state of the browser's process.
    pub(super) state: Mutex<SlotState>,
    /// The open debugging connection. Locked after `operation_lock`.
    pub(super) connection: tokio::sync::Mutex<Option<Arc<CdpConnection>>>,
    /// The target id of the tab that was used last.
    pub(super) last_tab: Mutex<Option<String>>,
    /// The labels that clients gave to tabs, by their target ids.
    pub(super) labels: Mutex<BTreeMap<String, String>>,
    /// The elements that the latest snapshots name, by the target ids of their tabs.
    pub(super) element_refs: Mutex<BTreeMap<String, ElementRefs>>,
}

/// The state of the browser process of a browser profile, as a running gateway holds it.
#[derive(Debug, Default)]
pub(super) enum SlotState {
    /// No browser runs.
    #[default]
    Stopped,
    /// A browser is being started and is not ready yet.
    Starting,
    /// A browser runs.
    Running(RunningBrowser),
    /// The browser exited without being asked to.
    Exited {
        /// The process id that it had.
        pid: u32,
        /// The exit code or signal.
        exit: ProcessExit,
        /// The time at which the exit was noticed.
        at: SystemTime,
    },
}

/// A running browser that this gateway started.
#[derive(Debug)]
pub(super) struct RunningBrowser {
    /// The browser's process and its children.
    pub(super) group: ProcessGroup,
    /// The debugging port.
    pub(super) port: Port,
    /// The kind of the program.
    pub(super) kind: BrowserKind,
}

impl ProfileSlot {
    /// Returns the state of the browser of a browser profile, after checking whether its process has exited. `folder`
    /// is the folder of the browser profile; its process file is removed when the exit is noticed.
    pub(super) fn poll_state(&self, folder: &Path) -> BrowserState {
        let mut state = lock(&self.state);
        if let SlotState::Running(running) = &mut *state
            && let Some(exit) = running.group.poll_exit()
        {
            let pid = running.group.pid();
            tracing::warn!(pid, ?exit, "a browser exited on its own");
            orphan::remove_process_file(folder);
            *state = SlotState::Exited {
                pid,
                exit,
                at: crate::host::now(),
            };
        }
        match &*state {
            SlotState::Stopped => BrowserState::Stopped,
            SlotState::Starting => BrowserState::Starting,
            SlotState::Running(running) => BrowserState::Running {
                pid: running.group.pid(),
                port: running.port,
                kind: running.kind,
            },
            SlotState::Exited { pid, exit, at } => BrowserState::Exited {
                pid: *pid,
                exit: *exit,
                at: *at,
            },
        }
    }

    /// Tells whether the browser of a browser profile runs, after checking whether its process has exited.
    pub(super) fn is_running(&self, folder: &Path) -> bool {
        matches!(self.poll_state(folder), BrowserState::Running { .. })
    }
}
