//! One turn of a conversation: from what a person asked for to the answer, whatever the channel is. The dashboard and
//! OpenClaw's own clients take the same turns.
//!
//! What acts is shown as a plan first. The yes to it finds the plan again, makes sure that it would still be done the same
//! way, and writes down that it begins before it begins.

use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinError;

use super::chat;
use super::command::{Action, Command, Order, Pause};
use super::commands::act::{self, ActionPlan, AgreedChange, Prepared};
use super::commands::{CommandContext, error_message, look};
use super::consent::Consents;
use super::message::{Line, Message};
use super::outgoing::{self, SecretFilter};
use super::pauses::{Pausable, Pauses};
use super::respondent::{Desk, Respondent};
use super::turn::{Counterpart, Turn};
use crate::error::{Error, Result};
use crate::host;
use crate::i18n::{Lang, Msg, msg};
use crate::rescue::stop::StopSignal;
use crate::sync::{lock, spawn_blocking};
use crate::time::{format_for_person, from_unix_millis};

/// Minimum time between two edits of a message that tells the progress of a change: channels limit how often a message
/// may be edited.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// The conversations of one bot: what its turns share.
pub(crate) struct Conversation {
    /// The knowledge of the bot that its commands share.
    pub(crate) context: CommandContext,
    /// The pauses that owners asked for.
    pub(crate) pauses: Arc<Pauses>,
    consents: Mutex<Consents>,
    /// Held while a change is made: two would undo each other.
    acting: tokio::sync::Mutex<()>,
    stop: Arc<StopSignal>,
    /// The agent that answers what is no command; empty where there is none.
    respondent: OnceLock<Arc<dyn Respondent>>,
}

impl Conversation {
    /// Creates the conversations of a bot. `stop` tells a change that the bot is to end.
    pub(crate) fn new(context: CommandContext, pauses: Arc<Pauses>, stop: Arc<StopSignal>) -> Self {
        Self {
            context,
            pauses,
            consents: Mutex::default(),
            acting: tokio::sync::Mutex::default(),
            stop,
            respondent: OnceLock::new(),
        }
    }

    /// Lets an agent answer what is no command, from now on.
    pub(crate) fn set_respondent(&self, respondent: Arc<dyn Respondent>) {
        let _ = self.respondent.set(respondent);
    }

    /// Returns the agent that answers a turn without a command; `None` where none does.
    fn respondent_for(&self, turn: &Turn) -> Option<&Arc<dyn Respondent>> {
        self.respondent.get().filter(|respondent| respondent.takes(turn))
    }

    /// Takes one turn.
    pub(crate) async fn take(&self, turn: &Turn, other: &dyn Counterpart) {
        match &turn.typed.command {
            Some(Command::Yes(token)) => self.agree(turn, token, other).await,
            Some(Command::No(token)) => self.decline(turn, token, other).await,
            Some(Command::Act(order)) => {
                other.finish().await;
                let prepared = self.prepare(turn, order.clone()).await;
                self.offer(turn, prepared, other).await;
            }
            None if let Some(respondent) = self.respondent_for(turn) => {
                respondent.respond(turn, self, other).await;
            }
            command => {
                other.finish().await;
                let answer = self.answer(turn, command.clone()).await;
                other.say(&answer, turn.lang).await;
            }
        }
    }

    /// Answers a question, or does what needs no yes.
    async fn answer(&self, turn: &Turn, command: Option<Command>) -> Message {
        let context = self.context.for_answers(turn.lang, turn.mark);
        let answered = match command {
            None => return look::help(&context, msg!("bot.not-a-command")),
            Some(Command::Help) => return look::help(&context, msg!("bot.help")),
            Some(Command::Whoami) => {
                let id = &turn.asked.person;
                return Message::text(msg!("bot.whoami", channel = turn.channel, id = id));
            }
            Some(Command::Watch(pause)) => self.pause(&context, Pausable::Repairs, pause),
            Some(Command::Mute(pause)) => self.pause(&context, Pausable::Alerts, pause),
            Some(Command::WatchState) => Ok(self.watch_state(&context)),
            Some(command) => blocking(move || look_up(&context, &command)).await,
        };
        answered.unwrap_or_else(|error| error_message(&error))
    }

    /// Begins or ends a pause.
    fn pause(&self, context: &CommandContext, what: Pausable, pause: Pause) -> Result<Message> {
        self.pauses.set(what, pause, self.context.own.host.now())?;
        Ok(match what {
            Pausable::Repairs => self.watch_state(context),
            Pausable::Alerts => {
                let keys = ["bot.alerts-on", "bot.alerts-until", "bot.alerts-off"];
                Message::text(self.pause_msg(context, what, keys))
            }
        })
    }

