//! The bot of a gateway and its agents as one of its tasks: they follow the config, and log what is worth a line.

use std::sync::Arc;

use super::log;
use super::run_events::RunEvents;
use super::state::GatewayState;
use crate::agent::Agents;
use crate::bot::run::Severity;
use crate::bot::task::Bot;
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
    let observer = Box::new(RunEvents::new(state));
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
    loop {
        let active = configs.borrow_and_update().clone();
        let (bot, agents) = (bot.clone(), agents.clone());
        // Tokens and keys may be in files.
        let _ = spawn_blocking(move || {
            agents.apply(&active.config);
            bot.apply(&active.config);
        })
        .await;
        if configs.changed().await.is_err() {
            return;
        }
    }
}
