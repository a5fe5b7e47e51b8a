//! The gate of a switch: the time in which the new gateway is watched before the switch is final.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use super::choice::EngineChoice;
use super::running::unhealthy;
use super::switch_record::{SwitchJournal, SwitchKind};
use crate::engine::{PACKAGE_NAME, ReleaseStore};
use crate::error::{Error, Result};
use crate::host::read;
use crate::i18n::msg;
use crate::instance::InstanceContext;
use crate::logs::{self, LoggedError};
use crate::probe::{self, Probe};
use crate::record::Engine;
use crate::survey;

/// Time that the new gateway is watched once it is healthy, before the switch is final.
const GATE_TIME: Duration = Duration::from_secs(5);
/// Maximum time from a healthy answer until the accounts of channels that were connected before are so again.
const CHANNELS_TIMEOUT: Duration = Duration::from_mins(1);
/// Time between two looks at the new gateway.
const GATE_INTERVAL: Duration = Duration::from_millis(500);
/// Time limit of one look at a gateway with its channels.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// What the new gateway is held against: what was connected before, and which errors the old one logged too.
#[derive(Debug)]
pub(super) struct Gate<'a> {
    context: InstanceContext<'a>,
    /// The engine that is to run.
    to: EngineChoice,
    /// The folder of its OpenClaw, links followed, where it is a release of this program.
    package: Option<PathBuf>,
    /// Accounts of channels that were connected before.
    connected: Vec<String>,
    /// Kinds of errors that the old gateway logged; `None` where errors do not count.
    known_errors: Option<BTreeSet<String>>,
}

impl<'a> Gate<'a> {
    /// Looks at the old gateway, while it runs. Errors in the log count for an upgrade only: nothing is to keep a user from
    /// the way back.
    pub(super) fn new(
        context: InstanceContext<'a>,
        store: &ReleaseStore,
        journal: &SwitchJournal,
        accepts_errors: bool,
    ) -> Self {
        let release = journal.to.release.as_ref();
        let release = release.and_then(|version| store.find(version));
        let package =
            release.and_then(|release| read::canonicalize(&release.package_folder(PACKAGE_NAME)).ok());
        let counts = journal.kind == SwitchKind::Upgrade && !accepts_errors;
        let known_errors = counts.then(|| {
            let errors = logs::errors_since(context, journal.from.engine, None, None);
            errors.into_iter().map(|error| error.kind).collect()
        });
        let connected = if journal.was_running {
            connected_accounts(&look(context))
        } else {
            Vec::new()
        };
        Self {
            context,
            to: journal.to.clone(),
            package,
            connected,
            known_errors,
        }
    }

    /// Watches the new gateway, which was started at a time: it stays healthy in one process, is the release that was to run,
    /// every account of a channel that was connected before is so again, and its log has no error that the old one's had not.
    ///
    /// # Errors
    /// What of that does not hold.
    pub(super) fn watch(&self, started: SystemTime) -> Result<()> {
        let since = Instant::now();
        let mut first_pid = None;
        loop {
            let probe = look(self.context);
            if !probe.is_healthy() || (first_pid.is_some() && probe.pid != first_pid) {
                return Err(unhealthy(self.context, &probe));
            }
            first_pid = first_pid.or(probe.pid);
            self.check_version(&probe)?;
            self.check_log(started)?;
            let now = connected_accounts(&probe);
            let lost: Vec<_> = self
                .connected
                .iter()
                .filter(|account| !now.contains(account))
                .cloned()
                .collect();
            if lost.is_empty() && since.elapsed() >= GATE_TIME {
                return Ok(());
            }
            if !lost.is_empty() && since.elapsed() >= CHANNELS_TIMEOUT {
                return Err(Error::unhealthy(msg!(
                    "engine.channels-lost",
                    accounts = lost.join(", ")
                )));
            }
            std::thread::sleep(GATE_INTERVAL);
        }
    }

    fn check_version(&self, probe: &Probe) -> Result<()> {
        match (&self.to.release, &probe.version) {
            (Some(version), Some(runs)) if probe.engine == Engine::Node && version.as_str() != runs => Err(
                Error::unhealthy(msg!("engine.other-version", version = version, runs = runs)),
            ),
            _ => Ok(()),
        }
    }

    fn check_log(&self, started: SystemTime) -> Result<()> {
        let Some(known) = &self.known_errors else {
            return Ok(());
        };
        let package = self.package.as_deref();
        let errors = logs::errors_since(self.context, self.to.engine, package, Some(started));
        match first_new(errors, known) {
            None => Ok(()),
            Some(error) => Err(Error::unhealthy(msg!(
                "engine.logged-error",
                engine = self.to.name(),
                line = error.shown
            ))
            .hint(msg!(
                "engine.accept-errors",
                command = self.context.instance.command()
            ))),
        }
    }
}

/// Returns the first error of a kind that is not known.
fn first_new(errors: Vec<LoggedError>, known: &BTreeSet<String>) -> Option<LoggedError> {
    errors.into_iter().find(|error| !known.contains(&error.kind))
}

/// Probes the gateway with its channels.
fn look(context: InstanceContext<'_>) -> Probe {
    let survey = survey::survey_host(context.host, context.env);
    probe::probe_in_detail(context, &survey, Instant::now() + PROBE_TIMEOUT)
}

/// Returns the accounts of channels that are connected, by channel and account.
fn connected_accounts(probe: &Probe) -> Vec<String> {
    let accounts = probe.channel_accounts();
    let connected = accounts.iter().filter(|account| account.is_connected());
    connected
        .map(|account| format!("{}/{}", account.channel, account.account_id))
        .collect()
}
