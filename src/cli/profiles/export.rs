//! `openclaw profiles export`: one archive of an instance, its secrets left out unless asked for.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::find::find;
use crate::archive::{self, ArchiveKind, FileSet, Manifest, export};
use crate::cli::Context;
use crate::config::{self, LoadedConfig};
use crate::environment::abbreviate_home;
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::profile::ProfileName;
use crate::{apply, probe};

/// Carries `openclaw profiles export NAME FILE` out.
pub(super) fn run(
    context: &Context<'_>,
    name: &ProfileName,
    file: &Path,
    with_secrets: bool,
) -> Result<ExitCode> {
    let survey = context.survey();
    let found = find(&survey, name)?;
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
    let others = survey.paths_of_others(&found.config_path);
    let mut protected = found.workspaces.clone();
    protected.extend(others);
    // An archive that is written into what it holds is no part of it.
    protected.push(path.clone());
    let mut contents = FileSet::collect(&instance, &protected);
    let mut manifest = Manifest::new(ArchiveKind::Export, name.as_str(), &context.now(), "export");
    manifest.secrets = with_secrets;
    manifest.home.clone_from(&context.env.home);
    manifest.config.clone_from(&instance.config_path);
    manifest.state.clone_from(&instance.state_dir);
    if let Some(workspace) = found.workspaces.first() {
        contents.add_workspace(workspace);
        manifest.workspace = Some(workspace.clone());
    }
    if !with_secrets {
        export::remove_secrets(&mut contents);
    }
    contents.check(ArchiveKind::Export)?;
    let manifest = apply::create_file(&path, |file| archive::pack(file, manifest, &contents.sources))?;
    let ui = &context.ui;
    if ui.is_json() {
        ui.print_json(&json!({
            "ok": true,
            "profile": name.as_str(),
            "path": path,
            "files": manifest.files.len(),
            "bytes": manifest.size(),
            "secrets": with_secrets,
            "skipped": contents.skipped,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    let home = &context.env.home;
    ui.print_line(&msg!(
        "archive.exported",
        profile = name,
        path = abbreviate_home(home, &path),
        files = manifest.files.len()
    ));
    ui.print_note(&if with_secrets {
        msg!("archive.with-secrets")
    } else {
        msg!("archive.without-secrets")
    });
    for path in contents.skipped {
        ui.print_note(&msg!("snapshot.skipped", path = abbreviate_home(home, &path)));
    }
    Ok(ExitCode::SUCCESS)
}
