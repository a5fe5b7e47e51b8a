//! One lifetime of a gateway between two restarts: from bound ports, over the tasks that run beside the
//! servers, to the end of the last connection.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::Value;
use tokio::task::JoinSet;

use super::acquire::{BoundPort, ResourceAcquirer};
use super::config_reload::ConfigReloader;
use super::identity::GatewayIdentity;
use super::rescue_task::RescueTask;
use super::signals::{EndSignal, Signals};
use super::state::{ActiveConfig, GatewayState, StopReason};
use super::{
    bot_task, browser, canvas, http, last_good, log, periodic_events, rescue_task, serve, systemd_notify,
};
use crate::boot::StartConfig;
use crate::i18n::{Lang, Msg, msg};
use crate::instance::Instance;
use crate::lock::InstanceLock;
use crate::ports::{LOOPBACK, Role};
use crate::stop_record;

/// Maximum time that clients, browsers and the rescue thread have to end when a gateway stops: longer than the drain
/// of its HTTP servers.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(6);

/// A port that a gateway serves, with its HTTP routes.
struct ServedPort {
    role: Role,
    /// Returns whether a config asks for the port.
    is_enabled: fn(&Value) -> bool,
    /// Creates the routes of the port.
    router: fn(&Arc<GatewayState>) -> Router,
}

/// Every port that a gateway serves, with its HTTP routes. It runs without a derived port that another process has.
const SERVED_PORTS: &[ServedPort] = &[
    ServedPort {
        role: Role::Base,
        is_enabled: |_| true,
        router: http::router,
    },
    ServedPort {
        role: Role::Canvas,
        is_enabled: canvas::settings::is_enabled,
        router: canvas::router,
    },
    // Served also where browsers are switched off: its replies say so.
    ServedPort {
        role: Role::BrowserControl,
        is_enabled: |_| true,
        router: browser::router,
    },
];

/// The HTTP servers of a gateway, one for each of its ports.
type Servers = JoinSet<std::io::Result<()>>;

/// The way in which one lifetime of a gateway, from a start or restart to the next stop, ended.
#[derive(Debug)]
pub(crate) enum ServeOutcome {
    /// The gateway stopped in order.
    Stopped(StopReason),
    /// A second signal ended it at once.
    Interrupted,
}

/// Serves one lifetime of a gateway after the other, with each restart; its values stay the same through all
/// restarts.
#[derive(Debug)]
pub(crate) struct GatewayLifecycle<'a> {
    /// Acquires the ports.
    pub acquirer: ResourceAcquirer<'a>,
    /// The language of the log and the dashboard.
    pub lang: Lang,
    /// The identity of the process.
    pub identity: GatewayIdentity,
}

