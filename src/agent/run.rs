//! One run: what a person said goes to a model with the conversation so far, the tools that the model calls are called, and
//! so on until the model has nothing left to call.
//!
//! Everything is in the transcript before the next thing happens, so that a gateway that is killed loses nothing: the same
//! request taken up again goes on where it was.

use std::sync::Arc;

use tokio::sync::watch;

use super::event::{RunEnd, RunEvent, RunInfo, RunObserver};
use super::history;
use super::tools::{self, ToolContext, ToolOutcome};
use crate::error::Result;
use crate::i18n::{Lang, Msg, msg};
use crate::instance::OwnedInstanceContext;
use crate::models::{ModelEvent, ModelName, ModelReply, ModelRequest, Models, TokenUsage, ToolCall};
use crate::sessions::{AssistantMessage, Session, SessionMessage, SessionStop, SessionStore};
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
            let reply = match self.ask().await {
                Ok(reply) => reply,
                Err(why) => return RunEnd::Failed(why),
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

    /// Asks the models, and passes on what they write.
    async fn ask(&mut self) -> std::result::Result<ModelReply, Msg> {
        let session = self.session.clone();
        let transcript = spawn_blocking(move || SessionStore::transcript(&session)).await;
        let conversation = transcript.unwrap_or_default().context();
        let request = ModelRequest {
            agent: self.info.agent.clone(),
            system: self.context.system.to_owned(),
            messages: history::messages(conversation),
            tools: tools::specs(),
            max_output_tokens: None,
        };
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
            .ask(self.context.chain, &request, &mut on_event);
        asked.await.map_err(|error| error.msg())
    }

    /// Writes a model's answer down.
    async fn keep_reply(&mut self, reply: &ModelReply) -> Result<()> {
        self.usage = history::sum(self.usage, reply.usage);
        self.keep(SessionMessage::Assistant(history::assistant_message(
            reply,
            self.now(),
        )))
        .await
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
        let kept = spawn_blocking(move || sessions.append(&session, &[message], now).map(drop));
        kept.await.unwrap_or(Ok(()))
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
