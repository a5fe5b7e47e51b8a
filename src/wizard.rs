//! The interview: walks the table of steps and fills in the answers.
//!
//! Each question takes its reply from what was given (flags, answers file), else from a prompt, else
//! from its default; all three go through the step's one rule. A person can go back at every question:
//! the walk starts anew with what was replied before, so that whatever depends on a changed answer is
//! judged again and nothing else is lost. Nothing is written here: a wizard that is left at any question
//! has changed nothing.

pub mod context;
pub mod given;
pub mod memory;
pub mod review;
pub mod step;
pub mod steps;
pub mod terminal;

use crate::answers::{Answers, Flow};
use crate::error::{self, Error, Result};
use crate::i18n::{Msg, msg};

pub use context::InterviewContext;
pub use given::Given;
pub use memory::Memory;
pub use step::{Prompter, Question, Reply, Step};

/// Who answers what was not given.
pub enum Asker<'a, 'm> {
    /// A person at a terminal, and what they replied before.
    Person(&'a mut dyn Prompter, &'a mut Memory<'m>),
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
    /// The steps that a person answered, with their questions, in order: what a review offers to change.
    pub asked: Vec<(&'static str, Msg)>,
    /// What was given and played no part.
    pub unused: Vec<Msg>,
}

/// How far one walk through the table came.
enum Walk {
    /// To its end.
    Done(Box<Interview>),
    /// The person went back, to this step or, where there is none before, out.
    Back(Option<&'static str>),
}

/// Asks every question of the table that the context leaves open.
pub fn interview(
    context: &mut InterviewContext<'_>,
    given: &Given,
    mut asker: Asker<'_, '_>,
) -> Result<Interview> {
    let start = context.input.instance.clone();
    loop {
        match walk(context, given, &mut asker)? {
            Walk::Done(interview) => return Ok(*interview),
            Walk::Back(to) => {
                context.choose_instance(start.clone())?;
                if let Asker::Person(prompter, memory) = &mut asker {
                    match to {
                        Some(id) => memory.ask_from(id),
                        None => leave(*prompter)?,
                    }
                }
            }
        }
    }
}

/// Before the first question there is only the way out.
fn leave(prompter: &mut dyn Prompter) -> Result<()> {
    let question = Question::yes_no(Msg::new("onboard.leave-ask"), Some(false));
    match prompter.ask(&question)? {
        Reply::Yes(true) => Err(Error::failed(Msg::new("onboard.left"))),
        _ => Ok(()),
    }
}

fn walk(context: &mut InterviewContext<'_>, given: &Given, asker: &mut Asker<'_, '_>) -> Result<Walk> {
    let mut answers = Answers {
        bootstrap: given.bootstrap,
        ..Answers::default()
    };
    let (mut answered, mut taken, mut unused, mut open) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for step in steps::ALL {
        let given_reply = given.reply(*step, &answers);
        let Some(question) = step.ask(context, &answers) else {
            unused.extend(given_reply.map(|_| step.flag(&answers)));
            continue;
        };
        if let Some(reply) = given_reply {
            let flag = step.flag(&answers);
            taken.push(flag);
            step.take(reply, context, &mut answers)
                .map_err(|e| e.hint(msg!("answers.from", flag = flag)))?;
            continue;
        }
        let silent = answers.flow == Flow::Quickstart && !step.quick();
        match (&mut *asker, question.default_reply()) {
            (Asker::Person(prompter, memory), default) if !silent || default.is_none() => {
                if !put(*step, &question, *prompter, memory, context, &mut answers)? {
                    return Ok(Walk::Back(answered.last().map(|(id, _)| *id)));
                }
                answered.push((step.id(), question.text));
            }
            (Asker::Person(..) | Asker::Defaults, Some(default)) => {
                step.take(default, context, &mut answers)?;
            }
            (Asker::Nobody, default) => {
                if !silent {
                    open.push(step.flag(&answers));
                }
                // What the default would lead to is asked for too, as far as it can be told.
                if let Some(default) = default {
                    step.take(default, context, &mut answers)?;
                }
            }
            (Asker::Person(..) | Asker::Defaults, None) => open.push(step.flag(&answers)),
        }
    }
    match asker {
        Asker::Nobody => Err(nobody(context, &open)),
        Asker::Defaults if !open.is_empty() => Err(Error::usage(msg!("answers.open", flags = flags(&open)))),
        Asker::Person(..) | Asker::Defaults => {
            unused.retain(|flag| !taken.contains(flag));
            let unused = unused
                .iter()
                .map(|flag| msg!("answers.unused", flag = flag))
                .collect();
            Ok(Walk::Done(Box::new(Interview {
                answers,
                asked: answered,
                unused,
            })))
        }
    }
}

/// Puts one question to a person until its reply is taken; `false` where they go back.
fn put(
    step: &dyn Step,
    question: &Question,
    prompter: &mut dyn Prompter,
    memory: &mut Memory<'_>,
    context: &mut InterviewContext<'_>,
    answers: &mut Answers,
) -> Result<bool> {
    if let Some(reply) = memory.settled(step.id(), question)
        && step.take(reply, context, answers).is_ok()
    {
        return Ok(true);
    }
    let shown = memory.recall(step.id(), question);
    loop {
        let reply = match prompter.ask(&shown)? {
            Reply::Back => return Ok(false),
            reply => memory.complete(step.id(), question, reply),
        };
        match step.take(reply.clone(), context, answers) {
            Ok(()) => {
                memory.keep(step.id(), question, reply);
                return Ok(true);
            }
            // A no is an answer, not a slip.
            Err(no) if no.kind == error::ErrorKind::Failure => return Err(no),
            Err(refusal) => prompter.refuse(&refusal),
        }
    }
}

fn nobody(context: &InterviewContext<'_>, open: &[&str]) -> Error {
    let error = Error::usage(Msg::new("answers.nobody"));
    let error = if open.is_empty() {
        error
    } else {
        error.hint(msg!("answers.open", flags = flags(open)))
    };
    error.hint(msg!(
        "answers.non-interactive",
        command = context.input.instance.command()
    ))
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
