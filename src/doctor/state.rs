//! The state folder and the host's own files: private, this user's, on a disk that can be trusted.

use std::path::Path;

use super::config::open;
use super::scene::{Role, Scene, Subject};
use super::{Check, Fix, Seen, aside, word};
use crate::i18n::msg;
use crate::survey::{ConfigHealth, FoundBy};

pub(super) const CHECKS: &[Check] = &[
    Check::warning("state-mode", |scene, own| open(scene, own, Role::State)),
    Check::error("secret-mode", |scene, own| open(scene, own, Role::Secret)),
    Check::error("state-owner", |scene, own| {
        owners(scene, own, |role| role == Role::State)
    }),
    Check::warning("state-network", network),
    Check::warning("state-synced", synced),
    Check::warning("state-leftover", leftover),
    Check::error("disk-full", |scene, own| disk(scene, own, 0, FULL)),
    Check::warning("disk-low", |scene, own| disk(scene, own, FULL, LOW)),
    Check::error("record-broken", record),
    Check::error("registry-broken", registry),
    Check::warning("registry-stale", forgotten),
];

/// With less than this a config can hardly be written any more, in bytes.
const FULL: u64 = 16 * 1024 * 1024;
/// With less than this sessions and logs will fill it soon, in bytes.
const LOW: u64 = 256 * 1024 * 1024;

/// Folders that programs keep the same on several machines, by a part of their names.
const SYNCED: [&str; 8] = [
    "Dropbox",
    "OneDrive",
    "Google Drive",
    "GoogleDrive",
    "Nextcloud",
    "Mobile Documents",
    "pCloud",
    "Syncthing",
];

/// What belongs to somebody else.
pub(super) fn owners(scene: &Scene<'_>, own: &Subject<'_>, is: fn(Role) -> bool) -> Vec<Seen> {
    let foreign = own
        .places
        .iter()
        .filter(|(_, place)| is(place.role) && place.role != Role::Workspace)
        .filter_map(|(path, place)| Some((path, place.owner?)));
    foreign
        .map(|(path, owner)| {
            let msg = msg!("doctor.foreign-owner", path = scene.shown(path), owner = owner);
            Seen::new(msg, format!("sudo chown -R \"$(id -u):$(id -g)\" {}", word(path)))
        })
        .collect()
}

fn network(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let kind = own.disk.and_then(|disk| disk.network);
    let seen = kind.map(|kind| {
        let path = scene.shown(&own.instance.state_dir);
        let msg = msg!("doctor.state-network", path = path, kind = kind);
        Seen::new(msg, moved(own))
    });
    seen.into_iter().collect()
}

fn synced(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let real = &own.real.state;
    let marked = real.ancestors().find(|folder| folder.join(".stfolder").exists());
    let name = synced_part(real).or_else(|| marked.map(|path| scene.shown(path)));
    let seen = name.map(|name| {
        let path = scene.shown(&own.instance.state_dir);
        let msg = msg!("doctor.state-synced", path = path, name = name);
        Seen::new(msg, moved(own))
    });
    seen.into_iter().collect()
}

/// The part of a path that is the folder of a program that syncs.
fn synced_part(path: &Path) -> Option<String> {
    let mut parts = path.components().map(|part| part.as_os_str().to_string_lossy());
    let known = parts.find(|part| SYNCED.iter().any(|name| part.contains(name)));
    known.map(std::borrow::Cow::into_owned)
}

/// What a killed restore or import left. The next one clears it away.
fn leftover(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let told = |path: &std::path::PathBuf| {
        let msg = msg!("doctor.state-leftover", path = scene.shown(path));
        Seen::new(msg, format!("rm -r {}", word(path)))
    };
    own.leftovers.iter().map(told).collect()
}

/// The command that takes an instance along to a place of its own.
fn moved(own: &Subject<'_>) -> String {
    format!(
        "{} profiles export {} {}.tar.gz",
        own.command, own.instance.profile, own.instance.profile
    )
}

fn disk(scene: &Scene<'_>, own: &Subject<'_>, from: u64, below: u64) -> Vec<Seen> {
    let free = own.disk.map(|disk| disk.free);
    let seen = free.filter(|free| (from..below).contains(free)).map(|free| {
        let path = scene.shown(&own.instance.state_dir);
        let msg = msg!("doctor.disk", path = path, free = free / (1024 * 1024));
        Seen::new(msg, format!("du -sh {}/*", word(&own.instance.state_dir)))
    });
    seen.into_iter().collect()
}

fn record(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let Err(broken) = &own.record else {
        return Vec::new();
    };
    let path = own.instance.record_path();
    let location = broken.location(Path::new(&scene.shown(&path)));
    let msg = msg!("doctor.record-broken", path = location);
    let to = aside(&path);
    vec![Seen::fixed(own, msg, Fix::Move { path, to })]
}

fn registry(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let registry = &scene.survey.registry;
    let fault = registry.fault.as_ref().filter(|_| scene.is_first(own));
    let seen = fault.map(|why| {
        let msg = msg!(
            "doctor.registry-broken",
            path = why.location(Path::new(&scene.shown(&registry.path))),
            why = why
        );
        let (path, to) = (registry.path.clone(), aside(&registry.path));
        Seen::fixed(own, msg, Fix::Move { path, to })
    });
    seen.into_iter().collect()
}

/// The registry knows an instance of which nothing is left.
fn forgotten(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let gone = own.found.filter(|found| {
        matches!(found.config, ConfigHealth::Missing)
            && found.found_by.contains(&FoundBy::Registry)
            && !own.instance.state_dir.exists()
    });
    let seen = gone.map(|found| {
        let msg = msg!("doctor.registry-stale", path = scene.shown(&found.config_path));
        Seen::fixed(own, msg, Fix::Forget(found.config_path.clone()))
    });
    seen.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_programs_that_sync_are_known_by_their_names() {
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
