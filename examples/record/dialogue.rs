//! What is pressed at which question, in the words of each language's catalogue.

use anyhow::{Context as _, Result};
use openclaw::i18n::Lang;

use super::Sandbox;
use super::pty::{Key, Screen, Size, Terminal};

/// Columns of the picture.
const COLUMNS: u16 = 80;
/// The mark of the choice that Enter takes.
const MARK: char = '❯';

/// An answer to a question.
enum Answer {
    /// What Enter takes.
    Default,
    /// The choice with the label of this key.
    Choice(&'static str),
    /// Yes or no by its letter, which every language takes.
    Letter(&'static str),
}

/// The questions of the quick way by their key, and their answers.
const DIALOGUE: &[(&str, Answer)] = &[
    ("step.accept-risk.ask", Answer::Letter("y")),
    ("step.flow.ask", Answer::Choice("step.flow.quickstart")),
    ("step.profile.ask", Answer::Default),
    ("step.workspace.ask", Answer::Default),
    ("step.gateway-port.ask", Answer::Default),
    ("step.auth-choice.ask", Answer::Choice("step.auth-choice.skip")),
    ("step.channel.ask", Answer::Choice("step.channel.skip")),
    ("step.install-daemon.ask", Answer::Letter("n")),
];
/// The question at which the picture is taken, and the labels that have to be there by then.
const LAST: (&str, &[&str]) = ("onboard.confirm", &["onboard.do-it", "onboard.leave"]);

/// Plays the dialogue up to the plan; what is on the screen then.
pub(crate) fn play(sandbox: &Sandbox, lang: Lang) -> Result<vt100::Screen> {
    let words = |key| lang.text(key).with_context(|| format!("{key} in {lang:?}"));
    let size = Size::tall(COLUMNS);
    let mut terminal = Terminal::start(sandbox, ["onboard"], size);
    for (question, answer) in DIALOGUE {
        let question = words(question)?;
        terminal.wait_until(question, |screen| below(screen, question).is_some());
        match answer {
            Answer::Default => {}
            Answer::Choice(label) => choose(&mut terminal, question, words(label)?),
            Answer::Letter(letter) => {
                terminal.type_in(letter);
            }
        }
        terminal.press(Key::Enter);
    }
    let (question, labels) = LAST;
    let question = words(question)?;
    let labels = labels
        .iter()
        .map(|label| words(label))
        .collect::<Result<Vec<_>>>()?;
    terminal.wait_until(question, |screen| {
        below(screen, question).is_some_and(|rows| {
            labels
                .iter()
                .all(|label| rows.iter().any(|row| row.contains(label)))
        })
    });
    let mut parser = vt100::Parser::new(
        size.rows.try_into()?,
        size.columns.try_into()?,
        0, // it is so tall that nothing scrolls away
    );
    parser.process(terminal.raw());
    Ok(parser.screen().clone())
}

/// Moves the mark down to the choice with this label.
fn choose(terminal: &mut Terminal, question: &str, label: &str) {
    let marked = |screen: &Screen<'_>| {
        let rows = below(screen, question)?;
        rows.into_iter().rev().find(|row| row.starts_with(MARK))
    };
    terminal.wait_until(label, |screen| marked(screen).is_some() && screen.contains(label));
    while let Some(row) = marked(&terminal.screen()).filter(|row| !row.contains(label)) {
        terminal
            .press(Key::Down)
            .wait_until(label, |screen| marked(screen).is_some_and(|now| now != row));
    }
}

/// The rows below the start of a question, which may be broken into several; `None` where it was not
/// asked yet. A row of it starts with the mark of a prompt, so that the same words elsewhere don't count.
fn below(screen: &Screen<'_>, question: &str) -> Option<Vec<String>> {
    let rows = screen.lines();
    let start = (0..rows.len()).rev().find(|&at| {
        let text = rows[at..].join(" ");
        text.trim_start_matches(|c: char| !c.is_alphanumeric())
            .starts_with(question)
    })?;
    Some(rows[start..].to_vec())
}
