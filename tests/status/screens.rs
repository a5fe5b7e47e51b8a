//! Tests of the status screens in both languages, on a wide and a narrow terminal.

use super::*;
use crate::support::pty::{Size, Terminal};

/// Runs the program in a terminal; returns its screen, its exit code, and whether a line was wrapped.
fn run_in_terminal(sandbox: &Sandbox, args: &[&str], columns: u16) -> (String, i32, bool) {
    let mut terminal = Terminal::start(sandbox, args, Size::tall(columns));
    let code = terminal.exit_code();
    let screen = terminal.screen();
    let lines = screen.lines();
    let wrapped = (0..lines.len()).any(|row| screen.is_wrapped(row));
    (lines.join("\n").trim().to_owned(), code, wrapped)
}

#[test]
fn lines_fit_the_terminal_in_both_languages() {
    let port = free_base();
    let sandbox = sandbox_with_port(port).var("LC_ALL", "C.UTF-8");
    for (lang, sentence) in [("en", "not running"), ("tr", "çalışmıyor")] {
        for columns in [80, 40] {
            for args in [
                &["--lang", lang, "--profile", "rescue", "status"][..],
                &["--lang", lang, "status", "--all"],
            ] {
                let (text, code, wrapped) = run_in_terminal(&sandbox, args, columns);
                assert_eq!(code, 1, "{text}");
                let prose = text.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(prose.contains(sentence), "{lang} {columns}:\n{text}");
                assert!(text.contains(&port.to_string()), "{text}");
                assert!(!wrapped, "{lang} {columns}:\n{text}");
            }
        }
    }
}

#[test]
fn screen_of_an_ascii_locale_has_ascii_letters_only() {
    let sandbox = sandbox_with_port(free_base()).var("LC_ALL", "C");
    let ran = sandbox
        .run(["--lang", "tr", "--profile", "rescue", "status"])
        .exits(1);
    assert!(ran.stdout.is_ascii(), "{}", ran.stdout);
}
