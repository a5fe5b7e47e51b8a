//! A change of the config: it is made under the host-wide lock, on the file as it is at that moment, in one transaction.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::apply::{self, HostLock};
use crate::cli::Context;
use crate::config::document::{ConfigDocument, DigitKeys};
use crate::config::edit::{EditOperation, EditTarget, PlannedEdit};
use crate::config::judge::ConfigJudge;
use crate::config::key_path::KeyPath;
use crate::config::release::Release;
use crate::config::schema::SchemaFinding;
use crate::config::{LoadedConfig, backup, broken_error, dialect, load};
use crate::error::{Error, ErrorReason, Result};
use crate::i18n::{Msg, msg};
use crate::plan::{self, Change, Plan};
use crate::record::Record;
use crate::survey::Survey;
use crate::survey::ports::{self, PortSettings};

/// Reads the config of the instance.
///
/// # Errors
/// When it is broken or missing; the hints name the commands that help.
pub(crate) fn read_config(context: &Context<'_>) -> Result<ConfigDocument> {
    let path = &context.instance.config_path;
    match load(path) {
        LoadedConfig::Ok(document) => Ok(document),
        LoadedConfig::Broken(fault) => Err(broken_error(path, &fault)),
        LoadedConfig::Missing => {
            let error = Error::failed(msg!("config.missing", path = path.display()));
            let hint = context.nearest_profile_hint(&context.survey());
            let error = hint.into_iter().fold(error, Error::hint);
            Err(error.hint(msg!("config.hint-make", command = context.instance.command())))
        }
    }
}

/// Returns the judge of configs for the release that `--release` names, else for the engine of the instance.
pub(super) fn choose_judge(
    context: &Context<'_>,
    survey: &Survey,
    release: Option<&str>,
) -> Result<ConfigJudge> {
    let Some(typed) = release else {
        return Ok(context.config_judge(survey));
    };
    let [early, late] = Release::ALL;
    let version = Release::parse_version(typed).ok_or_else(|| {
        Error::usage(msg!("config.not-a-release", typed = typed)).hint(msg!(
            "config.known-releases",
            early = early,
            late = late
        ))
    })?;
    let roots = context.instance_context().include_roots();
    Ok(ConfigJudge::for_version(&version).with_include_roots(roots))
}

/// The file that a change of a config was written to, and its previous version.
pub(in crate::cli) struct WrittenFile {
    /// The config, or a file that it includes.
    pub(in crate::cli) file: PathBuf,
    /// The previous version.
    pub(in crate::cli) backup: PathBuf,
    /// The channels and plugins that the change brought in and that do not come with OpenClaw.
    pub(in crate::cli) not_installed: Vec<SchemaFinding>,
}

/// Changes one value of the instance's config under the host-wide lock. Returns the file that was written, or `None`
/// where nothing changed.
pub(in crate::cli) fn change_config(
    context: &Context<'_>,
    release: Option<&str>,
    path: &KeyPath,
    operation: &EditOperation,
) -> Result<Option<WrittenFile>> {
    let lock = context.lock()?;
    let survey = context.survey();
    let judge = choose_judge(context, &survey, release)?;
    let main = read_config(context)?;
    let edit = plan_edit(context, &judge, &main, path, operation)?;
    if edit.after.document == edit.before.document {
        return Ok(None);
    }
    refuse_newer(context, &survey, &edit)?;
    let verdict = judge.judge_change(&edit.config_before, &edit.config_after);
    refuse_new_findings(context, verdict.refused)?;
    refuse_taken_ports(
        context,
        &survey,
        &edit.config_before.value,
        &edit.config_after.value,
    )?;
    let EditTarget { file, document, .. } = &edit.after;
    refuse_foreign_file(context, &survey, path, file)?;
    let bytes = edit.before.document.text().as_bytes().to_vec();
    let change = plan::config_write(file, document, Some(bytes));
    apply_changes(context, &lock, &survey, vec![change])?;
    Ok(Some(WrittenFile {
        file: file.clone(),
        backup: backup::backup_path(file, 1),
        not_installed: verdict.not_installed,
    }))
}

