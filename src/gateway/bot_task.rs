//! The bot of a gateway as one of its tasks: it follows the config, and logs what is worth a line.

use std::sync::Arc;

use super::log;
use super::state::GatewayState;
use crate::bot::run::Severity;
use crate::bot::task::Bot;
use crate::record::RescueTable;
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

/// Starts the accounts of a gateway's bot, and starts them anew whenever a changed config describes others.
pub(crate) async fn follow_config(state: Arc<GatewayState>, bot: Arc<Bot>) {
    bot.start_alerts();
    let mut configs = state.subscribe();
    loop {
        let active = configs.borrow_and_update().clone();
        let applied = bot.clone();
        // Tokens may be in files.
        let _ = spawn_blocking(move || applied.apply(&active.config)).await;
        if configs.changed().await.is_err() {
            return;
        }
    }
}
