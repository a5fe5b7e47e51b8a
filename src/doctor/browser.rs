//! Browsers: one debugging port for each instance, and all that `browser doctor` finds bad.

use serde_json::Value;

use super::isolation::in_common;
use super::scene::{Scene, Subject};
use super::{Check, Seen};
use crate::browser::doctor::Health;
use crate::i18n::{Msg, msg};
use crate::ports::Port;

pub(super) const CHECKS: &[Check] = &[
    Check::error("browser-shared", shared),
    Check::error("browser-missing", missing),
    Check::info("browser-none", none),
    Check::warning("browser-port", port),
    Check::warning("browser-sandbox", |_, own| told(own, "sandbox", true)),
    Check::warning("browser-driver", |_, own| told(own, "driver", true)),
    Check::warning("browser-remote", |_, own| told(own, "remote", true)),
];

/// Where browsers are reached, by key: addresses and ports that the config pins.
fn pinned(config: &Value) -> Vec<(String, String)> {
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

fn shared(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let told = |key: &str, other: &str, holder: &str| {
        msg!("doctor.browser-shared", key = key, other = other, holder = holder)
    };
    in_common(scene, own, |subject| pinned(&subject.config), told)
}

/// What `browser doctor` finds bad about one thing, in its own words.
fn bad<'s>(own: &'s Subject<'_>, id: &str) -> Option<&'s Msg> {
    let of = own.browser.iter().find(|check| check.id == id);
    of.filter(|check| check.health == Health::Bad)
        .map(|check| &check.msg)
}

/// Whether the config itself says which program it is.
fn is_named(own: &Subject<'_>) -> bool {
    own.text("/browser/executablePath").is_some()
}

fn missing(_: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let gone = bad(own, "program").filter(|_| is_named(own));
    let mend = || format!("{} config unset browser.executablePath", own.command);
    gone.map(|msg| Seen::new(msg.clone(), mend()))
        .into_iter()
        .collect()
}

/// None is named and none is installed: nothing but browsing is amiss.
fn none(_: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    told(own, "program", !is_named(own))
}

/// Somebody sits on its port. Where that is another instance by its config, that is told already.
fn port(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    told(own, "port", shared(scene, own).is_empty())
}

/// What `browser doctor` tells with its ways out.
fn told(own: &Subject<'_>, id: &str, here: bool) -> Vec<Seen> {
    let found = bad(own, id).filter(|_| here);
    let mend = || format!("{} browser doctor", own.command);
    found
        .map(|msg| Seen::new(msg.clone(), mend()))
        .into_iter()
        .collect()
}
