//! The question for the language, which comes first where neither a flag nor the locale tells it.

use openclaw::i18n::Lang;
use rustix::process::Signal;

use super::scenario::{catalogue_text, is_open, wait_open};
use crate::support::Sandbox;
use crate::support::pty::{Key, Modes, Screen, Size, Terminal};

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
        wait_open(&mut terminal, catalogue_text(lang, "step.accept-risk.ask"));
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
