//! The dialogue of the picture: the answer to each question, with the texts of a language's catalogue.

use anyhow::{Context as _, Result};
use openclaw::i18n::Lang;

use super::Sandbox;
use super::pty::{Key, Screen, Size, Terminal};

/// Width of the picture, in columns.
const COLUMNS: u16 = 80;
/// Mark of the selected choice.
const SELECTION_MARK: char = '❯';

/// The profile that the dialogue sets up.
const PROFILE: &str = "rescue";

/// An answer to a question.
enum Answer {
    /// The default, which Enter takes.
    Default,
    /// The choice with the label of this key.
    Choice(&'static str),
}

/// The questions of the quick flow by their keys, and the answers.
const DIALOGUE: &[(&str, Answer)] = &[
    ("step.profile.ask", Answer::Choice("step.profile.rescue")),
    ("step.engine.ask", Answer::Default),
    ("step.gateway-port.ask", Answer::Default),
    ("step.channel.ask-bot", Answer::Choice("step.channel.skip")),
    ("step.watch.ask", Answer::Default),
];
/// The question at which the picture is taken, and the labels of its choices.
const LAST_QUESTION: (&str, &[&str]) = ("onboard.confirm", &["onboard.do-it", "onboard.leave"]);

/// Runs the wizard up to the review of the plan, and returns the screen.
pub(crate) fn run(sandbox: &Sandbox, lang: Lang) -> Result<vt100::Screen> {
    let text = |key| lang.text(key).with_context(|| format!("{key} in {lang:?}"));
    let size = Size::tall(COLUMNS);
    // How the gateway can be started depends on the machine, and the picture is the same on each.
    let mut terminal = Terminal::start(sandbox, ["onboard", "--no-install-daemon"], size);
    for (question, answer) in DIALOGUE {
        let question = text(question)?;
        terminal.wait_until(question, |screen| rows_from(screen, question).is_some());
        match answer {
            Answer::Default => {}
            Answer::Choice(label) => {
                choose(
                    &mut terminal,
                    question,
                    &text(label)?.replace("{profile}", PROFILE),
                );
            }
        }
        terminal.press(Key::Enter);
    }
    let (question, labels) = LAST_QUESTION;
    let question = text(question)?;
    let labels = labels
        .iter()
        .map(|label| text(label))
        .collect::<Result<Vec<_>>>()?;
    terminal.wait_until(question, |screen| {
        rows_from(screen, question).is_some_and(|rows| {
            labels
                .iter()
                .all(|label| rows.iter().any(|row| row.contains(label)))
        })
    });
    let mut parser = vt100::Parser::new(
        size.rows.try_into()?,
        size.columns.try_into()?,
        0, // the screen is so tall that nothing scrolls away
    );
    parser.process(terminal.raw());
    Ok(parser.screen().clone())
}

/// Moves the mark down to the choice with this label.
fn choose(terminal: &mut Terminal, question: &str, label: &str) {
    let marked = |screen: &Screen<'_>| {
        let rows = rows_from(screen, question)?;
        rows.into_iter().rev().find(|row| row.starts_with(SELECTION_MARK))
    };
    terminal.wait_until(label, |screen| marked(screen).is_some() && screen.contains(label));
    while let Some(row) = marked(&terminal.screen()).filter(|row| !row.contains(label)) {
        terminal
            .press(Key::Down)
            .wait_until(label, |screen| marked(screen).is_some_and(|now| now != row));
    }
}

/// Returns the rows from the start of a question on, or `None` before it is asked. A question may take several rows. Its
/// first row starts with the mark of a prompt, so that the same text elsewhere does not count.
fn rows_from(screen: &Screen<'_>, question: &str) -> Option<Vec<String>> {
    let rows = screen.lines();
    let start = (0..rows.len()).rev().find(|&at| {
        let text = rows[at..].join(" ");
        text.trim_start_matches(|c: char| !c.is_alphanumeric())
            .starts_with(question)
    })?;
    Some(rows[start..].to_vec())
}
