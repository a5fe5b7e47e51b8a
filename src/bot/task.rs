//! A running bot: starts its accounts, starts them anew where the config of a channel changes, and ends them.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::task::JoinSet;

use super::account::AccountSettings;
use super::alerts::outlets::{BotOutlets, RunningAccounts};
use super::alerts::schedule::AlertPolicy;
use super::alerts::task::{AlertEntrance, AlertTask};
use super::alerts::webhook::Webhook;
use super::channel::ChannelType;
use super::chat::{self, PlainMessage};
use super::command::MARK;
use super::commands::CommandContext;
use super::conversation::Conversation;
use super::deliveries::{Deliveries, DeliveryError};
use super::message::Message;
use super::outgoing::{self, SecretFilter};
use super::pauses::{Pausable, Pauses};
use super::respondent::{Desk, Respondent};
use super::run::{Account, Reporter, Severity, read_accounts};
use super::turn::{Counterpart, Turn};
use super::turns::Turns;
use super::{report, shared_token};
use crate::i18n::{Lang, msg};
use crate::instance::OwnedInstanceContext;
use crate::probe::channels::AccountReport;
use crate::record::RescueTable;
use crate::rescue::stop::StopSignal;
use crate::rescue::watch::{WatchEvent, WatchTarget};
use crate::survey;
use crate::sync::{lock, spawn_blocking};
use crate::time::unix_millis;

/// The bot of a gateway.
pub(crate) struct Bot {
    conversation: Arc<Conversation>,
    pauses: Arc<Pauses>,
    stop: Arc<StopSignal>,
    turns: Turns,
    report: Reporter,
    running: Mutex<Running>,
    deliveries: Deliveries,
    accounts: RunningAccounts,
    alerts: AlertEntrance,
    /// The task that sends the alerts, until it is started.
    alert_task: Mutex<Option<AlertTask>>,
}

/// The tasks of the accounts that work now, and the config that describes the accounts. Dropping the tasks ends them.
#[derive(Default)]
struct Running {
    config: Value,
    tasks: JoinSet<()>,
}

impl std::fmt::Debug for Bot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bot")
    }
}

impl Bot {
    /// Creates the bot of an instance's gateway, which watches these gateways as the record of the instance says. Nothing
    /// runs yet.
    pub(crate) fn new(
        own: OwnedInstanceContext,
        lang: Lang,
        targets: Vec<WatchTarget>,
        record: &RescueTable,
        report: Reporter,
    ) -> Self {
        let pauses = Arc::new(Pauses::read(&own.instance.state_dir));
        let stop = Arc::new(StopSignal::default());
        let context = CommandContext {
            own,
            lang,
            mark: MARK,
            watched: targets
                .iter()
                .filter_map(|target| target.profile_here().cloned())
                .collect(),
            watched_elsewhere: targets
                .into_iter()
                .filter(|target| target.host.is_some())
                .collect(),
        };
        let accounts = RunningAccounts::default();
        let webhook = Webhook::new(&context.own.host, &record.alerts).unwrap_or_else(|error| {
            let failed = msg!("bot.alert-refused", outlet = "webhook");
            report(Severity::Warning, failed.with_msg("why", error.msg()));
            None
        });
        let outlets = Arc::new(BotOutlets {
            accounts: accounts.clone(),
            webhook,
            context: context.clone(),
        });
        let policy = AlertPolicy::from_record(record);
        let (task, alerts) = AlertTask::new(context.clone(), policy, pauses.clone(), outlets, report.clone());
        Self {
            accounts,
            alerts,
            alert_task: Mutex::new(Some(task)),
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
        lock(&self.accounts).clear();
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
                    lock(&self.accounts).push(account.clone());
                    running.tasks.spawn(account.run());
                }
                Err(error) => {
                    let failed = msg!("bot.failed", channel = channel, account = name);
                    (self.report)(Severity::Warning, failed.with_msg("why", error.msg()));
                }
            }
        }
        self.alerts.note_recipients();
    }

    /// Lets an agent answer what is no command, from now on.
    pub(crate) fn set_respondent(&self, respondent: Arc<dyn Respondent>) {
        self.conversation.set_respondent(respondent);
    }

    /// Returns the commands of the bot, as an agent may use them.
    pub(crate) fn desk(&self) -> &dyn Desk {
        self.conversation.as_ref()
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
        let rendered = spawn_blocking(move || {
            let filter = SecretFilter::read(&own, &watched, &[]);
            let mut shown = message.clone();
            shown
                .lines
                .extend(outgoing::typed_buttons(&message.buttons, MARK));
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
        lock(&self.accounts).clone()
    }

    /// Starts to send alerts, where the bot watches anything.
    pub(crate) fn start_alerts(&self) {
        let task = lock(&self.alert_task).take();
        if let Some(task) = task.filter(|_| self.conversation.context.watches_anything()) {
            self.turns.spawn(task.run());
        }
    }

    /// Passes an event of a watched gateway to the alerts. Never waits.
    pub(crate) fn report_watch_event(&self, target: &WatchTarget, event: &WatchEvent) {
        let now = self.conversation.context.own.host.now();
        self.alerts.report(target, event, unix_millis(now));
    }

    /// Returns whether an owner has paused the repairs that a watcher makes by itself.
    pub(crate) fn are_repairs_paused(&self) -> bool {
        let now = self.conversation.context.own.host.now();
        self.pauses.is_paused(Pausable::Repairs, now)
    }

    /// Ends the accounts, and tells a change that is being made to begin no further step.
    pub(crate) fn request_end(&self) {
        self.stop.set();
        self.alerts.close();
        *lock(&self.running) = Running::default();
    }

    /// Waits until the turns that are being taken have ended, and the alerts that are being sent.
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
