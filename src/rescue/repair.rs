//! Climbs the ladder: one step, then a look whether the gateway is well, then the next.
//!
//! A step that made things worse is taken back, and so is a config that was restored in vain: what its
//! owner wrote is not replaced for nothing. Files change in one transaction each (`apply`), so that a
//! repair that is killed leaves the old state or the new one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::diagnose::Cause;
use super::evidence::Evidence;
use super::history::{Entry, History, Outcome, millis};
use super::ladder::Step;
use crate::apply::HostLock;
use crate::boot;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::process::CommandSpec;
use crate::host::{Host, pid};
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::lock;
use crate::probe::{self, Probe, Verdict};
use crate::record::{Engine, Record};
use crate::service;

mod config;

pub use config::Undo;

/// How long a gateway has to become well after a step.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// The same for one from npm: it needs a minute where the machine does other things too, and may bring its
/// state up to date first.
pub const NODE_PATIENCE: Duration = Duration::from_mins(2);
/// How long a process that does not answer has to end when it is asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(6);
/// How long the gateway has to answer one look.
const LIMIT: Duration = Duration::from_secs(3);
/// How long a wait goes on before it is asked again whether it is over.
const LOOK: Duration = Duration::from_secs(1);

/// What came of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// The gateway is well now.
    Helped,
    /// It is not.
    InVain,
    /// It was not, and the step was taken back.
    Undone,
    /// The step could not be taken: why.
    Failed(Msg),
}

impl Came {
    /// The stable name, for `--json` and the history.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Helped => "helped",
            Self::InVain => "in-vain",
            Self::Undone => "undone",
            Self::Failed(_) => "failed",
        }
    }
}

/// A step that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The step.
    pub step: Step,
    /// What came of it.
    pub came: Came,
}

/// What happens on the way up, for whoever watches.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// This step is taken.
    Taking(&'a Step),
    /// It was taken; now the gateway has some time to become well.
    Waiting(Duration),
    /// What came of it.
    Came(&'a Tried),
}

/// How well a gateway is, for the question whether a step made it worse.
fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Healthy => 4,
        Verdict::Unhealthy(_) => 3,
        Verdict::Slow | Verdict::TokenRefused | Verdict::ElsewhereOn(_) => 2,
        Verdict::NotRunning => 1,
        Verdict::OtherProfile(_) | Verdict::Stranger(_) => 0,
    }
}

/// What the climb does and sees: the real thing is a [`Crew`].
pub struct Hands<'a, U> {
    /// Takes a step; gives what is needed to take it back, where it can be.
    pub take: &'a mut dyn FnMut(&Step) -> Result<Option<U>>,
    /// Waits until the gateway is well, or its time is over.
    pub wait: &'a mut dyn FnMut() -> Verdict,
    /// Takes a step back.
    pub undo: &'a mut dyn FnMut(U) -> Result<()>,
    /// Whether the rescuer itself is told to end: then nothing more is begun, and nothing taken back.
    pub over: &'a dyn Fn() -> bool,
    /// How long it waits.
    pub patience: Duration,
}

/// Tries one step after the other until the gateway is well.
pub fn climb<U>(
    steps: &[Step],
    before: &Verdict,
    hands: &mut Hands<'_, U>,
    tell: &mut dyn FnMut(Event<'_>),
) -> Vec<Tried> {
    let mut tried = Vec::new();
    let mut standing = before.clone();
    for step in steps {
        if (hands.over)() {
            break;
        }
        tell(Event::Taking(step));
        let came = match (hands.take)(step) {
            Err(error) => Came::Failed(error.msg),
            Ok(undo) => {
                tell(Event::Waiting(hands.patience));
                let after = (hands.wait)();
                let replaces = matches!(step, Step::RestoreConfig { .. });
                match undo {
                    _ if after == Verdict::Healthy => Came::Helped,
                    _ if (hands.over)() => Came::InVain,
                    Some(undo) if replaces || rank(&after) < rank(&standing) => match (hands.undo)(undo) {
                        Ok(()) => Came::Undone,
                        Err(error) => Came::Failed(error.msg),
                    },
                    _ => {
                        standing = after;
                        Came::InVain
                    }
                }
            }
        };
        let last = Tried {
            step: step.clone(),
            came,
        };
        tell(Event::Came(&last));
        let helped = last.came == Came::Helped;
        tried.push(last);
        if helped {
            break;
        }
    }
    tried
}

/// A repair to be carried out: who, whom.
#[derive(Clone, Copy, Debug)]
pub struct Mission<'a> {
    /// The outside world.
    pub host: &'a Host,
    /// What its environment wishes.
    pub env: &'a Environment,
    /// Who repairs.
    pub rescuer: &'a Instance,
    /// Who is repaired.
    pub target: &'a Instance,
    /// Whether a watching gateway does it by itself.
    pub watched: bool,
    /// Whether it is done however often it was done lately.
    pub forced: bool,
    /// Set once the rescuer itself is told to end.
    pub over: &'a AtomicBool,
}

