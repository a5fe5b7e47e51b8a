//! The last check before anything is written: is the disk still as the plan took it to be, and does every path
//! really lie where it seems to?
//!
//! A plan is made from names. A link in a state folder, or above it, can make such a name lead into another
//! instance, and no instance may ever write there. The resolved paths also say where [`super::step_list`] puts
//! its temporary files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::io_failure::{During as _, IoFailure, Operation};
use super::lock::refuse_foreign_owner;
use super::other_paths::OtherPaths;
use super::resolve::{LastLink, LinkResolver, PathKind, ResolvedPath};
use super::system;
use crate::config::backup::{BACKUP_COUNT, backup_path};
use crate::error::{Error, Result};
use crate::host::read::{self, ReadError};
use crate::i18n::{Msg, msg};
use crate::instance::shell_quote;
use crate::plan::{Change, FileKind, FileWrite, Plan};

/// A file change of a plan with the paths that it touches, their links resolved.
pub(super) enum Target<'a> {
    Folder {
        folder: ResolvedPath,
    },
    File {
        write: &'a FileWrite,
        file: ResolvedPath,
        /// The backups of the file, newest first; empty where none is to be made.
        backups: Vec<ResolvedPath>,
    },
    Rename {
        from: PathBuf,
        to: ResolvedPath,
    },
    Mode {
        path: PathBuf,
        from: u32,
        to: u32,
    },
}

/// The result of the check that a plan of file changes can be carried out: resolved paths and notices.
pub(super) struct PreflightReport<'a> {
    /// The targets of the changes, one for each, in the plan's order.
    pub(super) targets: Vec<Target<'a>>,
    /// Notices for the user that are no reason to stop.
    pub(super) notices: Vec<Msg>,
}

/// Checks, without changing the disk, that a plan of file changes can be carried out as it was meant.
///
/// `others` are the state folders, workspaces and configs of the other instances, as the survey knows them.
/// Refused as a breach of isolation: a path that *is* one of them, one that links lead into one of them, and the
/// renaming of a folder that holds one of them. A path that lies in one of them by its very name
/// (`~/.openclaw/rescue.json`, set up by hand) was judged when the plan was made.
///
/// # Errors
/// `apply.stale` for a file that is not as it was when the plan was made; `apply.foreign-owner` for a config or record in
/// another user's folder; `apply.isolation` and others for what the plan must not do.
pub(crate) fn preflight(plan: &Plan, others: OtherPaths<'_>) -> Result<()> {
    inspect(plan, others).map(drop)
}

/// Checks, as [`preflight`] does, that a plan of file changes can be carried out, and returns what it found.
pub(super) fn inspect<'a>(plan: &'a Plan, others: OtherPaths<'_>) -> Result<PreflightReport<'a>> {
    let mut report = PreflightReport {
        targets: Vec::new(),
        notices: Vec::new(),
    };
    let links = &mut LinkResolver::default();
    let mut written = BTreeSet::new();
    let mut judged = BTreeSet::new();
    for change in &plan.changes {
        let target = match change {
            Change::MakeDir { path } => check_folder(path, others, links)?,
            Change::Write(write) => {
                let (file, backups) = check_file(write, others, links)?;
                if !written.insert(file.real.clone()) {
                    return Err(Error::blocked(msg!("apply.twice", path = write.path.display())));
                }
                if matches!(write.kind, FileKind::Config | FileKind::Record)
                    // A folder that is still to be made will be ours alone.
                    && file.real.parent() == Some(&*file.anchor)
                    && judged.insert(file.anchor.clone())
                {
                    refuse_foreign_owner(&file.anchor)?;
                    report.notices.extend(open_folder_notice(&file.anchor));
                }
                Target::File { write, file, backups }
            }
            Change::Rename { path, to } => {
                let from = resolve_planned(path, LastLink::Keep, links)?;
                let to = check_rename(path, &from, to, others, links)?;
                links.add_gone(from.real.clone());
                Target::Rename { from: from.real, to }
            }
            Change::SetMode { path, from, to } => Target::Mode {
                path: check_mode(path, *from, others, links)?,
                from: *from,
                to: *to,
            },
        };
        report.targets.push(target);
    }
    Ok(report)
}

/// Checks that a folder of a plan can be made: nothing or a folder has its name.
fn check_folder<'a>(path: &Path, others: OtherPaths<'_>, links: &mut LinkResolver) -> Result<Target<'a>> {
    let folder = resolve_planned(path, LastLink::Follow, links)?;
    others.keep_out(path, &folder.real)?;
    if matches!(folder.kind, PathKind::Missing | PathKind::Folder) {
        Ok(Target::Folder { folder })
    } else {
        let msg = msg!("apply.not-a-folder", path = path.display());
        Err(obstacle_error(msg, path))
    }
}

