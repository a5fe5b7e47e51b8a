//! A wait of the wizard for something else than the person: a server, or somebody who writes to a bot.

use crate::i18n::Msg;

/// Something that the wizard waits for, as the person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// The sentence beside the spinner.
    pub(crate) text: Msg,
    /// What the person is to do meanwhile; `None` where the wait is short.
    pub(crate) invitation: Option<Invitation>,
}

/// What the person is to do while the wizard waits: it stands in the place of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invitation {
    /// The question that is asked so.
    pub(crate) text: Msg,
    /// Lines below it.
    pub(crate) lines: Vec<Msg>,
    /// A picture between them, drawn where the terminal has room for it.
    pub(crate) picture: Vec<String>,
    /// The number of the question and the number of all questions, as far as they are known.
    pub(crate) progress: Option<(usize, usize)>,
}

/// The end of a wait of the wizard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitEnd {
    /// What was waited for is there.
    Over,
    /// The person does not want to wait.
    Skipped,
    /// The person goes back to the question before.
    Back,
}

impl Waiting {
    /// Creates a wait of the wizard that is over after some seconds.
    pub(crate) fn brief(text: Msg) -> Self {
        Self {
            text,
            invitation: None,
        }
    }
}
