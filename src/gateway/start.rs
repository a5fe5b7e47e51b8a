//! From a command line to a running gateway, and its orderly end.
//!
//! What can be refused is refused first and on standard error: the config, the lock, the base port. Nobody
//! is asked who else is on the host before that fails: a gateway listens within milliseconds.

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::claim::{Claimant, Door, Edge};
use super::shared::{Identity, Live, Shared, Stop};
use super::signals::Signals;
use super::{browser, canvas, http, identity, log, notify, serve, watch, watchman};
use crate::boot::{Boot, Ready, Start};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::{self, Host};
use crate::i18n::{Lang, Msg, msg};
use crate::instance::Instance;
use crate::lock::InstanceLock;
use crate::ports::Role;
use crate::record::Record;
use crate::settings::Wishes;

/// How long clients have to leave, and one second for the last words.
const DRAIN: Duration = Duration::from_secs(6);
/// What threads beside it have in hand when it ends gets as long: state files are written in less, and a
/// look at the host that takes seconds is nobody's any more.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A gateway that has run so long with a config has started well with it.
const SETTLED: Duration = Duration::from_secs(1);
/// The exit code of a gateway that was told twice to end.
const INTERRUPTED: u8 = 130;

/// How a gateway is to be run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the command line wishes.
    pub wishes: Wishes,
    /// `--force`: a gateway of the same profile and user that holds the port is ended first.
    pub force: bool,
    /// `--verbose`: the log tells more.
    pub verbose: bool,
    /// `--lang`: goes before the record's language.
    pub lang: Option<Lang>,
}

/// What is served on one of the ports.
struct Served {
    role: Role,
    /// Whether the config wants it.
    wanted: fn(&Value) -> bool,
    router: fn(&Arc<Shared>) -> Router,
}

/// Every port that is served: a row each. The base port is the first; the gateway goes on without a later
/// one that somebody else holds.
const SERVED: &[Served] = &[
    Served {
        role: Role::Base,
        wanted: |_| true,
        router: http::router,
    },
    Served {
        role: Role::Canvas,
        wanted: canvas::enabled,
        router: canvas::router,
    },
    // Where browsers are switched off, it is what says so.
    Served {
        role: Role::BrowserControl,
        wanted: |_| true,
        router: browser::router,
    },
];

/// Runs the gateway of this instance until it is told to stop. `lang` is this run's language.
pub fn run(
    host: &Host,
    env: &Environment,
    instance: &Instance,
    lang: Lang,
    options: &Options,
    edge: &Edge<'_>,
) -> Result<ExitCode> {
    host::restrict_new_files_to_owner();
    let record = Record::read(&instance.record_path())?;
    let recorded = record.language.as_deref().and_then(Lang::from_code);
    let lang = options.lang.or(recorded).unwrap_or(lang);
    let boot = Boot {
        host: host.clone(),
        env: env.clone(),
        instance: instance.clone(),
        record,
        wishes: options.wishes.clone(),
    };
    let identity = identity::of(instance, host.now());
    let start = boot.start()?;
    let claimant = Claimant {
        boot: &boot,
        force: options.force,
        edge,
    };
    let lock = claimant.lock(start.ready.settings.port, identity.started)?;
    let base = claimant.base(&start.ready.settings)?;
    let log = log::begin(instance, &start.ready.config, options.verbose);
    if let Some(warning) = start.warning.as_ref().or(log.fault.as_ref()) {
        (edge.tell)(warning);
    }
    if let Some(fault) = &log.fault {
        log::warn(lang, fault);
    }
    let gateway = Gateway {
        claimant,
        lang,
        identity,
        lock,
    };
    gateway.run(start, base)
}

/// A gateway that has its lock.
struct Gateway<'a> {
    claimant: Claimant<'a>,
    lang: Lang,
    identity: Identity,
    lock: InstanceLock,
}

/// How a round of serving ended.
enum Ended {
    InOrder(Stop),
    /// Told a second time.
    AtOnce,
}

