//! A conversation at a terminal: what was said stays on the screen and scrolls as any other output, and below it stand the
//! answer that still grows and the line that is typed.

use std::io;
use std::time::Duration;

use console::measure_text_width;

use super::keys::Key;
use super::line_editor::LineEditor;
use super::text_prompt::visible_part;
use super::theme::{Frame, KeyHint, MARK_WIDTH, PromptTheme, TerminalSize};
use super::{Terminal, input, prompt_error};
use crate::error::Result;
use crate::i18n::{Msg, msg};
use crate::text::{to_ascii, wrap};

/// Interval at which it is looked whether something was said.
const TICK: Duration = Duration::from_millis(40);
/// Number of lines that the arrow keys bring back.
const MAX_RECALLED: usize = 100;

/// Something that was said in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Utterance {
    /// What the person at the terminal said.
    Person(String),
    /// What the other side said.
    Counterpart(String),
    /// What this program says about the conversation.
    Note(Msg),
}

/// The other side of a conversation at a terminal.
pub(crate) trait Counterpart {
    /// Returns what is complete since the last time, the first at the front.
    fn take_said(&mut self) -> Vec<Utterance>;
    /// Returns the answer that still grows.
    fn growing(&self) -> Option<&str>;
    /// Returns whether an answer is awaited, which [`Self::abort`] would end.
    fn is_answering(&self) -> bool;
    /// Says something to the other side.
    fn say(&mut self, text: &str);
    /// Ends the answer that is awaited.
    fn abort(&mut self);
}

/// The line that is typed, and those that were typed before.
#[derive(Default)]
struct Draft {
    line: LineEditor,
    recalled: Vec<String>,
    /// The number of lines back that the arrow keys have gone.
    back: usize,
}

impl Draft {
    /// Puts an earlier line in place of the present one, or a later one again.
    fn recall(&mut self, is_earlier: bool) {
        let back = if is_earlier {
            (self.back + 1).min(self.recalled.len())
        } else {
            self.back.saturating_sub(1)
        };
        self.back = back;
        let text = self
            .recalled
            .len()
            .checked_sub(back)
            .and_then(|at| self.recalled.get(at));
        self.replace(&text.cloned().unwrap_or_default());
    }

    fn replace(&mut self, text: &str) {
        self.line = LineEditor::default();
        self.line.handle_key(&Key::Paste(text.to_owned()));
    }

    /// Takes out the line, to say it; `None` for a blank one.
    fn take(&mut self) -> Option<String> {
        let text = std::mem::take(&mut self.line).text().trim().to_owned();
        self.back = 0;
        if text.is_empty() {
            return None;
        }
        if self.recalled.last() != Some(&text) {
            self.recalled.push(text.clone());
        }
        if self.recalled.len() > MAX_RECALLED {
            self.recalled.remove(0);
        }
        Some(text)
    }
}

impl Terminal {
    /// Holds a conversation until the person ends it by Ctrl-C, or by Ctrl-D on an empty line. What was said stays on the terminal.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn converse(&mut self, counterpart: &mut dyn Counterpart) -> Result<()> {
        let end = self.run_conversation(counterpart);
        // Nobody sees it where the terminal itself is gone.
        let _ = self.screen.erase_with(std::iter::empty());
        let _ = self.screen.restore();
        input::restore();
        end.map_err(prompt_error)
    }

    fn run_conversation(&mut self, counterpart: &mut dyn Counterpart) -> io::Result<()> {
        input::set_question_mode()?;
        self.screen.set_bracketed_paste(true)?;
        let mut draft = Draft::default();
        let mut drawn = None;
        loop {
            let size = self.screen.size();
            let said = counterpart.take_said();
            if !said.is_empty() {
                let lines = said
                    .iter()
                    .flat_map(|said| said_lines(&self.theme, said, size.columns));
                self.screen.print_lines(&lines.collect::<Vec<_>>())?;
                drawn = None;
            }
            let frame = frame(&self.theme, counterpart, &draft.line, size);
            if drawn.as_ref() != Some(&(size, frame.clone())) && !self.input.has_pending() {
                self.screen.draw(&frame, size)?;
                drawn = Some((size, frame));
            }
            match self.input.next_key_within(TICK)? {
                None => {}
                Some(Key::Interrupt) => return Ok(()),
                Some(Key::EndOfInput) if draft.line.is_empty() => return Ok(()),
                Some(Key::Suspend) => {
                    self.suspend()?;
                    drawn = None;
                }
                Some(Key::Escape) if counterpart.is_answering() => counterpart.abort(),
                Some(Key::Escape) => draft.replace(""),
                Some(Key::Enter) => {
                    if let Some(text) = draft.take() {
                        counterpart.say(&text);
                    }
                }
                Some(key @ (Key::Up | Key::Down)) => draft.recall(key == Key::Up),
                Some(key) => {
                    draft.line.handle_key(&key);
                }
            }
        }
    }
}

