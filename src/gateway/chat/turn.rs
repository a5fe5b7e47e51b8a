//! One turn of a client: whoever answers it does, and the clients are told of the end.

use std::sync::Arc;

use tokio::sync::watch;

use super::outlet::Outlet;
use super::said::{Answerer, Said};
use crate::agent::roster::Roster;
use crate::agent::{Request, RunEnd, RunInfo};
use crate::bot::chat::{Asked, COMMAND_MARK, RequestedBy, Turn, parse_command};
use crate::error::Result;
use crate::gateway::runs::RunOutcome;
use crate::gateway::state::GatewayState;
use crate::i18n::{Lang, msg};
use crate::sync::spawn_blocking;
use crate::time::unix_millis;

/// The answer to what a client said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// An agent's, or the way in which its run ended.
    OfAgent(RunEnd),
    /// The text of the bot.
    OfBot(String),
}

/// Answers what a client said and was taken in.
pub(crate) async fn answer(state: &Arc<GatewayState>, said: &Said) -> Answer {
    answer_growing(state, said, watch::channel(String::new()).0).await
}

/// Answers what a client said and was taken in, and puts an agent's text into `growth` as it grows.
pub(crate) async fn answer_growing(
    state: &Arc<GatewayState>,
    said: &Said,
    growth: watch::Sender<String>,
) -> Answer {
    let lang = state
        .runs
        .book
        .language(parse_command(&said.text).lang, state.lang);
    match said.answerer(state) {
        Answerer::Agent => answer_by_agent(state, said, lang, growth).await,
        Answerer::Bot => {
            let outlet = Outlet::new(state, &said.run, &said.key);
            if let Some(bot) = state.bot.get() {
                bot.take_turn(&turn(said, lang), &outlet).await;
            }
            end_by_words(state, said, &outlet).await
        }
        Answerer::Reset(rest) => reset(state, said, &rest, lang, growth).await,
    }
}

/// Returns the turn of the bot's conversation by which something that a client said is answered.
fn turn(said: &Said, lang: Lang) -> Turn {
    Turn {
        asked: Asked {
            account: "gateway".to_owned(),
            chat: said.key.to_string(),
            person: said.person.id.clone(),
        },
        text: said.text.clone(),
        origin: said.origin(),
        typed: parse_command(&said.text),
        mark: COMMAND_MARK,
        lang,
        channel: "Gateway",
        by: RequestedBy {
            channel: "gateway".to_owned(),
            person: said.person.name.clone(),
        },
        pressed: None,
    }
}

/// Ends a run that the bot answered.
async fn end_by_words(state: &Arc<GatewayState>, said: &Said, outlet: &Outlet) -> Answer {
    let text = outlet.finish().await;
    let outcome = RunOutcome {
        ended: unix_millis(state.context.host.now()),
        ..RunOutcome::default()
    };
    state.runs.book.end_by_id(&said.run, said.key.as_str(), outcome);
    Answer::OfBot(text)
}

/// Lets the agent of the session answer.
async fn answer_by_agent(
    state: &Arc<GatewayState>,
    said: &Said,
    lang: Lang,
    growth: watch::Sender<String>,
) -> Answer {
    let (Some(bot), Some(agents)) = (state.bot.get(), state.agents.get()) else {
        return Answer::OfAgent(RunEnd::Aborted);
    };
    // A plan is a message of its own, which its buttons belong to.
    let plans = Outlet::new(state, &format!("plan-{}", said.run), &said.key);
    let turn = turn(said, lang);
    let request = Request {
        run: said.run.clone(),
        key: said.key.clone(),
        idempotency_key: said.run.clone(),
        parts: said.parts(),
        turn: &turn,
        desk: bot.desk(),
        other: &plans,
    };
    let started = unix_millis(state.context.host.now());
    let end = agents.answer(&request, growth).await;
    plans.finish().await;
    let info = RunInfo {
        id: said.run.clone(),
        agent: said.key.agent().to_owned(),
        session_key: said.key.to_string(),
        session_id: String::new(),
        started,
    };
    state.runs.end_untold(&info, &end);
    Answer::OfAgent(end)
}

/// Begins the session anew, and answers what was said besides.
async fn reset(
    state: &Arc<GatewayState>,
    said: &Said,
    rest: &str,
    lang: Lang,
    growth: watch::Sender<String>,
) -> Answer {
    if let Some(agents) = state.agents.get() {
        agents.abort(&said.key, None);
    }
    let outlet = Outlet::new(state, &said.run, &said.key);
    let (work, key) = (state.clone(), said.key.clone());
    let begun = spawn_blocking(move || begin_anew(&work, &key)).await;
    match begun.unwrap_or(Ok(())) {
        Err(error) => outlet.say_text(error.msg.render(lang)),
        Ok(()) if rest.is_empty() => outlet.say_text(msg!("transcript.begun-anew").render(lang)),
        Ok(()) => {
            let said = Said {
                text: rest.to_owned(),
                ..said.clone()
            };
            if said.answerer(state) == Answerer::Agent {
                return answer_by_agent(state, &said, lang, growth).await;
            }
            outlet.say_text(msg!("transcript.begun-anew").render(lang));
        }
    }
    end_by_words(state, said, &outlet).await
}

/// Begins a new transcript for a session. Waits for the disk.
fn begin_anew(state: &GatewayState, key: &crate::sessions::SessionKey) -> Result<()> {
    let roster = Roster::new(state.context.borrowed(), &state.active().config);
    let agent = roster.agent_of(key);
    let now = state.context.host.now();
    state.sessions.reset(key, &agent.workspace, now).map(drop)
}
