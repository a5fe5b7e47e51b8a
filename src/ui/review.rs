//! Renders a plan for a person: the instance that it sets up, each change, and the notices.

use std::path::Path;

use console::measure_text_width;

use crate::answers::Start;
use crate::config::{self, diff::ConfigDifference};
use crate::environment::abbreviate_home;
use crate::i18n::{Msg, msg};
use crate::plan::{Change, FileKind, FileWrite, InstanceSummary, Plan};
use crate::record::Engine;
use crate::secret::SecretOrigin;
use crate::text::wrap;

use super::Ui;
use super::fields::Fields;

impl Ui {
    /// Returns a plan as text for the screen: its instance and its changes. With `texts`, the planned configs are in
    /// it too, each secret by its origin.
    pub(crate) fn render_plan(&self, plan: &Plan, home: &Path, texts: bool) -> String {
        let mut out = Vec::new();
        if let Some(summary) = &plan.instance {
            out.push(self.heading(&msg!("plan.title", profile = summary.profile)));
            out.push(self.render_fields(&self.summary_fields(summary, home)));
        }
        if plan.is_empty() {
            out.push(self.render(&Msg::new("plan.nothing")));
        } else {
            out.push(self.heading(&Msg::new("plan.changes")));
            out.extend(self.change_lines(plan, home));
        }
        if texts {
            for change in &plan.changes {
                if let Change::Write(write) = change
                    && write.kind == FileKind::Config
                {
                    out.push(self.heading(&msg!("plan.text", path = abbreviate_home(home, &write.path))));
                    out.push(
                        write
                            .content
                            .redacted(|origin| format!("<{}>", self.render(&origin_msg(origin)))),
                    );
                }
            }
        }
        out.extend(plan.all_notices().map(|notice| self.render_notice(notice)));
        out.join("\n")
    }

    /// Returns the instance that a plan sets up as a list of fields for the screen.
    fn summary_fields(&self, summary: &InstanceSummary, home: &Path) -> Fields {
        let mut fields = Fields::default();
        let mut add = |label: Msg, value: String| fields.add(self.render(&label), value);
        add(Msg::new("plan.config"), abbreviate_home(home, &summary.config));
        add(Msg::new("plan.state"), abbreviate_home(home, &summary.state));
        add(
            Msg::new("plan.workspace"),
            abbreviate_home(home, &summary.workspace),
        );
        add(Msg::new("plan.engine"), self.render(&engine_msg(summary.engine)));
        add(Msg::new("plan.port"), summary.ports.base().to_string());
        add(Msg::new("plan.span"), summary.ports.span().to_string());
        add(Msg::new("plan.bind"), summary.bind.clone());
        let auth = match summary.credential {
            Some(origin) => format!("{}: {}", summary.auth, self.render(&origin_msg(origin))),
            None => summary.auth.clone(),
        };
        add(Msg::new("plan.auth"), auth);
        if !summary.watched.is_empty() {
            add(Msg::new("plan.watched"), summary.watched.join(", "));
        }
        add(Msg::new("plan.start"), self.render(&start_msg(summary)));
        add(Msg::new("plan.release"), self.render(&summary.release));
        fields
    }

    /// Returns a line for each change of a plan; new files of one workspace share a line, with their names below it.
    fn change_lines(&self, plan: &Plan, home: &Path) -> Vec<String> {
        let mut lines = Vec::new();
        let mut rest = &plan.changes[..];
        while let Some((change, after)) = rest.split_first() {
            let together = rest
                .iter()
                .take_while(|other| workspace_file_name(other).is_some())
                .count();
            rest = if together > 1 {
                let folder = change.path().parent().unwrap_or_else(|| change.path());
                let make = msg!(
                    "plan.create-files",
                    path = abbreviate_home(home, folder),
                    count = together
                );
                lines.push(self.render_item(" ", &self.render(&make)));
                let names = rest[..together]
                    .iter()
                    .filter_map(workspace_file_name)
                    .collect::<Vec<_>>()
                    .join(", ");
                let names = wrap(&names, self.width().saturating_sub(4));
                lines.extend(names.iter().map(|line| format!("    {line}")));
                &rest[together..]
            } else {
                lines.push(self.render_item(" ", &self.render_change(change, home)));
                lines.extend(self.difference_lines(change));
                after
            };
        }
        lines
    }

