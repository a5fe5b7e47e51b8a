//! A question as data, the reply to it, and the interface for asking it.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::i18n::{Lang, Msg, msg};
use crate::ports::Span;
use crate::secret::Secret;

use super::waiting::{WaitEnd, Waiting};

/// The text that stands for a secret on the screen, whatever its length.
pub(super) const HIDDEN_SECRET: &str = "********";

/// Id of the wizard's choice that leaves a key of the config as it is.
const KEEP_CHOICE: &str = "keep";

/// The line, and the key, with which a person asks for the help of a question.
pub(super) const HELP_WORD: &str = "?";

/// Number of characters at the end of a secret by which its owner recognises it.
const RECOGNISED_LETTERS: usize = 4;
/// Minimum length of a secret whose last characters are shown, in characters.
const MIN_RECOGNISED_LENGTH: usize = 16;

/// A question of the wizard: the lines before it, its text, and how it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// Lines before the question.
    pub(crate) intro: Vec<Msg>,
    /// The question itself.
    pub(crate) text: Msg,
    /// The form of the answer.
    pub(crate) kind: QuestionKind,
    /// The ports of the other instances, drawn beside those of the choices.
    pub(crate) port_chart: Option<PortChart>,
    /// `true` if the config answers the question already: the default reply leaves the config as it is.
    pub(crate) keeps_config: bool,
    /// The effect of Esc.
    pub(crate) escape: EscapeEffect,
    /// The number of the question and the number of all questions, as far as they are known.
    pub(crate) progress: Option<(usize, usize)>,
    /// `true` if the person may choose another language instead of an answer.
    pub(crate) offers_language: bool,
    /// The home folder, where Tab completes the path of a folder.
    pub(crate) completes_from: Option<PathBuf>,
    /// `true` if the choices are so many that typing narrows them down.
    pub(crate) is_filtered: bool,
    /// The help: why it is asked, and what `?` shows.
    pub(crate) help: Option<QuestionHelp>,
}

/// The ports of the instances near a base port that the wizard asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PortChart {
    /// The label and the ports, in ascending order, of each other instance that is near enough to matter.
    pub(crate) others: Vec<(String, Vec<Span>)>,
    /// The label of the row with the ports of the marked choice.
    pub(crate) own_label: String,
}

/// The help of a question of the wizard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QuestionHelp {
    /// The reason why the question is asked; `None` where its introduction says it.
    pub(crate) why: Option<Msg>,
    /// The text that `?` shows.
    pub(crate) text: Msg,
    /// Rows below the text, each with a name and its value: ports, or what other instances have.
    pub(crate) rows: Vec<(Msg, Msg)>,
    /// The line that names the flag with the same answer.
    pub(crate) flag: Msg,
}

/// The form in which a question of the wizard is answered: a text, a choice, yes or no, or a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum QuestionKind {
    /// The answer is one of several choices.
    Choice {
        /// The choices.
        options: Vec<Choice>,
        /// The index of the choice that Enter takes.
        default: usize,
    },
    /// The answer is a line of text.
    Text {
        /// The text that Enter takes.
        default: Option<String>,
    },
    /// The answer is a line that is not shown while it is typed.
    Secret {
        /// The meaning of an empty line; `None` where it is no answer.
        empty: Option<EmptyReply>,
    },
    /// The answer is yes or no.
    YesNo {
        /// The answer that Enter takes; `None` makes the user choose.
        default: Option<bool>,
    },
}

/// The meaning of an empty reply to a question of the wizard for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EmptyReply {
    /// There is no secret, and none is needed.
    Nothing,
    /// There is no secret yet; it is set later on.
    Later,
    /// The secret that is there already stays.
    Kept,
    /// A random secret is generated.
    Generated,
    /// The secret in an environment variable is used.
    Variable {
        /// The name of the variable.
        name: &'static str,
        /// The last characters of its value, by which its owner recognises it; empty for a short value.
        ending: String,
    },
    /// The secret of another instance is taken over.
    Instance {
        /// The name of the instance.
        name: String,
        /// The last characters of the secret; empty for a short one.
        ending: String,
    },
}

/// The effect of Esc on a question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum EscapeEffect {
    /// The question before is asked again.
    #[default]
    Back,
    /// The command that asks the question ends without a change.
    Cancel,
}

