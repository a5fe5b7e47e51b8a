//! `openclaw onboard` and `openclaw setup`: collect the answers, plan the instance, show the plan, and apply it once it is
//! confirmed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;

use crate::answers::Answers;
use crate::apply::{self, HostLock};
use crate::boot;
use crate::error::{Error, ErrorReason, Result};
use crate::i18n::{Lang, Msg, msg};
use crate::instance::{Instance, InstanceContext};
use crate::plan::disk::DiskSnapshot;
use crate::plan::{self, Change, Content, FileKind, FileWrite, Plan, PlanStamp};
use crate::ports::Port;
use crate::profile::ProfileName;
use crate::record::{Engine, Record};
use crate::secret::Secret;
use crate::survey::Survey;
use crate::ui::Ui;
use crate::wizard::context::{InterviewContext, read_disk};
use crate::wizard::question::Choice;
use crate::wizard::terminal::Terminal;
use crate::wizard::{
    AnswerSource, Interview, InterviewEnd, OnlineChecks, PresetAnswers, Prompter as _, Question, Reply,
    interview, steps,
};

use super::{Context, preset_answers};

mod args;
mod greeting;
mod interactive;
mod repair;
mod result;
mod review;
mod start;
mod start_check;
mod twin;

pub(crate) use args::{OnboardArgs, SetupArgs};

/// Runs `openclaw onboard`.
pub(super) fn onboard(context: &Context<'_>, args: &OnboardArgs) -> Result<ExitCode> {
    let terminal = context.host.terminal();
    let has_person = terminal.can_ask() && (terminal.stdout || args.json) && !args.non_interactive;
    let localised;
    let context = if has_person && !context.ui.knows_language() {
        localised = Context {
            ui: ask_language(&context.ui)?,
            ..context.clone()
        };
        &localised
    } else {
        context
    };
    let absolute = |path: &PathBuf| {
        context
            .host
            .cwd()
            .map_or_else(|| path.clone(), |cwd| cwd.join(path))
    };
    let mut preset = preset_answers::collect(context.host, args)?;
    let run = OnboardRun {
        context,
        instance: choose_instance(context, &mut preset)?,
        preset,
        command: "onboard",
        is_dry_run: args.dry_run,
        proposes_all: false,
        offers_dashboard: !args.skip_ui,
        waits_for_gateway: !args.skip_health,
        online: (has_person || args.check).then(|| Rc::new(OnlineChecks::new(context.host))),
        save_answers: args.save_answers.as_ref().map(absolute),
        fresh_token: Secret::token(context.host.random()),
        now: context.now(),
    };
    if has_person {
        run.run_with_person()
    } else if args.non_interactive {
        run.run_with_defaults()
    } else {
        run.refuse_open_questions()
    }
}

/// Asks the person for the language of the wizard. Returns the screen in that language.
fn ask_language(ui: &Ui) -> Result<Ui> {
    let option = |lang: Lang| {
        let name = lang.text("language.name").unwrap_or(lang.code());
        Choice::new(lang.code(), msg!("language.own", name = name))
    };
    let options = Lang::all().map(option).collect();
    let question =
        Question::choice(Msg::new("onboard.language"), options, Lang::english().code()).with_cancel();
    let reply = Terminal::new(*ui).ask(&question)?;
    if reply == Reply::Back {
        // Nothing comes before the first question, so going back leaves the wizard.
        return Err(Error::failed(Msg::new("onboard.left")).with_reason(ErrorReason::Cancelled));
    }
    Ok(ui.with_lang(Lang::from_code(reply.text()).unwrap_or_else(Lang::english)))
}

/// Runs `openclaw setup`: sets up an instance with defaults and without questions.
pub(super) fn setup(context: &Context<'_>, args: &SetupArgs) -> Result<ExitCode> {
    let args_of_onboard = OnboardArgs {
        // Only folders and files are made. No agent is started that could be a risk.
        accept_risk: true,
        workspace: args.workspace.clone(),
        ..OnboardArgs::default()
    };
    let run = OnboardRun {
        context,
        preset: preset_answers::collect(context.host, &args_of_onboard)?,
        command: "setup",
        is_dry_run: args.dry_run,
        proposes_all: false,
        offers_dashboard: false,
        waits_for_gateway: true,
        online: None,
        save_answers: None,
        instance: context.instance.clone(),
        fresh_token: Secret::token(context.host.random()),
        now: context.now(),
    };
    run.run_with_defaults()
}

