//! Checks of the engine: whether it is installed, and whether the running gateway is the installed version.

use std::path::Path;

use super::check::{Check, Problem};
use super::fix::Fix;
use super::host_report::{HostReport, InstanceReport};
use crate::apply::free_aside_name;
use crate::host::read::{self, ReadError};
use crate::i18n::msg;
use crate::instance::{Instance, shell_quote};
use crate::profile::ProfileName;
use crate::record::{Engine, Record};
use crate::releases::{StoreLock, SwitchJournal};
use crate::survey::SurveyedInstance;

/// The doctor's checks of the engine that runs an instance's gateway.
pub(super) const CHECKS: &[Check] = &[
    Check::error("engine-missing", missing),
    Check::error("engine-release", unusable_release),
    Check::error("engine-unfinished", unfinished_switch),
    Check::warning("engine-skew", skew),
    Check::warning("engine-rescue", shared_with_watched),
    Check::info("engine-shared", shared_with_others),
    Check::error("devices-broken", broken_devices),
    Check::error("keys-broken", broken_keys),
    Check::warning("devices-migrated", migrated_devices),
];

/// Reports an instance whose engine is OpenClaw from npm, which is not installed.
fn missing(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let is_of_host = |record: &Record| record.engine == Engine::Node && record.release.is_none();
    if !own.record.as_ref().is_ok_and(is_of_host) || report.survey.node.is_some() {
        return Vec::new();
    }
    let path = report.display_path(&own.instance.record_path());
    let msg = msg!("doctor.engine-missing", path = path);
    vec![Problem::new(
        msg,
        format!("npm install -g openclaw && {} doctor", own.command),
    )]
}

/// Reports a release of OpenClaw that the record names and that can't run: its folder is gone, or there is no Node that is new
/// enough for it.
fn unusable_release(_report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let version = own
        .record
        .as_ref()
        .ok()
        .and_then(|record| record.release.as_ref());
    let faults = version.zip(own.release_fault.as_ref()).into_iter();
    faults
        .map(|(version, fault)| Problem::new(fault.clone(), format!("openclaw engine install {version}")))
        .collect()
}

/// Returns the other instances that the OpenClaw of the host runs too, where it runs this one.
fn sharers<'s>(report: &'s HostReport<'_>, own: &InstanceReport<'_>) -> Vec<&'s SurveyedInstance> {
    let is_of_host = |record: &Record| record.engine == Engine::Node && record.release.is_none();
    if !own.record.as_ref().is_ok_and(is_of_host) || report.survey.node.is_none() {
        return Vec::new();
    }
    let instances = report.survey.instances.iter();
    let others = instances.filter(|found| found.config_path != own.instance.config_path);
    others
        .filter(|found| found.record().is_some_and(is_of_host))
        .collect()
}

/// Returns whether an instance watches another one, to repair it.
fn watches(own: &InstanceReport<'_>, other: &SurveyedInstance) -> bool {
    let watched = own.record.as_ref().map(|record| &record.rescue.watch);
    let name = other.profile.as_ref().map(ProfileName::as_str);
    watched.is_ok_and(|watched| watched.iter().any(|profile| Some(profile.as_str()) == name))
}

/// Returns the labels of instances as a list for a sentence.
fn label_list(instances: &[&SurveyedInstance]) -> String {
    let labels: Vec<_> = instances.iter().map(|found| found.label.as_str()).collect();
    labels.join(", ")
}

/// Reports a rescue bot that runs the same OpenClaw of the host as a gateway that it watches: an upgrade that breaks one breaks
/// both.
fn shared_with_watched(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let mut watched = sharers(report, own);
    watched.retain(|other| watches(own, other));
    if watched.is_empty() {
        return Vec::new();
    }
    let msg = msg!("doctor.engine-rescue", others = label_list(&watched));
    vec![Problem::new(msg, format!("{} engine use native", own.command))]
}

/// Reports the OpenClaw of the host where it runs other instances too, none of which this one watches: whoever upgrades it
/// changes all of them at once.
fn shared_with_others(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let others = sharers(report, own);
    let Some(node) = report.survey.node.as_ref().filter(|_| !others.is_empty()) else {
        return Vec::new();
    };
    if others.iter().any(|other| watches(own, other)) {
        return Vec::new();
    }
    let (version, command) = (&node.version, &own.command);
    let msg = msg!(
        "doctor.engine-shared",
        version = version,
        others = label_list(&others)
    );
    vec![Problem::new(
        msg,
        format!("openclaw engine install {version} && {command} engine use {version}"),
    )]
}

