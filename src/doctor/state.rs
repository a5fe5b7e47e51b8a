//! Checks of the state folder and of the files that all instances share: modes, owners, disk, records, registry.

use std::ops::Range;
use std::path::Path;

use super::check::{Check, Obstruction, Problem};
use super::fix::Fix;
use super::host_report::{HostReport, InstanceReport, PathRole};
use super::modes::{foreign_owners, open_to_others};
use crate::apply::free_aside_name;
use crate::i18n::{msg, size_msg};
use crate::instance::shell_quote;
use crate::moves::{MARK_FILE, UnfinishedMove};
use crate::survey::{ConfigHealth, FoundBy};

/// The doctor's check for a command that was interrupted in the middle of its file changes. While it finds something,
/// the results of all other checks of the instance are unreliable.
pub(super) const INTERRUPTED: Check = Check::error("change-interrupted", interrupted);

/// The doctor's checks of an instance's state folder.
pub(super) const CHECKS: &[Check] = &[
    INTERRUPTED,
    Check::warning("state-mode", |report, own| {
        open_to_others(report, own, PathRole::State)
    }),
    Check::error("secret-mode", |report, own| {
        open_to_others(report, own, PathRole::Secret)
    }),
    Check::error("state-owner", |report, own| {
        foreign_owners(report, own, |role| role == PathRole::State)
    }),
    Check::warning("state-network", network),
    Check::warning("state-synced", synced),
    Check::warning("state-leftover", leftover),
    Check::error("move-unfinished", unfinished_move),
    Check::error("disk-read-only", read_only_disk),
    Check::error("disk-inodes", disk_inodes),
    Check::error("disk-full", |report, own| disk(report, own, 0..FULL_DISK_BYTES)),
    Check::warning("disk-low", |report, own| {
        disk(report, own, FULL_DISK_BYTES..LOW_DISK_BYTES)
    }),
    Check::error("record-broken", record),
    Check::error("registry-broken", registry),
    Check::warning("registry-stale", stale_entry).obstructing(Obstruction::OnlyRegistered),
];

/// Free disk space below which the doctor reports that a config can hardly be written, in bytes.
const FULL_DISK_BYTES: u64 = 16 * 1024 * 1024;
/// Number of further files that a disk has room for below which the doctor reports that hardly anything can be created:
/// every change of a config creates a journal, a new file and a backup.
const FULL_DISK_INODES: u64 = 64;
/// Free disk space below which the doctor reports that sessions and logs will soon fill the disk, in bytes.
const LOW_DISK_BYTES: u64 = 256 * 1024 * 1024;

/// Parts of the names of folders that a synchronization program, such as Dropbox, copies between machines.
const SYNCED_FOLDERS: [&str; 8] = [
    "Dropbox",
    "OneDrive",
    "Google Drive",
    "GoogleDrive",
    "Nextcloud",
    "Mobile Documents",
    "pCloud",
    "Syncthing",
];

/// File by which Syncthing recognises a folder that it synchronizes.
const SYNC_MARKER: &str = ".stfolder";

/// Reports a state folder on a network file system, where locks and fsync cannot be relied on.
fn network(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let kind = own.disk.and_then(|disk| disk.network);
    let problems = kind.map(|kind| {
        let path = report.display_path(&own.instance.state_dir);
        let msg = msg!("doctor.state-network", path = path, kind = kind);
        Problem::new(msg, export_command(own))
    });
    problems.into_iter().collect()
}

/// Reports a state folder inside a folder that a program such as Dropbox synchronizes, so that two machines write one
/// state.
fn synced(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let real = &own.resolved.state;
    let marked = || {
        real.ancestors()
            .find(|folder| report.folders.exists_once(&folder.join(SYNC_MARKER)))
    };
    let name = synced_part(real).or_else(|| Some(report.display_path(marked()?)));
    let problems = name.map(|name| {
        let path = report.display_path(&own.instance.state_dir);
        let msg = msg!("doctor.state-synced", path = path, name = name);
        Problem::new(msg, export_command(own))
    });
    problems.into_iter().collect()
}

/// Returns the part of a path that is a folder of a synchronization program, such as Dropbox.
fn synced_part(path: &Path) -> Option<String> {
    let mut parts = path.components().map(|part| part.as_os_str().to_string_lossy());
    let known = parts.find(|part| SYNCED_FOLDERS.iter().any(|name| part.contains(name)));
    known.map(std::borrow::Cow::into_owned)
}

/// Reports a command that was interrupted in the middle of its changes to an instance's files. One that changes none
/// of the examined instances is reported with the first of them.
fn interrupted(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let Some(interrupted) = &report.interrupted else {
        return Vec::new();
    };
    let is_elsewhere = !report.selected().any(|own| report.is_half_changed(own));
    let is_reported_here = report.is_half_changed(own) || (is_elsewhere && report.is_first_selected(own));
    if !is_reported_here {
        return Vec::new();
    }
    let msg = msg!(
        "doctor.change-interrupted",
        path = report.display_path(&interrupted.about)
    );
    vec![Problem::fixable(own, msg, Fix::CompleteChange)]
}

/// Reports a temporary file or folder that a killed restore, import or service installation left. The next one
/// removes it. In the middle of an interrupted restore the folder holds files that are still to be moved, and is not
/// reported.
fn leftover(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    if report.interrupted.is_some() {
        return Vec::new();
    }
    let problem = |path: &std::path::PathBuf| {
        let msg = msg!("doctor.state-leftover", path = report.display_path(path));
        Problem::new(msg, format!("rm -r {}", shell_quote(path)))
    };
    own.leftovers.iter().map(problem).collect()
}

