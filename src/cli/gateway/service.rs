//! `openclaw gateway install`, `uninstall`, `start`, `stop`, `restart`: the instance as a service.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use crate::boot;
use crate::cli::Context;
use crate::environment::Environment;
use crate::environment::abbreviate_home;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::probe;
use crate::service::{self, Done, LINGER_COMMAND, Linger, State, Status, Wishes};
use crate::wizard::terminal::Terminal;

/// The flags of an installation.
#[derive(Debug, Default, Args)]
pub(crate) struct InstallArgs {
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    #[arg(long)]
    pub force: bool,
    #[arg(long)]
    pub linger: bool,
    #[arg(long)]
    pub dry_run: bool,
    #[arg(long)]
    pub json: bool,
}

/// The flags of what is done to an installed service.
#[derive(Debug, Default, Args)]
pub(crate) struct ActArgs {
    #[arg(long)]
    pub json: bool,
}

/// What is done to an installed service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Uninstall,
    Start,
    Stop,
    Restart,
}

/// A gateway that was started is given this long to answer.
const HEALTH: Duration = Duration::from_secs(30);

/// An installation that was made.
struct Installed {
    done: Done,
    port: u16,
    /// Whether its gateway answered; `None` where nobody waited for it.
    healthy: Option<bool>,
    linger: Linger,
    /// What else the user should know.
    notices: Vec<Msg>,
}

/// What every action on a service is told: where, and whose.
fn place<'c>(context: &'c Context<'_>) -> (&'c Host, &'c Environment, &'c Instance) {
    (context.host, &context.env, &context.instance)
}

/// Where a user looks when a service is not as it should be.
fn look(context: &Context<'_>) -> String {
    format!("{} gateway status", context.instance.command())
}

/// `openclaw gateway install`
pub(super) fn install(context: &Context<'_>, args: &InstallArgs) -> Result<ExitCode> {
    let wishes = Wishes {
        port: args.port,
        force: args.force,
    };
    if args.dry_run {
        return dry_run(context, wishes);
    }
    let mut installed = Installed::make(context, wishes, args.linger, true)?;
    let is_healthy = installed.healthy == Some(true);
    if !is_healthy {
        installed.notices.push(msg!(
            "service.not-healthy",
            port = installed.port,
            command = look(context)
        ));
    }
    installed.tell(context);
    if context.ui.is_json() {
        context.ui.document(&installed.document(context));
    }
    // It runs, but not as it should.
    Ok(ExitCode::from(if is_healthy { 0 } else { 3 }))
}

