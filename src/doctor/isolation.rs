//! Checks of isolation: two instances share no config, folder, file, service name or token
//! (docs/design.md#isolation-rules). Ports are checked in [`super::ports`].

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::check::{Check, Problem};
use super::fix::{Fix, free_aside_name};
use super::host_report::{HostReport, InstanceReport};
use crate::config::key_path::KeyPath;
use crate::host::read::canonicalize_existing;
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::instance::shell_quote;
use crate::profile::ProfileName;

/// The doctor's checks that instances are isolated from each other: that they share no files, folders, services or
/// tokens.
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

/// Returns `true` if two paths are equal or one contains the other.
fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// Reports two instances that use one config file.
fn config(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let real = &own.resolved.config;
    let other = report
        .others_to_compare(own)
        .find(|other| other.resolved.config == *real);
    let problems = other.map(|other| {
        let path = &own.instance.config_path;
        let msg = msg!(
            "doctor.isolation-config",
            path = report.display_path(path),
            holder = other.label
        );
        let away = format!("mv {} {}", shell_quote(path), shell_quote(&free_aside_name(path)));
        Problem::new(msg, format!("{away} && {} onboard", own.command))
    });
    problems.into_iter().collect()
}

/// Reports two instances that use one state folder, or one state folder inside the other. Instances that were set up
/// by hand may share the folder of their configs, but not their state.
fn state(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let real = &own.resolved.state;
    let other = report
        .others_to_compare(own)
        .find(|other| overlap(real, &other.resolved.state));
    let problems = other.map(|other| {
        let path = report.display_path(&own.instance.state_dir);
        let msg = msg!("doctor.isolation-state", path = path, holder = other.label);
        // The inner folder is the one that moves out.
        let is_outer = other.resolved.state != *real && other.resolved.state.starts_with(real);
        Problem::new(
            msg,
            separate_state_command(report, if is_outer { other } else { own }),
        )
    });
    problems.into_iter().collect()
}

/// Returns the command that gives an instance a state folder of its own.
fn separate_state_command(report: &HostReport<'_>, own: &InstanceReport<'_>) -> String {
    let instance = &own.instance;
    let state = &instance.state_dir;
    if state.is_symlink() {
        let away = format!(
            "mv {} {}",
            shell_quote(state),
            shell_quote(&free_aside_name(state))
        );
        return format!("{away} && {} onboard", own.command);
    }
    let canonical = Instance::canonical(&report.home, instance.profile.clone());
    if canonical.state_dir != *state {
        return format!("{} onboard", canonical.command());
    }
    let named = instance
        .config_path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    match ProfileName::parse(&named) {
        // A config that was set up by hand, without a state folder of its name.
        Ok(name) if instance.config_path != canonical.config_path => {
            Instance {
                config_path: instance.config_path.clone(),
                ..Instance::canonical(&report.home, name)
            }
            .command()
                + " onboard"
        }
        _ => format!("{} onboard", own.command),
    }
}

/// Reports a link in the state folder that leads into another instance's state folder.
fn link(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let state = &own.resolved.state;
    let others: Vec<(&Path, &str)> = report
        .all_others(own)
        .map(|other| (other.resolved.state.as_path(), other.label.as_str()))
        .filter(|(theirs, _)| !overlap(state, theirs))
        .collect();
    let is_config = |path: &Path| path == own.instance.config_path;
    let links = own
        .paths
        .iter()
        .filter_map(|(path, inspected)| Some((path, inspected.link.as_ref()?)))
        .filter(|(path, _)| path.starts_with(&own.instance.state_dir) && !is_config(path));
    let found = links.filter_map(|(path, target)| {
        let (_, holder) = others.iter().find(|(theirs, _)| target.starts_with(theirs))?;
        let msg = msg!(
            "doctor.isolation-link",
            path = report.display_path(path),
            target = report.display_path(target),
            holder = holder
        );
        let to = free_aside_name(path);
        let path = path.clone();
        Some(Problem::fixable(own, msg, Fix::Rename { path, to }))
    });
    found.collect()
}

