//! The sending end of a move: ssh with the frames on its standard input, and the words of the receiving host on its output.

use std::io::{self, BufReader, Read as _, Write};
use std::process::{Child, ChildStdin};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::frame::{Frame, MAX_CONTENT_BYTES};
use super::lease::LeaseAnswers;
use super::offer::MoveOffer;
use super::report::{MoveFailure, MoveReport};
use crate::host::Host;
use crate::host::process::CommandSpec;
use crate::host::relay::next_line;
use crate::hosts::HostFault;
use crate::sync::lock;

/// Time without any word of the other host, which says one each second, after which the connection counts as cut.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(20);
/// Time between two looks at a silent connection.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Maximum number of bytes of the words of `ssh` itself that are kept.
const MAX_COMPLAINT_BYTES: u64 = 64 * 1024;
/// Maximum number of words of the other host that wait to be read: it says a handful in all.
const MAX_REPORTS: usize = 64;

/// The reason why a move does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SessionEnd {
    /// The other host refused or failed, and has undone its part.
    Failed(MoveFailure),
    /// The connection ended, or the host is silent.
    Cut(HostFault),
}

/// What the threads of a session share.
#[derive(Debug)]
struct SessionState {
    answers: LeaseAnswers,
    last_heard: Instant,
    /// `true` as soon as the sending host gave up: no tick is answered any more.
    is_closed: bool,
    /// The words of `ssh` itself.
    complaint: String,
}

/// A connection over which one instance is moved.
pub(crate) struct MoveSession {
    child: Arc<Mutex<Child>>,
    pipe: Arc<Mutex<Option<ChildStdin>>>,
    state: Arc<Mutex<SessionState>>,
    reports: Receiver<MoveReport>,
}

impl MoveSession {
    /// Starts `ssh`, and offers an instance to the other host.
    ///
    /// # Errors
    /// When the program can't be started.
    pub(crate) fn start(host: &Host, spec: &CommandSpec, offer: &MoveOffer) -> io::Result<Self> {
        let mut child = host.spawn_piped(spec)?;
        let pipe = Arc::new(Mutex::new(child.stdin.take()));
        let state = Arc::new(Mutex::new(SessionState {
            answers: LeaseAnswers::default(),
            last_heard: Instant::now(),
            is_closed: false,
            complaint: String::new(),
        }));
        let (sender, reports) = mpsc::sync_channel(MAX_REPORTS);
        let (ticks, issued) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            let state = Arc::clone(&state);
            std::thread::spawn(move || read_reports(stdout, &state, &ticks, &sender));
        }
        if let Some(stderr) = child.stderr.take() {
            let state = Arc::clone(&state);
            std::thread::spawn(move || keep_complaint(stderr, &state));
        }
        let session = Self {
            child: Arc::new(Mutex::new(child)),
            pipe,
            state,
            reports,
        };
        let answerer = TickAnswerer {
            child: Arc::clone(&session.child),
            pipe: Arc::clone(&session.pipe),
            state: Arc::clone(&session.state),
        };
        std::thread::spawn(move || answerer.run(&issued));
        // A connection that fails at once is found by whoever waits for the first word.
        let _ = session.send(&Frame::Offer(serde_json::to_vec(offer).unwrap_or_default()));
        Ok(session)
    }

    fn send(&self, frame: &Frame) -> io::Result<()> {
        send(&self.pipe, frame)
    }

    /// Returns a writer of the archive.
    pub(crate) fn archive_writer(&self) -> impl Write {
        ArchiveWriter(Arc::clone(&self.pipe))
    }

    /// Says that the archive is whole.
    pub(crate) fn end_archive(&self) -> io::Result<()> {
        self.send(&Frame::End)
    }

    /// Says that the gateway is there to stay. Whether this arrives is known by the answer alone.
    pub(crate) fn keep(&self) {
        let _ = self.send(&Frame::Keep);
    }

    /// Says that the move is finished here.
    pub(crate) fn finish(&self) {
        let _ = self.send(&Frame::Done);
    }

    /// Waits for the next word of the other host, and at most for `limit`, which a word that comes in time does not prolong.
    ///
    /// # Errors
    /// Where it failed there, or the connection is cut.
    pub(crate) fn next_report(&self, limit: Duration) -> Result<MoveReport, SessionEnd> {
        let deadline = Instant::now() + limit;
        loop {
            match self.reports.recv_timeout(POLL_INTERVAL) {
                Ok(MoveReport::Failed(failure)) => return Err(SessionEnd::Failed(failure)),
                Ok(report) => return Ok(report),
                Err(RecvTimeoutError::Disconnected) => return Err(SessionEnd::Cut(self.fault())),
                Err(RecvTimeoutError::Timeout) => {
                    if Instant::now() >= deadline || is_silent(&self.state) {
                        return Err(SessionEnd::Cut(HostFault::TimedOut(
                            limit.min(SILENCE_TIMEOUT).as_secs(),
                        )));
                    }
                }
            }
        }
    }

    /// Returns whether the connection has ended.
    pub(crate) fn is_ended(&self) -> bool {
        !matches!(lock(&self.child).try_wait(), Ok(None))
    }

    /// Closes the standard input, and waits for the end of the other host's part, which has nothing more to say.
    pub(crate) fn wait_for_end(self, limit: Duration) {
        *lock(&self.pipe) = None;
        let deadline = Instant::now() + limit;
        while !self.is_ended() && Instant::now() < deadline {
            std::thread::sleep(POLL_INTERVAL);
        }
        let _ = self.close();
    }

    /// Returns why the connection ended, by the words of `ssh`.
    fn fault(&self) -> HostFault {
        let status = lock(&self.child).wait();
        let complaint = lock(&self.state).complaint.clone();
        let code = status.ok().and_then(|status| status.code());
        HostFault::of_exit(code, &complaint).unwrap_or(HostFault::OtherProgram)
    }

    /// Ends the connection. No tick is answered after this. Returns what the sending host has answered.
    pub(crate) fn close(self) -> LeaseAnswers {
        let answers = {
            let mut state = lock(&self.state);
            state.is_closed = true;
            state.answers
        };
        // The end of its input is what the other host sees first.
        end(&self.child);
        answers
    }
}