fn dry_run(context: &Context<'_>, wishes: Wishes) -> Result<ExitCode> {
    let ui = &context.ui;
    let (host, env, instance) = place(context);
    let preview = service::preview(host, env, instance, wishes)?;
    let warnings: Vec<_> = preview.notices.iter().map(|msg| ui.say(msg)).collect();
    if ui.is_json() {
        let files: Vec<_> = preview
            .files
            .iter()
            .map(|(path, text)| json!({ "path": path, "content": text }))
            .collect();
        ui.document(&json!({
            "action": "install", "ok": true, "dryRun": true, "profile": instance.profile.as_str(),
            "port": preview.port, "files": files, "commands": preview.commands, "warnings": warnings,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    for (path, text) in &preview.files {
        ui.line(&msg!(
            "service.would-write",
            path = abbreviate_home(&env.home, path)
        ));
        ui.out(text);
    }
    for command in &preview.commands {
        ui.line(&msg!("service.would-run", command = command));
    }
    for warning in &warnings {
        ui.err(warning);
    }
    Ok(ExitCode::SUCCESS)
}

impl Installed {
    /// Installs the service and starts it; `waits` for its gateway, and offers what lets it outlive a logout.
    fn make(context: &Context<'_>, wishes: Wishes, wished_linger: bool, waits: bool) -> Result<Self> {
        let (host, env, instance) = place(context);
        let preview = service::preview(host, env, instance, wishes)?;
        let done = {
            let _lock = context.lock()?;
            let _waiting = context.ui.waiting(&msg!("service.starting", name = preview.name));
            service::install(host, env, instance, wishes)?
        };
        let healthy = waits.then(|| wait_healthy(context, preview.port));
        let (linger, told) = offer_linger(context, wished_linger);
        let beside = told.into_iter().chain(service::idle_note());
        Ok(Self {
            notices: done.notices.iter().cloned().chain(beside).collect(),
            port: preview.port,
            done,
            healthy,
            linger,
        })
    }

    /// On the screen; nothing where a document follows.
    fn tell(&self, context: &Context<'_>) {
        if context.ui.is_json() {
            return;
        }
        context.ui.paragraph(&said(context, &self.done));
        for notice in &self.notices {
            context.ui.prose(notice);
        }
    }

    fn document(&self, context: &Context<'_>) -> Value {
        let mut document = document(context, "install", &self.done, &self.notices);
        document["port"] = self.port.into();
        document["healthy"] = self.healthy.into();
        document["linger"] = self.linger.known().into();
        document
    }
}

/// Waits until the gateway is well on the port of its service, or its service gives up.
fn wait_healthy(context: &Context<'_>, port: u16) -> bool {
    let (host, env, instance) = place(context);
    let waiting = msg!("service.waiting", profile = instance.profile, port = port);
    let _waiting = context.ui.waiting(&waiting);
    let target = Instance {
        wished_port: Some(port),
        ..instance.clone()
    };
    let goes_on = || {
        let status = service::status(host, env, instance);
        !status.is_ok_and(|status| matches!(status.state, State::GaveUp | State::Stopped))
    };
    let healthy = probe::wait_healthy_while(host, env, &target, HEALTH, goes_on).is_healthy();
    if healthy {
        boot::remember(host, env, instance);
    }
    healthy
}

/// Reads whether services outlive the last session; offers to make them, and says what was seen.
fn offer_linger(context: &Context<'_>, wished: bool) -> (Linger, Option<Msg>) {
    let (host, env, instance) = place(context);
    let before = service::linger(host, env, instance);
    if !matches!(before, Linger::Off | Linger::Unknown) {
        return (before, None);
    }
    let terminal = host.terminal();
    let person = terminal.stdin && terminal.stderr && !context.ui.is_json();
    let wanted = wished
        || (person
            && before == Linger::Off
            && Terminal::new(context.ui)
                .confirm(&msg!("service.linger-ask"), Some(true))
                .unwrap_or(false));
    let after = if wanted {
        service::enable_linger(host, env, instance)
    } else {
        before
    };
    let command = LINGER_COMMAND;
    let told = match (after, wanted) {
        (Linger::On | Linger::Foreign, _) => msg!("service.linger-on"),
        (Linger::Off, true) => msg!("service.linger-still-off", command = command),
        (Linger::Off, false) => msg!("service.linger-off", command = command),
        (Linger::Unknown, _) => msg!("service.linger-unknown", command = command),
    };
    (after, Some(told))
}

/// `openclaw gateway start`, and its like.
pub(super) fn act(context: &Context<'_>, action: Action) -> Result<ExitCode> {
    let (host, env, instance) = place(context);
    let ui = &context.ui;
    let (name, done) = {
        let _waiting = ui.waiting(&msg!("service.acting", profile = instance.profile));
        match action {
            Action::Uninstall => {
                let _lock = context.lock()?;
                ("uninstall", service::uninstall(host, env, instance)?)
            }
            Action::Start => ("start", service::start(host, env, instance)?),
            Action::Stop => ("stop", service::stop(host, env, instance)?),
            Action::Restart => ("restart", service::restart(host, env, instance)?),
        }
    };
    let runs_not = done.result == "not-loaded" && matches!(action, Action::Start | Action::Restart);
    if runs_not {
        return Err(not_installed(context, &done.status));
    }
    if ui.is_json() {
        ui.document(&document(context, name, &done, &done.notices));
    } else {
        ui.paragraph(&said(context, &done));
        for notice in &done.notices {
            ui.prose(notice);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn not_installed(context: &Context<'_>, status: &Status) -> Error {
    let command = format!("{} gateway install", context.instance.command());
    Error::failed(msg!("service.not-installed", name = status.name))
        .hint(msg!("service.install-it", command = command))
}

fn said(context: &Context<'_>, done: &Done) -> Msg {
    let name = &done.status.name;
    let pid = match done.status.state {
        State::Running(pid) => pid.to_string(),
        _ => "-".to_owned(),
    };
    match done.result {
        "installed" => msg!(
            "service.installed",
            name = name,
            pid = pid,
            path = abbreviate_home(
                &context.env.home,
                done.status.file.as_deref().unwrap_or(std::path::Path::new("-"))
            )
        ),
        "already-installed" => msg!(
            "service.already-installed",
            name = name,
            pid = pid,
            command = format!("{} gateway install --force", context.instance.command())
        ),
        "uninstalled" => msg!("service.uninstalled", name = name),
        "started" => msg!("service.started", name = name, pid = pid),
        "stopped" => msg!("service.stopped", name = name),
        "restarted" => msg!("service.restarted", name = name, pid = pid),
        _ => msg!("service.not-installed", name = name),
    }
}

/// OpenClaw's keys (docs/openclaw.md#service-results), and ours.
fn document(context: &Context<'_>, action: &str, done: &Done, warnings: &[Msg]) -> Value {
    let ui = &context.ui;
    let status = &done.status;
    let (loaded, not_loaded) = match status.manager {
        "systemd" => ("enabled", "disabled"),
        "launchd" => ("loaded", "not loaded"),
        _ => ("registered", "missing"),
    };
    let warnings: Vec<_> = warnings.iter().map(|warning| ui.say(warning)).collect();
    json!({
        "action": action,
        "ok": true,
        "result": done.result,
        "message": ui.say(&said(context, done)),
        "profile": context.instance.profile.as_str(),
        "service": {
            "label": status.name,
            "manager": status.manager,
            "loaded": status.enabled,
            "loadedText": loaded,
            "notLoadedText": not_loaded,
            "file": status.file,
            "state": status.state.name(),
            "pid": match status.state { State::Running(pid) => Some(pid), _ => None },
        },
        "warnings": warnings,
    })
}

/// The end of an onboarding: the service is installed and started, and waited for where `waits`. What was
/// written before stays, whatever comes of it.
pub(crate) fn onboarded(context: &Context<'_>, waits: bool) -> Result<Value> {
    let installed = Installed::make(context, Wishes::default(), false, waits)?;
    installed.tell(context);
    let (profile, port) = (&context.instance.profile, installed.port);
    match installed.healthy {
        Some(false) => Err(
            Error::unhealthy(msg!("service.up-not-healthy", profile = profile, port = port))
                .hint(msg!("service.look", command = look(context))),
        ),
        Some(true) if !context.ui.is_json() => {
            let healthy = msg!("service.healthy", profile = profile, port = port);
            context.ui.paragraph(&healthy);
            Ok(installed.document(context))
        }
        _ => Ok(installed.document(context)),
    }
}
