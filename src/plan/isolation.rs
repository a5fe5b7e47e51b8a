//! The isolation rules for paths (docs/design.md#isolation-rules): no two instances share a config, a state
//! folder or a workspace. Ports are judged by [`crate::ports`].

use std::path::Path;

use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::survey::SurveyedInstance;

use super::disk::{DiskSnapshot, PathState};
use super::input::PlanInput;

/// Checks that the config and the state folder of a planned instance belong to no other instance.
///
/// Links inside the state folder count too: existing files are not written, but a gateway would share another
/// instance's sessions or keys through them all the same.
pub(crate) fn check_instance(input: &PlanInput<'_>) -> Result<()> {
    let (own, resolved) = (&input.instance, &input.resolved);
    for other in &input.others {
        if resolved.config_path == other.config_path {
            return Err(shared("isolation.config", input, &own.config_path, other.found));
        }
        if overlap(&resolved.state_dir, &other.state_dir) {
            return Err(shared("isolation.state", input, &own.state_dir, other.found));
        }
        let mut contents = resolved.state_contents.iter();
        if let Some((path, _)) = contents.find(|(_, real)| is_inside(real, &other.state_dir)) {
            return Err(shared("isolation.state", input, path, other.found));
        }
    }
    Ok(())
}

/// Checks that a workspace is a possible folder, and that it neither contains nor lies in a workspace or state
/// folder of another instance. `disk` has to know the path.
pub(crate) fn check_workspace(input: &PlanInput<'_>, disk: &DiskSnapshot, path: &Path) -> Result<()> {
    let shown = input.display_path(path);
    let refused = |why| unusable_workspace(input, path, why);
    if path.to_str().is_none() {
        return Err(refused(msg!("isolation.workspace-unicode", path = shown)));
    }
    if matches!(disk.state(path), PathState::File(_) | PathState::Unreadable) {
        return Err(refused(msg!("isolation.workspace-file", path = shown)));
    }
    // A folder that the config names already may be one that its agents only read.
    let stays = *disk.state(path) == PathState::Folder && path == input.current_workspace();
    if let Some(obstacle) = disk.obstacle(path).filter(|_| !stays) {
        let why = obstacle.msg(|path| input.display_path(path));
        return Err(refused(
            msg!("isolation.workspace-unwritable", path = shown).with_msg("why", why),
        ));
    }
    let (real, own) = (disk.resolved(path), &input.resolved);
    if contains(real, &own.home) || contains(real, &own.state_dir) {
        return Err(refused(msg!("isolation.workspace-around", path = shown)));
    }
    // An early release of OpenClaw left it in the default's folder under this very name: it is this instance's.
    let is_legacy = own.legacy_workspace.as_deref() == Some(real);
    for other in &input.others {
        let holder = &other.found.label;
        // The survey has followed the links in them.
        if other.found.workspaces.iter().any(|theirs| overlap(real, theirs)) {
            return Err(refused(msg!(
                "isolation.workspace",
                path = shown,
                holder = holder
            )));
        }
        let mut named = other.found.named_paths.iter();
        if let Some(theirs) = named.find(|theirs| overlap(real, &theirs.path)) {
            return Err(refused(msg!(
                "isolation.workspace-path",
                path = shown,
                key = theirs.key,
                holder = holder
            )));
        }
        if overlap(real, &other.state_dir) && !is_legacy {
            return Err(refused(msg!(
                "isolation.workspace-state",
                path = shown,
                holder = holder
            )));
        }
    }
    Ok(())
}

/// Returns the error for a folder that can't be the workspace of a planned instance, with the default one as the way out.
fn unusable_workspace(input: &PlanInput<'_>, path: &Path, why: Msg) -> Error {
    let proposed = input.instance.default_workspace();
    let error = Error::usage(why).at_path(path);
    if proposed == path {
        error
    } else {
        let proposed = input.display_path(&proposed);
        error.hint(msg!("isolation.workspace-way-out", path = proposed))
    }
}

/// Returns the error for a path of a planned instance that another instance has too.
fn shared(key: &'static str, input: &PlanInput<'_>, path: &Path, other: &SurveyedInstance) -> Error {
    let msg = Msg::new(key)
        .with("path", input.display_path(path))
        .with("holder", &other.label);
    Error::blocked(msg).hint(msg!(
        "isolation.way-out",
        command = "openclaw --profile NAME onboard"
    ))
}

/// Returns `true` if one of two folders is the other, or lies in it.
fn overlap(one: &Path, other: &Path) -> bool {
    contains(one, other) || contains(other, one)
}

/// Returns `true` if a path is the folder `folder`, or lies in it.
fn contains(folder: &Path, path: &Path) -> bool {
    path.starts_with(folder)
}

/// Returns `true` if a path lies in the folder `folder` and is not that folder itself.
fn is_inside(path: &Path, folder: &Path) -> bool {
    path != folder && path.starts_with(folder)
}
