//! What a step of the wizard is: a question as data and one rule for its reply.

use super::context::InterviewContext;
use crate::answers::Answers;
use crate::error::{Error, Result};
use crate::i18n::Msg;
use crate::ports::Span;
use crate::secret::Secret;

/// One decision. A unit struct in [`super::steps::ALL`]; its texts are `step.ID.*` in the catalogues.
pub trait Step: Sync {
    /// The stable name: key of the answers file and of the catalogue.
    fn id(&self) -> &'static str;

    /// The flag that answers it, without the dashes; the id in most cases.
    fn flag(&self, _answers: &Answers) -> &'static str {
        self.id()
    }

    /// Whether a person is asked in the quick flow too; where not, the default answers.
    fn quick(&self) -> bool {
        true
    }

    /// The question, or `None` where the context and the answers so far leave nothing to ask.
    fn ask(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question>;

    /// Checks a reply and keeps it. The same rule for prompts, flags and files.
    fn take(&self, reply: Reply, context: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()>;

    /// What an answers file holds for this answer; `None` for secrets and for what was not asked.
    fn saved(&self, answers: &Answers) -> Option<toml::Value>;
}

/// A question: what is said before it, and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Lines before the question.
    pub intro: Vec<Msg>,
    /// The question.
    pub text: Msg,
    /// How it is answered.
    pub kind: Kind,
    /// What the ports of the choices are drawn beside.
    pub picture: Option<Picture>,
}

/// The other instances' ports: (name, spans in ascending order).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// One row for each other instance that is near enough to matter.
    pub rows: Vec<(String, Vec<Span>)>,
    /// What the row of the choice itself is called.
    pub own: String,
}

/// How a question is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of several; `default` is an index.
    Choice {
        /// The choices.
        options: Vec<Choice>,
        /// Which one Enter takes.
        default: usize,
    },
    /// A line of text.
    Text {
        /// What Enter takes.
        default: Option<String>,
    },
    /// A line that is not shown while it is typed.
    Secret {
        /// Whether an empty line is an answer.
        optional: bool,
    },
    /// Yes or no; `None` makes the user choose.
    YesNo {
        /// What Enter takes.
        default: Option<bool>,
    },
}

/// One of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its name, as a flag has it.
    pub id: String,
    /// Its label.
    pub label: Msg,
    /// What else is said of it while it is the one that Enter takes: costs, holders.
    pub detail: Vec<Msg>,
    /// Its ports, where it has some, for the picture.
    pub spans: Vec<Span>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The id of a choice, or a text.
    Text(String),
    /// A secret.
    Secret(Secret),
    /// Yes or no.
    Yes(bool),
    /// One question back (Esc).
    Back,
}

/// Somebody who can be asked.
pub trait Prompter {
    /// Asks; Esc is [`Reply::Back`], Ctrl-C [`Error::interrupted`].
    fn ask(&mut self, question: &Question) -> Result<Reply>;

    /// Says why a reply was not taken; the question comes again.
    fn refuse(&mut self, refusal: &Error);
}

impl Choice {
    /// A choice of which nothing more is to be said.
    pub fn new(id: &str, label: Msg) -> Self {
        Self {
            id: id.to_owned(),
            label,
            detail: Vec::new(),
            spans: Vec::new(),
        }
    }
}

impl Question {
    /// A choice.
    pub fn choice(text: Msg, options: Vec<Choice>, default: &str) -> Self {
        let default = options.iter().position(|o| o.id == default).unwrap_or_default();
        Self {
            intro: Vec::new(),
            picture: None,
            text,
            kind: Kind::Choice { options, default },
        }
    }

    /// A line of text.
    pub fn text(text: Msg, default: Option<String>) -> Self {
        Self {
            intro: Vec::new(),
            picture: None,
            text,
            kind: Kind::Text { default },
        }
    }

    /// A secret.
    pub fn secret(text: Msg, optional: bool) -> Self {
        Self {
            intro: Vec::new(),
            picture: None,
            text,
            kind: Kind::Secret { optional },
        }
    }

    /// Yes or no.
    pub fn yes_no(text: Msg, default: Option<bool>) -> Self {
        Self {
            intro: Vec::new(),
            picture: None,
            text,
            kind: Kind::YesNo { default },
        }
    }

    /// Says this before the question.
    #[must_use]
    pub fn after(mut self, intro: Msg) -> Self {
        self.intro.push(intro);
        self
    }

    /// What answers it where nobody is asked.
    pub fn default_reply(&self) -> Option<Reply> {
        match &self.kind {
            Kind::Choice { options, default } => Some(Reply::Text(options.get(*default)?.id.clone())),
            Kind::Text { default } => default.clone().map(Reply::Text),
            Kind::Secret { optional } => optional.then(|| Reply::Secret(Secret::new(""))),
            Kind::YesNo { default } => default.map(Reply::Yes),
        }
    }
}

impl Reply {
    /// The reply as text; yes and no by their English names, a secret as nothing.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text.trim(),
            Self::Secret(_) | Self::Back => "",
            Self::Yes(true) => "yes",
            Self::Yes(false) => "no",
        }
    }

    /// The reply as a secret: flags and files bring it as text.
    pub fn secret(self) -> Secret {
        match self {
            Self::Secret(secret) => secret,
            Self::Text(text) => Secret::new(text.trim()),
            Self::Yes(_) | Self::Back => Secret::new(""),
        }
    }
}
