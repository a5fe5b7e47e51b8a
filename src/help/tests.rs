//! Tests of help pages and of errors of the command line.

use clap::CommandFactory as _;
use console::measure_text_width;

use super::*;
use crate::cli::Cli;

fn lang(code: &str) -> Lang {
    Lang::from_code(code).unwrap()
}

fn explain_line(line: &str, code: &str, width: usize) -> Explanation {
    let words: Vec<_> = line.split(' ').map(OsString::from).collect();
    explain(
        Cli::command(),
        &words,
        lang(code),
        HelpStyle { width, bold: false },
    )
}

fn page(line: &str, code: &str, width: usize) -> String {
    match explain_line(line, code, width) {
        Explanation::Requested(page) => page,
        other => panic!("{line}: {other:?}"),
    }
}

fn error_of(line: &str) -> Error {
    match explain_line(line, "en", 80) {
        Explanation::Invalid(error) => error,
        other => panic!("{line}: {other:?}"),
    }
}

/// Returns every line that asks for a page: `openclaw --help`, `openclaw ports suggest --help`, ...
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
fn every_command_and_argument_has_a_text_in_every_language() {
    let keys = catalogue_keys(Cli::command());
    assert!(keys.contains("help.ports.suggest.count"), "{keys:?}");
    let missing: Vec<_> = Lang::all()
        .flat_map(|lang| keys.iter().map(move |key| (lang, key)))
        .filter(|(lang, key)| lang.text(key).is_none())
        .collect();
    assert!(missing.is_empty(), "without a text: {missing:#?}");
}

#[test]
fn every_flag_of_onboard_is_in_a_group() {
    let root = Cli::command();
    let onboard = root.find_subcommand("onboard").unwrap();
    let loose: Vec<_> = onboard
        .get_arguments()
        .filter(|arg| groups::rank_and_heading("onboard", false, arg).1 == "help.heading.options")
        .map(|arg| arg.get_id().as_str())
        .collect();
    assert!(loose.is_empty(), "in no group: {loose:?}");
}

#[test]
fn pages_fit_the_width() {
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
fn page_shows_usage_arguments_defaults_and_values() {
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
fn main_page_shows_how_to_choose_the_other_language() {
    assert!(page("openclaw --help", "en", 80).contains("Türkçe: openclaw --lang tr"));
    assert!(page("openclaw --help", "tr", 80).contains("English: openclaw --lang en"));
}

#[test]
fn line_without_a_command_gets_the_help_page() {
    assert!(matches!(
        explain_line("openclaw", "en", 80),
        Explanation::NothingRequested(_)
    ));
    assert!(
        matches!(explain_line("openclaw config", "en", 80), Explanation::NothingRequested(page) if page.contains("restore"))
    );
}

#[test]
fn wrong_line_is_explained_with_a_hint() {
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
        let error = error_of(line);
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
fn mistyped_word_gets_the_nearest_words_and_a_strange_one_the_list() {
    for (line, hint) in [
        ("openclaw bogus", "Commands: onboard, setup"),
        ("openclaw skills status --probe", "Commands: onboard, setup"),
        ("openclaw gateway instal", "Did you mean: install?"),
        ("openclaw statsu", "Did you mean: status?"),
        ("openclaw onboard --prot 1", "Did you mean: --gateway-port?"),
    ] {
        let error = error_of(line);
        let first = error.hints[0].render(Lang::english());
        assert!(first.starts_with(hint), "{line}: {first}");
    }
}

#[test]
fn value_of_a_mistyped_flag_is_not_repeated() {
    let error = error_of("openclaw onboard --gateway-tokn=canary");
    let said: Vec<_> = std::iter::once(&error.msg).chain(&error.hints).collect();
    assert!(
        said.iter()
            .all(|msg| !msg.render(Lang::english()).contains("canary"))
    );
}

#[test]
fn control_characters_of_a_wrong_word_are_escaped() {
    let error = error_of("openclaw \u{1b}[2J");
    assert!(!error.msg.render(Lang::english()).contains('\u{1b}'));
}
