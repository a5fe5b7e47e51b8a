//! `openclaw profiles receive`: the receiving end of `profiles move`, which runs on the other host over ssh.
//!
//! - `--check`: reads an offer from standard input, and answers whether it would be taken: `ok`, `move` (the version of the
//!   protocol), `basePort`, `hasManager`. Nothing is written.
//! - `--outcome`: reads the id of a move, and answers what became of it: `ok`, `outcome`, which is `kept` or `gone`. What was not
//!   kept is removed first, and stays so.
//! - Without either: takes an instance in, as `moves` describes it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::import::{self, Import, ImportIdentity};
use crate::apply;
use crate::archive::{self, StagingDir};
use crate::background;
use crate::boot;
use crate::cli::Context;
use crate::error::{Error, Result};
use crate::host::process_group::ProcessGroup;
use crate::i18n::msg;
use crate::instance::{Instance, InstanceContext};
use crate::moves::{
    self, MoveFailure, MoveLock, MoveMark, MoveOffer, MovePhase, MoveReport, OFFER_VERSION, OutcomeQuestion,
    Provisional, Receiver,
};
use crate::plan::{Change, Content, FileKind, FileWrite, Plan};
use crate::ports::BasePort;
use crate::probe;
use crate::profile::ProfileName;
use crate::record::Record;
use crate::releases::RunMode;
use crate::service::{self, InstallOptions, Linger};

mod judge;

use judge::Acceptance;

/// Time in which a lease is given before a gateway starts: the answer to one tick.
const LEASE_START_TIMEOUT: Duration = Duration::from_secs(30);
/// Time that the sending host has to finish the move on its side.
const DONE_TIMEOUT: Duration = Duration::from_mins(2);
/// Time between two looks at a process that is told to end.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The arguments of `openclaw profiles receive`.
#[derive(Debug, Args)]
pub(crate) struct ReceiveArgs {
    #[arg(long, conflicts_with = "outcome")]
    check: bool,
    #[arg(long)]
    outcome: bool,
}

