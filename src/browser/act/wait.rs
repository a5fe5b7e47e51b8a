//! Waits for conditions of the page in a browser tab.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::action::Condition;
use super::script;
use crate::browser::cdp::CdpConnection;
use crate::browser::error::whole_seconds;
use crate::browser::{BrowserError, Result};
use crate::i18n::msg;

/// Interval at which a condition of a page is checked.
const CONDITION_POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Number of checks in a row without a new request after which the network of a page counts as idle.
const IDLE_CHECKS: u32 = 5;
/// A function that tells whether a page shows a text, in any case and with any whitespace.
const SHOWS_TEXT: &str = "function (text) {
  const plain = (text) => text.replace(/\\s+/g, ' ').trim().toLowerCase();
  return plain(document.body?.innerText ?? '').includes(plain(text));
}";
/// A function that tells whether the first element that a CSS selector matches is visible.
const SHOWS_ELEMENT: &str = "function (selector) {
  const element = document.querySelector(selector);
  return Boolean(element?.getClientRects().length && element.checkVisibility({ visibilityProperty: true }));
}";
/// A function that returns the load state of a page, and the number of its requests so far.
const LOAD_STATE: &str = "function () {
  return [document.readyState, performance.getEntriesByType('resource').length];
}";

/// Waits until a condition of a page is true.
///
/// # Errors
/// 400 where a script of the client fails or its selector is none, 500 where the condition is not true in time.
pub(super) async fn wait_for(
    cdp: &CdpConnection,
    tab: &str,
    condition: &Condition,
    timeout: Duration,
) -> Result<()> {
    let deadline = Instant::now() + timeout;
    let mut idle = NetworkIdle::default();
    loop {
        match is_true(cdp, tab, condition, &mut idle).await {
            Ok(true) => return Ok(()),
            Err(error) if error.status < 500 => return Err(error),
            // While another page is loaded, no script can run.
            Ok(false) | Err(_) => {}
        }
        if Instant::now() >= deadline {
            return Err(BrowserError::failed(msg!(
                "browser.wait-timeout",
                seconds = whole_seconds(timeout),
                condition = condition.name()
            )));
        }
        tokio::time::sleep(CONDITION_POLL_INTERVAL).await;
    }
}

/// The requests of a page at the latest checks.
#[derive(Debug, Default)]
struct NetworkIdle {
    requests: Value,
    checks: u32,
}

impl NetworkIdle {
    /// Adds a check; `true` once the page has made no new request for some checks.
    fn add(&mut self, requests: &Value) -> bool {
        self.checks = if self.requests == *requests {
            self.checks + 1
        } else {
            0
        };
        self.requests = requests.clone();
        self.checks >= IDLE_CHECKS
    }
}

/// Tells whether a condition of a page is true now.
async fn is_true(
    cdp: &CdpConnection,
    tab: &str,
    condition: &Condition,
    idle: &mut NetworkIdle,
) -> Result<bool> {
    let call = async |function: &str, arguments: &[Value]| {
        let mut result = cdp.call_function(tab, None, function, arguments, true).await?;
        Ok::<_, BrowserError>(result["value"].take())
    };
    Ok(match condition {
        Condition::Text(text) => call(SHOWS_TEXT, &[json!(text)]).await? == true,
        Condition::TextGone(text) => call(SHOWS_TEXT, &[json!(text)]).await? == false,
        Condition::Selector(selector) => call(SHOWS_ELEMENT, &[json!(selector)]).await? == true,
        Condition::Url(pattern) => matches_url(pattern, &cdp.tab(tab).await?.url),
        Condition::LoadState(wanted) => {
            let state = call(LOAD_STATE, &[]).await?;
            match *wanted {
                "domcontentloaded" => state[0] != "loading",
                "load" => state[0] == "complete",
                _ => idle.add(&state[1]) && state[0] == "complete",
            }
        }
        Condition::Function(source) => {
            let value = script::run(cdp, tab, None, source).await?;
            !matches!(value, Value::Null | Value::Bool(false)) && value != 0 && value != ""
        }
    })
}

/// Tells whether a URL matches a pattern: it contains the pattern, or fits it as a whole where the pattern has a `*`.
/// `*` stands for anything but a slash, `**` for anything.
fn matches_url(pattern: &str, url: &str) -> bool {
    if !pattern.contains('*') {
        return url.contains(pattern);
    }
    let mut regex = String::from("^");
    for (at, part) in pattern.split("**").enumerate() {
        let part: Vec<_> = part.split('*').map(regex_lite::escape).collect();
        regex.push_str(if at == 0 { "" } else { ".*" });
        regex.push_str(&part.join("[^/]*"));
    }
    regex.push('$');
    pattern == "*" || regex_lite::Regex::new(&regex).is_ok_and(|regex| regex.is_match(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_pattern_is_a_part_or_has_stars() {
        let url = "https://a.b/one/two?x=1";
        for pattern in [
            "a.b/one",
            url,
            "*",
            "**/two?x=1",
            "https://a.b/*/two?x=*",
            "https://**",
        ] {
            assert!(matches_url(pattern, url), "{pattern}");
        }
        for pattern in ["a.c", "https://*", "**/two", "https://a.b/*"] {
            assert!(!matches_url(pattern, url), "{pattern}");
        }
    }
}
