//! The look of prompts: the marks and styles of dialoguer's colourful theme, in ASCII where the terminal knows no
//! more, and text laid out so that no line is wider than the terminal.

use console::{Style, measure_text_width, style};
use dialoguer::theme::ColorfulTheme;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::error::Error;
use crate::i18n::{Msg, msg};
use crate::text::{fill_lines, to_ascii};
use crate::ui::Ui;
use crate::wizard::question::{EscapeEffect, Question, QuestionHelp, QuestionKind};

/// The size of the terminal that a prompt may use, in columns and lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TerminalSize {
    /// Columns: one less than the terminal has, so that the cursor never waits behind the last one, where
    /// terminals differ in what comes next.
    pub(super) columns: usize,
    /// Rows.
    pub(super) rows: usize,
}

/// A drawing of a terminal prompt: its lines, and the line and column of the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) lines: Vec<String>,
    pub(super) cursor: Option<(usize, usize)>,
}

/// The marks, styles and language of the wizard's terminal prompts.
pub(super) struct PromptTheme {
    pub(super) ui: Ui,
    pub(super) theme: ColorfulTheme,
}

/// What the hint below a prompt says besides the keys of its kind.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyHint {
    /// The effect of Esc.
    escape: EscapeEffect,
    /// The number of the question and the number of all questions, where they are counted.
    progress: Option<(usize, usize)>,
    /// The key that shows the help of the question, where it has one.
    help: Option<Msg>,
}

impl KeyHint {
    /// Creates the hint below the prompt for a question.
    pub(super) fn new(question: &Question) -> Self {
        Self {
            escape: question.escape,
            progress: question.progress,
            help: question.help.is_some().then(|| match question.kind {
                QuestionKind::Secret { .. } => msg!("ui.key-help-hidden"),
                _ => msg!("ui.key-help"),
            }),
        }
    }
}

/// The sign between two keys in a prompt's hint, in the catalogues too.
const KEY_SEPARATOR: &str = " · ";
/// The sign between the name of a choice and its explanation, in the catalogues too.
const EXPLANATION_DASH: &str = " – ";
/// Number of columns of the mark before a question or a choice of a prompt, with its blank.
pub(super) const MARK_WIDTH: usize = 2;

impl PromptTheme {
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

    /// Renders a catalogue message as text of a prompt, in the language of this run.
    pub(super) fn text(&self, msg: &Msg) -> String {
        self.ui.render(msg)
    }

    /// Renders a catalogue message as text of a prompt, without the explanation that follows the name of a choice behind a
    /// dash.
    pub(super) fn short_text(&self, msg: &Msg) -> String {
        let text = self.text(msg);
        match text.split_once(EXPLANATION_DASH) {
            Some((name, _)) => name.to_owned(),
            None => text,
        }
    }

    /// Returns a text of the user's as a prompt can show it on this terminal: without control characters, and in
    /// ASCII where the terminal knows no more.
    pub(super) fn displayable(&self, text: &str) -> String {
        let visible = text.chars().filter(|c| !c.is_control());
        if self.ui.ascii() {
            to_ascii(&visible.collect::<String>())
        } else {
            visible.collect()
        }
    }

