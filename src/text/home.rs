//! Writes `~` for the home folder in a text for a person.

use std::path::is_separator;

/// Returns a text with `~` for the home folder at the beginning of each path in it. Within quotes it stays, where a shell
/// would not expand the `~`.
pub(crate) fn abbreviate_home_in(text: &str, home: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(home) {
        let (before, found) = rest.split_at(at);
        let after = &found[home.len()..];
        let begins = before
            .chars()
            .next_back()
            .is_none_or(|c| c.is_whitespace() || c == '(');
        // Not `/home/ada2` for `/home/ada`.
        let ends = after
            .chars()
            .next()
            .is_none_or(|c| is_separator(c) || c.is_whitespace());
        let begins = begins && (!before.is_empty() || out.is_empty());
        out.push_str(before);
        out.push_str(if begins && ends { "~" } else { home });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_folder_is_abbreviated_at_the_beginning_of_a_path() {
        let short = |text: &str| abbreviate_home_in(text, "/home/ada");
        assert_eq!(short("/home/ada/.openclaw: gone"), "~/.openclaw: gone");
        assert_eq!(short("Fix it: /home/ada/a (/home/ada/b)"), "Fix it: ~/a (~/b)");
        assert_eq!(
            short("rm '/home/ada/a b' /home/ada2/x"),
            "rm '/home/ada/a b' /home/ada2/x"
        );
        assert_eq!(short("/mnt/home/ada/x"), "/mnt/home/ada/x");
    }
}
