//! The receiving end of a move: frames from standard input, words on standard output, and the lease in between.
//!
//! Four threads: one reads frames, one issues ticks, one looks whether the lease is held and ends the gateway where it is not, and
//! the main one does the work. None of the first three waits for another, so that a full pipe or a slow disk ends no lease late.

use std::io::{self, Read, Write as _};
use std::sync::mpsc::{self, Receiver as Frames, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::frame::Frame;
use super::lease::{Lease, Moment, TICK_INTERVAL};
use super::offer::MoveOffer;
use super::report::MoveReport;
use crate::error::{Error, Result};
use crate::host::process_group::ProcessGroup;
use crate::i18n::msg;
use crate::sync::lock;

/// Time between two looks at the lease.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);
/// Number of frames that wait to be worked on; a sender that is faster waits.
const QUEUED_FRAMES: usize = 64;
/// Time without a frame in the middle of an archive after which the connection counts as cut.
const ARCHIVE_TIMEOUT: Duration = Duration::from_mins(2);

/// A gateway that runs under a lease, or is about to.
#[derive(Debug, Default)]
struct LeasedGateway {
    lease: Lease,
    process: Option<ProcessGroup>,
    /// `true` as soon as the connection ended.
    is_cut: bool,
    /// `true` as soon as the lease was lost while the gateway ran.
    is_lost: bool,
    /// `true` as soon as the gateway is there to stay.
    is_kept: bool,
}

impl LeasedGateway {
    /// Returns whether the gateway may run.
    fn may_run(&self) -> bool {
        self.is_kept || !self.is_lost && !self.is_cut && self.lease.is_held(Moment::now())
    }

    /// Ends the gateway where it may not run any more.
    fn enforce(&mut self) {
        if self.process.is_some() && !self.may_run() {
            self.is_lost = true;
            // Dropped, it is killed with everything that it started.
            self.process = None;
        }
    }
}

/// The receiving end of a move.
pub(crate) struct Receiver {
    frames: Frames<Frame>,
    leased: Arc<Mutex<LeasedGateway>>,
}

/// The provisional gateway of a move, for whoever waits for it.
#[derive(Clone)]
pub(crate) struct Provisional {
    leased: Arc<Mutex<LeasedGateway>>,
}

impl Receiver {
    /// Starts the threads of the receiving end, which live until the process ends.
    pub(crate) fn start() -> Self {
        let leased = Arc::new(Mutex::new(LeasedGateway::default()));
        let (sender, frames) = mpsc::sync_channel(QUEUED_FRAMES);
        let of_reader = Arc::clone(&leased);
        std::thread::spawn(move || read_frames(io::stdin().lock(), &of_reader, &sender));
        let of_issuer = Arc::clone(&leased);
        std::thread::spawn(move || issue_ticks(&of_issuer));
        let of_watcher = Arc::clone(&leased);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(WATCH_INTERVAL);
                lock(&of_watcher).enforce();
            }
        });
        Self { frames, leased }
    }

    /// Waits for the offer, which comes first.
    ///
    /// # Errors
    /// Where something else comes.
    pub(crate) fn offer(&self) -> Result<MoveOffer> {
        match self.next(ARCHIVE_TIMEOUT)? {
            Frame::Offer(bytes) => {
                serde_json::from_slice(&bytes).map_err(|cause| Error::failed(msg!("move.cut")).because(cause))
            }
            _ => Err(Error::failed(msg!("move.cut"))),
        }
    }

    /// Returns a reader of the archive, which ends where the archive is whole.
    pub(crate) fn archive(&self) -> impl Read + '_ {
        ArchiveReader {
            receiver: self,
            piece: Vec::new(),
            at: 0,
            is_whole: false,
        }
    }

    /// Waits for a frame, and at most for `limit`.
    fn next(&self, limit: Duration) -> Result<Frame> {
        self.frames
            .recv_timeout(limit)
            .map_err(|_| Error::failed(msg!("move.cut")))
    }

    /// Waits until the gateway may run: a tick that was issued just now is answered.
    ///
    /// # Errors
    /// Where the connection is cut.
    pub(crate) fn wait_for_lease(&self, limit: Duration) -> Result<Provisional> {
        let deadline = Instant::now() + limit;
        while !lock(&self.leased).may_run() {
            if Instant::now() >= deadline || lock(&self.leased).is_cut {
                return Err(Error::failed(msg!("move.cut")));
            }
            std::thread::sleep(WATCH_INTERVAL);
        }
        Ok(Provisional {
            leased: Arc::clone(&self.leased),
        })
    }

    /// Waits for the word that the gateway is there to stay, as long as it may run.
    ///
    /// # Errors
    /// Where the lease is lost, or the connection is cut.
    pub(crate) fn wait_for_keep(&self) -> Result<()> {
        loop {
            match self.frames.recv_timeout(WATCH_INTERVAL) {
                Ok(Frame::Keep) => return Ok(()),
                Err(RecvTimeoutError::Timeout) if lock(&self.leased).may_run() => {}
                _ => return Err(Error::failed(msg!("move.cut"))),
            }
        }
    }

    /// Waits for the word that the move is finished on the other host. Returns whether it came.
    pub(crate) fn wait_for_done(&self, limit: Duration) -> bool {
        matches!(self.frames.recv_timeout(limit), Ok(Frame::Done))
    }
}

