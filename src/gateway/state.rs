//! The state of a running gateway that its tasks share: its identity, the active config, the stores, and the
//! signal to stop. The stores do not depend on the state that holds them.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;

use super::access::AllowedHosts;
use super::canvas::capability::CanvasCapability;
use super::canvas::watcher::CanvasWatcher;
use super::clients::{Clients, presence};
use super::connections::Connections;
use super::dashboard::cache::OverviewCache;
use super::dashboard::sign_in_code::SignInCode;
use super::devices::DeviceStore;
use super::identity::GatewayIdentity;
use super::runs::Runs;
use super::throttle::Throttle;
use super::watch_status::WatchStatus;
use super::websocket::LargeMessageTurns;
use crate::agent::Agents;
use crate::boot::UsableConfig;
use crate::bot::task::Bot;
use crate::browser::BrowserControl;
use crate::i18n::{Lang, Msg};
use crate::instance::OwnedInstanceContext;
use crate::rescue::watch::{WatchEvent, WatchTarget};
use crate::sessions::SessionStore;
use crate::settings::Settings;

/// The config that a gateway runs with, and the warnings about it. A reload replaces it whole.
#[derive(Clone, Debug)]
pub struct ActiveConfig {
    /// The config with included files merged in; `${VAR}` is not replaced.
    pub config: Value,
    /// The settings that follow from the config, the flags and the environment.
    pub settings: Settings,
    /// The reason why the gateway does not run with the config in the file: it was started with the last
    /// good one, or a changed one was refused. Shown in the log, in `status` and on the dashboard.
    pub warning: Option<Msg>,
    /// The derived ports that the gateway could not listen on, one sentence each. They stay missing for as
    /// long as it runs.
    pub missing_ports: Vec<Msg>,
}

impl ActiveConfig {
    /// Creates the active config of a gateway from one that was just read.
    pub(crate) fn new(ready: &UsableConfig, warning: Option<Msg>, missing_ports: Vec<Msg>) -> Self {
        Self {
            config: ready.config.clone(),
            settings: ready.settings.clone(),
            warning,
            missing_ports,
        }
    }

    /// Returns all warnings about the active config of the gateway as one text; `None` where there are none.
    pub(crate) fn warnings(&self, lang: Lang) -> Option<String> {
        let all: Vec<_> = self.warning.iter().chain(&self.missing_ports).collect();
        let texts = all.iter().map(|msg| msg.render(lang));
        (!all.is_empty()).then(|| texts.collect::<Vec<_>>().join(" "))
    }
}

/// The reason why a gateway stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// A signal: SIGTERM, SIGINT or SIGHUP.
    Signal,
    /// A changed config, with which the gateway starts again at once.
    Restart,
}

/// The state that all tasks of a gateway share. Created once for each time of serving, never global.
#[derive(Debug)]
pub struct GatewayState {
    /// The host, the environment and the instance.
    pub(crate) context: OwnedInstanceContext,
    /// The identity of this process.
    pub(crate) identity: GatewayIdentity,
    /// The language of the log and the dashboard.
    pub(crate) lang: Lang,
    /// The addresses of the base port.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The hosts that requests to the base port may name.
    pub(crate) hosts: Arc<AllowedHosts>,
    /// The delays of clients with failed attempts to authenticate.
    pub(crate) throttle: Throttle,
    /// The open connections on all ports.
    pub(crate) connections: Arc<Connections>,
    /// The turns of large WebSocket messages.
    pub(crate) large_message_turns: LargeMessageTurns,
    /// The capability that opens the canvas.
    pub(crate) canvas_capability: CanvasCapability,
    /// `true` once the log has told of a file in the canvas folder that is not served because it has a second name.
    pub(crate) has_warned_of_canvas_link: AtomicBool,
    /// The watcher of the canvas folder.
    pub(crate) canvas_watcher: CanvasWatcher,
    /// The connected clients.
    pub(crate) clients: Arc<Clients>,
    /// The last known state of the watched gateways.
    pub(crate) watch_status: WatchStatus,
    /// The cache of the dashboard.
    pub(crate) overview_cache: OverviewCache,
    /// The one-time code that signs a browser in to the dashboard.
    pub(crate) sign_in_code: SignInCode,
    /// The browsers of the instance, which `browser.request` uses; empty until their port is served.
    pub(crate) browsers: OnceLock<Arc<BrowserControl>>,
    /// The bot of this gateway; empty until it is created.
    pub(crate) bot: OnceLock<Arc<Bot>>,
    /// The sessions of the agents.
    pub(crate) sessions: Arc<SessionStore>,
    /// The agents of this gateway; empty until they are created.
    pub(crate) agents: OnceLock<Arc<Agents>>,
    /// The runs of the agents and the bot.
    pub(crate) runs: Arc<Runs>,
    /// A random salt for the fingerprints of the config, known to this process only.
    pub(crate) fingerprint_salt: [u8; 32],
    /// The paired devices.
    pub(crate) devices: DeviceStore,
    started: Instant,
    active: watch::Sender<Arc<ActiveConfig>>,
    stop: watch::Sender<Option<StopReason>>,
}

