//! How prompts look: the marks and styles of dialoguer's colourful theme, in ASCII where the terminal knows
//! no more, and text laid out so that no line is wider than the terminal.

use console::{Style, measure_text_width as width, style};
use dialoguer::theme::ColorfulTheme;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::error::Error;
use crate::i18n::Msg;
use crate::text;
use crate::ui::Ui;

/// The cells that may be drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// Columns. One less than the terminal has: no cursor ever waits behind the last one, where terminals
    /// differ in what comes next.
    pub(super) columns: usize,
    /// Rows.
    pub(super) rows: usize,
}

/// What a prompt looks like now: its lines, and where the cursor stands, by line and column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) lines: Vec<String>,
    pub(super) cursor: Option<(usize, usize)>,
}

/// Marks, styles and words.
pub(super) struct Skin {
    pub(super) ui: Ui,
    pub(super) theme: ColorfulTheme,
}

/// The columns that stand before a question and before a choice: a mark and a blank.
pub(super) const MARK: usize = 2;

impl Skin {
    pub(super) fn new(ui: Ui) -> Self {
        let mut theme = ColorfulTheme {
            // Bright black, which the theme has, is the background itself in some palettes.
            hint_style: Style::new().for_stderr().dim(),
            ..ColorfulTheme::default()
        };
        if ui.ascii() {
            let mark = |text: &str| style(text.to_owned()).for_stderr();
            theme.prompt_suffix = mark(">").bright().black();
            theme.success_prefix = mark("*").green();
            theme.success_suffix = mark("-").bright().black();
            theme.error_prefix = mark("!").red();
            theme.active_item_prefix = mark(">").green();
        }
        Self { ui, theme }
    }

    pub(super) fn say(&self, msg: &Msg) -> String {
        self.ui.say(msg)
    }

    /// A text of the user's as this terminal can show it.
    pub(super) fn shown(&self, text: &str) -> String {
        let seen = text.chars().filter(|c| !c.is_control());
        if self.ui.ascii() {
            text::to_ascii(&seen.collect::<String>())
        } else {
            seen.collect()
        }
    }

    /// The mark of more to come, and of what was cut off.
    pub(super) fn dots(&self) -> &'static str {
        if self.ui.ascii() { "." } else { "…" }
    }

    /// Texts of several styles one behind the other, broken at blanks, and inside a word that is too long
    /// by itself. No line is wider than `columns`.
    pub(super) fn flow(&self, parts: &[(&str, &Style)], columns: usize) -> Vec<String> {
        let columns = columns.max(2);
        let mut lines = Vec::new();
        let (mut line, mut used) = (String::new(), 0);
        for (text, style) in parts {
            let text = self.shown(&text.replace(['\n', '\t'], " "));
            let mut run = String::new();
            for word in text.split_whitespace().flat_map(|word| pieces(word, columns)) {
                let blank = usize::from(used > 0);
                if used + blank + width(&word) > columns {
                    close(&mut line, &mut run, style);
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                } else if used > 0 {
                    // Between two styles the blank belongs to neither.
                    if run.is_empty() {
                        line.push(' ');
                    } else {
                        run.push(' ');
                    }
                    used += 1;
                }
                run.push_str(&word);
                used += width(&word);
            }
            close(&mut line, &mut run, style);
        }
        if used > 0 || lines.is_empty() {
            lines.push(line);
        }
        lines
    }

    /// Plain text in lines.
    pub(super) fn fold(&self, text: &str, columns: usize) -> Vec<String> {
        self.flow(&[(text, &Style::new())], columns)
    }

    /// The question behind its mark, with more in other styles behind it.
    pub(super) fn question(&self, text: &str, more: &[(&str, &Style)], columns: usize) -> Vec<String> {
        let mut parts = vec![(text, &self.theme.prompt_style)];
        parts.extend(more);
        let mark = self.theme.prompt_prefix.to_string();
        hang(&mark, self.flow(&parts, columns.saturating_sub(MARK)))
    }

    /// What stays of a question that was answered.
    pub(super) fn answered(&self, question: &str, answer: &str, columns: usize) -> Vec<String> {
        let (plain, between) = (Style::new(), self.theme.success_suffix.to_string());
        let between = console::strip_ansi_codes(&between).into_owned();
        let parts = [
            (question, &self.theme.prompt_style),
            (between.as_str(), &self.theme.hint_style),
            (
                answer,
                if answer.is_empty() {
                    &plain
                } else {
                    &self.theme.values_style
                },
            ),
        ];
        let mark = self.theme.success_prefix.to_string();
        hang(&mark, self.flow(&parts, columns.saturating_sub(MARK)))
    }

    /// Why something was not taken, and the ways out.
    pub(super) fn refusal(&self, error: &Error, columns: usize) -> Vec<String> {
        let mut lines = self.complaint(&error.msg, columns);
        let arrow = if self.ui.ascii() { "  ->" } else { "  →" };
        let indent = width(arrow) + 1;
        for hint in &error.hints {
            lines.extend(hang(
                arrow,
                self.fold(&self.say(hint), columns.saturating_sub(indent)),
            ));
        }
        lines
    }

    /// What is wrong with what was typed.
    pub(super) fn complaint(&self, msg: &Msg, columns: usize) -> Vec<String> {
        let text = self.say(msg);
        let parts = [(text.as_str(), &self.theme.error_style)];
        let mark = self.theme.error_prefix.to_string();
        hang(&mark, self.flow(&parts, columns.saturating_sub(MARK)))
    }

    /// The keys that work here, in one line or not at all.
    pub(super) fn keys(&self, msg: &Msg, columns: usize) -> Option<String> {
        let text = self.say(msg);
        (MARK + width(&text) <= columns).then(|| format!("  {}", self.theme.hint_style.apply_to(text)))
    }
}

/// A mark before the first line, and the others as far to the right.
pub(super) fn hang(mark: &str, lines: Vec<String>) -> Vec<String> {
    let indent = " ".repeat(width(mark));
    let hung = lines.into_iter().enumerate();
    hung.map(|(at, line)| {
        format!("{} {line}", if at == 0 { mark } else { &indent })
            .trim_end()
            .to_owned()
    })
    .collect()
}

fn close(line: &mut String, run: &mut String, style: &Style) {
    if !run.is_empty() {
        line.push_str(&style.apply_to(std::mem::take(run)).to_string());
    }
}

/// A word in pieces of at most so many columns.
fn pieces(word: &str, columns: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for letter in word.graphemes(true) {
        if used > 0 && used + width(letter) > columns {
            pieces.push(String::new());
            used = 0;
        }
        used += width(letter);
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(letter);
        }
    }
    pieces
}
