//! The run of `openclaw onboard` with a person at the terminal: questions, review, and the draft that survives a closed
//! terminal.

use std::process::ExitCode;

use super::{OnboardRun, check_port_again};
use crate::answers::Answers;
use crate::apply::AnswersDraft;
use crate::error::{Error, ErrorReason, Result};
use crate::i18n::{Lang, Msg, msg};
use crate::instance::Instance;
use crate::plan::Plan;
use crate::wizard::gateway_states::{GatewayStates, greeting, probe_gateways};
use crate::wizard::review::{ReviewDecision, review};
use crate::wizard::terminal::Terminal;
use crate::wizard::{
    AnswerHistory, AnswerSource, Interview, InterviewEnd, Prompter as _, Question, Reply, ReviewRow, StepId,
    interview,
};

/// Key of the draft with the profile that it belongs to.
const DRAFT_PROFILE_KEY: &str = "draft-of";
/// Step of the wizard, the base port, that is asked again when a plan is refused because another process took the
/// port meanwhile.
const PORT_STEP: StepId = StepId::GatewayPort;

/// The reason why a plan that the user confirmed in the wizard was not applied.
enum ApplyFailure {
    /// The plan is refused now, for example because a port was taken meanwhile.
    Refused(Error),
    /// The plan could not be carried out, and everything is as it was before.
    Failed(Error),
}

/// The result of a wizard run whose plan was applied, or was not to be: the exit code, or the error of what follows the
/// plan, such as the installation of a service.
type Finished = Result<ExitCode>;

