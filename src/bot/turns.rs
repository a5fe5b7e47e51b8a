//! The turns and inboxes of a bot, which outlive its accounts: those are made anew where their config changes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use super::account::AccountSettings;
use super::inbox::Inbox;
use crate::sync::lock;

/// The turns of conversations that are being taken, and the inboxes of the accounts. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    tasks: Arc<Mutex<JoinSet<()>>>,
    inboxes: Arc<Mutex<HashMap<String, Arc<Mutex<Inbox>>>>>,
}

impl Turns {
    /// Returns the inbox of an account, and whether the bot has used it before. What waits in one that was not used was
    /// left by the last run.
    pub(super) fn inbox(&self, state_dir: &Path, settings: &AccountSettings) -> (Arc<Mutex<Inbox>>, bool) {
        let mut inboxes = lock(&self.inboxes);
        match inboxes.entry(settings.name()) {
            Entry::Occupied(known) => (known.get().clone(), true),
            Entry::Vacant(new) => {
                let inbox = Inbox::open(state_dir, settings.channel, &settings.account);
                (new.insert(Arc::new(Mutex::new(inbox))).clone(), false)
            }
        }
    }

    /// Starts a turn.
    pub(crate) fn spawn(&self, turn: impl Future<Output = ()> + Send + 'static) {
        let mut turns = lock(&self.tasks);
        while turns.try_join_next().is_some() {}
        turns.spawn(turn);
    }

    /// Waits until every turn is taken.
    pub(crate) async fn ended(&self) {
        let mut turns = std::mem::take(&mut *lock(&self.tasks));
        while turns.join_next().await.is_some() {}
    }
}
