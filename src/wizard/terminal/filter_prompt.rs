//! The prompt for one of many choices, such as the models of a provider: what is typed narrows the list down.

use console::measure_text_width;

use super::keys::Key;
use super::line_editor::LineEditor;
use super::prompt::{KeyOutcome, Prompt};
use super::text_prompt::MIN_INPUT_WIDTH;
use super::theme::{Frame, KeyHint, MARK_WIDTH, PromptTheme, TerminalSize, hang_indent};
use crate::i18n::msg;
use crate::wizard::question::{Choice, Question, Reply};

/// Maximum number of choices that are shown at once, so that the question stays in sight.
const MAX_ROWS: usize = 10;

/// A terminal prompt with a list of many choices and a line that narrows it down.
pub(super) struct FilterPrompt<'a> {
    text: String,
    options: &'a [Choice],
    /// The labels of the choices as the screen shows them.
    labels: Vec<String>,
    default: usize,
    line: LineEditor,
    /// The index of the marked choice among those that match.
    marked: usize,
    hint: KeyHint,
}

impl<'a> FilterPrompt<'a> {
    pub(super) fn new(
        theme: &PromptTheme,
        question: &Question,
        text: String,
        options: &'a [Choice],
        default: usize,
    ) -> Self {
        let label = |option: &Choice| theme.displayable(&theme.text(&option.label));
        Self {
            text,
            options,
            labels: options.iter().map(label).collect(),
            default,
            line: LineEditor::default(),
            marked: default,
            hint: KeyHint::new(question),
        }
    }

    /// Returns the indexes of the choices that match what is typed.
    fn matches(&self) -> Vec<usize> {
        matching(&self.labels, self.line.text())
    }

    /// Moves the mark by so many choices, and from one end of the list to the other.
    fn move_mark(&mut self, by: isize) {
        let count = self.matches().len();
        if count == 0 {
            return;
        }
        self.marked = match self.marked.checked_add_signed(by) {
            Some(at) if at < count => at,
            Some(_) if by == 1 => 0,
            Some(_) => count - 1,
            None if by == -1 => count - 1,
            None => 0,
        };
    }

    /// Returns the marked choice; `None` where nothing matches.
    fn marked_choice(&self) -> Option<usize> {
        self.matches().get(self.marked).copied()
    }
}

/// Returns the indexes of the labels that contain every word of a text, whatever the case of ASCII letters.
pub(super) fn matching(labels: &[String], typed: &str) -> Vec<usize> {
    let words: Vec<_> = typed.split_whitespace().map(str::to_ascii_lowercase).collect();
    let is_match = |label: &String| {
        let label = label.to_ascii_lowercase();
        words.iter().all(|word| label.contains(word))
    };
    let found = labels.iter().enumerate().filter(|(_, label)| is_match(label));
    found.map(|(at, _)| at).collect()
}

impl Prompt for FilterPrompt<'_> {
    fn handle_key(&mut self, key: &Key) -> KeyOutcome {
        match key {
            Key::Up => self.move_mark(-1),
            Key::Down | Key::Tab => self.move_mark(1),
            Key::PageUp => self.move_mark(-MAX_ROWS.cast_signed()),
            Key::PageDown => self.move_mark(MAX_ROWS.cast_signed()),
            Key::Enter => {
                if let Some(at) = self.marked_choice() {
                    return KeyOutcome::Answered(Reply::Text(self.options[at].id.clone()));
                }
            }
            Key::Escape if !self.line.is_empty() => {
                self.line = LineEditor::default();
                self.marked = self.default;
            }
            Key::Escape => return KeyOutcome::Answered(Reply::Back),
            key => {
                if self.line.handle_key(key) {
                    self.marked = if self.line.is_empty() { self.default } else { 0 };
                }
            }
        }
        KeyOutcome::Pending
    }

    fn asks_for_help(&mut self, key: &Key) -> bool {
        *key == Key::Char('?') && self.line.is_empty()
    }

    fn render(&self, theme: &PromptTheme, size: TerminalSize) -> Frame {
        let styles = &theme.theme;
        let suffix = theme.prompt_suffix();
        let more = [(suffix.as_str(), &styles.hint_style)];
        let mut lines = theme.question_lines(&self.text, &more, size.columns);
        let mut start = lines.last().map_or(0, |line| measure_text_width(line)) + 1;
        if start + MIN_INPUT_WIDTH > size.columns {
            lines.push(String::new());
            start = MARK_WIDTH;
        }
        let row = lines.len() - 1;
        let typed = theme.displayable(self.line.text());
        let room = size.columns.saturating_sub(start + 1);
        let typed = console::truncate_str(&typed, room, theme.ellipsis()).into_owned();
        let column = start + measure_text_width(&typed);
        if let Some(line) = lines.last_mut() {
            let blanks = start - measure_text_width(line).min(start);
            line.push_str(&" ".repeat(blanks));
            line.push_str(&typed);
        }
        let keys = msg!("ui.keys-filter").with_msg("arrows", theme.vertical_arrows());
        let keys = theme.key_hint(&self.hint, &keys, size.columns);
        let found = self.matches();
        // A line for how many match, and a blank one before the keys.
        let room = size
            .rows
            .saturating_sub(lines.len() + keys.len() + 2)
            .clamp(1, MAX_ROWS);
        let first = (self.marked + 1).saturating_sub(room);
        let width = size.columns.saturating_sub(MARK_WIDTH);
        for (at, option) in found.iter().enumerate().skip(first).take(room) {
            let (mark, style) = if at == self.marked {
                (&styles.active_item_prefix, &styles.active_item_style)
            } else {
                (&styles.inactive_item_prefix, &styles.inactive_item_style)
            };
            let label = console::truncate_str(&self.labels[*option], width, theme.ellipsis()).into_owned();
            lines.extend(hang_indent(
                &mark.to_string(),
                vec![style.apply_to(label).to_string()],
            ));
        }
        let count = if found.is_empty() {
            msg!("ui.filter-none")
        } else {
            msg!("ui.filter-count", found = found.len(), all = self.options.len())
        };
        let count = theme.wrap_styled(&[(&theme.text(&count), &styles.hint_style)], width);
        lines.extend(count.iter().map(|line| format!("{:MARK_WIDTH$}{line}", "")));
        if lines.len() + keys.len() < size.rows {
            lines.push(String::new());
            lines.extend(keys);
        }
        Frame {
            lines,
            cursor: Some((row, column)),
        }
    }

    fn answer_text(&self, _: &PromptTheme) -> String {
        self.marked_choice()
            .map(|at| self.labels[at].clone())
            .unwrap_or_default()
    }
}
