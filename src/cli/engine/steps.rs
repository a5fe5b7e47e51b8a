//! The steps that several commands about releases have in common, with their progress on the terminal.

use super::lookup::store;
use crate::cli::Context;
use crate::error::Result;
use crate::i18n::{Msg, msg};
use crate::releases::{
    self, InstallRequest, Installed, Npm, Rollback, StoreLock, Switch, SwitchChange, SwitchEntry,
    SwitchEvent, SwitchJournal,
};

/// Installs a release.
pub(super) fn install_release(
    context: &Context<'_>,
    lock: &StoreLock,
    npm: &Npm<'_>,
    wanted: &str,
) -> Result<Installed> {
    let request = InstallRequest {
        host: context.host,
        store: &store(context),
        wanted,
        now: &context.now(),
    };
    let mut progress = context.ui.install_progress();
    releases::install(lock, npm, request, &mut |event| progress.handle_event(event))
}

/// Puts back what a switch of the instance that was killed has left, and says so.
pub(super) fn recover(context: &Context<'_>, switch: Switch<'_>) -> Result<()> {
    let _waiting = SwitchJournal::read(switch.store, switch.context.instance)
        .map(|_| context.ui.spinner(&msg!("engine.doing-undo")));
    if let Some(entry) = switch.recover()? {
        let engine = entry.switch.from.name();
        context.ui.print_note(&msg!("engine.recovered", engine = engine));
    }
    Ok(())
}

/// Carries a switch out.
pub(super) fn run_switch(
    context: &Context<'_>,
    switch: Switch<'_>,
    journal: SwitchJournal,
    change: &SwitchChange,
) -> Result<SwitchEntry> {
    switch.run(journal, change, &mut spinners(context))
}

/// Carries a rollback out.
pub(super) fn run_rollback(
    context: &Context<'_>,
    rollback: Rollback,
    lock: &StoreLock,
    switch: Switch<'_>,
) -> Result<SwitchEntry> {
    rollback.run(lock, switch, &mut spinners(context))
}

/// Returns the function that shows each step of a switch with a spinner of its own.
fn spinners(context: &Context<'_>) -> impl FnMut(SwitchEvent) {
    let mut spinner = None;
    move |event| {
        // The old one is erased before the new one is drawn.
        drop(spinner.take());
        spinner = Some(context.ui.spinner(&event_msg(event)));
    }
}

fn event_msg(event: SwitchEvent) -> Msg {
    match event {
        SwitchEvent::Stopping => msg!("engine.doing-stop"),
        SwitchEvent::Saving => msg!("engine.doing-save"),
        SwitchEvent::Starting => msg!("engine.doing-start"),
        SwitchEvent::Watching => msg!("engine.doing-watch"),
        SwitchEvent::Undoing => msg!("engine.doing-undo"),
    }
}
