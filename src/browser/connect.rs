//! The connection to a browser that runs, kept for as long as it stands: to one of ours, or to a remote
//! one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cdp::Cdp;
use super::control::Control;
use super::profiles::{Place, Profile, Wishes, shown_url};
use super::status::Seen;
use super::{Fault, Result, fetch, launch};
use crate::host::ports::SOCKET_RELEASE_TIMEOUT;
use crate::i18n::msg;

/// How often a browser that does not answer is looked at.
const PAUSE: Duration = Duration::from_millis(5);
/// The least time that a remote browser is given to take a connection.
const LIMIT: Duration = Duration::from_secs(5);

impl Control {
    /// The connection to a browser that runs, or to a remote one.
    pub(super) async fn connection(&self, profile: &Profile, config: &Value) -> Result<Arc<Cdp>> {
        let command = self.world.instance.command();
        let slot = self.slot(&profile.name);
        let (url, limit) =
            match &profile.place {
                Place::Remote { url, key } if !fetch::is_plain(url) => {
                    let shown = shown_url(url);
                    return Err(Fault::conflict(msg!("browser.encrypted", url = shown, key = key))
                        .hint(msg!("browser.tunnel-it", command = command, key = key)));
                }
                Place::Remote { url, .. } => (url.clone(), Wishes::of(config).remote_limit.max(LIMIT)),
                Place::Foreign { driver } => {
                    return Err(foreign(profile, driver, &command));
                }
                Place::Pool | Place::Pinned { .. } => {
                    let seen = slot.seen(&self.world.instance.browser(&profile.name));
                    let Seen::Running { port, .. } = seen else {
                        let fault = Fault::conflict(msg!("browser.not-running", name = profile.name));
                        let hint = msg!("browser.start-it", command = command, name = profile.name);
                        return Err(fault.hint(hint));
                    };
                    // Its port listens well before it answers there.
                    (format!("http://127.0.0.1:{port}"), launch::READY)
                }
            };
        let mut cdp = slot.cdp.lock().await;
        if let Some(cdp) = cdp.as_ref().filter(|cdp| cdp.is_alive()) {
            return Ok(cdp.clone());
        }
        let asked = url.clone();
        let socket = tokio::task::spawn_blocking(move || fetch::socket_url(&asked, limit)).await;
        let unreachable = |cause: anyhow::Error| {
            let shown = shown_url(&url);
            Fault::failed(msg!("browser.unreachable", url = shown)).because(cause)
        };
        let socket = socket
            .map_err(anyhow::Error::from)
            .and_then(|socket| socket)
            .map_err(unreachable)?;
        let fresh = Arc::new(Cdp::connect(socket, limit).await?);
        *cdp = Some(fresh.clone());
        Ok(fresh)
    }

    /// Whether a browser that runs can be driven; `None` where none runs, or turns out to have ended: one
    /// that was just killed is there for a moment longer.
    pub(super) async fn answers(&self, profile: &Profile, config: &Value) -> Option<Result<()>> {
        let slot = self.slot(&profile.name);
        let folder = self.world.instance.browser(&profile.name);
        let runs = || matches!(slot.seen(&folder), Seen::Running { .. });
        if !runs() {
            return None;
        }
        let asked = async { self.connection(profile, config).await?.tabs().await };
        let answer = self.unless_ending(asked).await.map(|_| ());
        let deadline = Instant::now() + SOCKET_RELEASE_TIMEOUT;
        while answer.is_err() && Instant::now() < deadline {
            if !runs() {
                return None;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Some(answer)
    }
}

/// Driven in a way that is not ours.
pub(super) fn foreign(profile: &Profile, driver: &str, command: &str) -> Fault {
    Fault::conflict(msg!("browser.foreign", name = profile.name, driver = driver))
        .hint(msg!("browser.use-managed", command = command))
}
