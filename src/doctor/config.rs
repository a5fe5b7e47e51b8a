//! The config file: can it be read, would OpenClaw take it, is it private, is it this user's?

use super::scene::{Role, Scene, Subject};
use super::{Check, Fix, Seen, aside, word};
use crate::config::backup;
use crate::config::dialect::{self, Dialect};
use crate::config::schema;
use crate::i18n::{Msg, msg};
use crate::instance::CONFIG_FILE;
use crate::record::Engine;
use crate::survey::{ConfigHealth, FoundBy, Surveyed};

pub(super) const CHECKS: &[Check] = &[
    Check::error("config-missing", missing),
    Check::error("config-broken", broken),
    Check::error("config-invalid", invalid),
    Check::info("config-one-release", one_release),
    Check::warning("config-legacy", legacy),
    Check::error("config-mode", |scene, own| open(scene, own, Role::Config)),
    Check::warning("config-backup-mode", |scene, own| open(scene, own, Role::Backup)),
    Check::error("config-owner", owner),
    Check::warning("config-link", link),
    Check::warning("config-newer", newer),
];

/// Names under which early releases kept the config (docs/openclaw.md#legacy-names).
const LEGACY: [&str; 3] = ["clawdbot.json", "moltbot.json", "moldbot.json"];

fn missing(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let path = &own.instance.config_path;
    let nothing = std::fs::symlink_metadata(path).is_err();
    let forgotten = own.found.is_some() && !own.instance.state_dir.exists();
    // The page's manual way puts configs into `~/.openclaw`, which is no instance for that.
    let is_shelf = |found: &Surveyed| {
        let mut others = scene.subjects.iter().filter(|other| other.at != own.at);
        found.found_by == [FoundBy::Folder]
            && others.any(|other| other.instance.config_path.parent() == path.parent())
    };
    if !nothing || forgotten || own.found.is_some_and(is_shelf) {
        return Vec::new();
    }
    let msg = msg!("doctor.config-missing", path = scene.shown(path));
    vec![Seen::new(msg, format!("{} onboard", own.command))]
}

fn broken(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let Some(ConfigHealth::Broken(fault)) = own.found.map(|found| &found.config) else {
        return Vec::new();
    };
    let path = &own.instance.config_path;
    let place = scene.shown(std::path::Path::new(&fault.location(path)));
    let msg = Msg::new("doctor.config-broken")
        .with("place", place)
        .with_msg("why", fault.why.clone());
    // An include that is at fault is not mended by another main file.
    let readable = crate::host::read::bytes(path).is_ok();
    let backup = backup::newest_valid(path, None).filter(|_| own.document.is_none() && readable);
    vec![match backup {
        Some((_, document)) => Seen::fixed(
            own,
            msg,
            Fix::Restore {
                config: path.clone(),
                text: document.text().to_owned(),
            },
        ),
        None => Seen::new(msg, format!("{} config validate", own.command)),
    }]
}

fn invalid(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    if !own.config.is_object() {
        return Vec::new();
    }
    let seen = refused(scene, own).into_iter().map(|finding| {
        let unknown = finding.why.key() == "config.schema-unknown";
        let here = own
            .document
            .as_ref()
            .is_some_and(|d| d.get(&finding.path).is_some());
        let msg = Msg::new("doctor.config-invalid")
            .with("path", &finding.path)
            .with_msg("why", finding.why);
        if unknown && here {
            let config = own.instance.config_path.clone();
            let key = finding.path;
            Seen::fixed(
                own,
                msg,
                Fix::Set {
                    config,
                    key,
                    value: None,
                },
            )
        } else {
            Seen::new(msg, format!("{} config validate", own.command))
        }
    });
    seen.collect()
}

