//! Starts a browser: its command line, its environment, and the wait until it answers on its debugging port.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::port_owner::{PortOwner, owner_of};
use super::{BrowserContext, BrowserError, Result};
use crate::host::Host;
use crate::host::process::CommandSpec;
use crate::host::process_group::{ProcessExit, ProcessGroup};
use crate::i18n::{Msg, msg};
use crate::ports::Port;
use crate::sync::spawn_blocking;

/// Time that a browser is given to answer after its start (docs/openclaw.md#browser-launch).
pub(super) const READY_TIMEOUT: Duration = Duration::from_secs(15);
/// Interval at which the debugging port of a starting browser is tried.
const READY_POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Features of Chromium that are switched off: they contact Google, or wait for input of a user.
const DISABLED_FEATURES: &str = "Translate,MediaRouter";

/// Environment variables that are passed on to a browser: display, language, fonts, network. The gateway's keys and
/// tokens are not passed on.
const INHERITED_VARIABLES: [&str; 32] = [
    "PATH",
    "USER",
    "LOGNAME",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "LC_TIME",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_TYPE",
    "XDG_CURRENT_DESKTOP",
    "XDG_DATA_DIRS",
    "DBUS_SESSION_BUS_ADDRESS",
    "FONTCONFIG_FILE",
    "FONTCONFIG_PATH",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMFILES",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
];

/// The choice to run a browser with or without a window, and its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Headless {
    /// The browser has a window.
    No,
    /// The browser has no window because `browser.headless` is set.
    Config,
    /// The browser has no window because the environment names no display.
    NoDisplay,
}

impl Headless {
    /// Decides by `browser.headless` and the environment whether a browser has a window. Without a display there is no
    /// window, whatever the config says.
    pub(super) fn decide(host: &Host, configured: Option<bool>) -> Self {
        let has_display = cfg!(any(windows, target_os = "macos"))
            || host.var("DISPLAY").is_some()
            || host.var("WAYLAND_DISPLAY").is_some();
        match configured {
            Some(true) => Self::Config,
            _ if !has_display => Self::NoDisplay,
            _ => Self::No,
        }
    }

    /// Returns `true` if the browser runs without a window.
    pub(super) fn is_on(self) -> bool {
        self != Self::No
    }

    /// Returns the stable name of the reason why a browser has a window or none, as the browser's status document has
    /// it.
    pub(super) fn source(self) -> &'static str {
        match self {
            Self::No => "default",
            Self::Config => "config",
            Self::NoDisplay => "no-display",
        }
    }
}

/// The options of one start of a browser.
#[derive(Clone, Debug)]
pub(super) struct LaunchOptions {
    /// The browser's program.
    pub(super) program: PathBuf,
    /// The user-data folder.
    pub(super) user_data: PathBuf,
    /// The debugging port.
    pub(super) port: Port,
    /// The reason for which the browser has a window or none.
    pub(super) headless: Headless,
    /// `true` to start the browser without Chromium's sandbox (`browser.noSandbox`).
    pub(super) no_sandbox: bool,
}

impl LaunchOptions {
    /// Returns the command-line arguments with which a browser is started (docs/openclaw.md#browser-launch). The
    /// debugging port is on loopback only.
    fn arguments(&self) -> Vec<OsString> {
        let mut folder = OsString::from("--user-data-dir=");
        folder.push(&self.user_data);
        let mut all = vec![
            "--remote-debugging-address=127.0.0.1".into(),
            format!("--remote-debugging-port={}", self.port).into(),
            folder,
        ];
        let mut add = |flags: &[&str]| all.extend(flags.iter().map(OsString::from));
        add(&[
            "--no-first-run",
            "--no-default-browser-check",
            "--disable-sync",
            "--disable-background-networking",
            "--disable-component-update",
            &format!("--disable-features={DISABLED_FEATURES}"),
            "--disable-session-crashed-bubble",
            "--hide-crash-restore-bubble",
            "--password-store=basic",
        ]);
        if self.headless.is_on() {
            add(&["--headless=new", "--disable-gpu"]);
        }
        if self.no_sandbox {
            add(&["--no-sandbox", "--disable-setuid-sandbox"]);
        }
        if cfg!(target_os = "linux") {
            add(&["--disable-dev-shm-usage"]);
        }
        add(&["about:blank"]);
        all
    }

