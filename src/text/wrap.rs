//! Breaks text into lines by the columns that it takes on a terminal, where a wide character takes two.

use std::path::is_separator;

use console::measure_text_width;

/// Distributes words over lines of at most `columns` columns, with one blank between two words. A word that is
/// wider than a line gets a line of its own.
pub(crate) fn fill_lines<T>(
    words: impl IntoIterator<Item = T>,
    columns: usize,
    width: impl Fn(&T) -> usize,
) -> Vec<Vec<T>> {
    fill_hanging(words, columns, columns, width)
}

/// Distributes words over lines as [`fill_lines`] does, the first of them of at most `first` columns and the others of
/// `rest`. Where the first word fits only into another line, the first line is empty.
fn fill_hanging<T>(
    words: impl IntoIterator<Item = T>,
    first: usize,
    rest: usize,
    width: impl Fn(&T) -> usize,
) -> Vec<Vec<T>> {
    let mut lines: Vec<Vec<T>> = Vec::new();
    let mut used = 0;
    for word in words {
        let needed = width(&word);
        if lines.is_empty() && first < needed && needed <= rest {
            lines.push(Vec::new());
            used = first;
        }
        let columns = if lines.len() < 2 { first } else { rest };
        match lines.last_mut() {
            Some(line) if used + 1 + needed <= columns => {
                line.push(word);
                used += 1 + needed;
            }
            _ => {
                lines.push(vec![word]);
                used = needed;
            }
        }
    }
    lines
}

/// Breaks each line of a text at blanks into lines of at most `columns` columns. An empty line stays one.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    wrap_lines(text, columns, columns)
}

/// Breaks each line of a text as [`wrap`] does, the first of all lines at `first` columns.
fn wrap_lines(text: &str, first: usize, rest: usize) -> Vec<String> {
    let wrapped = text.lines().enumerate().flat_map(|(at, paragraph)| {
        let first = if at == 0 { first } else { rest };
        let words = paragraph.split_whitespace();
        let lines = fill_hanging(words, first, rest, |word| measure_text_width(word));
        let is_empty = lines.is_empty().then(String::new);
        is_empty
            .into_iter()
            .chain(lines.into_iter().map(|line| line.join(" ")))
    });
    wrapped.collect()
}

/// Beginnings of commands that a sentence of this program ends with, for the user to copy.
const COMMAND_STARTS: [&str; 12] = [
    "openclaw ",
    "openclaw-rs ",
    "OPENCLAW_",
    "chmod ",
    "rm ",
    "mkdir ",
    "ssh ",
    "npm ",
    "journalctl ",
    "systemctl ",
    "loginctl ",
    "sudo ",
];

/// Breaks a sentence at blanks into lines, the first of at most `first` columns and the others of `rest`. A command at
/// its end (`To start it: openclaw gateway`) is never broken, so that it can be copied: it gets a line of its own where
/// it does not fit.
pub(crate) fn wrap_hanging(text: &str, first: usize, rest: usize) -> Vec<String> {
    match text.rsplit_once(": ") {
        Some((head, command)) if is_command(command) && measure_text_width(text) > first => {
            let mut lines = wrap_lines(&format!("{head}:"), first, rest);
            lines.push(command.to_owned());
            lines
        }
        _ => wrap_lines(text, first, rest),
    }
}

/// Number of columns by which a path that is broken goes on in the next line.
const CONTINUATION_INDENT: usize = 2;

/// Breaks a sentence into lines for a terminal, as [`wrap_hanging`] does. A path that is wider than a line is broken behind a
/// `/`, where a terminal would break it anywhere.
pub(crate) fn wrap_for_terminal(text: &str, first: usize, rest: usize) -> Vec<String> {
    let lines = wrap_hanging(text, first, rest).into_iter().enumerate();
    let broken = lines.flat_map(|(at, line)| {
        let columns = if at == 0 { first } else { rest };
        if measure_text_width(&line) <= columns || is_command(&line) {
            vec![line]
        } else {
            break_path(line, columns)
        }
    });
    broken.collect()
}

/// Returns the byte at which a command begins that a line of a sentence ends with.
pub(crate) fn command_start(line: &str) -> Option<usize> {
    if is_command(line) {
        return Some(0);
    }
    let (head, command) = line.rsplit_once(": ")?;
    is_command(command).then_some(head.len() + 2)
}

fn is_command(text: &str) -> bool {
    COMMAND_STARTS.iter().any(|start| text.starts_with(start))
}

/// Breaks a path behind its separators. A URL stays whole: terminals open it at a click.
fn break_path(path: String, columns: usize) -> Vec<String> {
    if path.contains("://") || path.contains(' ') {
        return vec![path];
    }
    let mut lines: Vec<String> = Vec::new();
    for part in path.split_inclusive(is_separator) {
        let width = measure_text_width(part);
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + width <= columns => line.push_str(part),
            Some(_) => lines.push(format!("{:CONTINUATION_INDENT$}{part}", "")),
            None => lines.push(part.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn line_breaks_of_the_text_are_kept() {
        assert_eq!(wrap("bir iki üç\ndört", 7), ["bir iki", "üç", "dört"]);
        assert_eq!(wrap("bir\n\niki", 7), ["bir", "", "iki"]);
    }

    #[test]
    fn command_at_the_end_of_a_sentence_is_not_broken() {
        let text = "To see what is wrong: openclaw --profile rescue doctor --fix";
        assert_eq!(
            wrap_hanging(text, 20, 20),
            [
                "To see what is",
                "wrong:",
                "openclaw --profile rescue doctor --fix"
            ]
        );
        assert_eq!(wrap_hanging(text, 80, 80), [text]);
        assert_eq!(
            wrap_hanging("Bir uyarı: gateway çalışmıyor", 12, 12),
            wrap("Bir uyarı: gateway çalışmıyor", 12)
        );
    }

    #[test]
    fn first_line_has_the_columns_that_its_mark_leaves() {
        assert_eq!(wrap_hanging("bir iki üç dört", 4, 8), ["bir", "iki üç", "dört"]);
        assert_eq!(wrap_hanging("~/uzun/yol bir", 4, 12), ["", "~/uzun/yol", "bir"]);
    }

    #[test]
    fn path_is_broken_behind_a_slash_and_goes_on_indented() {
        let text = "create ~/.local/state/openclaw/registry.toml";
        assert_eq!(
            wrap_for_terminal(text, 30, 30),
            ["create", "~/.local/state/openclaw/", "  registry.toml"]
        );
        assert_eq!(wrap_for_terminal(text, 60, 60), [text]);
        let url = "https://console.example.org/settings/keys";
        assert_eq!(wrap_for_terminal(url, 20, 20), [url]);
    }

    #[test]
    fn command_at_the_end_of_a_line_is_found() {
        assert_eq!(command_start("Check it: openclaw status"), Some(10));
        assert_eq!(command_start("openclaw status"), Some(0));
        assert_eq!(command_start("Bir uyarı: gateway çalışmıyor"), None);
    }

    proptest! {
        #[test]
        fn only_a_line_of_one_word_is_wider_than_the_limit(text in "[a-zğüş漢 ]{0,80}", columns in 1_usize..60) {
            for line in wrap(&text, columns) {
                prop_assert!(measure_text_width(&line) <= columns || !line.contains(' '));
            }
        }
    }
}
