//! The accounts of a bot at work: each one receives in a task of its own, and each turn of a conversation is a task.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::time::Instant;

use super::access::{AccessRules, Standing};
use super::account::{self, AccountSettings};
use super::backoff::Backoff;
use super::channel::{Batch, ChannelError, ChannelType, Content, Heard, MenuCommand, Messenger};
use super::channels::CHANNELS;
use super::command;
use super::consent::Asked;
use super::conversation::Conversation;
use super::direct;
use super::inbox::Inbox;
use super::message::{Line, Message};
use super::pairing::{PairingRequest, PairingStore};
use super::state::SharedAccountState;
use super::turn::{Counterpart, Origin, Turn};
use super::turns::Turns;
use crate::host;
use crate::https::HttpsClient;
use crate::i18n::{Lang, Msg, msg};
use crate::instance::InstanceContext;
use crate::rescue::history::RequestedBy;
use crate::sync::{lock, spawn_blocking};

mod deliver;
mod hearing;
mod invitations;
mod notes;

/// Pause before a token that is refused, or an account whose settings can't be used, is tried again.
const REFUSED_PAUSE: Duration = Duration::from_mins(5);
/// Pause before a bot that another program polls is tried again.
const POLLED_PAUSE: Duration = Duration::from_secs(30);

/// Shortest time between two looks for what was said, where a channel answers at once that there is nothing: it is to hold
/// the request, and a proxy or a stand-in may not.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);

/// Something of a bot that is worth a line in the log.
pub(crate) type Reporter = Arc<dyn Fn(Severity, Msg) + Send + Sync>;

/// The severity of an event of a bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Good news.
    Info,
    /// Something does not work.
    Warning,
}

/// One account of a bot, with everything that its tasks share.
pub(crate) struct Account {
    /// The channel.
    pub(crate) channel: &'static ChannelType,
    /// The settings.
    pub(crate) settings: AccountSettings,
    /// The state.
    pub(crate) state: SharedAccountState,
    config: Arc<Value>,
    messenger: Box<dyn Messenger>,
    conversation: Arc<Conversation>,
    pairing: PairingStore,
    inbox: Arc<Mutex<Inbox>>,
    /// The language that each person used last.
    languages: Mutex<HashMap<String, Lang>>,
    /// `true` until what the last run of the bot left in the inbox is dealt with.
    has_leftovers: AtomicBool,
    turns: Turns,
    report: Reporter,
}

/// Reads the settings of all accounts from a config.
pub(crate) fn read_accounts(
    context: InstanceContext<'_>,
    config: &Value,
) -> Vec<(&'static ChannelType, AccountSettings)> {
    let of_channel = |channel: &'static ChannelType| {
        let accounts = account::read_accounts(context, config, channel.name, channel.keys);
        accounts.into_iter().map(move |settings| (channel, settings))
    };
    CHANNELS.iter().flat_map(of_channel).collect()
}

impl Account {
    /// Creates an account. Nothing is sent yet.
    ///
    /// # Errors
    /// When its proxy can't be used.
    pub(crate) fn new(
        (channel, settings): (&'static ChannelType, AccountSettings),
        config: Arc<Value>,
        conversation: Arc<Conversation>,
        turns: Turns,
        report: Reporter,
    ) -> Result<Self, ChannelError> {
        let own = &conversation.context.own;
        let client = HttpsClient::new(&own.host, account::proxy(&settings))?;
        let state_dir = &own.instance.state_dir;
        let (inbox, is_used) = turns.inbox(state_dir, &settings);
        Ok(Self {
            channel,
            state: SharedAccountState::default(),
            config,
            messenger: (channel.connect)(settings.clone(), client),
            pairing: PairingStore::new(state_dir, channel.name),
            inbox,
            has_leftovers: AtomicBool::new(!is_used),
            settings,
            conversation,
            languages: Mutex::default(),
            turns,
            report,
        })
    }

    /// Receives and answers until the task is ended.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut backoff = Backoff::default();
        loop {
            let error = match self.serve(&mut backoff).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            let pause = match &error {
                ChannelError::Unauthorized | ChannelError::Settings(_) => REFUSED_PAUSE,
                ChannelError::PolledElsewhere => POLLED_PAUSE,
                ChannelError::RateLimited(pause) => *pause,
                _ => backoff.next_pause(host::random_bytes::<1>()[0]),
            };
            let other = match error {
                ChannelError::PolledElsewhere => self.find_other_instance().await,
                _ => None,
            };
            self.note_failure(&error, other);
            tokio::time::sleep(pause).await;
        }
    }

