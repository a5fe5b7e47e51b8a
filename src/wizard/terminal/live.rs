//! A view that renews itself on the terminal, with keys of its own. It is drawn in the place of the drawing before, and
//! erased when it ends, so that the terminal is left as it was found.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::keys::Key;
use super::theme::{Frame, KeyHint, TerminalSize};
use super::{SIGNALS_LEFT, Terminal, input, prompt_error};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::process::CommandSpec;
use crate::i18n::Msg;
use crate::ui::Ui;

/// Maximum time after the end of an interrupted program until the interrupt, which this program got too, is noticed.
const SIGNAL_TIMEOUT: Duration = Duration::from_millis(300);
/// Interval at which it is looked whether a signal was noticed.
const SIGNAL_POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A key that a live view of the terminal may be steered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LiveKey {
    /// A letter or a digit.
    Char(char),
    Up,
    Down,
    Home,
    End,
    Escape,
    /// Ctrl-C.
    Interrupt,
}

/// A view that renews itself on the terminal until a key ends it.
pub(crate) trait LiveView {
    /// What the key that ends the view says.
    type End;
    /// Returns the keys that work in the view, separated by ` · `, for the line below it.
    fn keys(&self) -> Msg;
    /// Returns the present lines of the view, at most so many rows of so many columns.
    fn lines(&mut self, columns: usize, rows: usize) -> Vec<String>;
    /// Handles a key; returns a value where it ends the view.
    fn handle_key(&mut self, key: LiveKey) -> Option<Self::End>;
}

impl Terminal {
    /// Returns `true` if a view can renew itself on the terminal: not for a screen reader, and not in the console of Windows,
    /// which tells of a key only to whoever waits for it as long as it takes.
    pub(crate) fn can_show_live(ui: Ui) -> bool {
        cfg!(unix) && !ui.plain()
    }

    /// Shows a view that renews itself until a key ends it, then erases it and restores the modes of the terminal.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn show_live<V: LiveView>(&mut self, view: &mut V) -> Result<V::End> {
        let end = self.run_live(view);
        // Nobody sees it where the terminal itself is gone.
        let _ = self.screen.erase_with(std::iter::empty());
        let _ = self.screen.restore();
        input::restore();
        end.map_err(prompt_error)
    }

    /// Runs a program that has the terminal to itself until it ends. A Ctrl-C is for the program, and not for this one.
    ///
    /// # Errors
    /// When the program can't be started.
    pub(crate) fn run_program(&mut self, host: &Host, spec: &CommandSpec) -> io::Result<()> {
        let interrupted = i32::from(Error::interrupted().kind.exit_code());
        let before = SIGNALS_LEFT.load(Ordering::SeqCst);
        self.release(|| {
            let code = host.run_in_foreground(spec)?;
            // The terminal has sent the signal to both, and another thread of this process takes note of it.
            let deadline = Instant::now() + SIGNAL_TIMEOUT;
            while code.is_none_or(|code| code == interrupted)
                && SIGNALS_LEFT.load(Ordering::SeqCst) == before
                && Instant::now() < deadline
            {
                input::pause(SIGNAL_POLL_INTERVAL);
            }
            Ok(())
        })
    }

    fn run_live<V: LiveView>(&mut self, view: &mut V) -> io::Result<V::End> {
        input::set_question_mode()?;
        // A text that is pasted by mistake is no row of keys.
        self.screen.set_bracketed_paste(true)?;
        let mut drawn = None;
        loop {
            let size = self.screen.size();
            let lines = self.live_lines(view, size);
            if drawn.as_ref() != Some(&(size, lines.clone())) {
                let frame = Frame { lines, cursor: None };
                self.screen.draw(&frame, size)?;
                drawn = Some((size, frame.lines));
            }
            let Some(key) = self.input.next_key()? else {
                continue;
            };
            let key = match key {
                Key::Suspend => {
                    self.suspend()?;
                    drawn = None;
                    continue;
                }
                Key::Interrupt => LiveKey::Interrupt,
                Key::Escape => LiveKey::Escape,
                Key::Up => LiveKey::Up,
                Key::Down => LiveKey::Down,
                Key::Home => LiveKey::Home,
                Key::End => LiveKey::End,
                Key::Char(letter) => LiveKey::Char(letter),
                _ => continue,
            };
            if let Some(end) = view.handle_key(key) {
                return Ok(end);
            }
        }
    }

    /// Returns the lines of a live view with its keys below. One row of the terminal stays free, so that nothing scrolls.
    fn live_lines<V: LiveView>(&self, view: &mut V, size: TerminalSize) -> Vec<String> {
        let keys = view
            .keys()
            .with("arrows", self.theme.text(&self.theme.vertical_arrows()));
        let keys = self.theme.key_hint(&KeyHint::default(), &keys, size.columns);
        let rows = size.rows.saturating_sub(keys.len() + 2).max(1);
        let mut lines = view.lines(size.columns, rows);
        lines.truncate(rows);
        lines.push(String::new());
        lines.extend(keys);
        lines
    }
}
