//! A change of the window's size while a question is open.

use openclaw::i18n::Lang;

use super::scenario::{Scenario, collapse_blanks, each_scenario, instance_files, is_open, open_question};
use crate::support::pty::{Key, Screen, Size, Terminal};

mod open_question_is_redrawn_once_in_the_new_width {
    super::each_scenario!(super::resize_at_every_question);
}

fn resize_at_every_question(scenario: &Scenario, lang: Lang) {
    let sandbox = scenario.sandbox();
    let mut terminal = scenario.run_to(&sandbox, lang, 0, Size::tall(80));
    for question in scenario.questions {
        let asked = question.text(lang);
        let shown = collapse_blanks(&question.answer.shown(lang));
        let shows_typed = |screen: &Screen<'_>| {
            is_open(screen, &asked) && open_question(screen).is_some_and(|(_, text)| text.contains(&shown))
        };
        let what = format!("{asked:?} with {shown:?}");
        terminal.wait_drawn(&asked, |screen| is_open(screen, &asked));
        let typed = question.answer.typed(lang);
        if !typed.is_empty() {
            terminal.redraw(
                |terminal| {
                    terminal.type_in(typed);
                },
                &what,
                shows_typed,
            );
        }
        for columns in [40, 120, 80] {
            let what = format!("{what}, once and with no line broken, in {columns} columns");
            let resize = |terminal: &mut Terminal| {
                terminal.resize(Size::tall(columns));
            };
            terminal.redraw(resize, &what, |screen| {
                shows_typed(screen) && is_shown_once(screen)
            });
        }
        terminal.press(Key::Enter);
    }
    assert_eq!(terminal.exit_code(), 0);
    assert_eq!(instance_files(&sandbox), scenario.expected_files(lang));
}

/// Returns `true` if one open question is on the screen, without a line that the terminal broke.
fn is_shown_once(screen: &Screen<'_>) -> bool {
    let lines = screen.lines();
    let first = lines.iter().position(|line| line.starts_with("? "));
    let last = lines.iter().rposition(|line| line.starts_with("? "));
    first == last && first.is_some_and(|first| (first..lines.len()).all(|row| !screen.is_wrapped(row)))
}
