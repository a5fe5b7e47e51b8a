//! The prompt for a line of text, and for a secret that is not shown while it is typed.

use console::measure_text_width;
use unicode_segmentation::UnicodeSegmentation as _;

use super::keys::Key;
use super::line_editor::LineEditor;
use super::prompt::{EMPTY_ANSWER, KeyOutcome, Prompt};
use super::theme::{Frame, MARK_WIDTH, PromptTheme, TerminalSize};
use crate::i18n::{Msg, msg};
use crate::secret::Secret;
use crate::wizard::question::{HIDDEN_SECRET, Reply};

/// Minimum number of columns to type in at a text prompt: where fewer are left behind the question, the next line is
/// used.
const MIN_INPUT_WIDTH: usize = 12;

/// The kind of text that is typed at a text prompt.
#[derive(Clone, Debug)]
enum InputKind {
    Text { default: Option<String> },
    Secret { optional: bool },
}

/// A terminal prompt at which a line of text is typed.
#[derive(Clone, Debug)]
pub(super) struct TextPrompt {
    text: String,
    kind: InputKind,
    line: LineEditor,
    error: Option<Msg>,
}

impl TextPrompt {
    pub(super) fn text(text: String, default: Option<String>) -> Self {
        Self::new(text, InputKind::Text { default })
    }

    pub(super) fn secret(text: String, optional: bool) -> Self {
        Self::new(text, InputKind::Secret { optional })
    }

    fn new(text: String, kind: InputKind) -> Self {
        Self {
            text,
            kind,
            line: LineEditor::default(),
            error: None,
        }
    }

    fn enter(&mut self) -> KeyOutcome {
        let typed = self.line.text().trim();
        match &self.kind {
            InputKind::Text { default } => match default {
                Some(default) if self.line.is_empty() => KeyOutcome::Answered(Reply::Text(default.clone())),
                _ => KeyOutcome::Answered(Reply::Text(typed.to_owned())),
            },
            InputKind::Secret { optional: false } if typed.is_empty() => {
                self.error = Some(Msg::new("ui.needed"));
                KeyOutcome::Pending
            }
            InputKind::Secret { .. } => KeyOutcome::Answered(Reply::Secret(Secret::new(typed))),
        }
    }

    /// Returns the part of the typed line that a text prompt shows in so many columns, and the column of the cursor
    /// in it.
    fn visible_part(&self, theme: &PromptTheme, room: usize) -> (String, usize) {
        if matches!(self.kind, InputKind::Secret { .. }) {
            let mark = if self.line.is_empty() { "" } else { HIDDEN_SECRET };
            return (mark.to_owned(), measure_text_width(mark));
        }
        let (before, after) = self.line.split_at_cursor();
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
}

impl Prompt for TextPrompt {
    fn handle_key(&mut self, key: &Key) -> KeyOutcome {
        match key {
            Key::Enter => self.enter(),
            Key::Escape => KeyOutcome::Answered(Reply::Back),
            key => {
                if self.line.handle_key(key) {
                    self.error = None;
                }
                KeyOutcome::Pending
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
            InputKind::Secret { optional: true } if self.line.is_empty() => msg!("ui.keys-optional"),
            InputKind::Secret { .. } => msg!("ui.keys-secret"),
            InputKind::Text { .. } => msg!("ui.keys-text"),
        };
        if lines.len() + 1 < size.rows {
            lines.extend(theme.key_hint(&keys, size.columns));
        }
        Frame {
            lines,
            cursor: Some((row, start + at)),
        }
    }

    fn answer_text(&self, _: &PromptTheme) -> String {
        match &self.kind {
            InputKind::Text {
                default: Some(default),
            } if self.line.is_empty() => default.clone(),
            InputKind::Text { .. } => self.line.text().trim().to_owned(),
            InputKind::Secret { .. } if self.line.text().trim().is_empty() => EMPTY_ANSWER.to_owned(),
            InputKind::Secret { .. } => HIDDEN_SECRET.to_owned(),
        }
    }
}
