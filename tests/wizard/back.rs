//! Esc at every question, and forward again: nothing that was answered is lost.

use openclaw::i18n::Lang;

use super::walk::{Walk, each_walk, flat, result, wait_flat, wait_open, words};
use crate::support::pty::{Key, Modes, Size};

mod step_by_step {
    super::each_walk!(super::at_every_question);
}
mod all_the_way {
    super::each_walk!(super::from_the_plan_to_the_first_question);
}

/// One question back and forward again, at each.
fn at_every_question(walk: &Walk, lang: Lang) {
    let sandbox = walk.sandbox();
    let mut terminal = walk.to(&sandbox, lang, 0, Size::tall(80));
    // Before the first question there is only the way out, which is not taken by accident.
    terminal.press(Key::Escape);
    wait_open(&mut terminal, words(lang, "onboard.leave-ask"));
    terminal.press(Key::Enter);
    walk.wait(&mut terminal, lang, 0);
    for at in 1..walk.stops.len() {
        walk.answer(&mut terminal, lang, at - 1);
        walk.wait(&mut terminal, lang, at);
        terminal.press(Key::Escape);
        walk.wait(&mut terminal, lang, at - 1);
        wait_flat(&mut terminal, &walk.stops[at - 1].answer.recalled(lang));
        terminal.press(Key::Enter);
        walk.wait(&mut terminal, lang, at);
    }
    walk.confirm(&mut terminal, lang);
    assert_eq!(terminal.modes(), Modes::usual());
    assert_eq!(result(&sandbox), walk.straight(lang));
}

/// From the plan back to the first question, and forward by Enter alone.
fn from_the_plan_to_the_first_question(walk: &Walk, lang: Lang) {
    let sandbox = walk.sandbox();
    let mut terminal = walk.to(&sandbox, lang, walk.last(), Size::tall(80));
    for at in (0..walk.last()).rev() {
        terminal.press(Key::Escape);
        walk.wait(&mut terminal, lang, at);
    }
    for at in 0..walk.last() {
        let stop = &walk.stops[at];
        walk.wait(&mut terminal, lang, at);
        let recalled = flat(&stop.answer.recalled(lang));
        terminal.wait_until(&format!("{recalled:?} at {}", stop.key), |screen| {
            flat(&screen.text()).contains(&recalled)
        });
        terminal.press(Key::Enter);
    }
    walk.wait(&mut terminal, lang, walk.last());
    walk.confirm(&mut terminal, lang);
    assert_eq!(result(&sandbox), walk.straight(lang));
}
