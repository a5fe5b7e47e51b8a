//! The verification of an answer with the server that it is for, and what a person decides about a refused one.
//!
//! Nobody is kept from going on: a server that can't be reached leaves an answer as it is, and a person may keep a refused
//! one.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::verify::{Polled, Task, Verdict};

use super::question::{Choice, Prompter, Question, Reply};
use super::waiting::Waiting;

/// Interval at which a verification without a person looks whether it has ended.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The name of the choice to enter another answer.
const AGAIN: &str = "again";
/// The name of the choice to keep a refused answer.
const KEEP: &str = "keep";
/// The name of the choice to give the answer after the wizard's end.
const LATER: &str = "later";

/// A question to a server about an answer of the wizard, under way.
pub(crate) struct Verification<'a> {
    /// The sentence that says what is asked.
    what: Msg,
    look: Box<dyn FnMut(Duration) -> Option<Outcome> + 'a>,
}

/// The outcome of the verification of an answer of the wizard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server takes it, with the sentence that says so.
    Accepted(Msg),
    /// The server refuses it, with the sentence that says so.
    Refused(Msg),
    /// Nobody knows, with the reason.
    Unchecked(Msg),
}

/// The decision about an answer of the wizard that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verified {
    /// The answer stands.
    Kept,
    /// The person enters another one.
    AskAgain,
    /// The answer is given after the wizard's end.
    Later,
}

impl<'a> Verification<'a> {
    /// Creates the verification of an answer of the wizard: a task that asks a server, and what is made of its result.
    pub(crate) fn new<T: Send + 'static>(
        what: Msg,
        task: Task<Verdict<T>>,
        accept: impl FnOnce(T) -> Msg + 'a,
    ) -> Self {
        let mut accept = Some(accept);
        let look = move |wait| match task.look(wait) {
            Polled::Running => None,
            Polled::Done(Verdict::Accepted(result)) => Some(match accept.take() {
                Some(accept) => Outcome::Accepted(accept(result)),
                None => Outcome::Unchecked(msg!("verify.no-thread")),
            }),
            Polled::Done(Verdict::Refused(msg)) => Some(Outcome::Refused(msg)),
            Polled::Done(Verdict::Unchecked(msg)) => Some(Outcome::Unchecked(msg)),
            Polled::Gone => Some(Outcome::Unchecked(msg!("verify.no-thread"))),
        };
        Self {
            what,
            look: Box::new(look),
        }
    }

    /// Makes a refusal no more than a remark: what the server wants is asked for later in the wizard.
    pub(crate) fn asking_for_more(mut self, remark: Msg) -> Self {
        self.look = Box::new(move |wait| {
            let outcome = (self.look)(wait)?;
            Some(match outcome {
                Outcome::Refused(_) => Outcome::Accepted(remark.clone()),
                outcome => outcome,
            })
        });
        self
    }

    /// Waits for the outcome of the verification of a wizard's answer, without a person.
    pub(crate) fn finish(mut self) -> Outcome {
        loop {
            if let Some(outcome) = (self.look)(LOOK_INTERVAL) {
                return outcome;
            }
        }
    }

    /// Waits for the outcome of the verification of a wizard's answer, until a person does not want to wait any more.
    fn await_outcome(mut self, prompter: &mut dyn Prompter) -> Result<Outcome> {
        let mut outcome = None;
        prompter.wait(&Waiting::brief(self.what.clone()), &mut || {
            outcome = (self.look)(Duration::ZERO);
            outcome.is_some()
        })?;
        Ok(outcome.unwrap_or_else(|| Outcome::Unchecked(msg!("verify.not-awaited"))))
    }
}

impl Outcome {
    /// Returns the sentence that tells the outcome of a verification in the wizard.
    pub(crate) fn msg(self) -> Msg {
        match self {
            Self::Accepted(msg) | Self::Refused(msg) => msg,
            Self::Unchecked(why) => msg!("verify.unchecked").with_msg("why", why),
        }
    }
}

/// Verifies an answer that a person gave to the wizard, and asks what becomes of it where the server refuses it.
pub(crate) fn verify_with_person(
    prompter: &mut dyn Prompter,
    verification: Verification<'_>,
) -> Result<Verified> {
    let outcome = verification.await_outcome(prompter)?;
    let Outcome::Refused(refusal) = outcome else {
        prompter.show_echo(&outcome.msg());
        return Ok(Verified::Kept);
    };
    prompter.show_rejection(&Error::failed(refusal));
    let options = vec![
        Choice::new(AGAIN, msg!("verify.again")),
        Choice::new(KEEP, msg!("verify.keep")),
        Choice::new(LATER, msg!("verify.later")),
    ];
    let reply = prompter.ask(&Question::choice(msg!("verify.refused-ask"), options, AGAIN))?;
    if reply != Reply::Back {
        prompter.forget_answer();
    }
    Ok(match reply.text() {
        KEEP => {
            prompter.show_echo(&msg!("verify.kept"));
            Verified::Kept
        }
        LATER => {
            prompter.show_echo(&msg!("verify.left-out"));
            Verified::Later
        }
        _ => Verified::AskAgain,
    })
}

/// Verifies an answer of the wizard that a flag or a file gave, and shows a person the outcome.
pub(super) fn show_verification(prompter: &mut dyn Prompter, verification: Verification<'_>) -> Result<()> {
    match verification.await_outcome(prompter)? {
        Outcome::Refused(refusal) => prompter.show_rejection(&Error::failed(refusal)),
        outcome => prompter.show_echo(&outcome.msg()),
    }
    Ok(())
}
