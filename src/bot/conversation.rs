//! One turn of a conversation: from what a person asked for to the answer, whatever the channel is. The dashboard and
//! OpenClaw's own clients take the same turns.
//!
//! What acts is shown as a plan first. The yes to it finds the plan again, makes sure that it would still be done the same
//! way, and writes down that it begins before it begins.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinError;

use super::command::{Action, Command, Order, Pause, Typed};
use super::commands::act::{self, ActionPlan, AgreedChange, Prepared};
use super::commands::{CommandContext, error_message, look};
use super::consent::{Asked, Consents};
use super::message::{Line, Message};
use super::pauses::{Pausable, Pauses};
use crate::error::{Error, Result};
use crate::host;
use crate::i18n::{Lang, Msg, msg};
use crate::rescue::history::RequestedBy;
use crate::rescue::stop::StopSignal;
use crate::sync::{lock, spawn_blocking};
use crate::time::{format_for_person, from_unix_millis};

/// Minimum time between two edits of a message that tells the progress of a change: channels limit how often a message
/// may be edited.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// One turn of a conversation: what was said, by whom, and where.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    /// The person, and the chat.
    pub(crate) asked: Asked,
    /// The command.
    pub(crate) typed: Typed,
    /// The language of the answer.
    pub(crate) lang: Lang,
    /// The name of the channel that people know.
    pub(crate) channel: &'static str,
    /// The mark before the commands that the answer names.
    pub(crate) mark: char,
    /// The person as the history names it.
    pub(crate) by: RequestedBy,
    /// The id of the message whose button was pressed.
    pub(crate) pressed: Option<String>,
}

/// The other side of a conversation: where answers go, and where it is written down that a change begins and ends.
pub(crate) trait Counterpart: Send + Sync {
    /// Sends a message, and returns its id; `None` where it could not be sent, which is no fault of the turn.
    fn say<'a>(&'a self, message: &'a Message, lang: Lang) -> BoxFuture<'a, Option<String>>;

    /// Replaces a message, or sends a new one where that is not possible.
    fn replace<'a>(&'a self, id: &'a str, message: &'a Message, lang: Lang) -> BoxFuture<'a, ()>;

    /// Writes down that a change begins, before it begins.
    ///
    /// # Errors
    /// When that is not possible. The change is not made then.
    fn begin(&self, change: String) -> BoxFuture<'_, Result<()>>;

    /// Writes down that the turn needs no more work: nothing of it is done again at the next start.
    fn finish(&self) -> BoxFuture<'_, ()>;
}

/// The conversations of one bot: what its turns share.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// The knowledge of the bot that its commands share.
    pub(crate) context: CommandContext,
    /// The pauses that owners asked for.
    pub(crate) pauses: Arc<Pauses>,
    consents: Mutex<Consents>,
    /// Held while a change is made: two would undo each other.
    acting: tokio::sync::Mutex<()>,
    stop: Arc<StopSignal>,
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
        }
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

    /// Plans a change.
    async fn prepare(&self, turn: &Turn, order: Order) -> Result<Prepared> {
        let context = self.context.for_answers(turn.lang, turn.mark);
        blocking(move || act::prepare(&context, &order)).await
    }

    /// Shows a plan and asks for a yes, or says why there is nothing to do.
    async fn offer(&self, turn: &Turn, prepared: Result<Prepared>, other: &dyn Counterpart) {
        let plan = match prepared {
            Ok(Prepared::Plan(plan)) => *plan,
            Ok(Prepared::Nothing(message)) => {
                other.say(&message, turn.lang).await;
                return;
            }
            Err(error) => {
                other.say(&error_message(&error), turn.lang).await;
                return;
            }
        };
        let mut message = plan
            .reason
            .clone()
            .lines(plan.steps.iter().cloned().map(Line::Item));
        message.lines.push(Line::Text(msg!("bot.ask")));
        let token =
            lock(&self.consents).offer(turn.asked.clone(), plan, host::random_bytes(), Instant::now());
        let message = message
            .button(msg!("bot.button-yes"), format!("/yes {token}"))
            .button(msg!("bot.button-no"), format!("/no {token}"));
        other.say(&message, turn.lang).await;
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
