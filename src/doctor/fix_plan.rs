//! Plans of fixes: the fixes of one file become one write, and those of one instance one plan.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::finding::Finding;
use super::fix::Fix;
use super::host_report::{HostReport, InstanceReport};
use crate::apply;
use crate::config::document::{ConfigDocument, DigitKeys};
use crate::config::edit::{EditOperation, EditTarget, PlannedEdit};
use crate::config::key_path::KeyPath;
use crate::config::{self, LoadedConfig, include};
use crate::error::ErrorReason;
use crate::host::read;
use crate::i18n::{Msg, msg};
use crate::instance::shell_quote;
use crate::plan::{self, Change, Content, FileKind, FileWrite, Plan};
use crate::secret::{SecretOrigin, TextPiece};

/// The configs that the doctor's fixes edit, by path, each with the bytes of its file and the document that it
/// becomes.
type EditedConfigs = BTreeMap<PathBuf, (Option<Vec<u8>>, ConfigDocument)>;

/// Returns the reason why the doctor may not make a fix, or `None` where it may. It may not touch another instance,
/// or replace a file that is in its way. Other fixes are not affected.
pub(super) fn refuse(report: &HostReport<'_>, own: &InstanceReport<'_>, fix: &Fix) -> Option<Msg> {
    if let Fix::SetKey { config, key, value } = fix
        && let Some(refused) = refuse_edit(report, config, key, value.as_ref())
    {
        return Some(refused);
    }
    let plan = plan_instance(std::iter::once(fix));
    let error = apply::preflight(&plan, report.paths_of_others(own)).err()?;
    Some(if error.has_reason(ErrorReason::OtherInstance) {
        msg!("doctor.anothers")
    } else {
        error.msg
    })
}

/// Returns the reason why the doctor may not change a key of a config: an included file sets it too, or it is set in a file
/// that is not the instance's alone. `None` where it may.
fn refuse_edit(report: &HostReport<'_>, config: &Path, key: &KeyPath, value: Option<&Value>) -> Option<Msg> {
    let LoadedConfig::Ok(main) = config::load(config) else {
        return None;
    };
    match PlannedEdit::new(config, &main, key, &edit_operation(value), DigitKeys::Names) {
        Ok(edit) => report.survey.refuse_included_file(config, key, &edit.after.file),
        Err(error) => Some(error.msg),
    }
}

/// Returns the change of a key of a config: to a value, or its removal.
fn edit_operation(value: Option<&Value>) -> EditOperation {
    value.map_or(EditOperation::Remove, |value| {
        EditOperation::Replace(value.clone())
    })
}

/// Returns the file in which a person changes a key of a config: the one that sets it last, else the config.
fn file_to_edit(config: &Path, key: &KeyPath) -> PathBuf {
    let files = match config::load(config) {
        LoadedConfig::Ok(main) => include::files_with_value(config, &main, key),
        LoadedConfig::Missing | LoadedConfig::Broken(_) => Vec::new(),
    };
    files.into_iter().next_back().unwrap_or_else(|| config.to_owned())
}

/// Returns the command by which a person makes a fix that the doctor may not make.
pub(super) fn manual_command(own: &InstanceReport<'_>, fix: &Fix) -> String {
    match fix {
        Fix::SetKey { config, key, .. } => {
            format!("${{EDITOR:-vi}} {}", shell_quote(&file_to_edit(config, key)))
        }
        Fix::SetMode { path, to, .. } => format!("chmod {to:o} {}", shell_quote(path)),
        Fix::MakeFolder(path) => format!("mkdir -m 700 {}", shell_quote(path)),
        Fix::Rename { path, to } => format!("mv {} {}", shell_quote(path), shell_quote(to)),
        Fix::RestoreConfig { .. } | Fix::Deregister(_) => format!("{} config validate", own.command),
        Fix::CompleteChange => format!("{} doctor --fix", own.command),
    }
}

/// The doctor's fixes of one instance, or of the registry of instances, which touch the paths of no other instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FixPlan {
    /// The config of the instance; `None` for the registry, which is the host's.
    pub(crate) config: Option<PathBuf>,
    /// The changes.
    pub(crate) plan: Plan,
}

/// Plans the fixes of all findings of the doctor: one plan for each selected instance, the plan for the registry of
/// instances last. Empty plans are left out.
pub(crate) fn plan_fixes(report: &HostReport<'_>, findings: &[Finding]) -> Vec<FixPlan> {
    let of_instance = |own: &InstanceReport<'_>| {
        let findings = findings.iter().filter(|finding| finding.instance == own.label);
        FixPlan {
            config: Some(own.instance.config_path.clone()),
            plan: plan_instance(findings.filter_map(|finding| finding.fix.as_ref())),
        }
    };
    let mut plans: Vec<FixPlan> = report.selected().map(of_instance).collect();
    plans.push(FixPlan {
        config: None,
        plan: plan_registry(report, findings),
    });
    plans.retain(|fix| !fix.plan.is_empty());
    plans
}

/// Combines the plans of the doctor's fixes into one, to be shown to the user.
pub(crate) fn combine(plans: &[FixPlan]) -> Plan {
    Plan {
        changes: plans.iter().flat_map(|fix| fix.plan.changes.clone()).collect(),
        ..Plan::default()
    }
}

/// Plans the removal of instances that no longer exist from the registry of instances.
fn plan_registry(report: &HostReport<'_>, findings: &[Finding]) -> Plan {
    let registry = report.survey.registry();
    let removed: Vec<&Path> = findings
        .iter()
        .filter_map(|finding| match &finding.fix {
            Some(Fix::Deregister(config)) => Some(config.as_path()),
            _ => None,
        })
        .filter(|config| registry.entries.iter().any(|entry| entry.config == **config))
        .collect();
    let write = FileWrite {
        path: registry.path.clone(),
        content: Content::plain(registry.without(&removed)),
        before: registry.before.clone(),
        backup: false,
        kind: FileKind::Registry,
    };
    let change = (!removed.is_empty()).then_some(Change::Write(write));
    Plan {
        changes: change.into_iter().collect(),
        ..Plan::default()
    }
}

