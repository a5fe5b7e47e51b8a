//! The files of `EnvironmentFile=` in a unit, read by the rules of systemd (systemd.exec(5)), which are not those of
//! a `.env` file: no `export`, and a `#` begins a comment only at the start of a line.

use std::iter::Peekable;
use std::str::Chars;

/// The blanks that may stand between the parts of an assignment in an `EnvironmentFile=` of systemd.
const BLANKS: [char; 2] = [' ', '\t'];

/// Returns the variables that an `EnvironmentFile=` of systemd assigns, in order. Quotes may stand around any part of
/// a value; a backslash at the end of a line continues the value.
pub(crate) fn parse(text: &str) -> Vec<(String, String)> {
    let mut assignments = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&first) = chars.peek() {
        if first.is_whitespace() {
            chars.next();
        } else if matches!(first, '#' | ';') {
            skip_comment(&mut chars);
        } else if let Some(name) = read_name(&mut chars) {
            assignments.push((name, read_value(&mut chars)));
        }
    }
    assignments
}

/// Skips the rest of a comment in an `EnvironmentFile=` of systemd. A backslash continues a comment on the next line.
fn skip_comment(chars: &mut Peekable<Chars<'_>>) {
    while let Some(c) = chars.next() {
        match c {
            '\\' => _ = chars.next(),
            '\n' => return,
            _ => {}
        }
    }
}

/// Reads the name of a variable and its `=` in an `EnvironmentFile=` of systemd; `None` where the line has none,
/// which is then read.
fn read_name(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut name = String::new();
    for c in chars.by_ref() {
        match c {
            '=' => return Some(name.trim_end_matches(BLANKS).to_owned()),
            '\n' => return None,
            c => name.push(c),
        }
    }
    None
}

/// Reads the value of a variable in an `EnvironmentFile=` of systemd up to the end of its line: parts in quotes
/// first, with blanks between them left out, then a plain part, in which quotes mean nothing.
fn read_value(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut value = String::new();
    let mut is_plain = false;
    // The length without the blanks at the end of the plain part.
    let mut trimmed_len = 0;
    while let Some(c) = chars.next() {
        match c {
            '\n' => break,
            '\'' if !is_plain => value.extend(chars.by_ref().take_while(|c| *c != '\'')),
            '"' if !is_plain => read_double_quoted(chars, &mut value),
            c if BLANKS.contains(&c) && !is_plain => continue,
            '\\' => {
                is_plain = true;
                value.extend(chars.next().filter(|next| *next != '\n'));
            }
            c if BLANKS.contains(&c) => {
                value.push(c);
                continue;
            }
            c => {
                is_plain = true;
                value.push(c);
            }
        }
        trimmed_len = value.len();
    }
    value.truncate(trimmed_len);
    value
}

/// Reads the rest of a part in double quotes in an `EnvironmentFile=` of systemd, in which a backslash protects a
/// quote, a backslash, a backtick and a dollar sign, and removes a line break.
fn read_double_quoted(chars: &mut Peekable<Chars<'_>>, value: &mut String) {
    while let Some(c) = chars.next() {
        match c {
            '"' => return,
            '\\' => match chars.next() {
                Some(next) if "\"\\`$".contains(next) => value.push(next),
                Some('\n') | None => {}
                Some(next) => value.extend(['\\', next]),
            },
            c => value.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn environment_file_is_read_by_the_rules_of_systemd() {
        for (text, value) in [
            ("A=tok # kept", "tok # kept"),
            ("A=tok  ", "tok"),
            ("A = tok", "tok"),
            ("A=\"tok\" ", "tok"),
            ("A='a\nb'", "a\nb"),
            ("A=\"a\\\"b\\\\c\\n\"", "a\"b\\c\\n"),
            ("A=one\\\ntwo", "onetwo"),
            ("A=x\\ y", "x y"),
            ("A='a' \"b\"c", "abc"),
            ("A=x\"y\" 'z'", "x\"y\" 'z'"),
            ("# A=0\n; A=1\nA=2", "2"),
            ("A=", ""),
        ] {
            assert_eq!(parse(text), [("A".to_owned(), value.to_owned())], "{text:?}");
        }
        assert_eq!(
            parse("export A=1")[0].0,
            "export A",
            "systemd takes it for a name and ignores it"
        );
        assert!(parse("no assignment\n").is_empty());
    }
}
