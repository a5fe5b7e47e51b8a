//! Ctrl-C, signals and a closed window at every question.

use std::path::Path;

use openclaw::i18n::Lang;
use rustix::process::Signal;

use super::scenario::{CANARY, Scenario, catalogue_text, instance_files, wait_open};
use crate::support::Sandbox;
use crate::support::pty::{Key, Modes, Size, Terminal};

/// Defines a test for each scenario in English only: the way a run ends does not depend on the language.
macro_rules! each_english_scenario {
    ($check:path) => {
        $crate::wizard::scenario::each_scenario!($check,
            advanced: ADVANCED "en", new_instance: NEW_INSTANCE "en", quickstart: QUICKSTART "en");
    };
}

mod run_resumes_after_ctrl_c {
    each_english_scenario!(super::resumes_after_ctrl_c);
}
mod run_resumes_after_sigterm {
    each_english_scenario!(super::resumes_after_sigterm);
}
mod run_resumes_after_sighup {
    each_english_scenario!(super::resumes_after_sighup);
}
mod run_resumes_after_a_closed_window {
    each_english_scenario!(super::resumes_after_a_closed_window);
}
mod run_resumes_after_sigkill {
    each_english_scenario!(super::resumes_after_sigkill);
}

const DRAFT: &str = ".local/state/openclaw/draft.toml";

fn resumes_after_ctrl_c(scenario: &Scenario, lang: Lang) {
    end_and_resume_at_every_question(scenario, lang, |terminal, at| {
        assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130, "{at}");
        assert_terminal_restored(terminal, at);
    });
}

fn resumes_after_sigterm(scenario: &Scenario, lang: Lang) {
    end_and_resume_at_every_question(scenario, lang, |terminal, at| {
        assert_eq!(terminal.signal(Signal::TERM).exit_code(), 130, "{at}");
        assert_terminal_restored(terminal, at);
    });
}

fn resumes_after_sighup(scenario: &Scenario, lang: Lang) {
    end_and_resume_at_every_question(scenario, lang, |terminal, at| {
        assert_eq!(terminal.signal(Signal::HUP).exit_code(), 130, "{at}");
        assert_terminal_restored(terminal, at);
    });
}

fn resumes_after_a_closed_window(scenario: &Scenario, lang: Lang) {
    end_and_resume_at_every_question(scenario, lang, |terminal, at| {
        let code = terminal.hang_up().exit_code();
        // The program may see the signal or the end of the input first.
        assert!(matches!(code, 130 | 2), "{at}: {code}");
    });
}

fn resumes_after_sigkill(scenario: &Scenario, lang: Lang) {
    end_and_resume_at_every_question(scenario, lang, |terminal, at| {
        assert_eq!(terminal.signal(Signal::KILL).exit_code(), 137, "{at}");
    });
}

fn assert_terminal_restored(terminal: &Terminal, at: &str) {
    assert_eq!(terminal.modes(), Modes::usual(), "{at}");
    assert!(!terminal.screen().cursor_is_hidden(), "{at}");
}

/// Ends the wizard at each question. The next run continues there: only secrets, which are never kept, are asked for
/// again.
fn end_and_resume_at_every_question(scenario: &Scenario, lang: Lang, end: impl Fn(&mut Terminal, &str)) {
    let sandbox = scenario.sandbox();
    let before = sandbox.tree();
    for (at, question) in scenario.questions.iter().enumerate() {
        let mut terminal = scenario.start(&sandbox, lang, Size::tall(80));
        if at > 1 {
            accept_draft(scenario, &mut terminal, lang, at - 1);
        } else {
            scenario.wait_for_question(&mut terminal, lang, 0);
        }
        if at > 0 {
            scenario.answer(&mut terminal, lang, at - 1);
            scenario.wait_for_question(&mut terminal, lang, at);
        }
        end(&mut terminal, question.key);
        let what = format!("at {}", question.key);
        assert_only_draft_written(&sandbox, &before, at > 0, &what);
        assert!(
            !String::from_utf8_lossy(terminal.raw()).contains(CANARY),
            "{what}"
        );
    }
    let mut terminal = scenario.start(&sandbox, lang, Size::tall(80));
    accept_draft(scenario, &mut terminal, lang, scenario.review_index());
    scenario.confirm(&mut terminal, lang);
    assert!(!sandbox.path(DRAFT).exists(), "a used draft is removed");
    assert_eq!(instance_files(&sandbox), scenario.expected_files(lang));
}

/// Accepts the draft of the run before, and continues to the question with this index.
#[track_caller]
fn accept_draft(scenario: &Scenario, terminal: &mut Terminal, lang: Lang, at: usize) {
    wait_open(terminal, catalogue_text(lang, "onboard.resume"));
    terminal.press(Key::Enter);
    for (again, _) in scenario.questions[..at]
        .iter()
        .enumerate()
        .filter(|(_, question)| question.is_secret())
    {
        scenario.wait_for_question(terminal, lang, again);
        scenario.answer(terminal, lang, again);
    }
    scenario.wait_for_question(terminal, lang, at);
}

/// Asserts that nothing but a draft was written, readable by its owner only and without a secret.
#[track_caller]
fn assert_only_draft_written(
    sandbox: &Sandbox,
    before: &[(std::path::PathBuf, u32, Vec<u8>)],
    has_draft: bool,
    what: &str,
) {
    let mut tree = sandbox.tree();
    let draft = tree.iter().position(|(path, ..)| path == Path::new(DRAFT));
    assert_eq!(draft.is_some(), has_draft, "{what}: a draft");
    if let Some(draft) = draft {
        let (_, mode, bytes) = tree.remove(draft);
        assert_eq!(mode & 0o777, 0o600, "{what}");
        assert!(!String::from_utf8_lossy(&bytes).contains(CANARY), "{what}");
    }
    tree.retain(|(path, ..)| !Path::new(DRAFT).starts_with(path));
    assert_eq!(tree, before, "{what}");
}