/// Reports two instances with one workspace, or a workspace inside another instance.
fn workspace(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let Some(mine) = own.found.map(|found| &found.workspaces) else {
        return Vec::new();
    };
    // A workspace that an early release of OpenClaw made in the default's folder under this name belongs here.
    let legacy = own
        .instance
        .legacy_workspace(&report.home)
        .map(|path| canonicalize_existing(&path));
    let mut problems = Vec::new();
    for path in mine {
        let shares = |other: &&InstanceReport<'_>| {
            let theirs = other.found.map(|found| &found.workspaces[..]).unwrap_or_default();
            theirs.iter().any(|their| overlap(path, their))
        };
        let intrudes =
            |other: &&InstanceReport<'_>| legacy.as_ref() != Some(path) && lies_in(path, own, other);
        let holder = report.others_to_compare(own).find(shares);
        let holder = holder.or_else(|| report.all_others(own).find(intrudes));
        if let Some(other) = holder {
            let msg = msg!(
                "doctor.isolation-workspace",
                path = report.display_path(path),
                holder = other.label
            );
            let proposed = shell_quote(&own.instance.default_workspace());
            let command = format!("{} config set agents.defaults.workspace {proposed}", own.command);
            problems.push(Problem::new(msg, command));
        }
    }
    problems
}

/// Returns `true` if a path of one instance is in the state folder of another.
fn lies_in(path: &Path, own: &InstanceReport<'_>, other: &InstanceReport<'_>) -> bool {
    let theirs = &other.resolved.state;
    path.starts_with(theirs) && !overlap(&own.resolved.state, theirs)
}

/// Resolves a path that is written in a config, with `~` expanded and links followed; `None` for a relative path.
fn resolve_config_path(report: &HostReport<'_>, typed: &str) -> Option<PathBuf> {
    let typed = typed.trim();
    let expanded = match typed.strip_prefix("~/") {
        Some(below) => report.home.join(below),
        None => PathBuf::from(typed),
    };
    expanded.is_absolute().then(|| canonicalize_existing(&expanded))
}

/// Returns a path that a config sets, and the label of another instance that sets the same path or whose state folder
/// contains it. `same` compares two paths.
fn shared_path(
    report: &HostReport<'_>,
    own: &InstanceReport<'_>,
    pointer: &str,
    same: fn(&Path, &Path) -> bool,
) -> Option<(String, String)> {
    let path = |own: &InstanceReport<'_>| resolve_config_path(report, own.config_text(pointer)?);
    let mine = path(own)?;
    let mut others = report.others_to_compare(own);
    let shared = others.find(|other| path(other).is_some_and(|theirs| same(&mine, &theirs)));
    let other = shared.or_else(|| report.all_others(own).find(|other| lies_in(&mine, own, other)))?;
    Some((report.display_path(&mine), other.label.clone()))
}

/// Returns the doctor's fix that removes a key from an instance's config.
fn unset(own: &InstanceReport<'_>, key: [&str; 2]) -> Fix {
    Fix::SetKey {
        config: own.instance.config_path.clone(),
        key: KeyPath::keys(key),
        value: None,
    }
}

/// Reports two gateways that write one log file.
fn log(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let shared = shared_path(report, own, "/logging/file", |a, b| a == b).map(|(path, holder)| {
        let msg = msg!("doctor.isolation-log", path = path, holder = holder);
        Problem::fixable(own, msg, unset(own, ["logging", "file"]))
    });
    shared.into_iter().collect()
}

/// Reports two gateways that serve one canvas folder.
fn canvas(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let shared = shared_path(report, own, "/canvasHost/root", overlap).map(|(path, holder)| {
        let msg = msg!("doctor.isolation-canvas", path = path, holder = holder);
        Problem::fixable(own, msg, unset(own, ["canvasHost", "root"]))
    });
    shared.into_iter().collect()
}

