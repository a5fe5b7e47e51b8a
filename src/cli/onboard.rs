//! `onboard` and `setup`: gather, ask, plan, show, confirm, apply, report.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

use crate::answers::Answers;
use crate::apply::{self, AnswersDraft, HostLock};
use crate::environment::abbreviate_home;
use crate::error::{Error, ErrorReason, Result};
use crate::i18n::{Lang, Msg, msg};
use crate::instance::{Instance, InstanceContext};
use crate::plan::disk::DiskSnapshot;
use crate::plan::{self, Change, Content, FileKind, FileWrite, Plan, PlanStamp};
use crate::ports::Port;
use crate::profile::ProfileName;
use crate::report;
use crate::secret::Secret;
use crate::survey::Survey;
use crate::ui::Ui;
use crate::wizard::context::{InterviewContext, read_disk};
use crate::wizard::question::Choice;
use crate::wizard::review::{ReviewDecision, review};
use crate::wizard::terminal::Terminal;
use crate::wizard::{
    AnswerHistory, AnswerSource, Interview, PresetAnswers, Prompter as _, Question, Reply, StepId, interview,
    steps,
};

use super::{Context, gateway, given};

mod args;

pub(crate) use args::{OnboardArgs, SetupArgs};

/// The draft's key for the profile that it is about.
const DRAFT_OF: &str = "draft-of";
/// The step that is asked again where a plan was refused: ports are what others take meanwhile.
const PORT_STEP: StepId = StepId::GatewayPort;

/// `openclaw onboard`
pub(super) fn onboard(context: &Context<'_>, args: &OnboardArgs) -> Result<ExitCode> {
    let terminal = context.host.terminal();
    let person = terminal.stdin && terminal.stderr && (terminal.stdout || args.json) && !args.non_interactive;
    let spoken;
    let context = if person && !context.ui.knows_language() {
        spoken = Context {
            ui: language(&context.ui)?,
            ..context.clone()
        };
        &spoken
    } else {
        context
    };
    let absolute = |path: &PathBuf| {
        context
            .host
            .cwd()
            .map_or_else(|| path.clone(), |cwd| cwd.join(path))
    };
    let mut given = given::gather(context.host, args)?;
    let run = Run {
        context,
        instance: instance(context, &mut given)?,
        given,
        command: "onboard",
        only_plan: args.dry_run,
        waits: !args.skip_health,
        save_answers: args.save_answers.as_ref().map(absolute),
        token: Secret::token(context.host.random()),
        now: context.now(),
    };
    if person {
        run.with_person()
    } else if args.non_interactive {
        run.with_defaults()
    } else {
        run.with_nobody()
    }
}

/// Asks for the language, where neither a wish nor the locale tells.
fn language(ui: &Ui) -> Result<Ui> {
    let option = |lang: Lang| {
        let name = lang.text("language.name").unwrap_or(lang.code());
        Choice::new(lang.code(), msg!("language.own", name = name))
    };
    let options = Lang::all().map(option).collect();
    let question = Question::choice(Msg::new("onboard.language"), options, Lang::english().code());
    let reply = Terminal::new(*ui).ask(&question)?;
    if reply == Reply::Back {
        // Before the first question there is only the way out.
        return Err(Error::failed(Msg::new("onboard.left")));
    }
    Ok(ui.with_lang(Lang::from_code(reply.text()).unwrap_or_else(Lang::english)))
}

/// `openclaw setup`: a baseline without questions.
pub(super) fn setup(context: &Context<'_>, args: &SetupArgs) -> Result<ExitCode> {
    let given = OnboardArgs {
        // Folders and files only: no agent comes to life here that could be a risk.
        accept_risk: true,
        workspace: args.workspace.clone(),
        ..OnboardArgs::default()
    };
    let run = Run {
        context,
        given: given::gather(context.host, &given)?,
        command: "setup",
        only_plan: args.dry_run,
        waits: true,
        save_answers: None,
        instance: context.instance.clone(),
        token: Secret::token(context.host.random()),
        now: context.now(),
    };
    run.with_defaults()
}

/// The instance of the command line, or where nobody chose one, that of the answers file.
fn instance(context: &Context<'_>, given: &mut PresetAnswers) -> Result<Instance> {
    match given.take_profile().filter(|_| !context.instance.is_explicit) {
        Some(name) => {
            let profile = ProfileName::parse(&name).map_err(|e| e.to_error(&name))?;
            Instance::resolve(&context.env, Some(&profile))
        }
        None => Ok(context.instance.clone()),
    }
}

