//! The end of an onboarding: the result, whether the gateway would start, the service, and the next commands.

use std::process::ExitCode;

use serde_json::Value;

use super::OnboardRun;
use super::greeting;
use super::start::{OnboardEnd, start_after_onboarding};
use super::start_check::{check_start, is_running};
use crate::answers::{Answers, ChosenRelease, GatewayMode, Start};
use crate::apply::{self, InstancePaths};
use crate::cli::Context;
use crate::cli::doctor::{self, DoctorArgs};
use crate::cli::engine;
use crate::environment::abbreviate_home;
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::plan::{self, OtherInstance, Plan};
use crate::report;
use crate::survey::{ConfigHealth, Survey};
use crate::ui::ReportOutcome;
use crate::wizard::context::InterviewContext;
use crate::wizard::terminal::Terminal;

/// The steps after the changes of an onboarding, with their results, for its JSON document.
#[derive(Default)]
struct OnboardReport {
    /// The error with which the gateway would refuse to start.
    start_error: Option<Error>,
    /// The start of the gateway, by the key of its document; `None` where it was not started.
    started: Option<Result<(&'static str, Value)>>,
}

impl OnboardRun<'_> {
    /// Checks whether the gateway of an onboarded instance would start, installs its service where it was chosen, and
    /// prints the result and the next commands.
    ///
    /// # Errors
    /// When the gateway could not start, or its service can't be installed. The onboarding itself stays done.
    pub(super) fn print_result(
        &self,
        interview_context: &InterviewContext<'_>,
        plan: &Plan,
        answers: &Answers,
    ) -> Result<OnboardEnd> {
        let context = Context {
            instance: interview_context.input.instance.clone(),
            ..self.context.clone()
        };
        let cannot_start = is_remote(plan) || answers.installs_later();
        let start_check = |survey: &Survey| {
            if cannot_start {
                return Ok(None);
            }
            let addresses = plan::bind_addresses(&interview_context.input, answers);
            check_start(&context, survey, &addresses)
        };
        provide_release(&context, answers, interview_context.interactive)?;
        let mut start = start_check(interview_context.survey);
        let starts = |context: &Context<'_>| {
            if cannot_start {
                return Ok(None);
            }
            start_after_onboarding(context, answers, self.waits_for_gateway)
        };
        if context.ui.is_json() {
            let started = start.is_ok().then(|| starts(&context).transpose()).flatten();
            let code = self.print_json_result(interview_context, plan, answers, start, started);
            return Ok(OnboardEnd::Exit(code));
        }
        print_summary(&context, interview_context, plan, start.as_ref().err());
        if interview_context.interactive
            && let Err(error) = &start
        {
            context.ui.print_rejection(error);
            if !offer_doctor(&context)? {
                return Ok(OnboardEnd::Exit(ExitCode::from(error.kind.exit_code())));
            }
            start = start_check(&context.survey());
            if start.is_ok() {
                context.ui.print_success(&done_msg(&context, plan));
            }
        }
        if let Some(unset) = start? {
            context.ui.print_rejection(&unset);
        }
        // It comes last: a failure undoes nothing of the onboarding.
        let is_started = starts(&context)?.is_some();
        greeting::print_greeting(&context, answers, self.online.is_some());
        let runs_here = answers.start == Start::Terminal && !cannot_start;
        let starts = is_started || runs_here;
        for next in next_commands(&context, interview_context.survey, plan, answers, starts) {
            context.ui.print_detail(&next);
        }
        Ok(OnboardEnd::of_start(context.instance, runs_here, is_started))
    }

    /// Checks and prints the plan of an onboarding's dry run.
    pub(super) fn print_dry_run(
        &self,
        context: &InterviewContext<'_>,
        plan: &Plan,
        answers: &Answers,
    ) -> Result<ExitCode> {
        apply::preflight(plan, InstancePaths::of_others(&context.other_paths()).all())?;
        let ui = &self.context.ui;
        if let Some(path) = &self.save_answers {
            let path = abbreviate_home(&self.context.env.home, path);
            ui.print_note(&msg!("answers.not-saved", path = path));
        }
        if ui.is_json() {
            self.print_document(plan, answers, true, OnboardReport::default());
        } else {
            ui.print(&ui.render_plan(plan, &self.context.env.home, true));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Prints the JSON document of an onboarding that is done, with the result of the check of the gateway's start.
    fn print_json_result(
        &self,
        interview_context: &InterviewContext<'_>,
        plan: &Plan,
        answers: &Answers,
        start: Result<Option<Error>>,
        started: Option<Result<(&'static str, Value)>>,
    ) -> ExitCode {
        let mut plan = plan.clone();
        plan.notices.extend(broken_neighbours(interview_context));
        if answers.installs_later() {
            plan.notices.extend(later_msgs(&interview_context.input.instance));
        }
        let start_error = match start {
            Ok(unset) => {
                plan.notices.extend(unset.map(|error| error.msg));
                None
            }
            Err(error) => Some(error),
        };
        self.print_document(&plan, answers, false, OnboardReport { start_error, started })
    }

    /// Prints the JSON document of an onboarding, with what followed its changes. Returns the exit code.
    fn print_document(&self, plan: &Plan, answers: &Answers, dry_run: bool, end: OnboardReport) -> ExitCode {
        let ui = &self.context.ui;
        let notices: Vec<_> = plan.all_notices().map(|notice| ui.render(notice)).collect();
        let mut outcome = ReportOutcome::Fine;
        let mut describe = |error: &Error| {
            outcome = ReportOutcome::Problem(error.kind, error.code());
            ui.print_error(error)
        };
        let start = end.start_error.as_ref().map(&mut describe);
        let started = end
            .started
            .map(|started| started.unwrap_or_else(|error| (start_key(answers.start), describe(&error))));
        if let Some(summary) = &plan.instance {
            let mut document = report::onboard(plan, summary, answers, dry_run, &notices);
            let start = start.map(|error| ("start", error));
            for (key, value) in start.into_iter().chain(started) {
                document[key] = value;
            }
            ui.print_report(outcome, document);
        }
        outcome.exit_code()
    }
}

/// Returns the key of the JSON document of an onboarding that tells how its gateway was started.
fn start_key(start: Start) -> &'static str {
    match start {
        Start::Service => "service",
        Start::Background | Start::Terminal | Start::No => "background",
    }
}

/// Installs the release that runs the gateway of an onboarded instance, where one was chosen that is not installed. A person
/// may try again where that fails.
///
/// # Errors
/// When it is not installed in the end.
fn provide_release(context: &Context<'_>, answers: &Answers, is_interactive: bool) -> Result<()> {
    let Some(ChosenRelease::ToInstall(wanted)) = &answers.release else {
        return Ok(());
    };
    loop {
        let Err(error) = engine::provide_release(context, wanted) else {
            return Ok(());
        };
        if !is_interactive {
            return Err(error);
        }
        context.ui.print_rejection(&error);
        if !Terminal::new(context.ui).confirm(&msg!("onboard.install-again"), Some(true))? {
            return Err(Error::failed(msg!(
                "onboard.no-engine",
                profile = context.instance.profile
            )));
        }
    }
}

/// Returns whether a planned instance uses a gateway on another host.
fn is_remote(plan: &Plan) -> bool {
    let mode = plan.instance.as_ref().map(|summary| summary.mode.as_str());
    mode == Some(GatewayMode::Remote.name())
}

/// Returns the sentence that an onboarding is done.
fn done_msg(context: &Context<'_>, plan: &Plan) -> Msg {
    let profile = &context.instance.profile;
    let path = abbreviate_home(&context.env.home, &context.instance.config_path);
    if plan.is_empty() {
        msg!("onboard.unchanged", profile = profile, path = path)
    } else {
        msg!("onboard.done", profile = profile, path = path)
    }
}

/// Prints the result of an onboarding, the ports of the instance and the notices. `start_error` is what keeps its gateway
/// from starting, and is printed by the caller.
fn print_summary(
    context: &Context<'_>,
    interview_context: &InterviewContext<'_>,
    plan: &Plan,
    start_error: Option<&Error>,
) {
    let ui = &context.ui;
    if start_error.is_none() {
        ui.print_success(&done_msg(context, plan));
    } else {
        let path = abbreviate_home(&context.env.home, &context.instance.config_path);
        let profile = &context.instance.profile;
        ui.print_paragraph(&msg!("onboard.not-startable", profile = profile, path = path));
    }
    if let Some(summary) = &plan.instance {
        ui.print_paragraph(&msg!(
            "onboard.ports",
            base = summary.ports.base(),
            span = summary.ports.span()
        ));
    }
    let is_said = |notice: &&Msg| start_error.is_some_and(|error| error.msg == **notice);
    let neighbours = broken_neighbours(interview_context);
    let notices = plan.all_notices().chain(&neighbours);
    for notice in notices.filter(|notice| !is_said(notice)) {
        ui.eprint_paragraph(notice);
    }
}

/// Asks the person whether the doctor is to look at the instance whose gateway would not start, and runs it. Returns
/// whether it ran.
fn offer_doctor(context: &Context<'_>) -> Result<bool> {
    if !Terminal::new(context.ui).confirm(&msg!("onboard.doctor-ask"), Some(true))? {
        return Ok(false);
    }
    let args = DoctorArgs {
        all: false,
        fix: true,
        dry_run: false,
        yes: false,
        json: false,
    };
    match doctor::run(context, &args) {
        Ok(_) => {}
        Err(error) if error.is_about_terminal() => return Err(error),
        Err(error) => context.ui.print_rejection(&error),
    }
    Ok(true)
}

/// Returns the sentences about an instance whose engine is installed later, with the commands.
fn later_msgs(instance: &Instance) -> [Msg; 3] {
    let command = instance.command();
    [
        msg!("onboard.next-install", command = command),
        msg!("onboard.next-use", command = command),
        msg!("onboard.next-service", command = command),
    ]
}

/// Returns the sentences with the commands that come next for an onboarded instance, whose gateway was started or not.
fn next_commands(
    context: &Context<'_>,
    survey: &Survey,
    plan: &Plan,
    answers: &Answers,
    is_started: bool,
) -> Vec<Msg> {
    if answers.installs_later() {
        return later_msgs(&context.instance).to_vec();
    }
    let command = context.instance.command();
    let look = msg!("onboard.next-look", command = command);
    if is_started {
        vec![look, msg!("onboard.next-page", command = command)]
    } else if is_remote(plan) || is_running(context, survey) {
        vec![look]
    } else {
        let run = msg!("onboard.next-run", command = command);
        vec![run, msg!("onboard.next-service", command = command), look]
    }
}

/// Returns a notice for each other instance whose config is broken, with the command by which the instance that was set up
/// repairs it.
fn broken_neighbours(context: &InterviewContext<'_>) -> Vec<Msg> {
    let notice = |other: &OtherInstance<'_>| {
        let (ConfigHealth::Broken(fault), Some(profile)) = (&other.found.config, &other.found.profile) else {
            return None;
        };
        let target = if profile.is_default() {
            String::new()
        } else {
            format!(" {profile}")
        };
        Some(msg!(
            "onboard.main-broken",
            profile = profile,
            place = context.abbreviate(&fault.location(&other.found.config_path)),
            command = format!("{} rescue{target}", context.input.instance.command())
        ))
    };
    context.input.others.iter().filter_map(notice).collect()
}
