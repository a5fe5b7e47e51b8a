//! The language of the wizard: the question for it, which comes first where neither a flag nor the locale tells it, and the
//! key that switches it.

use openclaw::i18n::Lang;
use rustix::process::Signal;

use super::scenario::{catalogue_text, collapse_blanks, is_open, wait_open};
use super::{ENGLISH, EVERY_QUESTION, TURKISH, choose_node, run_to_review, sandbox_with_default};
use crate::support::Sandbox;
use crate::support::pty::{Key, Modes, Screen, Size, Terminal};

/// Ctrl-L, as a terminal sends it.
const CTRL_L: &str = "\u{c}";

/// Starts the wizard, which asks for the language.
fn start_at_language_question(sandbox: &Sandbox) -> Terminal {
    let mut terminal = Terminal::start(sandbox, ["onboard"], Size::tall(80));
    wait_open(&mut terminal, catalogue_text(Lang::english(), "onboard.language"));
    terminal
}

/// Creates a home folder under a locale whose language has no translation.
fn sandbox() -> Sandbox {
    Sandbox::new().var("LANG", "de_DE.UTF-8")
}

#[test]
fn wizard_continues_in_the_chosen_language() {
    let sandbox = sandbox();
    for (at, lang) in Lang::all().enumerate() {
        let mut terminal = start_at_language_question(&sandbox);
        terminal
            .wait_for(catalogue_text(lang, "language.name"))
            .type_in(&(at + 1).to_string())
            .press(Key::Enter);
        wait_open(&mut terminal, catalogue_text(lang, "step.engine.ask"));
    }
}

#[test]
fn ending_at_the_language_question_writes_nothing() {
    let sandbox = sandbox();
    let mut interrupted = start_at_language_question(&sandbox);
    assert_eq!(interrupted.press(Key::CtrlC).exit_code(), 130);
    let mut ended = start_at_language_question(&sandbox);
    assert_eq!(ended.signal(Signal::TERM).exit_code(), 130);
    for terminal in [&interrupted, &ended] {
        assert_eq!(terminal.modes(), Modes::usual());
        assert!(!terminal.screen().cursor_is_hidden());
    }
    let mut closed = start_at_language_question(&sandbox);
    assert!(matches!(closed.hang_up().exit_code(), 130 | 2));
    assert_eq!(sandbox.tree(), []);
}

#[test]
fn language_question_fits_every_width() {
    let sandbox = sandbox();
    let question = catalogue_text(Lang::english(), "onboard.language");
    let mut terminal = start_at_language_question(&sandbox);
    let marked = |screen: &Screen<'_>| is_open(screen, question) && screen.contains("❯ Türkçe");
    terminal.wait_drawn(question, |screen| is_open(screen, question));
    let down = |terminal: &mut Terminal| {
        terminal.press(Key::Down);
    };
    terminal.redraw(down, "the mark", marked);
    for columns in [40, 120, 80] {
        let resize = |terminal: &mut Terminal| {
            terminal.resize(Size::tall(columns));
        };
        terminal.redraw(resize, "the question and the mark", marked);
    }
}

