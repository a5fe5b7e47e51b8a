//! The browsers of a running gateway: which runs, which crashed, and what is asked of them.
//!
//! One slot for each browser profile. Starts and stops of one profile wait for each other; how it is
//! can be asked at any time. A browser that ends by itself is noticed within half a second.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::badge::Badge;
use super::cdp::Cdp;
use super::connect::foreign;
use super::discover::Kind;
use super::launch::{self, Headless, Order};
use super::leftover::{self, Started};
use super::profiles::{Place, Profile, Profiles, Wishes};
use super::prove::{self, Answerer};
use super::route::{Action, Request, Response, Routed, route};
use super::status::{self, Seen};
use super::{Fault, Result, World, ports};
use crate::host::process_group::{ProcessExit, ProcessGroup};
use crate::i18n::{Lang, msg};
use crate::ports::{Port, PortFamily};
use crate::record::Record;
use crate::sync::lock;

/// How often a running browser is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long a browser may take to end when asked to (docs/openclaw.md#browser-stop).
const PATIENCE: Duration = Duration::from_millis(2500);
/// How often it is looked at meanwhile.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a browser may take to say how many tabs it has.
const SOON: Duration = Duration::from_secs(2);
/// How long an answer may take where nobody says.
const LIMIT: Duration = Duration::from_mins(1);

/// The config as it is now.
type Config = Box<dyn Fn() -> Value + Send + Sync>;

/// The browsers of one instance.
pub struct Control {
    pub(super) world: World,
    config: Config,
    slots: Mutex<BTreeMap<String, Arc<Slot>>>,
    /// Whether the gateway ends: what is just being started gives up, and nothing more is started.
    ending: tokio::sync::watch::Sender<bool>,
}

/// One browser profile of a running gateway.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    pub(super) cdp: tokio::sync::Mutex<Option<Arc<Cdp>>>,
    /// The tab that was used last.
    pub(super) last: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Stopped,
    Starting,
    Running(Running),
    Ended {
        pid: u32,
        exit: ProcessExit,
        at: SystemTime,
    },
}

#[derive(Debug)]
struct Running {
    group: ProcessGroup,
    port: Port,
    kind: Kind,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}

impl Slot {
    /// How the browser is; one that ended by itself is noticed here.
    pub(super) fn seen(&self, folder: &std::path::Path) -> Seen {
        let mut state = lock(&self.state);
        if let State::Running(running) = &mut *state
            && let Some(exit) = running.group.poll_exit()
        {
            let pid = running.group.pid();
            tracing::warn!(pid, ?exit, "a browser exited on its own");
            leftover::forget(folder);
            *state = State::Ended {
                pid,
                exit,
                at: crate::host::now(),
            };
        }
        match &*state {
            State::Stopped => Seen::Stopped,
            State::Starting => Seen::Starting,
            State::Running(running) => Seen::Running {
                pid: running.group.pid(),
                port: running.port,
                kind: running.kind,
            },
            State::Ended { pid, exit, at } => Seen::Ended {
                pid: *pid,
                exit: *exit,
                at: *at,
            },
        }
    }
}

impl Control {
    /// The browsers of an instance whose gateway starts. A browser that outlived an earlier gateway is
    /// asked to end.
    pub fn new(world: World, config: impl Fn() -> Value + Send + Sync + 'static) -> Self {
        leftover::sweep(&world.instance.state_dir.join("browser"));
        Self {
            world,
            config: Box::new(config),
            slots: Mutex::default(),
            ending: tokio::sync::watch::Sender::new(false),
        }
    }

    /// The ports of the instance; `None` where nothing can be derived from its base port.
    pub fn family(&self) -> Option<PortFamily> {
        self.world.family()
    }

