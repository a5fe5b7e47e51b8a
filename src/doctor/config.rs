//! Checks of the config: whether it can be read, is valid, private and this user's.

use super::check::{Check, Obstruction, Problem};
use super::fix::Fix;
use super::host_report::{HostReport, InstanceReport, PathRole};
use super::modes::{foreign_owners, open_to_others};
use crate::apply::free_aside_name;
use crate::config::backup;
use crate::config::dialect;
use crate::config::key_path::KeyPath;
use crate::config::schema::{SchemaFinding, Violation};
use crate::i18n::{Msg, msg};
use crate::instance::{CONFIG_FILE, Instance, LEGACY_CONFIG_FILES, shell_quote};
use crate::survey::{ConfigHealth, FoundBy, SurveyedInstance};

/// The doctor's checks of an instance's config.
pub(super) const CHECKS: &[Check] = &[
    Check::error("config-missing", missing).obstructing(Obstruction::ConfigMissing),
    Check::error("config-broken", broken).obstructing(Obstruction::ConfigBroken),
    Check::error("config-invalid", invalid),
    Check::info("config-one-release", one_release),
    Check::info("config-unjudged", unjudged),
    Check::warning("config-not-installed", not_installed),
    Check::warning("config-legacy", legacy),
    Check::error("config-mode", |report, own| {
        open_to_others(report, own, PathRole::Config)
    }),
    Check::warning("config-backup-mode", |report, own| {
        open_to_others(report, own, PathRole::Backup)
    }),
    Check::error("config-owner", owner),
    Check::warning("config-link", link),
    Check::warning("config-newer", newer),
    Check::error("config-variable", unset_variable),
];

/// Reports an instance whose config file does not exist.
fn missing(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let path = &own.instance.config_path;
    let is_absent = !own.paths.contains_key(path);
    let is_forgotten = || own.found.is_some() && !own.instance.state_dir.exists();
    // `~/.openclaw` may hold configs that were set up by hand, and is not an instance then.
    let only_holds_configs = |found: &SurveyedInstance| {
        let mut others = report.instances.iter().filter(|other| other.index != own.index);
        found.found_by == [FoundBy::Folder]
            && others.any(|other| other.instance.config_path.parent() == path.parent())
    };
    if !is_absent || is_forgotten() || own.found.is_some_and(only_holds_configs) {
        return Vec::new();
    }
    let msg = msg!("doctor.config-missing", path = report.display_path(path));
    vec![Problem::new(msg, format!("{} onboard", own.command))]
}

/// Reports a config, or a file that it includes, that can't be parsed.
fn broken(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let Some(ConfigHealth::Broken(fault)) = own.found.map(|found| &found.config) else {
        return Vec::new();
    };
    let path = &own.instance.config_path;
    let inspected = report.display_path(std::path::Path::new(&fault.location(path)));
    let msg = Msg::new("doctor.config-broken")
        .with("place", inspected)
        .with_msg("why", fault.why.clone());
    // A backup of the main file does not repair a broken included file.
    let readable = crate::host::read::bytes(path).is_ok();
    let backup = backup::newest_valid(path, None).filter(|_| own.document.is_none() && readable);
    vec![match backup {
        Some((_, document)) => Problem::fixable(
            own,
            msg,
            Fix::RestoreConfig {
                config: path.clone(),
                text: document.text().to_owned(),
            },
        ),
        None => Problem::new(msg, format!("{} config validate", own.command)),
    }]
}

/// Reports values of an instance's config that its engine refuses.
fn invalid(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let refused = own.verdict.iter().flat_map(|verdict| &verdict.refused);
    let problems = refused.map(|finding| {
        let msg = Msg::new("doctor.config-invalid")
            .with("path", &finding.path)
            .with_msg("why", finding.why.clone());
        if finding.violation == Violation::UnknownKey {
            let config = own.instance.config_path.clone();
            let key = finding.path.clone();
            Problem::fixable(
                own,
                msg,
                Fix::SetKey {
                    config,
                    key,
                    value: None,
                },
            )
        } else {
            Problem::new(msg, format!("{} config validate", own.command))
        }
    });
    problems.collect()
}

/// Reports a config that some release of OpenClaw would refuse, although the engine of this instance accepts it.
fn one_release(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let accepted = own.verdict.iter().filter(|verdict| verdict.is_accepted());
    let problems = accepted
        .flat_map(|verdict| &verdict.other_releases)
        .filter_map(|(release, findings)| {
            let first = findings.first()?;
            let msg = Msg::new("doctor.config-one-release")
                .with("release", release)
                .with("path", &first.path)
                .with_msg("why", first.why.clone())
                .with("count", findings.len());
            Some(Problem::new(msg, format!("{} config validate", own.command)))
        });
    problems.collect()
}

/// Reports a config with keys that no known release has, for a version of OpenClaw that may have them.
fn unjudged(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let unjudged = own.verdict.iter().filter_map(|verdict| verdict.unjudged.as_ref());
    let problems = unjudged.map(|unjudged| {
        let keys = unjudged.findings.iter().map(|finding| finding.path.to_string());
        let msg = msg!(
            "doctor.config-unjudged",
            version = unjudged.version,
            nearest = unjudged.nearest,
            keys = keys.collect::<Vec<_>>().join(", ")
        );
        Problem::new(msg, format!("{} config validate", own.command))
    });
    problems.collect()
}