impl EmptyReply {
    /// Creates the meaning of an empty reply for which an environment variable has the secret. Its last characters are
    /// shown where they are a small part of it.
    pub(crate) fn variable(name: &'static str, value: &Secret) -> Self {
        Self::Variable {
            name,
            ending: recognised_ending(value),
        }
    }

    /// Creates the meaning of an empty reply for which another instance has the secret.
    pub(crate) fn of_instance(name: &str, value: &Secret) -> Self {
        Self::Instance {
            name: name.to_owned(),
            ending: recognised_ending(value),
        }
    }

    /// Returns the words that say, beside a question of the wizard, what Enter does.
    pub(super) fn enter_msg(&self) -> Msg {
        match self {
            Self::Nothing => msg!("ui.enter-nothing"),
            Self::Later => msg!("ui.enter-later"),
            Self::Kept => msg!("ui.enter-keeps"),
            Self::Generated => msg!("ui.enter-generates"),
            Self::Variable { name, .. } => msg!("ui.enter-uses", name = name),
            Self::Instance { name, .. } => msg!("ui.enter-takes-over", name = name),
        }
    }

    /// Returns the words that stand behind a question of the wizard that was answered by an empty line.
    pub(super) fn answer_msg(&self) -> Msg {
        match self {
            Self::Nothing => msg!("ui.answer-nothing"),
            Self::Later => msg!("ui.answer-later"),
            Self::Kept => msg!("ui.answer-kept"),
            Self::Generated => msg!("ui.answer-generated"),
            Self::Variable { name, ending } if ending.is_empty() => msg!("ui.answer-variable", name = name),
            Self::Variable { name, ending } => {
                msg!("ui.answer-variable-ending", name = name, ending = ending)
            }
            Self::Instance { name, ending } if ending.is_empty() => msg!("ui.answer-instance", name = name),
            Self::Instance { name, ending } => {
                msg!("ui.answer-instance-ending", name = name, ending = ending)
            }
        }
    }
}

/// Returns the last characters of a secret, by which its owner recognises it; empty for a short one.
fn recognised_ending(secret: &Secret) -> String {
    let letters: Vec<char> = secret.expose().chars().collect();
    let is_long = letters.len() >= MIN_RECOGNISED_LENGTH;
    let start = letters.len().saturating_sub(RECOGNISED_LETTERS);
    letters[start..].iter().filter(|_| is_long).collect()
}

impl EscapeEffect {
    /// Returns the words that say, beside a question, what Esc does.
    pub(super) fn msg(self) -> Msg {
        match self {
            Self::Back => msg!("ui.escape-back"),
            Self::Cancel => msg!("ui.escape-cancels"),
        }
    }
}

/// A choice of a wizard's question: its name, its label, and what is shown while it is marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The name of the choice, as a flag takes it.
    pub(crate) id: String,
    /// The label on the screen.
    pub(crate) label: Msg,
    /// The key that takes the choice at once, beside the arrows.
    pub(crate) key: Option<char>,
    /// The value that stands behind the label, in a column of its own.
    pub(crate) value: Option<Msg>,
    /// Words about the value.
    pub(crate) note: Option<Msg>,
    /// Lines that are shown while the choice is marked: its costs, who holds its ports.
    pub(crate) details: Vec<Msg>,
    /// The ports of the choice, for the chart.
    pub(crate) spans: Vec<Span>,
}

/// The reply to a question of the wizard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The id of a choice, or a text.
    Text(String),
    /// A secret.
    Secret(Secret),
    /// Yes or no.
    Yes(bool),
    /// The answer is given after the wizard's end.
    Later,
    /// Back to the question before (Esc).
    Back,
    /// Everything in another language (Ctrl-L), which only some questions offer.
    Language(Lang),
}

/// An interface for asking the wizard's questions: a person at a terminal, or a script in tests.
pub(crate) trait Prompter {
    /// Asks a person a question of the wizard. Esc is [`Reply::Back`]; Ctrl-C is the error [`Error::interrupted`].
    fn ask(&mut self, question: &Question) -> Result<Reply>;

    /// Shows the reply to a question of the wizard that need not be asked: a draft of an earlier run has it.
    fn show_answer(&mut self, question: &Question, reply: &Reply);

    /// Shows why a reply to the wizard was rejected, before its question is asked again.
    fn show_rejection(&mut self, rejection: &Error);

    /// Shows what the wizard made of a reply that was accepted.
    fn show_echo(&mut self, echo: &Msg);

