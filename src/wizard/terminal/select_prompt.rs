//! The prompt for one of several choices: a list with a mark, the details of the marked choice, and its ports beside
//! those of the other instances.

use console::measure_text_width;

use super::keys::Key;
use super::prompt::{KeyOutcome, Prompt};
use super::theme::{Frame, KeyHint, MARK_WIDTH, PromptTheme, TerminalSize, hang_indent};
use crate::i18n::msg;
use crate::ui::port_chart::{self, ChartGlyphs, ChartRow, ChartTone};
use crate::wizard::question::{Choice, PortChart, Question, Reply};

/// Minimum number of columns in which a prompt draws a port chart.
const MIN_CHART_WIDTH: usize = 20;
/// The highest digit that marks a choice of a prompt.
const MAX_DIGIT: usize = 9;
/// Number of columns by which the details of a choice are indented in a prompt.
const DETAIL_INDENT: usize = 4;
/// Number of columns of the key before a prompt's choice, with its blank.
const KEY_WIDTH: usize = 2;
/// Number of columns between the names and the values of a prompt's choices.
const NAME_GAP: usize = 2;
/// Minimum number of columns in which a prompt shows the values of its choices beside their names.
const MIN_VALUE_WIDTH: usize = 24;
/// Blanks between two entries of the legend of a port chart.
const LEGEND_GAP: &str = "   ";

/// A terminal prompt with a list of choices, one of which is marked.
#[derive(Clone, Debug)]
pub(super) struct SelectPrompt<'a> {
    text: String,
    options: &'a [Choice],
    port_chart: Option<&'a PortChart>,
    marked: usize,
    hint: KeyHint,
    /// The first letter of each label as the screen shows it.
    initials: Vec<Option<char>>,
}

impl<'a> SelectPrompt<'a> {
    pub(super) fn new(
        text: String,
        options: &'a [Choice],
        port_chart: Option<&'a PortChart>,
        default: usize,
    ) -> Self {
        Self {
            text,
            options,
            port_chart,
            marked: default.min(options.len().saturating_sub(1)),
            hint: KeyHint::default(),
            initials: Vec::new(),
        }
    }

    /// Makes a prompt with choices say what Esc does, and letters mark the next choice that starts with them.
    pub(super) fn with_keys_of(mut self, question: &Question, theme: &PromptTheme) -> Self {
        self.hint = KeyHint::new(question);
        let initial = |option: &Choice| theme.text(&option.label).chars().next();
        self.initials = self.options.iter().map(initial).collect();
        self
    }

    /// Returns the index of the choice that a typed letter marks: the next one that starts with it, else, as in vi, the one
    /// below for `j` and above for `k`.
    fn choice_of_letter(&self, letter: char) -> usize {
        let (count, marked) = (self.options.len(), self.marked);
        let mut others = (1..=count).map(|step| (marked + step) % count);
        let starts_with =
            |initial: &Option<char>| initial.is_some_and(|initial| initial.eq_ignore_ascii_case(&letter));
        let found = others.find(|at| self.initials.get(*at).is_some_and(starts_with));
        found.unwrap_or(match letter {
            'j' => (marked + 1).min(count.saturating_sub(1)),
            'k' => marked.saturating_sub(1),
            _ => marked,
        })
    }

    /// Returns `true` if choices of the prompt have keys of their own: then letters and digits are those keys.
    fn has_keys(&self) -> bool {
        self.options.iter().any(|option| option.key.is_some())
    }

    /// Returns the index of the choice that a typed key takes.
    fn choice_of_key(&self, typed: char) -> Option<usize> {
        let is_typed = |option: &Choice| option.key.is_some_and(|key| key.eq_ignore_ascii_case(&typed));
        self.options.iter().position(is_typed)
    }

    /// Returns the number of columns of the names in a prompt with values behind them; `None` where the terminal is too narrow
    /// for columns.
    fn name_width(&self, theme: &PromptTheme, columns: usize) -> Option<usize> {
        let named = self.options.iter().filter(|option| option.value.is_some());
        let width = named.map(|option| measure_text_width(&theme.text(&option.label)));
        let width = width.max()?;
        (MARK_WIDTH + KEY_WIDTH + width + NAME_GAP + MIN_VALUE_WIDTH <= columns).then_some(width)
    }

