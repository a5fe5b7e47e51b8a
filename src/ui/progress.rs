//! Progress bars and spinners: drawn on a terminal, nothing elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use std::cell::{Cell, OnceCell, RefCell};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::apply::ApplyEvent;
use crate::environment::abbreviate_home;
use crate::i18n::{Msg, msg};
use crate::releases::InstallEvent;

use super::Ui;

/// Time that probing ports may take before a progress bar is drawn, and the interval between two steps of a spinner.
const DRAW_DELAY: Duration = Duration::from_millis(100);

/// A progress bar that counts the changes of a plan that were carried out. Dropped, it erases itself.
#[derive(Debug)]
pub(crate) struct ApplyProgress<'a> {
    bar: ProgressBar,
    ui: &'a Ui,
    home: &'a Path,
    /// `true` if what was changed is printed too.
    prints_changes: bool,
    /// Lines about what was created, which become one line at the end.
    created: RefCell<Vec<String>>,
}

/// A progress bar that shows how many ports were probed, once that takes noticeable time.
#[derive(Debug)]
pub(crate) struct ProbeProgress<'a> {
    ui: &'a Ui,
    since: Cell<Option<Instant>>,
    bar: OnceCell<ProgressBar>,
}

/// The progress of an installation of OpenClaw from npm: a spinner while it is worked out what to fetch, then a bar that
/// counts the packages. Dropped, it erases itself.
#[derive(Debug)]
pub(crate) struct InstallProgress<'a> {
    ui: &'a Ui,
    spinner: Option<Spinner>,
    bar: Option<ProgressBar>,
}

/// A spinner on the terminal that says what is waited for. Dropped, it erases itself.
#[derive(Debug)]
pub(crate) struct Spinner(ProgressBar);

impl Ui {
    /// Creates a progress bar for so many changes of a plan; with `prints_changes`, a line is printed for
    /// each one that concerns something that was there, and one for all that is new.
    pub(crate) fn apply_progress<'a>(
        &'a self,
        changes: usize,
        home: &'a Path,
        prints_changes: bool,
    ) -> ApplyProgress<'a> {
        ApplyProgress {
            bar: self.bar(changes as u64),
            ui: self,
            home,
            prints_changes,
            created: RefCell::default(),
        }
    }

    /// Creates the progress bar for the probing of ports.
    pub(crate) fn probe_progress(&self) -> ProbeProgress<'_> {
        ProbeProgress {
            ui: self,
            since: Cell::default(),
            bar: OnceCell::new(),
        }
    }

    /// Creates the progress of an installation of OpenClaw from npm.
    pub(crate) fn install_progress(&self) -> InstallProgress<'_> {
        InstallProgress {
            ui: self,
            spinner: None,
            bar: None,
        }
    }

    /// Starts a spinner on the terminal that shows this sentence.
    pub(crate) fn spinner(&self, what: &Msg) -> Spinner {
        let bar = ProgressBar::with_draw_target(None, self.draw_target());
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
        bar.set_message(self.render(what));
        bar.enable_steady_tick(DRAW_DELAY);
        Spinner(bar)
    }

    /// Returns where progress bars are drawn: stderr, or nothing for a screen reader; indicatif itself draws on
    /// terminals only.
    fn draw_target(&self) -> ProgressDrawTarget {
        if self.plain() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        }
    }

    /// Creates a progress bar on the terminal.
    fn bar(&self, all: u64) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(all), self.draw_target());
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

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl InstallProgress<'_> {
    /// Shows what an installation of OpenClaw from npm does now.
    pub(crate) fn handle_event(&mut self, event: InstallEvent) {
        match event {
            InstallEvent::Resolving => self.wait_for(&msg!("engine.resolving")),
            InstallEvent::Fetching(packages) => {
                self.spinner = None;
                self.bar = Some(self.ui.bar(packages as u64));
            }
            InstallEvent::Fetched => {
                let bar = self.bar.as_ref();
                bar.filter(|bar| Some(bar.position()) < bar.length())
                    .inspect(|bar| bar.inc(1));
            }
            InstallEvent::Trying => self.wait_for(&msg!("engine.trying")),
        }
    }

    fn wait_for(&mut self, what: &Msg) {
        self.erase_bar();
        self.spinner = Some(self.ui.spinner(what));
    }

    fn erase_bar(&mut self) {
        self.bar.take().inspect(ProgressBar::finish_and_clear);
    }
}

impl Drop for InstallProgress<'_> {
    fn drop(&mut self) {
        self.erase_bar();
    }
}

impl ProbeProgress<'_> {
    /// Shows that `done` of `all` ports were probed; the progress bar is erased when all were.
    pub(crate) fn update(&self, done: u64, all: u64) {
        let since = self.since.get().unwrap_or_else(Instant::now);
        self.since.set(Some(since));
        if done == all {
            self.since.set(None);
            self.bar.get().inspect(|bar| bar.finish_and_clear());
        } else if since.elapsed() > DRAW_DELAY {
            self.bar.get_or_init(|| self.ui.bar(all)).set_position(done);
        }
    }
}

impl ApplyProgress<'_> {
    /// Shows on the progress bar that a planned change was started, made or undone.
    pub(crate) fn handle_event(&self, event: ApplyEvent<'_>) {
        match event {
            ApplyEvent::Started(_) => self.bar.tick(),
            ApplyEvent::Finished(change) => {
                self.bar.inc(1);
                if self.prints_changes {
                    let line = self.ui.render_change_made(change, self.home);
                    if change.creates() {
                        self.created.borrow_mut().push(line);
                    } else {
                        self.print_done(&line);
                    }
                    if self.bar.length() == Some(self.bar.position()) {
                        self.print_created();
                    }
                }
            }
            ApplyEvent::Undone(path) => {
                self.bar.set_position(self.bar.position().saturating_sub(1));
                let path = abbreviate_home(self.home, path);
                self.print_above(&self.ui.render(&msg!("onboard.undone", path = path)));
            }
        }
    }

    /// Prints what was created: one line, with the path of the only one or the number of many.
    fn print_created(&self) {
        let created = self.created.take();
        match &created[..] {
            [] => {}
            [line] => self.print_done(line),
            lines => self.print_done(&self.ui.render(&msg!("plan.created-count", count = lines.len()))),
        }
    }

    /// Prints a line about a change that was made, behind a mark.
    fn print_done(&self, line: &str) {
        let is_plain = self.ui.ascii() || self.ui.plain();
        let mark = if is_plain { "*" } else { "✔" };
        self.print_above(&self.ui.render_item(mark, line));
    }

    /// Prints a line above the progress bar on the terminal.
    fn print_above(&self, line: &str) {
        self.bar.suspend(|| self.ui.eprint(line));
    }
}

impl Drop for ApplyProgress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
