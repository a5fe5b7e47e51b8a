//! The progress of a repair on the screen.

use crate::i18n::msg;
use crate::rescue::repair::{RepairEvent, StepResult};
use crate::ui::Ui;

/// Prints an event of a gateway's repair.
pub(super) fn print_event(ui: &Ui, event: RepairEvent<'_>) {
    match event {
        // The step with all its details is in the list above.
        RepairEvent::Performing(step) => {
            ui.print_note(&msg!("rescue.taking").with_msg("step", step.kind().past_msg()));
        }
        RepairEvent::Waiting(limit) => ui.print_note(&msg!("rescue.waiting", seconds = limit.as_secs())),
        RepairEvent::Performed(StepResult { outcome, .. }) => ui.print_note(&outcome.msg()),
    }
}
