//! `openclaw profiles export`: writes an archive of an instance, without its secrets unless they are asked for.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::find::find_instance;
use crate::archive::{self, ArchiveKind, Exclusions, FileSet, Manifest, export};
use crate::cli::{Context, left_out};
use crate::config::{self, LoadedConfig};
use crate::environment::abbreviate_home;
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::instance::Instance;
use crate::probe;
use crate::profile::ProfileName;
use crate::survey::{Survey, SurveyedInstance};

/// The file name that stands for standard output.
const STDOUT: &str = "-";

/// Runs `openclaw profiles export NAME FILE`.
pub(super) fn run(
    context: &Context<'_>,
    name: &ProfileName,
    file: &Path,
    with_secrets: bool,
) -> Result<ExitCode> {
    let to_stdout = file == Path::new(STDOUT);
    if to_stdout && context.ui.is_json() {
        return Err(Error::usage(msg!("archive.stdout-json")));
    }
    let survey = context.survey();
    let found = find_instance(&survey, name)?;
    let instance = probe::instance_of(&context.env, found);
    if let LoadedConfig::Broken(fault) = config::load(&instance.config_path) {
        // Nobody knows where the secrets of such a file are.
        return Err(config::broken_error(&instance.config_path, &fault));
    }
    let path = match context.host.cwd() {
        Some(cwd) if !to_stdout => cwd.join(file),
        _ => file.to_path_buf(),
    };
    if !to_stdout && path.symlink_metadata().is_ok() {
        return Err(Error::usage(msg!("archive.exists", path = path.display())));
    }
    // An archive that is written into what it holds is no part of it.
    let archive = (!to_stdout).then_some(&*path);
    let (manifest, files) = collect(context, &survey, found, with_secrets, archive)?;
    let manifest = if to_stdout {
        archive::pack(&path, std::io::stdout().lock(), manifest, &files)?
    } else {
        archive::create(&path, manifest, &files)?
    };
    print_report(context, &path, &manifest, &files);
    Ok(ExitCode::SUCCESS)
}

/// Collects what an export of an instance holds: its manifest, and its files. `archive` is the file that is written.
///
/// # Errors
/// When a file can't be looked at, or there is more than any archive may hold.
pub(super) fn collect(
    context: &Context<'_>,
    survey: &Survey,
    found: &SurveyedInstance,
    with_secrets: bool,
    archive: Option<&Path>,
) -> Result<(Manifest, FileSet)> {
    let instance = probe::instance_of(&context.env, found);
    let profile = instance.profile.as_str();
    let mut manifest = Manifest::new(ArchiveKind::Export, profile, &context.now(), "export");
    manifest.secrets = with_secrets;
    manifest.home.clone_from(&context.env.home);
    manifest.config.clone_from(&instance.config_path);
    manifest.state.clone_from(&instance.state_dir);
    manifest.workspace = found.workspaces.first().cloned();
    let exclusions = Exclusions {
        workspaces: &found.workspaces,
        others: &survey.paths_of_others(&found.config_path),
        archive,
    };
    let files = collect_files(&instance, &manifest, exclusions)?;
    files.check_bounds()?;
    Ok((manifest, files))
}

/// Collects the files of an exported instance and its workspace, without secrets where the archive's manifest says
/// so.
fn collect_files(instance: &Instance, manifest: &Manifest, exclusions: Exclusions<'_>) -> Result<FileSet> {
    let mut files = FileSet::collect(instance, exclusions)?;
    if let Some(workspace) = &manifest.workspace {
        files.add_workspace(workspace, exclusions.archive)?;
    }
    if !manifest.secrets {
        export::remove_secrets(&mut files)?;
    }
    Ok(files)
}

/// Reports a finished export of an instance; on standard error where the archive went to standard output.
fn print_report(context: &Context<'_>, path: &Path, manifest: &Manifest, files: &FileSet) {
    let ui = &context.ui;
    let collisions = files.case_collisions();
    if ui.is_json() {
        ui.print_json(&json!({
            "ok": true,
            "profile": manifest.profile,
            "path": path,
            "files": manifest.files.len(),
            "bytes": manifest.size(),
            "secrets": manifest.secrets,
            "skipped": left_out::unexpected_paths(&files.left_out),
            "leftOut": left_out::document(&files.left_out),
            "caseCollisions": collisions,
        }));
        return;
    }
    let home = &context.env.home;
    let exported = msg!(
        "archive.exported",
        profile = manifest.profile,
        path = abbreviate_home(home, path),
        files = manifest.files.len()
    );
    if path == Path::new(STDOUT) {
        ui.print_note(&exported);
    } else {
        ui.print_line(&exported);
    }
    ui.print_note(&if manifest.secrets {
        msg!("archive.with-secrets")
    } else {
        msg!("archive.without-secrets")
    });
    left_out::print(context, ArchiveKind::Export, &files.left_out);
    for path in collisions {
        ui.print_note(&msg!("archive.twins", path = abbreviate_home(home, path)));
    }
}
