use clap::CommandFactory as _;
use console::measure_text_width;

use super::*;
use crate::cli::Cli;

fn lang(code: &str) -> Lang {
    Lang::from_code(code).unwrap()
}

fn explained(line: &str, code: &str, width: usize) -> Explained {
    let words: Vec<_> = line.split(' ').map(OsString::from).collect();
    explain(Cli::command(), &words, lang(code), Style { width, bold: false })
}

fn page(line: &str, code: &str, width: usize) -> String {
    match explained(line, code, width) {
        Explained::Asked(page) => page,
        other => panic!("{line}: {other:?}"),
    }
}

fn wrong(line: &str) -> Error {
    match explained(line, "en", 80) {
        Explained::Wrong(error) => error,
        other => panic!("{line}: {other:?}"),
    }
}

/// Every line that asks for a page: `openclaw --help`, `openclaw ports suggest --help`, ...
fn help_lines() -> Vec<String> {
    fn walk(command: &Command, line: &str, lines: &mut Vec<String>) {
        lines.push(format!("{line} --help"));
        for sub in command.get_subcommands() {
            walk(sub, &format!("{line} {}", sub.get_name()), lines);
        }
    }
    let mut lines = Vec::new();
    walk(&Cli::command(), "openclaw", &mut lines);
    lines
}

#[test]
fn commands_and_arguments_have_words_in_every_language() {
    let keys = keys(Cli::command());
    assert!(keys.contains("help.ports.suggest.count"), "{keys:?}");
    let missing: Vec<_> = Lang::all()
        .flat_map(|lang| keys.iter().map(move |key| (lang, key)))
        .filter(|(lang, key)| lang.text(key).is_none())
        .collect();
    assert!(missing.is_empty(), "without words: {missing:#?}");
}

#[test]
fn every_flag_of_onboard_stands_under_a_heading_of_its_own() {
    let root = Cli::command();
    let onboard = root.find_subcommand("onboard").unwrap();
    let loose: Vec<_> = onboard
        .get_arguments()
        .filter(|arg| groups::of("onboard", false, arg).1 == "help.heading.options")
        .map(|arg| arg.get_id().as_str())
        .collect();
    assert!(loose.is_empty(), "in no group: {loose:?}");
}

#[test]
fn pages_fit_the_terminal() {
    for line in help_lines() {
        for lang in Lang::all() {
            for width in [40, 80] {
                let page = page(&line, lang.code(), width);
                for text in page.lines() {
                    let columns = measure_text_width(text);
                    assert!(columns <= width, "{line} {lang:?} {width}: {columns}: {text}");
                }
            }
        }
    }
}

#[test]
fn a_page_says_what_a_command_takes() {
    let english = page("openclaw ports suggest -h", "en", 80);
    assert!(english.starts_with("Suggest free base ports\n\nUsage:\n  openclaw ports suggest [OPTIONS]\n"));
    assert!(english.contains("--count N"), "{english}");
    assert!(english.contains("[default: 1]"), "{english}");
    let turkish = page("openclaw config set --help", "tr", 80);
    assert!(
        turkish.contains("openclaw config set [SEÇENEKLER] <YOL> [DEĞER]"),
        "{turkish}"
    );
    assert!(turkish.contains("Genel seçenekler:"), "{turkish}");
    let shells = page("openclaw completions --help", "tr", 80);
    assert!(
        shells.contains("[değerler: bash, elvish, fish, powershell, zsh]"),
        "{shells}"
    );
}

#[test]
fn the_first_page_shows_the_way_to_the_other_language() {
    assert!(page("openclaw --help", "en", 80).contains("Türkçe: openclaw --lang tr"));
    assert!(page("openclaw --help", "tr", 80).contains("English: openclaw --lang en"));
}

#[test]
fn nothing_typed_needs_help() {
    assert!(matches!(explained("openclaw", "en", 80), Explained::Needed(_)));
    assert!(
        matches!(explained("openclaw config", "en", 80), Explained::Needed(page) if page.contains("restore"))
    );
}

#[test]
fn wrong_lines_are_told_from_what_clap_knows() {
    for (line, code, said) in [
        ("openclaw port", "cli.unknown-command", "ports"),
        ("openclaw xyzzy", "cli.unknown-command", "onboard, setup"),
        ("openclaw ports chekc 1", "cli.unknown-command", "check"),
        ("openclaw ports --jsno", "cli.unknown-option", "--json"),
        ("openclaw ports suggest 7", "cli.unknown-word", "7"),
        (
            "openclaw ports suggest --count 601",
            "cli.bad-value",
            "from 1 to 600",
        ),
        ("openclaw ports check abc", "cli.bad-value", "from 1 to 65535"),
        ("openclaw completions bsh", "cli.bad-value", "bash"),
        ("openclaw completions", "cli.missing-argument", "<SHELL>"),
        (
            "openclaw onboard --workspace",
            "cli.missing-value",
            "--workspace <FOLDER>",
        ),
        ("openclaw onboard --json=1", "cli.surplus-value", "--json"),
        ("openclaw config --json", "cli.missing-command", "validate"),
        ("openclaw config get", "cli.missing-argument", "<PATH>"),
        ("openclaw config set a b --stdin", "cli.conflict", "--stdin"),
        ("openclaw config restore --list --to 1", "cli.conflict", "--to"),
        (
            "openclaw setup --workspace a --workspace b",
            "cli.twice",
            "--workspace",
        ),
        (
            "openclaw onboard --reset-scope full",
            "cli.missing-argument",
            "--reset",
        ),
    ] {
        let error = wrong(line);
        let english = Lang::english();
        let text: Vec<_> = std::iter::once(&error.msg)
            .chain(&error.hints)
            .map(|msg| msg.render(english))
            .collect();
        let text = text.join("\n");
        assert_eq!(
            (error.code(), error.kind.exit_code()),
            (code, 2),
            "{line}: {text}"
        );
        assert!(text.contains(said), "{line}: {text}");
        assert!(text.contains("--help"), "{line}: {text}");
    }
}

#[test]
fn the_value_of_a_mistyped_flag_is_not_repeated() {
    let error = wrong("openclaw onboard --gateway-tokn=canary");
    let said: Vec<_> = std::iter::once(&error.msg).chain(&error.hints).collect();
    assert!(
        said.iter()
            .all(|msg| !msg.render(Lang::english()).contains("canary"))
    );
}

#[test]
fn a_wrong_word_cannot_move_the_cursor() {
    let error = wrong("openclaw \u{1b}[2J");
    assert!(!error.msg.render(Lang::english()).contains('\u{1b}'));
}
