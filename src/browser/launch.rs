//! Starting one browser: its command line, its environment, and the wait until it answers.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::prove::{self, Answerer};
use super::{Fault, Result, World};
use crate::host::Host;
use crate::host::process::CommandSpec;
use crate::host::process_group::{ProcessExit, ProcessGroup};
use crate::i18n::{Msg, msg};
use crate::ports::Port;

/// How long a browser may take until it answers (docs/openclaw.md#browser-launch).
pub const READY: Duration = Duration::from_secs(15);
/// How often its port is tried meanwhile.
const PAUSE: Duration = Duration::from_millis(10);
/// Features that phone home, or ask a user who is not there.
const WITHOUT: &str = "Translate,MediaRouter";

/// Variables that a browser needs of the environment: screen, language, fonts, network. Keys and tokens
/// of the gateway stay with it.
const VARS: [&str; 32] = [
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

/// Why a browser runs without a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headless {
    /// It has a window.
    No,
    /// `browser.headless` says so.
    Config,
    /// There is no screen.
    NoDisplay,
}

impl Headless {
    /// What wish and screen come to: without a screen there can be no window.
    pub fn of(host: &Host, wish: Option<bool>) -> Self {
        let has_screen = cfg!(any(windows, target_os = "macos"))
            || host.var("DISPLAY").is_some()
            || host.var("WAYLAND_DISPLAY").is_some();
        match wish {
            Some(true) => Self::Config,
            _ if !has_screen => Self::NoDisplay,
            _ => Self::No,
        }
    }

    /// Whether it has no window.
    pub fn is_on(self) -> bool {
        self != Self::No
    }

    /// The stable name of the reason, as the status has it.
    pub fn source(self) -> &'static str {
        match self {
            Self::No => "default",
            Self::Config => "config",
            Self::NoDisplay => "no-display",
        }
    }
}

/// What is to be started.
#[derive(Clone, Debug)]
pub struct Order {
    /// The program.
    pub program: PathBuf,
    /// Its user-data folder.
    pub user_data: PathBuf,
    /// Its debugging port.
    pub port: Port,
    /// Without a window, and why.
    pub headless: Headless,
    /// `browser.noSandbox`.
    pub no_sandbox: bool,
}

