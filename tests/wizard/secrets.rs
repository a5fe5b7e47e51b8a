//! A secret that is typed is in its own file and nowhere else: on no screen, in no draft, in no argument,
//! whether the prompts are drawn or spoken.

use openclaw::i18n::Lang;

use super::walk::{CANARY, Walk, each_walk, flat, result, start};
use crate::support::Sandbox;
use crate::support::pty::{Key, Size, Terminal};

mod drawn {
    super::each_walk!(super::drawn_prompts_keep_secrets);
}
mod spoken {
    super::each_walk!(super::spoken_prompts_keep_secrets_and_write_no_control_sequence);
}

fn drawn_prompts_keep_secrets(walk: &Walk, lang: Lang) {
    let sandbox = walk.sandbox();
    let mut terminal = walk.to(&sandbox, lang, 0, Size::tall(80));
    for (at, stop) in walk.stops[..walk.last()].iter().enumerate() {
        walk.wait(&mut terminal, lang, at);
        terminal.type_in(stop.answer.typed(lang));
        if stop.is_secret() {
            // Seen before Enter: what is typed along with it is never drawn.
            terminal.wait_for("› ********");
        }
        terminal.press(Key::Enter);
        walk.wait(&mut terminal, lang, at + 1);
        nowhere(&sandbox, &terminal, stop.key);
    }
    walk.confirm(&mut terminal, lang);
    only_in_its_files(&sandbox, &terminal, walk);
}

/// The same answers by numbers and letters, in lines that stay as they are.
fn spoken_prompts_keep_secrets_and_write_no_control_sequence(walk: &Walk, lang: Lang) {
    let sandbox = walk.sandbox().var("ACCESSIBLE", "1");
    let size = Size {
        rows: 1000,
        columns: 80,
    };
    let mut terminal = start(&sandbox, lang, size);
    let mut heard = 0;
    for (at, stop) in walk.stops.iter().enumerate() {
        let question = stop.question(lang);
        terminal.wait_until(&format!("{question:?} is asked"), |screen| {
            let said = flat(&screen.text());
            let new = said.get(heard..).unwrap_or_default();
            new.contains(&question) && new.ends_with(':')
        });
        heard = flat(&terminal.screen().text()).len();
        nowhere(&sandbox, &terminal, stop.key);
        if stop.is_secret() {
            terminal.wait_unechoed();
        }
        if at < walk.last() {
            walk.answer(&mut terminal, lang, at);
        }
    }
    walk.confirm(&mut terminal, lang);
    only_in_its_files(&sandbox, &terminal, walk);
    assert!(!terminal.raw().contains(&0x1b), "a screen reader reads lines");
    assert_eq!(result(&sandbox), walk.straight(lang));
}

fn holds(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes())
}

/// Before the plan is confirmed no file, no argument and no screen has it.
#[track_caller]
fn nowhere(sandbox: &Sandbox, terminal: &Terminal, at: &str) {
    for (path, _, bytes) in sandbox.tree() {
        assert!(!holds(&bytes), "at {at}: {}", path.display());
    }
    assert!(!holds(&terminal.arguments()), "at {at}");
    assert!(!holds(terminal.raw()), "at {at}:\n{}", terminal.screen().text());
}

#[track_caller]
fn only_in_its_files(sandbox: &Sandbox, terminal: &Terminal, walk: &Walk) {
    let tree = sandbox.tree();
    let holders: Vec<_> = tree.iter().filter(|(.., bytes)| holds(bytes)).collect();
    let paths: Vec<_> = holders
        .iter()
        .map(|(path, ..)| path.display().to_string())
        .collect();
    assert_eq!(paths, walk.holders);
    for (path, mode, _) in holders {
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    assert!(!holds(terminal.raw()), "{}", terminal.screen().text());
}
