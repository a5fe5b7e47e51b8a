//! The browsers of a running gateway: the slots of its browser profiles, and the requests to them.
//!
//! Start, stop and delete of one profile wait for each other; the state of a browser can be read at any time. A
//! browser that exits by itself is noticed within half a second.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::cdp::CdpConnection;
use super::profiles::{
    BrowserConfig, BrowserEndpoint, BrowserProfile, BrowserProfiles, allows_client_scripts,
};
use super::route::{Action, ControlRequest, ControlResponse, RoutedRequest, TabAction, route};
use super::slot::ProfileSlot;
use super::status::{self, BrowserState};
use super::{BrowserContext, BrowserError, Result, connection, orphan, tabs};
use crate::i18n::{Lang, msg};
use crate::ports::{Port, PortFamily};
use crate::record::Record;
use crate::sync::{lock, spawn_blocking};

mod lifecycle;
mod manage;

/// Time that a browser is given to report how many tabs it has.
const TAB_COUNT_TIMEOUT: Duration = Duration::from_secs(2);
/// Time that a request to the browser control service may take where the request does not set one.
const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// A function that returns the gateway's current config.
type ConfigSource = Box<dyn Fn() -> Value + Send + Sync>;

/// The browser control service of one instance: its browsers, while its gateway runs.
pub(crate) struct BrowserControl {
    context: BrowserContext,
    config: ConfigSource,
    /// The slots by the name of their browser profile.
    slots: Mutex<BTreeMap<String, Arc<ProfileSlot>>>,
    /// `true` once the gateway shuts down: starts in progress give up, and no further browser is started.
    shutting_down: tokio::sync::watch::Sender<bool>,
}

impl fmt::Debug for BrowserControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrowserControl")
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}

impl BrowserControl {
    /// Creates the browser control service of an instance whose gateway starts. Browsers that outlived an earlier
    /// gateway of the instance are asked to end.
    pub(crate) fn new(context: BrowserContext, config: impl Fn() -> Value + Send + Sync + 'static) -> Self {
        orphan::request_end_of_all(&context.instance.state_dir.join("browser"));
        Self {
            context,
            config: Box::new(config),
            slots: Mutex::default(),
            shutting_down: tokio::sync::watch::Sender::new(false),
        }
    }

    /// Returns the ports that are derived from the base port of an instance; `None` where none can be derived.
    pub(crate) fn port_family(&self) -> Option<PortFamily> {
        self.context.port_family()
    }

    /// Handles a request to the browser control service. What it has begun continues even when the response times out
    /// or nobody waits for it.
    pub(crate) async fn handle(self: &Arc<Self>, request: ControlRequest) -> ControlResponse {
        let (lang, timeout) = (request.lang, request.timeout.unwrap_or(DEFAULT_REQUEST_TIMEOUT));
        let control = self.clone();
        let work = tokio::spawn(async move {
            let routed = route(&request)?;
            control.run_action(routed, request.lang).await
        });
        let result = match tokio::time::timeout(timeout, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(BrowserError::failed(msg!("browser.broken")).because(panic)),
            Err(_) => Err(BrowserError::timed_out(timeout)),
        };
        match result {
            Ok(body) => ControlResponse::ok(body),
            Err(error) => ControlResponse::from_error(&error, lang),
        }
    }

    /// Runs the action of a request to the browser control service and returns the body of its response.
    async fn run_action(self: &Arc<Self>, routed: RoutedRequest, lang: Lang) -> Result<Value> {
        let config = (self.config)();
        let record = Record::read(&self.context.instance.record_path())?;
        let profiles = self.context.profiles(&config, &record);
        let profile = || {
            let found = profiles.find(routed.profile.as_deref());
            found.ok_or_else(|| BrowserError::not_found(profiles.not_found_msg(routed.profile.as_deref())))
        };
        match routed.action {
            Action::Profiles => Ok(self.list_profiles(&config, &profiles, &record).await),
            Action::CreateProfile { name, color } => {
                self.create_profile(&profiles, name, color, &config).await
            }
            Action::DeleteProfile(name) => self.delete_profile(&profiles, &name).await,
            Action::Status => {
                let profile = profile()?;
                let state = self.state(profile, &config).await;
                let port = self.assigned_port(profile, &profiles, &record, &state).await;
                Ok(status::document(
                    &self.context,
                    &config,
                    profile,
                    port,
                    &state,
                    lang,
                ))
            }
            Action::Start => {
                let profile = profile()?;
                self.start(profile, &config).await?;
                let state = self.state(profile, &config).await;
                let mut document = status::document(&self.context, &config, profile, None, &state, lang);
                document["ok"] = true.into();
                Ok(document)
            }
            Action::Stop => {
                let profile = profile()?;
                let stopped = self.stop(profile).await?;
                Ok(json!({ "ok": true, "stopped": stopped, "profile": profile.name }))
            }
            Action::Tab(action) => {
                let profile = profile()?;
                self.check_evaluation(&action, &config)?;
                let cdp = self.connect(profile, &config).await?;
                tabs::run_action(
                    &self.context,
                    &self.slot(&profile.name),
                    &profile.name,
                    &cdp,
                    action,
                    lang,
                )
                .await
            }
        }
    }

