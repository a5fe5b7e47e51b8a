//! Messages that a client of the gateway sends to an owner through the bot (`send`). A request that is repeated, because
//! its answer was lost, is not sent again.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::channel::ChannelError;
use super::message::Message;
use super::run::Account;
use crate::i18n::{Lang, Msg, msg};
use crate::sync::spawn_blocking;

/// Number of requests that are remembered.
const REMEMBERED: usize = 64;

/// The reason why a message was not sent to a person.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    /// The person does not own the bot.
    #[error("the bot of this engine writes to its owners only")]
    NotAnOwner,
    /// The channel did not take the message.
    #[error(transparent)]
    Channel(#[from] ChannelError),
}

/// The requests that were carried out last, each with the id of its message.
#[derive(Debug, Default)]
pub(crate) struct Deliveries(Mutex<VecDeque<(String, Option<String>)>>);

impl Deliveries {
    /// Sends a text to an owner of an account, and returns the id of the message. `key` tells requests apart: a repeated
    /// one waits for the first, and has its result.
    pub(crate) async fn send(
        &self,
        account: &Arc<Account>,
        to: &str,
        text: String,
        key: String,
        lang: Lang,
    ) -> Result<Option<String>, DeliveryError> {
        let mut sent = self.0.lock().await;
        if let Some((_, id)) = sent.iter().find(|(known, _)| *known == key) {
            return Ok(id.clone());
        }
        let of_account = account.clone();
        let rules = spawn_blocking(move || of_account.rules()).await;
        let owner = rules.ok().and_then(|rules| rules.owner(&account.settings, to));
        let owner = owner.ok_or(DeliveryError::NotAnOwner)?;
        let chat = account.private_chat(&owner).await?;
        let id = account
            .send(&chat, &Message::text(message_text(&text)), lang)
            .await?;
        if sent.len() == REMEMBERED {
            sent.pop_front();
        }
        sent.push_back((key, id.clone()));
        Ok(id)
    }
}

/// Returns a text of somebody else as a sentence.
fn message_text(text: &str) -> Msg {
    msg!("bot.said", text = text)
}
