//! The time that a server asks its clients to wait (`Retry-After`).

use std::time::Duration;

use http::HeaderMap;

/// Returns the seconds that these headers ask a client to wait.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    let seconds: f64 = value.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
