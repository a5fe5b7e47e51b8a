//! The run of `openclaw onboard` with a person at the terminal: questions, review, and the draft that survives a closed
//! terminal.

use std::process::ExitCode;

use super::start::OnboardEnd;
use super::{OnboardRun, check_port_again};
use crate::answers::Answers;
use crate::apply::AnswersDraft;
use crate::cli::Context;
use crate::environment::Environment;
use crate::error::{Error, ErrorReason, Result};
use crate::i18n::{self, Lang, Msg, msg};
use crate::instance::Instance;
use crate::plan::Plan;
use crate::survey::Survey;
use crate::ui::Ui;
use crate::wizard::preflight::{GatewayStates, Preflight};
use crate::wizard::terminal::Terminal;
use crate::wizard::{
    AnswerHistory, AnswerSource, Interview, InterviewEnd, Prompter as _, Question, Reply, StepId, interview,
};

/// Key of the draft with the profile that it belongs to.
const DRAFT_PROFILE_KEY: &str = "draft-of";
/// Step of the wizard, the base port, that is asked again when a plan is refused because another process took the
/// port meanwhile.
pub(super) const PORT_STEP: StepId = StepId::GatewayPort;

/// The reason why a plan that the user confirmed in the wizard was not applied.
enum ApplyFailure {
    /// The plan is refused now, for example because a port was taken meanwhile.
    Refused(Error),
    /// The plan could not be carried out, and everything is as it was before.
    Failed(Error),
}

/// The result of a wizard run whose plan was applied, or was not to be: how it ends, or the error of what follows the
/// plan, such as the installation of a service.
type Finished = Result<OnboardEnd>;

/// The end of the questions and plans of a wizard run.
enum RunEnd {
    /// The plan was applied, or was not to be.
    Finished(Finished),
    /// The person wants to go on in another language.
    Language(Lang),
}

/// The answer of the person to the question whether an interrupted wizard run is continued.
enum Resumed<'m> {
    /// The wizard begins with these answers; with none where the draft is not continued.
    History(AnswerHistory<'m>),
    /// The person wants to be asked in another language.
    Language(Lang),
}

/// The decision of the person about a plan of the wizard that they were shown.
pub(super) enum Reviewed {
    /// The plan is to be applied.
    Confirmed,
    /// An answer is to be changed first.
    ToChange,
    /// The person wants to see it in another language.
    Language(Lang),
}

/// The person at the terminal, what they have answered, and which instance they set up.
pub(super) struct Person<'t, 'h> {
    pub(super) terminal: &'t mut Terminal,
    pub(super) history: &'t mut AnswerHistory<'h>,
    states: &'t GatewayStates,
    instance: Instance,
    /// The survey with which the wizard greeted the person, for the first questions.
    first_survey: Option<Survey>,
    /// `true` if a config that is kept otherwise gets another base port.
    pub(super) moves_kept_port: bool,
}

impl Person<'_, '_> {
    /// Shows why the base port is refused, and lets the wizard ask for another one.
    fn ask_port_again(&mut self, refusal: &Error) {
        self.terminal.show_rejection(refusal);
        self.history.ask_only(PORT_STEP);
    }
}

