//! Esc at every question and forward again: no answer is lost.

use openclaw::i18n::Lang;

use super::scenario::{
    Scenario, catalogue_text, collapse_blanks, each_scenario, instance_files, wait_for_text, wait_open,
};
use crate::support::pty::{Key, Modes, Size};

mod one_question_back_keeps_every_answer {
    super::each_scenario!(super::go_one_question_back_at_every_question);
}
mod back_to_the_first_question_keeps_every_answer {
    super::each_scenario!(super::go_back_from_the_plan_to_the_first_question);
}

/// Goes one question back and forward again, at each question.
fn go_one_question_back_at_every_question(scenario: &Scenario, lang: Lang) {
    let sandbox = scenario.sandbox();
    let mut terminal = scenario.run_to(&sandbox, lang, 0, Size::tall(80));
    // Before the first question only leaving is offered, and Enter does not leave.
    terminal.press(Key::Escape);
    wait_open(&mut terminal, catalogue_text(lang, "onboard.leave-ask"));
    terminal.press(Key::Enter);
    scenario.wait_for_question(&mut terminal, lang, 0);
    for at in 1..scenario.questions.len() {
        scenario.answer(&mut terminal, lang, at - 1);
        scenario.wait_for_question(&mut terminal, lang, at);
        terminal.press(Key::Escape);
        scenario.wait_for_question(&mut terminal, lang, at - 1);
        wait_for_text(
            &mut terminal,
            &scenario.questions[at - 1].answer.shown_again(lang),
        );
        terminal.press(Key::Enter);
        scenario.wait_for_question(&mut terminal, lang, at);
    }
    scenario.confirm(&mut terminal, lang);
    assert_eq!(terminal.modes(), Modes::usual());
    assert_eq!(instance_files(&sandbox), scenario.expected_files(lang));
}

/// Goes from the plan back to the first question, and forward by Enter alone.
fn go_back_from_the_plan_to_the_first_question(scenario: &Scenario, lang: Lang) {
    let sandbox = scenario.sandbox();
    let mut terminal = scenario.run_to(&sandbox, lang, scenario.review_index(), Size::tall(80));
    for at in (0..scenario.review_index()).rev() {
        terminal.press(Key::Escape);
        scenario.wait_for_question(&mut terminal, lang, at);
    }
    for at in 0..scenario.review_index() {
        let question = &scenario.questions[at];
        scenario.wait_for_question(&mut terminal, lang, at);
        let shown = collapse_blanks(&question.answer.shown_again(lang));
        terminal.wait_until(&format!("{shown:?} at {}", question.key), |screen| {
            collapse_blanks(&screen.text()).contains(&shown)
        });
        terminal.press(Key::Enter);
    }
    scenario.wait_for_question(&mut terminal, lang, scenario.review_index());
    scenario.confirm(&mut terminal, lang);
    assert_eq!(instance_files(&sandbox), scenario.expected_files(lang));
}
