//! The help of the wizard's questions: why a question is asked, in one line below it, and what `?` shows.
//!
//! The texts are `step.ID.why` and `step.ID.help` of the catalogues. A question whose introduction says why it is asked has
//! no such line.

use crate::answers::{Answers, Channel};
use crate::i18n::{Msg, msg};
use crate::ports::{DEFAULT_BASE, PortFamily, Role};
use crate::survey::SurveyedInstance;

use super::context::InterviewContext;
use super::question::{Question, QuestionHelp, Reply};
use super::step::{StepId, WizardStep};

/// Maximum number of other instances that the help of a question lists.
const MAX_INSTANCES: usize = 5;

impl Question {
    /// Adds the help of a wizard's step to its question.
    #[must_use]
    pub(super) fn explained(
        mut self,
        step: &dyn WizardStep,
        context: &InterviewContext<'_>,
        answers: &Answers,
    ) -> Self {
        let id = step.id();
        let why = why(id, answers).filter(|_| self.intro.is_empty() || id == StepId::GatewayPort);
        self.help = Some(QuestionHelp {
            why,
            text: text(id, answers),
            rows: rows(id, context, &self),
            flag: msg!("ui.help-flag", flag = step.flag(answers)),
        });
        self
    }
}

/// Returns the reason why a question of the wizard is asked; `None` where the question has an introduction that says it.
fn why(id: StepId, answers: &Answers) -> Option<Msg> {
    Some(match id {
        StepId::Flow => msg!("step.flow.why"),
        StepId::ProfileTyped => msg!("step.profile-typed.why"),
        StepId::Workspace => msg!("step.workspace.why"),
        StepId::GatewayPort | StepId::GatewayPortTyped => msg!("step.gateway-port.why"),
        StepId::GatewayBind => msg!("step.gateway-bind.why"),
        StepId::GatewayCustomHost => msg!("step.gateway-custom-host.why"),
        StepId::GatewayAuth => msg!("step.gateway-auth.why"),
        StepId::GatewayToken => msg!("step.gateway-token.why"),
        StepId::GatewayPassword => msg!("step.gateway-password.why"),
        StepId::AuthChoice => msg!("step.auth-choice.why"),
        StepId::CustomBaseUrl => msg!("step.custom-base-url.why"),
        StepId::CustomModelId => msg!("step.custom-model-id.why"),
        StepId::CustomProviderId => msg!("step.custom-provider-id.why"),
        StepId::Model => msg!("step.model.why"),
        StepId::Channel => msg!("step.channel.why"),
        StepId::ChannelToken => match answers.channel {
            Some(Channel::Discord) => msg!("step.channel-token.why-discord"),
            _ => msg!("step.channel-token.why-telegram"),
        },
        StepId::ChannelOwner => msg!("step.channel-owner.why"),
        StepId::InstallDaemon => msg!("step.install-daemon.why"),
        StepId::Profile
        | StepId::ProfileMeant
        | StepId::Existing
        | StepId::Engine
        | StepId::AcceptRisk
        | StepId::ApiKey
        | StepId::Watch
        | StepId::Linger => return None,
    })
}

