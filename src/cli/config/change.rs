//! A change of the config: it is made under the host-wide lock, on the file as it is at that moment, in one transaction.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::apply::{self, HostLock};
use crate::cli::Context;
use crate::config::document::{ConfigDocument, DigitKeys};
use crate::config::edit::{EditOperation, EditTarget};
use crate::config::effective::EffectiveConfig;
use crate::config::judge::ConfigJudge;
use crate::config::key_path::KeyPath;
use crate::config::release::Release;
use crate::config::schema::SchemaFinding;
use crate::config::{LoadedConfig, backup, broken_error, dialect, effective, include, load};
use crate::error::{Error, ErrorReason, Result};
use crate::i18n::{Msg, msg};
use crate::plan::{self, Change, Plan};
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
pub(super) struct WrittenFile {
    /// The config, or a file that it includes.
    pub(super) file: PathBuf,
    /// The previous version.
    pub(super) backup: PathBuf,
    /// The channels and plugins that the change brought in and that do not come with OpenClaw.
    pub(super) not_installed: Vec<SchemaFinding>,
}

/// Changes one value of the instance's config under the host-wide lock. Returns the file that was written, or `None`
/// where nothing changed.
pub(super) fn change_config(
    context: &Context<'_>,
    release: Option<&str>,
    path: &KeyPath,
    operation: &EditOperation,
) -> Result<Option<WrittenFile>> {
    let lock = context.lock()?;
    let survey = context.survey();
    let judge = choose_judge(context, &survey, release)?;
    let main = read_config(context)?;
    let edit = PlannedEdit::new(context, &judge, &main, path, operation)?;
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

/// A change of one value of a config: the file before and after it, and what the whole config says then.
struct PlannedEdit {
    before: EditTarget,
    after: EditTarget,
    /// The whole config before the change.
    config_before: EffectiveConfig,
    /// The whole config after the change.
    config_after: EffectiveConfig,
}

impl PlannedEdit {
    /// Makes the change on copies. A key of digits that has to be created is a name, or the index of a new list where
    /// OpenClaw accepts nothing else.
    ///
    /// # Errors
    /// Where the value can't be edited, or would not be in force after the edit.
    fn new(
        context: &Context<'_>,
        judge: &ConfigJudge,
        main: &ConfigDocument,
        path: &KeyPath,
        operation: &EditOperation,
    ) -> Result<Self> {
        let edit = |digits| Self::with_digits(context, main, path, operation, digits);
        let named = edit(DigitKeys::Names)?;
        if !path.has_digit_key() || named.new_findings(judge).is_empty() {
            return Ok(named);
        }
        let listed = edit(DigitKeys::Indices).ok();
        Ok(listed
            .filter(|listed| listed.new_findings(judge).is_empty())
            .unwrap_or(named))
    }

    fn with_digits(
        context: &Context<'_>,
        main: &ConfigDocument,
        path: &KeyPath,
        operation: &EditOperation,
        digits: DigitKeys,
    ) -> Result<Self> {
        let config = &context.instance.config_path;
        let before = EditTarget::find(config, main, path, operation).map_err(|e| broken_error(config, &e))?;
        let mut after = before.clone();
        after.apply(operation, digits)?;
        // A broken include elsewhere does not block a change, which may be the one that repairs it.
        let config_before = effective(config, main).ok();
        let config_after = after.effective(config, main).ok();
        if let (Some(before), Some(after)) = (&config_before, &config_after)
            && !operation.concerns_include(path)
        {
            let mut wanted = before.value.clone();
            operation.apply(&mut wanted, path, digits)?;
            if after.value != wanted {
                return Err(not_in_force(config, main, path));
            }
        }
        Ok(Self {
            config_after: config_after.unwrap_or_else(|| {
                let own = if after.file == *config {
                    &after.document
                } else {
                    main
                };
                own.value().clone().into()
            }),
            config_before: config_before.unwrap_or_else(|| main.value().clone().into()),
            before,
            after,
        })
    }

    /// Returns what the judge refuses in the config after the change and did not refuse before it.
    fn new_findings(&self, judge: &ConfigJudge) -> Vec<SchemaFinding> {
        judge.new_findings(&self.config_before, &self.config_after)
    }
}

/// Returns the error of a change after which a config would not have the wanted value, because included files set it
/// too.
fn not_in_force(config: &Path, main: &ConfigDocument, path: &KeyPath) -> Error {
    let files = include::files_with_value(config, main, path);
    let mut included = files.into_iter().filter(|file| file != config);
    let Some(file) = included.next() else {
        return Error::blocked(msg!("config.not-in-force", path = path));
    };
    Error::blocked(msg!("config.from-include", path = path, file = file.display()))
        .hint(msg!("config.hint-edit", path = file.display()))
}

/// Refuses to change an included file of a config that other instances may read too: one outside of the config's
/// folder, or one that another instance includes.
fn refuse_foreign_file(context: &Context<'_>, survey: &Survey, path: &KeyPath, file: &Path) -> Result<()> {
    let config = &context.instance.config_path;
    if file == config {
        return Ok(());
    }
    let folder = config.parent().and_then(|folder| folder.canonicalize().ok());
    let is_inside = match (&folder, file.canonicalize()) {
        (Some(folder), Ok(file)) => file.starts_with(folder),
        _ => false,
    };
    let own = survey.position(config);
    let others = survey.instances.iter().enumerate();
    let user = others
        .filter(|(at, _)| Some(*at) != own)
        .find(|(_, other)| {
            include::included_files(&other.config_path)
                .iter()
                .any(|read| read == file)
        })
        .map(|(_, other)| other.config_path.display().to_string());
    let refused = match user {
        Some(user) => msg!(
            "config.include-shared",
            path = path,
            file = file.display(),
            config = user
        ),
        None if is_inside => return Ok(()),
        None => msg!("config.include-outside", path = path, file = file.display()),
    };
    Err(Error::blocked(refused)
        .with_reason(ErrorReason::OtherInstance)
        .hint(msg!("config.hint-edit", path = file.display())))
}

/// Refuses to change a config that a newer release wrote, unless the change says that an older release is to read it.
fn refuse_newer(context: &Context<'_>, survey: &Survey, edit: &PlannedEdit) -> Result<()> {
    let reader = survey.config_reader();
    let (before, after) = (&edit.config_before.value, &edit.config_after.value);
    let Some(stamp) = dialect::kept_newer_stamp(before, after, reader) else {
        return Ok(());
    };
    let reader_path = match &survey.node {
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
