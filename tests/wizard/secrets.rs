//! A typed secret is in its own file and nowhere else: on no screen, in no draft, in no argument, with drawn prompts and
//! with those for screen readers.

use openclaw::i18n::Lang;

use super::scenario::{CANARY, Scenario, collapse_blanks, each_scenario, instance_files};
use crate::support::Sandbox;
use crate::support::pty::{Key, Size, Terminal};

mod drawn_prompts_keep_secrets {
    super::each_scenario!(super::drawn_prompts_keep_secrets);
}
mod accessible_prompts_keep_secrets_and_write_no_control_sequence {
    super::each_scenario!(super::accessible_prompts_keep_secrets_and_write_no_control_sequence);
}

fn drawn_prompts_keep_secrets(scenario: &Scenario, lang: Lang) {
    let sandbox = scenario.sandbox();
    let mut terminal = scenario.run_to(&sandbox, lang, 0, Size::tall(80));
    for (at, question) in scenario.questions[..scenario.review_index()].iter().enumerate() {
        scenario.wait_for_question(&mut terminal, lang, at);
        terminal.type_in(question.answer.typed(lang));
        if question.is_secret() {
            // Waits for the mark before Enter, because keys that arrive together are drawn once.
            terminal.wait_for("› ********");
        }
        terminal.press(Key::Enter);
        scenario.wait_for_question(&mut terminal, lang, at + 1);
        assert_secret_nowhere(&sandbox, &terminal, question.key);
    }
    scenario.confirm(&mut terminal, lang);
    assert_secret_in_its_files_only(&sandbox, &terminal, scenario);
}

/// Gives the same answers by numbers and letters, to prompts in lines that stay as they are.
fn accessible_prompts_keep_secrets_and_write_no_control_sequence(scenario: &Scenario, lang: Lang) {
    let sandbox = scenario.sandbox().var("ACCESSIBLE", "1");
    let size = Size {
        rows: 1000,
        columns: 80,
    };
    let mut terminal = scenario.start(&sandbox, lang, size);
    let mut read = 0;
    for (at, question) in scenario.questions.iter().enumerate() {
        let asked = question.text(lang);
        terminal.wait_until(&format!("{asked:?} is asked"), |screen| {
            let text = collapse_blanks(&screen.text());
            let new = text.get(read..).unwrap_or_default();
            new.contains(&asked) && new.ends_with(':')
        });
        read = collapse_blanks(&terminal.screen().text()).len();
        assert_secret_nowhere(&sandbox, &terminal, question.key);
        if question.is_secret() {
            terminal.wait_unechoed();
        }
        if at < scenario.review_index() {
            scenario.answer(&mut terminal, lang, at);
        }
    }
    scenario.confirm(&mut terminal, lang);
    assert_secret_in_its_files_only(&sandbox, &terminal, scenario);
    assert!(
        !terminal.raw().contains(&0x1b),
        "prompts for screen readers are lines"
    );
    assert_eq!(instance_files(&sandbox), scenario.expected_files(lang));
}

/// Returns `true` if bytes hold a part of a secret.
fn holds_secret(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes())
}

/// Asserts that no file, no argument and no screen holds the secret before the plan is confirmed.
#[track_caller]
fn assert_secret_nowhere(sandbox: &Sandbox, terminal: &Terminal, at: &str) {
    for (path, _, bytes) in sandbox.tree() {
        assert!(!holds_secret(&bytes), "at {at}: {}", path.display());
    }
    assert!(!holds_secret(&terminal.arguments()), "at {at}");
    assert!(
        !holds_secret(terminal.raw()),
        "at {at}:\n{}",
        terminal.screen().text()
    );
}

#[track_caller]
fn assert_secret_in_its_files_only(sandbox: &Sandbox, terminal: &Terminal, scenario: &Scenario) {
    let tree = sandbox.tree();
    let holders: Vec<_> = tree.iter().filter(|(.., bytes)| holds_secret(bytes)).collect();
    let paths: Vec<_> = holders
        .iter()
        .map(|(path, ..)| path.display().to_string())
        .collect();
    assert_eq!(paths, scenario.secret_files);
    for (path, mode, _) in holders {
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    assert!(!holds_secret(terminal.raw()), "{}", terminal.screen().text());
}