impl OnboardRun<'_> {
    /// Runs an onboarding with a person, who answers questions and then confirms the plan, changes an answer, or
    /// leaves. Only a confirmed plan is applied: where the host has changed meanwhile, the new plan is shown first.
    pub(super) fn run_with_person(&self) -> Result<ExitCode> {
        let mut terminal = Terminal::new(self.context.ui);
        if self.instance.is_explicit {
            let profile = &self.instance.profile;
            self.context
                .ui
                .eprint_paragraph(&msg!("onboard.title", profile = profile));
        }
        let ui = &self.context.ui;
        ui.eprint_paragraph(&Msg::new("onboard.welcome"));
        let survey = self.survey();
        let states = probe_gateways(self.context.host, &self.context.env, &survey);
        for found in greeting(&survey, &states) {
            ui.eprint_paragraph(&found);
        }
        // The welcome tells how to choose another language.
        let others = Lang::all().filter(|lang| *lang != self.context.ui.lang());
        for how in others.filter_map(|lang| lang.text("language.how")) {
            self.context.ui.eprint(how);
        }
        let (mut draft, left) = AnswersDraft::open(&self.context.state_home());
        match self.run_with_draft(&mut terminal, &mut draft, left.as_deref(), &states) {
            Ok(finished) => {
                draft.discard();
                finished
            }
            Err(error) if error.has_reason(ErrorReason::Cancelled) => {
                draft.discard();
                Err(error)
            }
            // Whatever else ends the run, no answer is lost.
            Err(error) if draft.is_saved() => {
                let command = self.instance.command();
                Err(error.hint(msg!("onboard.draft-kept", command = command)))
            }
            Err(error) => Err(error),
        }
    }

    /// Runs the questions, continues the draft of an earlier run where there is one, and saves each answer to a new draft.
    fn run_with_draft(
        &self,
        terminal: &mut Terminal,
        draft: &mut AnswersDraft,
        left: Option<&str>,
        states: &GatewayStates,
    ) -> Result<Finished> {
        let mut history = self.resume_draft(terminal, left)?;
        let profile = self.instance.profile.to_string();
        history.observe(move |replies| {
            let mut text = replies.clone();
            text.insert(DRAFT_PROFILE_KEY.to_owned(), profile.clone().into());
            draft.save(&toml::to_string(&text).unwrap_or_default());
        });
        self.ask_and_apply(terminal, &mut history, states)
    }

    /// Returns the answers of the draft that an interrupted wizard run left, if it belongs to this profile and the
    /// person wants to continue it.
    fn resume_draft<'m>(&self, terminal: &mut Terminal, left: Option<&str>) -> Result<AnswerHistory<'m>> {
        let table: Option<toml::Table> = left.and_then(|text| text.parse().ok());
        let profile = self.instance.profile.as_str();
        let own_draft =
            table.filter(|table| table.get(DRAFT_PROFILE_KEY).and_then(toml::Value::as_str) == Some(profile));
        let Some(table) = own_draft else {
            return Ok(AnswerHistory::default());
        };
        let question =
            Question::yes_no(Msg::new("onboard.resume"), Some(true)).with_intro(Msg::new("onboard.draft"));
        match terminal.ask(&question.with_cancel())? {
            Reply::Yes(true) => Ok(AnswerHistory::from_draft(&table)),
            // The draft stays for the next run.
            Reply::Back => Err(Error::failed(Msg::new("onboard.left"))),
            _ => Ok(AnswerHistory::default()),
        }
    }

    /// Asks the questions of an onboarding, shows the plan and applies it once it is confirmed. A refused or outdated
    /// plan leads back to the questions.
    fn ask_and_apply(
        &self,
        terminal: &mut Terminal,
        history: &mut AnswerHistory<'_>,
        states: &GatewayStates,
    ) -> Result<Finished> {
        let ui = &self.context.ui;
        let probing = ui.probe_progress();
        let on_probe = |done, all| probing.update(done, all);
        let mut instance = self.instance.clone();
        let mut moves_kept_port = false;
        loop {
            let survey = self.survey();
            let context = self.interview_context(&survey, &instance)?.with_person(&on_probe);
            let context = context.with_moved_port(moves_kept_port);
            let mut context = context.with_gateway_states(states);
            let source = AnswerSource::Person(terminal, history);
            let interview = match interview(&mut context, &self.preset, source)? {
                InterviewEnd::Answered(interview) => interview,
                InterviewEnd::Repair(repair) => {
                    let broken = context.input.instance.clone();
                    let next = self.repair_config(terminal, &broken, &repair)?;
                    if next.config_path != broken.config_path {
                        instance = next;
                    }
                    continue;
                }
            };
            self.print_unused_answers(&interview);
            let asked_port = interview.changeable.iter().any(|row| row.id == PORT_STEP);
            let plan = match self.plan(&context, &interview.answers) {
                Ok(plan) => plan,
                // No single question could detect it: the answers contradict each other, or the host has changed.
                Err(refusal) if asked_port && refusal.is_about_input() && refusal.path.is_none() => {
                    ask_port_again(terminal, history, &refusal);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if self.is_dry_run {
                return Ok(self.print_dry_run(&context, &plan, &interview.answers));
            }
            if !self.is_confirmed(terminal, history, &plan, &interview)? {
                moves_kept_port |= plan.port_refusal().is_some() && history.asks_only(PORT_STEP);
                continue;
            }
            history.ask_nothing_again();
            match self.apply_if_unchanged(&instance, &plan, &interview.answers) {
                Ok(Some(finished)) => return Ok(finished),
                Ok(None) => ui.eprint_paragraph(&Msg::new("onboard.changed-meanwhile")),
                Err(ApplyFailure::Refused(refusal)) if asked_port && refusal.path.is_none() => {
                    ask_port_again(terminal, history, &refusal);
                }
                Err(ApplyFailure::Refused(error) | ApplyFailure::Failed(error)) => {
                    self.show_failure(terminal, history, &error, &plan, &interview);
                }
            }
        }
    }

    /// Shows the failure of a plan, and lets the wizard ask again for the answer that led to it.
    fn show_failure(
        &self,
        terminal: &mut Terminal,
        history: &mut AnswerHistory<'_>,
        error: &Error,
        plan: &Plan,
        interview: &Interview,
    ) {
        // What was done and undone is on the screen.
        terminal.settle();
        terminal.show_rejection(error);
        match Self::step_to_correct(error, plan, interview) {
            Some(step) => history.ask_only(step),
            None => self.context.ui.eprint_paragraph(&msg!("onboard.failed")),
        }
    }

    /// Returns the step of the wizard whose answer chose the file or folder on which a plan failed, where the person was
    /// asked for it.
    fn step_to_correct(error: &Error, plan: &Plan, interview: &Interview) -> Option<StepId> {
        let (path, summary) = (error.path.as_deref()?, plan.instance.as_ref()?);
        let (workspace, state) = (&summary.workspace, &summary.state);
        // The parents of the workspace are made with it, unless they are the instance's own.
        let is_of_workspace =
            path.starts_with(workspace) || (workspace.starts_with(path) && !state.starts_with(path));
        let step = if is_of_workspace {
            StepId::Workspace
        } else if path.starts_with(state) || state.starts_with(path) {
            StepId::Profile
        } else {
            return None;
        };
        interview
            .changeable
            .iter()
            .any(|row| row.id == step)
            .then_some(step)
    }

    /// Shows the plan of an onboarding and asks for its confirmation. Returns `false` if an answer is to be changed
    /// first.
    fn is_confirmed(
        &self,
        terminal: &mut Terminal,
        history: &mut AnswerHistory<'_>,
        plan: &Plan,
        interview: &Interview,
    ) -> Result<bool> {
        let text = self.context.ui.render_plan(plan, &self.context.env.home, false);
        terminal.show(&format!("\n{text}\n"));
        let suggested = plan.port_refusal().map(|_| PORT_STEP);
        let changes_nothing = plan.is_empty() && !interview.answers.service;
        if plan.is_empty() && suggested.is_none() && !interview.is_edit {
            return Ok(true);
        }
        let mut rows = interview.changeable.clone();
        if suggested.is_some() && !rows.iter().any(|row| row.id == PORT_STEP) {
            rows.push(ReviewRow::unasked(PORT_STEP, msg!("step.gateway-port.ask")));
        }
        match review(terminal, &rows, suggested, changes_nothing && interview.is_edit)? {
            ReviewDecision::Confirm => return Ok(true),
            ReviewDecision::Change(id) => history.ask_only(id),
            ReviewDecision::Back => {
                interview.asked.last().inspect(|id| history.ask_from(**id));
            }
            ReviewDecision::Leave => {
                return Err(Error::failed(Msg::new("onboard.left")).with_reason(ErrorReason::Cancelled));
            }
        }
        Ok(false)
    }

    /// Plans an onboarding again under the host-wide lock, and applies the plan if it is still the confirmed one.
    /// Returns `None` if the host has changed, so that the new plan has to be shown first.
    fn apply_if_unchanged(
        &self,
        instance: &Instance,
        confirmed: &Plan,
        answers: &Answers,
    ) -> Result<Option<Finished>, ApplyFailure> {
        let lock = self.context.lock().map_err(ApplyFailure::Failed)?;
        let survey = self.survey();
        let mut context = self
            .interview_context(&survey, instance)
            .map_err(ApplyFailure::Failed)?
            .with_person(&|_, _| {});
        if let Some(profile) = &answers.profile {
            context.choose_profile(profile).map_err(ApplyFailure::Failed)?;
        }
        let plan = self.plan(&context, answers).map_err(ApplyFailure::Refused)?;
        check_port_again(&context, &plan, answers).map_err(ApplyFailure::Refused)?;
        if plan != *confirmed {
            return Ok(None);
        }
        let plan = self
            .apply_plan(lock, &context, plan)
            .map_err(ApplyFailure::Failed)?;
        Ok(Some(self.print_result(&context, &plan, answers)))
    }
}

/// Shows why the base port is refused, and lets the wizard ask for another one.
fn ask_port_again(terminal: &mut Terminal, history: &mut AnswerHistory<'_>, refusal: &Error) {
    terminal.show_rejection(refusal);
    history.ask_only(PORT_STEP);
}