    /// Erases the last answered question of the wizard: what became of it is told in another way.
    fn forget_answer(&mut self);

    /// Shows that the wizard waits, until `is_over` says that what is waited for is there, or the person does not want to
    /// wait any more.
    fn wait(&mut self, waiting: &Waiting, is_over: &mut dyn FnMut() -> bool) -> Result<WaitEnd>;
}

impl Choice {
    /// Creates a choice of a wizard's question, without details.
    pub(crate) fn new(id: &str, label: Msg) -> Self {
        Self {
            id: id.to_owned(),
            label,
            key: None,
            value: None,
            note: None,
            details: Vec::new(),
            spans: Vec::new(),
        }
    }

    /// Gives a choice of a wizard's question a key that takes it at once.
    #[must_use]
    pub(super) fn with_key(mut self, key: Option<char>) -> Self {
        self.key = key;
        self
    }

    /// Adds a value behind the label of a wizard's choice, with words about it.
    #[must_use]
    pub(super) fn with_value(mut self, value: Msg, note: Option<Msg>) -> Self {
        (self.value, self.note) = (Some(value), note);
        self
    }
}

impl Question {
    fn new(text: Msg, kind: QuestionKind) -> Self {
        Self {
            intro: Vec::new(),
            text,
            kind,
            port_chart: None,
            keeps_config: false,
            escape: EscapeEffect::Back,
            progress: None,
            offers_language: false,
            completes_from: None,
            is_filtered: false,
            help: None,
        }
    }

    /// Creates a question of the wizard with choices; `default` is the id of the choice that Enter takes.
    pub(crate) fn choice(text: Msg, options: Vec<Choice>, default: &str) -> Self {
        let default = options.iter().position(|o| o.id == default).unwrap_or_default();
        Self::new(text, QuestionKind::Choice { options, default })
    }

    /// Creates a question of the wizard for a line of text.
    pub(crate) fn text(text: Msg, default: Option<String>) -> Self {
        Self::new(text, QuestionKind::Text { default })
    }

    /// Creates a question of the wizard for a secret, such as an API key; `empty` is the meaning of an empty line.
    pub(crate) fn secret(text: Msg, empty: Option<EmptyReply>) -> Self {
        Self::new(text, QuestionKind::Secret { empty })
    }

    /// Creates a question of the wizard for yes or no.
    pub(crate) fn yes_no(text: Msg, default: Option<bool>) -> Self {
        Self::new(text, QuestionKind::YesNo { default })
    }

    /// Adds a line that is shown before a question of the wizard.
    #[must_use]
    pub(crate) fn with_intro(mut self, intro: Msg) -> Self {
        self.intro.push(intro);
        self
    }

    /// Makes Esc cancel what a question belongs to: there is no question before it.
    #[must_use]
    pub(crate) fn with_cancel(mut self) -> Self {
        self.escape = EscapeEffect::Cancel;
        self
    }

    /// Numbers a question of the wizard: it is number `number` of `total`.
    #[must_use]
    pub(super) fn numbered(mut self, number: usize, total: usize) -> Self {
        self.progress = Some((number, total));
        self
    }

    /// Lets the person narrow the choices of a wizard's question down by typing, where they are many.
    #[must_use]
    pub(crate) fn filtered(mut self) -> Self {
        self.is_filtered = true;
        self
    }

    /// Lets the person choose another language at a question of the wizard.
    #[must_use]
    pub(crate) fn offering_language(mut self) -> Self {
        self.offers_language = true;
        self
    }

    /// Makes Tab complete the folders of the path that is typed for a question of the wizard, `~` being this home folder.
    #[must_use]
    pub(crate) fn completing_folders(mut self, home: &Path) -> Self {
        self.completes_from = Some(home.to_path_buf());
        self
    }

    /// Makes the default reply to a wizard's question leave the config as it is, where `keeps` says that the config
    /// answers the question.
    #[must_use]
    pub(crate) fn keeping_config(mut self, keeps: bool) -> Self {
        self.keeps_config = keeps;
        self
    }

    /// Returns `true` if a question of the wizard is about a secret that is there, and that Enter keeps.
    pub(super) fn keeps_secret(&self) -> bool {
        matches!(
            self.kind,
            QuestionKind::Secret {
                empty: Some(EmptyReply::Kept)
            }
        )
    }

