//! The prompt for a line of text, and for a secret that is not shown while it is typed.

use std::path::PathBuf;

use console::measure_text_width;
use unicode_segmentation::UnicodeSegmentation as _;

use super::completion;
use super::keys::Key;
use super::line_editor::LineEditor;
use super::prompt::{KeyOutcome, Prompt};
use super::theme::{Frame, KeyHint, MARK_WIDTH, PromptTheme, TerminalSize};
use crate::i18n::{Msg, msg};
use crate::secret::Secret;
use crate::wizard::question::{EmptyReply, HELP_WORD, HIDDEN_SECRET, Question, Reply};

/// Minimum number of columns to type in at a text prompt: where fewer are left behind the question, the next line is
/// used.
pub(super) const MIN_INPUT_WIDTH: usize = 12;

/// The kind of text that is typed at a text prompt.
#[derive(Clone, Debug)]
enum InputKind {
    Text { default: Option<String> },
    Secret { empty: Option<EmptyReply> },
}

/// A terminal prompt at which a line of text is typed.
#[derive(Clone, Debug)]
pub(super) struct TextPrompt {
    text: String,
    kind: InputKind,
    line: LineEditor,
    error: Option<Msg>,
    hint: KeyHint,
    /// The home folder, where Tab completes the path of a folder.
    completes_from: Option<PathBuf>,
}

impl TextPrompt {
    pub(super) fn text(text: String, default: Option<String>) -> Self {
        Self::new(text, InputKind::Text { default })
    }

    pub(super) fn secret(text: String, empty: Option<EmptyReply>) -> Self {
        Self::new(text, InputKind::Secret { empty })
    }

    /// Makes Esc and Tab do in a text prompt what the question says.
    pub(super) fn with_keys_of(mut self, question: &Question) -> Self {
        self.hint = KeyHint::new(question);
        self.completes_from.clone_from(&question.completes_from);
        self
    }

    fn new(text: String, kind: InputKind) -> Self {
        Self {
            text,
            kind,
            line: LineEditor::default(),
            error: None,
            hint: KeyHint::default(),
            completes_from: None,
        }
    }

    fn enter(&mut self) -> KeyOutcome {
        let typed = self.line.text().trim();
        match &self.kind {
            InputKind::Text { default } => match default {
                Some(default) if self.line.is_empty() => KeyOutcome::Answered(Reply::Text(default.clone())),
                _ => KeyOutcome::Answered(Reply::Text(typed.to_owned())),
            },
            InputKind::Secret { empty: None } if typed.is_empty() => {
                self.error = Some(Msg::new("ui.needed"));
                KeyOutcome::Pending
            }
            InputKind::Secret { .. } => KeyOutcome::Answered(Reply::Secret(Secret::new(typed))),
        }
    }

    /// Puts the default into an empty line, so that it can be edited, and completes the path of a folder.
    fn complete(&mut self) {
        let addition = match (&self.kind, &self.completes_from) {
            (
                InputKind::Text {
                    default: Some(default),
                },
                _,
            ) if self.line.is_empty() => Some(default.clone()),
            (InputKind::Text { .. }, Some(home)) => completion::folder_ending(self.line.text(), home),
            _ => None,
        };
        if let Some(addition) = addition {
            self.line.handle_key(&Key::End);
            self.line.handle_key(&Key::Paste(addition));
            self.error = None;
        }
    }

    /// Returns the part of the typed line that a text prompt shows in so many columns, and the column of the cursor
    /// in it.
    fn visible_part(&self, theme: &PromptTheme, room: usize) -> (String, usize) {
        if matches!(self.kind, InputKind::Secret { .. }) {
            let mark = if self.line.is_empty() { "" } else { HIDDEN_SECRET };
            return (mark.to_owned(), measure_text_width(mark));
        }
        visible_part(theme, &self.line, room)
    }
}

