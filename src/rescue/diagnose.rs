//! Diagnoses a gateway that is not well: from evidence to causes, the most probable first. Pure.
//!
//! The order is that of what keeps a gateway from running whatever else is right: a missing folder, a full disk, a
//! config that no gateway starts from, a port that another program holds; then what happened to its process, and
//! last that it was simply stopped.

use std::path::{Path, PathBuf};

use super::evidence::{Evidence, StateDirHealth};
use super::record::CauseKind;
use crate::host::FileSystemSpace;
use crate::i18n::{Msg, msg, size_msg};
use crate::instance::shell_quote;
use crate::ports::{Listener, SocketOwner};
use crate::probe::{Probe, ProbeVerdict, RunEnd};
use crate::service::{RunState, ServiceStatus};
use crate::text::sanitize;

/// Minimum number of a gateway's restarts in a row that make a crash loop: after a single crash the next start is
/// awaited.
const MIN_CRASH_LOOP_RESTARTS: u32 = 2;
/// Minimum number of free bytes on the disk of a gateway's state folder; with fewer, a diagnosis names a full disk.
const MIN_FREE_BYTES: u64 = 1024 * 1024;
/// Minimum number of files that can still be created on the disk of a gateway's state folder; with fewer, a diagnosis names
/// the lack of inodes. A gateway that starts creates about ten.
const MIN_FREE_INODES: u64 = 16;

/// A reason, found by a diagnosis, why a gateway is not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The state folder is missing, or is no folder.
    StateGone(PathBuf),
    /// The state folder is not the one that was set up: its record is missing.
    RecordGone(PathBuf),
    /// The state folder can't be entered, or the config can't be read.
    Unreadable(PathBuf),
    /// The state folder or the config belongs to another user.
    ForeignOwner(PathBuf),
    /// The disk of the state folder has only this many bytes free.
    DiskFull(u64),
    /// The disk of this state folder has only this many inodes left.
    NoInodes(PathBuf, u64),
    /// The file system of this state folder is read-only.
    ReadOnlyDisk(PathBuf),
    /// No gateway starts from the config; with the reason.
    Config(Msg),
    /// Another program holds the port; with its socket, where known.
    PortTaken(Option<Listener>),
    /// A gateway of this other profile holds the port.
    PortOfProfile(String),
    /// This process of the gateway lives and does not answer.
    Hung(u32),
    /// The gateway is starting.
    Starting,
    /// The gateway is ending, as it was told to.
    ShuttingDown,
    /// The gateway runs where its process can't be seen: in another container, or as another user.
    OutOfReach,
    /// The program that the service starts is missing.
    ProgramGone(PathBuf),
    /// The service manager starts the service no more; with the last exit code.
    GaveUp(Option<i32>),
    /// The service of this name is masked, so that nothing can start it.
    Masked(String),
    /// The service manager starts the service again and again, because it ends each time; with the number of restarts.
    CrashLoop(u32),
    /// The gateway runs with another port or token than its files say.
    Outdated,
    /// The gateway runs and says why it is not well.
    Unwell(String),
    /// The gateway runs and is healthy, but these accounts of its messaging channels do not work.
    Deaf(String),
    /// The gateway has no service and does not run.
    NoService,
    /// The gateway was killed, or crashed.
    Killed,
    /// The gateway was stopped, or never started.
    Stopped,
}

impl Cause {
    /// Returns the kind of the cause why a gateway is not well, without its particulars.
    pub(crate) fn kind(&self) -> CauseKind {
        match self {
            Self::StateGone(_) | Self::RecordGone(_) => CauseKind::StateGone,
            Self::Unreadable(_) => CauseKind::Unreadable,
            Self::ForeignOwner(_) => CauseKind::ForeignOwner,
            Self::DiskFull(_) => CauseKind::DiskFull,
            Self::NoInodes(..) => CauseKind::NoInodes,
            Self::ReadOnlyDisk(_) => CauseKind::ReadOnlyDisk,
            Self::Config(_) => CauseKind::Config,
            Self::PortTaken(_) => CauseKind::PortTaken,
            Self::PortOfProfile(_) => CauseKind::PortOfProfile,
            Self::Hung(_) => CauseKind::Hung,
            Self::Starting => CauseKind::Starting,
            Self::ShuttingDown => CauseKind::ShuttingDown,
            Self::OutOfReach => CauseKind::OutOfReach,
            Self::ProgramGone(_) => CauseKind::ProgramGone,
            Self::GaveUp(_) => CauseKind::GaveUp,
            Self::Masked(_) => CauseKind::Masked,
            Self::CrashLoop(_) => CauseKind::CrashLoop,
            Self::Outdated => CauseKind::Outdated,
            Self::Unwell(_) => CauseKind::Unwell,
            Self::Deaf(_) => CauseKind::Deaf,
            Self::NoService => CauseKind::NoService,
            Self::Killed => CauseKind::Killed,
            Self::Stopped => CauseKind::Stopped,
        }
    }