#[test]
fn ctrl_l_switches_the_language_at_any_question_and_keeps_every_answer() {
    let sandbox = sandbox_with_default();
    let args = EVERY_QUESTION;
    for columns in [80, 40] {
        let mut terminal = Terminal::start(&sandbox, args, Size::tall(columns));
        terminal.wait_for(ENGLISH.engine).type_in(CTRL_L);
        // At the first question, and back.
        terminal
            .wait_for(TURKISH.engine)
            .wait_for("English: Ctrl-L")
            .type_in(CTRL_L)
            .wait_for("Türkçe: Ctrl-L")
            .wait_gone(TURKISH.engine);
        choose_node(&ENGLISH, &mut terminal);
        terminal.wait_for(ENGLISH.risk).type_in("y").press(Key::Enter);
        terminal
            .wait_for(ENGLISH.workspace)
            .type_in("~/own")
            .press(Key::Enter)
            .wait_for(ENGLISH.port)
            .type_in(CTRL_L);
        terminal.wait_for("? Temel port");
        for shown in [
            "profil: rescue",
            "✔ Bu riski kabul ediyor musunuz? · Evet",
            "~/own",
        ] {
            let text = terminal.screen().text();
            assert_eq!(text.matches(shown).count(), 1, "{shown}: {text}");
        }
        assert!(!terminal.screen().contains(ENGLISH.workspace));
        // What is asked next, and said at the end, is Turkish too.
        terminal.press(Key::Enter).wait_for(catalogue_text(
            Lang::from_code("tr").expect("Turkish"),
            "step.gateway-bind.ask",
        ));
        assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
        let command = collapse_blanks(&terminal.screen().text().replace(" \\\n", " "));
        assert!(
            command.contains("openclaw --profile rescue --lang tr onboard"),
            "{command}"
        );
        std::fs::remove_file(sandbox.path(".local/state/openclaw/draft.toml")).expect("a draft");
    }
}

#[test]
fn ctrl_l_works_at_the_question_whether_to_go_on_and_keeps_the_draft() {
    let sandbox = sandbox_with_default();
    let args = EVERY_QUESTION;
    let mut first = Terminal::start(&sandbox, args, Size::tall(80));
    first.wait_for(ENGLISH.engine).press(Key::Enter);
    first
        .wait_for(ENGLISH.workspace)
        .type_in("~/own")
        .press(Key::Enter);
    first.wait_for(ENGLISH.port);
    assert_eq!(first.press(Key::CtrlC).exit_code(), 130);
    let mut terminal = Terminal::start(&sandbox, args, Size::tall(80));
    terminal
        .wait_for("Continue where you left off?")
        .type_in(CTRL_L)
        .wait_for("Kaldığı yerden devam edilsin mi?")
        .wait_gone("Continue where you left off?")
        .press(Key::Enter)
        .wait_for("~/own")
        .wait_for("? Temel port");
}

#[test]
fn plan_is_shown_again_in_the_other_language_and_applied_in_it() {
    let sandbox = sandbox_with_default();
    let mut terminal = run_to_review(&ENGLISH, &sandbox, Size::tall(80));
    terminal.type_in(CTRL_L).wait_for(TURKISH.confirm);
    assert!(!terminal.screen().contains("Planned changes"));
    terminal.press(Key::Enter).wait_for(TURKISH.done);
    assert_eq!(terminal.exit_code(), 0);
    let record = sandbox.read(".openclaw-rescue/instance.toml");
    assert!(record.contains("language = \"tr\""), "{record}");
}

#[test]
fn typed_name_of_a_language_switches_to_it_for_a_screen_reader() {
    let sandbox = sandbox_with_default().var("ACCESSIBLE", "1");
    let mut terminal = Terminal::start(&sandbox, ["--lang", "en", "onboard"], Size::tall(80));
    terminal
        .wait_for("Türkçe için seçenekli bir soruda türkçe yazın.")
        .wait_for(ENGLISH.profile)
        .type_in("türkçe\r");
    terminal
        .wait_for("For English, type english at a question with choices.")
        .wait_for(TURKISH.profile)
        .type_in("2\r")
        .wait_for(TURKISH.engine)
        .type_in("english\r")
        .wait_for("Profile: rescue")
        .wait_for(ENGLISH.engine);
    assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
}

#[test]
fn language_of_the_locale_is_not_repeated_in_the_command_to_go_on() {
    let sandbox = sandbox_with_default().var("LANG", "tr_TR.UTF-8");
    let args = ["--profile", "rescue", "onboard", "--accept-risk"];
    let mut terminal = Terminal::start(&sandbox, args, Size::tall(80));
    terminal.wait_for(TURKISH.engine).press(Key::Enter);
    terminal.wait_for("? Temel port");
    assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
    terminal.wait_for("openclaw --profile rescue onboard");
}
