//! A step of the wizard: one decision as a question and one rule for its reply.

use crate::answers::{Answers, NamedValue, named_enum};
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::profile::ProfileName;
use crate::secret::Secret;

use super::context::InterviewContext;
use super::question::{Choice, Prompter, Question, Reply};
use super::verification::Verification;

named_enum! {
    /// The stable name of a step of the wizard: its key in answers files, and in the catalogues as `step.NAME`. The
    /// order is that in which the steps are asked.
    #[derive(PartialOrd, Ord)]
    pub(crate) enum StepId {
        /// Chooses between few questions and all of them.
        Flow = "flow",
        /// Chooses the profile.
        Profile = "profile",
        /// Names a new profile, where none of the list was chosen.
        ProfileTyped = "profile-typed",
        /// Decides between a typed profile and an existing one whose name is like it.
        ProfileMeant = "profile-meant",
        /// Decides about a config that exists already.
        Existing = "existing",
        /// Chooses the program that runs as the gateway.
        Engine = "engine",
        /// Acknowledges the risk of running an agent.
        AcceptRisk = "accept-risk",
        /// Names the workspace.
        Workspace = "workspace",
        /// Chooses the base port.
        GatewayPort = "gateway-port",
        /// Types the base port, where no offered one was chosen.
        GatewayPortTyped = "gateway-port-typed",
        /// Chooses the addresses that the gateway listens on.
        GatewayBind = "gateway-bind",
        /// Names the address of a custom bind.
        GatewayCustomHost = "gateway-custom-host",
        /// Chooses how clients authenticate.
        GatewayAuth = "gateway-auth",
        /// Sets the token of the gateway.
        GatewayToken = "gateway-token",
        /// Sets the password of the gateway.
        GatewayPassword = "gateway-password",
        /// Chooses the model provider.
        AuthChoice = "auth-choice",
        /// Names the server of a custom provider.
        CustomBaseUrl = "custom-base-url",
        /// Names the model of a custom provider.
        CustomModelId = "custom-model-id",
        /// Names a custom provider.
        CustomProviderId = "custom-provider-id",
        /// Sets the API key of the provider.
        ApiKey = "api-key",
        /// Names the primary model.
        Model = "model",
        /// Chooses the messaging channel.
        Channel = "channel",
        /// Sets the token of the channel's bot.
        ChannelToken = "channel-token",
        /// Names the owner of the channel's bot.
        ChannelOwner = "channel-owner",
        /// Chooses the instance that the gateway watches.
        Watch = "watch",
        /// Decides how the gateway is started at the end.
        InstallDaemon = "install-daemon",
        /// Decides whether services go on after logout.
        Linger = "linger",
    }
}

/// A step of the wizard: the question of one decision and the rule for its reply. Each is a row of [`super::steps::ALL`],
/// with its texts as `step.ID.*` in the catalogues.
pub(crate) trait WizardStep: Sync {
    /// Returns the stable name of a step of the wizard.
    fn id(&self) -> StepId;

    /// Returns the step of the wizard whose flag, and whose key in an answers file, answers this one.
    fn flag_step(&self) -> StepId {
        self.id()
    }

    /// Returns the command-line flag that answers a step of the wizard, without dashes.
    fn flag(&self, _answers: &Answers) -> &'static str {
        self.flag_step().name()
    }

    /// Returns what the wizard's quick flow does with a step.
    fn in_quick_flow(&self, _context: &InterviewContext<'_>, _answers: &Answers) -> QuickFlow {
        QuickFlow::Asked
    }

    /// Returns `true` if the answer to a wizard's step is a secret, which no answers file and no draft holds.
    fn is_secret(&self) -> bool {
        false
    }

    /// Returns the step of the wizard whose answer this one completes: whoever changes that answer is asked for this
    /// one again, and a review offers only that one.
    fn follows(&self) -> Option<StepId> {
        None
    }

    /// Returns the step of the wizard with the choice that this one belongs to: whoever edits a config and makes that choice
    /// is asked for this one too.
    fn part_of(&self) -> StepId {
        self.follows().unwrap_or(self.id())
    }

    /// Returns `true` if nothing uses the answer to a step of the wizard: a new instance answers without a model, and nobody has
    /// chosen a model provider for it.
    fn is_idle(&self, context: &InterviewContext<'_>, answers: &Answers) -> bool {
        let is_unused = !context.answers_with_model(answers) && answers.provider.is_none();
        self.part_of() == StepId::AuthChoice && is_unused && !context.keeps_existing(answers)
    }

    /// Returns `true` if a step of the wizard has a question with these answers, as far as they are known: a person is told how
    /// many questions there are.
    fn is_expected(&self, context: &InterviewContext<'_>, answers: &Answers) -> bool {
        let question = self.question(context, answers);
        question.is_some_and(|question| !question.keeps_secret()) && !self.is_idle(context, answers)
    }

    /// Returns the question of a wizard's step, or `None` where context and earlier answers leave nothing to ask.
    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question>;

    /// Asks a person the question of a wizard's step.
    fn ask(
        &self,
        prompter: &mut dyn Prompter,
        question: &Question,
        _context: &InterviewContext<'_>,
        _answers: &Answers,
    ) -> Result<Reply> {
        prompter.ask(question)
    }

    /// Checks the reply to a step of the wizard and stores it in the answers. The rule is the same for prompts, flags
    /// and files.
    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection>;

    /// Returns what a step of the wizard made of an accepted reply, where the reply alone does not show it.
    fn echo(&self, _reply: &Reply, _context: &InterviewContext<'_>, _answers: &Answers) -> Option<Msg> {
        None
    }

    /// Starts to verify the accepted answer to a step of the wizard with the server that it is for; `None` where there is
    /// nothing to verify.
    fn verify<'c>(&self, _context: &'c InterviewContext<'_>, _answers: &Answers) -> Option<Verification<'c>> {
        None
    }

    /// Returns the value that an answers file keeps for a step of the wizard; `None` for secrets and for what was not
    /// asked.
    fn saved_value(&self, _answers: &Answers) -> Option<toml::Value> {
        None
    }
}