impl Order {
    /// The command line (docs/openclaw.md#browser-launch), the debugging address at loopback only.
    pub fn arguments(&self) -> Vec<OsString> {
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
            &format!("--disable-features={WITHOUT}"),
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

    /// The program with its environment: the few variables that a browser needs, and the user's home.
    pub fn call(&self, host: &Host, home: &Path) -> CommandSpec {
        let mut call = CommandSpec::new(&self.program, self.arguments()).env("HOME", home);
        call.inherit_env = false;
        for name in VARS {
            if let Some(value) = host.var(name) {
                call = call.env(name, value);
            }
        }
        call
    }
}

/// Waits until the browser answers on its port and is proven to be the one that was started.
///
/// # Errors
/// It ended, somebody else holds the port, or it takes too long; with what it complained about.
pub async fn ready(world: &World, order: &Order, group: &mut ProcessGroup, limit: Duration) -> Result<()> {
    let deadline = Instant::now() + limit;
    let address = (std::net::Ipv4Addr::LOCALHOST, order.port.get());
    loop {
        if let Some(exit) = group.poll_exit() {
            return Err(ended(world, order, exit, &group.stderr_tail()));
        }
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            let (port, pid, folder) = (order.port, group.pid(), order.user_data.clone());
            let who = tokio::task::spawn_blocking(move || prove::who(port, Some(pid), &folder));
            match who.await {
                Ok(Answerer::Ours(_)) => return Ok(()),
                // One that is just writing its title anew can't be proven for a moment.
                Ok(Answerer::Stranger(Some(process))) if process.pid == group.pid() => {}
                Ok(stranger @ Answerer::Stranger(_)) => return Err(occupied(world, order.port, &stranger)),
                Ok(Answerer::Nobody) | Err(_) => {}
            }
        }
        if Instant::now() >= deadline {
            return Err(Fault::failed(msg!(
                "browser.not-ready",
                path = order.program.display(),
                port = order.port,
                seconds = limit.as_secs()
            ))
            .hint(ask_doctor(world))
            .because(anyhow::anyhow!(last_lines(&group.stderr_tail()))));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The port is somebody else's: 409, with name and number where they may be known.
pub fn occupied(world: &World, port: Port, who: &Answerer) -> Fault {
    let msg = match who {
        Answerer::Stranger(Some(process)) => {
            msg!(
                "browser.occupied",
                port = port,
                name = process.name,
                pid = process.pid
            )
        }
        _ => msg!("browser.occupied-unknown", port = port),
    };
    Fault::conflict(msg).hint(msg!(
        "browser.free-the-port",
        command = world.instance.command(),
        port = port
    ))
}

/// Why a browser ended before it answered.
fn ended(world: &World, order: &Order, exit: ProcessExit, complaints: &str) -> Fault {
    let said = last_lines(complaints);
    if !order.no_sandbox && complaints.contains("--no-sandbox") {
        return Fault::failed(msg!("browser.no-sandbox", path = order.program.display()))
            .hint(msg!("browser.not-as-root"))
            .hint(msg!(
                "browser.allow-no-sandbox",
                command = world.instance.command()
            ))
            .because(anyhow::anyhow!(said));
    }
    let msg = msg!("browser.ended-early", path = order.program.display()).with_msg("how", how(exit));
    let fault = Fault::failed(msg).hint(ask_doctor(world));
    if said.is_empty() {
        fault
    } else {
        fault.because(anyhow::anyhow!(said))
    }
}

/// The way out where a program simply does not come up.
pub fn ask_doctor(world: &World) -> Msg {
    msg!("browser.ask-doctor", command = world.instance.command())
}

/// How a browser ended, in words.
pub fn how(exit: ProcessExit) -> Msg {
    match (exit.signal, exit.code) {
        (Some(signal), _) => msg!("browser.by-signal", signal = signal),
        (None, Some(code)) => msg!("browser.with-code", code = code),
        (None, None) => msg!("browser.somehow"),
    }
}

/// The last lines of what a browser complained about, without those that say nothing of the cause.
fn last_lines(complaints: &str) -> String {
    let telling = complaints
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.contains("dbus/bus.cc"));
    let lines: Vec<_> = telling.collect();
    lines[lines.len().saturating_sub(3)..].join("\n  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        Order {
            program: "/usr/bin/chromium".into(),
            user_data: "/state dir/browser/openclaw/user-data".into(),
            port: Port::known(19800),
            headless: Headless::No,
            no_sandbox: false,
        }
    }

    fn flags(order: &Order) -> Vec<String> {
        let words = order.arguments().into_iter();
        words.map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn loopback_only_own_folder_and_the_sandbox_stays() {
        let flags = flags(&order());
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
    fn what_the_config_wishes_is_added() {
        let flags = flags(&Order {
            headless: Headless::Config,
            no_sandbox: true,
            ..order()
        });
        for flag in ["--headless=new", "--disable-gpu", "--no-sandbox"] {
            assert!(flags.iter().any(|f| f == flag), "{flag}");
        }
    }

    #[test]
    fn tokens_and_keys_stay_with_the_gateway() {
        let vars = [
            ("PATH", "/bin"),
            ("DISPLAY", ":0"),
            ("OPENCLAW_GATEWAY_TOKEN", "secret"),
            ("OPENAI_API_KEY", "secret"),
        ];
        let call = order().call(&Host::fixed(&[], vars), Path::new("/home/a"));
        assert!(!call.inherit_env);
        let names: Vec<_> = call.env.iter().map(|(name, _)| name.to_str().unwrap()).collect();
        assert_eq!(names, ["HOME", "PATH", "DISPLAY"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn without_a_screen_there_is_no_window() {
        let bare = Host::fixed(&[], [("", ""); 0]);
        let screen = Host::fixed(&[], [("DISPLAY", ":0")]);
        assert_eq!(Headless::of(&bare, Some(false)), Headless::NoDisplay);
        assert_eq!(Headless::of(&screen, None), Headless::No);
        assert_eq!(Headless::of(&screen, Some(true)), Headless::Config);
    }

    #[test]
    fn the_cause_is_found_among_the_noise() {
        let noise = "a:dbus/bus.cc(1)] x\nRunning as root without --no-sandbox is not supported.\n\n";
        assert_eq!(
            last_lines(noise),
            "Running as root without --no-sandbox is not supported."
        );
    }
}
