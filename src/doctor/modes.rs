//! Problems with modes and owners of files, which several families of checks report.

use super::check::Problem;
use super::fix::Fix;
use super::host_report::{HostReport, InstanceReport, PathRole};
use crate::i18n::msg;
use crate::instance::shell_quote;

/// Reports the files and folders of an instance that have a given purpose and that other users may read or write.
pub(super) fn open_to_others(
    report: &HostReport<'_>,
    own: &InstanceReport<'_>,
    role: PathRole,
) -> Vec<Problem> {
    let is_open = own
        .paths_with_role(role)
        .filter(|(_, inspected)| inspected.mode & 0o077 != 0 && inspected.owner.is_none());
    is_open
        .map(|(path, inspected)| {
            let msg = msg!(
                "doctor.file-open",
                path = report.display_path(path),
                mode = format!("{:04o}", inspected.mode)
            );
            let to = if inspected.is_folder { 0o700 } else { 0o600 };
            match &inspected.link {
                // Others may rely on the target of a link, so a person has to decide.
                Some(target) => Problem::new(msg, format!("chmod {to:o} {}", shell_quote(target))),
                None => Problem::fixable(
                    own,
                    msg,
                    Fix::SetMode {
                        path: path.clone(),
                        from: inspected.mode,
                        to,
                    },
                ),
            }
        })
        .collect()
}

/// Reports the files and folders of an instance that belong to another user, among those whose purpose `is_wanted`
/// accepts. Workspaces are left out.
pub(super) fn foreign_owners(
    report: &HostReport<'_>,
    own: &InstanceReport<'_>,
    is_wanted: fn(PathRole) -> bool,
) -> Vec<Problem> {
    let foreign = own
        .paths
        .iter()
        .filter(|(_, inspected)| is_wanted(inspected.role) && inspected.role != PathRole::Workspace)
        .filter_map(|(path, inspected)| Some((path, inspected.owner?)));
    foreign
        .map(|(path, owner)| {
            let path_shown = report.display_path(path);
            let msg = msg!("doctor.foreign-owner", path = path_shown, owner = owner);
            Problem::new(
                msg,
                format!("sudo chown -R \"$(id -u):$(id -g)\" {}", shell_quote(path)),
            )
        })
        .collect()
}
