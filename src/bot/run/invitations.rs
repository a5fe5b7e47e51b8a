//! Invitations to chats: accepted from people who may speak, and from those who may be paired, who find their code there.
//! All others are declined, a bounded number at once: the rest stays without an answer.

use std::sync::Arc;

use super::{Account, Severity};
use crate::bot::access::{AccessRules, Standing};
use crate::bot::channel::{ChannelError, Content, Heard};
use crate::bot::outgoing;
use crate::i18n::msg;

/// Maximum number of invitations of one batch that are declined.
const MAX_DECLINED: usize = 20;

impl Account {
    /// Returns the chats of the invitations to decline, which are of use to nobody: `is_used` tells those of use to strangers.
    pub(super) fn unwanted_invitations(
        heard: &[Heard],
        rules: &AccessRules,
        is_used: impl Fn(&Heard) -> bool,
    ) -> Vec<String> {
        let invitations = heard.iter().filter(|heard| heard.content == Content::Invitation);
        invitations
            .filter(|heard| rules.standing(heard) != Standing::Owner && !is_used(heard))
            .map(|heard| heard.chat.clone())
            .take(MAX_DECLINED)
            .collect()
    }

    /// Accepts the invitation of an owner.
    pub(super) async fn accept(&self, invitation: &Heard) {
        if let Err(error) = self.join(invitation).await {
            self.note_not_joined(&error);
        }
    }

    /// Accepts the invitation of a stranger. Returns whether the chat is one with nobody but the stranger; any other is left.
    pub(super) async fn meet(&self, invitation: &Heard) -> bool {
        match self.join(invitation).await {
            Ok(true) => true,
            Ok(false) => {
                let _ = self.messenger.leave(&invitation.chat).await;
                false
            }
            Err(error) => {
                self.note_not_joined(&error);
                false
            }
        }
    }

    async fn join(&self, invitation: &Heard) -> Result<bool, ChannelError> {
        let Heard { chat, person, .. } = invitation;
        outgoing::retried(|| self.messenger.join(chat, person)).await
    }

    /// Declines invitations to these chats in a task of its own. One that can't be declined stays without an answer.
    pub(super) fn decline(self: &Arc<Self>, chats: Vec<String>) {
        let account = self.clone();
        self.turns.spawn(async move {
            for chat in chats {
                let _ = account.messenger.leave(&chat).await;
            }
        });
    }

    fn note_not_joined(&self, error: &ChannelError) {
        let failed = msg!(
            "bot.not-joined",
            channel = self.channel.label,
            account = self.settings.account
        );
        (self.report)(Severity::Warning, failed.with_msg("why", error.msg()));
    }
}
