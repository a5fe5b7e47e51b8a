//! A help page as text: in two columns where there is room, else one below the other.

use clap::{Arg, Command};
use console::measure_text_width;

use super::examples::examples;
use super::usage::{catalogue_text, positional_label, usage_line};
use crate::i18n::{Lang, msg};
use crate::text::wrap;

/// The layout of a help page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HelpStyle {
    /// The width in columns.
    pub(crate) width: usize,
    /// `true` if headings may be bold.
    pub(crate) bold: bool,
}

/// The flags that a help page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HelpDetail {
    /// All but the hidden ones, and the flag `--help-all` where there are such.
    Usual,
    /// All: the page of `--help-all`, and the manual.
    All,
}

/// Clap's name of the flag `--help-all`.
pub(super) const HELP_ALL_ID: &str = "help_all";
/// Minimum width of a help page in columns, whatever the terminal says.
const MIN_PAGE_WIDTH: usize = 20;
/// Maximum width of a help page's left column; a longer entry gets a line of its own.
const MAX_LEFT_WIDTH: usize = 26;
/// Minimum width of a help page with two columns: on a narrower one the right column would be unreadable.
const MIN_TWO_COLUMN_WIDTH: usize = 60;
/// Maximum width of a help page in columns: longer lines are tiring to read.
const MAX_PAGE_WIDTH: usize = 100;

/// A help page that is being written.
struct Page {
    out: String,
    width: usize,
    /// The column at which the right column starts, on the whole page.
    column: usize,
    bold: bool,
}

/// Returns a list of two columns as text, such as commands and what they do.
pub(crate) fn render_columns(entries: &[(String, String)], style: HelpStyle) -> String {
    let mut page = Page::new(style, entries.iter());
    page.entries(entries);
    page.out.truncate(page.out.trim_end().len());
    page.out
}

/// Returns the text of the help page of a built command.
pub(super) fn render(
    root: &Command,
    command: &Command,
    lang: Lang,
    style: HelpStyle,
    detail: HelpDetail,
) -> String {
    let commands: Vec<_> = command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set())
        .map(|sub| {
            let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
            (sub.get_name().to_owned(), about)
        })
        .collect();
    let mut lists = vec![(
        catalogue_text(lang, "help.heading.commands").unwrap_or_default(),
        commands,
    )];
    lists.extend(sections(command, lang, detail));
    let mut page = Page::new(style, lists.iter().flat_map(|(_, entries)| entries));
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    page.paragraph(&about, 0);
    page.out.push('\n');
    page.heading(catalogue_text(lang, "help.heading.usage").unwrap_or_default());
    page.paragraph(&usage_line(command, lang), 2);

    for (heading, entries) in &lists {
        page.section(heading, entries);
    }
    page.examples(examples(command), lang);
    if std::ptr::eq(root, command) {
        page.out.push('\n');
        page.paragraph(catalogue_text(lang, "help.more").unwrap_or_default(), 0);
        for other in Lang::all().filter(|other| *other != lang) {
            page.paragraph(other.text("language.how").unwrap_or_default(), 0);
        }
    }
    page.out.truncate(page.out.trim_end().len());
    page.out
}

/// Returns the arguments of a built command below their headings, in the order of their ranks: what is typed, and what
/// it means.
pub(crate) fn sections(
    command: &Command,
    lang: Lang,
    detail: HelpDetail,
) -> Vec<(&str, Vec<(String, String)>)> {
    let (help_all, others): (Vec<_>, Vec<_>) = command
        .get_arguments()
        .partition(|arg| arg.get_id() == HELP_ALL_ID);
    let (hidden, mut args): (Vec<_>, Vec<_>) = others.into_iter().partition(|arg| arg.is_hide_set());
    if detail == HelpDetail::All {
        args.extend(hidden);
    } else if !hidden.is_empty() {
        args.extend(help_all);
    }
    args.sort_by_key(|arg| arg.get_display_order());
    let mut sections: Vec<(&str, Vec<_>)> = Vec::new();
    for arg in args {
        let heading = arg.get_help_heading().unwrap_or_default();
        let entry = (argument_label(arg), argument_help(arg, lang));
        match sections.last_mut() {
            Some((last, entries)) if *last == heading => entries.push(entry),
            _ => sections.push((heading, vec![entry])),
        }
    }
    sections
}

