//! The part of a status about the service: its state, how it differs from a new installation, and whether it runs without
//! a login.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::document;
use crate::cli::Context;
use crate::environment::abbreviate_home;
use crate::error::{Error, Result};
use crate::i18n::{Msg, duration_msg, msg};
use crate::instance::InstanceContext;
use crate::service::{self, Linger, RunState, ServiceDrift, ServiceStatus};
use crate::text::sanitize;
use crate::ui::Fields;

/// Number of last log lines that `status` shows of a service that gave up.
const LAST_LINE_COUNT: usize = 5;

/// The answer of a service manager about an instance's service, or its error.
#[derive(Debug)]
pub(in crate::cli) enum ServiceReport {
    /// The manager answered.
    Answered(Box<ServiceDetails>),
    /// The file of a service whose manager can't be asked, and the error.
    Unanswered(PathBuf, Error),
}

/// The state of a gateway's installed service.
#[derive(Debug)]
pub(in crate::cli) struct ServiceDetails {
    status: ServiceStatus,
    /// The differences from a new installation; `None` where they are not known.
    drift: Option<ServiceDrift>,
    linger: Linger,
    /// The last log lines of a service that gave up.
    last_lines: Vec<String>,
}

impl ServiceReport {
    /// Asks the service manager about the gateway's service in this file.
    pub(super) fn query(context: InstanceContext<'_>, file: &Path) -> Self {
        match ServiceDetails::query(context) {
            Ok(details) => Self::Answered(Box::new(details)),
            Err(error) => Self::Unanswered(file.to_path_buf(), error),
        }
    }

    /// Returns the status of the gateway's service, where its manager answered.
    pub(super) fn status(&self) -> Option<&ServiceStatus> {
        match self {
            Self::Answered(details) => Some(&details.status),
            Self::Unanswered(..) => None,
        }
    }

    /// Returns `true` if the service manager has given up restarting the gateway's service. Its last log lines then
    /// say more than the end of an earlier run.
    pub(super) fn gave_up(&self) -> bool {
        matches!(self, Self::Answered(details) if details.status.state == RunState::GaveUp)
    }

    /// Adds the fields of a gateway's service to the list of its status.
    pub(super) fn add_fields(&self, context: &Context<'_>, fields: &mut Fields) {
        let ui = &context.ui;
        match self {
            Self::Answered(details) => details.add_fields(context, fields),
            Self::Unanswered(file, _) => {
                fields.add(
                    ui.render(&msg!("status.service")),
                    ui.render(&state_msg(&RunState::Unknown)),
                );
                let file = abbreviate_home(&context.env.home, file);
                fields.add(ui.render(&msg!("status.service-file")), file);
            }
        }
    }

    /// Prints what does not fit into the list of a service's status: the last log lines and remarks, or the error.
    pub(super) fn print_details(&self, context: &Context<'_>) {
        match self {
            Self::Answered(details) => details.print(context),
            Self::Unanswered(_, error) => context.ui.print_detail(&error.msg),
        }
    }

    /// Returns the JSON document of a service's status, or of the error.
    pub(super) fn document(&self, context: &Context<'_>) -> Value {
        match self {
            Self::Answered(details) => details.document(context),
            Self::Unanswered(file, error) => json!({
                "sourcePath": file,
                "runtime": { "status": RunState::Unknown.name() },
                "error": { "code": error.code(), "message": context.ui.render(&error.msg) },
            }),
        }
    }
}

impl ServiceDetails {
    /// Queries a service's state, its drift and the user's lingering at the same time.
    fn query(context: InstanceContext<'_>) -> Result<Self> {
        std::thread::scope(|scope| {
            let drift = scope.spawn(|| service::drift(context).ok().flatten());
            let linger = scope.spawn(|| service::linger(context));
            let status = service::status(context)?;
            let last_lines = match status.state {
                RunState::GaveUp => service::last_log_lines(context, LAST_LINE_COUNT),
                _ => Vec::new(),
            };
            Ok(Self {
                status,
                drift: drift.join().ok().flatten(),
                linger: linger.join().unwrap_or(Linger::Unknown),
                last_lines,
            })
        })
    }

    fn add_fields(&self, context: &Context<'_>, fields: &mut Fields) {
        let ui = &context.ui;
        let mut add = |label: Msg, value: String| fields.add(ui.render(&label), value);
        let status = &self.status;
        let since = status
            .since
            .and_then(|at| context.host.now().duration_since(at).ok());
        let mut value = format!("{}, {}", status.name, ui.render(&state_msg(&status.state)));
        if let Some(since) = since {
            value = format!("{value} ({})", ui.render(&duration_msg(since)));
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
        let is_up = matches!(status.state, RunState::Running(_) | RunState::Starting);
        if let Some(code) = status.exit_code.filter(|_| !is_up) {
            add(msg!("status.exit-code"), code.to_string());
        }
    }

    /// Prints the last log lines of a gateway's service and the remarks about it.
    fn print(&self, context: &Context<'_>) {
        if !self.last_lines.is_empty() {
            context.ui.print_detail(&msg!("status.last-lines"));
        }
        for line in &self.last_lines {
            context.ui.print_hanging(4, 6, &sanitize(line));
        }
        for remark in self.remarks(context) {
            context.ui.print_detail(&remark);
        }
    }

    /// Returns the remarks about a gateway's service, with the commands that help.
    fn remarks(&self, context: &Context<'_>) -> Vec<Msg> {
        let command = format!("{} gateway install --force", context.instance.command());
        let differs = self.drift.as_ref().is_some_and(|drift| !drift.is_none());
        let added = self.drift.as_ref().map_or(&[][..], |drift| &drift.added_lines);
        let drift = differs.then(|| match added {
            [] => msg!("status.service-differs", command = command),
            lines => msg!(
                "status.service-added-lines",
                lines = lines.join("; "),
                command = command
            ),
        });
        let ends_at_logout = self.linger == Linger::Off && self.status.enabled;
        let linger = ends_at_logout.then(|| msg!("service.linger-off", command = service::LINGER_COMMAND));
        drift
            .into_iter()
            .chain(linger)
            .chain(service::wsl_idle_note())
            .collect()
    }

    fn document(&self, context: &Context<'_>) -> Value {
        let mut document = manager_document(&self.status);
        let text = |msg: &Msg| context.ui.render(msg);
        let remarks: Vec<_> = self.remarks(context).iter().map(text).collect();
        document["linger"] = self.linger.is_on().into();
        document["drift"] = self.drift.as_ref().map_or(Value::Null, |drift| {
            json!({ "files": drift.files, "disabled": drift.disabled, "stale": drift.stale,
                "addedLines": drift.added_lines })
        });
        document["lastLines"] = json!(self.last_lines);
        document["warnings"] = json!(remarks);
        document
    }
}

/// Returns the state that a service manager reports, with the keys of OpenClaw's `status --json` and those of this
/// program.
pub(super) fn manager_document(status: &ServiceStatus) -> Value {
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
            "since": status.since.map(document::format_time),
        },
        "restarts": status.restarts,
    })
}

/// Returns the state of a gateway's service in one or two words.
pub(crate) fn state_msg(state: &RunState) -> Msg {
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
