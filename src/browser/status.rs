//! The state of a browser, and the status document with the fields of docs/openclaw.md#browser-status: from what a
//! running gateway knows of the browser, or from the files alone where no gateway runs.

use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::debug_port::{self, PortUsage};
use super::discover::{self, BrowserKind, BrowserProgram};
use super::launch::{Headless, exit_msg};
use super::orphan::{self, OrphanedBrowser, user_data_folder};
use super::profiles::{
    BrowserConfig, BrowserEndpoint, BrowserProfile, BrowserProfiles, MANAGED_DRIVER, redact_url,
};
use super::{BrowserContext, http_client};
use crate::host::process_group::ProcessExit;
use crate::i18n::{Lang, Msg, msg};
use crate::ports::Port;
use crate::record::Record;

/// The state of a browser of this instance: stopped, starting, running, orphaned, exited or remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BrowserState {
    /// The browser does not run.
    Stopped,
    /// The browser was started and is not ready yet.
    Starting,
    /// The browser runs and is proven to be the one that was started here.
    Running {
        /// The process id.
        pid: u32,
        /// The debugging port.
        port: Port,
        /// The kind of the program.
        kind: BrowserKind,
    },
    /// The browser runs although the gateway that started it does not.
    Orphan(OrphanedBrowser),
    /// The browser exited without being asked to.
    Exited {
        /// The process id that the browser had.
        pid: u32,
        /// The exit code or signal.
        exit: ProcessExit,
        /// The time at which the exit was noticed.
        at: SystemTime,
    },
    /// The browser is run by somebody else.
    Remote {
        /// `true` when the browser answers.
        reachable: bool,
    },
}

/// The name of a browser's state in status documents, such as `running`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateName {
    /// No browser runs, or it exited with code 0.
    Stopped,
    /// The browser is being started.
    Starting,
    /// The browser runs.
    Running,
    /// The browser runs without its gateway.
    Orphan,
    /// The browser exited with an error.
    Crashed,
    /// The browser is run by somebody else.
    Remote,
}

impl StateName {
    /// Every name of a state of a browser, in no particular order.
    const ALL: [Self; 6] = [
        Self::Stopped,
        Self::Starting,
        Self::Running,
        Self::Orphan,
        Self::Crashed,
        Self::Remote,
    ];

    /// Returns the text of a browser state's name, as the field `state` of a browser's status document has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Orphan => "orphan",
            Self::Crashed => "crashed",
            Self::Remote => "remote",
        }
    }

    /// Reads the state of a browser from the field `state` of a browser's status document. Where that is missing or
    /// unknown, as in a document of OpenClaw, the field `running` decides.
    pub(crate) fn from_document(document: &Value) -> Self {
        let name = document["state"].as_str();
        let known = Self::ALL.into_iter().find(|state| name == Some(state.name()));
        known.unwrap_or(if document["running"] == true {
            Self::Running
        } else {
            Self::Stopped
        })
    }
}

impl BrowserState {
    /// Returns the name under which the state of a browser is reported.
    fn name(&self) -> StateName {
        match self {
            Self::Stopped => StateName::Stopped,
            Self::Starting => StateName::Starting,
            Self::Running { .. } => StateName::Running,
            Self::Orphan(_) => StateName::Orphan,
            Self::Exited { exit, .. } if exit.code == Some(0) => StateName::Stopped,
            Self::Exited { .. } => StateName::Crashed,
            Self::Remote { .. } => StateName::Remote,
        }
    }

    /// Tells whether a browser in this state can be driven.
    fn is_ready(&self) -> bool {
        matches!(self, Self::Running { .. } | Self::Remote { reachable: true })
    }

    /// Returns the process id of a running or orphaned browser.
    fn pid(&self) -> Option<u32> {
        match self {
            Self::Running { pid, .. } => Some(*pid),
            Self::Orphan(orphan) => Some(orphan.pid),
            _ => None,
        }
    }

    /// Returns the debugging port of a running or orphaned browser.
    fn port(&self) -> Option<Port> {
        match self {
            Self::Running { port, .. } => Some(*port),
            Self::Orphan(orphan) => orphan.port,
            _ => None,
        }
    }
}

/// Finds the browser program that a start would use: the one that the config names, else the first installed browser.
///
/// # Errors
/// A message when there is none.
pub(super) fn find_program(
    context: &BrowserContext,
    browser_config: &BrowserConfig,
) -> Result<BrowserProgram, Msg> {
    let Some(configured) = &browser_config.executable else {
        return discover::find_browser(&context.host, &context.env.home)
            .ok_or_else(|| msg!("browser.none-found"));
    };
    let path = context
        .env
        .expand(Some(&context.instance.state_dir), configured)
        .filter(|path| path.is_file());
    path.map(|path| BrowserProgram {
        kind: BrowserKind::from_path(&path),
        path,
    })
    .ok_or_else(|| msg!("browser.not-a-program", path = configured))
}

/// Returns the user-data folder of a profile's browser.
pub(super) fn profile_data_folder(context: &BrowserContext, profile: &BrowserProfile) -> PathBuf {
    user_data_folder(&context.instance.browser(&profile.name))
}

