//! One run: what a person said goes to a model with the conversation so far, the tools that the model calls are called, and
//! so on until the model has nothing left to call.
//!
//! Everything is in the transcript before the next thing happens, so that a gateway that is killed loses nothing: the same
//! request taken up again goes on where it was.

use std::sync::Arc;

use tokio::sync::watch;

use super::budget::Budget;
use super::compaction;
use super::event::{RunEnd, RunEvent, RunInfo, RunObserver};
use super::history;
use super::tools::{self, ToolContext, ToolOutcome};
use crate::error::Result;
use crate::i18n::{Lang, Msg, msg};
use crate::instance::OwnedInstanceContext;
use crate::models::{
    ModelError, ModelErrorKind, ModelEvent, ModelName, ModelReply, ModelRequest, Models, TokenUsage, ToolCall,
};
use crate::sessions::{AssistantMessage, ModelContext, Session, SessionMessage, SessionStop, SessionStore};
use crate::sync::spawn_blocking;
use crate::time::unix_millis;

/// Maximum number of times that a model is asked in one run: a model that calls tools without end is stopped.
const MAX_STEPS: usize = 25;
/// Maximum number of tools that are called for one answer of a model.
const MAX_CALLS: usize = 16;

/// The parts of a gateway that a run works with.
#[derive(Clone)]
pub(super) struct RunContext<'a> {
    /// The host and the instance.
    pub(super) own: &'a OwnedInstanceContext,
    /// The models.
    pub(super) models: &'a Models,
    /// The sessions.
    pub(super) sessions: &'a Arc<SessionStore>,
    /// The tokens that may be used in a day.
    pub(super) budget: &'a Arc<Budget>,
    /// The watcher of the run.
    pub(super) observer: &'a dyn RunObserver,
    /// The surroundings of the tools.
    pub(super) tools: ToolContext<'a>,
    /// The models that are asked, in order.
    pub(super) chain: &'a [ModelName],
    /// The instructions for the model.
    pub(super) system: &'a str,
}

/// A run at work.
pub(super) struct Run<'a> {
    context: RunContext<'a>,
    info: RunInfo,
    session: Session,
    /// The text of the answer, for a channel that shows it while it grows.
    growth: watch::Sender<String>,
    /// The texts of the answers before the one that is being written.
    said: String,
    /// The tokens that were used.
    usage: TokenUsage,
    /// The names of the tools that worked.
    worked: Vec<String>,
}

impl<'a> Run<'a> {
    /// Creates a run that answers the last message of a session.
    pub(super) fn new(
        context: RunContext<'a>,
        info: RunInfo,
        session: Session,
        growth: watch::Sender<String>,
    ) -> Self {
        Self {
            context,
            info,
            session,
            growth,
            said: String::new(),
            usage: TokenUsage::default(),
            worked: Vec::new(),
        }
    }

    /// Writes down that the run failed or was stopped, and tells the watcher of the end.
    pub(super) async fn finish(&self, end: &RunEnd) {
        let kept = match end {
            RunEnd::Failed(why) => {
                let why = why.render(Lang::english());
                self.keep_end(SessionStop::Error, Some(why)).await
            }
            RunEnd::Aborted => self.keep_end(SessionStop::Aborted, None).await,
            RunEnd::Replied { .. } | RunEnd::Repeated { .. } => Ok(()),
        };
        // What can't be written down is told all the same.
        drop(kept);
        self.note(&RunEvent::Ended(end.clone()));
    }

    /// Answers the last message of the session.
    pub(super) async fn answer(&mut self) -> RunEnd {
        for _ in 0..MAX_STEPS {
            if let Some(spent) = self.spent_budget().await {
                return RunEnd::Failed(spent);
            }
            let reply = match self.ask().await {
                Ok(reply) => reply,
                Err(error) => return RunEnd::Failed(error.msg()),
            };
            if let Err(error) = self.keep_reply(&reply).await {
                return RunEnd::Failed(error.msg);
            }
            self.add_said(&reply.text);
            if reply.calls.is_empty() {
                return self.replied(reply.model);
            }
            for (index, call) in reply.calls.iter().enumerate() {
                if let Err(error) = self.call(call, index < MAX_CALLS).await {
                    return RunEnd::Failed(error.msg);
                }
            }
        }
        RunEnd::Failed(msg!("agent.too-many-steps", count = MAX_STEPS))
    }