impl Gateway<'_> {
    fn boot(&self) -> &Boot {
        self.claimant.boot
    }

    /// Serves, and again with a changed config, until it is told to stop.
    fn run(mut self, start: Start, base: Door) -> Result<ExitCode> {
        let failed = |cause: std::io::Error| Error::failed(msg!("gateway.no-runtime")).because(cause);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let guard = runtime.enter();
        let mut signals = Signals::new().map_err(failed)?;
        drop(guard);
        let ended = self.rounds(&runtime, &mut signals, start, base);
        leave(runtime);
        ended
    }

    fn rounds(
        &mut self,
        runtime: &Runtime,
        signals: &mut Signals,
        mut start: Start,
        mut base: Door,
    ) -> Result<ExitCode> {
        loop {
            let port = start.ready.settings.port;
            self.lock.set_port(port);
            let ended = runtime.block_on(self.serve(&start, base, signals));
            match ended {
                Ok(Ended::InOrder(Stop::Restart)) => {}
                Ok(Ended::InOrder(Stop::Asked)) => {
                    log::info(self.lang, &msg!("gateway.ended", port = port));
                    return Ok(ExitCode::SUCCESS);
                }
                Ok(Ended::AtOnce) => return Ok(ExitCode::from(INTERRUPTED)),
                Err(cause) => return Err(Error::failed(msg!("gateway.failed", port = port)).because(cause)),
            }
            (start, base) = self.again(start.ready)?;
        }
    }

    /// What to go on with after a restart: the changed config; where it turns out that nothing can be
    /// served with it, the one before.
    fn again(&self, before: Ready) -> Result<(Start, Door)> {
        let (ready, refused, error) = match self.boot().read() {
            Err(error) => (before, None, error),
            Ok(ready) => match self.claimant.base(&ready.settings) {
                Ok(base) => return Ok((ready.into(), base)),
                Err(error) => (before, Some(ready.settings), error),
            },
        };
        log::error(self.lang, &error);
        let base = self.claimant.base(&ready.settings)?;
        let start = Start {
            ready,
            warning: Some(watch::refusal(error.msg)),
            refused,
        };
        Ok((start, base))
    }

    /// One round: from bound listeners to the last client's leave.
    async fn serve(&self, start: &Start, base: Door, signals: &mut Signals) -> std::io::Result<Ended> {
        let boot = self.boot();
        let settings = &start.ready.settings;
        let mut doors = vec![base];
        let mut missing = Vec::new();
        for served in SERVED.iter().filter(|served| served.role != Role::Base) {
            if !(served.wanted)(&start.ready.config) {
                continue;
            }
            match self.claimant.derived(settings, served.role) {
                Ok(door) => doors.push(door),
                Err(warning) => {
                    log::warn(self.lang, &warning);
                    missing.push(warning);
                }
            }
        }
        let addresses = local_addresses(&doors[0].listeners)?;
        let shared = Arc::new(Shared::new(
            boot.host.clone(),
            boot.env.clone(),
            boot.instance.clone(),
            self.identity.clone(),
            self.lang,
            addresses,
            Live::of(&start.ready, start.warning.clone(), missing),
        ));
        self.greet(start, &doors)?;
        if start.warning.is_none() && !boot.instance.last_good_path().exists() {
            // One that listens is better than none: who breaks the file in its first second is answered too.
            keep(&shared, boot, &start.ready);
        }

        let mut serving = JoinSet::new();
        for door in doors {
            let served = SERVED.iter().find(|served| served.role == door.role);
            let router = served.map_or_else(Router::new, |served| (served.router)(&shared));
            let shared = shared.clone();
            serving.spawn(async move { serve::serve(&shared, door.listeners, router).await });
        }
        // Ended with this round, when they are dropped.
        let mut aside = JoinSet::new();
        aside.spawn(notify::watchdog());
        let follower = Arc::new(watch::Follower {
            shared: shared.clone(),
            boot: boot.clone(),
            refused: start.refused.clone(),
        });
        aside.spawn(follower.follow());
        if start.warning.is_none() {
            aside.spawn(settle(shared.clone(), boot.clone(), start.ready.clone()));
        }
        let watchman = watchman::begin(&shared, &boot.record.rescue);
        notify::ready(&msg!("gateway.status-serving", port = settings.port).render(self.lang));

        tokio::select! {
            // In this order: what was told to end ends, which is no failure.
            biased;
            _ = shared.stopped() => {}
            () = signals.next() => shared.stop(Stop::Asked),
            // The word may come from another thread, which wakes one after the other: who serves can hear it
            // first, and be done.
            ended = serving.join_next() => if !shared.is_stopping() {
                // Nobody told it to: whatever it was, the gateway can't go on.
                let failed = ended.and_then(Result::ok).unwrap_or(Ok(()));
                return Err(failed.err().unwrap_or_else(|| std::io::ErrorKind::ConnectionAborted.into()));
            }
        }
        let why = shared.stopped().await;
        drop(aside);
        if start.warning.is_none() {
            // One that was stopped early has served until then all the same.
            keep(&shared, boot, &start.ready);
        }
        if let Some(watchman) = &watchman {
            watchman.end();
        }
        if why == Stop::Asked {
            notify::stopping();
            log::info(self.lang, &msg!("gateway.stopping"));
        }
        let browsers_end = async {
            if let Some(browsers) = shared.browser.get() {
                browsers.shutdown().await;
            }
        };
        let all_left = async {
            let left = async { while serving.join_next().await.is_some() {} };
            let watched = async {
                if let Some(watchman) = watchman {
                    watchman.ended().await;
                }
            };
            tokio::join!(browsers_end, left, watched);
        };
        tokio::select! {
            () = all_left => Ok(Ended::InOrder(why)),
            () = tokio::time::sleep(DRAIN) => Ok(Ended::InOrder(why)),
            () = signals.next() => Ok(Ended::AtOnce),
        }
    }

    /// What a reader of the log wants to know first: what listens where, which files are meant.
    fn greet(&self, start: &Start, doors: &[Door]) -> std::io::Result<()> {
        let (lang, instance) = (self.lang, &self.boot().instance);
        if let Some(warning) = &start.warning {
            log::warn(lang, warning);
        }
        let identity = &self.identity;
        log::info(
            lang,
            &msg!(
                "gateway.starting",
                profile = identity.profile,
                version = identity.version,
                pid = identity.pid
            ),
        );
        for door in doors {
            for address in local_addresses(&door.listeners)? {
                let role = door.role.msg();
                log::info(
                    lang,
                    &Msg::new("gateway.listening")
                        .with("address", address)
                        .with_msg("role", role),
                );
            }
        }
        log::info(
            lang,
            &msg!("gateway.config", path = instance.config_path.display()),
        );
        log::info(lang, &msg!("gateway.logs", path = instance.logs().display()));
        Ok(())
    }
}

