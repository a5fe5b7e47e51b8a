//! Another size of the window while a question is open.

use openclaw::i18n::Lang;

use super::walk::{Walk, each_walk, flat, is_open, open, result};
use crate::support::pty::{Key, Screen, Size, Terminal};

each_walk!(at_every_question);

fn at_every_question(walk: &Walk, lang: Lang) {
    let sandbox = walk.sandbox();
    let mut terminal = walk.to(&sandbox, lang, 0, Size::tall(80));
    for stop in walk.stops {
        let question = stop.question(lang);
        let shown = flat(&stop.answer.shown(lang));
        let as_typed = |screen: &Screen<'_>| {
            is_open(screen, &question) && open(screen).is_some_and(|(_, text)| text.contains(&shown))
        };
        let what = format!("{question:?} with {shown:?}");
        terminal.wait_drawn(&question, |screen| is_open(screen, &question));
        let typed = stop.answer.typed(lang);
        if !typed.is_empty() {
            terminal.redraw(
                |terminal| {
                    terminal.type_in(typed);
                },
                &what,
                as_typed,
            );
        }
        for columns in [40, 120, 80] {
            let what = format!("{what}, once and with no line broken, in {columns} columns");
            let resize = |terminal: &mut Terminal| {
                terminal.resize(Size::tall(columns));
            };
            terminal.redraw(resize, &what, |screen| as_typed(screen) && stands_once(screen));
        }
        terminal.press(Key::Enter);
    }
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(result(&sandbox), walk.straight(lang));
}

/// One open question on the screen, and no line of it broken by the terminal.
fn stands_once(screen: &Screen<'_>) -> bool {
    let lines = screen.lines();
    let first = lines.iter().position(|line| line.starts_with("? "));
    let last = lines.iter().rposition(|line| line.starts_with("? "));
    first == last && first.is_some_and(|first| (first..lines.len()).all(|row| !screen.is_wrapped(row)))
}
