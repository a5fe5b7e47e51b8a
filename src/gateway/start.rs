//! The start of a gateway from a command line, its restarts, and its end.
//!
//! The config, the lock and the base port are checked first, and refused on standard error. The rest
//! of the host is surveyed only where one of these fails: a gateway listens within milliseconds.

use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::acquire::{BoundPort, ResourceAcquirer, UserInteraction};
use super::identity::GatewayIdentity;
use super::lifecycle::{GatewayLifecycle, ServeOutcome};
use super::signals::Signals;
use super::state::StopReason;
use super::{config_reload, log};
use crate::boot::{ConfigLoader, StartConfig, UsableConfig};
use crate::config::judge::ConfigJudge;
use crate::error::{Error, Result};
use crate::host;
use crate::i18n::{Lang, msg};
use crate::instance::InstanceContext;
use crate::lock::InstanceLock;
use crate::record::Record;
use crate::settings::RunOverrides;
use crate::{stop_record, time};

/// Time that the other threads of a gateway have to end before its process does: state files are written in less, and
/// the result of a survey that takes seconds is not needed any more.
const THREAD_END_TIMEOUT: Duration = Duration::from_secs(1);
/// The exit code of a gateway that received a second signal while it ended.
const EXIT_INTERRUPTED: u8 = 130;

/// The options that the command line gives for the start of a gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct GatewayOptions {
    /// The settings that flags override.
    pub overrides: RunOverrides,
    /// `--force`: a gateway of the same profile and user that has the lock or the port is ended first.
    pub force: bool,
    /// `--verbose`: the log includes debug messages.
    pub verbose: bool,
    /// `--lang`: takes precedence over the language in the record.
    pub lang: Option<Lang>,
}

/// Runs the gateway of this instance until it is told to stop. `lang` is the language of this run where
/// neither a flag nor the record names one.
///
/// # Errors
/// The gateway can't start: a clock that is wrong by centuries, a broken record or config, a lock or base port that another process has. Or it
/// can't go on serving.
pub(crate) fn run(
    context: InstanceContext<'_>,
    lang: Lang,
    options: &GatewayOptions,
    interaction: &UserInteraction<'_>,
) -> Result<ExitCode> {
    host::restrict_new_files_to_owner();
    let InstanceContext { host, instance, .. } = context;
    let record = Record::read(&instance.record_path())?;
    let recorded = record.language.as_deref().and_then(Lang::from_code);
    let lang = options.lang.or(recorded).unwrap_or(lang);
    let loader = ConfigLoader {
        context: context.to_owned(),
        record,
        overrides: options.overrides.clone(),
        judge: ConfigJudge::native(),
    };
    // hyper panics in each connection where the clock shows a time that no date of HTTP can say.
    if !time::is_http_date(host.now()) {
        return Err(Error::failed(msg!("gateway.clock")).hint(msg!("gateway.hint-clock")));
    }
    let identity = GatewayIdentity::new(instance, host.now());
    let start = loader.load_for_start()?;
    let acquirer = ResourceAcquirer {
        loader: &loader,
        force: options.force,
        interaction,
    };
    let lock = acquirer.acquire_lock(start.usable.settings.port, identity.started)?;
    let base = acquirer.bind_base_port(&start.usable.settings)?;
    stop_record::remove(instance);
    let log = log::open(instance, &start.usable.config, options.verbose);
    if let Some(warning) = start.warning.as_ref().or(log.file_error.as_ref()) {
        (interaction.notify)(warning);
    }
    if let Some(error) = &log.file_error {
        log::warn(lang, error);
    }
    let lifecycle = GatewayLifecycle {
        acquirer,
        lang,
        identity,
    };
    StartedGateway { lifecycle, lock }.run(start, base)
}

/// A gateway that has acquired the lock of its instance.
struct StartedGateway<'a> {
    lifecycle: GatewayLifecycle<'a>,
    lock: InstanceLock,
}

impl StartedGateway<'_> {
    /// Creates the async runtime and serves the gateway on it until the gateway ends.
    fn run(mut self, start: StartConfig, base: BoundPort) -> Result<ExitCode> {
        let failed = |cause: std::io::Error| Error::failed(msg!("gateway.no-runtime")).because(cause);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let guard = runtime.enter();
        let mut signals = Signals::new().map_err(failed)?;
        drop(guard);
        let result = self.serve_until_stopped(&runtime, &mut signals, start, base);
        shut_down(runtime);
        result
    }

    /// Serves the gateway, and after each restart again with the changed config, until a signal ends it.
    fn serve_until_stopped(
        &mut self,
        runtime: &Runtime,
        signals: &mut Signals,
        mut start: StartConfig,
        mut base: BoundPort,
    ) -> Result<ExitCode> {
        loop {
            let port = start.usable.settings.port;
            self.lock.set_port(port);
            let outcome = runtime.block_on(self.lifecycle.serve(&start, base, signals, &mut self.lock));
            match outcome {
                Ok(ServeOutcome::Stopped(StopReason::Restart)) => {}
                Ok(ServeOutcome::Stopped(StopReason::Signal)) => {
                    log::info(self.lifecycle.lang, &msg!("gateway.ended", port = port));
                    return Ok(ExitCode::SUCCESS);
                }
                Ok(ServeOutcome::Interrupted) => return Ok(ExitCode::from(EXIT_INTERRUPTED)),
                Err(cause) => return Err(Error::failed(msg!("gateway.failed", port = port)).because(cause)),
            }
            (start, base) = self.restart(start.usable)?;
        }
    }

    /// Reads the changed config of the restarting gateway and listens on its base port. Where that turns out to be
    /// impossible, the gateway goes on with the config from before.
    fn restart(&self, before: UsableConfig) -> Result<(StartConfig, BoundPort)> {
        let acquirer = &self.lifecycle.acquirer;
        let (ready, refused, error) = match acquirer.loader.load() {
            Err(error) => (before, None, error),
            Ok(ready) => match acquirer.bind_base_port(&ready.settings) {
                Ok(base) => return Ok((ready.into(), base)),
                Err(error) => (before, Some(ready.settings), error),
            },
        };
        log::error(self.lifecycle.lang, &error);
        let base = acquirer.bind_base_port(&ready.settings)?;
        let start = StartConfig {
            usable: ready,
            warning: Some(config_reload::refusal_message(error.msg)),
            refused,
        };
        Ok((start, base))
    }
}

/// Ends the async runtime of a gateway, and waits for its threads for a limited time. Dropped without a timeout, it
/// would wait for its threads for ever.
fn shut_down(runtime: Runtime) {
    runtime.shutdown_timeout(THREAD_END_TIMEOUT);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_thread_does_not_keep_the_gateway_from_ending() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (_sender, never) = std::sync::mpsc::channel::<()>();
        runtime.spawn_blocking(move || never.recv());
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            shut_down(runtime);
            let _ = ended.send(());
        });
        assert_eq!(end.recv_timeout(Duration::from_secs(30)), Ok(()));
    }
}