    /// Returns the mark with which a prompt shows that text was cut off.
    pub(super) fn ellipsis(&self) -> &'static str {
        if self.ui.ascii() { "." } else { "…" }
    }

    /// Returns the mark of a prompt between the question and what is typed, without a style.
    pub(super) fn prompt_suffix(&self) -> String {
        console::strip_ansi_codes(&self.theme.prompt_suffix.to_string()).into_owned()
    }

    /// Lays out a prompt's texts of several styles one behind the other in lines of at most `columns` columns. Lines
    /// are broken at blanks, and inside a word that is wider than a line. There is at least one line.
    pub(super) fn wrap_styled(&self, parts: &[(&str, &Style)], columns: usize) -> Vec<String> {
        let columns = columns.max(2);
        let mut words = Vec::new();
        for (part, (text, _)) in parts.iter().enumerate() {
            let text = self.displayable(&text.replace(['\n', '\t'], " "));
            let pieces = text.split_whitespace().flat_map(|word| split_word(word, columns));
            words.extend(pieces.map(|piece| (part, piece)));
        }
        let lines = fill_lines(words, columns, |(_, word)| measure_text_width(word));
        let styled_line = |words: Vec<(usize, String)>| {
            // Between two styles the blank belongs to neither.
            let runs = words.chunk_by(|(one, _), (next, _)| one == next);
            let styled = runs.map(|run| {
                let words: Vec<_> = run.iter().map(|(_, word)| word.as_str()).collect();
                let (_, style) = parts[run[0].0];
                style.apply_to(words.join(" ")).to_string()
            });
            styled.collect::<Vec<_>>().join(" ")
        };
        let mut lines: Vec<_> = lines.into_iter().map(styled_line).collect();
        if lines.is_empty() {
            lines.push(String::new());
        }
        lines
    }

    /// Wraps a prompt's text without style to the width of the terminal.
    pub(super) fn wrap_plain(&self, text: &str, columns: usize) -> Vec<String> {
        self.wrap_styled(&[(text, &Style::new())], columns)
    }

    /// Returns the lines of a wizard's question that is not answered yet; `more` follows it in other styles.
    pub(super) fn question_lines(&self, text: &str, more: &[(&str, &Style)], columns: usize) -> Vec<String> {
        let mut parts = vec![(text, &self.theme.prompt_style)];
        parts.extend(more);
        let mark = self.theme.prompt_prefix.to_string();
        let lines = self.wrap_styled(&parts, columns.saturating_sub(MARK_WIDTH));
        hang_indent(&mark, lines)
    }

    /// Returns the lines that stay on the screen of a wizard's question once it is answered.
    pub(super) fn answered_lines(&self, question: &str, answer: &str, columns: usize) -> Vec<String> {
        let (plain, between) = (Style::new(), self.theme.success_suffix.to_string());
        let between = console::strip_ansi_codes(&between).into_owned();
        let answer_style = if answer.is_empty() {
            &plain
        } else {
            &self.theme.values_style
        };
        let parts = [
            (question, &self.theme.prompt_style),
            (between.as_str(), &self.theme.hint_style),
            (answer, answer_style),
        ];
        let mark = self.theme.success_prefix.to_string();
        let lines = self.wrap_styled(&parts, columns.saturating_sub(MARK_WIDTH));
        hang_indent(&mark, lines)
    }

    /// Returns the lines that a prompt shows about a rejected reply: the reason, and the ways out.
    pub(super) fn rejection_lines(&self, rejection: &Error, columns: usize) -> Vec<String> {
        let mut lines = self.error_lines(&rejection.msg, columns);
        if let Some(cause) = &rejection.cause {
            let cause = self.wrap_plain(&format!("{cause:#}"), columns.saturating_sub(MARK_WIDTH));
            lines.extend(cause.into_iter().map(|line| format!("{:MARK_WIDTH$}{line}", "")));
        }
        let arrow = if self.ui.ascii() { "  ->" } else { "  →" };
        let indent = measure_text_width(arrow) + 1;
        for hint in &rejection.hints {
            let hint = self.wrap_plain(&self.text(hint), columns.saturating_sub(indent));
            lines.extend(hang_indent(arrow, hint));
        }
        lines
    }

    /// Returns the dim lines with which the wizard says why a question is asked.
    pub(super) fn why_lines(&self, why: &Msg, columns: usize) -> Vec<String> {
        let text = self.text(why);
        self.wrap_styled(&[(text.as_str(), &self.theme.hint_style)], columns)
    }

    /// Returns the lines of a question's help: its text, its rows in two columns, and the flag.
    pub(super) fn help_lines(&self, help: &QuestionHelp, columns: usize) -> Vec<String> {
        let mut lines = vec![String::new()];
        lines.extend(self.wrap_plain(&self.text(&help.text), columns));
        let names: Vec<_> = help.rows.iter().map(|(name, _)| self.text(name)).collect();
        let width = names
            .iter()
            .map(|name| measure_text_width(name))
            .max()
            .unwrap_or(0);
        for (name, (_, value)) in names.iter().zip(&help.rows) {
            let gap = " ".repeat(width - measure_text_width(name));
            let name = format!(
                "{:MARK_WIDTH$}{}{gap} ",
                "",
                self.theme.values_style.apply_to(name)
            );
            let room = columns.saturating_sub(measure_text_width(&name) + 1);
            lines.extend(hang_indent(&name, self.wrap_plain(&self.text(value), room)));
        }
        lines.extend(self.why_lines(&help.flag, columns));
        lines.push(String::new());
        lines
    }

    /// Returns the lines of a prompt that say what is wrong with the typed text.
    pub(super) fn error_lines(&self, msg: &Msg, columns: usize) -> Vec<String> {
        let text = self.text(msg);
        let parts = [(text.as_str(), &self.theme.error_style)];
        let mark = self.theme.error_prefix.to_string();
        let lines = self.wrap_styled(&parts, columns.saturating_sub(MARK_WIDTH));
        hang_indent(&mark, lines)
    }

    /// Returns the lines of a prompt with the keys that work there, broken between two of them where one line is too narrow.
    pub(super) fn key_hint(&self, hint: &KeyHint, keys: &Msg, columns: usize) -> Vec<String> {
        let separator = self.displayable(KEY_SEPARATOR);
        let room = columns.saturating_sub(MARK_WIDTH);
        let mut lines: Vec<String> = Vec::new();
        let progress = hint.progress.filter(|(_, total)| *total > 1);
        let progress = progress.map(|(number, total)| format!("{number}/{total}"));
        let keys = self.text(&keys.clone().with_msg("escape", hint.escape.msg()));
        let help = hint.help.as_ref().map(|help| self.text(help));
        let keys = keys.split(&separator).chain(help.as_deref());
        for part in progress.as_deref().into_iter().chain(keys) {
            match lines.last_mut() {
                Some(line)
                    if measure_text_width(line)
                        + measure_text_width(&separator)
                        + measure_text_width(part)
                        <= room =>
                {
                    line.push_str(&separator);
                    line.push_str(part);
                }
                _ => lines.extend(self.wrap_plain(part, room)),
            }
        }
        let style = &self.theme.hint_style;
        let indented = lines
            .into_iter()
            .map(|line| format!("{:MARK_WIDTH$}{}", "", style.apply_to(line)));
        indented.collect()
    }

    /// Returns the words or signs for the arrow keys up and down in a prompt's hint.
    pub(super) fn vertical_arrows(&self) -> Msg {
        if self.ui.ascii() {
            msg!("ui.arrows-up-down")
        } else {
            msg!("ui.arrows-vertical")
        }
    }

    /// Returns the words or signs for the arrow keys left and right in a prompt's hint.
    pub(super) fn horizontal_arrows(&self) -> Msg {
        if self.ui.ascii() {
            msg!("ui.arrows-left-right")
        } else {
            msg!("ui.arrows-horizontal")
        }
    }
}

/// Returns a prompt's lines with a mark before the first one, and the others indented by its width.
pub(super) fn hang_indent(mark: &str, lines: Vec<String>) -> Vec<String> {
    let indent = " ".repeat(measure_text_width(mark));
    let indented = lines.into_iter().enumerate().map(|(at, line)| {
        let before = if at == 0 { mark } else { &indent };
        format!("{before} {line}").trim_end().to_owned()
    });
    indented.collect()
}

/// Splits a word that is too long for a prompt's line into pieces of at most so many columns: behind a `/` where there is
/// one, else between letters as a reader sees them.
fn split_word(word: &str, columns: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for letter in word.graphemes(true) {
        let width = measure_text_width(letter);
        while used > 0 && used + width > columns {
            let last = pieces.last_mut();
            let slash = last.and_then(|piece| Some(piece.split_off(piece.rfind('/')? + 1)));
            let rest = slash.unwrap_or_default();
            used = measure_text_width(&rest);
            pieces.push(rest);
        }
        used += width;
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(letter);
        }
    }
    pieces
}
