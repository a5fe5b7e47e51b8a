//! What no two instances may share (docs/design.md#isolation-rules), for each pair; ports are in [`super::ports`].

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::scene::{Scene, Subject};
use super::{Check, Fix, Seen, aside, word};
use crate::config::key_path::KeyPath;
use crate::host::read::canonicalize_existing;
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::profile::ProfileName;

pub(super) const CHECKS: &[Check] = &[
    Check::error("isolation-config", config),
    Check::error("isolation-state", state),
    Check::error("isolation-link", link),
    Check::error("isolation-workspace", workspace),
    Check::error("isolation-log", log),
    Check::error("isolation-canvas", canvas),
    Check::error("isolation-browser", browser),
    Check::error("isolation-service", service),
    Check::error("isolation-token", token),
    Check::warning("isolation-auth", auth),
];

/// Whether one is the other, or lies in it.
fn touch(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn config(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let real = &own.real.config;
    let other = scene.others(own).find(|other| other.real.config == *real);
    let seen = other.map(|other| {
        let path = &own.instance.config_path;
        let msg = msg!(
            "doctor.isolation-config",
            path = scene.shown(path),
            holder = other.label
        );
        let away = format!("mv {} {}", word(path), word(&aside(path)));
        Seen::new(msg, format!("{away} && {} onboard", own.command))
    });
    seen.into_iter().collect()
}

/// Instances of the manual way share the folder of their configs; a state folder they share is still wrong.
fn state(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let real = &own.real.state;
    let other = scene.others(own).find(|other| touch(real, &other.real.state));
    let seen = other.map(|other| {
        let path = scene.shown(&own.instance.state_dir);
        let msg = msg!("doctor.isolation-state", path = path, holder = other.label);
        // What lies in the other's folder is what moves out.
        let is_around = other.real.state != *real && other.real.state.starts_with(real);
        Seen::new(msg, out_of_there(scene, if is_around { other } else { own }))
    });
    seen.into_iter().collect()
}

/// The command that gives an instance a state folder of its own, where its folder is another's.
fn out_of_there(scene: &Scene<'_>, subject: &Subject<'_>) -> String {
    let instance = &subject.instance;
    let state = &instance.state_dir;
    if state.is_symlink() {
        let away = format!("mv {} {}", word(state), word(&aside(state)));
        return format!("{away} && {} onboard", subject.command);
    }
    let own = Instance::canonical(&scene.home, instance.profile.clone());
    if own.state_dir != *state {
        return format!("{} onboard", own.command());
    }
    let named = instance
        .config_path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    match ProfileName::parse(&named) {
        // A config of the manual way, and no state folder of its name.
        Ok(name) if instance.config_path != own.config_path => {
            Instance {
                config_path: instance.config_path.clone(),
                ..Instance::canonical(&scene.home, name)
            }
            .command()
                + " onboard"
        }
        _ => format!("{} onboard", subject.command),
    }
}

/// A link in the state folder that leads into another instance's.
fn link(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let state = &own.real.state;
    let others: Vec<(&Path, &str)> = scene
        .all_but(own)
        .map(|other| (other.real.state.as_path(), other.label.as_str()))
        .filter(|(theirs, _)| !touch(state, theirs))
        .collect();
    let is_config = |path: &Path| path == own.instance.config_path;
    let links = own
        .places
        .iter()
        .filter_map(|(path, place)| Some((path, place.link.as_ref()?)))
        .filter(|(path, _)| path.starts_with(&own.instance.state_dir) && !is_config(path));
    let found = links.filter_map(|(path, target)| {
        let (_, holder) = others.iter().find(|(theirs, _)| target.starts_with(theirs))?;
        let msg = msg!(
            "doctor.isolation-link",
            path = scene.shown(path),
            target = scene.shown(target),
            holder = holder
        );
        let to = aside(path);
        let path = path.clone();
        Some(Seen::fixed(own, msg, Fix::Move { path, to }))
    });
    found.collect()
}

fn workspace(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let Some(mine) = own.found.map(|found| &found.workspaces) else {
        return Vec::new();
    };
    // What an early release of OpenClaw left in the default's folder under this very name is this instance's.
    let legacy = own
        .instance
        .legacy_workspace(&scene.home)
        .map(|path| canonicalize_existing(&path));
    let mut seen = Vec::new();
    for path in mine {
        let shares = |other: &&Subject<'_>| {
            let theirs = other.found.map(|found| &found.workspaces[..]).unwrap_or_default();
            theirs.iter().any(|their| touch(path, their))
        };
        let intrudes = |other: &&Subject<'_>| legacy.as_ref() != Some(path) && lies_in(path, own, other);
        let holder = scene.others(own).find(shares);
        let holder = holder.or_else(|| scene.all_but(own).find(intrudes));
        if let Some(other) = holder {
            let msg = msg!(
                "doctor.isolation-workspace",
                path = scene.shown(path),
                holder = other.label
            );
            let proposed = word(&own.instance.default_workspace());
            let mend = format!("{} config set agents.defaults.workspace {proposed}", own.command);
            seen.push(Seen::new(msg, mend));
        }
    }
    seen
}

