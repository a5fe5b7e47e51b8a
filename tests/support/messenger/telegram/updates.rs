//! The queue of updates and long polling.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use super::api::{Account, Outcome, Parameters, Refusal};
use crate::support::messenger::state::Shared;

/// Maximum time that a poll may wait, in seconds.
const MAX_TIMEOUT: i64 = 50;
/// Maximum number of updates in one answer.
const MAX_LIMIT: i64 = 100;
/// Kinds of updates that a bot is sent only where it names them.
const OPTIONAL_KINDS: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

/// The updates that wait for the bot, and who polls.
#[derive(Debug, Default)]
pub struct Updates {
    waiting: VecDeque<Value>,
    last: Option<Value>,
    /// An update to deliver whatever the offset is.
    repeated: Option<Value>,
    last_id: i64,
    /// Kinds that the bot named last; `None` before it named any.
    allowed: Option<Vec<String>>,
    /// Number of the poll that waits or waited last.
    poll: u64,
    has_been_polled: bool,
    is_polled_elsewhere: bool,
}

impl Updates {
    /// Puts an update into the queue unless the bot does not want this kind.
    pub fn put(&mut self, kind: &str, content: &Value) {
        let is_allowed = match &self.allowed {
            Some(kinds) => kinds.iter().any(|allowed| allowed == kind),
            None => !OPTIONAL_KINDS.contains(&kind),
        };
        if is_allowed {
            self.last_id += 1;
            let update = json!({"update_id": self.last_id, kind: content});
            self.last = Some(update.clone());
            self.waiting.push_back(update);
        }
    }

    /// Delivers the last update again with its old id, whatever the bot has confirmed.
    ///
    /// # Panics
    /// Where there was none.
    pub fn repeat_last(&mut self) {
        let last = self.last.clone().expect("an update");
        self.repeated = Some(last);
    }

    /// Forgets every update.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Returns how many updates the bot has not confirmed.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Returns whether the bot has confirmed every update.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Lets another process poll, or ends that.
    pub fn set_polled_elsewhere(&mut self, is_polled: bool) {
        self.is_polled_elsewhere = is_polled;
    }

    /// Returns whether the bot has polled since [`Self::forget_polls`].
    pub fn has_been_polled(&self) -> bool {
        self.has_been_polled
    }

    /// Forgets that the bot has polled.
    pub fn forget_polls(&mut self) {
        self.has_been_polled = false;
    }

    /// Forgets the updates that an offset confirms: those before it, or all but so many from the end.
    fn confirm(&mut self, offset: i64) {
        if offset > 0 {
            self.waiting
                .retain(|update| update["update_id"].as_i64() >= Some(offset));
        } else {
            let kept = usize::try_from(-offset).expect("no positive offset");
            let surplus = self.waiting.len().saturating_sub(kept);
            if offset < 0 {
                self.waiting.drain(..surplus);
            }
        }
    }

    /// Returns the first updates, or `None` where there are none.
    fn first(&mut self, limit: usize) -> Option<Value> {
        let repeated = self.repeated.take();
        let first: Vec<Value> = repeated
            .into_iter()
            .chain(self.waiting.iter().cloned())
            .take(limit)
            .collect();
        (!first.is_empty()).then_some(Value::Array(first))
    }
}

/// Returns the updates from an offset, and waits for one where there is none.
pub async fn get(shared: &Shared<Account>, parameters: &Parameters) -> Outcome {
    let limit = parameters
        .number("limit")
        .unwrap_or(MAX_LIMIT)
        .clamp(1, MAX_LIMIT);
    let limit = usize::try_from(limit).expect("a small number");
    let timeout = parameters.number("timeout").unwrap_or(0).clamp(0, MAX_TIMEOUT);
    let timeout = Duration::from_secs(timeout.unsigned_abs());
    let kinds = parameters.object("allowed_updates")?;
    let (poll, first) = shared.change(|state| {
        let updates = &mut state.own.updates;
        if let Some(Value::Array(kinds)) = &kinds {
            let names = kinds
                .iter()
                .filter_map(|kind| kind.as_str().map(ToOwned::to_owned));
            updates.allowed = Some(names.collect()).filter(|kinds: &Vec<_>| !kinds.is_empty());
        }
        updates.confirm(parameters.number("offset").unwrap_or(0));
        updates.has_been_polled = true;
        let first = updates.first(limit);
        // A poll that waits ends the one that waited before.
        if first.is_none() && !timeout.is_zero() {
            updates.poll += 1;
        }
        (updates.poll, first)
    });
    if first.is_some() || timeout.is_zero() {
        return Ok(first.unwrap_or_else(|| json!([])));
    }
    let next = shared.until(|state| {
        let updates = &mut state.own.updates;
        if updates.poll != poll || updates.is_polled_elsewhere {
            return Some(Err(conflict()));
        }
        if state.own.is_revoked {
            return Some(Err(Refusal::new(401, "Unauthorized")));
        }
        updates.first(limit).map(Ok)
    });
    let in_time = tokio::time::timeout(timeout, next).await;
    in_time.unwrap_or_else(|_| Ok(json!([])))
}

/// Returns the refusal of a poll that another one ended.
fn conflict() -> Refusal {
    Refusal::new(
        409,
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    )
}