/// Returns the lines of something that was said, with the blank line before it.
fn said_lines(theme: &PromptTheme, said: &Utterance, columns: usize) -> Vec<String> {
    let hint = &theme.theme.hint_style;
    let lines = match said {
        Utterance::Counterpart(text) => text_lines(theme, text, columns),
        Utterance::Person(text) => {
            let mark = hint.apply_to(format!("{} ", theme.prompt_suffix())).to_string();
            let style = &theme.theme.prompt_style;
            let lines = text_lines(theme, text, columns.saturating_sub(MARK_WIDTH)).into_iter();
            let styled = lines.map(|line| style.apply_to(line).to_string()).enumerate();
            styled
                .map(|(at, line)| {
                    if at == 0 {
                        format!("{mark}{line}")
                    } else {
                        format!("{:MARK_WIDTH$}{line}", "")
                    }
                })
                .collect()
        }
        Utterance::Note(note) => {
            let lines = theme.wrap_plain(&theme.text(note), columns).into_iter();
            lines.map(|line| hint.apply_to(line).to_string()).collect()
        }
    };
    std::iter::once(String::new()).chain(lines).collect()
}

/// Breaks a text into lines of the terminal. A line that fits keeps its blanks: it may be code.
fn text_lines(theme: &PromptTheme, text: &str, columns: usize) -> Vec<String> {
    let text = text.replace('\t', "    ");
    let text = if theme.ui.ascii() { to_ascii(&text) } else { text };
    let lines = text.lines().flat_map(|line| {
        if measure_text_width(line) <= columns {
            return vec![line.trim_end().to_owned()];
        }
        // A word that is wider than the terminal is broken too.
        let broken = wrap(line, columns).into_iter();
        broken.flat_map(|line| theme.wrap_plain(&line, columns)).collect()
    });
    lines.collect()
}

/// Returns the drawing below what was said: the end of the answer that grows, the line that is typed, and the keys.
fn frame(theme: &PromptTheme, counterpart: &dyn Counterpart, line: &LineEditor, size: TerminalSize) -> Frame {
    let hint = &theme.theme.hint_style;
    let keys = if counterpart.is_answering() {
        msg!("conversation.keys-answering")
    } else {
        msg!("conversation.keys").with("arrows", theme.text(&theme.vertical_arrows()))
    };
    let keys = theme.key_hint(&KeyHint::default(), &keys, size.columns);
    let mut lines = vec![String::new()];
    match counterpart.growing() {
        Some(text) => {
            let grown = text_lines(theme, text, size.columns);
            // One row stays free, so that nothing scrolls; the whole text is there once it is complete.
            let room = size.rows.saturating_sub(keys.len() + 4).max(1);
            lines.extend_from_slice(&grown[grown.len().saturating_sub(room)..]);
            lines.push(String::new());
        }
        None if counterpart.is_answering() => {
            lines.push(
                hint.apply_to(theme.text(&msg!("conversation.waiting")))
                    .to_string(),
            );
            lines.push(String::new());
        }
        None => {}
    }
    let (typed, at) = visible_part(theme, line, size.columns.saturating_sub(MARK_WIDTH));
    let mark = hint.apply_to(format!("{} ", theme.prompt_suffix()));
    let cursor = (lines.len(), MARK_WIDTH + at);
    lines.push(format!("{mark}{typed}"));
    lines.extend(keys);
    Frame {
        lines,
        cursor: Some(cursor),
    }
}