/// What keeps the gateway of this instance's engine from starting, as that judges at its start.
fn refused(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<schema::SchemaFinding> {
    let engine = own.record.as_ref().map(|record| record.engine);
    if matches!(engine, Ok(Engine::Native)) {
        return schema::refused_by_all(&own.config);
    }
    let node = scene.survey.node.as_ref().map(|node| node.version.as_str());
    schema::check(&own.config, Dialect::choose(node, Some(&own.config)))
}

/// What one release of OpenClaw would refuse and this instance's engine takes.
fn one_release(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    if !own.config.is_object() || !refused(scene, own).is_empty() {
        return Vec::new();
    }
    let releases = [
        (Dialect::Early, dialect::EARLY_VERSION),
        (Dialect::Late, dialect::LATE_VERSION),
    ];
    let seen = releases.into_iter().filter_map(|(dialect, release)| {
        let findings = schema::check(&own.config, dialect);
        let count = findings.len();
        let first = findings.into_iter().next()?;
        let msg = Msg::new("doctor.config-one-release")
            .with("release", release)
            .with("path", first.path)
            .with_msg("why", first.why)
            .with("count", count);
        Some(Seen::new(msg, format!("{} config validate", own.command)))
    });
    seen.collect()
}

fn legacy(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let folder = &own.instance.state_dir;
    let file = LEGACY
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file());
    let mut seen: Vec<Seen> = file
        .map(|path| {
            let msg = msg!(
                "doctor.config-legacy",
                path = scene.shown(&path),
                name = CONFIG_FILE
            );
            let own_name = folder.join(CONFIG_FILE);
            let to = if own_name.exists() { aside(&path) } else { own_name };
            Seen::fixed(own, msg, Fix::Move { path, to })
        })
        .into_iter()
        .collect();
    let env = own.instance.env_file();
    for name in [
        "CLAWDBOT_GATEWAY_PORT",
        "CLAWDBOT_GATEWAY_TOKEN",
        "CLAWDBOT_STATE_DIR",
    ] {
        if crate::env_file::variable(&env, name).is_some() {
            let msg = msg!(
                "doctor.config-legacy-variable",
                name = name,
                path = scene.shown(&env)
            );
            let mend = format!(
                "sed -i 's/^\\(export \\)\\{{0,1\\}}CLAWDBOT_/\\1OPENCLAW_/' {}",
                word(&env)
            );
            seen.push(Seen::new(msg, mend));
            break;
        }
    }
    seen
}

/// Files of a role that others than their owner may read or write.
pub(super) fn open(scene: &Scene<'_>, own: &Subject<'_>, role: Role) -> Vec<Seen> {
    let open = own
        .of_role(role)
        .filter(|(_, place)| place.mode & 0o077 != 0 && place.owner.is_none());
    open.map(|(path, place)| {
        let msg = msg!(
            "doctor.file-open",
            path = scene.shown(path),
            mode = format!("{:04o}", place.mode)
        );
        let to = if place.is_folder { 0o700 } else { 0o600 };
        match &place.link {
            // What a link leads to may be anybody's to judge.
            Some(target) => Seen::new(msg, format!("chmod {to:o} {}", word(target))),
            None => Seen::fixed(
                own,
                msg,
                Fix::Mode {
                    path: path.clone(),
                    from: place.mode,
                    to,
                },
            ),
        }
    })
    .collect()
}

fn owner(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    super::state::owners(scene, own, |role| role != Role::State)
}

fn link(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let links = own
        .of_role(Role::Config)
        .filter_map(|(path, place)| Some((path, place.link.as_ref()?)));
    let foreign = |target: &std::path::Path| {
        scene
            .subjects
            .iter()
            .any(|other| other.at != own.at && other.real.config == target)
    };
    links
        .filter(|(_, target)| !foreign(target))
        .map(|(path, target)| {
            let msg = msg!(
                "doctor.config-link",
                path = scene.shown(path),
                target = scene.shown(target)
            );
            Seen::new(
                msg,
                format!("cp --remove-destination {} {}", word(target), word(path)),
            )
        })
        .collect()
}

/// The release that wrote the config is newer than what is to read it.
fn newer(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let (reader, place) = match &scene.survey.node {
        Some(node) => (node.version.as_str(), scene.shown(&node.path)),
        None => (dialect::NEWEST_KNOWN_VERSION, "openclaw".to_owned()),
    };
    let seen = dialect::newer_stamp(&own.config, reader).map(|stamp| {
        let msg = msg!(
            "doctor.config-newer",
            stamp = stamp,
            version = reader,
            path = place
        );
        // Who says so takes the config for one of the older release.
        let mend = format!("{} config set meta.lastTouchedVersion {reader}", own.command);
        Seen::new(msg, mend)
    });
    seen.into_iter().collect()
}
