//! The reload of a config that changes while its gateway runs: read again, checked, and applied where that
//! is possible. A bad config is refused with a warning, and the gateway keeps the one it has.
//!
//! Folders are watched, not files: an editor replaces the file, and a link may be changed to another target.
//! The content of an event does not matter: the files are read again and compared. Only the folders of this
//! instance's own config and of the files that it includes are watched (docs/openclaw.md#leak-config-watcher).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;

use super::acquire::check_new_address;
use super::debounce::next_burst;
use super::state::{ActiveConfig, GatewayState, StopReason};
use super::{log, systemd_notify};
use crate::boot::{ConfigLoader, UsableConfig};
use crate::i18n::{Msg, msg};
use crate::settings::Settings;
use crate::sync::spawn_blocking;

mod folder_watcher;

use folder_watcher::FolderWatcher;

/// Default time, `gateway.reload.debounceMs`, that a gateway waits after a config change before it reloads, as in
/// OpenClaw (docs/openclaw.md#config-reload).
const DEFAULT_DEBOUNCE: Duration = Duration::from_millis(300);
/// Maximum time from the first change of a config file until the config is read, as a multiple of the debounce time.
const MAX_DEBOUNCE_FACTOR: u32 = 10;
/// Time between two checks of the config files where the system does not report every change.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Maximum number of symbolic links that are followed from one config file.
const MAX_LINKS: usize = 16;

/// The reaction of a gateway to a changed config: `gateway.reload.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReloadMode {
    /// The config is not watched.
    Off,
    /// A change that needs a restart waits until the user restarts the gateway.
    Hot,
    /// The gateway restarts where a change needs it.
    Hybrid,
    /// The gateway restarts for every change.
    Restart,
}

/// The difference between the active config of a gateway and a changed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConfigChange {
    /// The two configs are equal.
    None,
    /// Values that can be applied while the gateway runs.
    Values,
    /// The port or the addresses that the gateway listens on.
    Address,
}

/// The settings in a config that say how the gateway reloads it.
struct ReloadSettings {
    mode: ReloadMode,
    debounce: Duration,
}

impl ReloadSettings {
    /// Reads how a gateway reloads its config from the key `gateway.reload`; an unknown mode means
    /// [`ReloadMode::Hybrid`].
    fn from_config(config: &Value) -> Self {
        let reload = config.pointer("/gateway/reload");
        let value = |key: &str| reload.and_then(|reload| reload.get(key));
        let mode = match value("mode").and_then(Value::as_str) {
            Some("off") => ReloadMode::Off,
            Some("hot") => ReloadMode::Hot,
            Some("restart") => ReloadMode::Restart,
            _ => ReloadMode::Hybrid,
        };
        let debounce = value("debounceMs").and_then(Value::as_u64);
        Self {
            mode,
            debounce: debounce.map_or(DEFAULT_DEBOUNCE, Duration::from_millis),
        }
    }
}

/// Returns the warning that the gateway does not apply a changed config.
pub(crate) fn refusal_message(reason: Msg) -> Msg {
    Msg::new("gateway.reload-refused").with_msg("why", reason)
}

/// The task that watches the config of a running gateway and applies changes.
#[derive(Debug)]
pub(crate) struct ConfigReloader {
    /// The state of the gateway.
    pub state: Arc<GatewayState>,
    /// Reads and checks the config.
    pub loader: ConfigLoader,
    /// The settings of a changed config that could not be served: they are not tried again.
    pub refused: Option<Settings>,
}

impl ConfigReloader {
    /// Watches the config of a running gateway, and reloads it after each change, until the task is ended.
    pub(crate) async fn run(self: Arc<Self>) {
        let settings = ReloadSettings::from_config(&self.state.active().config);
        if settings.mode == ReloadMode::Off {
            return log::info(self.state.lang, &msg!("gateway.reload-off"));
        }
        let changed = Arc::new(Notify::new());
        let mut watcher = FolderWatcher::new(&changed);
        if let Some(warning) = watcher.watch_folders_of(&self.config_files()) {
            log::warn(self.state.lang, &warning);
        }
        // The config may have changed while the gateway started.
        changed.notify_one();
        loop {
            if watcher.reports_all_changes() {
                let at_most = settings.debounce.saturating_mul(MAX_DEBOUNCE_FACTOR);
                next_burst(&changed, settings.debounce, at_most).await;
            } else {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            // Off this thread: it reads files, may ask which process has a port, and waits for the disk. The
            // folders are watched before the files are read, so that no change between the two is missed.
            let reloader = self.clone();
            let checked = spawn_blocking(move || {
                watcher.watch_folders_of(&reloader.config_files());
                reloader.check(settings.mode);
                watcher
            });
            match checked.await {
                Ok(again) => watcher = again,
                Err(_) => return,
            }
        }
    }

    /// Returns the files that make up the config of an instance: the config file itself, what it includes, the
    /// targets of links, and the file with its environment variables.
    fn config_files(&self) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::from([self.loader.context.instance.env_file()]);
        for path in crate::config::include::included_files(&self.loader.context.instance.config_path) {
            files.extend(link_chain(&path));
        }
        files
    }

