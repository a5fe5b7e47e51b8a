//! The rate limits of Discord's API: what its answers say about them, and until when not to ask again
//! (<https://docs.discord.com/developers/topics/rate-limits>).

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bot::channel::ChannelError;
use crate::https::HttpsResponse;
use crate::sync::lock;

/// The name under which the limit of all routes together is kept.
const EVERY_ROUTE: &str = "";
/// The pause where an answer names none.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(5);

/// The times before which routes are not to be asked again.
#[derive(Debug, Default)]
pub(super) struct RateLimits(Mutex<HashMap<String, Instant>>);

impl RateLimits {
    /// Returns an error for a route that is not to be asked now.
    pub(super) fn check(&self, route: &str) -> Result<(), ChannelError> {
        let now = Instant::now();
        let mut limits = lock(&self.0);
        limits.retain(|_, until| *until > now);
        let until = [route, EVERY_ROUTE]
            .iter()
            .filter_map(|route| limits.get(*route))
            .max();
        match until {
            Some(until) => Err(ChannelError::RateLimited(*until - now)),
            None => Ok(()),
        }
    }

    /// Takes an answer of a route, and returns its result, or the reason why there is none.
    pub(super) fn take(&self, route: &str, mut response: HttpsResponse) -> Result<Value, ChannelError> {
        let header = |name: &str| response.headers.get(name)?.to_str().ok();
        let left = header("x-ratelimit-remaining");
        let reset = header("x-ratelimit-reset-after").and_then(|text| text.parse().ok());
        if let (Some("0"), Some(pause)) = (left, reset.and_then(seconds)) {
            self.wait(route, pause);
        }
        let status = response.status.as_u16();
        if response.status.is_success() {
            return Ok(response.body.take());
        }
        let why = response.body.get("message").and_then(Value::as_str);
        let why = crate::text::sanitize(why.unwrap_or_default());
        Err(match status {
            401 => ChannelError::Unauthorized,
            429 => {
                let pause = response.body.get("retry_after").and_then(Value::as_f64);
                let pause = pause.and_then(seconds).or_else(|| response.retry_after());
                let pause = pause.unwrap_or(UNKNOWN_PAUSE);
                let is_global = response.body.get("global") == Some(&Value::Bool(true));
                self.wait(if is_global { EVERY_ROUTE } else { route }, pause);
                ChannelError::RateLimited(pause)
            }
            400..=499 if !why.is_empty() => ChannelError::Refused(why),
            _ => ChannelError::Unreachable(format!("HTTP {status} {why}").trim_end().to_owned()),
        })
    }

    /// Keeps a route from being asked for a time.
    fn wait(&self, route: &str, pause: Duration) {
        lock(&self.0).insert(route.to_owned(), Instant::now() + pause);
    }
}

/// Returns a number of seconds as a time.
fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue, StatusCode};
    use serde_json::json;

    fn response(status: u16, headers: &[(&'static str, &'static str)], body: Value) -> HttpsResponse {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect::<HeaderMap>();
        HttpsResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body,
        }
    }

    fn pause(result: Result<impl Sized, ChannelError>) -> Duration {
        match result {
            Err(ChannelError::RateLimited(pause)) => pause,
            Err(error) => panic!("{error:?}"),
            Ok(_) => panic!("no error"),
        }
    }

    #[test]
    fn errors_are_told_apart_by_their_status() {
        let limits = RateLimits::default();
        let error =
            |status, message: &str| limits.take("r", response(status, &[], json!({"message": message})));
        assert!(matches!(
            error(401, "401: Unauthorized"),
            Err(ChannelError::Unauthorized)
        ));
        assert!(matches!(
            error(403, "Cannot send"),
            Err(ChannelError::Refused(why)) if why == "Cannot send"
        ));
        assert!(matches!(error(502, ""), Err(ChannelError::Unreachable(_))));
        // A proxy's page is no answer of Discord.
        assert!(matches!(error(404, ""), Err(ChannelError::Unreachable(_))));
        assert_eq!(
            limits.take("r", response(200, &[], json!({"id": "1"}))).unwrap()["id"],
            "1"
        );
        assert!(limits.check("r").is_ok());
    }

    #[test]
    fn route_is_not_asked_before_the_end_of_its_limit() {
        let limits = RateLimits::default();
        let refused = json!({"message": "You are being rate limited.", "retry_after": 64.5, "global": false});
        assert_eq!(
            pause(limits.take("r", response(429, &[], refused))),
            Duration::from_millis(64_500)
        );
        assert!(pause(limits.check("r")) > Duration::from_mins(1));
        assert!(limits.check("other").is_ok());
        let last = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset-after", "30.5"),
        ];
        assert!(limits.take("last", response(200, &last, json!({}))).is_ok());
        assert!(pause(limits.check("last")) > Duration::from_secs(29));
        let global = json!({"message": "m", "global": true});
        let by_header = response(429, &[("retry-after", "90")], global);
        assert_eq!(pause(limits.take("x", by_header)), Duration::from_secs(90));
        assert!(pause(limits.check("other")) > Duration::from_secs(80));
    }
}