/// What came of a repair.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was tried, in order.
    pub tried: Vec<Tried>,
    /// Whether the target answers healthy now.
    pub healthy: bool,
    /// Where the config is that was replaced.
    pub kept: Option<PathBuf>,
}

impl Mission<'_> {
    /// Refuses a target that was repaired too often lately, unless forced.
    pub fn within_limits(&self) -> Result<()> {
        let history = History::read(&super::folder(self.host, self.env));
        let target = &self.target.profile;
        match history.rest(target.as_str(), self.host.now()) {
            Some(rest) if !self.forced => {
                // Whole minutes, rounded up: "0 minutes" would be no answer.
                let minutes = rest.as_secs().div_ceil(60);
                Err(
                    Error::failed(msg!("rescue.too-many", profile = target, minutes = minutes))
                        .hint(msg!("rescue.force"))
                        .hint(msg!("rescue.see-history", command = self.rescuer.command())),
                )
            }
            _ => Ok(()),
        }
    }
}

/// Carries a repair out and writes it down, before and after: one that is cut short counts too.
pub fn carry_out(
    mission: &Mission<'_>,
    seen: &Evidence,
    causes: &[Cause],
    steps: &[Step],
    tell: &mut dyn FnMut(Event<'_>),
) -> Result<Report> {
    let folder = super::folder(mission.host, mission.env);
    // One repair at a time on this host; two rescuers would undo each other's steps.
    let _alone = HostLock::acquire(&folder, HostLock::WAIT_TIMEOUT)?;
    // It may have been the other one that mended it, or somebody who answered a question meanwhile.
    if probe::instance(mission.host, mission.env, mission.target, LIMIT).is_healthy() {
        return Ok(Report {
            tried: Vec::new(),
            healthy: true,
            kept: None,
        });
    }
    // It may have been tried once more, meanwhile.
    mission.within_limits()?;
    let mut history = History::read(&folder);
    let mut entry = Entry {
        at: millis(mission.host.now()),
        rescuer: mission.rescuer.profile.to_string(),
        target: mission.target.profile.to_string(),
        watched: mission.watched,
        causes: causes.iter().map(|cause| cause.id().to_owned()).collect(),
        steps: steps
            .iter()
            .map(|step| (step.id().to_owned(), "planned".to_owned()))
            .collect(),
        outcome: Outcome::Begun,
    };
    history.put(entry.clone())?;
    let record = Record::read(&mission.target.record_path()).unwrap_or_default();
    let patience = match record.engine {
        Engine::Native => PATIENCE,
        Engine::Node => NODE_PATIENCE,
    };
    let crew = std::cell::RefCell::new(Crew {
        host: mission.host,
        env: mission.env,
        target: mission.target,
        over: mission.over,
        patience,
        kept: None,
    });
    let mut hands = Hands {
        take: &mut |step| crew.borrow_mut().take(step),
        wait: &mut || crew.borrow().wait().verdict,
        undo: &mut |undo| crew.borrow_mut().undo(undo),
        over: &|| mission.over.load(Ordering::Relaxed),
        patience,
    };
    let tried = climb(steps, &seen.probe.verdict, &mut hands, tell);
    let healthy = tried.last().is_some_and(|last| last.came == Came::Helped);
    entry.steps = (tried.iter())
        .map(|tried| (tried.step.id().to_owned(), tried.came.id().to_owned()))
        .collect();
    entry.outcome = if healthy {
        Outcome::Healthy
    } else if mission.over.load(Ordering::Relaxed) {
        Outcome::Begun
    } else {
        Outcome::InVain
    };
    history.put(entry)?;
    if healthy {
        boot::remember(mission.host, mission.env, mission.target);
    }
    Ok(Report {
        tried,
        healthy,
        kept: crew.into_inner().kept,
    })
}

/// What takes the steps on this host.
#[derive(Debug)]
pub struct Crew<'a> {
    /// The outside world.
    pub host: &'a Host,
    /// What its environment wishes.
    pub env: &'a Environment,
    /// Whose gateway is repaired.
    pub target: &'a Instance,
    /// Set once the rescuer itself is told to end.
    pub over: &'a AtomicBool,
    /// How long its gateway has to become well after a step.
    pub patience: Duration,
    /// Where the broken config was put, once it was.
    pub kept: Option<PathBuf>,
}

