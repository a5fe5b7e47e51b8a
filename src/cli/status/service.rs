//! The service part of a status: what its manager says of it, whether it is as an installation would make
//! it now, and what it outlives.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::super::Context;
use super::{document, duration};
use crate::environment::Environment;
use crate::host::Host;
use crate::i18n::Msg;
use crate::instance::Instance;
use crate::msg;
use crate::service::{self, Drift, Linger, State, Status};
use crate::situation::shown;
use crate::ui::Fields;

/// As many of its last lines are shown where it gave up.
const LINES: usize = 3;

/// A service as it was found.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) status: Status,
    /// `None` where nobody could tell.
    drift: Option<Drift>,
    linger: Linger,
    /// What it said last, where it gave up.
    lines: Vec<String>,
}

impl Service {
    /// Asks its manager, and whoever else knows; all at once. `None` where the manager can't be asked.
    pub(super) fn look(host: &Host, env: &Environment, instance: &Instance) -> Option<Self> {
        std::thread::scope(|scope| {
            let drift = scope.spawn(|| service::drift(host, env, instance).ok().flatten());
            let linger = scope.spawn(|| service::linger(host, env, instance));
            let status = service::status(host, env, instance).ok()?;
            let lines = match status.state {
                State::GaveUp => service::last_lines(host, env, instance, LINES),
                _ => Vec::new(),
            };
            Some(Self {
                status,
                drift: drift.join().ok().flatten(),
                linger: linger.join().unwrap_or(Linger::Unknown),
                lines,
            })
        })
    }

    /// Its lines of the list.
    pub(super) fn list(&self, context: &Context<'_>, fields: &mut Fields) {
        let ui = &context.ui;
        let mut add = |label: Msg, value: String| fields.add(ui.say(&label), value);
        let status = &self.status;
        let since = status
            .since
            .and_then(|at| SystemTime::now().duration_since(at).ok());
        let mut value = format!("{}, {}", status.name, ui.say(&word(&status.state)));
        if let Some(since) = since {
            value = format!("{value} ({})", ui.say(&duration(since)));
        }
        add(msg!("status.service"), value);
        if let Some(file) = &status.file {
            add(msg!("status.service-file"), shown(&context.env.home, file));
        }
        let starts = match (status.enabled, self.linger) {
            (false, _) => msg!("status.starts-never"),
            (true, Linger::On) => msg!("status.starts-boot"),
            (true, Linger::Off) => msg!("status.starts-login"),
            (true, Linger::Unknown | Linger::Foreign) => msg!("status.starts-either"),
        };
        add(msg!("status.starts"), ui.say(&starts));
        if status.restarts > 0 {
            add(msg!("status.restarts"), status.restarts.to_string());
        }
        let ran_on = matches!(status.state, State::Running(_) | State::Starting);
        if let Some(code) = status.exit_code.filter(|_| !ran_on) {
            add(msg!("status.exit-code"), code.to_string());
        }
    }

    /// What there is to say of it beside the list.
    pub(super) fn tell(&self, context: &Context<'_>) {
        for line in &self.lines {
            context.ui.remark(&msg!("status.last-line", line = line));
        }
        for remark in self.remarks(context) {
            context.ui.remark(&remark);
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
            .chain(service::idle_note())
            .collect()
    }

    /// As [`brief`], with all that was asked.
    pub(super) fn document(&self, context: &Context<'_>) -> Value {
        let mut document = brief(&self.status);
        let say = |msg: &Msg| context.ui.say(msg);
        let remarks: Vec<_> = self.remarks(context).iter().map(say).collect();
        document["linger"] = self.linger.known().into();
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
pub(super) fn brief(status: &Status) -> Value {
    let pid = match status.state {
        State::Running(pid) => Some(pid),
        _ => None,
    };
    json!({
        "label": status.manager,
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
pub(in crate::cli) fn word(state: &State) -> Msg {
    match state {
        State::NotInstalled => msg!("status.service-none"),
        State::Stopped => msg!("status.service-stopped"),
        State::Starting => msg!("status.service-starting"),
        State::Running(_) => msg!("status.service-running"),
        State::GaveUp => msg!("status.service-gave-up"),
        State::Unknown => msg!("status.service-unknown"),
    }
}
