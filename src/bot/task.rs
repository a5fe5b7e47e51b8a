//! A running bot: starts its accounts, starts them anew where the config of a channel changes, and ends them.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::task::JoinSet;

use super::account::AccountSettings;
use super::channel::ChannelType;
use super::chat::{self, PlainMessage};
use super::commands::CommandContext;
use super::conversation::{Conversation, Counterpart, Turn};
use super::deliveries::{Deliveries, DeliveryError};
use super::message::Message;
use super::outgoing::{self, SecretFilter};
use super::pauses::{Pausable, Pauses};
use super::run::{Account, Reporter, Severity, read_accounts};
use super::turns::Turns;
use super::{report, shared_token};
use crate::i18n::{Lang, msg};
use crate::instance::OwnedInstanceContext;
use crate::probe::channels::AccountReport;
use crate::profile::ProfileName;
use crate::rescue::stop::StopSignal;
use crate::survey;
use crate::sync::lock;

/// The bot of a gateway.
pub(crate) struct Bot {
    conversation: Arc<Conversation>,
    pauses: Arc<Pauses>,
    stop: Arc<StopSignal>,
    turns: Turns,
    report: Reporter,
    running: Mutex<Running>,
    deliveries: Deliveries,
}

/// The accounts that work now. Dropping the tasks ends them.
#[derive(Default)]
struct Running {
    config: Value,
    accounts: Vec<Arc<Account>>,
    tasks: JoinSet<()>,
}

impl std::fmt::Debug for Bot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bot")
    }
}

impl Bot {
    /// Creates the bot of an instance's gateway, which watches these profiles. Nothing runs yet.
    pub(crate) fn new(
        own: OwnedInstanceContext,
        lang: Lang,
        watched: Vec<ProfileName>,
        report: Reporter,
    ) -> Self {
        let pauses = Arc::new(Pauses::read(&own.instance.state_dir));
        let stop = Arc::new(StopSignal::default());
        let context = CommandContext { own, lang, watched };
        Self {
            conversation: Arc::new(Conversation::new(context, pauses.clone(), stop.clone())),
            pauses,
            stop,
            turns: Turns::default(),
            report,
            running: Mutex::default(),
            deliveries: Deliveries::default(),
        }
    }

    /// Starts the accounts that a config describes, in place of those that run. Where nothing about the channels has
    /// changed, everything stays as it is.
    pub(crate) fn apply(&self, config: &Value) {
        let relevant = relevant_config(config);
        let mut running = lock(&self.running);
        if running.config == relevant {
            return;
        }
        // The old tasks end before the new ones begin: two would receive the same.
        *running = Running::default();
        running.config = relevant;
        let own = &self.conversation.context.own;
        if own.host.is_var_set("OPENCLAW_SKIP_CHANNELS") {
            return;
        }
        let config = Arc::new(config.clone());
        let all = read_accounts(own.borrowed(), &config);
        self.report_shared_tokens(&all);
        for described in all {
            let (channel, name) = (described.0.label, described.1.account.clone());
            let account = Account::new(
                described,
                config.clone(),
                self.conversation.clone(),
                self.turns.clone(),
                self.report.clone(),
            );
            match account {
                Ok(account) => {
                    let account = Arc::new(account);
                    running.accounts.push(account.clone());
                    running.tasks.spawn(account.run());
                }
                Err(error) => {
                    let failed = msg!("bot.failed", channel = channel, account = name);
                    (self.report)(Severity::Warning, failed.with_msg("why", error.msg()));
                }
            }
        }
    }

    /// Starts a turn of a conversation with a client of the gateway. A gateway that ends waits for it.
    pub(crate) fn start(&self, turn: impl Future<Output = ()> + Send + 'static) {
        self.turns.spawn(turn);
    }

    /// Takes a turn of a conversation with a client of the gateway.
    pub(crate) async fn take_turn(&self, turn: &Turn, other: &dyn Counterpart) {
        self.conversation.take(turn, other).await;
    }

    /// Renders a message for a client of the gateway, without secrets.
    pub(crate) async fn render_plain(&self, message: &Message, lang: Lang) -> PlainMessage {
        let context = &self.conversation.context;
        let (own, watched, message) = (context.own.clone(), context.watched.clone(), message.clone());
        let rendered = tokio::task::spawn_blocking(move || {
            let filter = SecretFilter::read(&own, &watched, &[]);
            let mut shown = message.clone();
            shown.lines.extend(outgoing::typed_buttons(&message.buttons));
            PlainMessage {
                text: outgoing::render_texts(chat::FORMAT, &shown, lang, &filter).join("\n"),
                buttons: outgoing::render_buttons(&message.buttons, lang),
            }
        });
        rendered.await.unwrap_or_default()
    }

    /// Logs each account whose token another instance of this host has too, before it is used.
    fn report_shared_tokens(&self, accounts: &[(&'static ChannelType, AccountSettings)]) {
        if accounts.is_empty() {
            return;
        }
        let own = &self.conversation.context.own;
        let survey = survey::survey_host(&own.host, &own.env);
        for (channel, settings) in accounts {
            let token = settings.secrets.first();
            let other =
                token.and_then(|token| shared_token::find_other_instance(own.borrowed(), &survey, token));
            if let Some(other) = other {
                let shared = msg!(
                    "bot.token-shared",
                    channel = channel.label,
                    account = settings.account,
                    instance = other
                );
                (self.report)(Severity::Warning, shared);
            }
        }
    }

    /// Returns every account that a config describes, with the state of those that run. Waits for files.
    pub(crate) fn report(&self, config: &Value) -> Vec<AccountReport> {
        let context = &self.conversation.context;
        report::report_running(context.own.borrowed(), config, &self.accounts(), context.lang)
    }

    /// Returns the account of a channel that runs under a name, or the first one where none is named.
    pub(crate) fn find_account(&self, channel: &str, name: Option<&str>) -> Option<Arc<Account>> {
        let mut accounts = self.accounts().into_iter();
        accounts.find(|account| {
            account.channel.name == channel && name.is_none_or(|name| account.settings.account == name)
        })
    }

    /// Sends a text of a client to an owner of an account, and returns the id of the message. `key` tells requests apart:
    /// a repeated one is not sent again.
    pub(crate) async fn send_to_owner(
        &self,
        account: &Arc<Account>,
        to: &str,
        text: String,
        key: String,
    ) -> Result<Option<String>, DeliveryError> {
        let lang = self.conversation.context.lang;
        self.deliveries.send(account, to, text, key, lang).await
    }

    /// Returns the accounts that run.
    pub(crate) fn accounts(&self) -> Vec<Arc<Account>> {
        lock(&self.running).accounts.clone()
    }

    /// Returns whether an owner has paused the repairs that a watcher makes by itself.
    pub(crate) fn are_repairs_paused(&self) -> bool {
        let now = self.conversation.context.own.host.now();
        self.pauses.is_paused(Pausable::Repairs, now)
    }

    /// Ends the accounts, and tells a change that is being made to begin no further step.
    pub(crate) fn request_end(&self) {
        self.stop.set();
        *lock(&self.running) = Running::default();
    }

    /// Waits until the turns that are being taken have ended.
    pub(crate) async fn ended(&self) {
        self.turns.ended().await;
    }
}

/// Returns the parts of a config that a bot depends on, and the variables that may stand in them.
fn relevant_config(config: &Value) -> Value {
    ["channels", "commands", "env"]
        .iter()
        .map(|key| config.get(*key).cloned().unwrap_or_default())
        .collect()
}
