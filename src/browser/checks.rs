//! The checks of `openclaw browser doctor`: reasons why a browser would not start, found without starting it. They only
//! read files and the host.

use std::path::Path;

use serde_json::Value;

use super::debug_port::{self, PortUsage};
use super::launch::{self, Headless};
use super::port_owner::{PortOwner, owner_of};
use super::profiles::{BrowserConfig, BrowserEndpoint, BrowserProfile, BrowserProfiles, redact_url};
use super::{BrowserContext, http_client, other_users, status};
use crate::error::Error;
use crate::i18n::{Msg, msg};
use crate::instance::shell_quote;
use crate::ports::Port;
use crate::record::Record;

/// The result of one check of `browser doctor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BrowserHealth {
    /// The check found no problem.
    Good,
    /// The browser would start, with a restriction or a risk that the user should know.
    Notice,
    /// A start of the browser would fail.
    Bad,
}

impl BrowserHealth {
    /// Returns the stable name of the result of a check of `browser doctor`, as `--json` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Notice => "notice",
            Self::Bad => "bad",
        }
    }
}

/// The subject of one check of `browser doctor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BrowserCheckId {
    /// The config key `browser.enabled`.
    Enabled,
    /// The answer of a remote browser.
    Remote,
    /// The driver of the profile.
    Driver,
    /// The browser's program.
    Program,
    /// Chromium's sandbox.
    Sandbox,
    /// The window, or its absence.
    Window,
    /// Other users of the machine, who can connect to the debugging port.
    OtherUsers,
    /// The debugging port.
    Port,
}

impl BrowserCheckId {
    /// Returns the stable name of the subject of a check of `browser doctor`, as `--json` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Remote => "remote",
            Self::Driver => "driver",
            Self::Program => "program",
            Self::Sandbox => "sandbox",
            Self::Window => "window",
            Self::OtherUsers => "neighbours",
            Self::Port => "port",
        }
    }
}

/// One check of `browser doctor` that was made, with its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrowserCheck {
    /// The subject of the check.
    pub(crate) id: BrowserCheckId,
    /// The result.
    pub(crate) health: BrowserHealth,
    /// The result as a message.
    pub(crate) msg: Msg,
    /// Suggestions for the user.
    pub(crate) hints: Vec<Msg>,
}

impl BrowserCheck {
    fn good(id: BrowserCheckId, msg: Msg) -> Self {
        Self::new(id, BrowserHealth::Good, msg)
    }

    fn notice(id: BrowserCheckId, msg: Msg) -> Self {
        Self::new(id, BrowserHealth::Notice, msg)
    }

    fn bad(id: BrowserCheckId, msg: Msg) -> Self {
        Self::new(id, BrowserHealth::Bad, msg)
    }

    fn new(id: BrowserCheckId, health: BrowserHealth, msg: Msg) -> Self {
        Self {
            id,
            health,
            msg,
            hints: Vec::new(),
        }
    }

    /// Creates the check of `browser doctor` that found the error with which a start of the browser would fail.
    fn from_error(id: BrowserCheckId, error: Error) -> Self {
        Self {
            id,
            health: BrowserHealth::Bad,
            msg: error.msg,
            hints: error.hints,
        }
    }

    fn hint(mut self, hint: Msg) -> Self {
        self.hints.push(hint);
        self
    }
}

/// Checks, for `browser doctor`, everything that a start of a browser profile's browser needs. `usage` is the usage
/// of ports on this host.
pub(crate) fn check_profile(
    context: &BrowserContext,
    config: &Value,
    record: &Record,
    profiles: &BrowserProfiles,
    profile: &BrowserProfile,
    usage: &PortUsage,
) -> Vec<BrowserCheck> {
    let browser_config = BrowserConfig::from_config(config);
    let mut checks = vec![check_enabled(context, &browser_config)];
    match &profile.endpoint {
        BrowserEndpoint::Remote { url, key } => checks.push(check_remote(context, &browser_config, url, key)),
        BrowserEndpoint::UnsupportedDriver { driver } => {
            let msg = msg!("browser.foreign", name = profile.name, driver = driver);
            let hint = msg!("browser.use-managed", command = context.instance.command());
            checks.push(BrowserCheck::bad(BrowserCheckId::Driver, msg).hint(hint));
        }
        BrowserEndpoint::Pool | BrowserEndpoint::Pinned { .. } => {
            checks.extend([
                check_program(context, &browser_config),
                check_sandbox(context, &browser_config),
                check_window(context, &browser_config),
            ]);
            checks.extend(check_other_users(context));
        }
    }
    checks.extend(check_port(context, record, profiles, profile, usage));
    checks
}

/// Checks that `browser.enabled` is not `false`.
fn check_enabled(context: &BrowserContext, browser_config: &BrowserConfig) -> BrowserCheck {
    let id = BrowserCheckId::Enabled;
    if browser_config.enabled {
        return BrowserCheck::good(id, msg!("browser.is-enabled"));
    }
    BrowserCheck::bad(id, msg!("browser.disabled"))
        .hint(msg!("browser.enable", command = context.instance.command()))
}

