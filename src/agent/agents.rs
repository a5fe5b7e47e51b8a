//! The agents of an instance at work: which of them answers what, one run of a session at a time, and the way to stop one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use serde_json::Value;
use tokio::sync::watch;

use super::bindings::{self, MessageOrigin, PeerKind};
use super::budget::Budget;
use super::event::{RunEnd, RunEvent, RunInfo, RunObserver};
use super::history;
use super::prompt::{self, PromptFacts};
use super::roster::{Agent, Roster};
use super::run::{Run, RunContext};
use super::session_entry;
use super::tools::ToolContext;
use crate::bot::chat::{Counterpart, Desk, Origin, Turn};
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::instance::OwnedInstanceContext;
use crate::models::Models;
use crate::record::AgentTable;
use crate::sessions::{
    ContentPart, EntryPlace, NewSession, Session, SessionKey, SessionMessage, SessionStore,
};
use crate::sync::{lock, spawn_blocking};
use crate::time::{format_day, unix_millis};

/// The agents of an instance.
pub(crate) struct Agents {
    own: OwnedInstanceContext,
    models: Models,
    budget: Arc<Budget>,
    sessions: Arc<SessionStore>,
    observer: Box<dyn RunObserver>,
    plan: Mutex<Arc<AnswerPlan>>,
    /// The turns of sessions that are being answered: each session answers one message after the other.
    queues: Mutex<HashMap<SessionKey, Arc<tokio::sync::Mutex<()>>>>,
    /// The runs that are being answered or wait for their turn, by their ids.
    running: Mutex<HashMap<String, Running>>,
}

impl std::fmt::Debug for Agents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Agents")
    }
}

/// The agents of a config, and the config, which says who answers where.
#[derive(Debug)]
pub(crate) struct AnswerPlan {
    /// The agents.
    pub(crate) roster: Roster,
    /// The config.
    config: Value,
}

/// A run that is being answered, or waits for its turn.
struct Running {
    key: SessionKey,
    abort: watch::Sender<bool>,
}

/// Something that a person said to an agent.
pub(crate) struct Request<'a> {
    /// The id of the run that answers it.
    pub(crate) run: String,
    /// The key of the session.
    pub(crate) key: SessionKey,
    /// The key by which the same request is known when it comes again.
    pub(crate) idempotency_key: String,
    /// The texts and images.
    pub(crate) parts: Vec<ContentPart>,
    /// The turn of the conversation.
    pub(crate) turn: &'a Turn,
    /// The commands of the bot.
    pub(crate) desk: &'a dyn Desk,
    /// The other side, to which plans are shown.
    pub(crate) other: &'a dyn Counterpart,
}

impl Agents {
    /// Creates the agents of an instance with the settings of its record. They answer nothing before [`Self::apply`].
    pub(crate) fn new(
        own: OwnedInstanceContext,
        sessions: Arc<SessionStore>,
        table: &AgentTable,
        observer: Box<dyn RunObserver>,
    ) -> Self {
        Self {
            models: Models::new(own.clone()),
            budget: Arc::new(Budget::new(&own.instance.state_dir, table.tokens_per_day)),
            sessions,
            plan: Mutex::new(Arc::new(AnswerPlan::new(&own, &Value::Null))),
            own,
            observer,
            queues: Mutex::default(),
            running: Mutex::default(),
        }
    }

    /// Takes over the agents and models of a config. Waits for files.
    pub(crate) fn apply(&self, config: &Value) {
        self.models.apply(config);
        *lock(&self.plan) = Arc::new(AnswerPlan::new(&self.own, config));
    }

    /// Returns the agents of the config.
    pub(crate) fn plan(&self) -> Arc<AnswerPlan> {
        lock(&self.plan).clone()
    }

