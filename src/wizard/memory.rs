//! What a person replied so far, so that going back and forth loses nothing.
//!
//! A reply counts for the very question that it answered: where another answer changes the question
//! (another provider's key), it does not count any more; and where it was only the default, the new
//! default takes its place.

use std::collections::BTreeMap;

use crate::i18n::Msg;

use super::step::Kind;
use super::{Question, Reply, Step, steps};

/// The replies of one person, by step.
#[derive(Default)]
pub struct Memory<'a> {
    replies: BTreeMap<&'static str, Kept>,
    ask: Ask,
    watcher: Option<Box<Watcher<'a>>>,
}

/// Who is handed each new state of the replies.
type Watcher<'a> = dyn FnMut(&toml::Table) + 'a;

#[derive(Debug)]
struct Kept {
    /// The question that it answered; one from a draft answers its step's question, whichever it is.
    text: Option<Msg>,
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

impl<'a> Memory<'a> {
    /// What a draft holds: the replies of a run that died. Of what it does not understand nothing counts.
    pub fn of_draft(draft: &toml::Table) -> Self {
        let kept = |step: &&'static dyn Step| {
            let reply = match draft.get(step.id())? {
                toml::Value::String(text) => Reply::Text(text.clone()),
                toml::Value::Boolean(yes) => Reply::Yes(*yes),
                _ => return None,
            };
            let kept = Kept {
                text: None,
                reply,
                was_default: false,
            };
            (!steps::is_secret(step.id())).then_some((step.id(), kept))
        };
        Self {
            replies: steps::ALL.iter().filter_map(kept).collect(),
            ..Self::default()
        }
    }

    /// Hands each new state of the replies, without secrets, to somebody who keeps it.
    pub fn watch(&mut self, watcher: impl FnMut(&toml::Table) + 'a) {
        self.watcher = Some(Box::new(watcher));
    }

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
            // What follows from a choice (a typed port) is asked along with it.
            Ask::Only(only) => id.starts_with(only),
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
        let text = Some(question.text.clone());
        self.replies.insert(
            id,
            Kept {
                text,
                reply,
                was_default,
            },
        );
        let draft = self.draft();
        if let Some(watcher) = &mut self.watcher {
            watcher(&draft);
        }
    }

    fn draft(&self) -> toml::Table {
        let entry = |(id, kept): (&&str, &Kept)| {
            let value = match &kept.reply {
                Reply::Text(text) => toml::Value::String(text.clone()),
                Reply::Yes(yes) => toml::Value::Boolean(*yes),
                Reply::Secret(_) | Reply::Back => return None,
            };
            Some(((*id).to_owned(), value))
        };
        self.replies.iter().filter_map(entry).collect()
    }

    fn kept(&self, id: &str, question: &Question) -> Option<&Kept> {
        self.replies
            .get(id)
            .filter(|kept| kept.text.as_ref().is_none_or(|text| *text == question.text))
    }
}
