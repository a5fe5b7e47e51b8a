//! Breaks text into lines by the columns that it takes on a terminal, where a wide character takes two.

use console::measure_text_width;

/// Distributes words over lines of at most `columns` columns, with one blank between two words. A word that is
/// wider than a line gets a line of its own.
pub(crate) fn fill_lines<T>(
    words: impl IntoIterator<Item = T>,
    columns: usize,
    width: impl Fn(&T) -> usize,
) -> Vec<Vec<T>> {
    let mut lines: Vec<Vec<T>> = Vec::new();
    let mut used = 0;
    for word in words {
        let needed = width(&word);
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
    let wrapped = text.lines().flat_map(|paragraph| {
        let words = paragraph.split_whitespace();
        let lines = fill_lines(words, columns, |word| measure_text_width(word));
        let is_empty = lines.is_empty().then(String::new);
        is_empty
            .into_iter()
            .chain(lines.into_iter().map(|line| line.join(" ")))
    });
    wrapped.collect()
}

/// Beginnings of commands that a sentence of this program ends with, for the user to copy.
const COMMAND_STARTS: [&str; 8] = [
    "openclaw ",
    "OPENCLAW_",
    "chmod ",
    "rm ",
    "mkdir ",
    "ssh ",
    "npm ",
    "journalctl ",
];

/// Breaks a sentence into lines of at most `columns` columns, as [`wrap`] does. A command at its end (`To start it:
/// openclaw gateway`) is never broken, so that it can be copied: it gets a line of its own where it does not fit.
pub(crate) fn wrap_with_command(text: &str, columns: usize) -> Vec<String> {
    let is_command = |tail: &str| COMMAND_STARTS.iter().any(|start| tail.starts_with(start));
    match text.rsplit_once(": ") {
        Some((head, command)) if is_command(command) && measure_text_width(text) > columns => {
            let mut lines = wrap(&format!("{head}:"), columns);
            lines.push(command.to_owned());
            lines
        }
        _ => wrap(text, columns),
    }
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
            wrap_with_command(text, 20),
            [
                "To see what is",
                "wrong:",
                "openclaw --profile rescue doctor --fix"
            ]
        );
        assert_eq!(wrap_with_command(text, 80), [text]);
        assert_eq!(
            wrap_with_command("Bir uyarı: gateway çalışmıyor", 12),
            wrap("Bir uyarı: gateway çalışmıyor", 12)
        );
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