/// Checks that a remote browser can be connected to without encryption, and that it answers.
fn check_remote(
    context: &BrowserContext,
    browser_config: &BrowserConfig,
    url: &str,
    key: &str,
) -> BrowserCheck {
    let (id, shown) = (BrowserCheckId::Remote, redact_url(url));
    if !http_client::is_unencrypted(url) {
        let command = context.instance.command();
        return BrowserCheck::bad(id, msg!("browser.encrypted", url = shown, key = key)).hint(msg!(
            "browser.tunnel-it",
            command = command,
            key = shell_quote(key.as_ref())
        ));
    }
    if http_client::is_reachable(url, browser_config.remote_timeout) {
        BrowserCheck::good(id, msg!("browser.remote-answers", url = shown))
    } else {
        BrowserCheck::bad(id, msg!("browser.unreachable", url = shown))
    }
}

/// Checks that the configured browser program exists, or that a browser is installed.
fn check_program(context: &BrowserContext, browser_config: &BrowserConfig) -> BrowserCheck {
    let id = BrowserCheckId::Program;
    match status::find_program(context, browser_config) {
        Ok(program) => BrowserCheck::good(
            id,
            msg!(
                "browser.found",
                kind = program.kind.name(),
                path = program.path.display()
            ),
        ),
        Err(msg) => BrowserCheck::bad(id, msg)
            .hint(msg!("browser.install-one"))
            .hint(msg!("browser.set-program", command = context.instance.command())),
    }
}

/// Checks the use of Chromium's sandbox, which does not work as root on Linux.
fn check_sandbox(context: &BrowserContext, browser_config: &BrowserConfig) -> BrowserCheck {
    let id = BrowserCheckId::Sandbox;
    if browser_config.no_sandbox {
        return BrowserCheck::notice(id, msg!("browser.sandbox-off"));
    }
    if context.host.user_id() == Some(0) && cfg!(target_os = "linux") {
        return BrowserCheck::bad(id, msg!("browser.root-needs-no-sandbox"))
            .hint(msg!("browser.not-as-root"))
            .hint(msg!(
                "browser.allow-no-sandbox",
                command = context.instance.command()
            ));
    }
    BrowserCheck::good(id, msg!("browser.sandbox-on"))
}

/// Reports, for `browser doctor`, whether the browser would have a window.
fn check_window(context: &BrowserContext, browser_config: &BrowserConfig) -> BrowserCheck {
    let msg = match Headless::decide(&context.host, browser_config.headless) {
        Headless::No => msg!("browser.has-window"),
        Headless::Config => msg!("browser.headless-config"),
        Headless::NoDisplay => msg!("browser.headless-no-screen"),
    };
    BrowserCheck::good(BrowserCheckId::Window, msg)
}

/// Reports, for `browser doctor`, the other users of the machine; `None` where there are none.
fn check_other_users(context: &BrowserContext) -> Option<BrowserCheck> {
    let names = other_users::find_names(&context.host);
    let msg = msg!("browser.neighbours", names = names.join(", "));
    (!names.is_empty()).then(|| {
        BrowserCheck::notice(BrowserCheckId::OtherUsers, msg).hint(msg!("browser.keep-neighbours-out"))
    })
}

/// Checks that the debugging port, or the remote browser, of a browser profile belongs to this instance alone, and
/// that the port is free. `None` where the profile uses no port of this host.
fn check_port(
    context: &BrowserContext,
    record: &Record,
    profiles: &BrowserProfiles,
    profile: &BrowserProfile,
    usage: &PortUsage,
) -> Option<BrowserCheck> {
    let id = BrowserCheckId::Port;
    if let Err(shared) = usage.refuse_shared(context, profile) {
        return Some(BrowserCheck::from_error(id, shared.error));
    }
    if !matches!(
        profile.endpoint,
        BrowserEndpoint::Pool | BrowserEndpoint::Pinned { .. }
    ) {
        return None;
    }
    let folder = status::profile_data_folder(context, profile);
    // OpenClaw from npm records no port, and its running browser holds the one that would be chosen.
    let answering = own_browser_port(context, profile, usage, &folder);
    let port = match answering.map_or_else(
        || debug_port::choose(context, profile, profiles, record, usage),
        Ok,
    ) {
        Ok(port) => port,
        Err(no_port) => return Some(BrowserCheck::from_error(id, no_port.error)),
    };
    Some(match owner_of(port, None, &folder) {
        PortOwner::Nobody => BrowserCheck::good(id, msg!("browser.port-free", port = port)),
        PortOwner::OwnBrowser(_) => BrowserCheck::good(id, msg!("browser.port-ours", port = port)),
        other @ PortOwner::OtherProcess(_) => {
            BrowserCheck::from_error(id, launch::port_in_use_error(context, port, &other).error)
        }
    })
}

/// Returns the port of the pool on which the browser of a browser profile answers; `None` where it does not run, or where
/// the config sets its port.
fn own_browser_port(
    context: &BrowserContext,
    profile: &BrowserProfile,
    usage: &PortUsage,
    folder: &Path,
) -> Option<Port> {
    let pool = context.port_family()?.cdp_pool();
    let is_own = |port: &Port| matches!(owner_of(*port, None, folder), PortOwner::OwnBrowser(_));
    let is_pooled = profile.endpoint == BrowserEndpoint::Pool;
    usage.listening_ports(pool).find(is_own).filter(|_| is_pooled)
}
