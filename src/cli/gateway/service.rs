//! `openclaw gateway install`, `uninstall`, `start`, `stop` and `restart`: manage the service of the instance.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Context;
use crate::environment::abbreviate_home;
use crate::error::{Error, ErrorKind, ErrorReason, Result};
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::ports::{Port, PortSource};
use crate::record::Record;
use crate::service::{
    self, ActionOutcome, ActionReport, InstallOptions, LINGER_COMMAND, Linger, ManagerKind, RunState,
    ServiceStatus,
};
use crate::settings::InstanceFiles;
use crate::ui::ReportOutcome;
use crate::wizard::terminal::Terminal;
use crate::wizard::{Prompter as _, Question, Reply};
use crate::{boot, config, probe, stop_record};

/// The arguments of `openclaw gateway install`.
#[derive(Debug, Default, Args)]
pub(crate) struct InstallArgs {
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(Port))]
    pub(crate) port: Option<Port>,
    #[arg(long)]
    pub(crate) force: bool,
    #[arg(long)]
    pub(crate) linger: bool,
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of the actions on a gateway's installed service, such as start.
#[derive(Debug, Default, Args)]
pub(crate) struct ServiceActionArgs {
    #[arg(long)]
    pub(crate) json: bool,
}

/// An action on a gateway's installed service, such as start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServiceAction {
    Uninstall,
    Start,
    Restart,
}

/// A finished installation of a gateway's service.
struct Installation {
    report: ActionReport,
    port: Port,
    /// `Some(true)` if the gateway answered in time; `None` where nobody waited for it.
    healthy: Option<bool>,
    linger: Linger,
    /// Further notices for the user.
    notices: Vec<Msg>,
}

/// Returns the command that shows the state of a gateway's service.
fn status_command(context: &Context<'_>) -> String {
    format!("{} gateway status", context.instance.command())
}

/// Runs `openclaw gateway install`.
pub(super) fn install(context: &Context<'_>, args: &InstallArgs) -> Result<ExitCode> {
    let options = InstallOptions {
        port: args.port,
        force: args.force,
    };
    if args.dry_run {
        return dry_run(context, options);
    }
    let enables_linger = args.linger || ask_linger(context)?;
    let mut installation = Installation::perform(context, options, enables_linger, true)?;
    // The service runs, and its gateway is not healthy.
    let outcome = match installation.healthy {
        Some(true) => ReportOutcome::Fine,
        _ => ReportOutcome::Problem(ErrorKind::Unhealthy, "service.not-healthy"),
    };
    if outcome != ReportOutcome::Fine {
        installation.notices.push(msg!(
            "service.not-healthy",
            port = installation.port,
            command = status_command(context)
        ));
    }
    installation.print(context);
    if context.ui.is_json() {
        context.ui.print_report(outcome, installation.document(context));
    }
    Ok(outcome.exit_code())
}

