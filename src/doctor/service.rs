//! Services: the file that starts an instance, its manager's view of it, and whether both tell the truth.

use std::path::Path;

use super::scene::{Scene, Subject};
use super::{Check, Fix, Seen, aside, word};
use crate::config::dialect;
use crate::host::read::canonicalize_existing;
use crate::i18n::msg;
use crate::instance::Instance;
use crate::service::{Linger, RunState};
use crate::survey::InstalledService;

pub(super) const CHECKS: &[Check] = &[
    Check::error("service-missing", missing),
    Check::error("service-binary", binary),
    Check::warning("service-older", older),
    Check::error("service-double", double),
    Check::error("service-name", name),
    Check::error("service-gave-up", gave_up),
    Check::warning("service-drift", drift),
    Check::warning("service-disabled", disabled),
    Check::warning("service-token", token),
    Check::warning("service-linger", linger),
];

/// Where systemd keeps the links of enabled units (docs/openclaw.md#systemd-unit).
const WANTS: &str = ".config/systemd/user/default.target.wants";

fn services<'s>(scene: &'s Scene<'_>, own: &Subject<'_>) -> Vec<&'s InstalledService> {
    let same = scene
        .services
        .iter()
        .filter(|(config, _)| *config == own.real.config);
    same.map(|(_, service)| service).collect()
}

fn unit(instance: &Instance) -> String {
    format!("openclaw-gateway{}.service", instance.profile.suffix())
}

fn install(own: &Subject<'_>) -> String {
    format!("{} gateway install --force", own.command)
}

/// It is enabled, and its file is gone.
fn missing(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let link = scene.home.join(WANTS).join(unit(&own.instance));
    if !link.is_symlink() || link.exists() || !services(scene, own).is_empty() {
        return Vec::new();
    }
    let msg = msg!("doctor.service-missing", path = scene.shown(&link));
    vec![Seen::new(msg, install(own))]
}

fn binary(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let gone = services(scene, own).into_iter().filter_map(|service| {
        // `node /path/openclaw.mjs gateway`: the first words that are paths are what is run.
        let mut paths = service.argv.iter().take(2).filter(|word| word.starts_with('/'));
        let path = paths.find(|path| !Path::new(path).exists())?;
        let msg = msg!(
            "doctor.service-binary",
            file = scene.shown(&service.file),
            path = path
        );
        Some(Seen::new(msg, install(own)))
    });
    gone.collect()
}

/// An older release of this program, or another copy of it, runs the gateway.
fn older(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    const OWN: &str = env!("CARGO_PKG_VERSION");
    let name = scene.program.as_deref().and_then(Path::file_name);
    let found = services(scene, own).into_iter().filter_map(|service| {
        let program = Path::new(service.argv.first()?);
        let is_ours = program.is_absolute() && program.exists() && program.file_name() == name;
        let version = service.version.as_deref().unwrap_or(OWN);
        let older = dialect::is_newer(OWN, version) == Some(true);
        let other = scene
            .program
            .as_deref()
            .is_some_and(|own| canonicalize_existing(own) != canonicalize_existing(program));
        if !is_ours || !(older || other) {
            return None;
        }
        let msg = msg!(
            "doctor.service-older",
            path = program.display(),
            version = version,
            own_path = scene
                .program
                .as_deref()
                .unwrap_or(Path::new("openclaw"))
                .display(),
            own = OWN
        );
        Some(Seen::new(msg, install(own)))
    });
    found.collect()
}