/// Runs `openclaw profiles receive`.
pub(super) fn run(context: &Context<'_>, args: &ReceiveArgs) -> Result<ExitCode> {
    if args.check {
        let acceptance = Acceptance::judge(context, &read_input(context)?)?;
        context.ui.print_json(&json!({
            "ok": true,
            "move": OFFER_VERSION,
            "basePort": acceptance.ports.base(),
            "hasManager": acceptance.has_manager,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    if args.outcome {
        let outcome = if was_kept(context, &read_input(context)?)? {
            "kept"
        } else {
            "gone"
        };
        context.ui.print_json(&json!({ "ok": true, "outcome": outcome }));
        return Ok(ExitCode::SUCCESS);
    }
    let receiver = Receiver::start();
    match receive(context, &receiver) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            moves::say(&MoveReport::Failed(failure(context, &error)));
            Ok(ExitCode::from(error.kind.exit_code()))
        }
    }
}

/// Reads a document of the sending host from standard input.
fn read_input<T: DeserializeOwned>(context: &Context<'_>) -> Result<T> {
    let text = context.host.stdin_text().unwrap_or_default();
    serde_json::from_str(&text).map_err(|cause| Error::usage(msg!("move.no-offer")).because(cause))
}

/// Returns an error of this host as the reason for the other one, in the language of this run.
fn failure(context: &Context<'_>, error: &Error) -> MoveFailure {
    let message = context.ui.render(&error.msg);
    MoveFailure {
        code: error.code().to_owned(),
        message: match &error.cause {
            Some(cause) => format!("{message} ({cause:#})"),
            None => message,
        },
        hints: error.hints.iter().map(|hint| context.ui.render(hint)).collect(),
    }
}

/// Takes an instance in, runs its gateway under a lease, and keeps it or removes it again.
fn receive(context: &Context<'_>, receiver: &Receiver) -> Result<()> {
    let offer = receiver.offer()?;
    let _lock = MoveLock::acquire(&context.state_home())?;
    let acceptance = Acceptance::judge(context, &offer)?;
    moves::say(&MoveReport::Ready);
    let arrival = Arrival {
        context,
        instance: &acceptance.instance,
        offer: &offer,
    };
    let kept = arrival
        .take_in(receiver)
        .and_then(|()| arrival.run_provisionally(receiver));
    let process = match kept {
        Ok(process) => process,
        Err(error) => {
            withdraw(context, &acceptance.instance, &offer.id)?;
            return Err(error);
        }
    };
    moves::say(&MoveReport::Kept);
    let settled = arrival.settle(process, acceptance.has_manager);
    let fault = settled.err().map(|error| failure(context, &error).message);
    moves::say(&MoveReport::Settled(fault));
    if receiver.wait_for_done(DONE_TIMEOUT) {
        MoveMark::remove(&acceptance.instance)?;
    }
    Ok(())
}

/// An instance that arrives from another host.
struct Arrival<'a> {
    context: &'a Context<'a>,
    instance: &'a Instance,
    offer: &'a MoveOffer,
}

impl Arrival<'_> {
    fn at(&self) -> InstanceContext<'_> {
        self.context.instance_context().with_instance(self.instance)
    }

    fn mark(&self, phase: MovePhase) -> MoveMark {
        MoveMark {
            id: self.offer.id.clone(),
            phase,
            other: self.offer.from.clone(),
            at: crate::time::unix_millis(self.context.host.now()),
            mode: self.offer.mode,
        }
    }

    /// Unpacks the archive and gives the new state folder its name, with the mark of a provisional gateway in it.
    fn take_in(&self, receiver: &Receiver) -> Result<()> {
        let (context, instance) = (self.context, self.instance);
        let (staging, manifest) = import::unpack_moved(context, receiver.archive(), instance)?;
        let lock = context.lock()?;
        let Acceptance { ports, survey, .. } = Acceptance::judge(context, self.offer)?;
        let import = Import {
            context,
            manifest: &manifest,
            instance,
            survey: &survey,
            ports,
            staging: staging.path(),
            identity: ImportIdentity::Moved,
        };
        import.stage(moves::MARK_FILE, &self.mark(MovePhase::Arriving).text())?;
        if let Some(key) = import.stage_identity(std::path::Path::new("-"))?.first() {
            return Err(Error::blocked(msg!("move.token-there", key = key)));
        }
        let others = survey.paths_of_others(&instance.config_path);
        apply::apply(&lock, &import.plan(), &others, &mut |_| {}).map(drop)
    }

    /// Runs the gateway under a lease until the sending host says that it is there to stay. Returns its process.
    ///
    /// # Errors
    /// Where it is not healthy, or the lease is lost. It has ended then.
    fn run_provisionally(&self, receiver: &Receiver) -> Result<Option<ProcessGroup>> {
        let provisional = receiver.wait_for_lease(LEASE_START_TIMEOUT)?;
        moves::say(&MoveReport::Starting);
        let kept = self.prove(&provisional).and_then(|base| {
            moves::say(&MoveReport::Healthy(base.map(BasePort::into)));
            receiver.wait_for_keep()?;
            provisional.keep(|| self.mark(MovePhase::Arrived).write(self.instance))
        });
        kept.inspect_err(|_| provisional.end())
    }

    /// Starts the provisional gateway and waits until it is healthy. Returns its base port.
    fn prove(&self, provisional: &Provisional) -> Result<Option<BasePort>> {
        let (name, value) = self.mark(MovePhase::Arriving).provisional_variable();
        let command = background::program_command(self.at(), ["gateway", "run"])?.env(name, value);
        provisional.start(|| {
            let spawned = self.context.host.spawn_group(&command);
            spawned.map_err(|cause| Error::failed(msg!("move.not-started")).because(cause))
        })?;
        let limit = Record::read(&self.instance.record_path())?.engine.start_timeout();
        let probe = probe::wait_until_healthy_while(self.at(), limit, || provisional.runs());
        if probe.is_healthy() && provisional.runs() {
            return Ok(self.base());
        }
        let error = Error::unhealthy(msg!("move.unhealthy", state = probe.verdict.name()));
        let words = provisional.last_words();
        Err(match words.trim() {
            "" => error,
            words => error.because(anyhow::anyhow!("{words}")),
        })
    }

    fn base(&self) -> Option<BasePort> {
        let survey = self.context.survey();
        let found = &survey.instances[survey.position(&self.instance.config_path)?];
        found.base.map(|(family, _)| family.base())
    }

    /// Ends the provisional gateway in order, and starts it as it is to run from now on.
    ///
    /// # Errors
    /// Where it does not come up so. What it is then is told, and it belongs to this host all the same.
    fn settle(&self, process: Option<ProcessGroup>, has_manager: bool) -> Result<()> {
        let engine = Record::read(&self.instance.record_path())?.engine;
        if let Some(process) = process {
            end(process, engine.stop_timeout());
        }
        let mut notice = Ok(());
        match self.offer.mode {
            RunMode::Stopped => return Ok(()),
            RunMode::Service if has_manager => notice = self.install_service(),
            RunMode::Service | RunMode::Background => {}
        }
        if probe::find_gateway_process(self.at()).is_none() {
            let _ = background::start_gateway(self.at(), false)?;
        }
        let probe = probe::wait_until_healthy(self.at(), engine.start_timeout());
        if !probe.is_healthy() {
            return Err(Error::unhealthy(msg!(
                "move.unhealthy",
                state = probe.verdict.name()
            )));
        }
        boot::save_last_good_of_node_engine(self.at());
        notice
    }

    /// Installs the service, and lets it outlive the connection over which it is installed.
    fn install_service(&self) -> Result<()> {
        let _lock = self.context.lock()?;
        service::install(self.at(), InstallOptions::default())?;
        let is_off = |linger| matches!(linger, Linger::Off);
        if is_off(service::linger(self.at())) && is_off(service::enable_linger(self.at())) {
            let command = service::LINGER_COMMAND;
            return Err(Error::failed(msg!("service.linger-still-off", command = command)));
        }
        Ok(())
    }
}

