//! The service part of a status: what its manager says of it, whether it is as an installation would make
//! it now, and what it outlives.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::document;
use crate::cli::Context;
use crate::cli::duration::duration;
use crate::environment::abbreviate_home;
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::instance::InstanceContext;
use crate::service::{self, Linger, RunState, ServiceDrift, ServiceStatus};
use crate::text::sanitize;
use crate::ui::Fields;

/// As many of its last lines are shown where it gave up.
const LINES: usize = 5;

/// The service of an instance.
#[derive(Debug)]
pub(super) enum Service {
    /// Its manager told of it.
    Told(Box<Told>),
    /// There is this file, and its manager can't be asked.
    Untold(PathBuf, Error),
}

/// A service as it was found.
#[derive(Debug)]
pub(super) struct Told {
    status: ServiceStatus,
    /// `None` where nobody could tell.
    drift: Option<ServiceDrift>,
    linger: Linger,
    /// What it said last, where it gave up.
    lines: Vec<String>,
}

impl Service {
    /// Asks the manager of the service in this file.
    pub(super) fn look(context: InstanceContext<'_>, file: &Path) -> Self {
        match Told::look(context) {
            Ok(told) => Self::Told(Box::new(told)),
            Err(error) => Self::Untold(file.to_path_buf(), error),
        }
    }

    /// Whether its manager tries no more, so that its own last lines say more than an earlier run's end.
    pub(super) fn gave_up(&self) -> bool {
        matches!(self, Self::Told(told) if told.status.state == RunState::GaveUp)
    }

    /// Its lines of the list.
    pub(super) fn list(&self, context: &Context<'_>, fields: &mut Fields) {
        let ui = &context.ui;
        match self {
            Self::Told(told) => told.list(context, fields),
            Self::Untold(file, _) => {
                fields.add(
                    ui.render(&msg!("status.service")),
                    ui.render(&word(&RunState::Unknown)),
                );
                let file = abbreviate_home(&context.env.home, file);
                fields.add(ui.render(&msg!("status.service-file")), file);
            }
        }
    }

    /// What there is to say of it beside the list.
    pub(super) fn tell(&self, context: &Context<'_>) {
        match self {
            Self::Told(told) => told.tell(context),
            Self::Untold(_, error) => context.ui.print_detail(&error.msg),
        }
    }

    /// As [`brief`], with all that was asked, or why nothing was told.
    pub(super) fn document(&self, context: &Context<'_>) -> Value {
        match self {
            Self::Told(told) => told.document(context),
            Self::Untold(file, error) => json!({
                "sourcePath": file,
                "runtime": { "status": RunState::Unknown.name() },
                "error": { "code": error.code(), "message": context.ui.render(&error.msg) },
            }),
        }
    }
}

impl Told {
    /// Asks its manager, and whoever else knows; all at once.
    fn look(context: InstanceContext<'_>) -> Result<Self> {
        std::thread::scope(|scope| {
            let drift = scope.spawn(|| service::drift(context).ok().flatten());
            let linger = scope.spawn(|| service::linger(context));
            let status = service::status(context)?;
            let lines = match status.state {
                RunState::GaveUp => service::last_log_lines(context, LINES),
                _ => Vec::new(),
            };
            Ok(Self {
                status,
                drift: drift.join().ok().flatten(),
                linger: linger.join().unwrap_or(Linger::Unknown),
                lines,
            })
        })
    }

    fn list(&self, context: &Context<'_>, fields: &mut Fields) {
        let ui = &context.ui;
        let mut add = |label: Msg, value: String| fields.add(ui.render(&label), value);
        let status = &self.status;
        let since = status
            .since
            .and_then(|at| context.host.now().duration_since(at).ok());
        let mut value = format!("{}, {}", status.name, ui.render(&word(&status.state)));
        if let Some(since) = since {
            value = format!("{value} ({})", ui.render(&duration(since)));
        }
        add(msg!("status.service"), value);
        if let Some(file) = &status.file {
            add(
                msg!("status.service-file"),
                abbreviate_home(&context.env.home, file),
            );
        }
        let starts = match (status.enabled, self.linger) {
            (false, _) => msg!("status.starts-never"),
            (true, Linger::On) => msg!("status.starts-boot"),
            (true, Linger::Off) => msg!("status.starts-login"),
            (true, Linger::Unknown | Linger::Unsupported) => msg!("status.starts-either"),
        };
        add(msg!("status.starts"), ui.render(&starts));
        if status.restarts > 0 {
            add(msg!("status.restarts"), status.restarts.to_string());
        }
        let ran_on = matches!(status.state, RunState::Running(_) | RunState::Starting);
        if let Some(code) = status.exit_code.filter(|_| !ran_on) {
            add(msg!("status.exit-code"), code.to_string());
        }
    }

    fn tell(&self, context: &Context<'_>) {
        if !self.lines.is_empty() {
            context.ui.print_detail(&msg!("status.last-lines"));
        }
        for line in &self.lines {
            context.ui.print_hanging(4, 6, &sanitize(line));
        }
        for remark in self.remarks(context) {
            context.ui.print_detail(&remark);
        }
    }

    fn remarks(&self, context: &Context<'_>) -> Vec<Msg> {
        let command = format!("{} gateway install --force", context.instance.command());
        let differs = self.drift.as_ref().is_some_and(|drift| !drift.is_none());
        let drift = differs.then(|| msg!("status.service-differs", command = command));
        let ends = self.linger == Linger::Off && self.status.enabled;
        let linger = ends.then(|| msg!("service.linger-off", command = service::LINGER_COMMAND));
        drift
            .into_iter()
            .chain(linger)
            .chain(service::wsl_idle_note())
            .collect()
    }

    fn document(&self, context: &Context<'_>) -> Value {
        let mut document = brief(&self.status);
        let say = |msg: &Msg| context.ui.render(msg);
        let remarks: Vec<_> = self.remarks(context).iter().map(say).collect();
        document["linger"] = self.linger.is_on().into();
        document["drift"] = self.drift.as_ref().map_or(
            Value::Null,
            |drift| json!({ "files": drift.files, "disabled": drift.disabled, "stale": drift.stale }),
        );
        document["lastLines"] = json!(self.lines);
        document["warnings"] = json!(remarks);
        document
    }
}

/// What its manager says, with the keys of OpenClaw's `status --json` and ours.
pub(super) fn brief(status: &ServiceStatus) -> Value {
    let pid = match status.state {
        RunState::Running(pid) => Some(pid),
        _ => None,
    };
    json!({
        "label": status.manager.name(),
        "name": status.name,
        "loaded": status.enabled,
        "sourcePath": status.file,
        "runtime": {
            "status": status.state.name(),
            "pid": pid,
            "lastExitStatus": status.exit_code,
            "since": status.since.map(document::stamp),
        },
        "restarts": status.restarts,
    })
}

/// What a service does now, as a word.
pub(crate) fn word(state: &RunState) -> Msg {
    match state {
        RunState::NotInstalled => msg!("status.service-none"),
        RunState::Stopped => msg!("status.service-stopped"),
        RunState::Starting => msg!("status.service-starting"),
        RunState::Running(_) => msg!("status.service-running"),
        RunState::Stopping => msg!("status.service-stopping"),
        RunState::GaveUp => msg!("status.service-gave-up"),
        RunState::Masked => msg!("status.service-masked"),
        RunState::Unknown => msg!("status.service-unknown"),
    }
}