fn double(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let services = services(scene, own);
    let Some((first, rest)) = services.split_first().filter(|(_, rest)| !rest.is_empty()) else {
        return Vec::new();
    };
    // The one whose name is the instance's stays.
    let is_own = |service: &InstalledService| service.named.as_ref() == Some(&own.instance.profile);
    let stays = if rest.iter().any(|service| is_own(service)) && !is_own(first) {
        rest.iter().find(|service| is_own(service)).unwrap_or(first)
    } else {
        first
    };
    let others = services.iter().filter(|service| service.file != stays.file);
    others
        .map(|other| {
            let msg = msg!(
                "doctor.service-double",
                file = scene.shown(&stays.file),
                other = scene.shown(&other.file)
            );
            // The manager has to let go of it first: the file alone is not the service.
            let name = other.file.file_name().unwrap_or_default();
            let off = if cfg!(target_os = "macos") {
                format!("launchctl bootout gui/$(id -u) {}", word(&other.file))
            } else {
                format!("systemctl --user disable --now {}", word(Path::new(name)))
            };
            let away = format!("mv {} {}", word(&other.file), word(&aside(&other.file)));
            Seen::new(msg, format!("{off}; {away}"))
        })
        .collect()
}

/// A service that is called after one profile and starts another.
fn name(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let services = services(scene, own);
    let [service] = &services[..] else {
        return Vec::new();
    };
    let wrong = service
        .named
        .as_ref()
        .filter(|named| **named != own.instance.profile);
    let has_profile = own.found.is_some_and(|found| found.profile.is_some());
    let seen = wrong.filter(|_| has_profile).map(|named| {
        let msg = msg!(
            "doctor.service-name",
            file = scene.shown(&service.file),
            other = named
        );
        Seen::new(msg, install(own))
    });
    seen.into_iter().collect()
}

fn gave_up(_: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let status = own
        .service
        .as_ref()
        .filter(|status| status.state == RunState::GaveUp);
    let seen = status.map(|status| {
        let code = status
            .exit_code
            .map_or_else(|| "-".to_owned(), |code| code.to_string());
        let msg = msg!("doctor.service-gave-up", name = status.name, code = code);
        Seen::new(msg, format!("{} gateway start", own.command))
    });
    seen.into_iter().collect()
}

/// The file is not what would be installed now. Where another check says why, that is enough.
fn drift(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let Some(drift) = &own.drift else {
        return Vec::new();
    };
    let explained = [binary, older, double, name];
    if explained.iter().any(|check| !check(scene, own).is_empty()) {
        return Vec::new();
    }
    let changed = drift.files.iter().map(|file| {
        let msg = msg!("doctor.service-drift", file = scene.shown(file));
        Seen::new(msg, install(own))
    });
    let stale = own.service.as_ref().filter(|_| drift.stale).map(|status| {
        let msg = msg!("doctor.service-stale", name = status.name);
        Seen::new(msg, install(own))
    });
    changed.chain(stale).collect()
}

/// It is there, and starts at no login.
fn disabled(_: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let off = own.drift.as_ref().is_some_and(|drift| drift.disabled);
    let seen = own.service.as_ref().filter(|_| off).map(|status| {
        let msg = msg!("doctor.service-disabled", name = status.name);
        Seen::new(msg, install(own))
    });
    seen.into_iter().collect()
}

/// A token in a service file that everybody may read (docs/openclaw.md#service-secrets).
fn token(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let open = services(scene, own).into_iter().filter_map(|service| {
        let meta = std::fs::symlink_metadata(&service.file)
            .ok()
            .filter(std::fs::Metadata::is_file)?;
        let mode = super::system::mode(&meta);
        let text = crate::host::read::text(&service.file).ok()?;
        let holds = text.contains("OPENCLAW_GATEWAY_TOKEN=") || text.contains("OPENCLAW_GATEWAY_PASSWORD=");
        let open = mode & 0o077 != 0;
        if !open || !holds {
            return None;
        }
        let path = scene.shown(&service.file);
        let msg = msg!("doctor.service-token", path = path, mode = format!("{mode:04o}"));
        let path = service.file.clone();
        Some(Seen::fixed(
            own,
            msg,
            Fix::Mode {
                path,
                from: mode,
                to: 0o600,
            },
        ))
    });
    open.collect()
}

fn linger(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let enabled = scene.home.join(WANTS).join(unit(&own.instance)).exists();
    if scene.linger != Linger::Off || !enabled {
        return Vec::new();
    }
    let msg = msg!("doctor.service-linger", name = unit(&own.instance));
    vec![Seen::new(
        msg,
        format!("{} gateway install --linger", own.command),
    )]
}