/// Returns the folders with logins and cookies that a config sets for its browsers (`userDataDir`), each with the
/// name of its browser profile.
fn browser_folders(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<(String, PathBuf)> {
    let profiles = own.config.pointer("/browser/profiles").and_then(Value::as_object);
    let folder = |(name, profile): (&String, &Value)| {
        let typed = profile.get("userDataDir")?.as_str()?;
        Some((name.clone(), resolve_config_path(report, typed)?))
    };
    profiles.into_iter().flatten().filter_map(folder).collect()
}

/// Reports browsers of two instances with one user-data folder.
fn browser(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, folder) in browser_folders(report, own) {
        let shares = |other: &&InstanceReport<'_>| {
            let theirs = browser_folders(report, other);
            theirs.iter().any(|(_, their)| overlap(&folder, their))
        };
        let holder = report.others_to_compare(own).find(shares);
        let holder = holder.or_else(|| report.all_others(own).find(|other| lies_in(&folder, own, other)));
        if let Some(other) = holder {
            let path = report.display_path(&folder);
            let msg = msg!("doctor.isolation-browser", path = path, holder = other.label);
            let key = KeyPath::keys(["browser", "profiles", name.as_str(), "userDataDir"]);
            problems.push(Problem::new(msg, format!("{} config unset '{key}'", own.command)));
        }
    }
    problems
}

/// Reports two instances with one profile name: services are named after the profile, so that only one of them can
/// have a service. If they share their state too, [`state`] reports it.
fn service(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let profile = &own.instance.profile;
    let canonical = Instance::canonical_state(&report.home, profile);
    let mut others = report.others_to_compare(own);
    let twin = others.find(|other| {
        other.instance.profile == *profile && !overlap(&own.resolved.state, &other.resolved.state)
    });
    let problems = twin.map(|other| {
        let msg = msg!(
            "doctor.isolation-service",
            profile = profile,
            holder = other.label
        );
        let is_own = own.instance.state_dir == canonical;
        let moves = &(if is_own { other } else { own }).instance.state_dir;
        // A folder with another name is an instance of that name.
        let free = (2..100).find_map(|number| {
            let name = ProfileName::parse(&format!("{profile}-{number}")).ok()?;
            let folder = Instance::canonical_state(&report.home, &name);
            std::fs::symlink_metadata(&folder).is_err().then_some(folder)
        });
        Problem::new(
            msg,
            format!(
                "mv {} {}",
                shell_quote(moves),
                shell_quote(&free.unwrap_or(canonical.clone()))
            ),
        )
    });
    problems.into_iter().collect()
}

/// Reports channels of two instances that log in to a chat service with one token, so that each bot receives messages
/// of the other. The report names keys and instances, never the token.
fn token(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let describe = |key: &str, other: &str, holder: &str| {
        msg!(
            "doctor.isolation-token",
            key = key,
            other = other,
            holder = holder
        )
    };
    shared_values(report, own, |own| own.tokens.clone(), describe)
}

/// Reports config values, such as tokens, that another instance has too, under whichever key. `values` returns the
/// keys and values of an instance; `describe` makes the sentence from both keys and the label of the other instance.
pub(super) fn shared_values<T: PartialEq>(
    report: &HostReport<'_>,
    own: &InstanceReport<'_>,
    values: impl Fn(&InstanceReport<'_>) -> Vec<(String, T)>,
    describe: impl Fn(&str, &str, &str) -> Msg,
) -> Vec<Problem> {
    let mine = values(own);
    let mut problems = Vec::new();
    for other in report.others_to_compare(own).filter(|_| !mine.is_empty()) {
        let theirs = values(other);
        for (key, value) in &mine {
            if let Some((their_key, _)) = theirs.iter().find(|(_, their)| their == value) {
                let msg = describe(key, their_key, &other.label);
                problems.push(Problem::new(msg, format!("{} config unset {key}", own.command)));
            }
        }
    }
    problems
}

/// Reports two gateways that accept one token, so that a client of one may use the other.
fn auth(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let Some((mine, _)) = own.gateway_token else {
        return Vec::new();
    };
    let same = |other: &&InstanceReport<'_>| other.gateway_token.is_some_and(|(theirs, _)| theirs == mine);
    let problems = report.others_to_compare(own).find(same).map(|other| {
        let msg = msg!("doctor.isolation-auth", holder = other.label);
        Problem::new(
            msg,
            format!("{} config set gateway.auth.token --stdin", own.command),
        )
    });
    problems.into_iter().collect()
}