impl GatewayLifecycle<'_> {
    /// Serves the gateway on the base port and the derived ports until it is told to stop and its clients have left.
    ///
    /// # Errors
    /// A server ended although nobody told it to.
    pub(crate) async fn serve(
        &self,
        start: &StartConfig,
        base: BoundPort,
        signals: &mut Signals,
        lock: &mut InstanceLock,
    ) -> std::io::Result<ServeOutcome> {
        let addresses = local_addresses(&base.listeners)?;
        let (ports, missing_ports) = self.bind_ports(start, base);
        let active = ActiveConfig::new(&start.usable, start.warning.clone(), missing_ports);
        let state = Arc::new(self.create_state(addresses, active));
        log_startup(&state, start.warning.as_ref(), &ports)?;
        let loader = self.acquirer.loader;
        if start.warning.is_none() && !loader.context.instance.last_good_path().exists() {
            // A config that the gateway listens with is better than none, in case the file is broken within
            // the first second.
            last_good::save(&state, loader, &start.usable);
        }

        let mut servers = spawn_servers(&state, ports);
        let mut background = self.spawn_background_tasks(&state, start);
        let watched = rescue_task::watched_gateways(&state, &loader.record.rescue);
        let bot = state
            .bot
            .get_or_init(|| Arc::new(bot_task::create(&state, watched.clone(), &loader.record.rescue)));
        let agents = state
            .agents
            .get_or_init(|| bot_task::create_agents(&state, bot, &loader.record.agent));
        background.spawn(bot_task::follow_config(
            state.clone(),
            bot.clone(),
            agents.clone(),
        ));
        let rescue = RescueTask::start(&state, &loader.record.rescue, watched);
        let port = start.usable.settings.port;
        systemd_notify::ready(&msg!("gateway.status-serving", port = port).render(self.lang));

        let reason = wait_for_stop(&state, &mut servers, signals).await?;
        drop(background);
        state.throttle.log.write_all_lines();
        if start.warning.is_none() {
            // The gateway may have been stopped before its config counted as good; it served with it all the
            // same.
            last_good::save(&state, loader, &start.usable);
        }
        bot.request_end();
        if let Some(rescue) = &rescue {
            rescue.request_end();
        }
        if reason == StopReason::Signal {
            lock.set_stopping(state.context.host.now());
            systemd_notify::stopping();
            log::info(self.lang, &msg!("gateway.stopping"));
        }
        tokio::select! {
            () = wait_for_end(&state, servers, rescue) => Ok(ServeOutcome::Stopped(reason)),
            () = tokio::time::sleep(SHUTDOWN_TIMEOUT) => Ok(ServeOutcome::Stopped(reason)),
            _ = signals.next() => Ok(ServeOutcome::Interrupted),
        }
    }

    /// Listens on every derived port of the gateway that its config enables. Returns all ports, the base port first,
    /// and for each one that can't be listened on the reason, which is logged.
    fn bind_ports(&self, start: &StartConfig, base: BoundPort) -> (Vec<BoundPort>, Vec<Msg>) {
        let (mut ports, mut missing) = (vec![base], Vec::new());
        let derived = SERVED_PORTS
            .iter()
            .filter(|served| served.role != Role::Base && (served.is_enabled)(&start.usable.config));
        for served in derived {
            let settings = &start.usable.settings;
            match self.acquirer.bind_derived_port(settings, served.role) {
                Ok(port) => ports.push(port),
                Err(warning) => {
                    log::warn(self.lang, &warning);
                    missing.push(warning);
                }
            }
        }
        (ports, missing)
    }

    /// Creates the state that the tasks of a gateway share until its next restart.
    fn create_state(&self, addresses: Vec<SocketAddr>, active: ActiveConfig) -> GatewayState {
        GatewayState::new(
            self.acquirer.loader.context.clone(),
            self.identity.clone(),
            self.lang,
            addresses,
            active,
        )
    }

    /// Starts the tasks of a gateway that run beside its HTTP servers. Dropping the set ends them.
    fn spawn_background_tasks(&self, state: &Arc<GatewayState>, start: &StartConfig) -> JoinSet<()> {
        let loader = self.acquirer.loader;
        let mut tasks = JoinSet::new();
        tasks.spawn(systemd_notify::run_watchdog());
        tasks.spawn(periodic_events::broadcast_until_stopped(state.clone()));
        let refusals = state.clone();
        tasks.spawn(async move { refusals.throttle.log.write_due_lines().await });
        let reloader = Arc::new(ConfigReloader {
            state: state.clone(),
            loader: loader.clone(),
            refused: start.refused.clone(),
        });
        tasks.spawn(reloader.run());
        if start.warning.is_none() {
            let save = last_good::save_when_settled(state.clone(), loader.clone(), start.usable.clone());
            tasks.spawn(save);
        }
        tasks
    }
}

