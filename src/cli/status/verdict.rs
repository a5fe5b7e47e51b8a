//! The verdict about a gateway as lists of gateways show it.

use crate::probe::{ProbeVerdict, VerdictClass};
use crate::ui::Ui;

/// Returns the verdict about a gateway in one or two words, in the colour of its class.
pub(in crate::cli) fn coloured_verdict(ui: &Ui, verdict: &ProbeVerdict) -> String {
    let word = console::style(ui.render(&verdict.short_msg())).force_styling(ui.colour());
    match verdict.class() {
        VerdictClass::Healthy => word.green(),
        VerdictClass::NotRunning => word.dim(),
        VerdictClass::Faulty => word.red(),
    }
    .to_string()
}
