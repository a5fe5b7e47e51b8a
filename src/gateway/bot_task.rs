//! The bot of a gateway and its agents as one of its tasks: they follow the config, and log what is worth a line.

use std::sync::Arc;

use super::chat;
use super::log;
use super::state::GatewayState;
use crate::agent::{Agents, roster};
use crate::bot::run::Severity;
use crate::bot::task::Bot;
use crate::i18n::msg;
use crate::record::{AgentTable, RescueTable};
use crate::rescue::watch::WatchTarget;
use crate::sync::spawn_blocking;

/// Creates the bot of a gateway, which watches these gateways as the record of the instance says. It talks to nobody until
/// [`follow_config`] runs.
pub(crate) fn create(state: &GatewayState, watched: Vec<WatchTarget>, record: &RescueTable) -> Bot {
    let lang = state.lang;
    let report = move |severity, message| match severity {
        Severity::Info => log::info(lang, &message),
        Severity::Warning => log::warn(lang, &message),
    };
    Bot::new(state.context.clone(), lang, watched, record, Arc::new(report))
}

/// Creates the agents of a gateway, which answer what is no command of its bot. They answer nothing until
/// [`follow_config`] runs.
pub(crate) fn create_agents(state: &Arc<GatewayState>, bot: &Bot, table: &AgentTable) -> Arc<Agents> {
    let observer = Box::new(state.runs.clone());
    let agents = Arc::new(Agents::new(
        state.context.clone(),
        state.sessions.clone(),
        table,
        observer,
    ));
    bot.set_respondent(agents.clone());
    agents
}

/// Starts the accounts of a gateway's bot, and starts them anew whenever a changed config describes others.
pub(crate) async fn follow_config(state: Arc<GatewayState>, bot: Arc<Bot>, agents: Arc<Agents>) {
    bot.start_alerts();
    let mut configs = state.subscribe();
    let mut is_first = true;
    loop {
        let active = configs.borrow_and_update().clone();
        let (bot, agents) = (bot.clone(), agents.clone());
        // Tokens and keys may be in files.
        let _ = spawn_blocking(move || {
            agents.apply(&active.config);
            bot.apply(&active.config);
        })
        .await;
        if std::mem::take(&mut is_first) {
            tell_of_other_sessions(&state);
            chat::answer_what_waits(&state).await;
            state.runs.set_ready();
        }
        if configs.changed().await.is_err() {
            return;
        }
    }
}

/// Logs which agents have conversations that a later release of OpenClaw keeps, and that this engine leaves alone.
fn tell_of_other_sessions(state: &GatewayState) {
    for agent in roster::agent_ids(&state.active().config) {
        if let Some(path) = state.sessions.later_release_database(&agent) {
            let message = msg!("transcript.later-release", agent = agent, path = path.display());
            log::info(state.lang, &message);
        }
    }
}