/// Reports a move to or from another host that was cut short, so that the gateway is down or must not start here.
fn unfinished_move(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let profile = &own.instance.profile;
    if report.folders.is_absent(&own.instance.state_dir.join(MARK_FILE)) {
        return Vec::new();
    }
    let problem = match UnfinishedMove::of(&own.instance, &report.survey.registry().path) {
        None => return Vec::new(),
        Some(UnfinishedMove::Unreadable) => Problem::new(
            msg!(
                "doctor.move-unreadable",
                path = report.display_path(&own.instance.state_dir.join(MARK_FILE))
            ),
            format!("openclaw profiles move {profile} --cancel"),
        ),
        Some(UnfinishedMove::Arriving(host)) => Problem::new(
            msg!("move.not-arrived", profile = profile, host = host),
            format!("openclaw profiles remove {profile}"),
        ),
        Some(UnfinishedMove::Leaving(host)) => Problem::new(
            msg!("doctor.move-unfinished", host = host),
            format!("openclaw profiles move {profile} --to {host}"),
        ),
    };
    vec![problem]
}

/// Returns the command that exports an instance to an archive, to be imported in another place.
fn export_command(own: &InstanceReport<'_>) -> String {
    format!(
        "{} profiles export {} {}.tar.gz",
        own.command, own.instance.profile, own.instance.profile
    )
}

/// Reports an instance's state folder on a file system that is read-only.
fn read_only_disk(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let disk = own.disk.filter(|disk| disk.space.is_read_only);
    let problems = disk.map(|_| {
        let state = &own.instance.state_dir;
        let msg = msg!("doctor.disk-read-only", path = report.display_path(state));
        Problem::new(msg, format!("findmnt -T {}", shell_quote(state)))
    });
    problems.into_iter().collect()
}

/// Reports an instance's state folder whose disk has room for bytes, but hardly for another file.
fn disk_inodes(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let space = own
        .disk
        .map(|disk| disk.space)
        .filter(|space| !space.is_read_only);
    let free = space.and_then(|space| space.free_inodes);
    let problems = free.filter(|free| *free < FULL_DISK_INODES).map(|free| {
        let state = &own.instance.state_dir;
        let msg = msg!(
            "doctor.disk-inodes",
            path = report.display_path(state),
            free = free
        );
        Problem::new(msg, format!("du --inodes -x -d 1 {}", shell_quote(state)))
    });
    problems.into_iter().collect()
}

/// Reports an instance's state folder whose disk has a number of free bytes in this range.
fn disk(report: &HostReport<'_>, own: &InstanceReport<'_>, range: Range<u64>) -> Vec<Problem> {
    // A read-only file system, such as an image, may well be full.
    let space = own
        .disk
        .map(|disk| disk.space)
        .filter(|space| !space.is_read_only);
    let free = space.map(|space| space.free_bytes);
    let problems = free.filter(|free| range.contains(free)).map(|free| {
        let path = report.display_path(&own.instance.state_dir);
        let msg = msg!("doctor.disk", path = path).with_msg("free", size_msg(free));
        Problem::new(msg, format!("du -sh {}/*", shell_quote(&own.instance.state_dir)))
    });
    problems.into_iter().collect()
}

/// Reports an instance's `instance.toml` that can't be read.
fn record(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let Err(broken) = &own.record else {
        return Vec::new();
    };
    let path = own.instance.record_path();
    let location = broken.location(Path::new(&report.display_path(&path)));
    let msg = msg!("doctor.record-broken", path = location);
    let to = free_aside_name(&path);
    vec![Problem::fixable(own, msg, Fix::Rename { path, to })]
}

/// Reports a registry of instances that can't be read.
fn registry(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let registry = report.survey.registry();
    let fault = registry.fault.as_ref().filter(|_| report.is_first_selected(own));
    let problems = fault.map(|why| {
        let msg = msg!(
            "doctor.registry-broken",
            path = why.location(Path::new(&report.display_path(&registry.path))),
            why = why
        );
        let (path, to) = (registry.path.clone(), free_aside_name(&registry.path));
        Problem::fixable(own, msg, Fix::Rename { path, to })
    });
    problems.into_iter().collect()
}

/// Reports an entry of the instance registry whose instance does not exist any more.
fn stale_entry(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let gone = own.found.filter(|found| {
        matches!(found.config, ConfigHealth::Missing)
            && found.found_by.contains(&FoundBy::Registry)
            && !own.instance.state_dir.exists()
    });
    let problems = gone.map(|found| {
        let msg = msg!(
            "doctor.registry-stale",
            path = report.display_path(&found.config_path)
        );
        Problem::fixable(own, msg, Fix::Deregister(found.config_path.clone()))
    });
    problems.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_of_a_sync_program_is_recognised_by_its_name() {
        let part = |path: &str| synced_part(Path::new(path));
        assert_eq!(
            part("/home/a/Dropbox (Own)/.openclaw").as_deref(),
            Some("Dropbox (Own)")
        );
        assert_eq!(
            part("/Users/a/OneDrive - Firm/x").as_deref(),
            Some("OneDrive - Firm")
        );
        let icloud = "/Users/a/Library/Mobile Documents/com~apple~CloudDocs/x";
        assert_eq!(part(icloud).as_deref(), Some("Mobile Documents"));
        assert_eq!(part("/home/a/.openclaw-dropped"), None);
    }
}
