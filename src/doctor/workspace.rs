//! Checks of workspaces: whether they exist, are folders, and do not contain the instance itself.

use super::check::{Check, Problem};
use super::fix::Fix;
use super::host_report::{HostReport, InstanceReport, PathRole};
use crate::apply::free_aside_name;
use crate::host::read::canonicalize_existing;
use crate::i18n::msg;
use crate::instance::shell_quote;

/// The doctor's checks of an agent's workspace folder.
pub(super) const CHECKS: &[Check] = &[
    Check::warning("workspace-missing", missing),
    Check::error("workspace-file", file),
    Check::error("workspace-around", around),
    Check::warning("workspace-open", open),
];

/// Reports an agent's workspace folder that does not exist.
fn missing(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    if !own.config.is_object() {
        return Vec::new();
    }
    let paths = own.found.map(|found| &found.workspaces[..]).unwrap_or_default();
    let gone = paths.iter().filter(|path| !own.paths.contains_key(*path));
    gone.map(|path| {
        let msg = msg!("doctor.workspace-missing", path = report.display_path(path));
        Problem::fixable(own, msg, Fix::MakeFolder(path.clone()))
    })
    .collect()
}

/// Returns the command that gives an instance its default workspace folder.
fn default_workspace_command(own: &InstanceReport<'_>) -> String {
    let proposed = shell_quote(&own.instance.default_workspace());
    format!("{} config set agents.defaults.workspace {proposed}", own.command)
}

/// Reports an agent's workspace that is a file instead of a folder.
fn file(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    own.paths_with_role(PathRole::Workspace)
        .filter(|(_, inspected)| !inspected.is_folder)
        .map(|(path, _)| {
            let msg = msg!("doctor.workspace-file", path = report.display_path(path));
            let is_default = *path == canonicalize_existing(&own.instance.default_workspace());
            let command = if is_default {
                let (path, away) = (shell_quote(path), shell_quote(&free_aside_name(path)));
                format!("mv {path} {away} && mkdir -m 700 {path}")
            } else {
                default_workspace_command(own)
            };
            Problem::new(msg, command)
        })
        .collect()
}

/// Reports an agent's workspace folder that contains the home folder or the state folder, so that the agent may edit
/// its own config and keys.
fn around(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let (home, state) = (&report.real_home, &own.resolved.state);
    own.paths_with_role(PathRole::Workspace)
        .filter(|(path, _)| home.starts_with(path) || state.starts_with(path))
        .map(|(path, _)| {
            let msg = msg!("doctor.workspace-around", path = report.display_path(path));
            Problem::new(msg, default_workspace_command(own))
        })
        .collect()
}

/// Reports an agent's workspace folder into which other users may write: the agent would follow what they write.
fn open(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    own.paths_with_role(PathRole::Workspace)
        .filter(|(_, inspected)| {
            inspected.is_folder && inspected.mode & 0o022 != 0 && inspected.owner.is_none()
        })
        .map(|(path, inspected)| {
            let mode = format!("{:04o}", inspected.mode);
            let msg = msg!(
                "doctor.workspace-open",
                path = report.display_path(path),
                mode = mode
            );
            let (path, from) = (path.clone(), inspected.mode);
            let to = from & !0o022;
            Problem::fixable(own, msg, Fix::SetMode { path, from, to })
        })
        .collect()
}
