//! The places where alerts go: the owners of every account that works, and the webhook.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;

use super::book::Due;
use super::recipients::{Address, SentMessage};
use super::texts;
use super::webhook::Webhook;
use crate::bot::channel::ChannelError;
use crate::bot::commands::CommandContext;
use crate::bot::message::Message;
use crate::bot::outgoing::SecretFilter;
use crate::bot::run::Account;
use crate::i18n::Lang;
use crate::sync::{lock, spawn_blocking};

/// The accounts of a bot that work now, shared between the bot and its alerts.
pub(crate) type RunningAccounts = Arc<Mutex<Vec<Arc<Account>>>>;

/// Where alerts go.
pub(crate) trait Outlets: Send + Sync {
    /// Returns who is told now. Waits for files.
    fn addresses(&self) -> Vec<Address>;

    /// Tells a recipient something once, and returns the message where it can be edited later.
    fn deliver<'a>(
        &'a self,
        address: &'a Address,
        due: &'a Due,
    ) -> BoxFuture<'a, Result<Option<SentMessage>, ChannelError>>;
}

/// The accounts of a bot, and its webhook.
pub(crate) struct BotOutlets {
    /// The accounts.
    pub(crate) accounts: RunningAccounts,
    /// The webhook.
    pub(crate) webhook: Option<Webhook>,
    /// The bot.
    pub(crate) context: CommandContext,
}

impl Outlets for BotOutlets {
    fn addresses(&self) -> Vec<Address> {
        let accounts = lock(&self.accounts).clone();
        let of_account = |account: &Arc<Account>| {
            let name = account.settings.name();
            let owners = account.rules().owners().to_vec().into_iter();
            owners.map(move |person| Address::Owner {
                account: name.clone(),
                person,
            })
        };
        let owners = accounts.iter().flat_map(of_account);
        owners
            .chain(self.webhook.iter().map(|_| Address::Webhook))
            .collect()
    }

    fn deliver<'a>(
        &'a self,
        address: &'a Address,
        due: &'a Due,
    ) -> BoxFuture<'a, Result<Option<SentMessage>, ChannelError>> {
        Box::pin(async move {
            match address {
                Address::Owner { account, person } => {
                    self.tell(address, (account, person), due).await.map(Some)
                }
                Address::Webhook => self.post(due).await.map(|()| None),
            }
        })
    }
}

impl BotOutlets {
    /// Tells an owner something: in place of the earlier message, or in a new one where there is none or it is gone.
    async fn tell(
        &self,
        address: &Address,
        (account, person): (&str, &str),
        due: &Due,
    ) -> Result<SentMessage, ChannelError> {
        let accounts = lock(&self.accounts).clone();
        let account = accounts
            .iter()
            .find(|running| running.settings.name() == account)
            .ok_or_else(|| ChannelError::Unreachable(account.to_owned()))?;
        let lang = account.language_for(person);
        let message = message(due, lang);
        if let Due::Incident(_, delivery) = due
            && let Some(earlier) = &delivery.edited
        {
            match account
                .edit_once(&earlier.chat, &earlier.id, &message, lang)
                .await
            {
                Err(ChannelError::Refused(_)) if delivery.may_send => {}
                edited => return edited.map(|()| earlier.clone()),
            }
        }
        let chat = account.private_chat(person).await?;
        let id = account
            .send_once(&chat, &message, lang, &due.key(address))
            .await?;
        if matches!(due, Due::Incident(_, delivery) if delivery.may_show_another_state()) {
            // The channel may have taken an earlier try, and have answered with that message.
            match account.edit_once(&chat, &id, &message, lang).await {
                Err(ChannelError::Refused(_)) => {}
                edited => edited?,
            }
        }
        Ok(SentMessage { chat, id })
    }

    /// Posts something to the webhook.
    async fn post(&self, due: &Due) -> Result<(), ChannelError> {
        let Some(webhook) = &self.webhook else {
            return Ok(());
        };
        let (own, watched, secrets) = (
            self.context.own.clone(),
            self.context.watched.clone(),
            vec![webhook.secret().clone()],
        );
        let filter = spawn_blocking(move || SecretFilter::read(&own, &watched, &secrets));
        // What could not be filtered is not sent.
        let filter = filter
            .await
            .map_err(|error| ChannelError::Unreachable(error.to_string()))?;
        let lang = self.context.lang;
        webhook.post(due, lang, &|text| filter.hide(text, lang)).await
    }
}

/// Returns the message about something that is due.
fn message(due: &Due, lang: Lang) -> Message {
    match due {
        Due::Incident(incident, _) => texts::incident_message(incident, lang),
        Due::Word(word) => texts::word_message(word, lang),
    }
}