/// Returns the part of a typed line around the cursor that fits into so many columns, and the column of the cursor in it.
pub(super) fn visible_part(theme: &PromptTheme, line: &LineEditor, room: usize) -> (String, usize) {
    let (before, after) = line.split_at_cursor();
    let ellipsis = theme.ellipsis();
    let mut visible = Vec::new();
    let mut used = 0;
    for letter in before.graphemes(true).rev() {
        let letter = theme.displayable(letter);
        let width = measure_text_width(&letter);
        // One column for the ellipsis, and one for the cursor behind the end.
        if used + width + 2 > room {
            visible.push(ellipsis.to_owned());
            used += measure_text_width(ellipsis);
            break;
        }
        used += width;
        visible.push(letter);
    }
    visible.reverse();
    let cursor = used;
    for letter in after.graphemes(true) {
        let letter = theme.displayable(letter);
        let width = measure_text_width(&letter);
        if used + width + 1 > room {
            break;
        }
        used += width;
        visible.push(letter);
    }
    (visible.concat(), cursor)
}

impl Prompt for TextPrompt {
    fn handle_key(&mut self, key: &Key) -> KeyOutcome {
        match key {
            Key::Enter => self.enter(),
            Key::Escape => KeyOutcome::Answered(Reply::Back),
            Key::Tab => {
                self.complete();
                KeyOutcome::Pending
            }
            key => {
                if self.line.handle_key(key) {
                    self.error = None;
                }
                KeyOutcome::Pending
            }
        }
    }

    fn asks_for_help(&mut self, key: &Key) -> bool {
        match self.kind {
            InputKind::Text { .. } => *key == Key::Char('?') && self.line.is_empty(),
            // A password may start with a question mark, and nobody sees what becomes of it.
            InputKind::Secret { .. } => {
                let asks = *key == Key::Enter && self.line.text() == HELP_WORD;
                if asks {
                    self.line = LineEditor::default();
                }
                asks
            }
        }
    }

    fn render(&self, theme: &PromptTheme, size: TerminalSize) -> Frame {
        let suffix = theme.prompt_suffix();
        let hint = &theme.theme.hint_style;
        let default = match &self.kind {
            InputKind::Text {
                default: Some(default),
            } => format!("({default})"),
            _ => String::new(),
        };
        let more = [(default.as_str(), hint), (suffix.as_str(), hint)];
        let mut lines = theme.question_lines(&self.text, &more, size.columns);
        let mut start = lines.last().map_or(0, |line| measure_text_width(line)) + 1;
        if start + MIN_INPUT_WIDTH > size.columns {
            lines.push(String::new());
            start = MARK_WIDTH;
        }
        let (typed, at) = self.visible_part(theme, size.columns.saturating_sub(start));
        let row = lines.len() - 1;
        if let Some(line) = lines.last_mut() {
            let blanks = start - measure_text_width(line).min(start);
            line.push_str(&" ".repeat(blanks));
            line.push_str(&typed);
        }
        if let Some(error) = &self.error {
            lines.extend(theme.error_lines(error, size.columns));
        }
        let keys = match &self.kind {
            InputKind::Text { default: Some(_) } if self.line.is_empty() => msg!("ui.keys-default"),
            InputKind::Secret { empty: Some(empty) } if self.line.is_empty() => {
                msg!("ui.keys-hidden").with_msg("enter", empty.enter_msg())
            }
            InputKind::Secret { .. } => msg!("ui.keys-secret"),
            InputKind::Text { .. } => msg!("ui.keys-text"),
        };
        let keys = theme.key_hint(&self.hint, &keys, size.columns);
        if lines.len() + keys.len() < size.rows {
            lines.extend(keys);
        }
        Frame {
            lines,
            cursor: Some((row, start + at)),
        }
    }

    fn answer_text(&self, theme: &PromptTheme) -> String {
        match &self.kind {
            InputKind::Text {
                default: Some(default),
            } if self.line.is_empty() => default.clone(),
            InputKind::Text { .. } => self.line.text().trim().to_owned(),
            InputKind::Secret { empty: Some(empty) } if self.line.text().trim().is_empty() => {
                theme.text(&empty.answer_msg())
            }
            InputKind::Secret { .. } => HIDDEN_SECRET.to_owned(),
        }
    }
}
