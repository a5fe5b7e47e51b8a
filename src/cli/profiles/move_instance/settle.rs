//! The end of a move on the host that the instance leaves: the files are put aside, or the gateway runs again. The mark in its
//! state folder says which, so that each step can be repeated.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::apply;
use crate::background;
use crate::cli::Context;
use crate::environment::abbreviate_home;
use crate::error::{Error, Result};
use crate::hosts::{HostFault, RemoteHost, RemoteQuestion};
use crate::i18n::msg;
use crate::instance::{Instance, InstanceContext};
use crate::moves::{LEASE_END_TIMEOUT, MoveMark, MovePhase, OutcomeQuestion};
use crate::plan::{self, Change, ExistingPaths};
use crate::probe;
use crate::record::Record;
use crate::releases::RunMode;
use crate::service;
use crate::stop_record;

/// Time that the other host may take to say what became of a move: it waits for the end of a lease first.
const OUTCOME_TIMEOUT: Duration = Duration::from_secs(30);
/// Time in which a host that is not reached is asked again.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
/// Time between two questions to a host that is not reached.
const RETRY_INTERVAL: Duration = Duration::from_secs(3);

/// What became of a move.
#[derive(Debug)]
pub(super) enum Settled {
    /// The gateway runs on the other host. The files here are kept in this folder.
    Finished(Option<PathBuf>),
    /// The gateway runs here again.
    Undone,
}

/// An instance that leaves this host.
pub(super) struct Departure<'a> {
    context: &'a Context<'a>,
    instance: &'a Instance,
    mark: MoveMark,
}

impl<'a> Departure<'a> {
    /// Returns the departure of an instance with this mark.
    ///
    /// # Errors
    /// Where the instance is one that arrives.
    pub(super) fn new(context: &'a Context<'a>, instance: &'a Instance, mark: MoveMark) -> Result<Self> {
        if mark.phase == MovePhase::Arriving {
            let profile = &instance.profile;
            let error = Error::blocked(msg!("move.not-arrived", profile = profile, host = mark.other));
            return Err(error.hint(msg!("move.remove-arriving", profile = profile)));
        }
        Ok(Self {
            context,
            instance,
            mark,
        })
    }

