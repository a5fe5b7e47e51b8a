//! What the screens look like, in both languages, in 80 and in 40 columns.

use insta::{Settings, assert_snapshot};
use openclaw::i18n::Lang;

use super::walk::{CANARY, Walk, each_walk, flat, is_open, open};
use crate::support::pty::Size;

each_walk!(look_as_accepted, english: QUICK "en", turkish: QUICK "tr");

/// One question of each kind, as it is shown once its answer was typed.
const SHOWN: [(&str, &str); 5] = [
    ("yes-no", "step.accept-risk.ask"),
    ("text", "step.workspace.ask"),
    ("ports", "step.gateway-port.ask"),
    ("secret", "step.api-key.ask"),
    ("review", "onboard.confirm"),
];

fn look_as_accepted(walk: &Walk, lang: Lang) {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for columns in [80, 40] {
            for (kind, key) in SHOWN {
                let text = screen(walk, lang, columns, key);
                assert_snapshot!(format!("{kind}-{}-{columns}", lang.code()), text);
            }
        }
    });
}

/// The whole screen at a question.
fn screen(walk: &Walk, lang: Lang, columns: u16, key: &str) -> String {
    let sandbox = walk.sandbox();
    let at = walk.position(key);
    let stop = &walk.stops[at];
    let (question, shown) = (stop.question(lang), flat(&stop.answer.shown(lang)));
    let mut terminal = walk.to(&sandbox, lang, at, Size::tall(columns));
    terminal
        .type_in(stop.answer.typed(lang))
        .wait_drawn(&format!("{shown:?} at {key}"), |screen| {
            is_open(screen, &question) && open(screen).is_some_and(|(_, text)| text.contains(&shown))
        });
    let text = terminal.screen().lines().join("\n");
    // What differs from machine to machine is on no screen.
    assert!(!text.contains(&sandbox.home().display().to_string()), "{text}");
    assert!(!text.contains(CANARY), "{text}");
    text
}
