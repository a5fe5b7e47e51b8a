//! The last known state of each gateway that this gateway watches and repairs.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::i18n::{Lang, Msg};
use crate::rescue::watch::{WatchEvent, WatchTarget};
use crate::sync::lock;

/// The last event of one gateway that this gateway watches.
#[derive(Clone, Debug)]
struct LastEvent {
    /// `true` where the gateway is healthy, as far as the event tells.
    healthy: bool,
    /// The stable name of the event.
    name: &'static str,
    /// The event as a sentence.
    message: Msg,
}

/// The last event of each gateway that this gateway watches, by its name.
#[derive(Debug, Default)]
pub(crate) struct WatchStatus(Mutex<BTreeMap<String, LastEvent>>);

impl WatchStatus {
    /// Records the latest event of another gateway that this gateway watches.
    pub(crate) fn record(&self, target: &WatchTarget, event: &WatchEvent) {
        let last = LastEvent {
            healthy: event.is_good(),
            name: event.name(),
            message: event.msg(target),
        };
        lock(&self.0).insert(target.to_string(), last);
    }

    /// Returns the last event of each gateway that this gateway watches as JSON: `profile`, `ok`, `news`, `text`.
    /// Empty where no gateway is watched.
    pub(crate) fn to_value(&self, lang: Lang) -> Value {
        let last = lock(&self.0);
        let each = last.iter().map(|(profile, event)| {
            json!({
                "profile": profile,
                "ok": event.healthy,
                "news": event.name,
                "text": event.message.render(lang),
            })
        });
        each.collect()
    }
}
