//! The time that a server asks its clients to wait (`Retry-After`).

use std::time::Duration;

use http::HeaderMap;

/// Returns the time that these headers ask a client to wait: in milliseconds, as `OpenAI` says it too, else in seconds.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|millis| millis / 1000.0);
    Duration::try_from_secs_f64(seconds.or_else(|| number("retry-after"))?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_to_wait_is_that_of_the_finer_header() {
        for (headers, expected) in [
            (&[][..], None),
            (&[("retry-after", " 1.5 ")], Some(1500)),
            (&[("retry-after", "2"), ("retry-after-ms", "30")], Some(30)),
            (&[("retry-after", "2"), ("retry-after-ms", "soon")], Some(2000)),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")], None),
        ] {
            let headers = headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            let found = retry_after(&headers.collect());
            assert_eq!(found, expected.map(Duration::from_millis));
        }
    }
}