/// Plans the file changes by which the doctor fixes the problems of one instance. The config, which makes it
/// runnable, is written last.
fn plan_instance<'f>(fixes: impl Iterator<Item = &'f Fix>) -> Plan {
    let mut changes: Vec<Change> = Vec::new();
    let mut configs = EditedConfigs::new();
    for fix in fixes {
        if let Some(change) = file_change(fix) {
            // What is moved aside needs no other mode first.
            if matches!(change, Change::Rename { .. }) {
                changes.retain(|known| known.path() != change.path());
            }
            if !changes.iter().any(|known| known.path() == change.path()) {
                changes.push(change);
            }
        }
        edit_config(&mut configs, fix);
    }
    // A path below a renamed link does not exist any more.
    let renamed: Vec<PathBuf> = changes
        .iter()
        .filter(|change| matches!(change, Change::Rename { .. }))
        .map(|change| change.path().to_path_buf())
        .collect();
    let is_gone = |path: &Path| {
        renamed
            .iter()
            .any(|renamed| path != renamed && path.starts_with(renamed))
    };
    // A file that is written has mode 0600 afterwards in any case.
    let is_written =
        |change: &Change| matches!(change, Change::SetMode { .. }) && configs.contains_key(change.path());
    changes.retain(|change| !is_gone(change.path()) && !is_written(change));
    for (path, (before, document)) in configs {
        if before.as_deref() != Some(document.text().as_bytes()) {
            changes.push(plan::config_write(&path, &document, before));
        }
    }
    Plan {
        changes,
        ..Plan::default()
    }
}

/// Returns the file change of a doctor's fix that edits no text, such as a new mode or a renamed file.
fn file_change(fix: &Fix) -> Option<Change> {
    match fix {
        Fix::SetMode { path, from, to } => Some(Change::SetMode {
            path: path.clone(),
            from: *from,
            to: *to,
        }),
        Fix::MakeFolder(path) => Some(Change::MakeDir { path: path.clone() }),
        Fix::Rename { path, to } => Some(Change::Rename {
            path: path.clone(),
            to: to.clone(),
        }),
        // The registry belongs to no single instance.
        Fix::Deregister(_) | Fix::RestoreConfig { .. } | Fix::SetKey { .. } | Fix::CompleteChange => None,
    }
}

/// Applies a fix of the doctor to the parsed document of the config that it edits. A config that can't be edited
/// stays as it is, and so does the finding.
fn edit_config(configs: &mut EditedConfigs, fix: &Fix) {
    match fix {
        Fix::RestoreConfig { config, text } => {
            if let Ok(document) = ConfigDocument::parse(text) {
                let before = read::bytes(config).ok();
                configs.insert(config.clone(), (before, document));
            }
        }
        Fix::SetKey { config, key, value } => {
            let _ = set_key(configs, config, key, value.as_ref());
        }
        Fix::SetMode { .. }
        | Fix::MakeFolder(_)
        | Fix::Rename { .. }
        | Fix::CompleteChange
        | Fix::Deregister(_) => {}
    }
}

/// Changes a key of a config in the file that sets it: the config itself, or a file that it includes.
fn set_key(configs: &mut EditedConfigs, config: &Path, key: &KeyPath, value: Option<&Value>) -> Option<()> {
    let operation = edit_operation(value);
    let (_, main) = open_config(configs, config)?;
    let target = EditTarget::find(config, &main.clone(), key, &operation).ok()?;
    let (_, document) = open_config(configs, &target.file)?;
    // Another fix may have edited the file already.
    let mut edited = EditTarget {
        document: document.clone(),
        ..target
    };
    edited.apply(&operation, DigitKeys::Names).ok()?;
    *document = edited.document;
    Some(())
}

/// Returns the config at a path as the doctor's fixes so far have edited it, read from its file the first time;
/// `None` where it can't be read.
fn open_config<'c>(
    configs: &'c mut EditedConfigs,
    path: &Path,
) -> Option<&'c mut (Option<Vec<u8>>, ConfigDocument)> {
    if !configs.contains_key(path) {
        let bytes = read::bytes(path).ok()?;
        let document = config::parse_bytes(bytes.clone()).ok()?;
        configs.insert(path.to_path_buf(), (Some(bytes), document));
    }
    configs.get_mut(path)
}

/// Returns the plan that undoes the file changes of fixes that were applied. A folder that was made stays, because it
/// is empty.
pub(crate) fn reverse(plan: &Plan) -> Plan {
    let back = |change: &Change| match change {
        Change::MakeDir { .. } => None,
        Change::Rename { path, to } => Some(Change::Rename {
            path: to.clone(),
            to: path.clone(),
        }),
        Change::SetMode { path, from, to } => Some(Change::SetMode {
            path: path.clone(),
            from: *to,
            to: *from,
        }),
        Change::Write(write) => {
            let text = String::from_utf8(write.before.clone()?).ok()?;
            Some(Change::Write(FileWrite {
                // The old text may be no config at all, so nothing of it is shown.
                content: Content::in_pieces(text, vec![TextPiece::Hidden(SecretOrigin::Kept)]),
                before: Some(write.content.bytes().to_vec()),
                ..write.clone()
            }))
        }
    };
    Plan {
        changes: plan.changes.iter().rev().filter_map(back).collect(),
        ..Plan::default()
    }
}