    /// Makes the account ready, and receives until something fails.
    async fn serve(
        self: &Arc<Self>,
        backoff: &mut Backoff,
    ) -> Result<std::convert::Infallible, ChannelError> {
        let menu = menu(self.conversation.context.lang);
        let name = self.messenger.start(&menu).await?;
        self.note_success(&name);
        if self.has_leftovers.swap(false, Ordering::Relaxed) {
            self.take_waiting_turns().await;
        }
        loop {
            let cursor = lock(&self.inbox).cursor().map(str::to_owned);
            let asked = Instant::now();
            let batch = match self.messenger.receive(cursor.as_deref()).await {
                Err(ChannelError::LostPosition) if cursor.is_some() => {
                    self.forget_position().await?;
                    continue;
                }
                received => received?,
            };
            backoff.reset();
            self.note_success(&name);
            let is_empty = batch.heard.is_empty() && batch.cursor.is_none();
            self.take_batch(batch).await?;
            if is_empty {
                tokio::time::sleep_until(asked + IDLE_INTERVAL).await;
            }
        }
    }

    /// Forgets the position in the channel, which does not know it any more, and logs that.
    async fn forget_position(self: &Arc<Self>) -> Result<(), ChannelError> {
        let inbox = self.inbox.clone();
        let forgotten = spawn_blocking(move || lock(&inbox).forget_cursor()).await;
        let forgotten = forgotten.map_err(|error| ChannelError::Unreachable(error.to_string()))?;
        forgotten.map_err(|error| ChannelError::Unreachable(error.msg.render(Lang::english())))?;
        self.note_lost_position();
        Ok(())
    }

    /// Records a batch, tells the channel so, and takes a turn for each thing that an owner said.
    async fn take_batch(self: &Arc<Self>, batch: Batch) -> Result<(), ChannelError> {
        if batch.heard.is_empty() && batch.cursor.is_none() {
            return self.messenger.confirm(&batch).await;
        }
        let this = self.clone();
        let recorded = spawn_blocking(move || {
            let rules = this.rules();
            let is_owner = |heard: &Heard| rules.standing(heard) == Standing::Owner;
            let new = lock(&this.inbox).record(&batch, is_owner);
            let strangers = batch
                .heard
                .iter()
                .filter(|heard| rules.standing(heard) == Standing::MayPair);
            let requests: Vec<_> = strangers
                .filter_map(|heard| this.request_pairing(heard))
                .collect();
            let is_used = |heard: &Heard| requests.iter().any(|(of, _)| of.id == heard.id);
            let unwanted = Self::unwanted_invitations(&batch.heard, &rules, is_used);
            (batch, new, requests, unwanted)
        })
        .await;
        let Ok((batch, new, requests, unwanted)) = recorded else {
            return Err(ChannelError::Unreachable(
                "the batch could not be recorded".to_owned(),
            ));
        };
        // What is not on disk is not confirmed: the channel delivers it again.
        let new = new.map_err(|error| ChannelError::Unreachable(error.msg.render(Lang::english())))?;
        // What is on disk is obeyed, whether or not the channel can be told that: it is not delivered again as new.
        let confirmed = self.messenger.confirm(&batch).await;
        if !batch.heard.is_empty() {
            let now = self.conversation.context.own.host.now();
            self.state.update(|state| state.last_heard = Some(now));
        }
        for heard in new {
            self.start_turn(heard, None);
        }
        if !unwanted.is_empty() {
            self.decline(unwanted);
        }
        for (heard, request) in requests {
            let account = self.clone();
            self.turns
                .spawn(async move { account.offer_pairing(&heard, &request).await });
        }
        confirmed
    }