    fn at(&self) -> InstanceContext<'_> {
        self.context.instance_context().with_instance(self.instance)
    }

    /// Finishes or undoes a move that was cut short, as far as the two hosts know.
    ///
    /// # Errors
    /// Where only the other host knows, and it is not reached; or where a step fails, which the next run repeats.
    pub(super) fn settle(self, remote: &RemoteHost) -> Result<Settled> {
        match self.mark.phase {
            MovePhase::Leaving => self.take_back(Some((remote, LEASE_END_TIMEOUT))),
            MovePhase::Keeping => match self.ask_until_answered(remote) {
                Ok(true) => self.finish_with(remote),
                Ok(false) => self.take_back(None),
                Err(fault) => {
                    let (profile, host) = (&self.instance.profile, &self.mark.other);
                    let error = fault.to_error(remote);
                    let undecided = Error::unhealthy(msg!("move.undecided", profile = profile, host = host));
                    Err(undecided
                        .because(anyhow::anyhow!("{}", self.context.ui.render(&error.msg)))
                        .hint(msg!("move.ask-again", profile = profile, host = host))
                        .hint(msg!("move.cancel-it", profile = profile, host = host)))
                }
            },
            MovePhase::Returning => self.take_back(None),
            MovePhase::Left | MovePhase::Arriving | MovePhase::Arrived => self.finish_with(remote),
        }
    }

    /// Writes the next phase of the move.
    pub(super) fn advance(&mut self, phase: MovePhase) -> Result<()> {
        self.mark.advance(self.instance, phase)
    }

    /// Asks the other host what became of the move, which decides it there. Returns whether the gateway was kept.
    fn ask_outcome(&self, remote: &RemoteHost, is_finished: bool) -> Result<bool, HostFault> {
        let question = OutcomeQuestion {
            id: self.mark.id.clone(),
            profile: self.instance.profile.to_string(),
            is_finished,
        };
        let input = serde_json::to_vec(&question).unwrap_or_default();
        let question = RemoteQuestion {
            words: &["profiles", "receive", "--outcome"],
            input: &input,
            limit: OUTCOME_TIMEOUT,
        };
        let document = self.context.ssh().ask(remote, &question)?;
        match document["outcome"].as_str() {
            Some("kept") => Ok(true),
            Some("gone") => Ok(false),
            _ => match document["message"].as_str() {
                Some(message) => Err(HostFault::Failed(message.to_owned())),
                None => Err(HostFault::OtherProgram),
            },
        }
    }

    /// Asks the other host until it answers, for a bounded time.
    fn ask_until_answered(&self, remote: &RemoteHost) -> Result<bool, HostFault> {
        let deadline = Instant::now() + RETRY_TIMEOUT;
        let host = &self.mark.other;
        let _asking = self.context.ui.spinner(&msg!("move.asking", host = host));
        loop {
            match self.ask_outcome(remote, false) {
                Err(fault) if Instant::now() >= deadline => return Err(fault),
                Err(_) => std::thread::sleep(RETRY_INTERVAL),
                answered => return answered,
            }
        }
    }

    /// Starts the gateway here again. Where the other host may still run it under a lease, it is asked first; one that does not
    /// answer is waited for until that lease is over.
    ///
    /// # Errors
    /// Where the gateway does not come up; the next run tries again.
    pub(super) fn take_back(mut self, lease: Option<(&RemoteHost, Duration)>) -> Result<Settled> {
        if let Some((remote, limit)) = lease.filter(|(_, limit)| !limit.is_zero()) {
            let end = Instant::now() + limit;
            let host = &self.mark.other;
            let _waiting = self.context.ui.spinner(&msg!("move.waiting", host = host));
            if self.ask_outcome(remote, false).is_err() {
                std::thread::sleep(end.saturating_duration_since(Instant::now()));
            }
        }
        if self.mark.mode == RunMode::Stopped {
            MoveMark::remove(self.instance)?;
            return Ok(Settled::Undone);
        }
        self.advance(MovePhase::Returning)?;
        stop_record::remove(self.instance);
        let _starting = self
            .context
            .ui
            .spinner(&msg!("onboard.starting", profile = self.instance.profile));
        if self.mark.mode == RunMode::Service {
            let _ = service::start(self.at())?;
        } else if probe::find_gateway_process(self.at()).is_none() {
            let _ = background::start_gateway(self.at(), false)?;
        }
        let engine = Record::read(&self.instance.record_path())?.engine;
        let probe = probe::wait_until_healthy(self.at(), engine.start_timeout());
        if !probe.is_healthy() {
            let profile = &self.instance.profile;
            let error = Error::unhealthy(msg!("onboard.not-started", profile = profile));
            return Err(error.hint(msg!("onboard.next-logs", command = self.instance.command())));
        }
        MoveMark::remove(self.instance)?;
        Ok(Settled::Undone)
    }

    /// Finishes a move that was cut short, and tells the other host, which need not hear it.
    fn finish_with(mut self, remote: &RemoteHost) -> Result<Settled> {
        let aside = self.put_aside()?;
        let _ = self.ask_outcome(remote, true);
        Ok(Settled::Finished(aside))
    }

    /// Removes the service here and puts the files aside: the gateway runs on the other host. Workspaces outside of the state
    /// folder stay where they are.
    ///
    /// # Errors
    /// Where a step fails; the mark keeps the gateway from starting here, and the next run goes on.
    pub(super) fn put_aside(&mut self) -> Result<Option<PathBuf>> {
        if self.mark.phase != MovePhase::Left {
            self.advance(MovePhase::Left)?;
        }
        let (context, instance) = (self.context, self.instance);
        let lock = context.lock()?;
        let survey = context.survey();
        let Some(at) = survey.position(&instance.config_path) else {
            return Ok(None);
        };
        let found = &survey.instances[at];
        if found.service.is_some() {
            let _ = service::uninstall(self.at())?;
        }
        let registry = survey.registry();
        registry.require_valid(&abbreviate_home(&context.env.home, &registry.path))?;
        let entries = std::fs::read_dir(&found.state_dir).ok().map(|entries| {
            let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
            paths.sort();
            paths
        });
        let outside = ExistingPaths::outside_candidates(found).filter(|path| **path == found.config_path);
        let existing = ExistingPaths {
            state_entries: entries,
            outside: outside.filter(|path| path.exists()).cloned().collect(),
        };
        let stamp = crate::time::file_stamp(&context.now());
        let plan = plan::remove(found, &existing, registry, true, &stamp);
        let others = survey.paths_of_others(&found.config_path);
        apply::apply(&lock, &plan, &others, &mut |_| {})?;
        let aside = plan.changes.iter().find_map(|change| match change {
            Change::Rename { path, to } if *path == found.state_dir => Some(to.clone()),
            _ => None,
        });
        Ok(aside)
    }
}
