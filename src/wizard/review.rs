//! The last question of the wizard: a row for each answer, and the choice to apply the plan, change an answer, look closer,
//! or leave.

use crate::answers::NamedValue as _;
use crate::error::Result;
use crate::i18n::{Lang, Msg, msg};

use super::question::{Choice, Prompter, Question, Reply};
use super::step::StepId;
use super::steps;

/// The decision of a person about the plan that the wizard shows at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReviewDecision {
    /// Carry the plan out.
    Confirm,
    /// Ask this step again, and nothing else.
    Change(StepId),
    /// Ask every question that was not asked.
    AskMore,
    /// Show each change of the disk, then ask again.
    ShowChanges,
    /// Show the same run as one command, then ask again.
    ShowCommand,
    /// Go back to the question before.
    Back,
    /// Leave without writing anything.
    Leave,
    /// Show everything in another language.
    Language(Lang),
}

/// The plan that the wizard's person is to review.
#[derive(Debug)]
pub(crate) struct Review<'a> {
    /// The name of the profile that is set up.
    pub(crate) profile: &'a str,
    /// The answers.
    pub(crate) rows: &'a [ReviewRow],
    /// The numbers of what the plan changes on the disk.
    pub(crate) changes: Msg,
    /// The answer that something speaks against: Enter changes it.
    pub(crate) suggested: Option<StepId>,
    /// `true` if the plan changes nothing, so that there is nothing to apply: the person chooses what to change, if anything.
    pub(crate) changes_nothing: bool,
}

/// Name of the choice that confirms the wizard's plan.
const CONFIRM: &str = "confirm";
/// Name of the choice that leaves the wizard.
const LEAVE: &str = "leave";
/// Name of the choice that shows each change of the wizard's plan, and its key.
const CHANGES: (&str, char) = ("changes", 'd');
/// Name of the choice that shows the wizard's run as one command, and its key.
const COMMAND: (&str, char) = ("command", 'v');
/// Keys of the choices that change an answer of the wizard: numbers, then letters that are no key of another choice.
const ROW_KEYS: &str = "123456789abcefghijklnoprstuwxyz";
/// Key of the choice that asks the questions that the quick flow of the wizard leaves out.
const MORE_KEY: char = 'm';
/// Key of the choice that leaves the wizard.
const LEAVE_KEY: char = 'q';

/// An answer of the wizard that can be changed at the review: the step, its question and the present answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReviewRow {
    /// The step of the wizard.
    pub(crate) id: StepId,
    /// The present answer; `None` where the question was not asked.
    answer: Option<Msg>,
    /// Where the answer came from; `None` where a person gave it.
    origin: Option<Msg>,
}

impl ReviewRow {
    /// Creates the row of the wizard's review for a question and its reply.
    pub(super) fn new(id: StepId, question: &Question, reply: &Reply) -> Self {
        Self {
            id,
            answer: Some(question.shown_reply(reply)),
            origin: None,
        }
    }

    /// Creates the row of the wizard's review for a question that was not asked.
    pub(crate) fn unasked(id: StepId) -> Self {
        Self {
            id,
            answer: None,
            origin: None,
        }
    }

    /// Sets where the answer in a row of the wizard's review came from.
    #[must_use]
    pub(super) fn with_origin(mut self, origin: Option<Msg>) -> Self {
        self.origin = origin;
        self
    }

    /// Returns the choice of the wizard's review that changes the answer.
    fn choice(&self, key: Option<char>) -> Choice {
        let answer = self.answer.clone().unwrap_or_else(|| msg!("onboard.row-open"));
        let choice = Choice::new(self.id.name(), name(self.id)).with_key(key);
        choice.with_value(answer, self.origin.clone())
    }
}