/// The place of a step in the quick flow of the wizard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QuickFlow {
    /// A person is asked.
    Asked,
    /// The default answers, and stands in the review, where it can be changed.
    Reviewed,
    /// The default answers, and is shown only to whoever wants every question.
    LeftOut,
}

/// The reason why a step of the wizard did not accept a reply.
#[derive(Debug)]
pub(crate) enum Rejection {
    /// The reply is not possible: the question is asked again.
    Invalid(Error),
    /// The reply is not possible, and this one like it is: the question is asked again with it as the default.
    Correctable(Box<Error>, String),
    /// The reply is a refusal to go on: it ends the interview.
    Declined(Error),
    /// The reply asks for a repair of the broken config before the interview goes on. The error says what is wrong with
    /// the config, for whom nobody repairs it.
    Repair(ConfigRepair, Box<Error>),
}

/// A way to repair the broken config of the wizard's instance, or to do without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConfigRepair {
    /// Open the config in the editor, at the place of the fault.
    Edit,
    /// Replace the config by its backup with this number, 1 the newest; by the last working config without one.
    Restore(Option<usize>),
    /// Leave the config as it is, and set up a rescue bot of this profile beside it.
    RescueBot(ProfileName),
}

impl Rejection {
    /// Returns the error for a reply to the wizard that was rejected, whether it can be asked again or not.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Invalid(error) | Self::Declined(error) => error,
            Self::Repair(_, error) | Self::Correctable(error, _) => *error,
        }
    }
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Self {
        Self::Invalid(error)
    }
}

/// A step of the wizard whose answer is one value of a named enum.
pub(super) struct EnumStep<T: NamedValue> {
    pub(super) id: StepId,
    pub(super) in_quick_flow: QuickFlow,
    /// Other names that are accepted for a value.
    pub(super) aliases: &'static [(&'static str, T)],
    pub(super) question: fn(&InterviewContext<'_>, &Answers) -> Option<Question>,
    /// Checks a value and stores it in the answers.
    pub(super) accept: fn(T, &InterviewContext<'_>, &mut Answers) -> Result<()>,
    /// Returns the value that an answers file gets.
    pub(super) saved: fn(&Answers) -> Option<T>,
}

impl<T: NamedValue + Sync> WizardStep for EnumStep<T> {
    fn id(&self) -> StepId {
        self.id
    }

    fn in_quick_flow(&self, _: &InterviewContext<'_>, _: &Answers) -> QuickFlow {
        self.in_quick_flow
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        (self.question)(context, answers)
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let name = reply.text();
        let alias = self.aliases.iter().find(|(alias, _)| *alias == name);
        let value = alias.map(|(_, value)| *value).or_else(|| T::from_name(name));
        let names = || T::ALL.iter().map(|value| value.name());
        let value = value.ok_or_else(|| not_a_choice(name, names()))?;
        Ok((self.accept)(value, context, answers)?)
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some((self.saved)(answers)?.name().into())
    }
}

/// Creates a question of the wizard with these values of a named enum as its choices; `default` is the name that
/// Enter takes.
pub(super) fn enum_question<T: NamedValue>(
    text: Msg,
    labels: impl IntoIterator<Item = (T, Msg)>,
    default: &str,
) -> Question {
    let options = labels
        .into_iter()
        .map(|(value, label)| Choice::new(value.name(), label))
        .collect();
    Question::choice(text, options, default)
}

/// Creates a question of the wizard about a key that an existing config may answer: `current` is what the config
/// comes to, and `typed` the value that it has. A value that is not offered, or none, gets a choice of its own, so
/// that Enter never changes it.
pub(super) fn kept_enum_question<T: NamedValue + PartialEq>(
    text: Msg,
    labels: Vec<(T, Msg)>,
    current: Option<T>,
    typed: Option<&str>,
) -> Question {
    let offered = current.filter(|value| labels.iter().any(|(label, _)| label == value));
    if let Some(value) = offered {
        return enum_question(text, labels, value.name()).keeping_config(true);
    }
    enum_question(text, labels, "").with_kept_choice(match typed {
        Some(value) => msg!("step.keep-value", value = value.escape_debug()),
        None => msg!("step.keep-unset"),
    })
}

/// Returns the error for a reply to the wizard that is none of the question's choices; it names them.
fn not_a_choice(typed: &str, names: impl IntoIterator<Item = &'static str>) -> Error {
    let names = names.into_iter().collect::<Vec<_>>().join(", ");
    Error::usage(msg!("answers.choice", value = typed.escape_debug()))
        .hint(msg!("answers.choices", names = names))
}

/// Returns the yes or no of a reply to the wizard, as a flag, a file or a prompt brings it.
pub(super) fn parse_yes_no(reply: &Reply) -> Result<bool> {
    match reply {
        Reply::Yes(yes) => Ok(*yes),
        other => match other.text() {
            "true" | "yes" => Ok(true),
            "false" | "no" => Ok(false),
            typed => Err(not_a_choice(typed, ["true", "false"])),
        },
    }
}

/// Rejects a reply to the wizard that is a placeholder and no secret ([`Secret::is_placeholder`]); an empty reply
/// passes.
pub(crate) fn reject_placeholder(reply: &Secret) -> Result<(), Rejection> {
    if !reply.expose().is_empty() && reply.is_placeholder() {
        return Err(Error::usage(msg!("step.secret.placeholder")).into());
    }
    Ok(())
}
