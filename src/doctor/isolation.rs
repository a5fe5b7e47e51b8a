//! What no two instances may share (`design.md`, isolation rules), for each pair; ports are in [`super::ports`].

use std::path::{Path, PathBuf};

use super::scene::{Scene, Subject};
use super::{Check, Fix, Seen, aside, word};
use crate::config::key_path::KeyPath;
use crate::host::read::resolved;
use crate::i18n::Msg;
use crate::msg;

pub(super) const CHECKS: &[Check] = &[
    Check::error("isolation-config", config),
    Check::error("isolation-state", state),
    Check::error("isolation-link", link),
    Check::error("isolation-workspace", workspace),
    Check::error("isolation-log", log),
    Check::error("isolation-canvas", canvas),
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
        Seen::new(msg, format!("{} onboard", own.command))
    });
    seen.into_iter().collect()
}

/// A link in the state folder that leads into another instance's.
fn link(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let state = &own.real.state;
    let others: Vec<(&Path, &str)> = scene
        .others(own)
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
        .map(|path| resolved(&path));
    let state = &own.real.state;
    let mut seen = Vec::new();
    for path in mine {
        let holder = scene.others(own).find(|other| {
            let theirs = other.found.map(|found| &found.workspaces[..]).unwrap_or_default();
            let their_state = &other.real.state;
            let in_state = path.starts_with(their_state) && !touch(state, their_state);
            theirs.iter().any(|their| touch(path, their)) || (in_state && legacy.as_ref() != Some(path))
        });
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

/// A path that a key of both configs names.
fn same_path(scene: &Scene<'_>, own: &Subject<'_>, pointer: &str, inside: bool) -> Option<(String, String)> {
    let path = |subject: &Subject<'_>| {
        let typed = subject.text(pointer)?.trim();
        let expanded = match typed.strip_prefix("~/") {
            Some(below) => scene.home.join(below),
            None => PathBuf::from(typed),
        };
        expanded.is_absolute().then(|| resolved(&expanded))
    };
    let mine = path(own)?;
    let other = scene.others(own).find(|other| {
        path(other).is_some_and(|theirs| {
            if inside {
                touch(&mine, &theirs)
            } else {
                mine == theirs
            }
        })
    })?;
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
    let shared = same_path(scene, own, "/logging/file", false).map(|(path, holder)| {
        let msg = msg!("doctor.isolation-log", path = path, holder = holder);
        Seen::fixed(own, msg, unset(own, ["logging", "file"]))
    });
    shared.into_iter().collect()
}

fn canvas(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let shared = same_path(scene, own, "/canvasHost/root", true).map(|(path, holder)| {
        let msg = msg!("doctor.isolation-canvas", path = path, holder = holder);
        Seen::fixed(own, msg, unset(own, ["canvasHost", "root"]))
    });
    shared.into_iter().collect()
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
