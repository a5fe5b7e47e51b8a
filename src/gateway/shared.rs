//! What every part of a running gateway shares: who it is, what it runs with, who is connected, and the
//! word to stop.

use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::{Instant, SystemTime};

use serde_json::Value;
use tokio::sync::watch;

use super::canvas::Canvas;
use super::clients::Clients;
use super::connections::Connections;
use super::dashboard::LastLook;
use super::devices::Devices;
use super::guard::Served;
use super::throttle::Throttle;
use super::watchman::Watched;
use crate::boot::Ready;
use crate::environment::Environment;
use crate::host::Host;
use crate::i18n::{Lang, Msg};
use crate::instance::Instance;
use crate::settings::Settings;

/// Who this gateway is: what its liveness answer and its greeting say.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its profile.
    pub profile: String,
    /// The same for every start of this instance: the first 16 hex digits of the SHA-256 of its config's path.
    pub instance_id: String,
    /// New at each start: a UUID.
    pub boot_id: String,
    /// The version of this program.
    pub version: &'static str,
    /// Its process.
    pub pid: u32,
    /// When it started.
    pub started: SystemTime,
}

/// What it runs with now. Replaced whole when a changed config is taken.
#[derive(Clone, Debug)]
pub struct Live {
    /// The config with included files merged in, `${VAR}` not filled in.
    pub config: Value,
    /// What that comes to.
    pub settings: Settings,
    /// Why it does not run with the config that stands in the file: it started from the last good one,
    /// or a changed one was refused. Shown in log, `status` and dashboard.
    pub warning: Option<Msg>,
    /// The ports that it goes without, one sentence each: whatever the config, for as long as it runs.
    pub missing: Vec<Msg>,
}

impl Live {
    /// A config that a gateway runs with.
    pub fn of(ready: &Ready, warning: Option<Msg>, missing: Vec<Msg>) -> Self {
        Self {
            config: ready.config.clone(),
            settings: ready.settings.clone(),
            warning,
            missing,
        }
    }

    /// All that somebody should see to, in one text.
    pub fn warnings(&self, lang: Lang) -> Option<String> {
        let all: Vec<_> = self.warning.iter().chain(&self.missing).collect();
        let texts = all.iter().map(|msg| msg.render(lang));
        (!all.is_empty()).then(|| texts.collect::<Vec<_>>().join(" "))
    }
}

/// Why it stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It was told to (SIGTERM, SIGINT).
    Asked,
    /// It will be started again at once, with a changed config.
    Restart,
}

/// Everything that tasks share. Made once, never global.
#[derive(Debug)]
pub struct Shared {
    /// The outside world.
    pub host: Host,
    /// What its environment wishes.
    pub env: Environment,
    /// Its paths.
    pub instance: Instance,
    /// Who it is.
    pub identity: Identity,
    /// The language of what it says itself (log lines, dashboard).
    pub lang: Lang,
    /// When it started, for the time that it is up.
    pub since: Instant,
    /// The addresses it listens on at its base port.
    pub addresses: Vec<SocketAddr>,
    /// The same, as `Host` and `Origin` name them.
    pub served: Arc<Served>,
    /// Who has shown wrong tokens lately.
    pub throttle: Throttle,
    /// Every open connection, on all ports.
    pub connections: Arc<Connections>,
    /// What its canvas host serves.
    pub canvas: Canvas,
    /// Who is connected.
    pub clients: Clients,
    /// What is known of the gateways that this one looks after.
    pub watched: Watched,
    /// What the dashboard saw of the host last.
    pub last_look: LastLook,
    /// The browsers, once they are there: what `browser.request` asks.
    pub browser: std::sync::OnceLock<Arc<crate::browser::Control>>,
    /// What only this process knows: it salts the fingerprints of its config.
    pub salt: [u8; 32],
    /// The paired devices.
    pub devices: Devices,
    live: RwLock<Arc<Live>>,
    stop: watch::Sender<Option<Stop>>,
}

impl Shared {
    /// The shared part of a gateway that has its config and its addresses.
    pub fn new(
        host: Host,
        env: Environment,
        instance: Instance,
        identity: Identity,
        lang: Lang,
        addresses: Vec<SocketAddr>,
        live: Live,
    ) -> Self {
        let canvas = Canvas::new(&env, &instance, &host);
        let salt = host.random();
        let devices = Devices::new(instance.paired_devices());
        let served = Arc::new(Served::new(&addresses, host.hostname().as_deref()));
        Self {
            host,
            env,
            instance,
            identity,
            lang,
            since: Instant::now(),
            addresses,
            served,
            throttle: Throttle::new(lang),
            connections: Arc::default(),
            canvas,
            clients: Clients::default(),
            watched: Watched::default(),
            last_look: LastLook::default(),
            browser: std::sync::OnceLock::new(),
            devices,
            salt,
            live: RwLock::new(Arc::new(live)),
            stop: watch::Sender::new(None),
        }
    }

    /// What it runs with now.
    pub fn live(&self) -> Arc<Live> {
        self.live
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// From now on it runs with this.
    pub fn go_live(&self, live: Live) {
        *self
            .live
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(live);
    }

    /// Tells every task to end. The first reason stands.
    pub fn stop(&self, why: Stop) {
        self.stop.send_if_modified(|stop| {
            let first = stop.is_none();
            if first {
                *stop = Some(why);
            }
            first
        });
    }

    /// Where clients find the canvas: a URL that opens it without a token. `None` where it is switched off.
    pub fn canvas_url(&self) -> Option<String> {
        let live = self.live();
        self.canvas.url(&live.config, live.settings.port)
    }

    /// Whether the word to stop was said.
    pub fn is_stopping(&self) -> bool {
        self.stop.borrow().is_some()
    }

    /// Waits for the word to stop.
    pub async fn stopped(&self) -> Stop {
        let mut stop = self.stop.subscribe();
        loop {
            if let Some(why) = *stop.borrow_and_update() {
                return why;
            }
            if stop.changed().await.is_err() {
                return Stop::Asked;
            }
        }
    }
}
