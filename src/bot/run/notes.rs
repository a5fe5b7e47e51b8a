//! The notes of an account about itself, in its state and in the log: that it is connected, why it is not, what it sent.

use std::sync::Arc;

use super::{Account, Severity};
use crate::bot::channel::ChannelError;
use crate::bot::shared_token;
use crate::i18n::msg;
use crate::survey;
use crate::sync::spawn_blocking;

impl Account {
    /// Returns the label of another instance of this host that has the token of the account.
    pub(super) async fn find_other_instance(self: &Arc<Self>) -> Option<String> {
        let this = self.clone();
        let found = spawn_blocking(move || {
            let own = &this.conversation.context.own;
            let survey = survey::survey_host(&own.host, &own.env);
            shared_token::find_other_instance(own.borrowed(), &survey, this.settings.secrets.first()?)
        });
        found.await.ok().flatten()
    }

    /// Records that the account works, and logs it where it did not before.
    pub(super) fn note_success(&self, bot_name: &str) {
        let now = self.conversation.context.own.host.now();
        let mut is_new = false;
        self.state.update(|state| {
            is_new = state.connected_since.is_none();
            state.connected_since.get_or_insert(now);
            state.bot_name = Some(bot_name.to_owned());
            state.is_polled_elsewhere = false;
            state.other_instance = None;
        });
        if is_new {
            let connected = msg!(
                "bot.connected",
                channel = self.channel.label,
                account = self.settings.account,
                name = bot_name
            );
            (self.report)(Severity::Info, connected);
        }
    }

    /// Records and logs why the account does not work. `other` is the instance of this host that has its token.
    pub(super) fn note_failure(&self, error: &ChannelError, other: Option<String>) {
        let why = match &other {
            Some(other) => msg!("bot.error-polled-by", instance = other),
            None => error.msg(),
        };
        let mut is_new = false;
        self.state.update(|state| {
            is_new = state.connected_since.is_some() || state.last_error.as_ref() != Some(&why);
            state.connected_since = None;
            state.is_polled_elsewhere = matches!(error, ChannelError::PolledElsewhere);
            state.other_instance = other;
            state.last_error = Some(why.clone());
        });
        // The same failure at each try would fill the log.
        if is_new {
            let failed = msg!(
                "bot.failed",
                channel = self.channel.label,
                account = self.settings.account
            );
            (self.report)(Severity::Warning, failed.with_msg("why", why));
        }
    }

    /// Logs that what was said may have been lost.
    pub(super) fn note_lost_position(&self) {
        let lost = msg!(
            "bot.failed",
            channel = self.channel.label,
            account = self.settings.account
        );
        (self.report)(
            Severity::Warning,
            lost.with_msg("why", ChannelError::LostPosition.msg()),
        );
    }

    /// Records that something was sent.
    pub(super) fn note_sent(&self) {
        let now = self.conversation.context.own.host.now();
        self.state.update(|state| state.last_sent = Some(now));
    }

    /// Records and logs why something was not sent.
    pub(super) fn note_unsent(&self, error: &ChannelError) {
        let unsent = msg!(
            "bot.unsent",
            channel = self.channel.label,
            account = self.settings.account
        );
        (self.report)(Severity::Warning, unsent.with_msg("why", error.msg()));
        self.state.update(|state| state.last_error = Some(error.msg()));
    }
}
