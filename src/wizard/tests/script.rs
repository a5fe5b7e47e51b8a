//! A person of a test, who replies from a list.

use std::collections::VecDeque;

use super::super::*;
use crate::secret::Secret;

/// A person who replies from a list; `-` is Enter, `<` is Esc.
#[derive(Default)]
pub(super) struct Script {
    pub(super) replies: VecDeque<String>,
    pub(super) asked: Vec<&'static str>,
    pub(super) rejected: Vec<&'static str>,
    /// The questions whose answers were shown and not asked for.
    pub(super) shown: Vec<&'static str>,
    pub(super) echoed: Vec<Msg>,
    /// The number of each question that was asked, and of all questions.
    pub(super) progress: Vec<(usize, usize)>,
}

impl Script {
    pub(super) fn new(replies: &[&str]) -> Self {
        Self {
            replies: replies.iter().map(ToString::to_string).collect(),
            ..Self::default()
        }
    }
}

impl Prompter for Script {
    fn ask(&mut self, question: &Question) -> Result<Reply> {
        self.asked.push(question.text.key());
        self.progress.extend(question.progress);
        let reply = self
            .replies
            .pop_front()
            .unwrap_or_else(|| panic!("nobody answers {:?}", question.text));
        Ok(match (reply.as_str(), &question.kind) {
            ("<", _) => Reply::Back,
            ("-", _) => question
                .default_reply()
                .unwrap_or_else(|| panic!("no default: {:?}", question.text)),
            ("yes", question::QuestionKind::YesNo { .. }) => Reply::Yes(true),
            ("no", question::QuestionKind::YesNo { .. }) => Reply::Yes(false),
            (secret, question::QuestionKind::Secret { .. }) => Reply::Secret(Secret::new(secret)),
            (text, _) => Reply::Text(text.to_owned()),
        })
    }

    fn show_answer(&mut self, question: &Question, _: &Reply) {
        self.shown.push(question.text.key());
    }

    fn show_rejection(&mut self, rejection: &Error) {
        self.rejected.push(rejection.code());
    }

    fn show_echo(&mut self, echo: &Msg) {
        self.echoed.push(echo.clone());
    }

    fn forget_answer(&mut self) {}

    fn wait(&mut self, _: &waiting::Waiting, is_over: &mut dyn FnMut() -> bool) -> Result<waiting::WaitEnd> {
        while !is_over() {}
        Ok(waiting::WaitEnd::Over)
    }
}