/// One run of the wizard.
struct Run<'a> {
    context: &'a Context<'a>,
    given: PresetAnswers,
    command: &'static str,
    only_plan: bool,
    /// A service that was installed is waited for until it answers.
    waits: bool,
    save_answers: Option<PathBuf>,
    instance: Instance,
    token: Secret,
    now: String,
}

impl Run<'_> {
    /// Nobody is asked. A run that is refused, or has nothing to do, leaves no trace; from the last look at
    /// the host to the end of writing the host is locked, so that two runs at once never take the same
    /// ports.
    fn with_defaults(&self) -> Result<ExitCode> {
        let state_home = self.context.state_home();
        let mut lock = None;
        if apply::has_unfinished_transaction(&state_home) && !self.only_plan {
            lock = Some(self.context.lock()?);
        }
        loop {
            let survey = self.survey();
            let mut wizard = self.wizard(&survey)?;
            let answers = self.interview(&mut wizard, AnswerSource::Defaults)?;
            let plan = self.plan(&wizard, &answers)?;
            match lock.take() {
                _ if self.only_plan => return self.show(&wizard, &plan, &answers),
                Some(lock) => {
                    probe_again(&wizard, &plan, &answers)?;
                    return self.carry_out(lock, &wizard, plan, &answers);
                }
                None if plan.is_empty() => return self.tell(&wizard, &plan, &answers),
                None => lock = Some(self.context.lock()?),
            }
        }
    }

    /// A person is asked, sees the plan, and confirms it, changes an answer, or leaves. What was confirmed
    /// is what is done: where the host changed meanwhile, the new plan is shown first.
    fn with_person(&self) -> Result<ExitCode> {
        let mut terminal = Terminal::new(self.context.ui);
        self.context.ui.eprint_paragraph(&Msg::new("onboard.welcome"));
        // Nobody is locked in a language.
        let others = Lang::all().filter(|lang| *lang != self.context.ui.lang());
        for how in others.filter_map(|lang| lang.text("language.how")) {
            self.context.ui.eprint(how);
        }
        let (mut draft, left) = AnswersDraft::open(&self.context.state_home());
        let result = self.with_draft(&mut terminal, &mut draft, left.as_deref());
        // A draft is for the case that the terminal is closed; any other end is final.
        if !matches!(&result, Err(error) if error.has_reason(ErrorReason::TerminalClosed)) {
            draft.discard();
        }
        result
    }

    fn with_draft(
        &self,
        terminal: &mut Terminal,
        draft: &mut AnswersDraft,
        left: Option<&str>,
    ) -> Result<ExitCode> {
        let mut memory = self.resumed(terminal, left)?;
        let profile = self.instance.profile.to_string();
        memory.observe(move |replies| {
            let mut text = replies.clone();
            text.insert(DRAFT_OF.to_owned(), profile.clone().into());
            draft.save(&toml::to_string(&text).unwrap_or_default());
        });
        self.to_the_end(terminal, &mut memory)
    }

    /// What a run that died knew already, where it was about this profile and the person wants it.
    fn resumed<'m>(&self, terminal: &mut Terminal, left: Option<&str>) -> Result<AnswerHistory<'m>> {
        let table: Option<toml::Table> = left.and_then(|text| text.parse().ok());
        let profile = self.instance.profile.as_str();
        let fitting =
            table.filter(|table| table.get(DRAFT_OF).and_then(toml::Value::as_str) == Some(profile));
        let Some(table) = fitting else {
            return Ok(AnswerHistory::default());
        };
        let question =
            Question::yes_no(Msg::new("onboard.resume"), Some(true)).with_intro(Msg::new("onboard.draft"));
        match terminal.ask(&question)? {
            Reply::Yes(true) => Ok(AnswerHistory::from_draft(&table)),
            _ => Ok(AnswerHistory::default()),
        }
    }

    fn to_the_end(&self, terminal: &mut Terminal, memory: &mut AnswerHistory<'_>) -> Result<ExitCode> {
        let ui = &self.context.ui;
        let probing = ui.probe_progress();
        let watch = |done, all| probing.update(done, all);
        loop {
            let survey = self.survey();
            let mut wizard = self.wizard(&survey)?.with_person(&watch);
            let asker = AnswerSource::Person(terminal, memory);
            let interview = interview(&mut wizard, &self.given, asker)?;
            self.tell_unused(&interview);
            let asked_port = interview.asked.iter().any(|(id, _)| *id == PORT_STEP);
            let plan = match self.plan(&wizard, &interview.answers) {
                Ok(plan) => plan,
                // What no single question could see: the answers together, or the host by now.
                Err(refusal) if asked_port && refusal.is_about_input() => {
                    terminal.show_rejection(&refusal);
                    memory.ask_only(PORT_STEP);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if self.only_plan {
                return self.show(&wizard, &plan, &interview.answers);
            }
            let shown = ui.render_plan(&plan, &self.context.env.home, false);
            terminal.show(&format!("\n{shown}\n"));
            if !plan.is_empty() {
                match review(terminal, &interview.asked)? {
                    ReviewDecision::Confirm => {}
                    ReviewDecision::Change(id) => {
                        memory.ask_only(id);
                        continue;
                    }
                    ReviewDecision::Back => {
                        interview.asked.last().inspect(|(id, _)| memory.ask_from(*id));
                        continue;
                    }
                    ReviewDecision::Leave => return Err(Error::failed(Msg::new("onboard.left"))),
                }
            }
            let lock = self.context.lock()?;
            let survey = self.survey();
            let mut now = self.wizard(&survey)?.with_person(&|_, _| {});
            if let Some(profile) = &interview.answers.profile {
                now.choose_profile(profile)?;
            }
            memory.ask_nothing_again();
            let again = self.plan(&now, &interview.answers);
            match again.and_then(|again| probe_again(&now, &again, &interview.answers).map(|()| again)) {
                Ok(again) if again == plan => {
                    return self.carry_out(lock, &now, again, &interview.answers);
                }
                Ok(_) => ui.eprint_paragraph(&Msg::new("onboard.changed-meanwhile")),
                Err(refusal) if asked_port => {
                    terminal.show_rejection(&refusal);
                    memory.ask_only(PORT_STEP);
                }
                Err(refusal) => return Err(refusal),
            }
        }
    }

    /// Nobody can be asked and nobody said so: names the flags that answer what is open.
    fn with_nobody(&self) -> Result<ExitCode> {
        let survey = self.survey();
        let mut wizard = self.wizard(&survey)?;
        self.interview(&mut wizard, AnswerSource::Nobody)?;
        Err(Error::usage(Msg::new("answers.nobody")))
    }

    fn survey(&self) -> Survey {
        self.context.survey()
    }

    fn wizard<'s>(&'s self, survey: &'s Survey) -> Result<InterviewContext<'s>> {
        let at = InstanceContext {
            host: self.context.host,
            env: &self.context.env,
            instance: &self.instance,
        };
        InterviewContext::read(at, survey, self.token.clone())
    }

    fn interview(&self, wizard: &mut InterviewContext<'_>, asker: AnswerSource<'_, '_>) -> Result<Answers> {
        let interview = interview(wizard, &self.given, asker)?;
        self.tell_unused(&interview);
        Ok(interview.answers)
    }

    fn tell_unused(&self, interview: &Interview) {
        for unused in &interview.unused {
            self.context.ui.print_note(unused);
        }
    }

    fn plan(&self, wizard: &InterviewContext<'_>, answers: &Answers) -> Result<Plan> {
        let paths = plan::paths_to_read(&wizard.input, answers);
        let disk = read_disk(paths.into_iter().chain(self.save_answers.clone()));
        let stamp = PlanStamp {
            now: self.now.clone(),
            command: self.command,
            lang: self.context.ui.lang(),
        };
        let mut plan = wizard.plan(answers, &disk, &stamp)?;
        if let Some(path) = &self.save_answers {
            plan.changes.extend(answers_file(path, wizard, answers, &disk));
        }
        Ok(plan)
    }

    fn carry_out(
        &self,
        lock: HostLock,
        wizard: &InterviewContext<'_>,
        mut plan: Plan,
        answers: &Answers,
    ) -> Result<ExitCode> {
        let told = wizard.interactive && !self.context.ui.is_json();
        let progress = self
            .context
            .ui
            .apply_progress(plan.changes.len(), &self.context.env.home, told);
        let applied = apply::apply(&lock, &plan, &wizard.other_paths(), &mut |event| {
            progress.handle_event(event);
        })?;
        drop(progress);
        plan.notices.extend(applied.notices);
        // A service that is waited for is in nobody's way.
        drop(lock);
        self.tell(wizard, &plan, answers)
    }

    /// What was done, and what to do next.
    fn tell(&self, wizard: &InterviewContext<'_>, plan: &Plan, answers: &Answers) -> Result<ExitCode> {
        let ui = &self.context.ui;
        let context = Context {
            instance: wizard.input.instance.clone(),
            ..self.context.clone()
        };
        let install = || gateway::service::onboarded(&context, self.waits);
        if ui.is_json() {
            let service = answers.service.then(install).transpose();
            return Ok(self.document(plan, answers, false, service));
        }
        let instance = &wizard.input.instance;
        let path = abbreviate_home(&self.context.env.home, &instance.config_path);
        ui.print_paragraph(&if plan.is_empty() {
            msg!("onboard.unchanged", profile = instance.profile, path = path)
        } else {
            msg!("onboard.done", profile = instance.profile, path = path)
        });
        if let Some(summary) = &plan.instance {
            ui.print_paragraph(&msg!(
                "onboard.ports",
                base = summary.ports.base(),
                span = summary.ports.span()
            ));
        }
        for notice in &plan.notices {
            ui.eprint_paragraph(notice);
        }
        if answers.service {
            // The last change: what was written stays, whatever becomes of it.
            install()?;
            for next in [
                msg!("onboard.next-look", command = instance.command()),
                msg!("onboard.next-page", command = instance.command()),
            ] {
                ui.print_detail(&next);
            }
            return Ok(ExitCode::SUCCESS);
        }
        let command = instance.command();
        for next in [
            msg!("onboard.next-run", command = command),
            msg!("onboard.next-service", command = command),
            msg!("onboard.next-look", command = command),
        ] {
            ui.print_detail(&next);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What would be done, and nothing of it.
    fn show(&self, wizard: &InterviewContext<'_>, plan: &Plan, answers: &Answers) -> Result<ExitCode> {
        apply::preflight(plan, &wizard.other_paths())?;
        let ui = &self.context.ui;
        if ui.is_json() {
            self.document(plan, answers, true, Ok(None));
        } else {
            ui.print(&ui.render_plan(plan, &self.context.env.home, true));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The one document of this run, with what became of the service.
    fn document(
        &self,
        plan: &Plan,
        answers: &Answers,
        dry_run: bool,
        service: Result<Option<Value>>,
    ) -> ExitCode {
        let ui = &self.context.ui;
        let notices: Vec<_> = plan.notices.iter().map(|notice| ui.render(notice)).collect();
        let (service, code) = match service {
            Ok(document) => (document, ExitCode::SUCCESS),
            Err(error) => (
                Some(ui.print_error(&error)),
                ExitCode::from(error.kind.exit_code()),
            ),
        };
        if let Some(summary) = &plan.instance {
            let mut document = report::onboard(plan, summary, answers, dry_run, &notices);
            if let Some(service) = service {
                document["service"] = service;
            }
            ui.print_json(&document);
        }
        code
    }
}

/// The answers as a file for the next time, where it does not stand so already.
fn answers_file(
    path: &Path,
    wizard: &InterviewContext<'_>,
    answers: &Answers,
    disk: &DiskSnapshot,
) -> Option<Change> {
    let mut saved = steps::saved_values(answers);
    saved.insert(
        "profile".to_owned(),
        wizard.input.instance.profile.as_str().into(),
    );
    let text = toml::to_string(&saved).expect("texts, numbers and booleans");
    let before = disk.bytes(path).map(<[u8]>::to_vec);
    let stands = before.as_deref() == Some(text.as_bytes());
    let (path, content) = (path.to_path_buf(), Content::plain(text));
    let write = FileWrite {
        path,
        content,
        before,
        backup: false,
        kind: FileKind::Answers,
    };
    (!stands).then_some(Change::Write(write))
}

/// The second probe, under the lock and right before writing: between suggesting and writing a port
/// can be taken (docs/design.md#port-rules, rule 7). What the instance has already is its own.
fn probe_again(wizard: &InterviewContext<'_>, plan: &Plan, answers: &Answers) -> Result<()> {
    let base = plan
        .instance
        .as_ref()
        .map(|summary| Port::from(summary.ports.base()));
    if let Some(base) = base.filter(|base| wizard.input.current_port() != Some(*base)) {
        let check = wizard.check_port(base, &plan::bind_addresses(&wizard.input, answers));
        check.accept(wizard.input.planner.nearest(base).as_ref())?;
    }
    Ok(())
}