    /// Returns the sentence that tells a user why a gateway is not well.
    pub(crate) fn msg(&self) -> Msg {
        match self {
            Self::StateGone(path) => msg!("rescue.cause-state-gone", path = path.display()),
            Self::RecordGone(path) => msg!("rescue.cause-record-gone", path = path.display()),
            Self::Unreadable(path) => msg!("rescue.cause-unreadable", path = path.display()),
            Self::ForeignOwner(path) => msg!("rescue.cause-foreign-owner", path = path.display()),
            Self::DiskFull(free) => Msg::new("rescue.cause-disk-full").with_msg("free", size_msg(*free)),
            Self::NoInodes(path, free) => {
                msg!("rescue.cause-no-inodes", path = path.display(), free = free)
            }
            Self::ReadOnlyDisk(path) => msg!("rescue.cause-disk-read-only", path = path.display()),
            Self::Config(why) => why.clone(),
            Self::PortTaken(Some(listener)) => match listener.process() {
                Some(owner) => msg!(
                    "rescue.cause-port-taken",
                    port = listener.port,
                    name = owner.name,
                    pid = owner.pid
                ),
                None => msg!("rescue.cause-port-taken-unknown", port = listener.port),
            },
            Self::PortTaken(None) => msg!("rescue.cause-port-stranger"),
            Self::PortOfProfile(profile) => msg!("rescue.cause-port-of", profile = profile),
            Self::Hung(pid) => msg!("rescue.cause-hung", pid = pid),
            Self::Starting => msg!("rescue.cause-starting"),
            Self::ShuttingDown => msg!("rescue.cause-shutting-down"),
            Self::OutOfReach => msg!("rescue.cause-out-of-reach"),
            Self::ProgramGone(path) => msg!("rescue.cause-program-gone", path = path.display()),
            Self::GaveUp(Some(code)) => msg!("rescue.cause-gave-up", code = code),
            Self::GaveUp(None) => msg!("rescue.cause-gave-up-signal"),
            Self::Masked(name) => msg!("rescue.cause-masked", name = name),
            Self::CrashLoop(restarts) => msg!("rescue.cause-crash-loop", restarts = restarts),
            Self::Outdated => msg!("rescue.cause-outdated"),
            Self::Unwell(why) => msg!("rescue.cause-unwell", why = why),
            Self::Deaf(accounts) => msg!("rescue.cause-deaf", accounts = accounts),
            Self::NoService => msg!("rescue.cause-no-service"),
            Self::Killed => msg!("rescue.cause-killed"),
            Self::Stopped => msg!("rescue.cause-stopped"),
        }
    }

    /// Returns whether only a person can do something about the cause of a gateway's failure.
    pub(crate) fn needs_person(&self) -> bool {
        self.by_hand("").is_some()
    }

    /// Returns what only a person can do about the cause of a gateway's failure; `None` where a repair may mend it.
    /// `command` is the start of a command for its instance.
    pub(crate) fn by_hand(&self, command: &str) -> Option<Msg> {
        Some(match self {
            Self::StateGone(path) | Self::RecordGone(path) => {
                msg!("rescue.hand-state-gone", path = path.display())
            }
            Self::Unreadable(path) => msg!("rescue.hand-unreadable", path = path.display()),
            Self::ForeignOwner(path) => msg!("rescue.hand-foreign-owner", path = path.display()),
            Self::DiskFull(_) => msg!("rescue.hand-disk-full"),
            Self::NoInodes(..) => msg!("rescue.hand-no-inodes"),
            Self::ReadOnlyDisk(path) => {
                let command = format!("findmnt -T {}", shell_quote(path));
                msg!("rescue.hand-disk-read-only", command = command)
            }
            Self::PortTaken(Some(Listener {
                owner: SocketOwner::Process(owner),
                ..
            })) => msg!("rescue.hand-port-taken", pid = owner.pid, command = command),
            Self::PortTaken(_) => msg!("rescue.hand-port-unknown", command = command),
            Self::PortOfProfile(_) => msg!("rescue.hand-port-of", command = command),
            Self::Starting | Self::ShuttingDown => msg!("rescue.hand-wait"),
            Self::OutOfReach => msg!("rescue.hand-out-of-reach"),
            Self::Masked(name) => {
                msg!(
                    "service.unmask",
                    command = format!("systemctl --user unmask {name}")
                )
            }
            _ => return None,
        })
    }
}