    /// Returns the end of a run that was answered.
    fn replied(&mut self, model: ModelName) -> RunEnd {
        RunEnd::Replied {
            text: std::mem::take(&mut self.said),
            model,
            usage: self.usage,
            tools: std::mem::take(&mut self.worked),
        }
    }

    /// Tells the watcher of an event.
    pub(super) fn note(&self, event: &RunEvent) {
        self.context.observer.note(&self.info, event);
    }

    /// Asks the models with a conversation that they can read: one that is too long is compacted first.
    async fn ask(&mut self) -> std::result::Result<ModelReply, ModelError> {
        let window = self.context_window();
        let request = self.request().await;
        if compaction::is_full(&request, window) && self.compact(window).await? {
            let request = self.request().await;
            return self.ask_models(&request).await;
        }
        match self.ask_models(&request).await {
            // The estimate was wrong, or the config about the model is.
            Err(error) if error.kind == ModelErrorKind::ContextTooLong => {
                let shorter = compaction::tokens(&request) / 2;
                if !self.compact(shorter.min(window)).await? {
                    return Err(error);
                }
                let request = self.request().await;
                self.ask_models(&request).await
            }
            asked => asked,
        }
    }

    /// Returns the number of tokens that each of the models can read and write.
    fn context_window(&self) -> u64 {
        let windows = self
            .context
            .chain
            .iter()
            .map(|model| self.context.models.context_window(model));
        windows.min().unwrap_or(u64::MAX)
    }

    /// Reads the conversation, and returns the request with it.
    async fn request(&self) -> ModelRequest {
        ModelRequest {
            agent: self.info.agent.clone(),
            system: self.context.system.to_owned(),
            messages: history::messages(self.conversation().await),
            tools: tools::specs(),
            max_output_tokens: None,
        }
    }

    /// Reads the conversation.
    async fn conversation(&self) -> ModelContext {
        let session = self.session.clone();
        let transcript = spawn_blocking(move || SessionStore::transcript(&session)).await;
        transcript.unwrap_or_default().context()
    }

    /// Lets the models summarise the older part of the conversation, for a context window of this many tokens. Returns
    /// `false` where there is none.
    async fn compact(&mut self, window: u64) -> std::result::Result<bool, ModelError> {
        let conversation = self.conversation().await;
        let Some(split) = compaction::split(conversation, window) else {
            return Ok(false);
        };
        let messages = history::messages(split.older);
        let request = compaction::summary_request(&self.info.agent, messages, window);
        let before = compaction::tokens(&request);
        let mut no_event = |_| {};
        let reply = self
            .context
            .models
            .ask(self.context.chain, &request, &mut no_event)
            .await?;
        self.add_usage(reply.usage).await;
        let (sessions, session) = (self.context.sessions.clone(), self.session.clone());
        let now = self.context.own.host.now();
        let compacted =
            spawn_blocking(move || sessions.compact(&session, &reply.text, &split.first_kept, before, now));
        Ok(matches!(compacted.await, Ok(Ok(()))))
    }

