//! The question before all others, where nothing tells the language.

use openclaw::i18n::Lang;
use rustix::process::Signal;

use super::walk::{is_open, wait_open, words};
use crate::support::Sandbox;
use crate::support::pty::{Key, Modes, Screen, Size, Terminal};

/// The locale tells the letters, and a language that nobody has translated to.
fn asked(sandbox: &Sandbox) -> Terminal {
    let mut terminal = Terminal::start(sandbox, ["onboard"], Size::tall(80));
    wait_open(&mut terminal, words(Lang::english(), "onboard.language"));
    terminal
}

fn sandbox() -> Sandbox {
    Sandbox::new().var("LANG", "de_DE.UTF-8")
}

#[test]
fn the_wizard_goes_on_in_the_chosen_language() {
    let sandbox = sandbox();
    for (at, lang) in Lang::all().enumerate() {
        let mut terminal = asked(&sandbox);
        terminal
            .wait_for(words(lang, "language.name"))
            .type_in(&(at + 1).to_string())
            .press(Key::Enter);
        wait_open(&mut terminal, words(lang, "step.accept-risk.ask"));
    }
}

#[test]
fn nothing_is_written_where_it_ends_there() {
    let sandbox = sandbox();
    let mut interrupted = asked(&sandbox);
    assert_eq!(interrupted.press(Key::CtrlC).exit_code(), 130);
    let mut ended = asked(&sandbox);
    assert_eq!(ended.signal(Signal::TERM).exit_code(), 130);
    for terminal in [&interrupted, &ended] {
        assert_eq!(terminal.modes(), Modes::usual());
        assert!(!terminal.screen().cursor_is_hidden());
    }
    let mut closed = asked(&sandbox);
    assert!(matches!(closed.hang_up().exit_code(), 130 | 2));
    assert_eq!(sandbox.tree(), []);
}

#[test]
fn it_stands_in_any_width() {
    let sandbox = sandbox();
    let question = words(Lang::english(), "onboard.language");
    let mut terminal = asked(&sandbox);
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
