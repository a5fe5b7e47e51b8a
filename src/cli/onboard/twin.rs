//! Offers that follow a gateway once it was started: for the first one of a host a rescue bot beside it, with everything
//! proposed, and its dashboard in the browser; for a rescue bot a drill of the gateway that it watches.

use std::process::ExitCode;

use super::OnboardRun;
use crate::cli::Context;
use crate::cli::dashboard::{self, DashboardArgs};
use crate::cli::rescue::drill;
use crate::error::Result;
use crate::i18n::msg;
use crate::instance::Instance;
use crate::profile::ProfileName;
use crate::secret::Secret;
use crate::wizard::steps::SECOND_PROFILE;
use crate::wizard::terminal::Terminal;
use crate::wizard::{PresetAnswers, Prompter as _, Question, Reply, StepId};

impl OnboardRun<'_> {
    /// Offers the person what follows the gateway that was just started: where it is the only one of the host, a rescue bot
    /// and the dashboard; where it watches another one, a drill. Returns the exit code of the command.
    ///
    /// # Errors
    /// When the terminal is gone, or the person interrupts a question.
    pub(super) fn offer_more(&self, started: &Instance) -> Result<ExitCode> {
        let context = self.context;
        if context.ui.is_json() {
            return Ok(ExitCode::SUCCESS);
        }
        let is_first = started.profile.is_default() && context.survey().instances.len() == 1;
        if !is_first {
            drill::offer(&Context {
                instance: started.clone(),
                ..context.clone()
            })?;
            return Ok(ExitCode::SUCCESS);
        }
        let code = self.offer_rescue_bot()?;
        self.offer_dashboard(started)?;
        Ok(code)
    }

    /// Offers the person the dashboard of an instance, where a browser can be opened.
    fn offer_dashboard(&self, started: &Instance) -> Result<()> {
        let context = Context {
            instance: started.clone(),
            ..self.context.clone()
        };
        if !self.offers_dashboard || !dashboard::can_open(context.host) {
            return Ok(());
        }
        let question = Question::yes_no(msg!("onboard.dashboard-ask"), Some(true)).with_cancel();
        if Terminal::new(context.ui).ask(&question)? == Reply::Yes(true) {
            dashboard::run(&context, &DashboardArgs::default())?;
        }
        Ok(())
    }

    /// Offers the person a rescue bot beside the first gateway, and sets it up.
    fn offer_rescue_bot(&self) -> Result<ExitCode> {
        let context = self.context;
        let Ok(profile) = ProfileName::parse(SECOND_PROFILE) else {
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
