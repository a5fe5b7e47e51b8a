//! The error of an operation on browsers.

use std::time::Duration;

use crate::error::Error;
use crate::i18n::{Msg, msg};

/// An error of an operation on browsers, with the HTTP status that the browser control service answers with
/// (docs/openclaw.md#browser-errors).
#[derive(Debug)]
pub(crate) struct BrowserError {
    /// The HTTP status: 400, 403, 404, 409, 500 or 507.
    pub(crate) status: u16,
    /// The error itself, with hints for the user.
    pub(crate) error: Error,
}

/// The result of an operation on browsers.
pub(crate) type Result<T, E = BrowserError> = std::result::Result<T, E>;

/// Returns a time for a message in whole seconds: half a second is not none.
pub(super) fn whole_seconds(time: Duration) -> u128 {
    time.as_millis().div_ceil(1000)
}

impl BrowserError {
    /// Creates the error for an argument of a browser request that cannot be used, with the HTTP status 400.
    pub(super) fn bad_request(msg: Msg) -> Self {
        Self::new(400, msg)
    }

    /// Creates the error for a browser request that the config does not allow, with the HTTP status 403.
    pub(super) fn forbidden(msg: Msg) -> Self {
        Self::new(403, msg)
    }

    /// Creates the error for a browser profile, tab or route that does not exist, with the HTTP status 404.
    pub(super) fn not_found(msg: Msg) -> Self {
        Self::new(404, msg)
    }

    /// Creates the error for a browser request that the current state does not allow, with the HTTP status 409.
    pub(super) fn conflict(msg: Msg) -> Self {
        Self::new(409, msg)
    }

    /// Creates the error for an operation on a browser that failed, with the HTTP status 500.
    pub(super) fn failed(msg: Msg) -> Self {
        Self::new(500, msg)
    }

    /// Creates the error for a browser or a page that did not answer within a time limit, with the HTTP status 500.
    pub(super) fn timed_out(limit: Duration) -> Self {
        Self::failed(msg!("browser.timeout", seconds = whole_seconds(limit)))
    }

    /// Creates the error for a pool of debugging ports in which no port is free, with the HTTP status 507.
    pub(super) fn no_port_left(msg: Msg) -> Self {
        Self::new(507, msg)
    }

    fn new(status: u16, msg: Msg) -> Self {
        Self {
            status,
            error: Error::failed(msg),
        }
    }

    /// Adds a hint to a browser error: what the user can do about it.
    #[must_use]
    pub(super) fn hint(mut self, hint: Msg) -> Self {
        self.error = self.error.hint(hint);
        self
    }

    /// Adds the cause to a browser error, as the system or a library reported it.
    #[must_use]
    pub(super) fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.error = self.error.because(cause);
        self
    }
}

impl From<Error> for BrowserError {
    fn from(error: Error) -> Self {
        Self { status: 500, error }
    }
}