/// Reports an upgrade or a rollback that was killed, so that the gateway may be down or run with half of it.
fn unfinished_switch(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let store = &report.survey.releases;
    if report.folders.is_absent(&store.folder) || StoreLock::is_held(store) {
        return Vec::new();
    }
    let id = Instance::id_of(&own.resolved.config);
    let Some(journal) = SwitchJournal::read_by_id(store, &id) else {
        return Vec::new();
    };
    let msg = msg!(
        "doctor.engine-unfinished",
        from = journal.from.name(),
        to = journal.to.name()
    );
    vec![Problem::new(msg, format!("{} engine rollback", own.command))]
}

/// Returns whether a file holds a JSON object, or does not exist.
fn is_json_object_or_missing(path: &Path) -> bool {
    match read::text(path) {
        Ok(text) => serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).is_ok(),
        Err(why) => matches!(why, ReadError::Missing),
    }
}

/// Reports a store of API keys that can't be read. A person decides what becomes of it: it holds keys that may be
/// nowhere else.
fn broken_keys(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let path = own.instance.auth_profiles();
    if report.folders.is_absent(&path) || is_json_object_or_missing(&path) {
        return Vec::new();
    }
    let msg = msg!("doctor.keys-broken", path = report.display_path(&path));
    let (from, to) = (shell_quote(&path), shell_quote(&free_aside_name(&path)));
    vec![Problem::new(
        msg,
        format!("mv {from} {to} && {} onboard", own.command),
    )]
}

/// Reports a list of paired devices that can't be read: the gateway accepts none of them then, and pairs no new one.
fn broken_devices(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let path = own.instance.paired_devices();
    if report.folders.is_absent(&path) || is_json_object_or_missing(&path) {
        return Vec::new();
    }
    let msg = msg!("doctor.devices-broken", path = report.display_path(&path));
    let to = free_aside_name(&path);
    vec![Problem::fixable(own, msg, Fix::Rename { path, to })]
}

/// Reports paired devices that only OpenClaw from npm still knows: it moves their file away when it takes them into its
/// database (docs/openclaw.md#device-tokens). The old file may name devices that were revoked since, so that a person
/// decides.
fn migrated_devices(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let paired = own.instance.paired_devices();
    let mut migrated = paired.clone().into_os_string();
    migrated.push(".migrated");
    let migrated = Path::new(&migrated);
    let is_native = (own.record.as_ref()).is_ok_and(|record| record.engine == Engine::Native);
    if !is_native || report.folders.is_absent(migrated) || paired.exists() || !migrated.is_file() {
        return Vec::new();
    }
    let msg = msg!("doctor.devices-migrated", path = report.display_path(migrated));
    let restore = format!("cp -p {} {}", shell_quote(migrated), shell_quote(&paired));
    vec![Problem::new(
        msg,
        format!("{restore} && {} gateway restart", own.command),
    )]
}

/// Reports a running gateway whose engine or version differs from the one that a start would run now.
fn skew(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let (Some(probe), Ok(record)) = (&own.probe, &own.record) else {
        return Vec::new();
    };
    let node = || Some(report.survey.node_for(Some(record))?.version);
    let here = match record.engine {
        Engine::Native => Some(env!("CARGO_PKG_VERSION").to_owned()),
        Engine::Node => node(),
    };
    let other_engine = probe.engine != record.engine;
    let other_version = matches!((&probe.version, &here), (Some(runs), Some(here)) if runs != here);
    if !probe.is_running() || !(other_engine || other_version) {
        return Vec::new();
    }
    let describe = |engine: &str, version: Option<&str>| format!("{engine} {}", version.unwrap_or("-"));
    let msg = msg!(
        "doctor.engine-skew",
        runs = describe(probe.engine.name(), probe.version.as_deref()),
        here = describe(record.engine.name(), here.as_deref())
    );
    vec![Problem::new(msg, format!("{} gateway restart", own.command))]
}
