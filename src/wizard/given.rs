//! What was answered before anybody is asked: replies by the flag that brings them.

use std::collections::BTreeMap;

use crate::answers::Answers;
use crate::secret::Secret;

use super::{Reply, Step};

/// Replies by the flag (without dashes) that brought them.
#[derive(Debug)]
pub struct Given {
    replies: BTreeMap<&'static str, Reply>,
    /// Provider keys that the environment offers, by flag: taken only where their question is asked.
    offered: BTreeMap<&'static str, Secret>,
    /// Whether the workspace gets its first files.
    pub bootstrap: bool,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            replies: BTreeMap::new(),
            offered: BTreeMap::new(),
            bootstrap: true,
        }
    }
}

impl Given {
    /// Only these replies, by flag.
    #[cfg(test)]
    pub(super) fn of(replies: impl IntoIterator<Item = (&'static str, Reply)>) -> Self {
        Self {
            replies: replies.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The reply to a step, if one was given.
    pub fn reply(&self, step: &dyn Step, answers: &Answers) -> Option<Reply> {
        let flag = step.flag(answers);
        let offered = || {
            self.offered
                .get(flag)
                .filter(|_| step.id() == "api-key")
                .cloned()
                .map(Reply::Secret)
        };
        let shared = || {
            self.replies
                .get("api-key")
                .filter(|_| step.id() == "api-key")
                .cloned()
        };
        self.replies.get(flag).cloned().or_else(shared).or_else(offered)
    }

    /// Takes out the profile that an answers file names: it is settled before the interview.
    pub fn take_profile(&mut self) -> Option<String> {
        match self.replies.remove("profile")? {
            Reply::Text(name) => Some(name),
            Reply::Secret(_) | Reply::Yes(_) | Reply::Back => None,
        }
    }

    /// Adds the reply that a flag or a file brings; the last one counts.
    pub fn put(&mut self, flag: &'static str, reply: Reply) {
        self.replies.insert(flag, reply);
    }

    /// Whether a flag brought a reply.
    pub fn has(&self, flag: &str) -> bool {
        self.replies.contains_key(flag)
    }

    /// Adds a provider's key that the environment offers.
    pub fn offer(&mut self, flag: &'static str, key: Secret) {
        self.offered.insert(flag, key);
    }
}