/// Returns the instance that the command line of `openclaw onboard` chooses, otherwise that of the answers file.
fn choose_instance(context: &Context<'_>, preset: &mut PresetAnswers) -> Result<Instance> {
    match preset.take_profile().filter(|_| !context.instance.is_explicit) {
        Some(name) => {
            let profile = ProfileName::parse(&name).map_err(|e| e.to_error(&name))?;
            Instance::resolve(&context.env, Some(&profile))
        }
        None => Ok(context.instance.clone()),
    }
}

/// The inputs of a run of `openclaw onboard` or `openclaw setup`.
struct OnboardRun<'a> {
    context: &'a Context<'a>,
    /// The answers of flags, answers file and environment.
    preset: PresetAnswers,
    /// The name of the command, for the stamp in the config.
    command: &'static str,
    is_dry_run: bool,
    /// `true` if a person is asked only to confirm what is proposed, and may change any of it.
    proposes_all: bool,
    /// `true` if the person is offered the dashboard of a first gateway in the browser.
    offers_dashboard: bool,
    /// `true` if the gateway of an installed service is waited for until it answers.
    waits_for_gateway: bool,
    /// Results of the servers that are asked about the answers; `None` where no server is asked.
    online: Option<Rc<OnlineChecks>>,
    /// The file that the answers are saved to.
    save_answers: Option<PathBuf>,
    instance: Instance,
    /// A new random token, for an instance that has none.
    fresh_token: Secret,
    /// The time of the run, as OpenClaw writes it.
    now: String,
}