    /// Renders what a plan changes in existing configs, key by key; empty where it changes none.
    pub(crate) fn render_differences(&self, plan: &Plan, home: &Path) -> String {
        let lines = plan.changes.iter().flat_map(|change| {
            let keys = self.difference_lines(change);
            let path = || self.render_item(" ", &self.render_change(change, home));
            let path = (!keys.is_empty()).then(path);
            path.into_iter().chain(keys)
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Returns a line for each config key that a plan changes in an existing config.
    fn difference_lines(&self, change: &Change) -> Vec<String> {
        let Change::Write(FileWrite {
            kind: FileKind::Config,
            before: Some(before),
            content,
            ..
        }) = change
        else {
            return Vec::new();
        };
        let value = |bytes: &[u8]| config::parse_value(std::str::from_utf8(bytes).ok()?).ok();
        let (Some(before), Some(after)) = (value(before), value(content.bytes())) else {
            return Vec::new();
        };
        let arrow = if self.ascii() || self.plain() { "->" } else { "→" };
        let line =
            |found: ConfigDifference| match (self.render_old_value(&found), self.render_new_value(&found)) {
                (Some(before), Some(after)) => format!("      {}: {before} {arrow} {after}", found.path),
                (None, Some(after)) => format!("    + {}: {after}", found.path),
                (before, None) => format!("    - {}: {}", found.path, before.unwrap_or_default()),
            };
        // The stamps of the last run are not a decision of the user.
        let is_stamp = |found: &ConfigDifference| {
            let path = found.path.to_string();
            path.starts_with("wizard.") || path.starts_with("meta.")
        };
        config::diff::between(&before, &after)
            .into_iter()
            .filter(|found| !is_stamp(found))
            .map(line)
            .collect()
    }

    /// Returns an item of a list on the screen behind its mark: on one line where that fits, else broken at blanks,
    /// so that a path stays whole.
    pub(crate) fn render_item(&self, mark: &str, text: &str) -> String {
        if 2 + measure_text_width(text) <= self.width() {
            return format!("{mark} {text}");
        }
        self.wrap_plan(text, self.width().saturating_sub(4))
            .join("\n    ")
            .replacen("", &format!("{mark} "), 1)
    }

    /// Returns a planned change as one line: `create  ~/.openclaw/openclaw.json`.
    pub(crate) fn render_change(&self, change: &Change, home: &Path) -> String {
        let msg = match change {
            Change::MakeDir { path } => msg!("plan.make-dir", path = abbreviate_home(home, path)),
            Change::Rename { path, to } => {
                msg!(
                    "plan.move-aside",
                    path = abbreviate_home(home, path),
                    to = abbreviate_home(home, to)
                )
            }
            Change::SetMode { path, from, to } => msg!(
                "doctor.set-mode",
                path = abbreviate_home(home, path),
                from = format!("{from:04o}"),
                to = format!("{to:04o}")
            ),
            Change::Write(write) => {
                let path = abbreviate_home(home, &write.path);
                match (write.before.is_some(), write.backup) {
                    (false, _) => msg!("plan.create-file", path = path),
                    (true, false) => msg!("plan.change-file", path = path),
                    (true, true) => msg!("plan.change-file-backup", path = path),
                }
            }
        };
        self.render(&msg)
    }

    /// Returns a change of a plan that was made as one line: `created ~/.openclaw/openclaw.json`.
    pub(crate) fn render_change_made(&self, change: &Change, home: &Path) -> String {
        let path = abbreviate_home(home, change.path());
        let msg = match change {
            Change::MakeDir { .. } => msg!("plan.made-dir", path = path),
            Change::Rename { to, .. } => {
                msg!("plan.moved-aside", path = path, to = abbreviate_home(home, to))
            }
            Change::Write(write) if write.before.is_none() => msg!("plan.created-file", path = path),
            Change::Write(_) | Change::SetMode { .. } => msg!("plan.changed-file", path = path),
        };
        self.render(&msg)
    }
}

/// Returns the name of the file that a planned change writes, where it is a first file of a workspace.
fn workspace_file_name(change: &Change) -> Option<&str> {
    match change {
        Change::Write(write) if write.kind == FileKind::Workspace => write.path.file_name()?.to_str(),
        _ => None,
    }
}

/// Returns the words by which a plan on the screen says how the gateway is started at its end.
fn start_msg(summary: &InstanceSummary) -> Msg {
    match (summary.start, summary.linger) {
        (Start::No, _) if summary.has_service => msg!("plan.service-installed"),
        (Start::No, _) => msg!("plan.start-no"),
        (Start::Background, _) => msg!("plan.start-background"),
        (Start::Terminal, _) => msg!("plan.start-terminal"),
        (Start::Service, None) => msg!("plan.service-yes"),
        (Start::Service, Some(true)) => msg!("plan.service-lasts"),
        (Start::Service, Some(false)) => msg!("plan.service-ends"),
    }
}

/// Returns the words by which a plan on the screen names the engine of the gateway, and what it can do.
fn engine_msg(engine: Engine) -> Msg {
    match engine {
        Engine::Native => msg!("plan.engine-native"),
        Engine::Node => msg!("plan.engine-node"),
    }
}

/// Returns the words that a plan on the screen shows in place of a secret: new, given, or kept.
fn origin_msg(origin: SecretOrigin) -> Msg {
    match origin {
        SecretOrigin::Generated => msg!("plan.generated"),
        SecretOrigin::Given => msg!("plan.given"),
        SecretOrigin::Kept => msg!("plan.kept"),
    }
}