    /// Adds a choice to a wizard's question that leaves the config as it is; it comes first, and Enter takes it.
    #[must_use]
    pub(crate) fn with_kept_choice(mut self, label: Msg) -> Self {
        if let QuestionKind::Choice { options, default } = &mut self.kind {
            options.insert(0, Choice::new(KEEP_CHOICE, label));
            *default = 0;
        }
        self.keeping_config(true)
    }

    /// Adds choices to a wizard's question, before the one with this id, else at the end. What Enter takes stays.
    #[must_use]
    pub(crate) fn with_choices_before(mut self, id: &str, choices: impl Iterator<Item = Choice>) -> Self {
        if let QuestionKind::Choice { options, default } = &mut self.kind {
            let at = options.iter().position(|option| option.id == id);
            let at = at.unwrap_or(options.len());
            let count = options.len();
            options.splice(at..at, choices);
            if *default >= at {
                *default += options.len() - count;
            }
        }
        self
    }

    /// Adds to a question about the base port the chart with the ports of the other instances.
    #[must_use]
    pub(crate) fn with_port_chart(mut self, chart: PortChart) -> Self {
        self.port_chart = Some(chart);
        self
    }

    /// Returns the text that stands for a reply behind the question of the wizard that it answered.
    pub(crate) fn shown_reply(&self, reply: &Reply) -> Msg {
        match (&self.kind, reply) {
            (QuestionKind::Choice { options, .. }, Reply::Text(id)) => {
                let option = options.iter().find(|option| option.id == *id);
                option.map_or_else(|| msg!("ui.typed", text = id), |option| option.label.clone())
            }
            (_, Reply::Text(text)) => msg!("ui.typed", text = text),
            (_, Reply::Yes(true)) => msg!("ui.yes"),
            (_, Reply::Yes(false)) => msg!("ui.no"),
            (QuestionKind::Secret { empty: Some(empty) }, Reply::Secret(secret))
                if secret.expose().is_empty() =>
            {
                empty.answer_msg()
            }
            (_, Reply::Later) => msg!("ui.answer-later"),
            (_, Reply::Secret(_) | Reply::Back | Reply::Language(_)) => {
                msg!("ui.typed", text = HIDDEN_SECRET)
            }
        }
    }

    /// Returns a question of the wizard with this reply as its default.
    pub(super) fn with_default_reply(mut self, reply: &Reply) -> Self {
        match (&mut self.kind, reply) {
            (QuestionKind::Choice { options, default }, Reply::Text(id)) => {
                *default = options.iter().position(|o| o.id == *id).unwrap_or(*default);
            }
            (QuestionKind::Text { default }, Reply::Text(text)) => *default = Some(text.clone()),
            (QuestionKind::YesNo { default }, Reply::Yes(yes)) => *default = Some(*yes),
            (QuestionKind::Secret { empty }, Reply::Secret(_)) => *empty = Some(EmptyReply::Kept),
            _ => {}
        }
        self
    }

    /// Returns a question of the wizard with the answer of a flag as its default, which the person is about to change. A secret
    /// is typed anew.
    pub(super) fn with_preset_default(self, reply: &Reply) -> Self {
        match reply {
            Reply::Secret(_) => self,
            reply => self.with_default_reply(reply).keeping_config(false),
        }
    }

    /// Returns the reply that answers a question of the wizard where nobody is asked.
    pub(crate) fn default_reply(&self) -> Option<Reply> {
        match &self.kind {
            QuestionKind::Choice { options, default } => Some(Reply::Text(options.get(*default)?.id.clone())),
            QuestionKind::Text { default } => default.clone().map(Reply::Text),
            QuestionKind::Secret { empty } => empty.as_ref().map(|_| Reply::Secret(Secret::new(""))),
            QuestionKind::YesNo { default } => default.map(Reply::Yes),
        }
    }
}

impl Reply {
    /// Returns a reply of the wizard as text; yes and no by their English names, a secret as an empty text.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text.trim(),
            Self::Secret(_) | Self::Later | Self::Back | Self::Language(_) => "",
            Self::Yes(true) => "yes",
            Self::Yes(false) => "no",
        }
    }

    /// Returns a reply of the wizard as a secret; flags and files bring one as text.
    pub(crate) fn into_secret(self) -> Secret {
        match self {
            Self::Secret(secret) => secret,
            Self::Text(text) => Secret::new(text.trim()),
            Self::Yes(_) | Self::Later | Self::Back | Self::Language(_) => Secret::new(""),
        }
    }
}