/// Prints the files and commands of a service's installation without making it.
fn dry_run(context: &Context<'_>, options: InstallOptions) -> Result<ExitCode> {
    let ui = &context.ui;
    let preview = service::preview(context.instance_context(), options)?;
    let warnings: Vec<_> = preview.notices.iter().map(|msg| ui.render(msg)).collect();
    if ui.is_json() {
        let files: Vec<_> = preview
            .files
            .iter()
            .map(|(path, text)| json!({ "path": path, "content": text }))
            .collect();
        ui.print_json(&json!({
            "action": "install", "ok": true, "dryRun": true, "profile": context.instance.profile.as_str(),
            "port": preview.port, "files": files, "commands": preview.commands, "warnings": warnings,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    for (path, text) in &preview.files {
        ui.print_line(&msg!(
            "service.would-write",
            path = abbreviate_home(&context.env.home, path)
        ));
        ui.print(text);
    }
    for command in &preview.commands {
        ui.print_line(&msg!("service.would-run", command = command));
    }
    for warning in &warnings {
        ui.eprint(warning);
    }
    Ok(ExitCode::SUCCESS)
}

impl Installation {
    /// Installs and starts the gateway's service, waits for its gateway where `waits`, and enables lingering where that is
    /// wanted, so that it outlives a logout.
    fn perform(
        context: &Context<'_>,
        options: InstallOptions,
        enables_linger: bool,
        waits: bool,
    ) -> Result<Self> {
        let preview = service::preview(context.instance_context(), options)?;
        let report = {
            let _lock = context.lock()?;
            let _waiting = context.ui.spinner(&msg!("service.starting", name = preview.name));
            service::install(context.instance_context(), options)?
        };
        let healthy = waits.then(|| wait_healthy(context, preview.port));
        let (linger, notice) = set_linger(context, enables_linger);
        let more = notice.into_iter().chain(service::wsl_idle_note());
        Ok(Self {
            notices: report.notices.iter().cloned().chain(more).collect(),
            port: preview.port,
            report,
            healthy,
            linger,
        })
    }

    /// Prints the result of the gateway service's installation as text, unless a JSON document follows.
    fn print(&self, context: &Context<'_>) {
        if context.ui.is_json() {
            return;
        }
        context.ui.print_paragraph(&outcome_msg(context, &self.report));
        for notice in &self.notices {
            context.ui.eprint_paragraph(notice);
        }
    }

    /// Returns the JSON document of `gateway install`: the service that was installed.
    fn document(&self, context: &Context<'_>) -> Value {
        let mut document = document(context, "install", &self.report, &self.notices);
        document["port"] = self.port.into();
        document["healthy"] = self.healthy.into();
        document["linger"] = self.linger.is_on().into();
        document
    }
}

/// Waits until the gateway is healthy on the port of its service, or the service gives up. Returns `true` if it is healthy.
pub(crate) fn wait_healthy(context: &Context<'_>, port: Port) -> bool {
    let instance = &context.instance;
    let waiting = msg!("service.waiting", profile = instance.profile, port = port);
    let _waiting = context.ui.spinner(&waiting);
    let target = Instance {
        env_port: Some(port),
        ..instance.clone()
    };
    let may_start = || {
        let status = service::status(context.instance_context());
        !status.is_ok_and(|status| {
            matches!(
                status.state,
                RunState::GaveUp | RunState::Masked | RunState::Stopped
            )
        })
    };
    let engine = Record::read(&instance.record_path()).unwrap_or_default().engine;
    let healthy = probe::wait_until_healthy_while(
        context.instance_context().with_instance(&target),
        engine.start_timeout(),
        may_start,
    )
    .is_healthy();
    if healthy {
        boot::save_last_good_of_node_engine(context.instance_context());
    }
    healthy
}

/// Asks a person whether the user's services are to outlive the last login session, where they do not yet. It is asked
/// before anything is done, so that Esc cancels the installation.
fn ask_linger(context: &Context<'_>) -> Result<bool> {
    let terminal = context.host.terminal();
    let has_person = terminal.can_ask() && !context.ui.is_json();
    if !has_person || service::linger(context.instance_context()) != Linger::Off {
        return Ok(false);
    }
    let question = Question::yes_no(msg!("service.linger-ask"), Some(true)).with_cancel();
    match Terminal::new(context.ui).ask(&question)? {
        Reply::Back => Err(Error::failed(Msg::new("onboard.left")).with_reason(ErrorReason::Cancelled)),
        reply => Ok(reply == Reply::Yes(true)),
    }
}

/// Reads whether the user's services outlive the last login session, and enables that where it is wanted. Returns the
/// state afterwards, and a notice where one is due.
fn set_linger(context: &Context<'_>, wanted: bool) -> (Linger, Option<Msg>) {
    let before = service::linger(context.instance_context());
    if !matches!(before, Linger::Off | Linger::Unknown) {
        return (before, None);
    }
    let after = if wanted {
        service::enable_linger(context.instance_context())
    } else {
        before
    };
    let command = LINGER_COMMAND;
    let notice = match (after, wanted) {
        (Linger::On | Linger::Unsupported, _) => msg!("service.linger-on"),
        (Linger::Off, true) => msg!("service.linger-still-off", command = command),
        (Linger::Off, false) => msg!("service.linger-off", command = command),
        (Linger::Unknown, _) => msg!("service.linger-unknown", command = command),
    };
    (after, Some(notice))
}

/// Performs an action on the gateway's installed service and prints its outcome.
pub(super) fn run_action(context: &Context<'_>, action: ServiceAction) -> Result<ExitCode> {
    let (ui, instance) = (&context.ui, context.instance_context());
    let (name, report) = {
        let _waiting = ui.spinner(&msg!("service.acting", profile = context.instance.profile));
        match action {
            ServiceAction::Uninstall => {
                let _lock = context.lock()?;
                let pid = probe::find_gateway_process(instance);
                let report = service::uninstall(instance)?;
                if report.outcome == ActionOutcome::Uninstalled {
                    stop_record::write(instance.instance, pid, context.host.now());
                }
                ("uninstall", report)
            }
            ServiceAction::Start => ("start", service::start(instance)?),
            ServiceAction::Restart => ("restart", service::restart(instance)?),
        }
    };
    let is_missing = report.outcome == ActionOutcome::NotInstalled
        && matches!(action, ServiceAction::Start | ServiceAction::Restart);
    if is_missing {
        return Err(not_installed(context, &report.status));
    }
    let mut notices = report.notices.clone();
    if matches!(action, ServiceAction::Start | ServiceAction::Restart) {
        notices.extend(pinned_port_notice(context));
    }
    if ui.is_json() {
        ui.print_json(&document(context, name, &report, &notices));
    } else {
        ui.print_paragraph(&outcome_msg(context, &report));
        for notice in &notices {
            ui.eprint_paragraph(notice);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the notice that a service starts the gateway on another port than its config has; `None` where it does not.
fn pinned_port_notice(context: &Context<'_>) -> Option<Msg> {
    let survey = context.survey();
    let found = &survey.instances[survey.position(&context.instance.config_path)?];
    let (family, source) = found.base?;
    let files = InstanceFiles::read(&context.instance).ok()?;
    let configured = config::base_port(&files.config)?;
    let is_pinned = source == PortSource::Service && family.base() != configured.get();
    is_pinned.then(|| {
        msg!(
            "service.pins-port",
            port = family.base(),
            configured = configured,
            command = format!("{} gateway install", context.instance.command())
        )
    })
}

/// Returns the error for an action on a gateway's service that is not installed.
fn not_installed(context: &Context<'_>, status: &ServiceStatus) -> Error {
    let command = format!("{} gateway install", context.instance.command());
    Error::failed(msg!("service.not-installed", name = status.name))
        .hint(msg!("service.install-it", command = command))
}

/// Returns the sentence about the outcome of a service action such as start.
pub(super) fn outcome_msg(context: &Context<'_>, report: &ActionReport) -> Msg {
    let name = &report.status.name;
    let pid = match report.status.state {
        RunState::Running(pid) => pid.to_string(),
        _ => "-".to_owned(),
    };
    match report.outcome {
        ActionOutcome::Installed => msg!(
            "service.installed",
            name = name,
            pid = pid,
            path = abbreviate_home(
                &context.env.home,
                report.status.file.as_deref().unwrap_or(std::path::Path::new("-"))
            )
        ),
        ActionOutcome::AlreadyInstalled => msg!(
            "service.already-installed",
            name = name,
            pid = pid,
            command = format!("{} gateway install --force", context.instance.command())
        ),
        ActionOutcome::Uninstalled => msg!("service.uninstalled", name = name),
        ActionOutcome::Started => msg!("service.started", name = name, pid = pid),
        ActionOutcome::Stopped => msg!("service.stopped", name = name),
        ActionOutcome::Restarted => msg!("service.restarted", name = name, pid = pid),
        ActionOutcome::NotInstalled => msg!("service.not-installed", name = name),
    }
}

/// Returns the JSON document of a service action such as start, with OpenClaw's keys
/// (docs/openclaw.md#service-results) and those of this program.
pub(super) fn document(
    context: &Context<'_>,
    action: &str,
    report: &ActionReport,
    warnings: &[Msg],
) -> Value {
    let ui = &context.ui;
    let status = &report.status;
    let (loaded, not_loaded) = match status.manager {
        ManagerKind::Systemd => ("enabled", "disabled"),
        ManagerKind::Launchd => ("loaded", "not loaded"),
        ManagerKind::Schtasks => ("registered", "missing"),
    };
    let warnings: Vec<_> = warnings.iter().map(|warning| ui.render(warning)).collect();
    json!({
        "action": action,
        "ok": true,
        "result": report.outcome.name(),
        "message": ui.render(&outcome_msg(context, report)),
        "profile": context.instance.profile.as_str(),
        "service": {
            "label": status.name,
            "manager": status.manager.name(),
            "loaded": status.enabled,
            "loadedText": loaded,
            "notLoadedText": not_loaded,
            "file": status.file,
            "state": status.state.name(),
            "pid": match status.state { RunState::Running(pid) => Some(pid), _ => None },
        },
        "warnings": warnings,
    })
}

/// Installs and starts the gateway's service at the end of an onboarding, enables lingering where `linger`, and waits for
/// its gateway where `waits`. Nothing is asked any more. A failure undoes nothing of the onboarding.
pub(crate) fn install_after_onboarding(context: &Context<'_>, linger: bool, waits: bool) -> Result<Value> {
    let installation = Installation::perform(context, InstallOptions::default(), linger, waits)?;
    installation.print(context);
    let (profile, port) = (&context.instance.profile, installation.port);
    match installation.healthy {
        Some(false) => Err(
            Error::unhealthy(msg!("service.up-not-healthy", profile = profile, port = port))
                .hint(msg!("service.look", command = status_command(context))),
        ),
        Some(true) if !context.ui.is_json() => {
            let healthy = msg!("service.healthy", profile = profile, port = port);
            context.ui.print_paragraph(&healthy);
            Ok(installation.document(context))
        }
        _ => Ok(installation.document(context)),
    }
}