/// Returns the debugging port of a browser profile whose browser does not run: the pinned one, the recorded one, or
/// the one that it would get now. `None` where this program does not start the browser, or no port is free.
pub(crate) fn assigned_port(
    context: &BrowserContext,
    profile: &BrowserProfile,
    profiles: &BrowserProfiles,
    record: &Record,
) -> Option<Port> {
    match profile.endpoint {
        BrowserEndpoint::Pinned { port, .. } => return Some(port),
        BrowserEndpoint::Remote { .. } | BrowserEndpoint::UnsupportedDriver { .. } => return None,
        BrowserEndpoint::Pool => {}
    }
    let recorded = record.browser.ports.get(&profile.name).copied();
    let pool = context.port_family().map(crate::ports::PortFamily::cdp_pool);
    recorded
        .filter(|port| pool.is_some_and(|pool| pool.contains(*port)))
        .or_else(|| {
            let usage = PortUsage::survey(context);
            debug_port::choose(context, profile, profiles, record, &usage).ok()
        })
}

/// Returns the state of a browser as far as it is visible while the gateway is down: orphaned, remote or stopped.
pub(crate) fn state_without_gateway(
    context: &BrowserContext,
    profile: &BrowserProfile,
    browser_config: &BrowserConfig,
) -> BrowserState {
    if let BrowserEndpoint::Remote { url, .. } = &profile.endpoint {
        return BrowserState::Remote {
            reachable: http_client::is_reachable(url, browser_config.remote_timeout),
        };
    }
    let orphan = orphan::find_on_folder(&context.instance.browser(&profile.name));
    orphan.map_or(BrowserState::Stopped, BrowserState::Orphan)
}

/// Returns the URL of a browser profile's remote browser without the parts that may hold a secret. `None` where the
/// browser is not remote.
fn remote_url(profile: &BrowserProfile) -> Option<String> {
    match &profile.endpoint {
        BrowserEndpoint::Remote { url, .. } => Some(redact_url(url)),
        _ => None,
    }
}

/// Returns the URL of a browser's debugging port on loopback.
fn loopback_url(port: Port) -> String {
    format!("http://127.0.0.1:{port}")
}

/// Creates the status document of a browser, with messages in `lang`. `port` is the port for a browser whose state has
/// none.
pub(crate) fn document(
    context: &BrowserContext,
    config: &Value,
    profile: &BrowserProfile,
    port: Option<Port>,
    state: &BrowserState,
    lang: Lang,
) -> Value {
    let browser_config = BrowserConfig::from_config(config);
    let program = find_program(context, &browser_config);
    let headless = Headless::decide(&context.host, browser_config.headless);
    let remote = remote_url(profile);
    let port = state.port().or(port);
    let running_kind = match state {
        BrowserState::Running { kind, .. } => Some(kind.name()),
        _ => None,
    };
    let url = remote.clone().or_else(|| port.map(loopback_url));
    let is_started_here = matches!(
        profile.endpoint,
        BrowserEndpoint::Pool | BrowserEndpoint::Pinned { .. }
    );
    let mut document = json!({
        "enabled": browser_config.enabled,
        "profile": profile.name,
        "running": state.is_ready(),
        "cdpReady": state.is_ready(),
        "state": state.name().name(),
        "pid": state.pid(),
        "cdpPort": port,
        "cdpUrl": url,
        "chosenBrowser": running_kind,
        "detectedBrowser": program.as_ref().ok().map(|program| program.kind.name()),
        "detectedExecutablePath": program.as_ref().ok().map(|program| &program.path),
        "detectError": program.as_ref().err().map(|msg| msg.render(lang)),
        "userDataDir": is_started_here.then(|| profile_data_folder(context, profile)),
        "color": profile.color,
        "headless": headless.is_on(),
        "headlessSource": headless.source(),
        "noSandbox": browser_config.no_sandbox,
        "executablePath": browser_config.executable,
        "attachOnly": browser_config.attach_only,
        "isRemote": remote.is_some(),
    });
    if let BrowserState::Exited { pid, exit, at } = state {
        document["ended"] = json!({
            "pid": pid,
            "code": exit.code,
            "signal": exit.signal,
            "at": crate::time::format_millis(*at),
            "message": exit_msg(*exit).render(lang),
        });
    }
    document
}

/// Creates the JSON entry of a browser profile in the list of browser profiles. `port` is the port for a browser
/// whose state has none, `tabs` the number of open tabs.
pub(crate) fn profile_row(
    profile: &BrowserProfile,
    profiles: &BrowserProfiles,
    port: Option<Port>,
    state: &BrowserState,
    tabs: usize,
) -> Value {
    let port = state.port().or(port);
    let remote = remote_url(profile);
    json!({
        "name": profile.name,
        "cdpPort": port,
        "cdpUrl": remote.clone().or_else(|| port.map(loopback_url)),
        "color": profile.color,
        "driver": match &profile.endpoint {
            BrowserEndpoint::UnsupportedDriver { driver } => driver,
            _ => MANAGED_DRIVER,
        },
        "running": state.is_ready(),
        "state": state.name().name(),
        "tabCount": tabs,
        "isDefault": profile.name == profiles.default,
        "isRemote": remote.is_some(),
    })
}
