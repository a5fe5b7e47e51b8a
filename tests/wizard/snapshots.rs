//! Snapshots of the screens, in both languages, in 80 and in 40 columns.

use insta::{Settings, assert_snapshot};
use openclaw::i18n::Lang;

use super::scenario::{
    CANARY, Scenario, catalogue_text, collapse_blanks, each_scenario, is_open, open_question,
};
use crate::support::pty::Size;

each_scenario!(screens_match_their_snapshots, english: QUICKSTART "en", turkish: QUICKSTART "tr");

/// A question of each kind: the name of its snapshots, and its key.
const QUESTIONS: [(&str, &str); 4] = [
    ("yes-no", "step.accept-risk.ask"),
    ("ports", "step.gateway-port.ask"),
    ("secret", "step.api-key.ask"),
    ("review", "onboard.confirm"),
];

fn screens_match_their_snapshots(scenario: &Scenario, lang: Lang) {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for columns in [80, 40] {
            for (kind, key) in QUESTIONS {
                let text = screen_at(scenario, lang, columns, key);
                assert_snapshot!(format!("{kind}-{}-{columns}", lang.code()), text);
            }
        }
    });
}

/// Returns the whole screen at a question once its answer is typed.
fn screen_at(scenario: &Scenario, lang: Lang, columns: u16, key: &str) -> String {
    let sandbox = scenario.sandbox().with_chrome_alone();
    let at = scenario.position(key);
    let question = &scenario.questions[at];
    let (asked, shown) = (question.text(lang), collapse_blanks(&question.answer.shown(lang)));
    let mut terminal = scenario.run_to(&sandbox, lang, at, Size::tall(columns));
    terminal
        .type_in(question.answer.typed(lang))
        .wait_drawn(&format!("{shown:?} at {key}"), |screen| {
            is_open(screen, &asked) && open_question(screen).is_some_and(|(_, text)| text.contains(&shown))
        });
    let text = without_manager_refusal(&terminal.screen().lines(), lang);
    // Nothing on the screen may differ from machine to machine.
    assert!(!text.contains(&sandbox.home().display().to_string()), "{text}");
    assert!(!text.contains(CANARY), "{text}");
    text
}

/// Returns the lines of a screen without those that say why the host has no service manager, which differs from machine to
/// machine.
fn without_manager_refusal(lines: &[String], lang: Lang) -> String {
    let refusal = catalogue_text(lang, "onboard.lacks").replace("{list}.", "");
    let start = lines.iter().position(|line| line.starts_with(refusal.trim()));
    let start = start.expect("what the host lacks");
    let other = lines[start..].iter().position(|line| line.contains("Ctrl-L"));
    let end = start + other.expect("the other language");
    [&lines[..start], &lines[end..]].concat().join("\n")
}

mod end {
    super::each_scenario!(super::end_matches_its_snapshot, english: QUICKSTART "en", turkish: QUICKSTART "tr");
}

/// The end of the wizard: what was done, and the next commands, each on lines of its own.
fn end_matches_its_snapshot(scenario: &Scenario, lang: Lang) {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for columns in [80, 40] {
            let sandbox = scenario.sandbox();
            let at = scenario.review_index();
            let mut terminal = scenario.run_to(&sandbox, lang, at, Size::tall(columns));
            scenario.confirm(&mut terminal, lang);
            let confirmed = scenario.questions[at].text(lang);
            let lines = terminal.screen().lines();
            let start = lines
                .iter()
                .rposition(|line| line.starts_with(&format!("✔ {confirmed}")));
            let text = lines[start.expect("the answer")..].join("\n");
            for line in text.lines() {
                assert!(line.chars().count() <= usize::from(columns), "{line}");
            }
            assert_snapshot!(format!("end-{}-{columns}", lang.code()), text);
        }
    });
}