    /// Reads the config of a running gateway and, where it has changed, applies it, restarts the gateway with it, or
    /// refuses it.
    fn check(&self, mode: ReloadMode) {
        let (active, lang) = (self.state.active(), self.state.lang);
        let ready = match self.loader.load() {
            Ok(ready) if ready.has_file() || !active.config.is_object() => ready,
            Ok(_) => return self.refuse(&active, self.missing_message()),
            Err(_) if !self.loader.context.instance.config_path.exists() => {
                return self.refuse(&active, self.missing_message());
            }
            Err(error) => return self.refuse(&active, error.msg),
        };
        let change = compare(&active, &ready);
        if change == ConfigChange::None {
            // A config that was refused or broken is again as it was before.
            if active.warning.is_some() {
                log::info(lang, &msg!("gateway.reload-back"));
                self.apply(&ready);
            }
            return;
        }
        match (change, mode) {
            (ConfigChange::Address, _) if self.refused.as_ref() == Some(&ready.settings) => {}
            (ConfigChange::Address, ReloadMode::Hot) => {
                let command = self.loader.context.instance.command();
                self.warn(&active, msg!("gateway.reload-waits", command = command));
            }
            (ConfigChange::Address, _) => {
                match check_new_address(&self.loader, &active.settings, &ready.settings) {
                    Ok(()) => self.restart(&ready),
                    Err(error) => self.refuse(&active, error.msg),
                }
            }
            (_, ReloadMode::Restart) => self.restart(&ready),
            _ => {
                self.apply(&ready);
                log::info(lang, &msg!("gateway.reloaded"));
            }
        }
    }

    /// Stops the gateway, which starts again with the changed config.
    fn restart(&self, ready: &UsableConfig) {
        let port = ready.settings.port;
        log::info(self.state.lang, &msg!("gateway.restarts", port = port));
        self.state.stop(StopReason::Restart);
    }

    /// Makes a changed config the active one of the running gateway. Clients whose credentials it changes are
    /// disconnected.
    fn apply(&self, ready: &UsableConfig) {
        let (before, lang) = (self.state.active(), self.state.lang);
        let active = ActiveConfig::new(ready, None, before.missing_ports.clone());
        self.state.set_active(active);
        if before.settings.auth != ready.settings.auth {
            let count = self.state.clients.disconnect_shared_credentials();
            log::info(lang, &msg!("gateway.proof-changed", count = count));
        }
        if let Err(error) = self.loader.save_last_good(ready) {
            log::error(lang, &error);
        }
        let status = msg!("gateway.status-serving", port = ready.settings.port);
        systemd_notify::status(&status.render(lang));
    }

    /// Returns the reason why a running gateway refuses a reload whose config file was deleted.
    fn missing_message(&self) -> Msg {
        let path = self.loader.context.instance.config_path.display();
        msg!("gateway.config-gone", path = path)
    }

    /// Keeps the active config of the running gateway and warns, once, that the changed one is refused. Where the
    /// gateway was started with the last good config in place of this broken one, the start has warned already.
    fn refuse(&self, active: &ActiveConfig, reason: Msg) {
        if active.warning != Some(self.loader.last_good_warning(reason.clone())) {
            self.warn(active, refusal_message(reason));
        }
    }

    /// Logs a warning about the config and adds it to the warnings of the active config, unless it is there already.
    fn warn(&self, active: &ActiveConfig, warning: Msg) {
        if active.warning.as_ref() == Some(&warning) {
            return;
        }
        log::warn(self.state.lang, &warning);
        systemd_notify::status(&warning.render(self.state.lang));
        self.state.set_active(ActiveConfig {
            warning: Some(warning),
            ..active.clone()
        });
    }
}

/// Compares the active config of a gateway with one that was just read from its file.
fn compare(active: &ActiveConfig, ready: &UsableConfig) -> ConfigChange {
    let address = |settings: &Settings| (settings.port, settings.bind, settings.bind_host);
    if address(&active.settings) != address(&ready.settings) {
        ConfigChange::Address
    } else if active.config != ready.config || active.settings != ready.settings {
        ConfigChange::Values
    } else {
        ConfigChange::None
    }
}

/// Returns the path of a config file and every path that it leads to as a symbolic link.
fn link_chain(path: &Path) -> Vec<PathBuf> {
    let mut chain = vec![path.to_owned()];
    while let Some(last) = chain.last()
        && chain.len() < MAX_LINKS
        && let Ok(target) = std::fs::read_link(last)
    {
        let folder = last.parent().unwrap_or(Path::new(""));
        let target = folder.join(target);
        chain.push(target);
    }
    chain
}