    /// Returns what the bot watches, and whether it repairs by itself.
    fn watch_state(&self, context: &CommandContext) -> Message {
        if !self.context.watches_anything() {
            return Message::text(msg!("bot.watches-nothing"));
        }
        let here = self.context.watched.iter().map(ToString::to_string);
        let elsewhere = self.context.watched_elsewhere.iter().map(ToString::to_string);
        let names: Vec<_> = here.chain(elsewhere).collect();
        let keys = ["bot.repairs-on", "bot.repairs-until", "bot.repairs-off"];
        let repairs = self.pause_msg(context, Pausable::Repairs, keys);
        Message::text(msg!("bot.watches", names = names.join(", "))).line(Line::Text(repairs))
    }

    /// Returns the sentence about a pause: there is none, it ends at a time, or somebody has to end it.
    fn pause_msg(
        &self,
        context: &CommandContext,
        what: Pausable,
        [none, until_time, ended]: [&'static str; 3],
    ) -> Msg {
        let now = self.context.own.host.now();
        match self
            .pauses
            .until(what)
            .filter(|_| self.pauses.is_paused(what, now))
        {
            None => Msg::new(none),
            Some(u64::MAX) => Msg::new(ended).with("mark", context.mark),
            Some(until) => Msg::new(until_time).with("time", format_for_person(from_unix_millis(until))),
        }
    }

    /// Renders a message as plain text without secrets and without buttons.
    async fn plain(&self, message: Message, lang: Lang) -> String {
        let (own, watched) = (self.context.own.clone(), self.context.watched.clone());
        let rendered = spawn_blocking(move || {
            let filter = SecretFilter::read(&own, &watched, &[]);
            outgoing::render_texts(chat::FORMAT, &message, lang, &filter).join("\n")
        });
        rendered.await.unwrap_or_default()
    }

    /// Plans a change.
    async fn prepare(&self, turn: &Turn, order: Order) -> Result<Prepared> {
        let context = self.context.for_answers(turn.lang, turn.mark);
        blocking(move || act::prepare(&context, &order)).await
    }

    /// Shows a plan and asks for a yes, or says why there is nothing to do. Returns what was shown.
    async fn offer(&self, turn: &Turn, prepared: Result<Prepared>, other: &dyn Counterpart) -> Message {
        let message = match prepared {
            Ok(Prepared::Plan(plan)) => self.ask_for_yes(turn, *plan),
            Ok(Prepared::Nothing(message)) => message,
            Err(error) => error_message(&error),
        };
        other.say(&message, turn.lang).await;
        message
    }

    /// Keeps a plan until it is agreed to or declined, and returns the message that asks for that.
    fn ask_for_yes(&self, turn: &Turn, plan: ActionPlan) -> Message {
        let mut message = plan
            .reason
            .clone()
            .lines(plan.steps.iter().cloned().map(Line::Item));
        message.lines.push(Line::Text(msg!("bot.ask")));
        let token =
            lock(&self.consents).offer(turn.asked.clone(), plan, host::random_bytes(), Instant::now());
        message
            .button(msg!("bot.button-yes"), format!("/yes {token}"))
            .button(msg!("bot.button-no"), format!("/no {token}"))
    }

    /// Declines a plan.
    async fn decline(&self, turn: &Turn, token: &str, other: &dyn Counterpart) {
        other.finish().await;
        let plan = lock(&self.consents).take(token, &turn.asked, Instant::now());
        let message = match plan {
            Some(plan) => Message::text(msg!("rescue.left", profile = plan.target)),
            None => Message::text(msg!("bot.plan-unknown")),
        };
        reply(turn, &message, other).await;
    }

    /// Carries out a plan that was agreed to.
    async fn agree(&self, turn: &Turn, token: &str, other: &dyn Counterpart) {
        let Ok(_acting) = self.acting.try_lock() else {
            other.finish().await;
            other.say(&Message::text(msg!("bot.busy")), turn.lang).await;
            return;
        };
        let plan = lock(&self.consents).take(token, &turn.asked, Instant::now());
        let Some(plan) = plan else {
            other.finish().await;
            other
                .say(&Message::text(msg!("bot.plan-unknown")), turn.lang)
                .await;
            return;
        };
        let order = Order {
            target: Some(plan.target.clone()),
            action: plan.action.clone(),
        };
        // What was agreed to is done, and nothing else: the gateway may be another now than when the plan was shown.
        match self.prepare(turn, order).await {
            Ok(Prepared::Plan(now)) if now.steps == plan.steps => {}
            changed => {
                other.finish().await;
                self.offer(turn, changed, other).await;
                return;
            }
        }
        let change = working_msg(&plan).render(turn.lang);
        if let Err(error) = other.begin(change).await {
            other.say(&error_message(&error), turn.lang).await;
            return;
        }
        let (result, id) = self.perform(turn, plan, other).await;
        let message = result.unwrap_or_else(|error| error_message(&error));
        match id {
            Some(id) => other.replace(&id, &message, turn.lang).await,
            None => {
                other.say(&message, turn.lang).await;
            }
        }
        other.finish().await;
    }

    /// Makes a change on a thread that may wait, and tells its progress in one message. Returns the result, and the id of
    /// the message, where it could be sent.
    async fn perform(
        &self,
        turn: &Turn,
        plan: ActionPlan,
        other: &dyn Counterpart,
    ) -> (Result<Message>, Option<String>) {
        let context = self.context.for_answers(turn.lang, turn.mark);
        let (by, stop) = (turn.by.clone(), self.stop.clone());
        let (told, mut progress) = mpsc::unbounded_channel();
        let mut message = Message::heading(working_msg(&plan));
        // It begins at once: a gateway is not to wait for a message about it.
        let mut change = pin!(spawn_blocking(move || {
            let agreed = AgreedChange {
                plan: &plan,
                by: &by,
                stop: &stop,
            };
            act::perform(&context, agreed, &mut |line| {
                let _ = told.send(line);
            })
        }));
        let id = match &turn.pressed {
            Some(id) => {
                other.replace(id, &message, turn.lang).await;
                Some(id.clone())
            }
            None => other.say(&message, turn.lang).await,
        };
        loop {
            tokio::select! {
                biased;
                result = &mut change => return (or_panicked(result), id),
                Some(line) = progress.recv() => {
                    message.lines.push(Line::Item(line));
                    while let Ok(line) = progress.try_recv() {
                        message.lines.push(Line::Item(line));
                    }
                    if let Some(id) = &id {
                        other.replace(id, &message, turn.lang).await;
                    }
                    tokio::select! {
                        result = &mut change => return (or_panicked(result), id),
                        () = tokio::time::sleep(PROGRESS_INTERVAL) => {}
                    }
                }
            }
        }
    }
}

impl Desk for Conversation {
    fn look<'a>(&'a self, turn: &'a Turn, command: Command) -> BoxFuture<'a, String> {
        Box::pin(async move {
            let message = self.answer(turn, Some(command)).await;
            self.plain(message, turn.lang).await
        })
    }

