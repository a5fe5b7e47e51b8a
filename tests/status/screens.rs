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

/// Returns `true` if a line may be wider than the terminal: a command or a word, which is never broken.
fn is_unbreakable(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches("$ ");
    line.starts_with("openclaw ") || !line.contains(' ')
}

#[test]
fn no_line_breaks_inside_a_word_on_a_narrow_terminal() {
    let sandbox = sandbox_with_port(free_base()).var("LC_ALL", "C.UTF-8");
    sandbox.write(".openclaw-broken/openclaw.json", "{ gateway: {\n  port 1 } }");
    sandbox.write(".openclaw-broken/openclaw.json.bak", "{ broken");
    let empty = Sandbox::new().var("LC_ALL", "C.UTF-8");
    for lang in ["en", "tr"] {
        for (sandbox, line) in [
            (&empty, "profiles"),
            (&empty, "status --all"),
            (&sandbox, "profiles"),
            (&sandbox, "profiles remove resc"),
            (&sandbox, "ports"),
            (&sandbox, "ports check 70"),
            (&sandbox, "config get gateway.nothing"),
            (&sandbox, "config set gateway.prot 1"),
            (&sandbox, "snapshot list"),
            (&sandbox, "snapshot restore 1"),
            (&sandbox, "status --all"),
            (&sandbox, "bogus"),
            (&sandbox, "--profile broken status"),
            (&sandbox, "--profile broken doctor"),
            (&sandbox, "--profile broken config restore --list"),
            (&sandbox, "--profile broken config validate"),
            (&sandbox, "--profile broken gateway"),
            (&sandbox, "--profile broken browser status"),
            (&sandbox, "rescue diagnose broken"),
        ] {
            let words: Vec<_> = ["--lang", lang].into_iter().chain(line.split(' ')).collect();
            let words = if line.starts_with("--profile") {
                words
            } else {
                [&["--profile", "rescue"], &words[..]].concat()
            };
            let mut terminal = Terminal::start(sandbox, &words, Size::tall(40));
            let _ = terminal.exit_code();
            let screen = terminal.screen();
            for (row, text) in screen.lines().iter().enumerate() {
                assert!(
                    !screen.is_wrapped(row) || is_unbreakable(text),
                    "{line}: {text}\n{}",
                    screen.text()
                );
            }
        }
    }
}
