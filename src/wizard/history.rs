//! The replies of a person so far, so that going back and forth loses nothing.
//!
//! A reply counts only for the very question that it answered: where another answer changes the question (the key
//! of another provider), it does not count any more. A reply that was the default follows the default.

use std::collections::BTreeMap;

use crate::i18n::Msg;

use super::question::{Question, Reply};
use super::step::{StepId, WizardStep};
use super::steps;

/// The replies of one person to the wizard's questions, by step of the wizard.
#[derive(Default)]
pub(crate) struct AnswerHistory<'a> {
    replies: BTreeMap<StepId, PastReply>,
    asked_again: AskedAgain,
    observer: Option<Box<Observer<'a>>>,
}

/// A function that is called with each new state of the person's replies to the wizard.
type Observer<'a> = dyn FnMut(&toml::Table) + 'a;

#[derive(Debug)]
struct PastReply {
    /// The question that the reply answered; a reply of a draft answers any question of its step.
    question: Option<Msg>,
    reply: Reply,
    was_default: bool,
    /// Whether the reply is to be shown again, in another language.
    is_shown_again: bool,
}

/// The questions of the wizard that are asked again although they have a reply.
#[derive(Debug, Default)]
enum AskedAgain {
    /// Only the questions without a reply.
    #[default]
    Nothing,
    /// The question of this step and all after it: the person went back and goes forward again.
    From(StepId),
    /// The question of this step and of those that follow it: the person changes one answer at the review.
    Only(StepId),
}