impl Provisional {
    /// Starts the gateway, unless it may not run.
    ///
    /// # Errors
    /// Where the lease is lost, or the gateway can't be started.
    pub(crate) fn start(&self, start: impl FnOnce() -> Result<ProcessGroup>) -> Result<()> {
        let mut leased = lock(&self.leased);
        if !leased.may_run() {
            return Err(Error::failed(msg!("move.cut")));
        }
        leased.process = Some(start()?);
        Ok(())
    }

    /// Returns whether the gateway runs, and may.
    pub(crate) fn runs(&self) -> bool {
        let mut leased = lock(&self.leased);
        leased.enforce();
        leased
            .process
            .as_mut()
            .is_some_and(|process| process.poll_exit().is_none())
    }

    /// Returns the end of what the gateway wrote to its standard error.
    pub(crate) fn last_words(&self) -> String {
        let leased = lock(&self.leased);
        leased
            .process
            .as_ref()
            .map(ProcessGroup::stderr_tail)
            .unwrap_or_default()
    }

    /// Makes the gateway one that is there to stay, by `decide`, which writes it down: no lease ends it after that. Returns its
    /// process.
    ///
    /// # Errors
    /// Where the lease was lost before, or it can't be written down. The gateway does not stay then.
    pub(crate) fn keep(&self, decide: impl FnOnce() -> Result<()>) -> Result<Option<ProcessGroup>> {
        let mut leased = lock(&self.leased);
        leased.enforce();
        if leased.process.is_none() {
            return Err(Error::failed(msg!("move.cut")));
        }
        decide()?;
        leased.is_kept = true;
        Ok(leased.process.take())
    }

    /// Ends the gateway.
    pub(crate) fn end(&self) {
        let mut leased = lock(&self.leased);
        leased.is_lost = true;
        leased.process = None;
    }
}

/// Says something to the other host. Where nobody hears it, the end of the input says so.
pub(crate) fn say(report: &MoveReport) -> bool {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(report.line().as_bytes())
        .and_then(|()| stdout.flush())
        .is_ok()
}

/// Reads frames until the stream ends. The answers to ticks are dealt with at once.
fn read_frames(mut stream: impl Read, leased: &Mutex<LeasedGateway>, frames: &SyncSender<Frame>) {
    loop {
        match Frame::read(&mut stream) {
            Ok(Frame::Tick(number)) => lock(leased).lease.confirm(number),
            Ok(frame) => {
                if frames.send(frame).is_err() {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    let mut leased = lock(leased);
    leased.is_cut = true;
    leased.enforce();
}

/// Issues ticks for as long as somebody hears them.
fn issue_ticks(leased: &Mutex<LeasedGateway>) {
    loop {
        let number = lock(leased).lease.issue(Moment::now());
        if !say(&MoveReport::Tick(number)) {
            return;
        }
        std::thread::sleep(TICK_INTERVAL);
    }
}

/// A reader of the archive that comes in frames.
struct ArchiveReader<'a> {
    receiver: &'a Receiver,
    piece: Vec<u8>,
    at: usize,
    is_whole: bool,
}

impl Read for ArchiveReader<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() && !self.is_whole {
            match self.receiver.frames.recv_timeout(ARCHIVE_TIMEOUT) {
                Ok(Frame::Data(piece)) => (self.piece, self.at) = (piece, 0),
                Ok(Frame::End) => self.is_whole = true,
                _ => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let rest = &self.piece[self.at..];
        let length = rest.len().min(to.len());
        to[..length].copy_from_slice(&rest[..length]);
        self.at += length;
        Ok(length)
    }
}
