//! `openclaw profiles export`: writes an archive of an instance, without its secrets unless they are asked for.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::find::find_instance;
use crate::archive::{self, ArchiveKind, FileSet, Manifest, export};
use crate::cli::Context;
use crate::config::{self, LoadedConfig};
use crate::environment::abbreviate_home;
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::instance::Instance;
use crate::profile::ProfileName;
use crate::{apply, probe};

/// Runs `openclaw profiles export NAME FILE`.
pub(super) fn run(
    context: &Context<'_>,
    name: &ProfileName,
    file: &Path,
    with_secrets: bool,
) -> Result<ExitCode> {
    let survey = context.survey();
    let found = find_instance(&survey, name)?;
    let instance = probe::instance_of(&context.env, found);
    if let LoadedConfig::Broken(fault) = config::load(&instance.config_path) {
        // Nobody knows where the secrets of such a file are.
        return Err(config::broken_error(&instance.config_path, &fault));
    }
    let path = match context.host.cwd() {
        Some(cwd) => cwd.join(file),
        None => file.to_path_buf(),
    };
    if path.symlink_metadata().is_ok() {
        return Err(Error::usage(msg!("archive.exists", path = path.display())));
    }
    let mut manifest = Manifest::new(ArchiveKind::Export, name.as_str(), &context.now(), "export");
    manifest.secrets = with_secrets;
    manifest.home.clone_from(&context.env.home);
    manifest.config.clone_from(&instance.config_path);
    manifest.state.clone_from(&instance.state_dir);
    manifest.workspace = found.workspaces.first().cloned();
    let mut protected = found.workspaces.clone();
    protected.extend(survey.paths_of_others(&found.config_path));
    // An archive that is written into what it holds is no part of it.
    protected.push(path.clone());
    let files = collect_files(&instance, &manifest, &protected);
    files.check(ArchiveKind::Export)?;
    let manifest = apply::create_file(&path, |file| archive::pack(file, manifest, &files.sources))?;
    print_report(context, &path, &manifest, &files.skipped);
    Ok(ExitCode::SUCCESS)
}

/// Collects the files of an exported instance and its workspace, without secrets where the archive's manifest says
/// so.
fn collect_files(instance: &Instance, manifest: &Manifest, protected: &[PathBuf]) -> FileSet {
    let mut files = FileSet::collect(instance, protected);
    if let Some(workspace) = &manifest.workspace {
        files.add_workspace(workspace);
    }
    if !manifest.secrets {
        export::remove_secrets(&mut files);
    }
    files
}

/// Reports a finished export of an instance.
fn print_report(context: &Context<'_>, path: &Path, manifest: &Manifest, skipped: &[PathBuf]) {
    let ui = &context.ui;
    if ui.is_json() {
        ui.print_json(&json!({
            "ok": true,
            "profile": manifest.profile,
            "path": path,
            "files": manifest.files.len(),
            "bytes": manifest.size(),
            "secrets": manifest.secrets,
            "skipped": skipped,
        }));
        return;
    }
    let home = &context.env.home;
    ui.print_line(&msg!(
        "archive.exported",
        profile = manifest.profile,
        path = abbreviate_home(home, path),
        files = manifest.files.len()
    ));
    ui.print_note(&if manifest.secrets {
        msg!("archive.with-secrets")
    } else {
        msg!("archive.without-secrets")
    });
    for path in skipped {
        ui.print_note(&msg!("snapshot.skipped", path = abbreviate_home(home, path)));
    }
}