    /// Returns the command that starts a browser, with its environment: [`INHERITED_VARIABLES`], and the home folder
    /// as `HOME`.
    pub(super) fn command_spec(&self, host: &Host, home: &Path) -> CommandSpec {
        let mut spec = CommandSpec::new(&self.program, self.arguments()).env("HOME", home);
        spec.inherit_env = false;
        for name in INHERITED_VARIABLES {
            if let Some(value) = host.var(name) {
                spec = spec.env(name, value);
            }
        }
        spec
    }
}

/// Waits until a started browser answers on its debugging port and is proven to be the process that was started.
///
/// # Errors
/// When the browser exited, another process listens on the port, or the time is over. The cause is the end of what the
/// browser wrote to its standard error.
pub(super) async fn wait_until_ready(
    context: &BrowserContext,
    options: &LaunchOptions,
    group: &mut ProcessGroup,
    timeout: Duration,
) -> Result<()> {
    let deadline = Instant::now() + timeout;
    let address = (std::net::Ipv4Addr::LOCALHOST, options.port.get());
    loop {
        if let Some(exit) = group.poll_exit() {
            return Err(early_exit_error(context, options, exit, &group.stderr_tail()));
        }
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            let (port, pid, folder) = (options.port, group.pid(), options.user_data.clone());
            let owner = spawn_blocking(move || owner_of(port, Some(pid), &folder));
            match owner.await {
                Ok(PortOwner::OwnBrowser(_)) => return Ok(()),
                // While a browser rewrites its process title, it cannot be identified for a moment.
                Ok(PortOwner::OtherProcess(Some(process))) if process.pid == group.pid() => {}
                Ok(other @ PortOwner::OtherProcess(_)) => {
                    return Err(port_in_use_error(context, options.port, &other));
                }
                Ok(PortOwner::Nobody) | Err(_) => {}
            }
        }
        if Instant::now() >= deadline {
            return Err(BrowserError::failed(msg!(
                "browser.not-ready",
                path = options.program.display(),
                port = options.port,
                seconds = timeout.as_secs()
            ))
            .hint(doctor_hint(context))
            .because(anyhow::anyhow!(last_lines(&group.stderr_tail()))));
        }
        tokio::time::sleep(READY_POLL_INTERVAL).await;
    }
}

/// Creates the error for a browser's debugging port on which another process listens, with the HTTP status 409. The
/// message names the process where this user may know it.
pub(super) fn port_in_use_error(context: &BrowserContext, port: Port, owner: &PortOwner) -> BrowserError {
    let msg = match owner {
        PortOwner::OtherProcess(Some(process)) => {
            msg!(
                "browser.occupied",
                port = port,
                name = process.name,
                pid = process.pid
            )
        }
        _ => msg!("browser.occupied-unknown", port = port),
    };
    BrowserError::conflict(msg).hint(msg!(
        "browser.free-the-port",
        command = context.instance.command(),
        port = port
    ))
}

/// Creates the error for a browser that exited before it answered on its debugging port. `stderr` is the end of its
/// standard error.
fn early_exit_error(
    context: &BrowserContext,
    options: &LaunchOptions,
    exit: ProcessExit,
    stderr: &str,
) -> BrowserError {
    let cause = last_lines(stderr);
    if !options.no_sandbox && stderr.contains("--no-sandbox") {
        return BrowserError::failed(msg!("browser.no-sandbox", path = options.program.display()))
            .hint(msg!("browser.not-as-root"))
            .hint(msg!(
                "browser.allow-no-sandbox",
                command = context.instance.command()
            ))
            .because(anyhow::anyhow!(cause));
    }
    let msg = msg!("browser.ended-early", path = options.program.display()).with_msg("how", exit_msg(exit));
    let error = BrowserError::failed(msg).hint(doctor_hint(context));
    if cause.is_empty() {
        error
    } else {
        error.because(anyhow::anyhow!(cause))
    }
}

