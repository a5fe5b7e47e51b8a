//! Browsers: one debugging port for each instance, and a program that is there.

use std::path::Path;

use serde_json::Value;

use super::scene::{Scene, Subject};
use super::{Check, Seen};
use crate::msg;

pub(super) const CHECKS: &[Check] = &[
    Check::error("browser-shared", shared),
    Check::error("browser-missing", missing),
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
        if let Some(port) = profile.get("cdpPort").and_then(Value::as_u64) {
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
    let mine = pinned(&own.config);
    if mine.is_empty() {
        return Vec::new();
    }
    let mut seen = Vec::new();
    for other in scene.others(own) {
        let theirs = pinned(&other.config);
        for (key, address) in &mine {
            if let Some((their_key, _)) = theirs.iter().find(|(_, their)| their == address) {
                let msg = msg!(
                    "doctor.browser-shared",
                    key = key,
                    other = their_key,
                    holder = other.label
                );
                seen.push(Seen::new(msg, format!("{} config unset {key}", own.command)));
            }
        }
    }
    seen
}

fn missing(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let path = own.text("/browser/executablePath").map(Path::new);
    let gone = path.filter(|path| path.is_absolute() && !path.exists());
    let seen = gone.map(|path| {
        let msg = msg!("doctor.browser-missing", path = scene.shown(path));
        Seen::new(
            msg,
            format!("{} config unset browser.executablePath", own.command),
        )
    });
    seen.into_iter().collect()
}