    /// Takes the turns that the last run of the bot left: what was begun is told, and the rest is done now.
    async fn take_waiting_turns(self: &Arc<Self>) {
        let waiting = lock(&self.inbox).waiting().to_vec();
        for entry in waiting {
            let Some(change) = entry.begun else {
                self.start_turn(entry.heard, entry.shown);
                continue;
            };
            let lang = self.language_of(&entry.heard, None);
            let message =
                Message::heading(msg!("bot.cut-short")).line(Line::Item(msg!("bot.said", text = change)));
            let message = message
                .button(msg!("bot.button-status"), "/status all")
                .button(msg!("bot.button-history"), "/history");
            if self.say(&entry.heard.chat, &message, lang).await.is_some() {
                let _ = lock(&self.inbox).finish(&entry.heard.id);
            }
        }
    }

    /// Starts the turn for something that an owner said. `shown` is the message in which the last gateway had begun to
    /// answer.
    fn start_turn(self: &Arc<Self>, heard: Heard, shown: Option<String>) {
        let account = self.clone();
        self.turns
            .spawn(async move { account.take_turn(heard, shown).await });
    }

    async fn take_turn(self: Arc<Self>, heard: Heard, shown: Option<String>) {
        let counterpart = ChatCounterpart {
            account: self.clone(),
            heard: heard.clone(),
            shown,
        };
        match heard.content {
            Content::Invitation => {
                self.accept(&heard).await;
                return counterpart.finish().await;
            }
            Content::Encrypted => {
                counterpart.finish().await;
                let message = Message::text(msg!("bot.encrypted"));
                self.say(&heard.chat, &message, self.language_of(&heard, None))
                    .await;
                return;
            }
            _ => {}
        }
        let (typed, pressed) = self.understand(&heard).await;
        let lang = self.language_of(&heard, typed.lang);
        // In a group people talk to each other: only a command, and what names the bot, is meant for it.
        let text = self.text_for_bot(&heard);
        if typed.command.is_none() && !heard.is_private && text.is_none() {
            return counterpart.finish().await;
        }
        let turn = Turn {
            asked: Asked {
                account: self.settings.name(),
                chat: heard.chat.clone(),
                person: heard.person.clone(),
            },
            text: text.unwrap_or_default(),
            origin: Origin {
                channel: self.channel.name,
                account: self.settings.account.clone(),
                chat: heard.chat.clone(),
                community: heard.community.clone(),
                is_private: heard.is_private,
                message: heard.id.clone(),
            },
            typed,
            lang,
            channel: self.channel.label,
            mark: self.channel.command_mark,
            by: RequestedBy {
                channel: self.channel.name.to_owned(),
                person: format!("{} ({})", crate::text::sanitize(&heard.name), heard.person)
                    .trim()
                    .to_owned(),
            },
            pressed,
        };
        self.conversation.take(&turn, &counterpart).await;
    }

    /// Makes a pairing code for a stranger, unless as many as allowed are open. Waits for files.
    fn request_pairing(&self, heard: &Heard) -> Option<(Heard, PairingRequest)> {
        let now = self.conversation.context.own.host.now();
        let request = self.pairing.request(heard, now, host::random_bytes()).ok()??;
        Some((heard.clone(), request))
    }

    /// Gives a stranger a pairing code.
    async fn offer_pairing(&self, heard: &Heard, request: &PairingRequest) {
        if heard.content == Content::Invitation && !self.meet(heard).await {
            return;
        }
        (self.report)(
            Severity::Info,
            msg!(
                "bot.pairing-requested",
                channel = self.channel.label,
                id = request.id
            ),
        );
        // The same words as OpenClaw's, and no more: a stranger learns nothing of this host.
        let command = format!("openclaw pairing approve {} {}", self.channel.name, request.code);
        let message = Message::text(msg!("bot.pairing"))
            .line(Line::Text(msg!(
                "bot.pairing-id",
                channel = self.channel.label,
                id = request.id
            )))
            .line(Line::Text(msg!("bot.pairing-ask")))
            .line(Line::Quote(command));
        let lang = self.language_of(heard, None);
        let _ = self.say(&heard.chat, &message, lang).await;
    }

