//! The verdict about a gateway as lists of gateways show it.

use console::Style;

use crate::probe::{ProbeVerdict, VerdictClass};
use crate::ui::Ui;

/// Returns the verdict about a gateway in one or two words, in the colour of its class.
pub(in crate::cli) fn coloured_verdict(ui: &Ui, verdict: &ProbeVerdict) -> String {
    let style = class_style(verdict.class()).force_styling(ui.colour());
    style.apply_to(ui.render(&verdict.short_msg())).to_string()
}

/// Returns the colour of a class of verdicts about gateways.
pub(super) fn class_style(class: VerdictClass) -> Style {
    let style = Style::new();
    match class {
        VerdictClass::Healthy => style.green(),
        VerdictClass::NotRunning => style.dim(),
        VerdictClass::Faulty => style.red(),
    }
}