impl OnboardRun<'_> {
    /// Runs an onboarding without questions: flags, answers file and defaults decide. A run that is refused, or
    /// changes nothing, leaves no file, not even a lock. The host is locked from the last survey to the last write,
    /// so that two concurrent runs never take the same ports.
    fn run_with_defaults(&self) -> Result<ExitCode> {
        let state_home = self.context.state_home();
        let mut lock = None;
        if apply::has_unfinished_transaction(&state_home) && !self.is_dry_run {
            lock = Some(self.context.lock()?);
        }
        loop {
            let survey = self.survey();
            let mut context = self
                .interview_context(&survey, &self.instance)?
                .with_online(self.online.as_deref());
            let answers = self.interview(&mut context, AnswerSource::Defaults)?;
            let plan = self.plan(&context, &answers)?;
            match lock.take() {
                _ if self.is_dry_run => return self.print_dry_run(&context, &plan, &answers),
                Some(lock) => {
                    check_port_again(&context, &plan, &answers)?;
                    let plan = self.apply_plan(lock, &context, plan)?;
                    return self.print_result(&context, &plan, &answers)?.finish(self.context);
                }
                None if plan.is_empty() => {
                    return self.print_result(&context, &plan, &answers)?.finish(self.context);
                }
                None => lock = Some(self.context.lock()?),
            }
        }
    }

    /// Refuses to run an onboarding without a terminal and without `--non-interactive`. The error names the flags
    /// that answer the open questions.
    fn refuse_open_questions(&self) -> Result<ExitCode> {
        let survey = self.survey();
        let mut context = self.interview_context(&survey, &self.instance)?;
        self.interview(&mut context, AnswerSource::Nobody)?;
        Err(Error::usage(Msg::new("answers.nobody")))
    }

    fn survey(&self) -> Survey {
        self.context.survey()
    }

    /// Reads the facts that the questions of the wizard about an instance depend on.
    fn interview_context<'s>(
        &'s self,
        survey: &'s Survey,
        instance: &'s Instance,
    ) -> Result<InterviewContext<'s>> {
        let at = InstanceContext {
            host: self.context.host,
            env: &self.context.env,
            instance,
        };
        InterviewContext::read(at, survey, self.fresh_token.clone())
    }

    /// Runs the wizard's interview and returns its answers.
    fn interview(&self, context: &mut InterviewContext<'_>, source: AnswerSource<'_, '_>) -> Result<Answers> {
        match interview(context, &self.preset, source)? {
            InterviewEnd::Answered(interview) => {
                self.print_unused_answers(&interview);
                Ok(interview.answers)
            }
            InterviewEnd::Repair(_) | InterviewEnd::Language(_) => {
                Err(Error::usage(Msg::new("answers.nobody")))
            }
        }
    }

    /// Prints a notice for each preset answer that the wizard did not use, and for each that it verified without a person.
    fn print_unused_answers(&self, interview: &Interview) {
        for notice in interview.unused.iter().chain(&interview.verified) {
            self.context.ui.print_note(notice);
        }
    }

    /// Plans the instance that an onboarding sets up, and the file that its answers are saved to.
    fn plan(&self, context: &InterviewContext<'_>, answers: &Answers) -> Result<Plan> {
        let paths = plan::paths_to_read(&context.input, answers);
        let disk = read_disk(
            self.context.host,
            paths.into_iter().chain(self.save_answers.clone()),
        );
        let stamp = PlanStamp {
            now: self.now.clone(),
            command: self.command,
            lang: self.context.ui.lang(),
        };
        let mut plan = context.plan(answers, &disk, &stamp)?;
        if let Some(path) = &self.save_answers {
            plan.changes.extend(answers_write(path, context, answers, &disk));
        }
        Ok(plan)
    }

    /// Applies the plan of an onboarding, and returns it with the notices of the run. The lock is released then: the
    /// wait for a service must not block other runs.
    fn apply_plan(&self, lock: HostLock, context: &InterviewContext<'_>, mut plan: Plan) -> Result<Plan> {
        let prints_changes = context.interactive && !self.context.ui.is_json();
        let progress =
            self.context
                .ui
                .apply_progress(plan.changes.len(), &self.context.env.home, prints_changes);
        let applied = apply::apply(&lock, &plan, &context.other_paths(), &mut |event| {
            progress.handle_event(event);
        })?;
        drop((progress, lock));
        plan.notices.extend(applied.notices);
        self.keep_first_config(&context.input.instance);
        Ok(plan)
    }

    /// Keeps the config of an instance that OpenClaw from npm runs, which keeps none itself, in case the config is
    /// broken soon after the first start.
    fn keep_first_config(&self, instance: &Instance) {
        let record = Record::read(&instance.record_path());
        if record.is_ok_and(|record| record.engine == Engine::Node) {
            boot::save_first_config(self.context.instance_context().with_instance(instance));
        }
    }
}

/// Returns the change that saves the wizard's answers to a file, or `None` if the file has them already.
fn answers_write(
    path: &Path,
    context: &InterviewContext<'_>,
    answers: &Answers,
    disk: &DiskSnapshot,
) -> Option<Change> {
    let mut saved = steps::saved_values(answers);
    saved.insert(
        "profile".to_owned(),
        context.input.instance.profile.as_str().into(),
    );
    let text = toml::to_string(&saved).expect("texts, numbers and booleans");
    let before = disk.bytes(path).map(<[u8]>::to_vec);
    let is_equal = before.as_deref() == Some(text.as_bytes());
    let write = FileWrite {
        path: path.to_path_buf(),
        content: Content::plain(text),
        before,
        backup: false,
        kind: FileKind::Answers,
    };
    (!is_equal).then_some(Change::Write(write))
}

/// Checks the base port again under the lock, right before the plan is applied: a port can be taken between its suggestion
/// and the write (docs/design.md#port-rules, rule 7). The port that the instance has already is not checked.
fn check_port_again(context: &InterviewContext<'_>, plan: &Plan, answers: &Answers) -> Result<()> {
    let base = plan
        .instance
        .as_ref()
        .map(|summary| Port::from(summary.ports.base()));
    if let Some(base) = base.filter(|base| context.input.current_port() != Some(*base)) {
        context.require_port(base, &plan::bind_addresses(&context.input, answers))?;
    }
    Ok(())
}