impl Crew<'_> {
    /// Takes a step.
    pub fn take(&mut self, step: &Step) -> Result<Option<Undo>> {
        match step {
            Step::Start => self.start().map(|()| None),
            Step::Restart => self.restart().map(|()| None),
            Step::EndStale(pid) => {
                // A number may be another program's by now: only who still is the gateway is ended.
                if self.pid() == Some(*pid) {
                    end(*pid)?;
                }
                self.start().map(|()| None)
            }
            Step::RestoreConfig { from, installs } => {
                let undo = self.restore(from)?;
                let started = if *installs { self.install() } else { self.restart() };
                match (started, undo) {
                    (Ok(()), undo) => Ok(undo),
                    (Err(error), None) => Err(error),
                    (Err(error), Some(undo)) => {
                        self.undo(undo)?;
                        Err(error)
                    }
                }
            }
            Step::Reinstall => self.install().map(|()| None),
        }
    }

    /// Looks until the gateway is well, its time is over, or its service manager tries no more.
    pub fn wait(&self) -> Probe {
        let deadline = Instant::now() + self.patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let probe = probe::wait_healthy(self.host, self.env, self.target, left.min(LOOK));
            let is_over = left <= LOOK || self.over.load(Ordering::Relaxed);
            if is_over || !probe.verdict.may_pass() || self.is_given_up() {
                return probe;
            }
        }
    }

    fn is_given_up(&self) -> bool {
        let status = service::status(self.host, self.env, self.target);
        status.is_ok_and(|status| status.state == service::State::GaveUp)
    }

    /// The process that is the target's gateway now.
    fn pid(&self) -> Option<u32> {
        let holder = lock::read_holder(&self.target.lock_path()).filter(|holder| holder.alive);
        let signed = holder.map(|holder| holder.pid);
        signed.or_else(|| {
            let probe = probe::instance(self.host, self.env, self.target, LIMIT);
            probe.pid.filter(|_| probe.is_running())
        })
    }

    fn install(&self) -> Result<()> {
        let wishes = service::Wishes {
            force: true,
            ..service::Wishes::default()
        };
        service::install(self.host, self.env, self.target, wishes).map(drop)
    }

    /// Starts it again: by its service where there is one; else what runs of it is ended first.
    fn restart(&self) -> Result<()> {
        self.start_after(|| self.pid().map_or(Ok(()), end))
    }

    fn start(&self) -> Result<()> {
        self.start_after(|| Ok(()))
    }

    /// Starts it: by its service where there is one, else as a process of its own, after this.
    fn start_after(&self, first: impl FnOnce() -> Result<()>) -> Result<()> {
        let managed = service::status(self.host, self.env, self.target).ok();
        if managed
            .as_ref()
            .is_some_and(|status| status.state != service::State::NotInstalled)
        {
            return service::restart(self.host, self.env, self.target).map(drop);
        }
        first()?;
        let failed = || Error::failed(msg!("rescue.not-started", profile = self.target.profile));
        let program = self.host.program().ok_or_else(failed)?;
        let profile = self.target.profile.as_str();
        // What this environment says of another instance is not the target's (docs/design.md#environment-rules).
        let mut call = CommandSpec::new(program, ["--profile", profile, "gateway", "run"]);
        call.env_removed = Environment::of_an_instance(self.host);
        let paths = [
            ("OPENCLAW_STATE_DIR", &self.target.state_dir),
            ("OPENCLAW_CONFIG_PATH", &self.target.config_path),
        ];
        let mut call = paths
            .into_iter()
            .fold(call, |call, (name, path)| call.env(name, path));
        if managed.is_some() {
            call = call.in_own_scope(self.host);
        }
        let started = self.host.spawn_detached(&call);
        started.map(|_| ()).map_err(|cause| failed().because(cause))
    }
}

/// Ends a process that does not do its work any more.
fn end(pid: u32) -> Result<()> {
    pid::terminate(pid, GRACE)
        .map_err(|cause| Error::failed(msg!("rescue.not-ended", pid = pid)).because(cause))
}

#[cfg(test)]
mod tests;
