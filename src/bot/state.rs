//! The states of a bot's accounts: connected or not, the last failure, the times of the last messages.

use std::sync::Mutex;
use std::time::SystemTime;

use crate::i18n::Msg;
use crate::sync::lock;

/// The state of one account of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AccountState {
    /// The name of the bot in the channel.
    pub(crate) bot_name: Option<String>,
    /// The time since which it works; `None` while it does not.
    pub(crate) connected_since: Option<SystemTime>,
    /// The time at which somebody was heard last.
    pub(crate) last_heard: Option<SystemTime>,
    /// The time at which something was sent last.
    pub(crate) last_sent: Option<SystemTime>,
    /// The reason why it does not work, or did not the last time.
    pub(crate) last_error: Option<Msg>,
    /// `true` where another program receives what is said to this bot.
    pub(crate) is_polled_elsewhere: bool,
    /// The instance of this host that has the same token, where one has it.
    pub(crate) other_instance: Option<String>,
}

/// The state of one account of a channel, shared between the task that receives and those who ask.
#[derive(Debug, Default)]
pub(crate) struct SharedAccountState(Mutex<AccountState>);

impl SharedAccountState {
    /// Returns a copy of the state.
    pub(crate) fn get(&self) -> AccountState {
        lock(&self.0).clone()
    }

    /// Changes the state.
    pub(crate) fn update(&self, change: impl FnOnce(&mut AccountState)) {
        change(&mut lock(&self.0));
    }
}
