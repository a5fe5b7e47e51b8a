//! One instance as found: its port and on which ground, what it holds, what it owns.

use super::discover::Candidate;
use super::settings::{self, Reading};
use super::{ConfigHealth, Surveyed};
use crate::config::{self, backup};
use crate::env_file;
use crate::environment::Environment;
use crate::host::read;
use crate::instance::{Instance, RECORD_FILE};
use crate::ports::{
    BasePort, Claim, DEFAULT_BASE, DEV_BASE, Port, PortFamily, PortSource, Role, Span, hashed_default,
};
use crate::profile::ProfileName;
use crate::record::Record;

/// Judges an instance by its files.
pub(super) fn survey(env: &Environment, found: Candidate) -> Surveyed {
    let (base, claims) = ports(&found);
    let value = match &found.reading {
        Reading::Ok(value) => Some(value),
        Reading::Missing | Reading::Broken(_) => None,
    };
    let mut workspaces = value
        .map(|v| settings::workspaces(env, &found.state_dir, v))
        .unwrap_or_default();
    if value.is_none_or(|v| v.pointer("/agents/defaults/workspace").is_none()) {
        workspaces.extend(implied_workspaces(env, &found));
    }
    let tokens = value
        .map(|v| settings::tokens(env, &found.state_dir, v))
        .unwrap_or_default();
    let label = match &found.profile {
        Some(profile) => profile.to_string(),
        None => super::path_label(&env.home, &found.config_path),
    };
    Surveyed {
        label,
        profile: found.profile,
        config_path: found.config_path,
        state_dir: found.state_dir,
        workspaces,
        config: match found.reading {
            Reading::Ok(_) => ConfigHealth::Ok,
            Reading::Missing => ConfigHealth::Missing,
            Reading::Broken(fault) => ConfigHealth::Broken(fault),
        },
        base,
        claims,
        tokens,
        service: found.service.map(|service| service.file),
        found_by: found.found_by,
    }
}

/// The port that it would use now, and all that it holds.
fn ports(found: &Candidate) -> (Option<(PortFamily, PortSource)>, Vec<Claim>) {
    let set = set_port(found);
    let mut claims = Vec::new();
    let base = match set {
        Some((port, source, key)) => {
            let family = PortFamily::new(port);
            match family {
                Some(family) => claims.extend(family.claims()),
                // Nothing can be derived from such a port, but it is bound all the same.
                None => claims.push(Claim::pinned(Span::one(port), Role::Pinned, key)),
            }
            family.map(|family| (family, source))
        }
        None if matches!(found.reading, Reading::Missing) && found.service.is_none() => None,
        None => {
            let mut bases = default_bases(found.profile.as_ref());
            if matches!(found.reading, Reading::Broken(_)) {
                // It can't start as it is: its likeliest port is kept for it, and no other.
                bases.truncate(1);
            }
            let families = bases.iter().copied().map(PortFamily::from);
            claims.extend(families.flat_map(PortFamily::claims));
            bases
                .first()
                .map(|base| (PortFamily::from(*base), PortSource::Default))
        }
    };
    if let Reading::Ok(value) = &found.reading {
        let derived: Vec<_> = claims.iter().filter(|c| !c.is_pool()).map(|c| c.span).collect();
        claims.extend(
            settings::pinned(value)
                .into_iter()
                .filter(|c| !derived.contains(&c.span)),
        );
    }
    (base, claims)
}

/// The port that something sets, from the strongest ground to the weakest, with the key that sets it.
fn set_port(found: &Candidate) -> Option<(Port, PortSource, &'static str)> {
    const VAR: &str = "OPENCLAW_GATEWAY_PORT";
    let service = || Some((found.service.as_ref()?.port?, PortSource::Service, "--port"));
    let env_file = || {
        let value = env_file::variable(&found.state_dir.join(".env"), VAR)?;
        Some((Port::from_variable(&value)?, PortSource::EnvFile, VAR))
    };
    let config = || match &found.reading {
        Reading::Ok(value) => Some((config::base_port(value)?, PortSource::Config, "gateway.port")),
        Reading::Broken(_) => backup_port(found),
        Reading::Missing => None,
    };
    let record = || {
        // A broken record says nothing here; the doctor and its own gateway name it.
        let recorded = Record::load(&found.state_dir.join(RECORD_FILE))
            .ok()
            .and_then(|record| record.ports.base);
        let port = recorded.or_else(|| found.entry.as_ref().map(|entry| entry.port))?;
        Some((port, PortSource::Record, RECORD_FILE))
    };
    service().or_else(env_file).or_else(config).or_else(record)
}

/// The port of what its gateway ran with last, or of the newest backup that can be read, where the config
/// itself can't.
fn backup_port(found: &Candidate) -> Option<(Port, PortSource, &'static str)> {
    let last_good = || match settings::read(&backup::last_good_path(&found.config_path)) {
        Reading::Ok(value) => config::base_port(&value),
        Reading::Missing | Reading::Broken(_) => None,
    };
    let backup = || {
        let (_, document) = backup::newest_valid(&found.config_path, None)?;
        config::base_port(document.value())
    };
    let port = last_good().or_else(backup)?;
    Some((port, PortSource::Backup, "gateway.port"))
}

/// What an instance without a port would use, the likeliest first: releases disagree on named profiles
/// (rule 4).
fn default_bases(profile: Option<&ProfileName>) -> Vec<BasePort> {
    match profile {
        Some(profile) if profile.is_dev() => vec![DEV_BASE],
        Some(profile) if !profile.is_default() => vec![hashed_default(profile.as_str()), DEFAULT_BASE],
        _ => vec![DEFAULT_BASE],
    }
}

/// Where its workspace is when its config names none: wherever a release would have put it and it
/// exists; else where this program puts it, unless there is no instance yet.
fn implied_workspaces(env: &Environment, found: &Candidate) -> Vec<std::path::PathBuf> {
    let plain = found.state_dir.join("workspace");
    let own = found.profile.as_ref().map(|profile| {
        let instance = Instance {
            state_dir: found.state_dir.clone(),
            ..Instance::canonical(&env.home, profile.clone())
        };
        (instance.default_workspace(), instance.legacy_workspace(&env.home))
    });
    let (proposed, legacy) = own.unwrap_or_else(|| (plain.clone(), None));
    let mut paths: Vec<_> = [Some(plain), Some(proposed.clone()), legacy]
        .into_iter()
        .flatten()
        .filter(|path| path.is_dir())
        .map(|path| read::canonicalize_existing(&path))
        .collect();
    paths.sort();
    paths.dedup();
    if paths.is_empty() && !matches!(found.reading, Reading::Missing) {
        paths.push(read::canonicalize_existing(&proposed));
    }
    paths
}