    /// Returns the lines of one choice of a prompt that has a key: the key, the name, and the value in a column of its own.
    fn keyed_lines(&self, theme: &PromptTheme, at: usize, columns: usize) -> Vec<String> {
        let (styles, option) = (&theme.theme, &self.options[at]);
        let (mark, style) = if at == self.marked {
            (&styles.active_item_prefix, &styles.active_item_style)
        } else {
            (&styles.inactive_item_prefix, &styles.inactive_item_style)
        };
        let key = option.key.map_or_else(|| " ".to_owned(), String::from);
        let name_width = self.name_width(theme, columns);
        let mut label = theme.text(&option.label);
        if option.value.is_some() && name_width.is_none() {
            label.push(':');
        }
        let value = option.value.as_ref().map(|value| theme.short_text(value));
        let note = option.note.as_ref().map(|note| format!("({})", theme.text(note)));
        let mut parts = Vec::new();
        let mut before = format!("{mark} {}", styles.hint_style.apply_to(&key));
        match (&value, name_width) {
            (None, _) => parts.push((label.as_str(), style)),
            (Some(value), None) => {
                parts.extend([(label.as_str(), style), (value.as_str(), &styles.values_style)]);
            }
            (Some(value), Some(width)) => {
                let gap = " ".repeat(width - measure_text_width(&label) + NAME_GAP - 1);
                before = format!("{before} {}{gap}", style.apply_to(&label));
                parts.push((value.as_str(), &styles.values_style));
            }
        }
        parts.extend(note.as_ref().map(|note| (note.as_str(), &styles.hint_style)));
        let room = columns.saturating_sub(measure_text_width(&before) + 1);
        hang_indent(&before, theme.wrap_styled(&parts, room))
    }

    /// Returns the lines of one choice of a prompt, with its details where it is marked.
    fn option_lines(&self, theme: &PromptTheme, at: usize, columns: usize) -> Vec<String> {
        let styles = &theme.theme;
        let option = &self.options[at];
        if option.key.is_some() || option.value.is_some() {
            return self.keyed_lines(theme, at, columns);
        }
        let label = theme.text(&option.label);
        let room = columns.saturating_sub(MARK_WIDTH);
        if at != self.marked {
            let mark = styles.inactive_item_prefix.to_string();
            let label = theme.wrap_styled(&[(&label, &styles.inactive_item_style)], room);
            return hang_indent(&mark, label);
        }
        let mark = styles.active_item_prefix.to_string();
        let label = theme.wrap_styled(&[(&label, &styles.active_item_style)], room);
        let mut lines = hang_indent(&mark, label);
        for detail in &option.details {
            let text = theme.text(detail);
            let room = columns.saturating_sub(DETAIL_INDENT);
            let detail = theme.wrap_styled(&[(&text, &styles.hint_style)], room);
            lines.extend(
                detail
                    .into_iter()
                    .map(|line| format!("{:DETAIL_INDENT$}{line}", "")),
            );
        }
        lines
    }

    /// Returns the lines of a prompt's choices that fit into so many rows, the marked one always among them, and of
    /// how many more there are above and below.
    fn list_lines(&self, theme: &PromptTheme, columns: usize, rows: usize) -> Vec<String> {
        let all: Vec<_> = (0..self.options.len())
            .map(|at| self.option_lines(theme, at, columns))
            .collect();
        if all.iter().map(Vec::len).sum::<usize>() <= rows {
            return all.concat();
        }
        // Two rows say how many more there are.
        let room = rows.saturating_sub(2).max(1);
        let (first, last) = self.visible_range(&all, room);
        let (up, down) = if theme.ui.ascii() {
            ("^", "v")
        } else {
            ("↑", "↓")
        };
        let more = |arrow: &str, count: usize| {
            let count = theme.theme.hint_style.apply_to(format!("{arrow} {count}"));
            format!("  {count}")
        };
        let mut lines = Vec::new();
        if first > 0 {
            lines.push(more(up, first));
        }
        lines.extend(all[first..=last].iter().flatten().take(room).cloned());
        if last + 1 < all.len() {
            lines.push(more(down, all.len() - 1 - last));
        }
        lines
    }

    /// Returns the first and the last choice of a prompt around the marked one whose lines fit into so many rows.
    fn visible_range(&self, all: &[Vec<String>], room: usize) -> (usize, usize) {
        let (mut first, mut last) = (self.marked, self.marked);
        let mut used = all[self.marked].len().min(room);
        loop {
            let below = all.get(last + 1).filter(|lines| used + lines.len() <= room);
            if let Some(lines) = below {
                used += lines.len();
                last += 1;
            }
            let above = first.checked_sub(1).and_then(|at| all.get(at));
            let above = above.filter(|lines| used + lines.len() <= room);
            if let Some(lines) = above {
                used += lines.len();
                first -= 1;
            }
            if above.is_none() && below.is_none() {
                return (first, last);
            }
        }
    }