/// Returns whether the other host has said nothing for longer than it would on any network that works.
fn is_silent(state: &Mutex<SessionState>) -> bool {
    lock(state).last_heard.elapsed() >= SILENCE_TIMEOUT
}

/// Ends `ssh`, and with it everything that waits for it.
fn end(child: &Mutex<Child>) {
    let mut child = lock(child);
    let _ = child.kill();
    let _ = child.wait();
}

/// Writes a frame whole.
fn send(pipe: &Mutex<Option<ChildStdin>>, frame: &Frame) -> io::Result<()> {
    match &mut *lock(pipe) {
        Some(stdin) => frame.write(stdin),
        None => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

/// Reads the words of the other host to their end. Ticks are passed on apart: they are answered while a word waits to be read.
fn read_reports(
    stream: impl io::Read,
    state: &Mutex<SessionState>,
    ticks: &Sender<u64>,
    reports: &SyncSender<MoveReport>,
) {
    let mut reader = BufReader::new(stream);
    while let Some(line) = next_line(&mut reader) {
        let Some(report) = MoveReport::parse(&line) else {
            continue;
        };
        lock(state).last_heard = Instant::now();
        let is_taken = match report {
            MoveReport::Tick(number) => ticks.send(number).is_ok(),
            report => reports.try_send(report).is_ok(),
        };
        if !is_taken {
            return;
        }
    }
}

/// Keeps the words of `ssh` itself, from their start.
fn keep_complaint(stream: impl io::Read, state: &Mutex<SessionState>) {
    let mut reader = BufReader::new(stream);
    let mut bytes = Vec::new();
    let _ = (&mut reader).take(MAX_COMPLAINT_BYTES).read_to_end(&mut bytes);
    lock(state).complaint = String::from_utf8_lossy(&bytes).into_owned();
    // What follows is read too, so that nobody waits for a full pipe.
    let _ = io::copy(&mut reader, &mut io::sink());
}

/// The thread that answers the ticks of a session, and ends the connection to a host that is silent.
struct TickAnswerer {
    child: Arc<Mutex<Child>>,
    pipe: Arc<Mutex<Option<ChildStdin>>>,
    state: Arc<Mutex<SessionState>>,
}

impl TickAnswerer {
    fn run(&self, issued: &Receiver<u64>) {
        loop {
            match issued.recv_timeout(POLL_INTERVAL) {
                Ok(first) => {
                    // Of several that have waited, the last one is as good as all of them.
                    let number = issued.try_iter().last().unwrap_or(first);
                    if !self.answer(number) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) if is_silent(&self.state) => return end(&self.child),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Answers a tick. Returns `false` where no more is answered.
    fn answer(&self, number: u64) -> bool {
        {
            let mut state = lock(&self.state);
            if state.is_closed {
                return false;
            }
            state.answers.note(Instant::now());
        }
        send(&self.pipe, &Frame::Tick(number)).is_ok()
    }
}

/// A writer that makes frames of an archive.
struct ArchiveWriter(Arc<Mutex<Option<ChildStdin>>>);

impl Write for ArchiveWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = &bytes[..bytes.len().min(MAX_CONTENT_BYTES)];
        if !piece.is_empty() {
            send(&self.0, &Frame::Data(piece.to_vec()))?;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