/// Plans the change on copies. A key of digits that has to be created is a name, or the index of a new list where OpenClaw
/// accepts nothing else.
///
/// # Errors
/// Where the value can't be edited, or would not be in force after the edit.
fn plan_edit(
    context: &Context<'_>,
    judge: &ConfigJudge,
    main: &ConfigDocument,
    path: &KeyPath,
    operation: &EditOperation,
) -> Result<PlannedEdit> {
    let config = &context.instance.config_path;
    let edit = |digits| PlannedEdit::new(config, main, path, operation, digits);
    let is_accepted = |edit: &PlannedEdit| {
        judge
            .new_findings(&edit.config_before, &edit.config_after)
            .is_empty()
    };
    let named = edit(DigitKeys::Names)?;
    if !path.has_digit_key() || is_accepted(&named) {
        return Ok(named);
    }
    let listed = edit(DigitKeys::Indices).ok();
    Ok(listed.filter(is_accepted).unwrap_or(named))
}

/// Refuses to change an included file of a config that other instances may read too.
fn refuse_foreign_file(context: &Context<'_>, survey: &Survey, path: &KeyPath, file: &Path) -> Result<()> {
    let refused = survey.refuse_included_file(&context.instance.config_path, path, file);
    refused.map_or(Ok(()), |refused| {
        Err(Error::blocked(refused)
            .with_reason(ErrorReason::OtherInstance)
            .hint(msg!("config.hint-edit", path = file.display())))
    })
}

/// Refuses to change a config that a newer release wrote, unless the change says that an older release is to read it.
fn refuse_newer(context: &Context<'_>, survey: &Survey, edit: &PlannedEdit) -> Result<()> {
    let record = Record::read(&context.instance.record_path()).ok();
    let reader = survey.config_reader(record.as_ref());
    let (before, after) = (&edit.config_before.value, &edit.config_after.value);
    let Some(stamp) = dialect::kept_newer_stamp(before, after, &reader) else {
        return Ok(());
    };
    let node = survey.node_for(record.as_ref());
    let reader_path = match &node {
        Some(node) => Some(node.path.as_path()),
        None => context.host.program(),
    };
    let reader_path = reader_path.map(|path| path.display().to_string());
    let path = context.instance.config_path.display();
    let refused = msg!(
        "config.newer",
        path = path,
        stamp = stamp,
        version = reader,
        program = reader_path.unwrap_or_default()
    );
    let command = context.instance.command();
    Err(Error::blocked(refused).hint(msg!("config.newer-way-out", command = command, version = reader)))
}

/// Refuses ports that the instance newly claims after a change of its config.
pub(super) fn refuse_taken_ports(
    context: &Context<'_>,
    survey: &Survey,
    before: &Value,
    after: &Value,
) -> Result<()> {
    let state_dir = &context.instance.state_dir;
    let settings = |config| PortSettings::read(state_dir, config);
    ports::refuse_taken_ports(survey, &context.instance, &settings(before), &settings(after))
}

/// Refuses a change of the config after which its schema check has a finding that it did not have before.
fn refuse_new_findings(context: &Context<'_>, findings: Vec<SchemaFinding>) -> Result<()> {
    let Some(first) = findings.into_iter().next() else {
        return Ok(());
    };
    let what = Msg::new("config.refused")
        .with("path", first.path)
        .with_msg("why", first.why);
    Err(Error::blocked(what).hint(msg!("config.hint-validate", command = context.instance.command())))
}

/// Applies changes of files of this instance, and prints the notices of the transaction.
pub(super) fn apply_changes(
    context: &Context<'_>,
    lock: &HostLock,
    survey: &Survey,
    changes: Vec<Change>,
) -> Result<()> {
    let others = survey.paths_of_others(&context.instance.config_path);
    let plan = Plan {
        instance: None,
        changes,
        notices: Vec::new(),
    };
    let applied = apply::apply(lock, &plan, &others, &mut |_| {})?;
    for notice in &applied.notices {
        context.ui.print_note(notice);
    }
    Ok(())
}
