//! Ctrl-C, signals and a closed window at every question.

use std::path::Path;

use openclaw::i18n::Lang;
use rustix::process::Signal;

use super::walk::{CANARY, Walk, result, start, wait_open, words};
use crate::support::Sandbox;
use crate::support::pty::{Key, Modes, Size, Terminal};

/// A test for each walk in English: an end means the same in every language.
macro_rules! each_english_walk {
    ($check:path) => {
        $crate::wizard::walk::each_walk!($check,
            advanced: ADVANCED "en", fresh: FRESH "en", quick: QUICK "en");
    };
}

mod ctrl_c {
    each_english_walk!(super::leaves_nothing);
}
mod terminated {
    each_english_walk!(super::resumes_after_sigterm);
}
mod hung_up {
    each_english_walk!(super::resumes_after_sighup);
}
mod window_closed {
    each_english_walk!(super::resumes_after_a_closed_window);
}
mod killed {
    each_english_walk!(super::resumes_after_sigkill);
}

const DRAFT: &str = ".local/state/openclaw/draft.toml";

/// Ctrl-C is an end: no draft is kept either.
fn leaves_nothing(walk: &Walk, lang: Lang) {
    let sandbox = walk.sandbox();
    let before = sandbox.tree();
    for (at, stop) in walk.stops.iter().enumerate() {
        let mut terminal = walk.to(&sandbox, lang, at, Size::tall(80));
        assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130, "at {}", stop.key);
        assert_eq!(terminal.modes(), Modes::usual(), "at {}", stop.key);
        assert!(!terminal.screen().cursor_is_hidden(), "at {}", stop.key);
        assert_eq!(sandbox.tree(), before, "at {}", stop.key);
    }
}

fn resumes_after_sigterm(walk: &Walk, lang: Lang) {
    resumes(walk, lang, |terminal, at| {
        assert_eq!(terminal.signal(Signal::TERM).exit_code(), 130, "{at}");
        restored(terminal, at);
    });
}

fn resumes_after_sighup(walk: &Walk, lang: Lang) {
    resumes(walk, lang, |terminal, at| {
        assert_eq!(terminal.signal(Signal::HUP).exit_code(), 130, "{at}");
        restored(terminal, at);
    });
}

fn resumes_after_a_closed_window(walk: &Walk, lang: Lang) {
    resumes(walk, lang, |terminal, at| {
        let code = terminal.hang_up().exit_code();
        // The signal or the end of input, whichever the program sees first.
        assert!(matches!(code, 130 | 2), "{at}: {code}");
    });
}

fn resumes_after_sigkill(walk: &Walk, lang: Lang) {
    resumes(walk, lang, |terminal, at| {
        assert_eq!(terminal.signal(Signal::KILL).exit_code(), 137, "{at}");
    });
}

fn restored(terminal: &Terminal, at: &str) {
    assert_eq!(terminal.modes(), Modes::usual(), "{at}");
    assert!(!terminal.screen().cursor_is_hidden(), "{at}");
}

/// Ends the wizard at each question. The next run goes on from there: what was answered is not asked
/// again, but for secrets, which are never kept.
fn resumes(walk: &Walk, lang: Lang, end: impl Fn(&mut Terminal, &str)) {
    let sandbox = walk.sandbox();
    let before = sandbox.tree();
    for (at, stop) in walk.stops.iter().enumerate() {
        let mut terminal = start(&sandbox, lang, Size::tall(80));
        if at > 1 {
            resume(walk, &mut terminal, lang, at - 1);
        } else {
            walk.wait(&mut terminal, lang, 0);
        }
        if at > 0 {
            walk.answer(&mut terminal, lang, at - 1);
            walk.wait(&mut terminal, lang, at);
        }
        end(&mut terminal, stop.key);
        let what = format!("at {}", stop.key);
        only_a_draft(&sandbox, &before, at > 0, &what);
        assert!(
            !String::from_utf8_lossy(terminal.raw()).contains(CANARY),
            "{what}"
        );
    }
    let mut terminal = start(&sandbox, lang, Size::tall(80));
    resume(walk, &mut terminal, lang, walk.last());
    walk.confirm(&mut terminal, lang);
    assert!(!sandbox.path(DRAFT).exists(), "a draft that is used up is gone");
    assert_eq!(result(&sandbox), walk.straight(lang));
}

/// Takes the offer to go on, and comes to the question with this number.
#[track_caller]
fn resume(walk: &Walk, terminal: &mut Terminal, lang: Lang, at: usize) {
    wait_open(terminal, words(lang, "onboard.resume"));
    terminal.press(Key::Enter);
    for (again, _) in walk.stops[..at]
        .iter()
        .enumerate()
        .filter(|(_, stop)| stop.is_secret())
    {
        walk.wait(terminal, lang, again);
        walk.answer(terminal, lang, again);
    }
    walk.wait(terminal, lang, at);
}

/// Nothing but a draft was written, for its owner's eyes, and no secret is in it.
#[track_caller]
fn only_a_draft(sandbox: &Sandbox, before: &[(std::path::PathBuf, u32, Vec<u8>)], there: bool, what: &str) {
    let mut tree = sandbox.tree();
    let draft = tree.iter().position(|(path, ..)| path == Path::new(DRAFT));
    assert_eq!(draft.is_some(), there, "{what}: a draft");
    if let Some(draft) = draft {
        let (_, mode, bytes) = tree.remove(draft);
        assert_eq!(mode & 0o777, 0o600, "{what}");
        assert!(!String::from_utf8_lossy(&bytes).contains(CANARY), "{what}");
    }
    tree.retain(|(path, ..)| !Path::new(DRAFT).starts_with(path));
    assert_eq!(tree, before, "{what}");
}