/// Ends a process in order, and kills it where that takes longer than `limit`.
fn end(mut process: ProcessGroup, limit: Duration) {
    process.terminate();
    let deadline = Instant::now() + limit;
    while process.poll_exit().is_none() && Instant::now() < deadline {
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Removes an instance that has arrived and was not kept, where there is one of this move: its folder loses its name in one
/// transaction, and nothing of it stays.
fn withdraw(context: &Context<'_>, instance: &Instance, id: &str) -> Result<()> {
    let lock = context.lock()?;
    archive::remove_leftover_staging_dirs(&lock, &instance.state_dir);
    let is_own = |mark: &MoveMark| mark.id == id && mark.phase == MovePhase::Arriving;
    if !MoveMark::read(instance)?.as_ref().is_some_and(is_own) {
        return Ok(());
    }
    let survey = context.survey();
    let registry = survey.registry();
    let stamp = crate::time::file_stamp(&context.now());
    let staging = StagingDir::for_import(&lock, &instance.state_dir, &stamp)?;
    let changes = vec![
        Change::Write(FileWrite {
            path: registry.path.clone(),
            content: Content::plain(registry.without(&[&instance.config_path])),
            before: registry.before.clone(),
            backup: false,
            kind: FileKind::Registry,
        }),
        Change::Rename {
            path: instance.state_dir.clone(),
            to: staging.path().join("withdrawn"),
        },
    ];
    let plan = Plan {
        changes,
        ..Plan::default()
    };
    let others = survey.paths_of_others(&instance.config_path);
    apply::apply(&lock, &plan, &others, &mut |_| {}).map(drop)
}

/// Returns whether the instance of a move was kept here. One that was not is removed, so that the answer stays true.
///
/// # Errors
/// Where the move is still under way, or what is left of it can't be removed.
fn was_kept(context: &Context<'_>, question: &OutcomeQuestion) -> Result<bool> {
    let profile = ProfileName::parse(&question.profile).map_err(|error| error.to_error(&question.profile))?;
    let _lock = MoveLock::wait(&context.state_home())?;
    let instance = Instance::canonical(&context.env.home, profile);
    withdraw(context, &instance, &question.id)?;
    let is_kept = |mark: &MoveMark| mark.id == question.id && mark.phase == MovePhase::Arrived;
    let was_kept = MoveMark::read(&instance)?.as_ref().is_some_and(is_kept);
    if was_kept && question.is_finished {
        MoveMark::remove(&instance)?;
    }
    Ok(was_kept)
}