/// Returns what `?` says about a question of the wizard.
fn text(id: StepId, answers: &Answers) -> Msg {
    match id {
        StepId::Flow => msg!("step.flow.help"),
        StepId::Profile | StepId::ProfileTyped | StepId::ProfileMeant => msg!("step.profile.help"),
        StepId::Existing => msg!("step.existing.help"),
        StepId::Engine => msg!("step.engine.help"),
        StepId::AcceptRisk => msg!("step.accept-risk.help"),
        StepId::Workspace => msg!("step.workspace.help"),
        StepId::GatewayPort | StepId::GatewayPortTyped => msg!("step.gateway-port.help"),
        StepId::GatewayBind | StepId::GatewayCustomHost => msg!("step.gateway-bind.help"),
        StepId::GatewayAuth => msg!("step.gateway-auth.help"),
        StepId::GatewayToken => msg!("step.gateway-token.help"),
        StepId::GatewayPassword => msg!("step.gateway-password.help"),
        StepId::AuthChoice => msg!("step.auth-choice.help"),
        StepId::CustomBaseUrl => msg!("step.custom-base-url.help"),
        StepId::CustomModelId => msg!("step.custom-model-id.help"),
        StepId::CustomProviderId => msg!("step.custom-provider-id.help"),
        StepId::ApiKey => msg!("step.api-key.help"),
        StepId::Model => msg!("step.model.help"),
        StepId::Channel => msg!("step.channel.help"),
        StepId::ChannelToken => match answers.channel {
            Some(Channel::Discord) => msg!("step.channel-token.help-discord"),
            _ => msg!("step.channel-token.help-telegram"),
        },
        StepId::ChannelOwner => msg!("step.channel-owner.help"),
        StepId::Watch => msg!("step.watch.help"),
        StepId::InstallDaemon => msg!("step.install-daemon.help"),
        StepId::Linger => msg!("step.linger.help"),
    }
}

/// Returns the rows that `?` shows below its text: the ports of the base port that Enter takes, or the folders and base ports
/// of the other instances.
fn rows(id: StepId, context: &InterviewContext<'_>, question: &Question) -> Vec<(Msg, Msg)> {
    match id {
        StepId::GatewayPort | StepId::GatewayPortTyped => {
            question.proposed_base().map(port_rows).unwrap_or_default()
        }
        StepId::Profile | StepId::ProfileTyped => instance_rows(context),
        _ => Vec::new(),
    }
}

/// Returns a row for each port of a base port's family that a gateway listens on, and one for its browsers.
fn port_rows(family: PortFamily) -> Vec<(Msg, Msg)> {
    let roles = [Role::Base, Role::BrowserControl, Role::Canvas, Role::Relay];
    let row = |role: Role| (msg!("ui.typed", text = family.port(role)), role.msg());
    let pool = (msg!("ui.typed", text = family.cdp_pool()), Role::CdpPool.msg());
    roles.map(row).into_iter().chain([pool]).collect()
}

/// Returns a row for each instance of the host, with its base port and its state folder.
fn instance_rows(context: &InterviewContext<'_>) -> Vec<(Msg, Msg)> {
    let mut found: Vec<_> = context.survey.instances.iter().collect();
    found.sort_by_cached_key(|found| found.reading_order());
    let row = |found: &&SurveyedInstance| {
        let folder = context.abbreviate(&found.state_dir.display().to_string());
        let value = match found.base {
            Some((family, _)) => msg!("ui.help-instance", port = family.base(), folder = folder),
            None => msg!("ui.typed", text = folder),
        };
        (msg!("ui.typed", text = found.label), value)
    };
    found.iter().take(MAX_INSTANCES).map(row).collect()
}

impl Question {
    /// Returns the ports of the base port that Enter takes at a question of the wizard; of the usual one where it takes none.
    fn proposed_base(&self) -> Option<PortFamily> {
        let reply = self.default_reply();
        let typed = reply.as_ref().map(Reply::text).unwrap_or_default();
        let family = typed.parse::<u16>().ok().and_then(PortFamily::new);
        family.or_else(|| PortFamily::new(DEFAULT_BASE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    /// Columns of a usual terminal, without the last one, which a cursor behind the line needs.
    const COLUMNS: usize = 79;

    #[test]
    fn reason_of_a_question_is_one_line_and_its_help_a_few() {
        for channel in Channel::ALL {
            let answers = Answers {
                channel: Some(*channel),
                ..Answers::default()
            };
            for (lang, id) in Lang::all().flat_map(|lang| StepId::ALL.iter().map(move |id| (lang, *id))) {
                let length = |msg: &Msg| msg.render(lang).chars().count();
                let why = why(id, &answers).as_ref().map_or(0, length);
                assert!(why <= COLUMNS, "{}: {why}", id.name());
                let help = length(&text(id, &answers));
                assert!((40..=5 * COLUMNS).contains(&help), "{}: {help}", id.name());
            }
        }
    }
}