    /// Returns the lines of the port chart with the ports of the marked choice and those of the other instances.
    fn chart_lines(&self, theme: &PromptTheme, columns: usize) -> Vec<String> {
        let (Some(chart), Some(option)) = (self.port_chart, self.options.get(self.marked)) else {
            return Vec::new();
        };
        let room = columns.saturating_sub(MARK_WIDTH);
        if option.spans.is_empty() || room < MIN_CHART_WIDTH {
            return Vec::new();
        }
        let row = |is_own: bool, label: &str, spans: &[_]| ChartRow {
            is_own,
            label: theme.displayable(label),
            spans: port_chart::merge_spans(spans.to_vec()),
        };
        let others = chart.others.iter().map(|(label, spans)| row(false, label, spans));
        let mut rows: Vec<_> = others
            .chain([row(true, &chart.own_label, &option.spans)])
            .collect();
        rows.sort_by_key(|row| row.spans.first().copied());
        let others = chart.others.iter().flat_map(|(_, spans)| spans);
        let shared = others.flat_map(|other| option.spans.iter().filter_map(|own| own.overlap(*other)));
        let shared = port_chart::merge_spans(shared.collect());
        let glyphs = ChartGlyphs::new(theme.ui.ascii());
        let paint = |tone: ChartTone, text: &str| tone.style().for_stderr().apply_to(text).to_string();
        let mut lines = port_chart::draw(&rows, &shared, &[], room, glyphs, paint);
        let has_free = lines
            .iter()
            .any(|line| line.contains(glyphs.glyph(ChartTone::Faint)));
        // Without colours the own row differs by its label alone.
        let has_colours = console::colors_enabled_stderr();
        let has_others = has_colours && rows.len() > 1;
        let entries = [
            (ChartTone::Held, msg!("ports.legend-held"), !has_colours),
            (ChartTone::Own, msg!("ports.legend-own"), has_colours),
            (ChartTone::Held, msg!("ports.legend-others"), has_others),
            (ChartTone::Shared, msg!("ports.legend-shared"), !shared.is_empty()),
            (ChartTone::Faint, msg!("ports.legend-free"), has_free),
        ];
        let entries = entries.into_iter().filter(|(.., is_drawn)| *is_drawn);
        let legend = entries.map(|(tone, word, _)| {
            let glyph = paint(tone, &glyphs.glyph(tone).to_string());
            format!("{glyph} {}", theme.text(&word))
        });
        lines.extend(join_within(legend, LEGEND_GAP, room));
        let indented = lines
            .into_iter()
            .map(|line| format!("  {line}").trim_end().to_owned());
        indented.collect()
    }
}

/// Joins words into lines of at most `columns`.
fn join_within(words: impl Iterator<Item = String>, gap: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + gap.len() + measure_text_width(&word) <= columns => {
                line.push_str(gap);
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

impl Prompt for SelectPrompt<'_> {
    fn handle_key(&mut self, key: &Key) -> KeyOutcome {
        let last = self.options.len().saturating_sub(1);
        self.marked = match key {
            Key::Up => self.marked.checked_sub(1).unwrap_or(last),
            Key::Down | Key::Tab if self.marked < last => self.marked + 1,
            Key::Down | Key::Tab | Key::Home | Key::PageUp => 0,
            Key::End | Key::PageDown => last,
            Key::Char(typed) if self.has_keys() => match self.choice_of_key(*typed) {
                Some(at) => {
                    self.marked = at;
                    return KeyOutcome::Answered(Reply::Text(self.options[at].id.clone()));
                }
                None => return KeyOutcome::Pending,
            },
            Key::Char(digit @ '1'..='9') => {
                let wanted = usize::from(*digit as u8 - b'1');
                if wanted > last {
                    return KeyOutcome::Pending;
                }
                wanted
            }
            Key::Char(letter) if !self.options.is_empty() => self.choice_of_letter(*letter),
            Key::Enter => {
                return match self.options.get(self.marked) {
                    Some(option) => KeyOutcome::Answered(Reply::Text(option.id.clone())),
                    None => KeyOutcome::Pending,
                };
            }
            Key::Escape => return KeyOutcome::Answered(Reply::Back),
            _ => return KeyOutcome::Pending,
        };
        KeyOutcome::Pending
    }

    fn render(&self, theme: &PromptTheme, size: TerminalSize) -> Frame {
        let suffix = theme.prompt_suffix();
        let more = [(suffix.as_str(), &theme.theme.hint_style)];
        let mut lines = theme.question_lines(&self.text, &more, size.columns);
        let room = size.rows.saturating_sub(lines.len()).max(1);
        let list = self.list_lines(theme, size.columns, room);
        let chart = self.chart_lines(theme, size.columns);
        let keys = if self.has_keys() {
            msg!("ui.keys-keyed")
        } else {
            msg!("ui.keys-choice", count = self.options.len().min(MAX_DIGIT))
        };
        let keys = keys.with_msg("arrows", theme.vertical_arrows());
        let keys = theme.key_hint(&self.hint, &keys, size.columns);
        let mut left = room - list.len().min(room);
        lines.extend(list);
        if !chart.is_empty() && chart.len() < left {
            left -= chart.len() + 1;
            lines.push(String::new());
            lines.extend(chart);
        }
        if left > keys.len() {
            lines.push(String::new());
            lines.extend(keys);
        }
        Frame { lines, cursor: None }
    }

    fn answer_text(&self, theme: &PromptTheme) -> String {
        let option = self.options.get(self.marked);
        option.map(|option| theme.text(&option.label)).unwrap_or_default()
    }
}