/// Returns the hint to run `browser doctor`, for a browser that does not start.
pub(super) fn doctor_hint(context: &BrowserContext) -> Msg {
    msg!("browser.ask-doctor", command = context.instance.command())
}

/// Returns a message that describes the exit of a browser: by which signal, or with which code.
pub(super) fn exit_msg(exit: ProcessExit) -> Msg {
    match (exit.signal, exit.code) {
        (Some(signal), _) => msg!("browser.by-signal", signal = signal),
        (None, Some(code)) => msg!("browser.with-code", code = code),
        (None, None) => msg!("browser.somehow"),
    }
}

/// Returns the last three lines of a browser's standard error, without empty lines and without the errors about D-Bus,
/// which do not tell the cause of an exit.
fn last_lines(stderr: &str) -> String {
    let lines = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.contains("dbus/bus.cc"));
    let lines: Vec<_> = lines.collect();
    lines[lines.len().saturating_sub(3)..].join("\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> LaunchOptions {
        LaunchOptions {
            program: "/usr/bin/chromium".into(),
            user_data: "/state dir/browser/openclaw/user-data".into(),
            port: Port::known(19800),
            headless: Headless::No,
            no_sandbox: false,
        }
    }

    fn arguments(options: &LaunchOptions) -> Vec<String> {
        let arguments = options.arguments().into_iter();
        arguments
            .map(|argument| argument.into_string().unwrap())
            .collect()
    }

    #[test]
    fn default_arguments_are_loopback_own_folder_and_sandbox() {
        let flags = arguments(&options());
        assert_eq!(flags[0], "--remote-debugging-address=127.0.0.1");
        assert_eq!(flags[1], "--remote-debugging-port=19800");
        assert_eq!(flags[2], "--user-data-dir=/state dir/browser/openclaw/user-data");
        assert!(
            !flags
                .iter()
                .any(|f| f.contains("sandbox") || f.contains("headless"))
        );
        assert_eq!(flags.last().unwrap(), "about:blank");
    }

    #[test]
    fn headless_and_no_sandbox_add_their_arguments() {
        let flags = arguments(&LaunchOptions {
            headless: Headless::Config,
            no_sandbox: true,
            ..options()
        });
        for flag in ["--headless=new", "--disable-gpu", "--no-sandbox"] {
            assert!(flags.iter().any(|f| f == flag), "{flag}");
        }
    }

    #[test]
    fn tokens_and_keys_are_not_passed_on_to_the_browser() {
        let vars = [
            ("PATH", "/bin"),
            ("DISPLAY", ":0"),
            ("OPENCLAW_GATEWAY_TOKEN", "secret"),
            ("OPENAI_API_KEY", "secret"),
        ];
        let spec = options().command_spec(&Host::fixed(&[], vars), Path::new("/home/a"));
        assert!(!spec.inherit_env);
        let names: Vec<_> = spec.env.iter().map(|(name, _)| name.to_str().unwrap()).collect();
        assert_eq!(names, ["HOME", "PATH", "DISPLAY"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn browser_is_headless_without_a_display() {
        let no_display = Host::fixed(&[], [("", ""); 0]);
        let display = Host::fixed(&[], [("DISPLAY", ":0")]);
        assert_eq!(Headless::decide(&no_display, Some(false)), Headless::NoDisplay);
        assert_eq!(Headless::decide(&display, None), Headless::No);
        assert_eq!(Headless::decide(&display, Some(true)), Headless::Config);
    }

    #[test]
    fn cause_of_an_exit_is_without_dbus_errors_and_empty_lines() {
        let stderr = "a:dbus/bus.cc(1)] x\nRunning as root without --no-sandbox is not supported.\n\n";
        assert_eq!(
            last_lines(stderr),
            "Running as root without --no-sandbox is not supported."
        );
    }
}
