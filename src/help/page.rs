//! A help page as text: two columns where there is room, one below the other where there is not.

use clap::{Arg, Command};
use console::measure_text_width;

use super::{Style, positional, text, usage};
use crate::i18n::{Lang, msg};
use crate::text::wrap;

/// The widest left column; a longer entry gets a line of its own.
const LEFT: usize = 26;
/// Below this width the right column would be too narrow to read.
const TWO_COLUMNS: usize = 60;
/// Lines longer than this are tiring to read.
const WIDEST: usize = 100;

struct Page {
    out: String,
    width: usize,
    /// Where the right column starts, the same on the whole page.
    column: usize,
    bold: bool,
}

/// The page of a built command.
pub(super) fn render(root: &Command, command: &Command, lang: Lang, style: Style) -> String {
    let commands: Vec<_> = command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set())
        .map(|sub| {
            let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
            (sub.get_name().to_owned(), about)
        })
        .collect();
    let mut lists = vec![(text(lang, "help.heading.commands").unwrap_or_default(), commands)];
    lists.extend(sections(command, lang));
    let widths = lists
        .iter()
        .flat_map(|(_, entries)| entries)
        .map(|(left, _)| measure_text_width(left));
    let mut page = Page {
        out: String::new(),
        width: style.width.clamp(20, WIDEST),
        column: widths.filter(|width| *width <= LEFT).max().unwrap_or(0) + 4,
        bold: style.bold,
    };
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    page.paragraph(&about, 0);
    page.out.push('\n');
    page.heading(text(lang, "help.heading.usage").unwrap_or_default());
    page.paragraph(&usage(command, lang), 2);

    for (heading, entries) in &lists {
        page.section(heading, entries);
    }
    if std::ptr::eq(root, command) {
        page.out.push('\n');
        page.paragraph(text(lang, "help.more").unwrap_or_default(), 0);
        for other in Lang::all().filter(|other| *other != lang) {
            page.paragraph(other.text("language.how").unwrap_or_default(), 0);
        }
    }
    page.out.truncate(page.out.trim_end().len());
    page.out
}

/// The arguments below their headings, in the order of their ranks.
pub(super) fn sections(command: &Command, lang: Lang) -> Vec<(&str, Vec<(String, String)>)> {
    let mut args: Vec<_> = command.get_arguments().filter(|arg| !arg.is_hide_set()).collect();
    args.sort_by_key(|arg| arg.get_display_order());
    let mut sections: Vec<(&str, Vec<_>)> = Vec::new();
    for arg in args {
        let heading = arg.get_help_heading().unwrap_or_default();
        let entry = (left(arg), right(arg, lang));
        match sections.last_mut() {
            Some((last, entries)) if *last == heading => entries.push(entry),
            _ => sections.push((heading, vec![entry])),
        }
    }
    sections
}

/// `-h, --help`, `--flow FLOW`, `<PATH>`.
fn left(arg: &Arg) -> String {
    if arg.is_positional() {
        return positional(arg);
    }
    let mut left = match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
        (Some(short), None) => format!("-{short}"),
        (None, long) => format!("--{}", long.unwrap_or_default()),
    };
    if arg.get_action().takes_values() {
        for name in arg.get_value_names().unwrap_or_default() {
            left.push(' ');
            left.push_str(name);
        }
    }
    left
}

/// The help, and behind it the values and the default that clap knows of.
fn right(arg: &Arg, lang: Lang) -> String {
    let mut right = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let mut add = |text: String| {
        right.push(' ');
        right.push_str(&text);
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
    right
}

impl Page {
    fn heading(&mut self, text: &str) {
        if self.bold {
            let bold = console::Style::new().bold().force_styling(true);
            self.out.push_str(&bold.apply_to(text).to_string());
        } else {
            self.out.push_str(text);
        }
        self.out.push('\n');
    }

    fn paragraph(&mut self, text: &str, indent: usize) {
        for line in wrap(text, self.width.saturating_sub(indent)) {
            self.out.push_str(&" ".repeat(indent));
            self.out.push_str(&line);
            self.out.push('\n');
        }
    }

    fn section(&mut self, heading: &str, entries: &[(String, String)]) {
        if entries.is_empty() {
            return;
        }
        self.out.push('\n');
        self.heading(heading);
        let column = self.column;
        for (left, right) in entries {
            if self.width < TWO_COLUMNS {
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
