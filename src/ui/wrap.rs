//! Breaking prose into lines by display width: letters of two columns count as two.

use console::measure_text_width as width;

/// The text in lines of at most `columns`, broken at blanks; a longer word has a line of its own.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && width(&line) + 1 + width(word) > columns {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paragraphs_stay_apart() {
        assert_eq!(wrap("bir iki üç\ndört", 7), ["bir iki", "üç", "dört"]);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_unless_one_word_is(text in "[a-zğüş漢 ]{0,80}", columns in 1_usize..60) {
            for line in wrap(&text, columns) {
                prop_assert!(width(&line) <= columns || !line.contains(' '));
            }
        }
    }
}
