//! How far the writing has come: a bar on a terminal, nothing elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::apply::Event;

use super::Ui;

/// A bar that counts the changes that are there. It wipes itself away when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Ui {
    /// A bar for so many changes; one that draws nothing where nobody watches, or a screen reader does.
    pub(crate) fn progress(&self, changes: usize) -> Progress {
        let target = if self.plain() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(changes as u64), target);
        let template = if self.ascii() {
            "  [{bar:20}] {pos}/{len}"
        } else {
            "  {bar:20} {pos}/{len}"
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(if self.ascii() {
            style.progress_chars("#.")
        } else {
            style.progress_chars("█·")
        });
        Progress(bar)
    }
}

impl Progress {
    /// Takes what happened into account.
    pub(crate) fn on(&self, event: Event<'_>) {
        match event {
            Event::Started(_) => self.0.tick(),
            Event::Done(_) => self.0.inc(1),
            Event::Undone(_) => self.0.set_position(self.0.position().saturating_sub(1)),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