    /// Answers a request once the session's earlier ones are answered, and returns the end of the run. The text is put into
    /// `growth` as it grows.
    pub(crate) async fn answer(&self, request: &Request<'_>, growth: watch::Sender<String>) -> RunEnd {
        let (abort, mut aborted) = watch::channel(false);
        let entry = Running {
            key: request.key.clone(),
            abort,
        };
        lock(&self.running).insert(request.run.clone(), entry);
        let queue = self.queue(&request.key);
        let turn = tokio::select! {
            biased;
            _ = aborted.wait_for(|aborted| *aborted) => None,
            turn = queue.lock() => Some(turn),
        };
        let end = match &turn {
            Some(_) => self.take_up(request, growth, &mut aborted).await,
            None => RunEnd::Aborted,
        };
        lock(&self.running).remove(&request.run);
        end
    }

    /// Stops the runs of a session, or one of them, and returns their ids.
    pub(crate) fn abort(&self, key: &SessionKey, run: Option<&str>) -> Vec<String> {
        let running = lock(&self.running);
        let is_meant =
            |(id, entry): &(&String, &Running)| entry.key == *key && run.is_none_or(|run| run == *id);
        let meant = running.iter().filter(is_meant);
        let stopped = meant.map(|(id, entry)| {
            let _ = entry.abort.send(true);
            id.clone()
        });
        stopped.collect()
    }

    /// Returns the ids of the runs of a session that are being answered or wait for their turn.
    pub(crate) fn active_runs(&self, key: &SessionKey) -> Vec<String> {
        let running = lock(&self.running);
        let of_session = running.iter().filter(|(_, entry)| entry.key == *key);
        of_session.map(|(id, _)| id.clone()).collect()
    }

    /// Returns the lock that the turns of a session hold. Locks that nobody holds are forgotten.
    fn queue(&self, key: &SessionKey) -> Arc<tokio::sync::Mutex<()>> {
        let mut queues = lock(&self.queues);
        queues.retain(|_, queue| Arc::strong_count(queue) > 1);
        queues.entry(key.clone()).or_default().clone()
    }

    /// Answers a request whose turn it is. One that was answered already gets the same answer again.
    async fn take_up(
        &self,
        request: &Request<'_>,
        growth: watch::Sender<String>,
        aborted: &mut watch::Receiver<bool>,
    ) -> RunEnd {
        let ready = match self.prepare(request).await {
            Ok(ready) => ready,
            Err(error) => return RunEnd::Failed(error.msg),
        };
        if let Some(text) = ready.answered {
            return RunEnd::Repeated { text };
        }
        let chain = session_entry::models(&ready.session, &ready.agent);
        let context = RunContext {
            own: &self.own,
            models: &self.models,
            budget: &self.budget,
            sessions: &self.sessions,
            observer: self.observer.as_ref(),
            tools: ToolContext {
                turn: request.turn,
                desk: request.desk,
                other: request.other,
                workspace: &ready.agent.workspace,
                today: &ready.today,
            },
            chain: &chain,
            system: &ready.system,
        };
        let info = RunInfo {
            id: request.run.clone(),
            agent: ready.agent.id.clone(),
            session_key: request.key.as_str().to_owned(),
            session_id: ready.session.id().to_owned(),
            started: unix_millis(self.own.host.now()),
        };
        let mut run = Run::new(context, info, ready.session, growth);
        run.note(&RunEvent::Began {
            message: ready.message,
            place: ready.place,
        });
        let end = tokio::select! {
            biased;
            _ = aborted.wait_for(|aborted| *aborted) => RunEnd::Aborted,
            end = run.answer() => end,
        };
        self.note_end(&request.key, &end).await;
        run.finish(&end).await;
        end
    }

    /// Notes in the entry of a session how a run of it ended. What can't be written down is no reason to fail.
    async fn note_end(&self, key: &SessionKey, end: &RunEnd) {
        let (sessions, key, end) = (self.sessions.clone(), key.clone(), end.clone());
        let now = self.own.host.now();
        let note = move || sessions.update(&key, now, |fields| session_entry::note_end(fields, &end));
        drop(spawn_blocking(note).await);
    }