    /// Returns the rules about who may speak, with the people that are paired now. Waits for files.
    pub(crate) fn rules(&self) -> AccessRules {
        AccessRules::new(&self.settings, &self.config, &self.pairing.paired())
    }

    /// Returns the language for an answer: that of the word which was used, else the one that the person used last, else
    /// that of the person's program, else the bot's.
    fn language_of(&self, heard: &Heard, used: Option<Lang>) -> Lang {
        let mut languages = lock(&self.languages);
        if let Some(used) = used {
            languages.insert(heard.person.clone(), used);
            return used;
        }
        let program = heard
            .language
            .as_deref()
            .and_then(|code| Lang::from_code(code.get(..2)?));
        let known = languages.get(&heard.person).copied();
        known.or(program).unwrap_or(self.conversation.context.lang)
    }

    /// Asks the channel's servers who the bot is, and returns the result in OpenClaw's form.
    pub(crate) async fn probe(&self, limit: Duration, lang: Lang) -> Value {
        direct::probe(self.messenger.as_ref(), limit, lang).await
    }

    /// Returns the private chat with an owner.
    pub(crate) async fn private_chat(&self, person: &str) -> Result<String, ChannelError> {
        self.messenger.private_chat(person).await
    }
}

/// Returns the menu of commands in a language.
fn menu(lang: Lang) -> Vec<MenuCommand> {
    let command = |(word, description): (_, Msg)| MenuCommand {
        word,
        description: description.render(lang),
    };
    command::menu(lang).map(command).collect()
}

/// The chat in which something was said, as the other side of a conversation.
struct ChatCounterpart {
    /// The account.
    account: Arc<Account>,
    /// What was said.
    heard: Heard,
    /// The message in which the last gateway had begun to answer, before it ended.
    shown: Option<String>,
}

impl Counterpart for ChatCounterpart {
    fn say<'a>(&'a self, message: &'a Message, lang: Lang) -> BoxFuture<'a, Option<String>> {
        Box::pin(async move { self.account.say(&self.heard.chat, message, lang).await })
    }

    fn replace<'a>(&'a self, id: &'a str, message: &'a Message, lang: Lang) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.account.replace(&self.heard.chat, id, message, lang).await })
    }

    fn show_typing(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // A sign that could not be shown is no reason to keep anybody waiting.
            let _ = self.account.messenger.show_typing(&self.heard.chat).await;
        })
    }

    fn shown(&self) -> Option<String> {
        self.shown.clone()
    }

    fn keep_shown(&self, message: &str) -> BoxFuture<'_, ()> {
        let (account, id, message) = (self.account.clone(), self.heard.id.clone(), message.to_owned());
        Box::pin(async move {
            // What can't be kept leads to a second message at worst.
            let _ = spawn_blocking(move || lock(&account.inbox).keep_shown(&id, &message)).await;
        })
    }

    fn begin(&self, change: String) -> BoxFuture<'_, crate::error::Result<()>> {
        let (account, id) = (self.account.clone(), self.heard.id.clone());
        Box::pin(async move {
            let begun = spawn_blocking(move || lock(&account.inbox).begin(&id, &change));
            begun
                .await
                .unwrap_or_else(|_| Err(crate::error::Error::failed(msg!("bot.panicked"))))
        })
    }

    fn finish(&self) -> BoxFuture<'_, ()> {
        let (account, id) = (self.account.clone(), self.heard.id.clone());
        Box::pin(async move {
            // What can't be struck out is done again at the next start, where it only shows something.
            let _ = spawn_blocking(move || lock(&account.inbox).finish(&id)).await;
        })
    }
}

#[cfg(test)]
mod tests;
