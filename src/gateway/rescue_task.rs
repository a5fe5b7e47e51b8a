//! The thread that watches other gateways and repairs them, where `instance.toml` says so
//! (`rescue.watch`). A repair waits for programs and files, so it runs beside the server and not in it. Its
//! events are in the log, in the answer to `health`, and so in `status` and on the dashboard; the bot tells its owners.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::log;
use super::state::GatewayState;
use crate::i18n::msg;
use crate::record;
use crate::rescue::stop::StopSignal;
use crate::rescue::watch::{self, WatchContext, WatchEvent, WatchPolicy, WatchTarget};

/// A running thread of the gateway that watches other gateways and repairs them.
#[derive(Debug)]
pub(crate) struct RescueTask {
    stop: Arc<StopSignal>,
    ended: oneshot::Receiver<()>,
}

impl RescueTask {
    /// Starts a thread that watches and repairs these gateways, as the record of the instance says; `None` where there are
    /// none.
    pub(crate) fn start(
        state: &Arc<GatewayState>,
        record: &record::RescueTable,
        targets: Vec<WatchTarget>,
    ) -> Option<Self> {
        if targets.is_empty() {
            return None;
        }
        let policy = WatchPolicy::from_record(record);
        let (running, ended) = oneshot::channel();
        let stop = Arc::new(StopSignal::default());
        let thread_stop = stop.clone();
        let state = state.clone();
        std::thread::spawn(move || {
            // Dropped with the thread, which `ended` waits for.
            let _running: oneshot::Sender<()> = running;
            let report = |target: &WatchTarget, event: WatchEvent| report(&state, target, &event);
            let context = WatchContext {
                rescuer: state.context.borrowed(),
                policy,
                stop: &thread_stop,
                lang: state.lang,
                is_paused: &|| state.bot.get().is_some_and(|bot| bot.are_repairs_paused()),
            };
            watch::run(&context, &targets, &report);
        });
        Some(Self { stop, ended })
    }

    /// Requests the end of the gateway's rescue thread, which watches other gateways. A repair that is in progress
    /// begins no further step.
    pub(crate) fn request_end(&self) {
        self.stop.set();
    }

    /// Waits until the gateway's rescue thread, which watches other gateways, has ended.
    pub(crate) async fn ended(self) {
        let _ = self.ended.await;
    }
}

/// Returns the gateways that this gateway is to watch and repair, as the record file of its instance names them. A name that is
/// none, or this gateway's own, is logged and left out.
pub(crate) fn watched_gateways(state: &GatewayState, record: &record::RescueTable) -> Vec<WatchTarget> {
    let mut targets = Vec::new();
    for name in &record.watch {
        match WatchTarget::parse(name) {
            Ok(target) if target.profile_here() == Some(&state.context.instance.profile) => {
                log::warn(state.lang, &msg!("rescue.itself", profile = target));
            }
            Ok(target) => targets.push(target),
            Err(error) => log::error(state.lang, &error),
        }
    }
    targets
}

/// Logs an event of a watched gateway, records it as that gateway's last event, and passes it to the alerts of the bot.
fn report(state: &GatewayState, target: &WatchTarget, event: &WatchEvent) {
    let message = event.msg(target);
    if event.is_good() {
        log::info(state.lang, &message);
    } else {
        log::warn(state.lang, &message);
    }
    state.record_watch_event(target, event);
    if let Some(bot) = state.bot.get() {
        bot.report_watch_event(target, event);
    }
}