/// Ends the runtime; dropped, it would wait for ever for what its threads have in hand.
fn leave(runtime: Runtime) {
    runtime.shutdown_timeout(LAST_WORDS);
}

/// Keeps the config of a healthy start.
async fn settle(shared: Arc<Shared>, boot: Boot, ready: Ready) {
    tokio::time::sleep(SETTLED).await;
    // It waits for the disk. That thread failing is a failure to keep it, and told where that is.
    let _ = tokio::task::spawn_blocking(move || keep(&shared, &boot, &ready)).await;
}

/// Keeps this config as the last good one, where it is still what the gateway runs with.
fn keep(shared: &Shared, boot: &Boot, ready: &Ready) {
    if shared.live().config == ready.config
        && let Err(error) = boot.keep(ready)
    {
        log::error(shared.lang, &error);
    }
}

fn local_addresses(listeners: &[TcpListener]) -> std::io::Result<Vec<SocketAddr>> {
    listeners.iter().map(TcpListener::local_addr).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_waits_for_any_more_keeps_no_gateway_from_ending() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (_kept, never) = std::sync::mpsc::channel::<()>();
        runtime.spawn_blocking(move || never.recv());
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            leave(runtime);
            let _ = ended.send(());
        });
        assert_eq!(end.recv_timeout(Duration::from_secs(30)), Ok(()));
    }
}
