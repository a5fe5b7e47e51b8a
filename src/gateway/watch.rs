//! A config that changes while its gateway runs: looked at, judged, and taken where it can be. A bad one is
//! refused aloud and the old one kept.
//!
//! What is watched are folders, not files: an editor puts a new file in the place of the old one, and a
//! link may be turned to another file. What an event was about does not matter, the files are read again
//! and compared. Only folders of this instance's own config and of what it includes are watched (docs/openclaw.md#leak-config-watcher).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use serde_json::Value;
use tokio::sync::Notify;

use super::shared::{Live, Shared, Stop};
use super::{claim, log, notify as service};
use crate::boot::{Boot, Ready};
use crate::i18n::{Msg, msg};
use crate::settings::Settings;

/// OpenClaw's own (docs/openclaw.md#config-reload).
const DEBOUNCE: Duration = Duration::from_millis(300);
/// As many times as long a change waits at most.
const MOST: u32 = 10;
/// How often it is looked where the system can't tell of changes, or of a folder that is to come.
const LOOK: Duration = Duration::from_secs(2);
/// Links to links are followed so far.
const MAX_LINKS: usize = 16;

/// What a gateway does about a changed config: `gateway.reload.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// What needs a restart waits for somebody to make one.
    Hot,
    /// It restarts where it must.
    Hybrid,
    /// It restarts for every change.
    Restart,
}

/// What a changed config asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    Values,
    /// Listening elsewhere.
    Place,
}

/// That a changed config is not taken.
pub fn refusal(why: Msg) -> Msg {
    Msg::new("gateway.reload-refused").with_msg("why", why)
}

/// The watcher of the folders, where the system has one for us.
struct Eyes {
    watcher: Option<notify::RecommendedWatcher>,
    /// A folder is not there: nothing tells when it comes.
    misses: bool,
}

impl Eyes {
    fn new(changed: &Arc<Notify>) -> Self {
        let changed = changed.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Being read is no change; an error may have swallowed one.
            if event.map_or(true, |event| !event.kind.is_access()) {
                changed.notify_one();
            }
        });
        Self {
            watcher: watcher.ok(),
            misses: false,
        }
    }

    /// Whether a change of any of the files will be told.
    fn see(&self) -> bool {
        self.watcher.is_some() && !self.misses
    }

    /// Watches the folders of these files from now on, those that came anew too. A folder that is gone was
    /// let go by the system, and is taken up again when it is back.
    fn watch(&mut self, files: &BTreeSet<PathBuf>) -> Option<Msg> {
        let watcher = self.watcher.as_mut()?;
        let folders: BTreeSet<_> = files.iter().filter_map(|file| file.parent()).collect();
        self.misses = false;
        for folder in folders {
            if !folder.is_dir() {
                self.misses = true;
                continue;
            }
            match watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                Err(cause) => {
                    self.watcher = None;
                    return Some(msg!("gateway.unwatched", path = folder.display(), cause = cause));
                }
            }
        }
        None
    }
}

/// Who follows the config of a running gateway.
#[derive(Debug)]
pub struct Follower {
    /// What a good change is given to.
    pub shared: Arc<Shared>,
    /// How the config is read and judged.
    pub boot: Boot,
    /// With what nothing could be served: not tried again.
    pub refused: Option<Settings>,
}

