//! The files and folders of an instance that the doctor judges by their mode, owner and link.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::host_report::{InspectedPath, PathRole};
use super::system;
use crate::config::backup::{BACKUP_COUNT, backup_path};
use crate::host::Host;
use crate::host::folder_listings::{FolderEntry, FolderListings};
use crate::host::read::canonicalize_existing;
use crate::instance::Instance;
use crate::survey::SurveyedInstance;

/// Reads mode, owner and link of those files and folders of an instance that the doctor judges. A path with two
/// purposes has the first.
pub(super) fn inspect_paths(
    host: &Host,
    folders: &FolderListings,
    instance: &Instance,
    found: Option<&SurveyedInstance>,
) -> BTreeMap<PathBuf, InspectedPath> {
    let mut paths = BTreeMap::new();
    let user = host.user_id();
    for (role, path) in paths_of_interest(folders, instance, found) {
        // Folders elsewhere may be large, and are not listed for a single path.
        let is_own = path != instance.state_dir && path.starts_with(&instance.state_dir);
        if paths.contains_key(&path) || (is_own && folders.is_absent(&path)) {
            continue;
        }
        let Ok(meta) = std::fs::symlink_metadata(&path) else {
            continue;
        };
        let is_link = meta.is_symlink();
        let followed = if is_link {
            std::fs::metadata(&path).ok()
        } else {
            None
        };
        let target = followed.as_ref().unwrap_or(&meta);
        let inspected = InspectedPath {
            role,
            mode: system::mode(target),
            owner: system::foreign_owner(user, &meta),
            is_folder: target.is_dir(),
            link: is_link.then(|| canonicalize_existing(&path)),
        };
        paths.insert(path, inspected);
    }
    paths
}

/// Returns the paths of an instance that the doctor inspects, each with its purpose; some may not exist.
fn paths_of_interest(
    folders: &FolderListings,
    instance: &Instance,
    found: Option<&SurveyedInstance>,
) -> Vec<(PathRole, PathBuf)> {
    let state = &instance.state_dir;
    let mut paths = vec![
        (PathRole::State, state.clone()),
        (PathRole::Config, instance.config_path.clone()),
    ];
    let mut add = |role, more: Vec<PathBuf>| paths.extend(more.into_iter().map(|path| (role, path)));
    let backups = (1..=BACKUP_COUNT).map(|number| backup_path(&instance.config_path, number));
    add(
        PathRole::Backup,
        backups.filter(|path| is_file(folders, path)).collect(),
    );
    add(PathRole::Backup, vec![instance.last_good_path()]);
    let secrets = [
        instance.env_file(),
        instance.device_key(),
        instance.device_tokens(),
        instance.paired_devices(),
        instance.auth_profiles(),
    ];
    add(PathRole::Secret, secrets.into());
    let agents = entries(folders, &state.join("agents"));
    let auth_profiles = agents.map(|agent| agent.path.join("agent").join("auth-profiles.json"));
    add(PathRole::Secret, auth_profiles.collect());
    let credentials = entries(folders, &state.join("credentials"));
    add(PathRole::Secret, credentials.map(|entry| entry.path).collect());
    let known = [
        "agents",
        "agents/main",
        "identity",
        "devices",
        "credentials",
        "browser",
        "logs",
        "cron",
        "canvas",
    ];
    add(PathRole::Other, known.map(|folder| state.join(folder)).into());
    add(PathRole::Other, vec![instance.sessions(), instance.record_path()]);
    // A link in any of these may lead into another instance.
    let with_links = ["", "agents", "browser", "credentials"];
    let links = with_links
        .into_iter()
        .flat_map(|folder| entries(folders, &state.join(folder)));
    let is_link = |entry: &FolderEntry| match entry.kind {
        Some(kind) => kind.is_symlink(),
        None => entry.path.is_symlink(),
    };
    add(
        PathRole::Other,
        links.filter(is_link).map(|entry| entry.path).collect(),
    );
    let workspaces = found.map(|found| found.workspaces.clone());
    add(PathRole::Workspace, workspaces.unwrap_or_default());
    paths
}

/// Returns whether a file is at a path. Links are not followed.
fn is_file(folders: &FolderListings, path: &Path) -> bool {
    !folders.is_absent(path) && std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
}

/// Returns the entries of a folder, except for those that a fix of the doctor has moved aside there.
fn entries(folders: &FolderListings, folder: &Path) -> impl Iterator<Item = FolderEntry> + use<> {
    let is_in_use = |entry: &FolderEntry| {
        let name = entry.path.file_name().unwrap_or_default();
        !name.to_string_lossy().contains(".aside-")
    };
    folders.entries(folder).into_iter().filter(is_in_use)
}