    /// Answers a request. What it begins is carried on even where nobody waits for the answer.
    pub async fn handle(self: &Arc<Self>, request: Request) -> Response {
        let (lang, limit) = (request.lang, request.limit.unwrap_or(LIMIT));
        let me = self.clone();
        let work = tokio::spawn(async move {
            let routed = route(&request)?;
            me.act(routed, request.lang).await
        });
        let answer = match tokio::time::timeout(limit, work).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(broken)) => Err(Fault::failed(msg!("browser.broken")).because(broken)),
            Err(_) => Err(Fault::failed(msg!("browser.timeout", seconds = limit.as_secs()))),
        };
        match answer {
            Ok(body) => Response::ok(body),
            Err(fault) => Response::refused(&fault, lang),
        }
    }

    async fn act(self: &Arc<Self>, routed: Routed, lang: Lang) -> Result<Value> {
        let config = (self.config)();
        let record = Record::read(&self.world.instance.record_path())?;
        let profiles = self.world.profiles(&config, &record);
        match routed.action {
            Action::Profiles => return Ok(self.rows(&config, &profiles, &record).await),
            Action::Create { name, color } => return self.create(&profiles, name, color, &config).await,
            Action::Delete(name) => return self.delete(&profiles, &name).await,
            _ => {}
        }
        let profile = profiles.find(routed.profile.as_deref()).ok_or_else(|| {
            let names: Vec<_> = profiles.list.iter().map(|known| known.name.as_str()).collect();
            let name = routed.profile.as_deref().unwrap_or(&profiles.default);
            Fault::unknown(msg!("browser.no-profile", name = name, names = names.join(", ")))
        })?;
        match routed.action {
            Action::Status => {
                let seen = self.seen(profile, &config).await;
                let port = self.port(profile, &profiles, &record, &seen).await;
                Ok(status::document(&self.world, &config, profile, port, &seen, lang))
            }
            Action::Start => {
                self.start(profile, &config).await?;
                let seen = self.seen(profile, &config).await;
                let mut document = status::document(&self.world, &config, profile, None, &seen, lang);
                document["ok"] = true.into();
                Ok(document)
            }
            Action::Stop => {
                let stopped = self.stop(profile).await?;
                Ok(json!({ "ok": true, "stopped": stopped, "profile": profile.name }))
            }
            action => self.drive(profile, &config, action).await,
        }
    }

    pub(super) fn slot(&self, name: &str) -> Arc<Slot> {
        lock(&self.slots).entry(name.to_owned()).or_default().clone()
    }

    async fn seen(&self, profile: &Profile, config: &Value) -> Seen {
        if let Place::Remote { url, .. } = &profile.place {
            let (url, limit) = (url.clone(), Wishes::of(config).remote_limit);
            let probe = tokio::task::spawn_blocking(move || status::answers(&url, limit));
            return Seen::Remote(probe.await.unwrap_or(false));
        }
        self.slot(&profile.name)
            .seen(&self.world.instance.browser(&profile.name))
    }

    /// The port of a browser that does not run; of one that does, `seen` tells.
    async fn port(
        &self,
        profile: &Profile,
        profiles: &Profiles,
        record: &Record,
        seen: &Seen,
    ) -> Option<Port> {
        if matches!(seen, Seen::Running { .. }) {
            return None;
        }
        let (world, profile) = (self.world.clone(), profile.clone());
        let (profiles, record) = (profiles.clone(), record.clone());
        let look = move || status::port(&world, &profile, &profiles, &record);
        tokio::task::spawn_blocking(look).await.ok().flatten()
    }

    async fn rows(&self, config: &Value, profiles: &Profiles, record: &Record) -> Value {
        let mut rows = Vec::new();
        for profile in &profiles.list {
            let seen = self.seen(profile, config).await;
            let tabs = match &seen {
                Seen::Running { .. } => self.tab_count(profile, config).await,
                _ => 0,
            };
            let port = self.port(profile, profiles, record, &seen).await;
            rows.push(status::row(profile, profiles, port, &seen, tabs));
        }
        json!({ "profiles": rows })
    }

    /// How many tabs are open; none where the browser does not say so soon.
    async fn tab_count(&self, profile: &Profile, config: &Value) -> usize {
        let count = async {
            let cdp = self.connection(profile, config).await?;
            cdp.tabs().await.map(|tabs| tabs.len())
        };
        let counted = tokio::time::timeout(SOON, count).await;
        counted.ok().and_then(Result::ok).unwrap_or(0)
    }

    /// Starts the browser of a profile, unless it runs.
    async fn start(&self, profile: &Profile, config: &Value) -> Result<()> {
        let wishes = Wishes::of(config);
        let command = self.world.instance.command();
        if !wishes.enabled {
            return Err(
                Fault::conflict(msg!("browser.disabled")).hint(msg!("browser.enable", command = command))
            );
        }
        match &profile.place {
            Place::Foreign { driver } => {
                return Err(foreign(profile, driver, &command));
            }
            Place::Remote { .. } => {
                let (world, wanted) = (self.world.clone(), profile.clone());
                blocking(move || ports::Ground::survey(&world).refuse_shared(&world, &wanted)).await?;
                return self.connection(profile, config).await.map(|_| ());
            }
            Place::Pool if wishes.attach_only => {
                return Err(Fault::conflict(msg!("browser.attach-only", name = profile.name))
                    .hint(msg!("browser.set-url", command = command)));
            }
            Place::Pool | Place::Pinned { .. } => {}
        }
        let slot = self.slot(&profile.name);
        let _turn = slot.turn.lock().await;
        let folder = self.world.instance.browser(&profile.name);
        if let Some(answer) = self.answers(profile, config).await {
            return answer;
        }
        *lock(&slot.state) = State::Starting;
        let started = self.unless_ending(self.launch(profile, config, &wishes)).await;
        match started {
            Ok(running) => {
                *lock(&slot.state) = State::Running(running);
                watch(Arc::downgrade(&slot), folder);
                // A start is a success once a tab can be used.
                let connected = self.unless_ending(self.connection(profile, config)).await;
                if let Err(fault) = connected {
                    self.end(&slot, &profile.name).await;
                    return Err(fault);
                }
                Ok(())
            }
            Err(fault) => {
                *lock(&slot.state) = State::Stopped;
                Err(fault)
            }
        }
    }

    /// Work that is given up where the gateway ends meanwhile.
    pub(super) async fn unless_ending<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut ending = self.ending.subscribe();
        tokio::select! {
            biased;
            _ = ending.wait_for(|ending| *ending) => Err(Fault::conflict(msg!("browser.gateway-ends"))),
            done = work => done,
        }
    }

    /// Starts a browser; once more where one gets in its way that an earlier gateway was killed over: until
    /// that has taken the lock there is nothing to know it by.
    async fn launch(&self, profile: &Profile, config: &Value, wishes: &Wishes) -> Result<Running> {
        match self.launch_once(profile, config, wishes).await {
            Err(_) if leftover::running(&self.world.instance.browser(&profile.name)).is_some() => {
                self.launch_once(profile, config, wishes).await
            }
            done => done,
        }
    }

    async fn launch_once(&self, profile: &Profile, config: &Value, wishes: &Wishes) -> Result<Running> {
        let world = self.world.clone();
        let found = status::program(&world, wishes).map_err(|msg| {
            Fault::failed(msg)
                .hint(msg!("browser.install-one"))
                .hint(msg!("browser.set-program", command = world.instance.command()))
        })?;
        let folder = world.instance.browser(&profile.name);
        let (wanted, config, cleared) = (profile.clone(), config.clone(), folder.clone());
        let badge = Badge::of(&world.instance.profile, profile);
        let port = blocking(move || {
            let user_data = leftover::user_data(&cleared);
            leftover::clear(&cleared)?;
            let port = ports::settle(&world, &wanted, &config)?;
            match prove::who(port, None, &user_data) {
                Answerer::Nobody => {}
                Answerer::Ours(pid) => leftover::end(pid),
                stranger @ Answerer::Stranger(_) => {
                    return Err(launch::occupied(&world, port, &stranger));
                }
            }
            badge.put_on(&user_data)?;
            Ok(port)
        })
        .await?;
        let order = Order {
            program: found.path,
            user_data: leftover::user_data(&folder),
            port,
            headless: Headless::of(&self.world.host, wishes.headless),
            no_sandbox: wishes.no_sandbox,
        };
        let call = order.call(&self.world.host, &self.world.env.home);
        let mut group = self.world.host.spawn_group(&call).map_err(|cause| {
            let fault = Fault::failed(msg!("browser.not-started", path = order.program.display()));
            fault.hint(launch::ask_doctor(&self.world)).because(cause)
        })?;
        let started = Started::now(group.pid(), port);
        // Written down while the browser is busy with itself.
        let kept = blocking(move || started.keep(&folder));
        let ready = launch::ready(&self.world, &order, &mut group, launch::READY);
        let (kept, ready) = tokio::join!(kept, ready);
        if let Err(fault) = ready.and(kept) {
            // It is gone before anything else is tried, and its end is not waited for on the gateway's thread.
            let _ = tokio::task::spawn_blocking(move || drop(group)).await;
            return Err(fault);
        }
        tracing::info!(
            pid = group.pid(),
            port = port.get(),
            profile = profile.name,
            "browser started"
        );
        Ok(Running {
            group,
            port,
            kind: found.kind,
        })
    }

    /// Ends the browser of a profile; whether it ran.
    pub(super) async fn stop(&self, profile: &Profile) -> Result<bool> {
        if let Place::Remote { .. } | Place::Foreign { .. } = profile.place {
            return Err(Fault::conflict(msg!("browser.not-ours", name = profile.name)));
        }
        let slot = self.slot(&profile.name);
        let _turn = slot.turn.lock().await;
        Ok(self.end(&slot, &profile.name).await)
    }

    /// Ends the browser of a slot, where one runs; whoever asks has the slot's turn.
    pub(super) async fn end(&self, slot: &Slot, name: &str) -> bool {
        *lock(&slot.last) = None;
        let state = std::mem::take(&mut *lock(&slot.state));
        let ran = if let State::Running(mut running) = state {
            running.group.terminate();
            let deadline = Instant::now() + PATIENCE;
            while running.group.poll_exit().is_none() && Instant::now() < deadline {
                tokio::time::sleep(PAUSE).await;
            }
            let folder = self.world.instance.browser(name);
            let last = move || {
                running.group.kill();
                leftover::forget(&folder);
            };
            // It can't fail: what it does is done even where the gateway ends meanwhile.
            let _ = tokio::task::spawn_blocking(last).await;
            true
        } else {
            false
        };
        // Last: a connection to a browser that hangs is let go of once that is gone.
        *slot.cdp.lock().await = None;
        ran
    }

    /// Ends every browser, all at once: the gateway ends.
    pub async fn shutdown(&self) {
        self.ending.send_replace(true);
        let slots: Vec<_> = lock(&self.slots)
            .iter()
            .map(|(name, slot)| (name.clone(), slot.clone()))
            .collect();
        let ends = slots.iter().map(|(name, slot)| async move {
            let _turn = slot.turn.lock().await;
            self.end(slot, name).await;
        });
        futures_util::future::join_all(ends).await;
    }
}

/// Looks at a browser for as long as it runs, so that its end is noticed although nobody asks.
fn watch(slot: Weak<Slot>, folder: std::path::PathBuf) {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(slot) = slot.upgrade() else { return };
            if !matches!(slot.seen(&folder), Seen::Running { .. }) {
                return;
            }
        }
    });
}

/// Work that blocks, beside the gateway's own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(broken) => Err(Fault::failed(msg!("browser.broken")).because(broken)),
    }
}