    fn propose<'a>(
        &'a self,
        turn: &'a Turn,
        order: Order,
        other: &'a dyn Counterpart,
    ) -> BoxFuture<'a, String> {
        Box::pin(async move {
            let prepared = self.prepare(turn, order).await;
            let mut shown = self.offer(turn, prepared, other).await;
            // The token of the yes is the owner's.
            shown.buttons.clear();
            self.plain(shown, turn.lang).await
        })
    }

    fn redact(&self, text: String) -> BoxFuture<'_, String> {
        let (own, watched) = (self.context.own.clone(), self.context.watched.clone());
        let redacted = spawn_blocking(move || SecretFilter::read(&own, &watched, &[]).redact(&text));
        Box::pin(async move { redacted.await.unwrap_or_default() })
    }
}

/// Answers a press in the message that has the button, and anything else in a new message.
async fn reply(turn: &Turn, message: &Message, other: &dyn Counterpart) {
    match &turn.pressed {
        Some(id) => other.replace(id, message, turn.lang).await,
        None => {
            other.say(message, turn.lang).await;
        }
    }
}

/// Returns the sentence that a change is being made.
fn working_msg(plan: &ActionPlan) -> Msg {
    let what = match &plan.action {
        Action::Repair => msg!("bot.doing-repair"),
        Action::Restart => msg!("bot.doing-restart"),
        Action::Stop => msg!("bot.doing-stop"),
        Action::Start => msg!("bot.doing-start"),
        Action::Rollback => msg!("bot.doing-rollback"),
        Action::ConfigSet(path, _) => msg!("bot.doing-set", path = path),
        Action::Snapshot => msg!("bot.doing-snapshot"),
    };
    Msg::new("bot.doing")
        .with("profile", &plan.target)
        .with_msg("what", what)
}

/// Answers a question that needs files, programs or other gateways.
fn look_up(context: &CommandContext, command: &Command) -> Result<Message> {
    match command {
        Command::Status(scope) => look::status(context, scope),
        Command::Diagnose(target) => look::diagnose(context, target),
        Command::Logs(target, count) => look::logs(context, target, *count),
        Command::ConfigGet(target, path) => look::config_value(context, target, path),
        Command::Doctor(target) => look::doctor(context, target),
        Command::Ports => Ok(look::ports(context)),
        Command::History => Ok(look::history(context)),
        // The others are answered before.
        _ => Ok(look::help(context, msg!("bot.help"))),
    }
}

/// Runs something that waits on a thread that may wait.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    or_panicked(spawn_blocking(work).await)
}

/// Returns the result of a thread. A panic is a fault of this program, and no reason to leave a person without an
/// answer.
fn or_panicked<T>(done: std::result::Result<Result<T>, JoinError>) -> Result<T> {
    done.unwrap_or_else(|_| Err(Error::failed(msg!("bot.panicked"))))
}
