//! Checks of the installation of this program: other copies of it, and completions and man pages of another version.

use std::path::PathBuf;

use super::check::{Check, Problem};
use super::host_report::{HostReport, InstanceReport};
use super::installed_files::ProgramCopy;
use crate::i18n::{Msg, msg};
use crate::installation::{PACKAGE_NAME, VERSION};
use crate::instance::shell_quote;

/// The doctor's checks of the installation of this program.
pub(super) const CHECKS: &[Check] = &[
    Check::warning("install-double", double),
    Check::warning("completion-old", old_completions),
    Check::info("man-page-old", old_man_pages),
];

/// Reports copies of this program on the search path that are another version or build than the first.
fn double(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let [first, others @ ..] = &report.installation.copies[..] else {
        return Vec::new();
    };
    let describe = |copy: &ProgramCopy| {
        let method = copy.method.as_deref().unwrap_or("-");
        format!(
            "{} ({} {})",
            report.display_path(&copy.program),
            copy.version,
            method
        )
    };
    let is_different = |copy: &&ProgramCopy| (&copy.version, &copy.commit) != (&first.version, &first.commit);
    let different = others
        .iter()
        .filter(|_| report.is_first_selected(own))
        .filter(is_different);
    let problem = |copy: &ProgramCopy| {
        let msg = msg!(
            "doctor.install-double",
            first = describe(first),
            other = describe(copy)
        );
        Problem::new(msg, removal_command(copy))
    };
    different.map(problem).collect()
}

/// Returns the command that removes a copy of this program.
fn removal_command(copy: &ProgramCopy) -> String {
    match copy.method.as_deref() {
        Some("deb") => format!("sudo apt remove {PACKAGE_NAME}"),
        Some("npm") => format!("npm uninstall -g {PACKAGE_NAME}"),
        Some("cargo") => "cargo uninstall openclaw".to_owned(),
        Some("homebrew") => format!("brew uninstall {PACKAGE_NAME}"),
        Some("pacman") => format!("sudo pacman -R {PACKAGE_NAME}-bin"),
        _ => format!("rm {}", shell_quote(&copy.program)),
    }
}

/// Reports completion scripts below the home folder that this version would not write.
fn old_completions(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    outdated(report, own, &report.installation.old_completions, |path| {
        msg!("doctor.completion-old", path = path)
    })
}

/// Reports man pages below the home folder that another version wrote.
fn old_man_pages(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    outdated(report, own, &report.installation.old_man_pages, |path| {
        msg!("doctor.man-page-old", path = path, version = VERSION)
    })
}

/// Reports files of another version with the command that writes each anew, once for the host.
fn outdated(
    report: &HostReport<'_>,
    own: &InstanceReport<'_>,
    found: &[(PathBuf, String)],
    message: impl Fn(String) -> Msg,
) -> Vec<Problem> {
    let found = found.iter().filter(|_| report.is_first_selected(own));
    let problem =
        |(path, remedy): &(PathBuf, String)| Problem::new(message(report.display_path(path)), remedy.clone());
    found.map(problem).collect()
}