/// Returns the causes why a gateway is not well, the most probable first; none where it is well.
pub(crate) fn diagnose(evidence: &Evidence) -> Vec<Cause> {
    if evidence.probe.is_healthy() {
        return cause_of_deafness(&evidence.probe).into_iter().collect();
    }
    let mut causes = Vec::new();
    match &evidence.state_dir {
        StateDirHealth::Gone(path) => causes.push(Cause::StateGone(path.clone())),
        StateDirHealth::Emptied(path) => causes.push(Cause::RecordGone(path.clone())),
        StateDirHealth::Unreadable(path) => causes.push(Cause::Unreadable(path.clone())),
        StateDirHealth::ForeignOwner(path) => causes.push(Cause::ForeignOwner(path.clone())),
        StateDirHealth::Ok => {}
    }
    causes.extend(
        evidence
            .disk
            .and_then(|disk| cause_of_disk(disk, &evidence.state_path)),
    );
    if let Some(why) = &evidence.config_refusal
        && causes.is_empty()
    {
        causes.push(Cause::Config(why.clone()));
    }
    if evidence.probe.is_out_of_reach {
        causes.push(Cause::OutOfReach);
    }
    if let Some(path) = &evidence.missing_program {
        causes.push(Cause::ProgramGone(path.clone()));
    }
    match &evidence.probe.verdict {
        ProbeVerdict::Stranger(listener) => causes.push(Cause::PortTaken(listener.clone())),
        ProbeVerdict::OtherProfile(profile) => causes.push(Cause::PortOfProfile(profile.clone())),
        ProbeVerdict::Slow => match evidence.probe.proved_pid {
            Some(pid) => causes.push(Cause::Hung(pid)),
            None if causes.contains(&Cause::OutOfReach) => {}
            None => causes.push(Cause::OutOfReach),
        },
        ProbeVerdict::Starting => causes.push(Cause::Starting),
        ProbeVerdict::ShuttingDown => causes.push(Cause::ShuttingDown),
        ProbeVerdict::ElsewhereOn(_) | ProbeVerdict::TokenRefused => causes.push(Cause::Outdated),
        ProbeVerdict::Unhealthy(why) => causes.push(Cause::Unwell(why.clone())),
        ProbeVerdict::NotRunning => {
            let is_explained = !causes.is_empty();
            causes.extend(cause_of_absence(evidence, is_explained));
        }
        // It runs and answers; whoever tries so many tokens is not its fault.
        ProbeVerdict::Healthy | ProbeVerdict::TooManyAttempts => {}
    }
    causes
}

/// Returns that messaging channels of a healthy gateway do not work; `None` where all do.
pub(crate) fn cause_of_deafness(probe: &Probe) -> Option<Cause> {
    let accounts: Vec<_> = probe
        .deaf_accounts()
        .iter()
        .map(|account| match &account.last_error {
            Some(why) => format!("{} ({}): {why}", account.label, account.account_id),
            None => format!("{} ({})", account.label, account.account_id),
        })
        .collect();
    (!accounts.is_empty()).then(|| Cause::Deaf(sanitize(&accounts.join("; "))))
}

/// Returns why no gateway can write its files on the file system of its state folder; `None` where it can.
fn cause_of_disk(disk: FileSystemSpace, state: &Path) -> Option<Cause> {
    match disk {
        FileSystemSpace {
            is_read_only: true, ..
        } => Some(Cause::ReadOnlyDisk(state.to_path_buf())),
        FileSystemSpace { free_bytes, .. } if free_bytes < MIN_FREE_BYTES => {
            Some(Cause::DiskFull(free_bytes))
        }
        FileSystemSpace {
            free_inodes: Some(free),
            ..
        } if free < MIN_FREE_INODES => Some(Cause::NoInodes(state.to_path_buf(), free)),
        _ => None,
    }
}

/// Returns why a gateway does not run, by its process and its service. That it was stopped or killed is said only
/// where nothing else explains it.
fn cause_of_absence(evidence: &Evidence, is_explained: bool) -> Option<Cause> {
    let service = evidence.service.as_ref();
    match (service, evidence.probe.proved_pid) {
        (_, Some(pid)) => Some(Cause::Hung(pid)),
        (Some(service), None) if is_in_crash_loop(service) => Some(Cause::CrashLoop(service.restarts)),
        (Some(service), None) if service.state == RunState::GaveUp => Some(Cause::GaveUp(service.exit_code)),
        (Some(service), None) if service.state == RunState::Masked => {
            Some(Cause::Masked(service.name.clone()))
        }
        (Some(service), None) if service.state == RunState::NotInstalled => Some(Cause::NoService),
        _ if is_explained => None,
        _ if was_killed(evidence) => Some(Cause::Killed),
        _ => Some(Cause::Stopped),
    }
}

/// Returns whether the service manager starts a gateway's service again and again, which ends each time.
fn is_in_crash_loop(service: &ServiceStatus) -> bool {
    let is_trying = matches!(service.state, RunState::Starting | RunState::Running(_));
    is_trying && service.restarts >= MIN_CRASH_LOOP_RESTARTS
}

fn was_killed(evidence: &Evidence) -> bool {
    let last_run = evidence.probe.last_run.as_ref();
    last_run.is_some_and(|run| run.end == RunEnd::Killed)
}
