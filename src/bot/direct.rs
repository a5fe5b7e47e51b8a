//! Accounts of channels without a running bot: a command asks the servers of a channel itself, and sends a message
//! itself. Everything here blocks.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::access::AccessRules;
use super::account::{self, AccountSettings};
use super::channel::{ChannelError, ChannelType, Messenger};
use super::message::Message;
use super::outgoing::{self, SecretFilter};
use super::pairing::PairingStore;
use crate::error::{Error, Result};
use crate::https::HttpsClient;
use crate::i18n::{Lang, Msg, msg};
use crate::instance::InstanceContext;
use crate::time::millis;

/// An account of a channel, for one command.
pub(crate) struct DirectAccount<'a> {
    context: InstanceContext<'a>,
    channel: &'static ChannelType,
    settings: AccountSettings,
    messenger: Box<dyn Messenger>,
    runtime: Runtime,
}

impl<'a> DirectAccount<'a> {
    /// Finds an account that a config describes; `None` where there is none of this name that has its token.
    ///
    /// # Errors
    /// When its proxy can't be used.
    pub(crate) fn find(
        context: InstanceContext<'a>,
        config: &Value,
        channel: &'static ChannelType,
        name: &str,
    ) -> Result<Option<Self>> {
        let accounts = account::describe_accounts(context, config, channel.name, channel.keys);
        let found = accounts
            .into_iter()
            .find(|account| account.settings.account == name && account.is_complete());
        let Some(settings) = found.map(|account| account.settings) else {
            return Ok(None);
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|cause| Error::failed(msg!("gateway.no-runtime")).because(cause))?;
        let client = HttpsClient::new(context.host, account::proxy(&settings));
        let client = client.map_err(|error| channel_error(&ChannelError::from(error)))?;
        Ok(Some(Self {
            context,
            channel,
            messenger: (channel.connect)(settings.clone(), client),
            settings,
            runtime,
        }))
    }

    /// Asks the servers of the channel who the bot is, and returns the result in OpenClaw's form.
    pub(crate) fn probe(&self, limit: Duration, lang: Lang) -> Value {
        self.runtime.block_on(probe(self.messenger.as_ref(), limit, lang))
    }

    /// Returns the ids of the people who may command the bot.
    pub(crate) fn owners(&self, config: &Value) -> Vec<String> {
        let paired = PairingStore::new(&self.context.instance.state_dir, self.channel.name).paired();
        AccessRules::new(&self.settings, config, &paired)
            .owners()
            .to_vec()
    }

    /// Sends a sentence to the private chat with a person.
    ///
    /// # Errors
    /// The reason why the channel did not take it.
    pub(crate) fn send(&self, person: &str, text: Msg, lang: Lang) -> Result<()> {
        let filter = SecretFilter::read(&self.context.to_owned(), &[], &self.settings.secrets);
        let parts = outgoing::render(self.channel, &Message::text(text), lang, &filter);
        let sending = async {
            let chat = self.messenger.private_chat(person).await?;
            outgoing::send(self.messenger.as_ref(), &chat, &parts).await
        };
        let sent = self.runtime.block_on(sending);
        sent.map(drop).map_err(|error| channel_error(&error))
    }
}

/// Asks the servers of a channel who the bot is, and returns the result in the form in which OpenClaw's
/// `channels.status` has it.
pub(crate) async fn probe(messenger: &dyn Messenger, limit: Duration, lang: Lang) -> Value {
    let begun = Instant::now();
    let asked = tokio::time::timeout(limit, messenger.identify()).await;
    let elapsed = millis(begun.elapsed());
    match asked {
        Ok(Ok(name)) => json!({
            "ok": true, "status": null, "error": null, "elapsedMs": elapsed, "bot": {"username": name},
        }),
        Ok(Err(error)) => json!({
            "ok": false, "status": null, "error": error.msg().render(lang), "elapsedMs": elapsed,
        }),
        Err(_) => json!({
            "ok": false, "status": null, "error": msg!("bot.error-no-answer").render(lang), "elapsedMs": elapsed,
        }),
    }
}

/// Returns the error of a command for a channel that did not do what was asked of it.
fn channel_error(error: &ChannelError) -> Error {
    Error::failed(error.msg())
}
