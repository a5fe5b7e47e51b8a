//! How far the writing has come: a bar on a terminal, nothing elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use std::cell::{Cell, OnceCell};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::apply::ApplyEvent;
use crate::environment::abbreviate_home;
use crate::i18n::msg;

use super::Ui;

/// A bar that counts the changes that are there. It wipes itself away when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    bar: ProgressBar,
    ui: &'a Ui,
    home: &'a Path,
    /// Each change is told too, for somebody who watches.
    told: bool,
}

impl Ui {
    /// A bar for so many changes; one that draws nothing where nobody watches, or a screen reader does.
    pub(crate) fn progress<'a>(&'a self, changes: usize, home: &'a Path, told: bool) -> Progress<'a> {
        Progress {
            bar: self.bar(changes as u64),
            ui: self,
            home,
            told,
        }
    }

    fn bar(&self, all: u64) -> ProgressBar {
        let target = if self.plain() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(all), target);
        let template = if self.ascii() {
            "  [{bar:20}] {pos}/{len}"
        } else {
            "  {bar:20} {pos}/{len}"
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars(if self.ascii() { "#." } else { "█·" }));
        bar
    }
}

/// How far probing has come: a bar once it takes long enough for somebody to wonder.
#[derive(Debug)]
pub(crate) struct Probing<'a> {
    ui: &'a Ui,
    since: Cell<Option<Instant>>,
    bar: OnceCell<ProgressBar>,
}

/// What nobody notices yet.
const UNNOTICED: Duration = Duration::from_millis(100);

impl Ui {
    /// Watches over probing.
    pub(crate) fn probing(&self) -> Probing<'_> {
        Probing {
            ui: self,
            since: Cell::default(),
            bar: OnceCell::new(),
        }
    }
}

/// A wait that says what is waited for, and wipes itself away when it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting(ProgressBar);

impl Ui {
    /// Watches over a wait; nothing is drawn where nobody watches, or a screen reader does.
    pub(crate) fn waiting(&self, what: &crate::i18n::Msg) -> Waiting {
        let target = if self.plain() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let ticks = if self.ascii() {
            "-\\|/ "
        } else {
            "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "
        };
        let style = ProgressStyle::default_spinner().tick_chars(ticks);
        bar.set_style(
            style
                .template("  {spinner} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        bar.set_message(self.say(what));
        bar.enable_steady_tick(UNNOTICED);
        Waiting(bar)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Probing<'_> {
    /// Takes into account that so many of so many were probed.
    pub(crate) fn at(&self, done: u64, all: u64) {
        let since = self.since.get().unwrap_or_else(Instant::now);
        self.since.set(Some(since));
        if done == all {
            self.since.set(None);
            self.bar.get().inspect(|bar| bar.finish_and_clear());
        } else if since.elapsed() > UNNOTICED {
            self.bar.get_or_init(|| self.ui.bar(all)).set_position(done);
        }
    }
}

impl Progress<'_> {
    /// Takes what happened into account.
    pub(crate) fn on(&self, event: ApplyEvent<'_>) {
        match event {
            ApplyEvent::Started(_) => self.bar.tick(),
            ApplyEvent::Done(change) => {
                self.bar.inc(1);
                if self.told {
                    let mark = if self.ui.ascii() || self.ui.plain() {
                        "*"
                    } else {
                        "✔"
                    };
                    self.tell(&self.ui.item(mark, &self.ui.change_made(change, self.home)));
                }
            }
            ApplyEvent::Undone(path) => {
                self.bar.set_position(self.bar.position().saturating_sub(1));
                self.tell(
                    &self
                        .ui
                        .say(&msg!("onboard.undone", path = abbreviate_home(self.home, path))),
                );
            }
        }
    }

    fn tell(&self, line: &str) {
        self.bar.suspend(|| self.ui.err(line));
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
