//! The transfer of an instance to another host: from the stop of the gateway here to its end on this host.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::plan::{self, MovePlan};
use super::settle::{Departure, Settled};
use crate::archive;
use crate::cli::Context;
use crate::cli::profiles::export;
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::moves::{MoveMark, MovePhase, MoveReport, MoveSession, SessionEnd};
use crate::survey::{Survey, SurveyedInstance};

/// Time that the other host may take to unpack an archive, for each gigabyte and in any case.
const UNPACK_TIMEOUT: Duration = Duration::from_mins(5);
/// Time that the other host may take to begin, and to write down that the gateway is there to stay.
const WORD_TIMEOUT: Duration = Duration::from_secs(45);
/// Size for which the other host is given [`UNPACK_TIMEOUT`] once more, in bytes.
const BYTES_PER_TIMEOUT: u64 = 1 << 30;
/// Size of the pieces in which the archive is sent, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// An instance that has moved.
pub(super) struct Moved {
    /// The folder in which its files are kept on this host; `None` where there were none any more.
    pub(super) aside: Option<PathBuf>,
    /// The number of files that were carried over.
    pub(super) files: usize,
    /// The reason why the gateway there does not run as it should.
    pub(super) fault: Option<String>,
}

/// The transfer of an instance.
pub(super) struct Transfer<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) plan: &'a MovePlan<'a>,
    pub(super) survey: &'a Survey,
    pub(super) found: &'a SurveyedInstance,
}

impl Transfer<'_> {
    /// Moves the instance. Where that fails, the gateway runs here again.
    ///
    /// # Errors
    /// Why it failed, with a hint that says what became of the instance.
    pub(super) fn run(&self) -> Result<Moved> {
        let (context, plan) = (self.context, self.plan);
        let spec = context
            .ssh()
            .command(plan.remote, &["profiles", "receive", "--json"]);
        let spec = spec.map_err(|fault| fault.to_error(plan.remote))?;
        let started = MoveSession::start(context.host, &spec, &plan.offer);
        let session = started.map_err(|cause| Error::failed(msg!("move.no-ssh")).because(cause))?;
        let mark = MoveMark {
            id: plan.offer.id.clone(),
            phase: MovePhase::Leaving,
            other: plan.remote.name.to_string(),
            at: crate::time::unix_millis(context.host.now()),
            mode: plan.offer.mode,
        };
        // Nothing is stopped for a host that does not want the instance any more.
        self.expect(&session, &MoveReport::Ready, WORD_TIMEOUT)?;
        mark.write(&plan.instance)?;
        let mut departure = Departure::new(context, &plan.instance, mark)?;
        let files = match self.prove_there(&session) {
            Ok(files) => files,
            Err(error) => {
                let rest = session.close().remaining(Instant::now());
                return Err(self.undone(error, departure.take_back(Some((plan.remote, rest)))));
            }
        };
        if let Err(error) = departure.advance(MovePhase::Keeping) {
            let rest = session.close().remaining(Instant::now());
            return Err(self.undone(error, departure.take_back(Some((plan.remote, rest)))));
        }
        session.keep();
        let kept = self.expect(&session, &MoveReport::Kept, WORD_TIMEOUT);
        if let Err(error) = kept {
            let _ = session.close();
            return match departure.settle(plan.remote)? {
                Settled::Undone => Err(self.undone(error, Ok(Settled::Undone))),
                Settled::Finished(aside) => Ok(Moved {
                    aside,
                    files,
                    fault: None,
                }),
            };
        }
        let aside = departure.put_aside()?;
        let fault = self.wait_settled(&session);
        session.finish();
        session.wait_for_end(WORD_TIMEOUT);
        Ok(Moved { aside, files, fault })
    }

    /// Stops the gateway, carries the instance over, and waits until its gateway is healthy there. Returns the number of files.
    fn prove_there(&self, session: &MoveSession) -> Result<usize> {
        let (context, plan) = (self.context, self.plan);
        let (profile, host) = (&plan.instance.profile, &plan.remote.name);
        let at = context.instance_context().with_instance(&plan.instance);
        {
            let _stopping = context.ui.spinner(&msg!("service.acting", profile = profile));
            plan.offer.mode.stop(at)?;
        }
        let carrying = context.ui.spinner(&msg!("move.carrying", host = host));
        let files = self.send_archive(session)?;
        let gigabytes = u32::try_from(plan.offer.bytes / BYTES_PER_TIMEOUT).unwrap_or(u32::MAX - 1);
        self.expect(
            session,
            &MoveReport::Starting,
            UNPACK_TIMEOUT.saturating_mul(gigabytes + 1),
        )?;
        drop(carrying);
        let _starting = context.ui.spinner(&msg!("move.starting", host = host));
        let limit = plan.offer.engine.start_timeout() + WORD_TIMEOUT;
        match self.next(session, limit)? {
            MoveReport::Healthy(_) => Ok(files),
            _ => Err(self.unexpected()),
        }
    }

    /// Sends the files as they are now. Where that fails because the other host does, its reason is returned.
    fn send_archive(&self, session: &MoveSession) -> Result<usize> {
        let (manifest, files) = export::collect(self.context, self.survey, self.found, true, None)?;
        let name = Path::new("-");
        let mut writer = BufWriter::with_capacity(PIECE_BYTES, session.archive_writer());
        let sent = archive::pack(name, &mut writer, manifest, &files).and_then(|manifest| {
            let ended = writer.flush().and_then(|()| session.end_archive());
            ended.map_err(|cause| crate::apply::write_error(name, cause))?;
            Ok(manifest.files.len())
        });
        sent.map_err(|error| match session.next_report(Duration::ZERO) {
            Err(end) if session.is_ended() => self.session_error(end),
            _ => error,
        })
    }

    /// Waits until the other host has given the gateway its final form. Returns why it could not.
    fn wait_settled(&self, session: &MoveSession) -> Option<String> {
        let host = &self.plan.remote.name;
        let _settling = self.context.ui.spinner(&msg!("move.starting", host = host));
        let engine = self.plan.offer.engine;
        match session.next_report(engine.stop_timeout() + engine.start_timeout() + WORD_TIMEOUT) {
            Ok(MoveReport::Settled(fault)) => fault,
            _ => Some(self.context.ui.render(&msg!("move.not-heard"))),
        }
    }

    fn next(&self, session: &MoveSession, limit: Duration) -> Result<MoveReport> {
        session.next_report(limit).map_err(|end| self.session_error(end))
    }

    /// Waits for a certain word of the other host.
    fn expect(&self, session: &MoveSession, word: &MoveReport, limit: Duration) -> Result<()> {
        if self.next(session, limit)? == *word {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn unexpected(&self) -> Error {
        Error::failed(msg!("move.other-program", host = self.plan.remote.name))
    }

    fn session_error(&self, end: SessionEnd) -> Error {
        match end {
            SessionEnd::Failed(failure) => plan::refused(self.plan.remote, &failure),
            SessionEnd::Cut(fault) => fault.to_error(self.plan.remote),
        }
    }

    /// Returns the error of a failed move, with what became of the instance.
    fn undone(&self, error: Error, taken_back: Result<Settled>) -> Error {
        let (profile, host) = (&self.plan.instance.profile, &self.plan.remote.name);
        match taken_back {
            Ok(_) => error.hint(msg!("move.runs-here", profile = profile)),
            Err(cause) => error
                .hint(msg!("move.not-taken-back", profile = profile).with_msg("why", cause.msg))
                .hint(msg!("move.ask-again", profile = profile, host = host)),
        }
    }
}
