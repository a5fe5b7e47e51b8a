//! The interview: walks the table of steps and fills in the answers.
//!
//! Each question takes its reply from what was given (flags, answers file), else from a prompt, else
//! from its default; all three go through the step's one rule. Nothing is written here: a wizard that is
//! left at any question has changed nothing.

pub mod given;
pub mod step;
pub mod steps;
pub mod terminal;

use crate::answers::{Answers, Flow};
use crate::error::{self, Error, Result};
use crate::i18n::Msg;
use crate::msg;
use crate::situation::Situation;

pub use given::Given;
pub use step::{Prompter, Question, Reply, Step};

/// Who answers what was not given.
pub enum Asker<'a> {
    /// A person at a terminal.
    Person(&'a mut dyn Prompter),
    /// Nobody, by wish (`--non-interactive`): defaults answer.
    Defaults,
    /// Nobody, and nobody wished so: what is open is only listed.
    Nobody,
}

/// What came of an interview.
#[derive(Debug)]
pub struct Interview {
    /// The answers.
    pub answers: Answers,
    /// What was given and played no part.
    pub unused: Vec<Msg>,
}

/// Asks every question of the table that the situation leaves open.
pub fn interview(situation: &mut Situation<'_>, given: &Given, mut asker: Asker<'_>) -> Result<Interview> {
    let mut answers = Answers {
        bootstrap: given.bootstrap,
        ..Answers::default()
    };
    let mut unused = Vec::new();
    let mut open = Vec::new();
    for step in steps::ALL {
        let given_reply = given.reply(*step, &answers);
        let Some(question) = step.ask(situation, &answers) else {
            if given_reply.is_some() {
                unused.push(msg!("answers.unused", flag = step.flag(&answers)));
            }
            continue;
        };
        if let Some(reply) = given_reply {
            step.take(reply, situation, &mut answers)?;
            continue;
        }
        let silent = answers.flow == Flow::Quickstart && !step.quick();
        match &mut asker {
            Asker::Person(prompter) if !silent || question.default_reply().is_none() => loop {
                let reply = prompter.ask(&question)?;
                match step.take(reply, situation, &mut answers) {
                    Ok(()) => break,
                    // A no is an answer, not a slip.
                    Err(no) if no.kind == error::Kind::No => return Err(no),
                    Err(refusal) => prompter.refuse(&refusal),
                }
            },
            Asker::Person(_) | Asker::Defaults => match question.default_reply() {
                Some(reply) => step.take(reply, situation, &mut answers)?,
                None => open.push(step.flag(&answers)),
            },
            Asker::Nobody => {
                if !silent {
                    open.push(step.flag(&answers));
                }
                // What the default would lead to is asked for too, as far as it can be told.
                if let Some(reply) = question.default_reply() {
                    step.take(reply, situation, &mut answers)?;
                }
            }
        }
    }
    match asker {
        Asker::Person(_) => {}
        Asker::Defaults if open.is_empty() => {}
        Asker::Defaults => {
            let flags = flags(&open);
            return Err(Error::usage(msg!("answers.open", flags = flags)));
        }
        Asker::Nobody => {
            let error = Error::usage(Msg::new("answers.nobody"));
            let error = if open.is_empty() {
                error
            } else {
                error.hint(msg!("answers.open", flags = flags(&open)))
            };
            return Err(error.hint(msg!(
                "answers.non-interactive",
                command = situation.instance.command()
            )));
        }
    }
    Ok(Interview { answers, unused })
}

fn flags(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("--{name}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests;