/// Checks that a file of a plan can be written: its bytes are those that the plan saw, and its backups are files.
/// Returns the file and its backups.
fn check_file(
    write: &FileWrite,
    others: OtherPaths<'_>,
    links: &mut LinkResolver,
) -> Result<(ResolvedPath, Vec<ResolvedPath>)> {
    let path = &write.path;
    let file = resolve_planned(path, LastLink::Follow, links)?;
    others.keep_out(path, &file.real)?;
    let now = match &file.kind {
        PathKind::Missing => None,
        PathKind::File(_) => match read::bytes(&file.real) {
            Ok(bytes) => Some(bytes),
            Err(ReadError::Io(cause)) => {
                let (operation, path) = (Operation::Inspect, path.clone());
                return Err(IoFailure {
                    operation,
                    path,
                    cause,
                }
                .into());
            }
            Err(_) => return Err(stale_error(path)),
        },
        _ => {
            return Err(obstacle_error(
                msg!("apply.not-a-file", path = path.display()),
                path,
            ));
        }
    };
    if now != write.before {
        return Err(stale_error(path));
    }
    let mut backups = Vec::new();
    if write.backup && now.is_some() {
        for name in (1..=BACKUP_COUNT).map(|number| backup_path(path, number)) {
            let backup = resolve_planned(&name, LastLink::Keep, links)?;
            others.keep_out(&name, &backup.real)?;
            if !matches!(backup.kind, PathKind::Missing | PathKind::File(_)) {
                return Err(obstacle_error(
                    msg!("apply.not-a-file", path = name.display()),
                    &name,
                ));
            }
            backups.push(backup);
        }
    }
    Ok((file, backups))
}

/// Checks that a rename of a plan can be made: the old name has something in which no other instance lives, the new
/// name is free and on the same file system. Returns the new name.
fn check_rename(
    path: &Path,
    from: &ResolvedPath,
    to: &Path,
    others: OtherPaths<'_>,
    links: &mut LinkResolver,
) -> Result<ResolvedPath> {
    others.keep_out(path, &from.real)?;
    others.keep_whole(path, &from.real)?;
    if matches!(from.kind, PathKind::Missing) {
        return Err(stale_error(path));
    }
    let target = resolve_planned(to, LastLink::Keep, links)?;
    others.keep_out(to, &target.real)?;
    if !matches!(target.kind, PathKind::Missing) {
        return Err(obstacle_error(msg!("apply.name-taken", path = to.display()), to));
    }
    let metadata = |path: &Path| std::fs::symlink_metadata(path).during(Operation::Inspect, path);
    if !system::same_device(&metadata(&from.real)?, &metadata(&target.anchor)?) {
        return Err(Error::blocked(msg!(
            "apply.other-device",
            path = path.display(),
            to = to.display()
        ))
        .hint(msg!("apply.one-file-system")));
    }
    Ok(target)
}

/// Checks that a plan can change the mode of a path: a file or folder of this instance has it, with the mode that the
/// plan saw.
fn check_mode(path: &Path, from: u32, others: OtherPaths<'_>, links: &mut LinkResolver) -> Result<PathBuf> {
    let target = resolve_planned(path, LastLink::Keep, links)?;
    others.keep_out(path, &target.real)?;
    if !matches!(target.kind, PathKind::File(_) | PathKind::Folder) {
        return Err(stale_error(path));
    }
    match system::mode_of(&target.real).during(Operation::Inspect, path)? {
        now if now == from => Ok(target.real),
        _ => Err(stale_error(path)),
    }
}

/// Resolves the symbolic links of a path that a plan changes, which has to be absolute.
fn resolve_planned(path: &Path, last: LastLink, links: &mut LinkResolver) -> Result<ResolvedPath> {
    if !path.is_absolute() {
        return Err(Error::usage(msg!("apply.not-absolute", path = path.display())));
    }
    Ok(links.resolve(path, last).during(Operation::Inspect, path)?)
}

/// Returns a notice when others may enter a folder of the instance. It is no error: the folder was so before us,
/// and its owner may want it so.
fn open_folder_notice(path: &Path) -> Option<Msg> {
    let mode = system::open_to_others(&std::fs::metadata(path).ok()?)?;
    Some(msg!(
        "apply.open-folder",
        path = path.display(),
        mode = mode,
        command = format!("chmod 700 {}", shell_quote(path))
    ))
}

/// Returns the error about a file or folder that changed on the disk since the plan to change it was made.
fn stale_error(path: &Path) -> Error {
    Error::failed(msg!("apply.stale", path = path.display()))
        .hint(msg!("apply.run-again"))
        .at_path(path)
}

/// Returns the error about something that must be moved away before a plan of file changes can be applied.
fn obstacle_error(msg: Msg, path: &Path) -> Error {
    Error::blocked(msg)
        .hint(msg!("apply.move-away", path = path.display()))
        .at_path(path)
}
