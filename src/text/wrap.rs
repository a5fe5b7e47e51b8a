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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn line_breaks_of_the_text_are_kept() {
        assert_eq!(wrap("bir iki üç\ndört", 7), ["bir iki", "üç", "dört"]);
        assert_eq!(wrap("bir\n\niki", 7), ["bir", "", "iki"]);
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