impl<'a> AnswerHistory<'a> {
    /// Creates the history of the wizard's replies from the draft that an earlier run left. Entries that are not
    /// understood are ignored.
    pub(crate) fn from_draft(draft: &toml::Table) -> Self {
        let past_reply = |step: &&'static dyn WizardStep| {
            let reply = match draft.get(step.id().name())? {
                toml::Value::String(text) => Reply::Text(text.clone()),
                toml::Value::Boolean(yes) => Reply::Yes(*yes),
                _ => return None,
            };
            let past = PastReply {
                question: None,
                reply,
                was_default: false,
                is_shown_again: false,
            };
            (!step.is_secret()).then_some((step.id(), past))
        };
        Self {
            replies: steps::ALL.iter().filter_map(past_reply).collect(),
            ..Self::default()
        }
    }

    /// Has `observer` called with each new state of the replies to the wizard, without secrets.
    pub(crate) fn observe(&mut self, observer: impl FnMut(&toml::Table) + 'a) {
        self.observer = Some(Box::new(observer));
    }

    /// Makes the wizard's next pass ask the question of a step and all after it.
    pub(crate) fn ask_from(&mut self, step: StepId) {
        self.asked_again = AskedAgain::From(step);
    }

    /// Makes the wizard's next pass ask the question of a step, those that depend on it, and those without a reply.
    pub(crate) fn ask_only(&mut self, step: StepId) {
        self.asked_again = AskedAgain::Only(step);
    }

    /// Returns whether the wizard's next pass asks the question of this step again, as the one answer that is changed.
    pub(crate) fn asks_only(&self, step: StepId) -> bool {
        matches!(self.asked_again, AskedAgain::Only(only) if only == step)
    }

    /// Returns `true` if a person has answered a step of the wizard.
    pub(super) fn has_reply(&self, step: StepId) -> bool {
        self.replies.contains_key(&step)
    }

    /// Returns `true` if the person's own answer to a step of the wizard counts, and not that of a flag: they change it, or
    /// have changed it in this run.
    pub(super) fn overrides_preset(&self, step: StepId) -> bool {
        let past = self.replies.get(&step);
        self.asks_only(step) || past.is_some_and(|past| past.question.is_some())
    }

    /// Returns `true` if a person who edits a config has answered a step of the wizard, is to answer it, or has made the choice
    /// that it belongs to.
    pub(super) fn concerns(&self, step: &dyn WizardStep) -> bool {
        let asks = |id| self.has_reply(id) || self.asks_only(id);
        asks(step.id()) || asks(step.part_of())
    }

    /// Makes the wizard's next pass go on at the question of a step, where it was asked because the person went back.
    pub(super) fn go_on_at(&mut self, step: StepId) {
        if let AskedAgain::From(first) = &mut self.asked_again {
            *first = step;
        }
    }

    /// Makes the wizard's next pass show every answer of before again. Each still answers its own question only.
    pub(crate) fn show_again(&mut self) {
        for past in self.replies.values_mut() {
            past.is_shown_again = true;
        }
    }

    /// Makes the wizard's next pass ask only the questions without a reply.
    pub(crate) fn ask_nothing_again(&mut self) {
        self.asked_again = AskedAgain::Nothing;
    }

    /// Returns the reply to a question of the wizard that need not be asked again.
    pub(super) fn settled_reply(&self, step: &dyn WizardStep, question: &Question) -> Option<Reply> {
        let id = step.id();
        let again = match self.asked_again {
            AskedAgain::Nothing => false,
            AskedAgain::From(first) => id >= first,
            AskedAgain::Only(only) => id == only || step.follows() == Some(only),
        };
        self.answer(id, question).filter(|_| !again)
    }

    /// Returns the person's reply to this very question of the wizard. A reply that was the default follows the default.
    pub(super) fn answer(&self, id: StepId, question: &Question) -> Option<Reply> {
        let past = self.past_reply(id, question)?;
        if past.was_default {
            question.default_reply()
        } else {
            Some(past.reply.clone())
        }
    }

    /// Returns `true` if the reply to a step of the wizard has to be shown: it comes from the draft of an earlier run, and
    /// no question was answered by it in this run yet, or it was shown in another language.
    pub(super) fn is_to_be_shown(&self, id: StepId) -> bool {
        let past = self.replies.get(&id);
        past.is_some_and(|past| past.question.is_none() || past.is_shown_again)
    }

    /// Returns a question of the wizard with the person's earlier reply as its default.
    pub(super) fn with_past_default(&self, id: StepId, question: &Question) -> Question {
        let past = self.past_reply(id, question).filter(|past| !past.was_default);
        match past {
            Some(past) => question.clone().with_default_reply(&past.reply),
            None => question.clone(),
        }
    }

    /// Returns a reply to a wizard's question, or the secret that was typed before where the reply is an empty line.
    pub(super) fn complete(&self, id: StepId, question: &Question, reply: Reply) -> Reply {
        match (&reply, self.past_reply(id, question)) {
            (Reply::Secret(secret), Some(past)) if secret.expose().is_empty() => past.reply.clone(),
            _ => reply,
        }
    }

    /// Stores an accepted reply to a wizard's question, and hands the new state of the replies to the observer.
    pub(super) fn record(&mut self, id: StepId, question: &Question, reply: Reply) {
        let past = PastReply {
            was_default: question.default_reply().as_ref() == Some(&reply),
            question: Some(question.text.clone()),
            reply,
            is_shown_again: false,
        };
        self.replies.insert(id, past);
        let draft = self.draft();
        if let Some(observer) = &mut self.observer {
            observer(&draft);
        }
    }

    /// Stores a reply to a step of the wizard that the person gave in another way than by its question.
    pub(crate) fn choose(&mut self, id: StepId, reply: Reply) {
        let past = PastReply {
            question: None,
            reply,
            was_default: false,
            is_shown_again: false,
        };
        self.replies.insert(id, past);
    }

    /// Returns the replies to the wizard without secrets, as its draft file holds them.
    fn draft(&self) -> toml::Table {
        let entry = |(id, past): (&StepId, &PastReply)| {
            let value = match &past.reply {
                Reply::Text(text) => toml::Value::String(text.clone()),
                Reply::Yes(yes) => toml::Value::Boolean(*yes),
                Reply::Secret(_) | Reply::Later | Reply::Back | Reply::Language(_) => return None,
            };
            Some((id.name().to_owned(), value))
        };
        self.replies.iter().filter_map(entry).collect()
    }

    /// Returns the person's earlier reply to this very question of the wizard.
    fn past_reply(&self, id: StepId, question: &Question) -> Option<&PastReply> {
        self.replies.get(&id).filter(|past| {
            let answered = past.question.as_ref();
            answered.is_none_or(|text| *text == question.text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::msg;
    use crate::secret::Secret;

    #[test]
    fn secret_that_is_shown_again_in_another_language_answers_its_own_question_only() {
        let key_of = |provider: &str| Question::secret(msg!("step.api-key.ask", provider = provider), None);
        let mut history = AnswerHistory::default();
        let reply = Reply::Secret(Secret::new("sk-of-anthropic"));
        history.record(StepId::ApiKey, &key_of("Anthropic"), reply.clone());
        assert!(!history.is_to_be_shown(StepId::ApiKey));
        history.show_again();
        assert!(history.is_to_be_shown(StepId::ApiKey));
        assert_eq!(history.answer(StepId::ApiKey, &key_of("OpenAI")), None);
        assert_eq!(history.answer(StepId::ApiKey, &key_of("Anthropic")), Some(reply));
    }
}