    /// Asks the models, and passes on what they write.
    async fn ask_models(&self, request: &ModelRequest) -> std::result::Result<ModelReply, ModelError> {
        let (observer, info, growth) = (self.context.observer, &self.info, &self.growth);
        let mut full = self.said.clone();
        let begins_paragraph = !full.is_empty();
        let mut is_first = true;
        let mut on_event = |event: ModelEvent| match event {
            ModelEvent::Asked(model) => observer.note(info, &RunEvent::Asked(model)),
            ModelEvent::Text(piece) => {
                let delta = if is_first && begins_paragraph {
                    format!("\n\n{piece}")
                } else {
                    piece
                };
                is_first = false;
                full.push_str(&delta);
                growth.send_replace(full.clone());
                let full = full.clone();
                observer.note(info, &RunEvent::Text { full, delta });
            }
            ModelEvent::Switched { from, to, why } => {
                let switched = msg!("agent.switched", from = from, to = to).with_msg("why", why.msg());
                observer.note(info, &RunEvent::Switched(switched));
            }
        };
        let asked = self
            .context
            .models
            .ask(self.context.chain, request, &mut on_event);
        asked.await
    }

    /// Writes a model's answer down.
    async fn keep_reply(&mut self, reply: &ModelReply) -> Result<()> {
        self.add_usage(reply.usage).await;
        let (sessions, session) = (self.context.sessions.clone(), self.session.clone());
        let (model, now) = (reply.model.clone(), self.context.own.host.now());
        let note = move || sessions.note_model(&session, &model.provider, &model.id, now);
        spawn_blocking(note).await.unwrap_or(Ok(()))?;
        self.keep(SessionMessage::Assistant(history::assistant_message(
            reply,
            self.now(),
        )))
        .await
    }

    /// Counts the tokens that a request used.
    async fn add_usage(&mut self, usage: TokenUsage) {
        self.usage = self.usage.plus(usage);
        let (budget, now) = (self.context.budget.clone(), self.context.own.host.now());
        let _ = spawn_blocking(move || budget.spend(usage.total(), now)).await;
    }

    /// Returns the sentence that says that the tokens of the day are used up; `None` where they are not.
    async fn spent_budget(&self) -> Option<Msg> {
        let (budget, now) = (self.context.budget.clone(), self.context.own.host.now());
        spawn_blocking(move || budget.spent(now)).await.ok().flatten()
    }

    /// Writes down an answer without words, and why it has none.
    async fn keep_end(&self, stop: SessionStop, why: Option<String>) -> Result<()> {
        self.keep(SessionMessage::Assistant(AssistantMessage {
            stop,
            error_message: why,
            timestamp: self.now(),
            ..AssistantMessage::default()
        }))
        .await
    }

    /// Adds a message to the transcript.
    async fn keep(&self, message: SessionMessage) -> Result<()> {
        let (sessions, session) = (self.context.sessions.clone(), self.session.clone());
        let now = self.context.own.host.now();
        let kept = message.clone();
        let appended = spawn_blocking(move || sessions.append(&session, &[kept], now));
        let places = appended.await.unwrap_or_else(|_| Ok(Vec::new()))?;
        if let Some(place) = places.into_iter().next() {
            self.note(&RunEvent::Kept { message, place });
        }
        Ok(())
    }

    /// Adds a text to what was said.
    fn add_said(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if !self.said.is_empty() {
            self.said.push_str("\n\n");
        }
        self.said.push_str(text);
    }

    /// Calls a tool, unless too many were called already, and writes its result down.
    async fn call(&mut self, call: &ToolCall, is_allowed: bool) -> Result<()> {
        self.note(&RunEvent::ToolBegan(call.clone()));
        let outcome = if is_allowed {
            tools::call(self.context.tools, call).await
        } else {
            ToolOutcome {
                text: format!("at most {MAX_CALLS} tools are called at once"),
                is_error: true,
            }
        };
        if !outcome.is_error && !self.worked.contains(&call.name) {
            self.worked.push(call.name.clone());
        }
        self.keep(SessionMessage::ToolResult {
            call_id: call.id.clone(),
            tool: call.name.clone(),
            text: outcome.text.clone(),
            is_error: outcome.is_error,
            timestamp: self.now(),
        })
        .await?;
        self.note(&RunEvent::ToolEnded {
            call: call.clone(),
            text: outcome.text,
            is_error: outcome.is_error,
        });
        Ok(())
    }

    fn now(&self) -> u64 {
        unix_millis(self.context.own.host.now())
    }
}