    /// Opens the session of a request, writes its message down, and reads what the model is told.
    async fn prepare(&self, request: &Request<'_>) -> Result<Ready> {
        let key = request.key.clone();
        let unknown = || Error::failed(msg!("agent.unknown", agent = key.agent()));
        let agent = self.plan().roster.get(key.agent()).cloned().ok_or_else(unknown)?;
        let now = self.own.host.now();
        let message = SessionMessage::User {
            parts: request.parts.clone(),
            idempotency_key: Some(request.idempotency_key.clone()),
            timestamp: unix_millis(now),
        };
        let (own, sessions) = (self.own.clone(), self.sessions.clone());
        let origin = request.turn.origin.clone();
        let idempotency_key = request.idempotency_key.clone();
        let prepared = spawn_blocking(move || -> Result<Ready> {
            let new = NewSession {
                workspace: &agent.workspace,
                fields: session_entry::origin_fields(&origin),
                now,
            };
            let session = sessions.open(&key, &new)?;
            let new_id = sessions.append_once(&session, &message, now)?;
            let (answered, known) = if new_id.is_some() {
                (None, None)
            } else {
                let transcript = SessionStore::transcript(&session);
                let place = transcript.place_of(&idempotency_key);
                (history::answer_to(transcript.context(), &idempotency_key), place)
            };
            let today = format_day(prompt::local_time(now, own.host.utc_offset(now)));
            Ok(Ready {
                system: system_prompt(&own, &agent, origin.channel, now),
                agent,
                session,
                place: new_id.or(known).unwrap_or_default(),
                message,
                answered,
                today,
            })
        });
        let panicked = |_| Err(Error::failed(msg!("bot.panicked")));
        prepared.await.unwrap_or_else(panicked)
    }
}

impl AnswerPlan {
    fn new(own: &OwnedInstanceContext, config: &Value) -> Self {
        Self {
            roster: Roster::new(own.borrowed(), config),
            config: config.clone(),
        }
    }

    /// Returns the key of the session in which something that was said in a channel is answered.
    pub(super) fn session_key(&self, origin: &Origin) -> SessionKey {
        let kind = if origin.is_private {
            PeerKind::Direct
        } else {
            PeerKind::Group
        };
        let of = |channel: &str| origin.community.as_deref().filter(|_| origin.channel == channel);
        let origin = MessageOrigin {
            channel: origin.channel,
            account: &origin.account,
            kind,
            peer: &origin.chat,
            guild: of("discord"),
            team: of("slack"),
        };
        let agent = bindings::agent_for(&self.config, &origin);
        bindings::session_key(&self.config, &agent, &origin)
    }

    /// Returns whether the agent of a session has a model.
    pub(crate) fn has_model(&self, key: &SessionKey) -> bool {
        let agent = self.roster.get(key.agent());
        agent.is_some_and(|agent| !agent.models.is_empty())
    }
}

/// A request that is ready to be answered.
struct Ready {
    agent: Agent,
    session: Session,
    place: EntryPlace,
    message: SessionMessage,
    /// The answer, where the request was answered before.
    answered: Option<String>,
    system: String,
    today: String,
}

/// Reads what the model is told before the conversation.
fn system_prompt(own: &OwnedInstanceContext, agent: &Agent, channel: &str, now: SystemTime) -> String {
    let (host, utc_offset) = (&own.host, own.host.utc_offset(now));
    let (hostname, time_zone) = (host.hostname(), host.time_zone());
    let facts = PromptFacts {
        name: agent.name.as_deref(),
        profile: own.instance.profile.as_str(),
        hostname: hostname.as_deref(),
        version: env!("CARGO_PKG_VERSION"),
        workspace: &agent.workspace,
        channel,
        now,
        utc_offset,
        time_zone: time_zone.as_deref(),
    };
    let files = prompt::read_workspace(&agent.workspace, prompt::local_time(now, utc_offset));
    prompt::system_prompt(&facts, &files)
}
