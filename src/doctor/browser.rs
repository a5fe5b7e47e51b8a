//! Checks of browsers: debugging ports that two instances share, and what `browser doctor` reports as bad.

use serde_json::Value;

use super::check::{Check, Problem};
use super::host_report::{HostReport, InstanceReport};
use super::isolation::shared_values;
use crate::browser::checks::{BrowserCheckId, BrowserHealth};
use crate::i18n::{Msg, msg};
use crate::ports::Port;

/// The checks that the doctor makes of an instance's browsers.
pub(super) const CHECKS: &[Check] = &[
    Check::error("browser-shared", shared),
    Check::error("browser-missing", missing),
    Check::info("browser-none", none),
    Check::warning("browser-port", port),
    Check::warning("browser-sandbox", |_, own| {
        problem_of(own, BrowserCheckId::Sandbox)
    }),
    Check::warning("browser-driver", |_, own| problem_of(own, BrowserCheckId::Driver)),
    Check::warning("browser-remote", |_, own| problem_of(own, BrowserCheckId::Remote)),
];

/// Returns the addresses at which the browsers of an instance are reached, as far as its config fixes them, each with
/// the config key that fixes it.
pub(super) fn fixed_addresses(config: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Some(browser) = config.get("browser") else {
        return found;
    };
    let address = |url: &str| url.trim_end_matches('/').replace("localhost", "127.0.0.1");
    if let Some(url) = browser.get("cdpUrl").and_then(Value::as_str) {
        found.push(("browser.cdpUrl".to_owned(), address(url)));
    }
    let profiles = browser.get("profiles").and_then(Value::as_object);
    for (name, profile) in profiles.into_iter().flatten() {
        if let Some(port) = profile.get("cdpPort").and_then(Port::from_json) {
            let key = format!("browser.profiles.{name}.cdpPort");
            found.push((key, format!("http://127.0.0.1:{port}")));
        }
        if let Some(url) = profile.get("cdpUrl").and_then(Value::as_str) {
            found.push((format!("browser.profiles.{name}.cdpUrl"), address(url)));
        }
    }
    found
}

/// Reports a browser's debugging address that the config of another instance has too.
fn shared(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let describe = |key: &str, other: &str, holder: &str| {
        msg!("doctor.browser-shared", key = key, other = other, holder = holder)
    };
    shared_values(report, own, |own| &own.browser_addresses, describe)
}

/// Returns the message of a check of `browser doctor`, where the result of that check is bad.
fn bad_result<'s>(own: &'s InstanceReport<'_>, id: BrowserCheckId) -> Option<&'s Msg> {
    let result = own.browser.iter().find(|check| check.id == id);
    result
        .filter(|check| check.health == BrowserHealth::Bad)
        .map(|check| &check.msg)
}

/// Returns `true` if the config names the browser's program.
fn names_program(own: &InstanceReport<'_>) -> bool {
    own.config_text("/browser/executablePath").is_some()
}

/// Reports a browser program that the config names and that does not exist.
fn missing(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let gone = bad_result(own, BrowserCheckId::Program).filter(|_| names_program(own));
    let remedy = || format!("{} config unset browser.executablePath", own.command);
    gone.map(|msg| Problem::new(msg.clone(), remedy()))
        .into_iter()
        .collect()
}

/// Reports that the config names no browser and none is installed. Everything but browsing works then.
fn none(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    if names_program(own) {
        return Vec::new();
    }
    problem_of(own, BrowserCheckId::Program)
}

/// Reports that another process holds the browser's debugging port. A port that another instance's config has too is
/// reported by [`shared`].
fn port(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    if !shared(report, own).is_empty() {
        return Vec::new();
    }
    problem_of(own, BrowserCheckId::Port)
}

/// Reports a bad result of `browser doctor`, which also names the ways out.
fn problem_of(own: &InstanceReport<'_>, id: BrowserCheckId) -> Vec<Problem> {
    let remedy = || format!("{} browser doctor", own.command);
    let bad = bad_result(own, id).map(|msg| Problem::new(msg.clone(), remedy()));
    bad.into_iter().collect()
}
