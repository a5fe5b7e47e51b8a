//! Checks of services: the file that starts an instance, its manager's view of it, and whether both are up to date.

use std::path::{Path, PathBuf};

use super::check::{Check, Problem};
use super::fix::Fix;
use super::host_report::{HostReport, InstanceReport};
use crate::apply::free_aside_name;
use crate::config::dialect;
use crate::host::read::canonicalize_existing;
use crate::i18n::msg;
use crate::instance::Instance;
use crate::instance::shell_quote;
use crate::service::{Linger, RunState, retire_command, retire_system_command};
use crate::survey::InstalledService;

/// The doctor's checks of the services that start gateways at login.
pub(super) const CHECKS: &[Check] = &[
    Check::error("service-missing", missing),
    Check::error("service-unreadable", unreadable),
    Check::error("service-binary", binary),
    Check::warning("service-older", older),
    Check::error("service-double", double),
    Check::error("service-name", name),
    Check::warning("service-legacy", legacy),
    Check::warning("service-system", system),
    Check::error("service-gave-up", gave_up),
    Check::warning("service-drift", drift),
    Check::warning("service-disabled", disabled),
    Check::warning("service-timer", timer_off),
    Check::warning("service-token", token),
    Check::warning("service-linger", linger),
];

/// Folder below the home folder in which systemd keeps the links of enabled units (docs/openclaw.md#systemd-unit).
const SYSTEMD_WANTS_DIR: &str = ".config/systemd/user/default.target.wants";

/// Returns the installed services that start the gateway of this instance.
fn services<'s>(report: &'s HostReport<'_>, own: &InstanceReport<'_>) -> Vec<&'s InstalledService> {
    let same = report
        .services
        .iter()
        .filter(|(config, _)| *config == own.resolved.config);
    same.map(|(_, service)| service).collect()
}

/// Returns the name of the systemd unit that starts an instance's gateway.
fn unit_name(instance: &Instance) -> String {
    format!("openclaw-gateway{}.service", instance.profile.suffix())
}

/// Returns the command that installs the service of an instance's gateway anew.
fn install_command(own: &InstanceReport<'_>) -> String {
    format!("{} gateway install --force", own.command)
}

/// Reports a gateway's service that is enabled although its service file is missing.
fn missing(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let link = report.home.join(SYSTEMD_WANTS_DIR).join(unit_name(&own.instance));
    if report.folders.is_absent(&link)
        || !link.is_symlink()
        || link.exists()
        || !services(report, own).is_empty()
    {
        return Vec::new();
    }
    let msg = msg!("doctor.service-missing", path = report.display_path(&link));
    vec![Problem::new(msg, install_command(own))]
}

/// Reports a gateway's service file that can't be read: nobody knows which gateway it starts.
fn unreadable(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let unreadable = services(report, own).into_iter().filter_map(|service| {
        let why = service.unreadable.as_ref()?;
        let msg = msg!(
            "doctor.service-unreadable",
            file = report.display_path(&service.file),
            why = why
        );
        let (from, to) = (&service.file, free_aside_name(&service.file));
        let away = format!("mv {} {}", shell_quote(from), shell_quote(&to));
        Some(Problem::new(msg, format!("{away} && {}", install_command(own))))
    });
    unreadable.collect()
}

/// Reports a gateway's service whose program does not exist.
fn binary(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let gone = services(report, own).into_iter().filter_map(|service| {
        // In `node /path/openclaw.mjs gateway` both the program and the script have to exist.
        let mut paths = service.argv.iter().take(2).filter(|word| word.starts_with('/'));
        let path = paths.find(|path| !Path::new(path).exists())?;
        let msg = msg!(
            "doctor.service-binary",
            file = report.display_path(&service.file),
            path = path
        );
        Some(Problem::new(msg, install_command(own)))
    });
    gone.collect()
}

/// Reports a gateway's service that starts an older release or another copy of this program.
fn older(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    const OWN: &str = env!("CARGO_PKG_VERSION");
    let name = report.program.as_deref().and_then(Path::file_name);
    let found = services(report, own).into_iter().filter_map(|service| {
        let program = Path::new(service.argv.first()?);
        let is_ours = program.is_absolute() && program.exists() && program.file_name() == name;
        let version = service.version.as_deref().unwrap_or(OWN);
        let older = dialect::is_newer(OWN, version) == Some(true);
        let other = report
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
            own_path = report
                .program
                .as_deref()
                .unwrap_or(Path::new("openclaw"))
                .display(),
            own = OWN
        );
        Some(Problem::new(msg, install_command(own)))
    });
    found.collect()
}

/// Reports a service that starts the gateway alone and has the name of an earlier OpenClaw: an installation would put a second
/// one beside it.
fn legacy(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let services = services(report, own);
    let [service] = &services[..] else {
        return Vec::new();
    };
    if !service.has_legacy_name() {
        return Vec::new();
    }
    let msg = msg!("doctor.service-legacy", file = report.display_path(&service.file));
    let command = format!("{} && {}", retire_command(&service.file), install_command(own));
    vec![Problem::new(msg, command)]
}

