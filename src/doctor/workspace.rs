//! Workspaces: there, folders, the instance's own, and not around what they should lie in.

use super::scene::{Role, Scene, Subject};
use super::{Check, Fix, Seen, aside, word};
use crate::host::read::canonicalize_existing;
use crate::i18n::msg;

pub(super) const CHECKS: &[Check] = &[
    Check::warning("workspace-missing", missing),
    Check::error("workspace-file", file),
    Check::error("workspace-around", around),
    Check::warning("workspace-open", open),
];

fn missing(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    if !own.config.is_object() {
        return Vec::new();
    }
    let paths = own.found.map(|found| &found.workspaces[..]).unwrap_or_default();
    let gone = paths
        .iter()
        .filter(|path| std::fs::symlink_metadata(path).is_err());
    gone.map(|path| {
        let msg = msg!("doctor.workspace-missing", path = scene.shown(path));
        Seen::fixed(own, msg, Fix::Folder(path.clone()))
    })
    .collect()
}

fn elsewhere(own: &Subject<'_>) -> String {
    let proposed = word(&own.instance.default_workspace());
    format!("{} config set agents.defaults.workspace {proposed}", own.command)
}

fn file(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    own.of_role(Role::Workspace)
        .filter(|(_, place)| !place.is_folder)
        .map(|(path, _)| {
            let msg = msg!("doctor.workspace-file", path = scene.shown(path));
            let is_default = *path == canonicalize_existing(&own.instance.default_workspace());
            let mend = if is_default {
                let (path, away) = (word(path), word(&aside(path)));
                format!("mv {path} {away} && mkdir -m 700 {path}")
            } else {
                elsewhere(own)
            };
            Seen::new(msg, mend)
        })
        .collect()
}

/// An agent that works in the home folder, or around its own state, may edit its own config and keys.
fn around(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let (home, state) = (
        canonicalize_existing(&scene.home),
        canonicalize_existing(&own.instance.state_dir),
    );
    own.of_role(Role::Workspace)
        .filter(|(path, _)| home.starts_with(path) || state.starts_with(path))
        .map(|(path, _)| {
            let msg = msg!("doctor.workspace-around", path = scene.shown(path));
            Seen::new(msg, elsewhere(own))
        })
        .collect()
}

/// What others may write there, the agent takes for its person's words.
fn open(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    own.of_role(Role::Workspace)
        .filter(|(_, place)| place.is_folder && place.mode & 0o022 != 0 && place.owner.is_none())
        .map(|(path, place)| {
            let mode = format!("{:04o}", place.mode);
            let msg = msg!("doctor.workspace-open", path = scene.shown(path), mode = mode);
            let (path, from) = (path.clone(), place.mode);
            let to = from & !0o022;
            Seen::fixed(own, msg, Fix::Mode { path, from, to })
        })
        .collect()
}
