//! Blocking work of the async parts of this module.

use super::{BrowserError, Result};
use crate::i18n::msg;
use crate::sync::spawn_blocking;

/// Runs blocking work on a thread of its own, so that the gateway's async threads stay free.
pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(panic) => Err(BrowserError::failed(msg!("browser.broken")).because(panic)),
    }
}