/// Reports a unit of the system's systemd that starts the gateway alone: no command of this program controls it.
fn system(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    if !services(report, own).is_empty() {
        return Vec::new();
    }
    let problem = |unit: &PathBuf| {
        let msg = msg!("doctor.service-system", file = report.display_path(unit));
        let command = format!("{} && {}", retire_system_command(unit), install_command(own));
        Problem::new(msg, command)
    };
    own.system_units.iter().map(problem).collect()
}

/// Reports a second service that starts the gateway of the same instance, of the user or of the system.
fn double(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let services = services(report, own);
    let Some((first, rest)) = services.split_first() else {
        return Vec::new();
    };
    // The service with the name of the instance stays.
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
                file = report.display_path(&stays.file),
                other = report.display_path(&other.file)
            );
            Problem::new(msg, retire_command(&other.file))
        })
        .chain(own.system_units.iter().map(|unit| {
            let msg = msg!(
                "doctor.service-double",
                file = report.display_path(&stays.file),
                other = report.display_path(unit)
            );
            Problem::new(msg, retire_system_command(unit))
        }))
        .collect()
}

/// Reports a gateway's service that is named after one instance profile and starts another.
fn name(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let services = services(report, own);
    let [service] = &services[..] else {
        return Vec::new();
    };
    let wrong = service
        .named
        .as_ref()
        .filter(|named| **named != own.instance.profile);
    let has_profile = own.found.is_some_and(|found| found.profile.is_some());
    let problems = wrong.filter(|_| has_profile).map(|named| {
        let msg = msg!(
            "doctor.service-name",
            file = report.display_path(&service.file),
            other = named
        );
        Problem::new(msg, install_command(own))
    });
    problems.into_iter().collect()
}

/// Reports a gateway's service that the service manager no longer restarts, because it failed too often.
fn gave_up(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let status = own
        .service
        .as_ref()
        .filter(|status| status.state == RunState::GaveUp);
    let problems = status.map(|status| {
        let code = status
            .exit_code
            .map_or_else(|| "-".to_owned(), |code| code.to_string());
        let msg = msg!("doctor.service-gave-up", name = status.name, code = code);
        Problem::new(msg, format!("{} gateway start", own.command))
    });
    problems.into_iter().collect()
}

/// Reports a gateway's service file that differs from what a new installation would write, if no other check reports
/// the reason.
fn drift(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let Some(drift) = &own.drift else {
        return Vec::new();
    };
    let explained = [binary, older, double, name];
    if explained.iter().any(|check| !check(report, own).is_empty()) {
        return Vec::new();
    }
    let changed = drift.files.iter().map(|file| {
        let file = report.display_path(file);
        if drift.added_lines.is_empty() || cfg!(not(target_os = "linux")) {
            return Problem::new(msg!("doctor.service-drift", file = file), install_command(own));
        }
        // A new installation would replace these lines; a drop-in keeps them.
        let lines = drift.added_lines.join("; ");
        let msg = msg!("doctor.service-added-lines", file = file, lines = lines);
        Problem::new(msg, format!("systemctl --user edit {}", unit_name(&own.instance)))
    });
    let stale = own.service.as_ref().filter(|_| drift.stale).map(|status| {
        let msg = msg!("doctor.service-stale", name = status.name);
        Problem::new(msg, install_command(own))
    });
    changed.chain(stale).collect()
}

/// Reports a gateway's service that is installed and does not start at a login.
fn disabled(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let off = own.drift.as_ref().is_some_and(|drift| drift.disabled);
    let problems = own.service.as_ref().filter(|_| off).map(|status| {
        let msg = msg!("doctor.service-disabled", name = status.name);
        Problem::new(msg, install_command(own))
    });
    problems.into_iter().collect()
}

/// Reports a timer that is to look whether the gateway answers, and does not run.
fn timer_off(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let name = own.drift.as_ref().and_then(|drift| drift.timer_off.as_ref());
    let problem = name.map(|name| {
        let msg = msg!("doctor.service-timer", name = name);
        Problem::new(msg, install_command(own))
    });
    problem.into_iter().collect()
}

/// Reports a service file that holds the gateway's token and that other users may read
/// (docs/openclaw.md#service-secrets).
fn token(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let open = services(report, own).into_iter().filter_map(|service| {
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
        let path = report.display_path(&service.file);
        let msg = msg!("doctor.service-token", path = path, mode = format!("{mode:04o}"));
        let path = service.file.clone();
        Some(Problem::fixable(
            own,
            msg,
            Fix::SetMode {
                path,
                from: mode,
                to: 0o600,
            },
        ))
    });
    open.collect()
}

/// Reports a gateway's service that is enabled although services of this user end with the last logout.
fn linger(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let link = report.home.join(SYSTEMD_WANTS_DIR).join(unit_name(&own.instance));
    if report.linger != Linger::Off || !report.folders.exists(&link) {
        return Vec::new();
    }
    let msg = msg!("doctor.service-linger", name = unit_name(&own.instance));
    vec![Problem::new(
        msg,
        format!("{} gateway install --linger", own.command),
    )]
}