impl Follower {
    /// Follows the config until the gateway ends.
    pub async fn follow(self: Arc<Self>) {
        let live = self.shared.live();
        let reload = live.config.pointer("/gateway/reload");
        let reload = |key: &str| reload.and_then(|reload| reload.get(key));
        let mode = match reload("mode").and_then(Value::as_str) {
            Some("off") => return log::info(self.shared.lang, &msg!("gateway.reload-off")),
            Some("hot") => Mode::Hot,
            Some("restart") => Mode::Restart,
            _ => Mode::Hybrid,
        };
        let debounce = reload("debounceMs")
            .and_then(Value::as_u64)
            .map_or(DEBOUNCE, Duration::from_millis);
        let changed = Arc::new(Notify::new());
        let mut eyes = Eyes::new(&changed);
        if let Some(fault) = eyes.watch(&self.files()) {
            log::warn(self.shared.lang, &fault);
        }
        // It may have changed while the gateway started.
        changed.notify_one();
        loop {
            if eyes.see() {
                changed.notified().await;
                let quiet =
                    async { while tokio::time::timeout(debounce, changed.notified()).await.is_ok() {} };
                // Where something else in the folder is never quiet, it is looked all the same.
                let _ = tokio::time::timeout(debounce.saturating_mul(MOST), quiet).await;
            } else {
                tokio::time::sleep(LOOK).await;
            }
            // Off this thread: it reads, may ask who holds a port, and waits for the disk. What changes
            // after the files are watched is told, so they are looked at only then.
            let follower = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                eyes.watch(&follower.files());
                follower.look(mode);
                eyes
            });
            match looked.await {
                Ok(again) => eyes = again,
                Err(_) => return,
            }
        }
    }

    /// The config, what links lead to it, what it includes, and where its variables are.
    fn files(&self) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::from([self.boot.instance.env_file()]);
        for path in crate::config::include::included_files(&self.boot.instance.config_path) {
            files.extend(links(&path));
        }
        files
    }

    fn look(&self, mode: Mode) {
        let (live, lang) = (self.shared.live(), self.shared.lang);
        let ready = match self.boot.read() {
            Ok(ready) if ready.has_file() || !live.config.is_object() => ready,
            Ok(_) => return self.refuse(&live, self.gone()),
            Err(_) if !self.boot.instance.config_path.exists() => {
                return self.refuse(&live, self.gone());
            }
            Err(error) => return self.refuse(&live, error.msg),
        };
        let change = compare(&live, &ready);
        if change == Change::Nothing {
            // What was refused or broken is as it was before, and good.
            if live.warning.is_some() {
                log::info(lang, &msg!("gateway.reload-back"));
                self.take(&ready);
            }
            return;
        }
        match (change, mode) {
            (Change::Place, _) if self.refused.as_ref() == Some(&ready.settings) => {}
            (Change::Place, Mode::Hot) => {
                let msg = msg!("gateway.reload-waits", command = self.boot.instance.command());
                self.warn(&live, msg);
            }
            (Change::Place, _) => match claim::could_move(&self.boot, &live.settings, &ready.settings) {
                Ok(()) => {
                    log::info(lang, &msg!("gateway.restarts", port = ready.settings.port));
                    self.shared.stop(Stop::Restart);
                }
                Err(error) => self.refuse(&live, error.msg),
            },
            (_, Mode::Restart) => {
                log::info(lang, &msg!("gateway.restarts", port = ready.settings.port));
                self.shared.stop(Stop::Restart);
            }
            _ => {
                self.take(&ready);
                log::info(lang, &msg!("gateway.reloaded"));
            }
        }
    }

    fn take(&self, ready: &Ready) {
        let before = self.shared.live();
        self.shared.go_live(Live::of(ready, None, before.missing.clone()));
        if before.settings.proof != ready.settings.proof {
            let gone = self.shared.clients.proof_changed();
            log::info(self.shared.lang, &msg!("gateway.proof-changed", count = gone));
        }
        if let Err(error) = self.boot.keep(ready) {
            log::error(self.shared.lang, &error);
        }
        service::status(&msg!("gateway.status-serving", port = ready.settings.port).render(self.shared.lang));
    }

    fn gone(&self) -> Msg {
        msg!(
            "gateway.config-gone",
            path = self.boot.instance.config_path.display()
        )
    }

    /// The old config stays; that it does is said once. Of a broken one that a last good one stands in for,
    /// the start has told.
    fn refuse(&self, live: &Live, why: Msg) {
        if live.warning != Some(self.boot.stand_in(why.clone())) {
            self.warn(live, refusal(why));
        }
    }

    fn warn(&self, live: &Live, msg: Msg) {
        if live.warning.as_ref() == Some(&msg) {
            return;
        }
        log::warn(self.shared.lang, &msg);
        service::status(&msg.render(self.shared.lang));
        self.shared.go_live(Live {
            warning: Some(msg),
            ..live.clone()
        });
    }
}

fn compare(live: &Live, ready: &Ready) -> Change {
    let place = |settings: &Settings| (settings.port, settings.bind, settings.bind_host);
    if place(&live.settings) != place(&ready.settings) {
        Change::Place
    } else if live.config != ready.config || live.settings != ready.settings {
        Change::Values
    } else {
        Change::Nothing
    }
}

/// A path and every path that it leads to as a link.
fn links(path: &Path) -> Vec<PathBuf> {
    let mut all = vec![path.to_owned()];
    while let Some(last) = all.last()
        && all.len() < MAX_LINKS
        && let Ok(target) = std::fs::read_link(last)
    {
        let folder = last.parent().unwrap_or(Path::new(""));
        let target = folder.join(target);
        all.push(target);
    }
    all
}