/// Returns an argument as it is typed on a command line: `-h, --help`, `--flow FLOW`, `<PATH>`.
fn argument_label(arg: &Arg) -> String {
    if arg.is_positional() {
        return positional_label(arg);
    }
    let mut label = match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
        (Some(short), None) => format!("-{short}"),
        (None, long) => format!("--{}", long.unwrap_or_default()),
    };
    if arg.get_action().takes_values() {
        for name in arg.get_value_names().unwrap_or_default() {
            label.push(' ');
            label.push_str(name);
        }
    }
    label
}

/// Returns the help text of a command-line argument, followed by the possible values and the default that clap knows.
fn argument_help(arg: &Arg, lang: Lang) -> String {
    let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let mut add = |text: String| {
        help.push(' ');
        help.push_str(&text);
    };
    let values: Vec<_> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| value.get_name().to_owned())
        .collect();
    if !values.is_empty() {
        add(msg!("help.values", values = values.join(", ")).render(lang));
    }
    if arg.get_action().takes_values()
        && let Some(value) = arg.get_default_values().first()
    {
        add(msg!("help.default", value = value.to_string_lossy()).render(lang));
    }
    help
}

impl Page {
    /// Creates an empty help page whose right column starts where all these entries have room.
    fn new<'a>(style: HelpStyle, entries: impl Iterator<Item = &'a (String, String)>) -> Self {
        let widths = entries.map(|(left, _)| measure_text_width(left));
        Self {
            out: String::new(),
            width: style.width.clamp(MIN_PAGE_WIDTH, MAX_PAGE_WIDTH),
            column: widths.filter(|width| *width <= MAX_LEFT_WIDTH).max().unwrap_or(0) + 4,
            bold: style.bold,
        }
    }

    /// Adds the examples of a command to a help page.
    fn examples(&mut self, examples: &[&str], lang: Lang) {
        if examples.is_empty() {
            return;
        }
        self.out.push('\n');
        self.heading(catalogue_text(lang, "help.heading.examples").unwrap_or_default());
        for example in examples {
            self.paragraph(example, 2);
        }
    }

    /// Adds a heading to a help page.
    fn heading(&mut self, text: &str) {
        if self.bold {
            let bold = console::Style::new().bold().force_styling(true);
            self.out.push_str(&bold.apply_to(text).to_string());
        } else {
            self.out.push_str(text);
        }
        self.out.push('\n');
    }

    /// Adds a text to a help page, in lines that fit its width.
    fn paragraph(&mut self, text: &str, indent: usize) {
        for line in wrap(text, self.width.saturating_sub(indent)) {
            self.out.push_str(&" ".repeat(indent));
            self.out.push_str(&line);
            self.out.push('\n');
        }
    }

    /// Adds a heading with its entries to a help page.
    fn section(&mut self, heading: &str, entries: &[(String, String)]) {
        if entries.is_empty() {
            return;
        }
        self.out.push('\n');
        self.heading(heading);
        self.entries(entries);
    }

    /// Adds entries to a help page, in two columns where there is room.
    fn entries(&mut self, entries: &[(String, String)]) {
        let column = self.column;
        for (left, right) in entries {
            if self.width < MIN_TWO_COLUMN_WIDTH {
                self.paragraph(left, 2);
                self.paragraph(right, 6);
                continue;
            }
            let used = 2 + measure_text_width(left);
            self.out.push_str("  ");
            self.out.push_str(left);
            let mut lines = wrap(right, self.width - column).into_iter();
            if used + 2 <= column
                && let Some(first) = lines.next()
            {
                self.out.push_str(&" ".repeat(column - used));
                self.out.push_str(&first);
            }
            self.out.push('\n');
            for line in lines {
                self.out.push_str(&" ".repeat(column));
                self.out.push_str(&line);
                self.out.push('\n');
            }
        }
    }
}