/// Returns the name of a decision of the wizard, as its row in the review has it.
fn name(id: StepId) -> Msg {
    match id {
        StepId::Flow => msg!("step.flow.ask"),
        StepId::Profile | StepId::ProfileTyped | StepId::ProfileMeant => msg!("step.profile.ask"),
        StepId::Existing => msg!("step.existing.name"),
        StepId::Engine => msg!("plan.engine"),
        StepId::AcceptRisk => msg!("step.accept-risk.name"),
        StepId::Workspace => msg!("plan.workspace"),
        StepId::GatewayPort | StepId::GatewayPortTyped => msg!("plan.port"),
        StepId::GatewayBind => msg!("plan.bind"),
        StepId::GatewayCustomHost => msg!("step.gateway-custom-host.name"),
        StepId::GatewayAuth => msg!("plan.auth"),
        StepId::GatewayToken => msg!("step.gateway-token.ask"),
        StepId::GatewayPassword => msg!("step.gateway-password.ask"),
        StepId::AuthChoice => msg!("step.auth-choice.name"),
        StepId::CustomBaseUrl => msg!("step.custom-base-url.name"),
        StepId::CustomModelId => msg!("step.custom-model-id.name"),
        StepId::CustomProviderId => msg!("step.custom-provider-id.name"),
        StepId::ApiKey => msg!("step.api-key.name"),
        StepId::Model => msg!("step.model.ask"),
        StepId::Channel => msg!("step.channel.name"),
        StepId::ChannelToken => msg!("step.channel-token.name"),
        StepId::ChannelOwner => msg!("step.channel-owner.name"),
        StepId::Watch => msg!("plan.watched"),
        StepId::InstallDaemon => msg!("plan.start"),
        StepId::Linger => msg!("step.linger.name"),
    }
}

impl Review<'_> {
    /// Returns the choices of the wizard's review that change an answer.
    fn row_choices(&self) -> impl Iterator<Item = Choice> {
        // Changing the acknowledgement of the risk would only end the wizard. A step that follows another one is changed
        // along with it.
        let is_changeable = |row: &&ReviewRow| {
            let follows = steps::ALL
                .iter()
                .find(|step| step.id() == row.id)
                .and_then(|step| step.follows());
            row.id != StepId::AcceptRisk && !self.rows.iter().any(|other| Some(other.id) == follows)
        };
        let rows = self.rows.iter().filter(is_changeable);
        let (more, answers): (Vec<_>, Vec<_>) = rows.partition(|row| row.id == StepId::Flow);
        let keys = ROW_KEYS.chars().map(Some).chain(std::iter::repeat(None));
        let answers = answers.into_iter().zip(keys).map(|(row, key)| row.choice(key));
        let ask_more = |row: &ReviewRow| {
            let more = Choice::new(row.id.name(), msg!("onboard.more")).with_key(Some(MORE_KEY));
            more.with_value(msg!("onboard.more-value"), None)
        };
        answers.chain(more.into_iter().map(ask_more))
    }

    /// Returns the last question of the wizard.
    fn question(&self) -> Question {
        let rows = self.row_choices();
        let key = |(id, key): (&str, char), label| Choice::new(id, label).with_key(Some(key));
        let question = if self.changes_nothing {
            let nothing = Choice::new(CONFIRM, msg!("onboard.nothing-to-change")).with_key(Some(LEAVE_KEY));
            let mut ids = self.rows.iter().map(|row| row.id);
            let first = ids.find(|id| *id > StepId::Existing);
            let default = self.suggested.or(first).map_or("", StepId::name);
            let options = rows.chain([nothing]).collect();
            Question::choice(msg!("onboard.what-to-change"), options, default)
        } else {
            let changes = key(CHANGES, msg!("onboard.changes")).with_value(self.changes.clone(), None);
            let command = key(COMMAND, msg!("onboard.command"));
            let command = command.with_value(msg!("onboard.command-value"), None);
            let leave = key((LEAVE, LEAVE_KEY), msg!("onboard.leave"));
            let options = std::iter::once(Choice::new(CONFIRM, msg!("onboard.do-it")));
            let options = options.chain(rows).chain([changes, command, leave]);
            let default = self.suggested.map_or(CONFIRM, StepId::name);
            Question::choice(msg!("onboard.confirm"), options.collect(), default)
        };
        question
            .with_intro(msg!("plan.title", profile = self.profile))
            .offering_language()
    }
}

/// Asks a person what to do with the wizard's plan. A plan that changes nothing is not there to be applied: then the person
/// chooses what to change, if anything.
pub(crate) fn review(prompter: &mut dyn Prompter, review: &Review<'_>) -> Result<ReviewDecision> {
    let reply = prompter.ask(&review.question())?;
    Ok(match &reply {
        Reply::Back => ReviewDecision::Back,
        Reply::Language(lang) => ReviewDecision::Language(*lang),
        reply => match reply.text() {
            CONFIRM => ReviewDecision::Confirm,
            id if id == CHANGES.0 => ReviewDecision::ShowChanges,
            id if id == COMMAND.0 => ReviewDecision::ShowCommand,
            id if id == StepId::Flow.name() => ReviewDecision::AskMore,
            id => StepId::from_name(id).map_or(ReviewDecision::Leave, ReviewDecision::Change),
        },
    })
}
