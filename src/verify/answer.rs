//! Meaning of the answer of a server to a question about a key, and the server's own words about a refusal.

use http::header::LOCATION;
use serde_json::Value;

use super::Verdict;
use crate::https::{HttpsError, HttpsResponse};
use crate::i18n::{Msg, msg};
use crate::secret::Secret;
use crate::text::sanitize;
use crate::url::ServerUrl;

/// Minimum length of a part of a key that is left out of a server's words, in characters. Providers show a few characters
/// of a wrong key, by which its owner recognises it.
const MIN_HIDDEN_CHARS: usize = 9;
/// Number of characters of a server's words that are looked at. Fewer are shown.
const MAX_READ_CHARS: usize = 1000;
/// The mark in place of a part of a key.
const HIDDEN_PART: &str = "…";

/// Judges the answer of a server to a request with a key; `also_refusing` is a status by which this server refuses keys,
/// beside the usual ones. Returns the body where the key is accepted.
pub(super) fn judge(
    server: &str,
    key: Option<&Secret>,
    also_refusing: Option<u16>,
    answer: Result<HttpsResponse, HttpsError>,
) -> Verdict<Value> {
    let response = match answer {
        Ok(response) => response,
        Err(error) => return unreachable(server, &error),
    };
    let status = response.status.as_u16();
    let words = || {
        let words = server_words(&response.body).unwrap_or_default();
        hide_key(&words, key)
    };
    match status {
        200..=299 => Verdict::Accepted(response.body),
        300..=399 => Verdict::Unchecked(match redirect_target(&response) {
            Some(target) => msg!("verify.redirected", server = server, target = target),
            None => msg!("verify.status", server = server, status = status),
        }),
        _ if also_refusing == Some(status) || matches!(status, 401..=403) => {
            Verdict::Refused(match words() {
                words if words.is_empty() => msg!("verify.refused", server = server, status = status),
                words => msg!(
                    "verify.refused-words",
                    server = server,
                    status = status,
                    words = words
                ),
            })
        }
        _ => Verdict::Unchecked(match words() {
            words if words.is_empty() => msg!("verify.status", server = server, status = status),
            words => msg!(
                "verify.status-words",
                server = server,
                status = status,
                words = words
            ),
        }),
    }
}

/// Returns the verdict on a key whose server gave no answer.
pub(super) fn unreachable<T>(server: &str, error: &HttpsError) -> Verdict<T> {
    Verdict::Unchecked(match error {
        HttpsError::TimedOut => timed_out(server),
        HttpsError::TooLarge => msg!("verify.too-large", server = server),
        HttpsError::NoRoots => msg!("verify.no-roots"),
        other => no_connection(server, &other.to_string()),
    })
}

/// Returns the sentence about a server without a connection to it, without the number that the system has for the reason.
pub(super) fn no_connection(server: &str, why: &str) -> Msg {
    let why = why.split(" (os error").next().unwrap_or_default();
    msg!("verify.unreachable", server = server, why = sanitize(why))
}

/// Returns the sentence about a server that did not answer in time.
pub(super) fn timed_out(server: &str) -> Msg {
    msg!(
        "verify.timed-out",
        server = server,
        seconds = super::TIME_LIMIT.as_secs()
    )
}

/// Returns the host that a server sends its clients to.
fn redirect_target(response: &HttpsResponse) -> Option<String> {
    let location = response.headers.get(LOCATION)?.to_str().ok()?;
    Some(sanitize(ServerUrl::parse(location)?.address()))
}

/// Returns what a server says in the body of a refusal, in the forms that providers use.
pub(crate) fn server_words(body: &Value) -> Option<String> {
    let places = [
        "/error/message",
        "/error",
        "/message",
        "/detail",
        "/0/error/message",
    ];
    let mut texts = places.iter().filter_map(|place| body.pointer(place)?.as_str());
    texts.find(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// Returns the words of a server as they may be shown: without longer parts of the key, in one line.
pub(crate) fn hide_key(words: &str, key: Option<&Secret>) -> String {
    let Some(key) = key.map(Secret::expose).filter(|key| !key.is_empty()) else {
        return sanitize(words);
    };
    let chars: Vec<char> = words.chars().take(MAX_READ_CHARS).collect();
    let shortest = MIN_HIDDEN_CHARS.min(key.chars().count());
    let mut shown = String::new();
    let mut at = 0;
    while at < chars.len() {
        let is_part = |end: usize| key.contains(&chars[at..end].iter().collect::<String>());
        let ends = (at + shortest..=chars.len()).take_while(|end| is_part(*end));
        if let Some(end) = ends.last() {
            shown.push_str(HIDDEN_PART);
            at = end;
        } else {
            shown.push(chars[at]);
            at += 1;
        }
    }
    sanitize(&shown)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use serde_json::json;

    use super::*;

    fn response(status: u16, body: Value) -> HttpsResponse {
        HttpsResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body,
        }
    }

    fn key_of<T: std::fmt::Debug>(verdict: &Verdict<T>) -> (&'static str, bool) {
        match verdict {
            Verdict::Accepted(_) => ("accepted", false),
            Verdict::Refused(msg) => (msg.key(), true),
            Verdict::Unchecked(msg) => (msg.key(), false),
        }
    }

    #[test]
    fn only_a_refusal_of_the_key_is_one() {
        let says = json!({"error": {"message": "no"}});
        for (status, body, also, expected) in [
            (200, json!({}), None, ("accepted", false)),
            (401, says.clone(), None, ("verify.refused-words", true)),
            (403, Value::Null, None, ("verify.refused", true)),
            (400, says.clone(), None, ("verify.status-words", false)),
            (400, says.clone(), Some(400), ("verify.refused-words", true)),
            (429, says, None, ("verify.status-words", false)),
            (502, Value::Null, None, ("verify.status", false)),
            (302, Value::Null, None, ("verify.status", false)),
        ] {
            let verdict = judge("a", None, also, Ok(response(status, body)));
            assert_eq!(key_of(&verdict), expected, "{status}");
        }
        let mut redirect = response(307, Value::Null);
        redirect
            .headers
            .insert(LOCATION, "https://user:pw@evil.example/x".parse().unwrap());
        let Verdict::Unchecked(msg) = judge("a", None, None, Ok(redirect)) else {
            panic!("followed");
        };
        let shown = msg.render(crate::i18n::Lang::english());
        assert!(shown.contains("evil.example") && !shown.contains("pw"), "{shown}");
    }

    #[test]
    fn words_of_a_server_hold_no_longer_part_of_the_key_and_no_control_character() {
        let key = Secret::new("sk-proj-CANARY-4711-SECRET");
        for (words, shown) in [
            ("bad key sk-proj-CANARY-4711-SECRET!", "bad key …!"),
            ("bad key: CANARY-4711-S…", "bad key: ……"),
            ("bad key: sk-proj-***CRET", "bad key: sk-proj-***CRET"),
            ("a\u{1b}[2J\nb\u{202e}c", "a [2J b c"),
        ] {
            assert_eq!(hide_key(words, Some(&key)), shown);
        }
        assert_eq!(
            hide_key("the key ab is bad", Some(&Secret::new("ab"))),
            "the key … is bad"
        );
        assert!(hide_key(&"x".repeat(4 << 20), Some(&key)).len() <= MAX_READ_CHARS);
        assert_eq!(server_words(&json!({"error": "text"})), Some("text".to_owned()));
        assert_eq!(
            server_words(&json!([{"error": {"message": "in a list"}}])),
            Some("in a list".to_owned())
        );
    }
}
