//! Starting and stopping the browsers of a running gateway.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::BrowserControl;
use crate::browser::blocking::run_blocking;
use crate::browser::debug_port::{self, PortUsage};
use crate::browser::discover::BrowserProgram;
use crate::browser::launch::{self, Headless, LaunchOptions};
use crate::browser::orphan::{self, ProcessFile, STOP_POLL_INTERVAL, STOP_TIMEOUT};
use crate::browser::port_owner::{PortOwner, owner_of};
use crate::browser::profiles::{BrowserConfig, BrowserEndpoint, BrowserProfile};
use crate::browser::slot::{ProfileSlot, RunningBrowser, SlotState};
use crate::browser::window_branding::WindowBranding;
use crate::browser::{BrowserError, Result, connection, status};
use crate::host::ports::SOCKET_RELEASE_TIMEOUT;
use crate::i18n::msg;
use crate::ports::Port;
use crate::sync::{lock, spawn_blocking};

/// Interval at which a running browser is checked for its exit.
const EXIT_CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// Interval at which a browser that does not answer is checked for its exit.
const UNRESPONSIVE_POLL_INTERVAL: Duration = Duration::from_millis(5);

impl BrowserControl {
    /// Starts the browser of a browser profile, unless it runs. A remote browser is only connected to.
    pub(super) async fn start(&self, profile: &BrowserProfile, config: &Value) -> Result<()> {
        let browser_config = BrowserConfig::from_config(config);
        let command = self.context.instance.command();
        if !browser_config.enabled {
            return Err(BrowserError::conflict(msg!("browser.disabled"))
                .hint(msg!("browser.enable", command = command)));
        }
        match &profile.endpoint {
            BrowserEndpoint::UnsupportedDriver { driver } => {
                return Err(connection::unsupported_driver_error(profile, driver, &command));
            }
            BrowserEndpoint::Remote { .. } => {
                let (context, remote) = (self.context.clone(), profile.clone());
                run_blocking(move || PortUsage::survey(&context).refuse_shared(&context, &remote)).await?;
                return self.connect(profile, config).await.map(|_| ());
            }
            BrowserEndpoint::Pool if browser_config.attach_only => {
                return Err(
                    BrowserError::conflict(msg!("browser.attach-only", name = profile.name))
                        .hint(msg!("browser.set-url", command = command)),
                );
            }
            BrowserEndpoint::Pool | BrowserEndpoint::Pinned { .. } => {}
        }
        let slot = self.slot(&profile.name);
        let _operation = slot.operation_lock.lock().await;
        let folder = self.context.instance.browser(&profile.name);
        if let Some(result) = self.check_running(profile, config).await {
            return result;
        }
        *lock(&slot.state) = SlotState::Starting;
        let started = self
            .unless_shutting_down(self.launch(profile, config, &browser_config))
            .await;
        match started {
            Ok(running) => {
                *lock(&slot.state) = SlotState::Running(running);
                watch_for_exit(Arc::downgrade(&slot), folder);
                // A start has succeeded once a tab can be used.
                let connected = self.unless_shutting_down(self.connect(profile, config)).await;
                if let Err(error) = connected {
                    self.stop_slot(&slot, &profile.name).await;
                    return Err(error);
                }
                Ok(())
            }
            Err(error) => {
                *lock(&slot.state) = SlotState::Stopped;
                Err(error)
            }
        }
    }

    /// Checks that a running browser can be driven. `None` where none runs, or where it turns out to have exited:
    /// a process that was just killed still exists for a moment.
    async fn check_running(&self, profile: &BrowserProfile, config: &Value) -> Option<Result<()>> {
        let slot = self.slot(&profile.name);
        let folder = self.context.instance.browser(&profile.name);
        if !slot.is_running(&folder) {
            return None;
        }
        let tabs = async { self.connect(profile, config).await?.tabs().await };
        let result = self.unless_shutting_down(tabs).await.map(|_| ());
        let deadline = Instant::now() + SOCKET_RELEASE_TIMEOUT;
        while result.is_err() && Instant::now() < deadline {
            if !slot.is_running(&folder) {
                return None;
            }
            tokio::time::sleep(UNRESPONSIVE_POLL_INTERVAL).await;
        }
        Some(result)
    }