/// Whether a path of one instance lies in another one's state folder.
fn lies_in(path: &Path, own: &Subject<'_>, other: &Subject<'_>) -> bool {
    let theirs = &other.real.state;
    path.starts_with(theirs) && !touch(&own.real.state, theirs)
}

/// A path as a config names it, links followed.
fn path_of(scene: &Scene<'_>, typed: &str) -> Option<PathBuf> {
    let typed = typed.trim();
    let expanded = match typed.strip_prefix("~/") {
        Some(below) => scene.home.join(below),
        None => PathBuf::from(typed),
    };
    expanded.is_absolute().then(|| canonicalize_existing(&expanded))
}

/// A path that a key of both configs names, or that lies in another instance's state folder.
fn same_path(
    scene: &Scene<'_>,
    own: &Subject<'_>,
    pointer: &str,
    same: fn(&Path, &Path) -> bool,
) -> Option<(String, String)> {
    let path = |subject: &Subject<'_>| path_of(scene, subject.text(pointer)?);
    let mine = path(own)?;
    let mut others = scene.others(own);
    let shared = others.find(|other| path(other).is_some_and(|theirs| same(&mine, &theirs)));
    let other = shared.or_else(|| scene.all_but(own).find(|other| lies_in(&mine, own, other)))?;
    Some((scene.shown(&mine), other.label.clone()))
}

fn unset(own: &Subject<'_>, key: [&str; 2]) -> Fix {
    Fix::Set {
        config: own.instance.config_path.clone(),
        key: KeyPath::keys(key),
        value: None,
    }
}

fn log(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let shared = same_path(scene, own, "/logging/file", |a, b| a == b).map(|(path, holder)| {
        let msg = msg!("doctor.isolation-log", path = path, holder = holder);
        Seen::fixed(own, msg, unset(own, ["logging", "file"]))
    });
    shared.into_iter().collect()
}

fn canvas(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let shared = same_path(scene, own, "/canvasHost/root", touch).map(|(path, holder)| {
        let msg = msg!("doctor.isolation-canvas", path = path, holder = holder);
        Seen::fixed(own, msg, unset(own, ["canvasHost", "root"]))
    });
    shared.into_iter().collect()
}

/// The folders with logins and cookies that a config pins for its browsers: (profile, folder).
fn browser_folders(scene: &Scene<'_>, subject: &Subject<'_>) -> Vec<(String, PathBuf)> {
    let profiles = subject
        .config
        .pointer("/browser/profiles")
        .and_then(Value::as_object);
    let folder = |(name, profile): (&String, &Value)| {
        let typed = profile.get("userDataDir")?.as_str()?;
        Some((name.clone(), path_of(scene, typed)?))
    };
    profiles.into_iter().flatten().filter_map(folder).collect()
}