impl OnboardRun<'_> {
    /// Runs an onboarding with a person, who answers questions and then confirms the plan, changes an answer, or
    /// leaves. Only a confirmed plan is applied: where the host has changed meanwhile, the new plan is shown first. An error is
    /// printed here, in the language that the person has chosen.
    pub(super) fn run_with_person(&self) -> Result<ExitCode> {
        let mut terminal = Terminal::new(self.context.ui);
        let (mut draft, left) = AnswersDraft::open(&self.context.state_home());
        let mut ui = self.context.ui;
        let result = self.run_with_draft(&mut terminal, &mut draft, left.as_deref(), &mut ui);
        // The cursor is there again before an error is printed.
        drop(terminal);
        let result = match result {
            Ok(finished) => {
                draft.discard();
                let context = Context {
                    ui,
                    ..self.context.clone()
                };
                finished.and_then(|end| match end {
                    OnboardEnd::Started(instance) => self.with_context(&context).offer_more(&instance),
                    end => end.finish(&context),
                })
            }
            Err(error) if error.has_reason(ErrorReason::Cancelled) => {
                draft.discard();
                Err(error)
            }
            // Whatever else ends the run, no answer is lost.
            Err(error) if draft.is_saved() => {
                let command = self.resume_command(ui.lang());
                Err(error.hint(msg!("onboard.draft-kept", command = command)))
            }
            Err(error) => Err(error),
        };
        result.or_else(|error| {
            ui.report_error(&error);
            Ok(ExitCode::from(error.kind.exit_code()))
        })
    }

    /// Runs the questions, continues the draft of an earlier run where there is one, and saves each answer to a new draft.
    /// `ui` is the screen in the language that the person has chosen last.
    fn run_with_draft(
        &self,
        terminal: &mut Terminal,
        draft: &mut AnswersDraft,
        left: Option<&str>,
        ui: &mut Ui,
    ) -> Result<Finished> {
        let survey = self.survey();
        let preflight = Preflight::run(self.context.instance_context(), &survey);
        let greeting = preflight.greeting(&survey);
        terminal.show_heading(&self.heading(*ui, &greeting));
        // Found by the time that the question about models comes up.
        self.online.iter().for_each(|online| online.start_search());
        let switch_language = |terminal: &mut Terminal, ui: &mut Ui, lang| {
            *ui = ui.with_lang(lang);
            terminal.start_over(lang);
            terminal.show_heading(&self.heading(*ui, &greeting));
        };
        let mut history = loop {
            match self.resume_draft(terminal, left)? {
                Resumed::History(history) => break history,
                Resumed::Language(lang) => switch_language(terminal, ui, lang),
            }
        };
        history.observe(self.draft_writer(draft));
        let mut person = Person {
            terminal,
            history: &mut history,
            states: &preflight.states,
            instance: self.instance.clone(),
            first_survey: Some(survey),
            moves_kept_port: false,
        };
        loop {
            let context = Context {
                ui: *ui,
                ..self.context.clone()
            };
            match self.with_context(&context).ask_and_apply(&mut person)? {
                RunEnd::Finished(finished) => return Ok(finished),
                RunEnd::Language(lang) => {
                    switch_language(person.terminal, ui, lang);
                    person.history.show_again();
                }
            }
        }
    }

    /// Returns this run of an onboarding in another context, which differs in its language.
    pub(super) fn with_context<'c>(&self, context: &'c Context<'c>) -> OnboardRun<'c> {
        OnboardRun {
            context,
            preset: self.preset.clone(),
            command: self.command,
            is_dry_run: self.is_dry_run,
            proposes_all: self.proposes_all,
            offers_dashboard: self.offers_dashboard,
            waits_for_gateway: self.waits_for_gateway,
            online: self.online.clone(),
            save_answers: self.save_answers.clone(),
            instance: self.instance.clone(),
            fresh_token: self.fresh_token.clone(),
            now: self.now.clone(),
        }
    }

    /// Returns the sentences above the wizard's first question: the title, what was found, and how to choose another language.
    fn heading(&self, ui: Ui, greeting: &[Msg]) -> Vec<Msg> {
        let profile = &self.instance.profile;
        let title = self.instance.is_explicit;
        let title = title.then(|| msg!("onboard.title", profile = profile));
        let how = if ui.plain() {
            "language.spoken"
        } else {
            "language.key"
        };
        let others = Lang::all().filter(|lang| *lang != ui.lang());
        let languages = others.filter_map(|lang| lang.text(how));
        let mut heading: Vec<_> = title.into_iter().collect();
        heading.push(Msg::new("onboard.welcome"));
        heading.extend(greeting.iter().cloned());
        heading.extend(languages.map(|text| msg!("ui.typed", text = text)));
        heading
    }

    /// Returns the start of the command that continues this onboarding. It names the language where a plain run would have
    /// another one.
    fn resume_command(&self, lang: Lang) -> String {
        let host = self.context.host;
        let plain = i18n::detect(
            Environment::lang(host),
            |name| host.var(name),
            sys_locale::get_locale,
        );
        let command = self.instance.command();
        if plain == Some(lang) {
            command
        } else {
            format!("{command} --lang {}", lang.code())
        }
    }

    /// Returns the function that saves each new state of the answers to the draft.
    fn draft_writer<'d>(&self, draft: &'d mut AnswersDraft) -> impl FnMut(&toml::Table) + use<'d> {
        let profile = self.instance.profile.to_string();
        move |replies| {
            let mut text = replies.clone();
            text.insert(DRAFT_PROFILE_KEY.to_owned(), profile.clone().into());
            draft.save(&toml::to_string(&text).unwrap_or_default());
        }
    }

    /// Asks whether the person wants to continue the draft that an interrupted wizard run left, if it belongs to this
    /// profile.
    fn resume_draft<'m>(&self, terminal: &mut Terminal, left: Option<&str>) -> Result<Resumed<'m>> {
        let table: Option<toml::Table> = left.and_then(|text| text.parse().ok());
        let profile = self.instance.profile.as_str();
        let own_draft =
            table.filter(|table| table.get(DRAFT_PROFILE_KEY).and_then(toml::Value::as_str) == Some(profile));
        let Some(table) = own_draft else {
            return Ok(Resumed::History(AnswerHistory::default()));
        };
        let question =
            Question::yes_no(Msg::new("onboard.resume"), Some(true)).with_intro(Msg::new("onboard.draft"));
        match terminal.ask(&question.with_cancel().offering_language())? {
            Reply::Yes(true) => Ok(Resumed::History(AnswerHistory::from_draft(&table))),
            Reply::Language(lang) => Ok(Resumed::Language(lang)),
            // The draft stays for the next run.
            Reply::Back => Err(Error::failed(Msg::new("onboard.left"))),
            _ => Ok(Resumed::History(AnswerHistory::default())),
        }
    }

    /// Asks the questions of an onboarding, shows the plan and applies it once it is confirmed. A refused or outdated
    /// plan leads back to the questions.
    fn ask_and_apply(&self, person: &mut Person<'_, '_>) -> Result<RunEnd> {
        let probing = self.context.ui.probe_progress();
        let on_probe = |done, all| probing.update(done, all);
        loop {
            let survey = person.first_survey.take().unwrap_or_else(|| self.survey());
            let instance = person.instance.clone();
            let mut context = self
                .interview_context(&survey, &instance)?
                .with_person(&on_probe)
                .with_proposals(self.proposes_all)
                .with_moved_port(person.moves_kept_port)
                .with_gateway_states(person.states)
                .with_online(self.online.as_deref());
            let source = AnswerSource::Person(person.terminal, person.history);
            let interview = match interview(&mut context, &self.preset, source)? {
                InterviewEnd::Answered(interview) => interview,
                InterviewEnd::Language(lang) => return Ok(RunEnd::Language(lang)),
                InterviewEnd::Repair(repair) => {
                    let broken = context.input.instance.clone();
                    let next = self.repair_config(person.terminal, &broken, &repair)?;
                    if next.config_path != broken.config_path {
                        person.instance = next;
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
                    person.ask_port_again(&refusal);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if self.is_dry_run {
                let code = self.print_dry_run(&context, &plan, &interview.answers);
                return Ok(RunEnd::Finished(code.map(OnboardEnd::Exit)));
            }
            match self.review_plan(person, &context.input.instance, &plan, &interview)? {
                Reviewed::Confirmed => {}
                Reviewed::ToChange => continue,
                Reviewed::Language(lang) => return Ok(RunEnd::Language(lang)),
            }
            if let Some(finished) = self.apply_confirmed(person, &plan, &interview) {
                return Ok(RunEnd::Finished(finished));
            }
        }
    }

    /// Applies a confirmed plan of an onboarding. Returns `None` where that is not possible now: the person has been told, and
    /// the wizard asks again.
    fn apply_confirmed(
        &self,
        person: &mut Person<'_, '_>,
        plan: &Plan,
        interview: &Interview,
    ) -> Option<Finished> {
        let asked_port = interview.changeable.iter().any(|row| row.id == PORT_STEP);
        person.history.ask_nothing_again();
        match self.apply_if_unchanged(&person.instance, plan, &interview.answers) {
            Ok(Some(finished)) => return Some(finished),
            Ok(None) => self
                .context
                .ui
                .eprint_paragraph(&Msg::new("onboard.changed-meanwhile")),
            Err(ApplyFailure::Refused(refusal)) if asked_port && refusal.path.is_none() => {
                person.ask_port_again(&refusal);
            }
            Err(ApplyFailure::Refused(error) | ApplyFailure::Failed(error)) => {
                self.show_failure(person, &error, plan, interview);
            }
        }
        None
    }

    /// Shows the failure of a plan, and lets the wizard ask again for the answer that led to it.
    fn show_failure(&self, person: &mut Person<'_, '_>, error: &Error, plan: &Plan, interview: &Interview) {
        // What was done and undone is on the screen.
        person.terminal.settle();
        person.terminal.show_rejection(error);
        match Self::step_to_correct(error, plan, interview) {
            Some(step) => person.history.ask_only(step),
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