/// Reports channels and plugins of the config that do not come with OpenClaw.
fn not_installed(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let findings = own.verdict.iter().flat_map(|verdict| &verdict.not_installed);
    let problem = |finding: &SchemaFinding| {
        let msg = Msg::new("doctor.config-not-installed")
            .with("path", &finding.path)
            .with_msg("why", finding.why.clone());
        Problem::new(msg, format!("{} config validate", own.command))
    };
    findings.map(problem).collect()
}

/// Reports a config, or variables in `.env`, with names that only early releases of OpenClaw used.
fn legacy(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let canonical = Instance::canonical_state(&report.home, &own.instance.profile);
    let legacy = own.instance.legacy_paths();
    // A config by an early name in the present folder is renamed below.
    if let Some(legacy) = legacy.filter(|legacy| legacy.config_path.parent() != Some(&canonical)) {
        let path = report.display_path(&legacy.config_path);
        let msg = msg!("doctor.config-legacy-instance", path = path);
        return vec![Problem::new(msg, legacy.migrate_command(&report.home))];
    }
    let folder = &own.instance.state_dir;
    let file = LEGACY_CONFIG_FILES
        .iter()
        .map(|name| folder.join(name))
        .find(|path| !report.folders.is_absent(path) && path.is_file());
    let mut problems: Vec<Problem> = file
        .map(|path| {
            let msg = msg!(
                "doctor.config-legacy",
                path = report.display_path(&path),
                name = CONFIG_FILE
            );
            let own_name = folder.join(CONFIG_FILE);
            let to = if own_name.exists() {
                free_aside_name(&path)
            } else {
                own_name
            };
            Problem::fixable(own, msg, Fix::Rename { path, to })
        })
        .into_iter()
        .collect();
    let env = own.instance.env_file();
    if report.folders.is_absent(&env) {
        return problems;
    }
    for name in [
        "CLAWDBOT_GATEWAY_PORT",
        "CLAWDBOT_GATEWAY_TOKEN",
        "CLAWDBOT_STATE_DIR",
    ] {
        if crate::env_file::variable(&env, name).is_some() {
            let msg = msg!(
                "doctor.config-legacy-variable",
                name = name,
                path = report.display_path(&env)
            );
            let command = format!(
                "sed -i 's/^\\(export \\)\\{{0,1\\}}CLAWDBOT_/\\1OPENCLAW_/' {}",
                shell_quote(&env)
            );
            problems.push(Problem::new(msg, command));
            break;
        }
    }
    problems
}

/// Reports a path in the config that refers to a variable which is not set: one release refuses the config, another one uses
/// a folder that is called like the variable.
fn unset_variable(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let unset = own
        .found
        .map(|found| &found.unset_variables[..])
        .unwrap_or_default();
    let env_file = own.instance.env_file();
    let problem = |(key, name): &(KeyPath, String)| {
        let msg = msg!(
            "doctor.config-variable",
            key = key,
            name = name,
            path = report.display_path(&env_file)
        );
        let key = shell_quote(key.to_string().as_ref());
        Problem::new(msg, format!("{} config unset {key}", own.command))
    };
    unset.iter().map(problem).collect()
}

/// Reports a config file that belongs to another user.
fn owner(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    foreign_owners(report, own, |role| role != PathRole::State)
}

/// Reports a config file that is a symbolic link, which a program that replaces the file would break.
fn link(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let links = own
        .paths_with_role(PathRole::Config)
        .filter_map(|(path, inspected)| Some((path, inspected.link.as_ref()?)));
    let foreign = |target: &std::path::Path| {
        report
            .instances
            .iter()
            .any(|other| other.index != own.index && other.resolved.config == target)
    };
    links
        .filter(|(_, target)| !foreign(target))
        .map(|(path, target)| {
            let msg = msg!(
                "doctor.config-link",
                path = report.display_path(path),
                target = report.display_path(target)
            );
            Problem::new(
                msg,
                format!(
                    "cp --remove-destination {} {}",
                    shell_quote(target),
                    shell_quote(path)
                ),
            )
        })
        .collect()
}

/// Reports a config that was written by a newer release than the one that would read it.
fn newer(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let record = own.record.as_ref().ok();
    let reader = report.survey.config_reader(record);
    let inspected = match report.survey.node_for(record) {
        Some(node) => report.display_path(&node.path),
        None => "openclaw".to_owned(),
    };
    let problems = dialect::newer_stamp(&own.config, &reader).map(|stamp| {
        let msg = msg!(
            "doctor.config-newer",
            stamp = stamp,
            version = reader,
            path = inspected
        );
        // With this the user declares the config to be one of the older release.
        let command = format!("{} config set meta.lastTouchedVersion {reader}", own.command);
        Problem::new(msg, command)
    });
    problems.into_iter().collect()
}
