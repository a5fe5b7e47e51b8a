//! What a person replied so far, so that going back and forth loses nothing.
//!
//! A reply counts for the very question that it answered: where another answer changes the question
//! (another provider's key), it does not count any more; and where it was only the default, the new
//! default takes its place.

use std::collections::BTreeMap;

use crate::i18n::Msg;

use super::step::Kind;
use super::{Question, Reply, steps};

/// The replies of one person, by step.
#[derive(Debug, Default)]
pub struct Memory {
    replies: BTreeMap<&'static str, Kept>,
    ask: Ask,
}

#[derive(Debug)]
struct Kept {
    text: Msg,
    reply: Reply,
    was_default: bool,
}

/// Which questions are asked although they have a reply.
#[derive(Debug, Default)]
enum Ask {
    /// None.
    #[default]
    New,
    /// This step's and all after it: the person went back and walks forward again.
    From(&'static str),
    /// This step's alone: the person changes one thing at the review.
    Only(&'static str),
}

impl Memory {
    /// The next walk asks from this step on.
    pub fn ask_from(&mut self, id: &'static str) {
        self.ask = Ask::From(id);
    }

    /// The next walk asks this step alone, and what has no reply yet.
    pub fn ask_only(&mut self, id: &'static str) {
        self.ask = Ask::Only(id);
    }

    /// The next walk asks only what has no reply yet.
    pub fn ask_nothing(&mut self) {
        self.ask = Ask::New;
    }

    /// The reply to a question that needs not be asked again.
    pub(super) fn settled(&self, id: &'static str, question: &Question) -> Option<Reply> {
        let again = match self.ask {
            Ask::New => false,
            Ask::From(from) => steps::position(id) >= steps::position(from),
            Ask::Only(only) => id == only,
        };
        let kept = self.kept(id, question).filter(|_| !again)?;
        if kept.was_default {
            question.default_reply()
        } else {
            Some(kept.reply.clone())
        }
    }

    /// The question with the earlier reply as its default.
    pub(super) fn recall(&self, id: &'static str, question: &Question) -> Question {
        let mut question = question.clone();
        let Some(kept) = self.kept(id, &question).filter(|kept| !kept.was_default) else {
            return question;
        };
        match (&mut question.kind, &kept.reply) {
            (Kind::Choice { options, default }, Reply::Text(id)) => {
                *default = options.iter().position(|o| o.id == *id).unwrap_or(*default);
            }
            (Kind::Text { default }, Reply::Text(text)) => *default = Some(text.clone()),
            (Kind::YesNo { default }, Reply::Yes(yes)) => *default = Some(*yes),
            (Kind::Secret { optional }, Reply::Secret(_)) => {
                *optional = true;
                question.intro.push(Msg::new("ui.secret-kept"));
            }
            _ => {}
        }
        question
    }

    /// What was meant: an empty line keeps the secret that was typed before.
    pub(super) fn complete(&self, id: &'static str, question: &Question, reply: Reply) -> Reply {
        match (&reply, self.kept(id, question)) {
            (Reply::Secret(secret), Some(kept)) if secret.expose().is_empty() => kept.reply.clone(),
            _ => reply,
        }
    }

    /// Keeps a reply that was taken.
    pub(super) fn keep(&mut self, id: &'static str, question: &Question, reply: Reply) {
        let was_default = question.default_reply().as_ref() == Some(&reply);
        let text = question.text.clone();
        self.replies.insert(
            id,
            Kept {
                text,
                reply,
                was_default,
            },
        );
    }

    fn kept(&self, id: &str, question: &Question) -> Option<&Kept> {
        self.replies.get(id).filter(|kept| kept.text == question.text)
    }
}
