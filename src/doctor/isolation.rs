//! Checks of isolation: two instances share no config, folder, file, service name or token
//! (docs/design.md#isolation-rules). Ports are checked in [`super::ports`].

use std::path::Path;

use super::check::{Check, Problem};
use super::fix::Fix;
use super::host_report::{HostReport, InstanceReport};
use super::originality::instance_to_change;
use crate::apply::free_aside_name;
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::instance::shell_quote;
use crate::profile::ProfileName;

mod paths;
mod sandbox;

use paths::overlap;

/// The doctor's checks that instances are isolated from each other: that they share no files, folders, services or
/// tokens.
pub(super) const CHECKS: &[Check] = &[
    Check::error("isolation-config", config),
    Check::error("isolation-state", state),
    Check::error("isolation-link", link),
    Check::error("isolation-workspace", paths::workspace),
    Check::error("isolation-agent", paths::agent_dir),
    Check::error("isolation-sessions", paths::session_store),
    Check::error("isolation-log", paths::log),
    Check::error("isolation-canvas", paths::canvas),
    Check::error("isolation-exposed", paths::exposed),
    Check::error("isolation-browser", paths::browser),
    Check::error("isolation-data", paths::data),
    Check::error("isolation-sandbox", sandbox::shared_containers),
    Check::error("isolation-service", service),
    Check::error("isolation-token", token),
    Check::warning("isolation-auth", auth),
];

/// Reports two instances that use one config file.
fn config(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let other = report.first_to_compare(own, report.paths.configs.at(&own.resolved.config));
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
    let other = report.first_to_compare(own, report.paths.states.overlapping(real));
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
    let is_config = |path: &Path| path == own.instance.config_path;
    let links = own
        .paths
        .iter()
        .filter_map(|(path, inspected)| Some((path, inspected.link.as_ref()?)))
        .filter(|(path, _)| path.starts_with(&own.instance.state_dir) && !is_config(path));
    let found = links.filter_map(|(path, target)| {
        let is_apart = |other: &InstanceReport<'_>| !overlap(state, &other.resolved.state);
        let holder = report.first_other(own, report.paths.states.around(target), is_apart)?;
        let msg = msg!(
            "doctor.isolation-link",
            path = report.display_path(path),
            target = report.display_path(target),
            holder = holder.label
        );
        let to = free_aside_name(path);
        let path = path.clone();
        Some(Problem::fixable(own, msg, Fix::Rename { path, to }))
    });
    found.collect()
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
    shared_values(report, own, |own| &own.tokens, describe)
}

/// Reports config values, such as tokens, that another instance has too, under whichever key. `values` returns the
/// keys and values of an instance; `describe` makes the sentence from both keys and the label of the other instance.
pub(super) fn shared_values<T: PartialEq>(
    report: &HostReport<'_>,
    own: &InstanceReport<'_>,
    values: for<'r> fn(&'r InstanceReport<'_>) -> &'r [(String, T)],
    describe: impl Fn(&str, &str, &str) -> Msg,
) -> Vec<Problem> {
    let mine = values(own);
    let mut problems = Vec::new();
    for other in report.others_to_compare(own).filter(|_| !mine.is_empty()) {
        let theirs = values(other);
        for (key, value) in mine {
            if let Some((their_key, _)) = theirs.iter().find(|(_, their)| their == value) {
                let msg = describe(key, their_key, &other.label);
                let changes = instance_to_change(report, own, other);
                let key = if changes.index == own.index {
                    key
                } else {
                    their_key
                };
                let unset = shell_quote(removable_key(key).as_ref());
                problems.push(Problem::new(
                    msg,
                    format!("{} config unset {unset}", changes.command),
                ));
            }
        }
    }
    problems
}

/// Returns the key whose removal removes the value of a key: OpenClaw wants a port or an address in each browser profile,
/// so that the profile goes as a whole.
pub(super) fn removable_key(key: &str) -> &str {
    match key.rsplit_once('.') {
        Some((profile, "cdpPort" | "cdpUrl")) if profile.split('.').nth(1) == Some("profiles") => profile,
        _ => key,
    }
}

/// Reports two gateways that accept one token, so that a client of one may use the other.
fn auth(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let Some((mine, _)) = own.gateway_token else {
        return Vec::new();
    };
    let same = |other: &&InstanceReport<'_>| other.gateway_token.is_some_and(|(theirs, _)| theirs == mine);
    let problems = report.others_to_compare(own).find(same).map(|other| {
        let msg = msg!("doctor.isolation-auth", holder = other.label);
        let command = &instance_to_change(report, own, other).command;
        Problem::new(msg, format!("{command} config set gateway.auth.token --stdin"))
    });
    problems.into_iter().collect()
}
