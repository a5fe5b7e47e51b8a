//! The rescue bot beside a first gateway: offered where that gateway was just started, with everything proposed.

use std::process::ExitCode;

use super::OnboardRun;
use crate::error::Result;
use crate::i18n::msg;
use crate::instance::Instance;
use crate::profile::ProfileName;
use crate::secret::Secret;
use crate::wizard::steps::SECOND_PROFILE;
use crate::wizard::terminal::Terminal;
use crate::wizard::{PresetAnswers, Prompter as _, Question, Reply, StepId};

impl OnboardRun<'_> {
    /// Offers the person a rescue bot beside the gateway that was just started, where it is the only one of the host, and sets
    /// it up. Returns the exit code of the command.
    ///
    /// # Errors
    /// When the terminal is gone, or the person interrupts the question.
    pub(super) fn offer_rescue_bot(&self, started: &Instance) -> Result<ExitCode> {
        let context = self.context;
        let is_alone = started.profile.is_default() && context.survey().instances.len() == 1;
        let Some(profile) = ProfileName::parse(SECOND_PROFILE)
            .ok()
            .filter(|_| is_alone && !context.ui.is_json())
        else {
            return Ok(ExitCode::SUCCESS);
        };
        let question = Question::yes_no(msg!("onboard.twin-ask"), Some(true))
            .with_intro(msg!("onboard.twin"))
            .with_cancel();
        if Terminal::new(context.ui).ask(&question)? != Reply::Yes(true) {
            let command = format!("openclaw --profile {profile} onboard");
            context
                .ui
                .print_detail(&msg!("onboard.twin-later", command = command));
            return Ok(ExitCode::SUCCESS);
        }
        // Whoever has just set up a gateway knows what an agent may do.
        let mut preset = PresetAnswers::default();
        preset.set(StepId::AcceptRisk, Reply::Yes(true));
        let twin = OnboardRun {
            preset,
            instance: Instance::resolve(&context.env, Some(&profile))?,
            proposes_all: true,
            save_answers: None,
            fresh_token: Secret::token(context.host.random()),
            ..self.with_context(context)
        };
        twin.run_with_person()
    }
}
