//! The debugging connection to a browser, of this instance or remote. It is kept open for as long as it works.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::cdp::CdpConnection;
use super::profiles::{BrowserConfig, BrowserEndpoint, BrowserProfile, redact_url};
use super::slot::ProfileSlot;
use super::status::BrowserState;
use super::{BrowserContext, BrowserError, Result, http_client, launch};
use crate::i18n::msg;
use crate::instance::shell_quote;
use crate::sync::spawn_blocking;

/// Shortest time that a remote browser is given to accept a connection, whatever the config says.
const MIN_REMOTE_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns the open debugging connection to the browser of a browser profile, or opens one.
///
/// # Errors
/// 409 where the browser does not run or cannot be driven by this program, 500 where it does not answer.
pub(super) async fn open_or_reuse(
    context: &BrowserContext,
    slot: &ProfileSlot,
    profile: &BrowserProfile,
    config: &Value,
) -> Result<Arc<CdpConnection>> {
    let (url, timeout) = endpoint(context, slot, profile, config)?;
    let mut connection = slot.connection.lock().await;
    if let Some(open) = connection.as_ref().filter(|open| open.is_alive()) {
        return Ok(open.clone());
    }
    let shown = redact_url(&url);
    let socket_url = spawn_blocking(move || http_client::socket_url(&url, timeout)).await;
    let socket_url = socket_url
        .map_err(anyhow::Error::from)
        .and_then(|socket_url| socket_url)
        .map_err(|cause| BrowserError::failed(msg!("browser.unreachable", url = shown)).because(cause))?;
    let fresh = Arc::new(CdpConnection::connect(socket_url, timeout).await?);
    *connection = Some(fresh.clone());
    Ok(fresh)
}

/// Returns the debugging URL at which the browser of a browser profile is reached, and the time that the browser is
/// given to answer.
fn endpoint(
    context: &BrowserContext,
    slot: &ProfileSlot,
    profile: &BrowserProfile,
    config: &Value,
) -> Result<(String, Duration)> {
    let command = context.instance.command();
    match &profile.endpoint {
        BrowserEndpoint::Remote { url, key } if !http_client::is_unencrypted(url) => {
            let error = msg!("browser.encrypted", url = redact_url(url), key = key);
            Err(BrowserError::conflict(error).hint(msg!(
                "browser.tunnel-it",
                command = command,
                key = shell_quote(key.as_ref())
            )))
        }
        BrowserEndpoint::Remote { url, .. } => {
            let timeout = BrowserConfig::from_config(config).remote_timeout;
            Ok((url.clone(), timeout.max(MIN_REMOTE_CONNECT_TIMEOUT)))
        }
        BrowserEndpoint::UnsupportedDriver { driver } => {
            Err(unsupported_driver_error(profile, driver, &command))
        }
        BrowserEndpoint::Pool | BrowserEndpoint::Pinned { .. } => {
            let state = slot.poll_state(&context.instance.browser(&profile.name));
            let BrowserState::Running { port, .. } = state else {
                let error = msg!("browser.not-running", name = profile.name);
                let hint = msg!("browser.start-it", command = command, name = profile.name);
                return Err(BrowserError::conflict(error).hint(hint));
            };
            // A browser listens on its port well before it answers there.
            Ok((format!("http://127.0.0.1:{port}"), launch::READY_TIMEOUT))
        }
    }
}

/// Creates the error for a browser profile whose driver only OpenClaw from npm supports.
pub(super) fn unsupported_driver_error(
    profile: &BrowserProfile,
    driver: &str,
    command: &str,
) -> BrowserError {
    BrowserError::conflict(msg!("browser.foreign", name = profile.name, driver = driver))
        .hint(msg!("browser.use-managed", command = command))
}