    /// Awaits an operation on a browser, and gives it up when the gateway shuts down meanwhile.
    async fn unless_shutting_down<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut shutting_down = self.shutting_down.subscribe();
        tokio::select! {
            biased;
            _ = shutting_down.wait_for(|shutting_down| *shutting_down) => {
                Err(BrowserError::conflict(msg!("browser.gateway-ends")))
            }
            result = work => result,
        }
    }

    /// Launches a browser, and tries a second time where a browser of a killed gateway got in the way: until that
    /// browser has taken the lock of the profile's folder, nothing identifies it.
    async fn launch(
        &self,
        profile: &BrowserProfile,
        config: &Value,
        browser_config: &BrowserConfig,
    ) -> Result<RunningBrowser> {
        match self.launch_once(profile, config, browser_config).await {
            Err(_) if orphan::find_on_folder(&self.context.instance.browser(&profile.name)).is_some() => {
                self.launch_once(profile, config, browser_config).await
            }
            result => result,
        }
    }

    /// Launches a browser once and waits until it answers on its debugging port.
    async fn launch_once(
        &self,
        profile: &BrowserProfile,
        config: &Value,
        browser_config: &BrowserConfig,
    ) -> Result<RunningBrowser> {
        let program = self.find_program(browser_config)?;
        let folder = self.context.instance.browser(&profile.name);
        let port = self.prepare_start(profile, config).await?;
        let options = LaunchOptions {
            program: program.path,
            user_data: orphan::user_data_folder(&folder),
            port,
            headless: Headless::decide(&self.context.host, browser_config.headless),
            no_sandbox: browser_config.no_sandbox,
        };
        let spec = options.command_spec(&self.context.host, &self.context.env.home);
        let mut group = self.context.host.spawn_group(&spec).map_err(|cause| {
            let msg = msg!("browser.not-started", path = options.program.display());
            let error = BrowserError::failed(msg).hint(launch::doctor_hint(&self.context));
            error.because(cause)
        })?;
        let process_file = ProcessFile::for_process(group.pid(), port);
        // Written while the browser is busy with its own start.
        let written = run_blocking(move || process_file.write(&folder));
        let ready = launch::wait_until_ready(&self.context, &options, &mut group, launch::READY_TIMEOUT);
        let (written, ready) = tokio::join!(written, ready);
        if let Err(error) = ready.and(written) {
            // The process must be gone before anything else is tried. Dropping the group waits for its exit, which
            // must not block the gateway's async thread.
            let _ = spawn_blocking(move || drop(group)).await;
            return Err(error);
        }
        tracing::info!(
            pid = group.pid(),
            port = port.get(),
            profile = profile.name,
            "browser started"
        );
        Ok(RunningBrowser {
            group,
            port,
            kind: program.kind,
        })
    }

    /// Finds the browser program to start, and converts the message of a failure to an error with hints.
    fn find_program(&self, browser_config: &BrowserConfig) -> Result<BrowserProgram> {
        status::find_program(&self.context, browser_config).map_err(|msg| {
            let command = self.context.instance.command();
            BrowserError::failed(msg)
                .hint(msg!("browser.install-one"))
                .hint(msg!("browser.set-program", command = command))
        })
    }

    /// Prepares the start of a browser: clears its folder of an orphaned browser, records its debugging port, checks
    /// that the port is free, and brands its window. Returns the port.
    async fn prepare_start(&self, profile: &BrowserProfile, config: &Value) -> Result<Port> {
        let context = self.context.clone();
        let (profile, config) = (profile.clone(), config.clone());
        run_blocking(move || {
            let folder = context.instance.browser(&profile.name);
            let user_data = orphan::user_data_folder(&folder);
            orphan::clear_folder(&folder)?;
            let port = debug_port::choose_and_record(&context, &profile, &config)?;
            match owner_of(port, None, &user_data) {
                PortOwner::Nobody => {}
                PortOwner::OwnBrowser(pid) => orphan::stop_process(pid),
                other @ PortOwner::OtherProcess(_) => {
                    return Err(launch::port_in_use_error(&context, port, &other));
                }
            }
            WindowBranding::for_profile(&context.instance.profile, &profile).write(&user_data)?;
            Ok(port)
        })
        .await
    }

    /// Stops the browser of a browser profile. Returns whether it ran.
    pub(super) async fn stop(&self, profile: &BrowserProfile) -> Result<bool> {
        if let BrowserEndpoint::Remote { .. } | BrowserEndpoint::UnsupportedDriver { .. } = profile.endpoint {
            return Err(BrowserError::conflict(msg!(
                "browser.not-ours",
                name = profile.name
            )));
        }
        let slot = self.slot(&profile.name);
        let _operation = slot.operation_lock.lock().await;
        Ok(self.stop_slot(&slot, &profile.name).await)
    }

    /// Stops the browser that a browser profile's slot holds: SIGTERM, then SIGKILL after [`STOP_TIMEOUT`]. Returns
    /// whether it ran. The caller holds the slot's operation lock.
    pub(super) async fn stop_slot(&self, slot: &ProfileSlot, name: &str) -> bool {
        *lock(&slot.last_tab) = None;
        let state = std::mem::take(&mut *lock(&slot.state));
        let ran = if let SlotState::Running(mut running) = state {
            running.group.terminate();
            let deadline = Instant::now() + STOP_TIMEOUT;
            while running.group.poll_exit().is_none() && Instant::now() < deadline {
                tokio::time::sleep(STOP_POLL_INTERVAL).await;
            }
            let folder = self.context.instance.browser(name);
            let kill = move || {
                running.group.kill();
                orphan::remove_process_file(&folder);
            };
            // The work cannot fail, and a blocking task runs to its end even when the gateway shuts down.
            let _ = spawn_blocking(kill).await;
            true
        } else {
            false
        };
        // Last: a task that waits for an answer of a hanging browser holds this lock until the browser is gone.
        *slot.connection.lock().await = None;
        ran
    }
}

/// Checks a browser for its exit for as long as it runs, so that the exit is noticed although no request asks for
/// the state.
fn watch_for_exit(slot: Weak<ProfileSlot>, folder: PathBuf) {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(EXIT_CHECK_INTERVAL).await;
            let Some(slot) = slot.upgrade() else { return };
            if !slot.is_running(&folder) {
                return;
            }
        }
    });
}
