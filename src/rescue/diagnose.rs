//! From evidence to causes, the most probable first. Pure.
//!
//! The order is that of what keeps a gateway from running whatever else is right: a folder that is gone,
//! a full disk, a config that no gateway starts from, a port that somebody else has; then what happened
//! to its process, and last that it was simply stopped.

use std::path::PathBuf;

use super::evidence::{Evidence, Folder};
use crate::i18n::{Msg, msg};
use crate::ports::Listener;
use crate::probe::{End, Verdict};
use crate::service::State;

/// Less than this many free bytes keep a gateway from writing its state.
pub const SCARCE: u64 = 1024 * 1024;

/// Why a gateway is not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its state folder is not there, or is no folder.
    StateGone(PathBuf),
    /// Its state folder, or its config, can't be entered or read.
    Unreadable(PathBuf),
    /// Its files are another user's.
    ForeignOwner(PathBuf),
    /// No room on the disk of its state folder: so many bytes.
    DiskFull(u64),
    /// No gateway starts from its config: why.
    Config(Msg),
    /// Somebody else has its port.
    PortTaken(Option<Listener>),
    /// A gateway of this other profile has its port.
    PortOf(String),
    /// Its process lives and does not answer.
    Hung(u32),
    /// What its service starts is not there.
    ProgramGone(PathBuf),
    /// Its service manager gave up: the last exit code.
    GaveUp(Option<i32>),
    /// It runs with something else than its files say: another port, another token.
    Outdated,
    /// It runs and says why it is not well.
    Unwell(String),
    /// It has no service, and does not run.
    NoService,
    /// It was killed, or it crashed.
    Killed,
    /// It was stopped, or never started.
    Stopped,
}

impl Cause {
    /// The stable name, for `--json` and the history.
    pub fn id(&self) -> &'static str {
        match self {
            Self::StateGone(_) => "state-gone",
            Self::Unreadable(_) => "unreadable",
            Self::ForeignOwner(_) => "foreign-owner",
            Self::DiskFull(_) => "disk-full",
            Self::Config(_) => "config",
            Self::PortTaken(_) => "port-taken",
            Self::PortOf(_) => "port-of-profile",
            Self::Hung(_) => "hung",
            Self::ProgramGone(_) => "program-gone",
            Self::GaveUp(_) => "gave-up",
            Self::Outdated => "outdated",
            Self::Unwell(_) => "unwell",
            Self::NoService => "no-service",
            Self::Killed => "killed",
            Self::Stopped => "stopped",
        }
    }

    /// What happened.
    pub fn msg(&self) -> Msg {
        match self {
            Self::StateGone(path) => msg!("rescue.cause-state-gone", path = path.display()),
            Self::Unreadable(path) => msg!("rescue.cause-unreadable", path = path.display()),
            Self::ForeignOwner(path) => msg!("rescue.cause-foreign-owner", path = path.display()),
            Self::DiskFull(free) => msg!("rescue.cause-disk-full", kib = free / 1024),
            Self::Config(why) => why.clone(),
            Self::PortTaken(Some(listener)) => match &listener.owner {
                Some(owner) => {
                    msg!(
                        "rescue.cause-port-taken",
                        port = listener.port,
                        name = owner.name,
                        pid = owner.pid
                    )
                }
                None => msg!("rescue.cause-port-taken-unknown", port = listener.port),
            },
            Self::PortTaken(None) => msg!("rescue.cause-port-stranger"),
            Self::PortOf(profile) => msg!("rescue.cause-port-of", profile = profile),
            Self::Hung(pid) => msg!("rescue.cause-hung", pid = pid),
            Self::ProgramGone(path) => msg!("rescue.cause-program-gone", path = path.display()),
            Self::GaveUp(Some(code)) => msg!("rescue.cause-gave-up", code = code),
            Self::GaveUp(None) => msg!("rescue.cause-gave-up-signal"),
            Self::Outdated => msg!("rescue.cause-outdated"),
            Self::Unwell(why) => msg!("rescue.cause-unwell", why = why),
            Self::NoService => msg!("rescue.cause-no-service"),
            Self::Killed => msg!("rescue.cause-killed"),
            Self::Stopped => msg!("rescue.cause-stopped"),
        }
    }

    /// What only a person can do about it; `None` where a step of the ladder may mend it.
    pub fn by_hand(&self) -> Option<Msg> {
        Some(match self {
            Self::StateGone(path) => msg!("rescue.hand-state-gone", path = path.display()),
            Self::Unreadable(path) => msg!("rescue.hand-unreadable", path = path.display()),
            Self::ForeignOwner(path) => msg!("rescue.hand-foreign-owner", path = path.display()),
            Self::DiskFull(_) => msg!("rescue.hand-disk-full"),
            Self::PortTaken(Some(Listener {
                owner: Some(owner), ..
            })) => msg!("rescue.hand-port-taken", pid = owner.pid),
            Self::PortTaken(_) => msg!("rescue.hand-port-unknown"),
            Self::PortOf(profile) => msg!("rescue.hand-port-of", profile = profile),
            _ => return None,
        })
    }
}

/// Why the gateway is not well, the most probable cause first; nothing where it is.
pub fn causes(seen: &Evidence) -> Vec<Cause> {
    let mut causes = Vec::new();
    if seen.probe.is_healthy() {
        return causes;
    }
    match &seen.folder {
        Folder::Gone(path) => causes.push(Cause::StateGone(path.clone())),
        Folder::Unreadable(path) => causes.push(Cause::Unreadable(path.clone())),
        Folder::Foreign(path) => causes.push(Cause::ForeignOwner(path.clone())),
        Folder::Fine => {}
    }
    if let Some(free) = seen.free.filter(|free| *free < SCARCE) {
        causes.push(Cause::DiskFull(free));
    }
    if let Some(why) = &seen.refusal
        && causes.is_empty()
    {
        causes.push(Cause::Config(why.clone()));
    }
    let service = seen.service.as_ref();
    if let Some(path) = &seen.program_gone {
        causes.push(Cause::ProgramGone(path.clone()));
    }
    match &seen.probe.verdict {
        Verdict::Stranger(listener) => causes.push(Cause::PortTaken(listener.clone())),
        Verdict::OtherProfile(profile) => causes.push(Cause::PortOf(profile.clone())),
        Verdict::Slow => causes.extend(seen.pid().map(Cause::Hung)),
        Verdict::ElsewhereOn(_) | Verdict::TokenRefused => causes.push(Cause::Outdated),
        Verdict::Unhealthy(why) => causes.push(Cause::Unwell(why.clone())),
        Verdict::NotRunning => match (service.map(|service| &service.state), seen.pid()) {
            (_, Some(pid)) => causes.push(Cause::Hung(pid)),
            (Some(State::GaveUp), None) => {
                causes.push(Cause::GaveUp(service.and_then(|service| service.exit_code)));
            }
            (Some(State::NotInstalled), None) => causes.push(Cause::NoService),
            _ if !causes.is_empty() => {}
            _ if was_killed(seen) => causes.push(Cause::Killed),
            _ => causes.push(Cause::Stopped),
        },
        Verdict::Healthy => {}
    }
    causes
}

/// Whether its last run ended without its own doing.
fn was_killed(seen: &Evidence) -> bool {
    seen.probe
        .past
        .as_ref()
        .is_some_and(|past| past.end == End::Killed)
}
