//! What a client says is written down before it is told to be taken in; a repeated request finds it there.

use std::sync::Arc;

use super::said::{Answerer, Said};
use crate::agent::gateway_fields;
use crate::agent::roster::Roster;
use crate::error::{Error, Result};
use crate::gateway::runs::{RunOutcome, RunState};
use crate::gateway::state::GatewayState;
use crate::i18n::msg;
use crate::sessions::{AssistantMessage, NewSession, Session, SessionKey, SessionMessage};
use crate::sync::spawn_blocking;
use crate::time::unix_millis;

/// What became of something that a client said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakenIn {
    /// It is to be answered now.
    Begun,
    /// It is being answered.
    InFlight,
    /// It was answered before.
    Answered,
}

/// Takes in what a client said: afterwards it is on the disk, and a repeated request finds it there.
///
/// # Errors
/// When it can't be written down. It is not answered then.
pub(crate) async fn take_in(state: &Arc<GatewayState>, said: &Said) -> Result<TakenIn> {
    let now = unix_millis(state.context.host.now());
    let book = &state.runs.book;
    match book.begin(&said.run, said.key.as_str(), said.source, now) {
        Some(RunState::Running) => return Ok(TakenIn::InFlight),
        Some(RunState::Ended(_)) => return Ok(TakenIn::Answered),
        None => {}
    }
    let (work, request) = (state.clone(), said.clone());
    let taken = spawn_blocking(move || write_down(&work, &request)).await;
    let taken = taken.unwrap_or_else(|_| Err(Error::failed(msg!("bot.panicked"))));
    match &taken {
        Err(_) => book.forget(&said.run),
        Ok(Some(true)) => book.end_by_id(&said.run, said.key.as_str(), RunOutcome::default()),
        Ok(_) => {}
    }
    Ok(match taken? {
        Some(true) => TakenIn::Answered,
        Some(false) | None => TakenIn::Begun,
    })
}

/// Writes down what a client said, unless it was before; then whether it was answered is returned. Waits for the disk.
fn write_down(state: &GatewayState, said: &Said) -> Result<Option<bool>> {
    let session = open_session(state, &said.key)?;
    let now = state.context.host.now();
    let message = SessionMessage::User {
        parts: said.parts(),
        idempotency_key: Some(said.run.clone()),
        timestamp: unix_millis(now),
    };
    match said.answerer(state) {
        Answerer::Agent => {
            let others = state.runs.book.active_in(said.key.as_str());
            let waits = others.iter().any(|run| *run != said.run)
                || state
                    .agents
                    .get()
                    .is_some_and(|agents| !agents.active_runs(&said.key).is_empty());
            state.sessions.take_in(&session, &message, waits, now)
        }
        Answerer::Bot | Answerer::Reset(_) => state.sessions.note_command(&session, &message, now),
    }
}

/// Writes down the answer to a command. What can't be written down is told all the same.
pub(super) async fn keep_answer(state: &Arc<GatewayState>, key: &SessionKey, text: &str) {
    let (state, key, text) = (state.clone(), key.clone(), text.to_owned());
    let keep = move || -> Result<()> {
        let session = open_session(&state, &key)?;
        let now = state.context.host.now();
        let answer = SessionMessage::Assistant(AssistantMessage::injected(&text, unix_millis(now)));
        state.sessions.note_command(&session, &answer, now).map(drop)
    };
    let _ = spawn_blocking(keep).await;
}

/// Opens the session of a key, which begins where there is none. Waits for the disk.
///
/// # Errors
/// When the session can't be written.
pub(crate) fn open_session(state: &GatewayState, key: &SessionKey) -> Result<Session> {
    let roster = Roster::new(state.context.borrowed(), &state.active().config);
    let agent = roster.agent_of(key);
    let new = NewSession {
        workspace: &agent.workspace,
        fields: gateway_fields(),
        now: state.context.host.now(),
    };
    state.sessions.open(key, &new)
}