/// Starts an HTTP server on each of the gateway's ports.
fn spawn_servers(state: &Arc<GatewayState>, ports: Vec<BoundPort>) -> Servers {
    let mut servers = JoinSet::new();
    for port in ports {
        let served = SERVED_PORTS.iter().find(|served| served.role == port.role);
        let router = served.map_or_else(Router::new, |served| (served.router)(state));
        let state = state.clone();
        servers.spawn(async move { serve::serve(&state, port.listeners, router).await });
    }
    servers
}

/// Waits until the gateway is told to stop, by a signal or by a changed config.
///
/// # Errors
/// A server ended by itself.
async fn wait_for_stop(
    state: &GatewayState,
    servers: &mut Servers,
    signals: &mut Signals,
) -> std::io::Result<StopReason> {
    tokio::select! {
        // In this order: a server that was told to stop ends, which is no failure.
        biased;
        _ = state.stopped() => {}
        signal = signals.next() => {
            if signal == EndSignal::Interrupt {
                stop_record::write(&state.context.instance, Some(std::process::id()), state.context.host.now());
            }
            state.stop(StopReason::Signal);
        }
        // The word to stop may come from another thread, which wakes one task after the other: a server can
        // end before this task has heard it.
        ended = servers.join_next() => if !state.is_stopping() {
            let failed = ended.and_then(Result::ok).unwrap_or(Ok(()));
            return Err(failed.err().unwrap_or_else(|| std::io::ErrorKind::ConnectionAborted.into()));
        }
    }
    Ok(state.stopped().await)
}

/// Waits until the browsers, the HTTP servers, the bot and the rescue thread of a stopping gateway have ended.
async fn wait_for_end(state: &GatewayState, mut servers: Servers, rescue: Option<RescueTask>) {
    let browsers = async {
        if let Some(browsers) = state.browsers.get() {
            browsers.shutdown().await;
        }
    };
    let servers = async { while servers.join_next().await.is_some() {} };
    let rescue = async {
        if let Some(rescue) = rescue {
            rescue.ended().await;
        }
    };
    let bot = async {
        if let Some(bot) = state.bot.get() {
            bot.ended().await;
        }
    };
    tokio::join!(browsers, servers, rescue, bot);
}

/// Logs at the start of a gateway what a reader of its log wants to know first: the warning of the start, the
/// instance's profile, the addresses, the files.
fn log_startup(state: &GatewayState, warning: Option<&Msg>, ports: &[BoundPort]) -> std::io::Result<()> {
    let (lang, identity) = (state.lang, &state.identity);
    if let Some(warning) = warning {
        log::warn(lang, warning);
    }
    log::info(
        lang,
        &msg!(
            "gateway.starting",
            profile = identity.profile,
            version = identity.version,
            pid = identity.pid
        ),
    );
    for port in ports {
        for address in local_addresses(&port.listeners)? {
            let listening = Msg::new("gateway.listening")
                .with("address", address)
                .with_msg("role", port.role.msg());
            log::info(lang, &listening);
        }
    }
    log_paths(lang, &state.context.instance);
    if state.context.host.terminal().stdout {
        let url = format!("http://{}/", client_address(&state.addresses));
        log::info(lang, &msg!("gateway.foreground", url = url));
    }
    Ok(())
}

/// Returns the address at which a client on this machine reaches the gateway: loopback where it listens everywhere.
fn client_address(addresses: &[SocketAddr]) -> SocketAddr {
    let mut address = addresses[0];
    if address.ip().is_unspecified() {
        address.set_ip(LOOPBACK[0]);
    }
    address
}

/// Logs the paths of the gateway's config file and log folder.
fn log_paths(lang: Lang, instance: &Instance) {
    let config = instance.config_path.display();
    log::info(lang, &msg!("gateway.config", path = config));
    log::info(lang, &msg!("gateway.logs", path = instance.logs().display()));
}

/// Returns the network addresses that these listeners of the gateway are bound to.
fn local_addresses(listeners: &[TcpListener]) -> std::io::Result<Vec<SocketAddr>> {
    listeners.iter().map(TcpListener::local_addr).collect()
}
