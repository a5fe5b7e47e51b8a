//! Lines that fit the screen.

use console::measure_text_width;

/// The text in lines of at most `width` columns, broken between words; from the second line on it is
/// indented. A word that is longer than a line stands alone.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    let own_indent = text.len() - text.trim_start_matches(' ').len();
    let mut line = " ".repeat(own_indent);
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && measure_text_width(&line) + 1 + measure_text_width(word) > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole_and_lines_short() {
        assert_eq!(wrap("  one two three", 9, 4), "  one two\n    three");
        assert_eq!(wrap("çalışma alanı", 13, 0), "çalışma alanı");
        assert_eq!(wrap("/a/very/long/path x", 5, 1), "/a/very/long/path\n x");
        assert_eq!(wrap("", 5, 1), "");
    }
}