fn browser(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let mut seen = Vec::new();
    for (name, folder) in browser_folders(scene, own) {
        let shares = |other: &&Subject<'_>| {
            let theirs = browser_folders(scene, other);
            theirs.iter().any(|(_, their)| touch(&folder, their))
        };
        let holder = scene.others(own).find(shares);
        let holder = holder.or_else(|| scene.all_but(own).find(|other| lies_in(&folder, own, other)));
        if let Some(other) = holder {
            let path = scene.shown(&folder);
            let msg = msg!("doctor.isolation-browser", path = path, holder = other.label);
            let key = KeyPath::keys(["browser", "profiles", name.as_str(), "userDataDir"]);
            seen.push(Seen::new(msg, format!("{} config unset '{key}'", own.command)));
        }
    }
    seen
}

/// Services are named after the profile: of two instances of one name only one can have one. Where they share
/// their state too, that is told.
fn service(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let profile = &own.instance.profile;
    let canonical = Instance::canonical_state(&scene.home, profile);
    let mut others = scene.others(own);
    let twin =
        others.find(|other| other.instance.profile == *profile && !touch(&own.real.state, &other.real.state));
    let seen = twin.map(|other| {
        let msg = msg!(
            "doctor.isolation-service",
            profile = profile,
            holder = other.label
        );
        let is_own = own.instance.state_dir == canonical;
        let moves = &(if is_own { other } else { own }).instance.state_dir;
        // A folder of another name is an instance of that name.
        let free = (2..100).find_map(|number| {
            let name = ProfileName::parse(&format!("{profile}-{number}")).ok()?;
            let folder = Instance::canonical_state(&scene.home, &name);
            std::fs::symlink_metadata(&folder).is_err().then_some(folder)
        });
        Seen::new(
            msg,
            format!("mv {} {}", word(moves), word(&free.unwrap_or(canonical.clone()))),
        )
    });
    seen.into_iter().collect()
}

/// Two bots on one token take each other's messages. Told by key and instance, never by value.
fn token(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let told = |key: &str, other: &str, holder: &str| {
        msg!(
            "doctor.isolation-token",
            key = key,
            other = other,
            holder = holder
        )
    };
    in_common(scene, own, |subject| subject.tokens.clone(), told)
}

/// What another instance's config has, too, under whichever key: `of` gives an instance's keys and what
/// they come to, `told` says it with both keys and the other's name.
pub(super) fn in_common<T: PartialEq>(
    scene: &Scene<'_>,
    own: &Subject<'_>,
    of: impl Fn(&Subject<'_>) -> Vec<(String, T)>,
    told: impl Fn(&str, &str, &str) -> Msg,
) -> Vec<Seen> {
    let mine = of(own);
    let mut seen = Vec::new();
    for other in scene.others(own).filter(|_| !mine.is_empty()) {
        let theirs = of(other);
        for (key, value) in &mine {
            if let Some((their_key, _)) = theirs.iter().find(|(_, their)| their == value) {
                let msg = told(key, their_key, &other.label);
                seen.push(Seen::new(msg, format!("{} config unset {key}", own.command)));
            }
        }
    }
    seen
}

/// A gateway trusts who has its token: with one token for two, each key opens both doors.
fn auth(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let Some((mine, _)) = own.gateway_token else {
        return Vec::new();
    };
    let same = |other: &&Subject<'_>| other.gateway_token.is_some_and(|(theirs, _)| theirs == mine);
    let seen = scene.others(own).find(same).map(|other| {
        let msg = msg!("doctor.isolation-auth", holder = other.label);
        Seen::new(
            msg,
            format!("{} config set gateway.auth.token --stdin", own.command),
        )
    });
    seen.into_iter().collect()
}