impl GatewayState {
    /// Creates the state of a gateway that has its config and its addresses.
    pub fn new(
        context: OwnedInstanceContext,
        identity: GatewayIdentity,
        lang: Lang,
        addresses: Vec<SocketAddr>,
        active: ActiveConfig,
    ) -> Self {
        let host = &context.host;
        let clients: Arc<Clients> = Arc::default();
        Self {
            hosts: Arc::new(AllowedHosts::new(&addresses, host.hostname().as_deref())),
            throttle: Throttle::new(lang),
            connections: Arc::default(),
            large_message_turns: LargeMessageTurns::default(),
            canvas_capability: CanvasCapability::generate(host),
            has_warned_of_canvas_link: AtomicBool::new(false),
            canvas_watcher: CanvasWatcher::default(),
            watch_status: WatchStatus::default(),
            overview_cache: OverviewCache::default(),
            sign_in_code: SignInCode::default(),
            browsers: OnceLock::new(),
            bot: OnceLock::new(),
            sessions: Arc::new(SessionStore::new(&context.instance.state_dir)),
            agents: OnceLock::new(),
            runs: Arc::new(Runs::new(clients.clone(), lang)),
            clients,
            fingerprint_salt: host.random(),
            devices: DeviceStore::new(context.instance.paired_devices()),
            started: Instant::now(),
            active: watch::Sender::new(Arc::new(active)),
            stop: watch::Sender::new(None),
            context,
            identity,
            lang,
            addresses,
        }
    }

    /// Returns the config that the gateway runs with now.
    pub(crate) fn active(&self) -> Arc<ActiveConfig> {
        self.active.borrow().clone()
    }

    /// Returns a receiver of the config that the gateway runs with, now and after each change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<ActiveConfig>> {
        self.active.subscribe()
    }

    /// Replaces the config that the gateway runs with.
    pub(crate) fn set_active(&self, active: ActiveConfig) {
        self.active.send_replace(Arc::new(active));
    }

    /// Returns the time since the gateway was started.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns the gateway's presence list: the gateway itself, then the connected clients with the latest change
    /// first; at most `limit` entries.
    pub(crate) fn presence(&self, limit: usize) -> Value {
        let (host, now) = (&self.context.host, self.context.host.now());
        let mut list = vec![presence::gateway_entry(
            &self.identity,
            host.hostname(),
            &self.addresses,
            now,
        )];
        list.extend(self.clients.presence(now, limit.saturating_sub(1)));
        list.into()
    }

    /// Returns the URL that opens the gateway's canvas on loopback without a token; `None` where the canvas is
    /// switched off.
    pub(crate) fn canvas_url(&self) -> Option<String> {
        let active = self.active();
        self.canvas_capability.url(&active.config, active.settings.port)
    }

    /// Records the latest event of another gateway that this gateway watches.
    pub fn record_watch_event(&self, target: &WatchTarget, event: &WatchEvent) {
        self.watch_status.record(target, event);
    }

    /// Requests the stop of the gateway, which ends every task of it. Where several reasons are given, the first one
    /// is kept.
    pub(crate) fn stop(&self, reason: StopReason) {
        self.stop.send_if_modified(|stop| {
            let is_first = stop.is_none();
            if is_first {
                *stop = Some(reason);
            }
            is_first
        });
    }

    /// Returns whether the gateway is stopping.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.borrow().is_some()
    }

    /// Waits until the stop of the gateway is requested, and returns the reason for the stop.
    pub(crate) async fn stopped(&self) -> StopReason {
        let mut stop = self.stop.subscribe();
        let reason = stop.wait_for(Option::is_some).await;
        // The sender is part of this value, so the channel is open for as long as anybody waits.
        reason
            .ok()
            .and_then(|reason| *reason)
            .unwrap_or(StopReason::Signal)
    }
}