    /// Checks that the config allows the scripts of a client that an action runs.
    fn check_evaluation(&self, action: &TabAction, config: &Value) -> Result<()> {
        let evaluates = matches!(action, TabAction::Act(request) if request.evaluates());
        if !evaluates || allows_client_scripts(config) {
            return Ok(());
        }
        let command = self.context.instance.command();
        Err(BrowserError::forbidden(msg!("browser.evaluate-off"))
            .hint(msg!("browser.evaluate-on", command = command)))
    }

    /// Returns the slot that holds the running browser of a browser profile, and creates it where it is missing.
    fn slot(&self, name: &str) -> Arc<ProfileSlot> {
        lock(&self.slots).entry(name.to_owned()).or_default().clone()
    }

    /// Returns the open debugging connection to the browser of a browser profile, or opens one.
    async fn connect(&self, profile: &BrowserProfile, config: &Value) -> Result<Arc<CdpConnection>> {
        connection::open_or_reuse(&self.context, &self.slot(&profile.name), profile, config).await
    }

    /// Returns the state of the browser of a browser profile, such as running or stopped. A remote browser is asked
    /// for an answer.
    async fn state(&self, profile: &BrowserProfile, config: &Value) -> BrowserState {
        if let BrowserEndpoint::Remote { url, .. } = &profile.endpoint {
            let (url, timeout) = (url.clone(), BrowserConfig::from_config(config).remote_timeout);
            let probe = spawn_blocking(move || super::http_client::is_reachable(&url, timeout));
            return BrowserState::Remote {
                reachable: probe.await.unwrap_or(false),
            };
        }
        self.slot(&profile.name)
            .poll_state(&self.context.instance.browser(&profile.name))
    }

    /// Returns the debugging port that a browser would use if it were started. `None` for a running one, whose state
    /// holds its port.
    async fn assigned_port(
        &self,
        profile: &BrowserProfile,
        profiles: &BrowserProfiles,
        record: &Record,
        state: &BrowserState,
    ) -> Option<Port> {
        if matches!(state, BrowserState::Running { .. }) {
            return None;
        }
        let (context, profile) = (self.context.clone(), profile.clone());
        let (profiles, record) = (profiles.clone(), record.clone());
        let find = move || status::assigned_port(&context, &profile, &profiles, &record);
        spawn_blocking(find).await.ok().flatten()
    }

    /// Lists the browser profiles with the state of their browsers.
    async fn list_profiles(&self, config: &Value, profiles: &BrowserProfiles, record: &Record) -> Value {
        let mut rows = Vec::new();
        for profile in &profiles.list {
            let state = self.state(profile, config).await;
            let tabs = match &state {
                BrowserState::Running { .. } => self.tab_count(profile, config).await,
                _ => 0,
            };
            let port = self.assigned_port(profile, profiles, record, &state).await;
            rows.push(status::profile_row(profile, profiles, port, &state, tabs));
        }
        json!({ "profiles": rows })
    }

    /// Returns the number of open tabs of a browser; 0 where the browser does not answer within
    /// [`TAB_COUNT_TIMEOUT`].
    async fn tab_count(&self, profile: &BrowserProfile, config: &Value) -> usize {
        let count = async {
            let cdp = self.connect(profile, config).await?;
            cdp.tabs().await.map(|tabs| tabs.len())
        };
        let counted = tokio::time::timeout(TAB_COUNT_TIMEOUT, count).await;
        counted.ok().and_then(Result::ok).unwrap_or(0)
    }

    /// Stops all browsers of an instance at the same time, for the shutdown of its gateway. Starts in progress are
    /// given up.
    pub(crate) async fn shutdown(&self) {
        self.shutting_down.send_replace(true);
        let slots: Vec<_> = lock(&self.slots)
            .iter()
            .map(|(name, slot)| (name.clone(), slot.clone()))
            .collect();
        let stops = slots.iter().map(|(name, slot)| async move {
            let _operation = slot.operation_lock.lock().await;
            self.stop_slot(slot, name).await;
        });
        futures_util::future::join_all(stops).await;
    }
}
