//! The real program in a pseudo-terminal: the test types keys and reads the screen as a person would.
//!
//! A thread reads the program's output and passes it on through a channel. The test waits for a condition of the screen
//! with a deadline, never by sleeping, and a wait that fails shows the screen.
//!
//! ```ignore
//! let sandbox = Sandbox::new();
//! let mut terminal = Terminal::start(&sandbox, ["onboard"], Size::USUAL);
//! terminal.wait_for("Base port").type_in("19789").press(Key::Enter);
//! terminal.wait_until("the plan is shown", |screen| screen.text().contains("19789"));
//! assert_eq!(terminal.press(Key::CtrlC).exit_code(), 130);
//! assert_eq!(terminal.modes(), Modes::usual());
//! ```

use std::ffi::OsStr;
use std::io::{PipeReader, PipeWriter, Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pty_process::blocking::{Pty, open};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use rustix::termios::{LocalModes, tcgetattr};

use super::Sandbox;

/// Maximum time until a condition holds, on a machine that is busy with other tests, where no other is chosen.
const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

/// The size of a terminal, in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub rows: u16,
    pub columns: u16,
}

impl Size {
    /// The usual size of a terminal.
    pub const USUAL: Self = Self {
        rows: 24,
        columns: 80,
    };

    /// Returns a size with this many columns, and so many rows that nothing scrolls away.
    pub const fn tall(columns: u16) -> Self {
        Self { rows: 200, columns }
    }

    fn cells(self) -> (NonZeroU16, NonZeroU16) {
        let cell = |n| NonZeroU16::new(n).expect("a terminal has at least one cell");
        (cell(self.rows), cell(self.columns))
    }
}

/// A key that is not a letter, as xterm sends it.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "not every test that uses this file presses every key")]
pub enum Key {
    Enter,
    Escape,
    Tab,
    Backspace,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    CtrlC,
    CtrlD,
    CtrlZ,
}

impl Key {
    /// Returns the bytes that xterm sends for the key.
    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Enter => b"\r",
            Self::Escape => b"\x1b",
            Self::Tab => b"\t",
            Self::Backspace => b"\x7f",
            Self::Up => b"\x1b[A",
            Self::Down => b"\x1b[B",
            Self::Right => b"\x1b[C",
            Self::Left => b"\x1b[D",
            Self::Home => b"\x1b[H",
            Self::End => b"\x1b[F",
            Self::PageUp => b"\x1b[5~",
            Self::PageDown => b"\x1b[6~",
            Self::CtrlC => b"\x03",
            Self::CtrlD => b"\x04",
            Self::CtrlZ => b"\x1a",
        }
    }
}

/// Modes of a terminal that a program may change and has to restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes {
    pub echo: bool,
    pub lines: bool,
    pub signals: bool,
}

impl Modes {
    /// Returns the modes with which a shell starts a program.
    pub const fn usual() -> Self {
        Self {
            echo: true,
            lines: true,
            signals: true,
        }
    }
}

/// The text and the cursor on the screen of a terminal.
pub struct Screen<'a>(&'a vt100::Screen);

impl Screen<'_> {
    /// Returns the text, without blanks at the ends of lines. Rows that the terminal wrapped are one line.
    pub fn text(&self) -> String {
        self.0.contents()
    }

    /// Returns one line for each row, without blanks at its end, up to the last row with text.
    pub fn lines(&self) -> Vec<String> {
        let (_, columns) = self.0.size();
        let mut lines: Vec<_> = self
            .0
            .rows(0, columns.get())
            .map(|line| line.trim_end().to_owned())
            .collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// Returns `true` if the terminal wrapped a row into the next one.
    pub fn is_wrapped(&self, row: usize) -> bool {
        u16::try_from(row).is_ok_and(|row| self.0.row_wrapped(row))
    }

    /// Returns `true` if a line of the text contains this.
    pub fn contains(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// Returns the row and the column of the cursor, counted from 0.
    pub fn cursor(&self) -> (u16, u16) {
        self.0.cursor_position()
    }

    /// Returns `true` if the cursor is hidden.
    pub fn cursor_is_hidden(&self) -> bool {
        self.0.hide_cursor()
    }
}

/// The thread that reads the program's output, and the pipe that stops the thread when it is closed.
struct Reader {
    thread: JoinHandle<()>,
    stop: PipeWriter,
}

/// Reads the output of a terminal and sends it in pieces, until the program has ended or the pipe is closed.
fn read_output(pty: &Pty, stopped: &PipeReader, sender: &Sender<Vec<u8>>) {
    let mut input = pty;
    let mut bytes = [0; 4096];
    loop {
        let mut ends = [
            PollFd::new(pty, PollFlags::IN),
            PollFd::new(stopped, PollFlags::IN),
        ];
        if poll(&mut ends, None).is_err() || !ends[1].revents().is_empty() {
            return;
        }
        // Once no process has the other end open, Linux returns an error and other systems return 0.
        let Ok(count @ 1..) = input.read(&mut bytes) else {
            return;
        };
        if sender.send(bytes[..count].to_vec()).is_err() {
            return;
        }
    }
}

/// A running program and its terminal. Dropping it kills the program.
pub struct Terminal {
    /// The test's end of the terminal; `None` once it was hung up.
    pty: Option<Arc<Pty>>,
    reader: Option<Reader>,
    child: Child,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    raw: Vec<u8>,
    ended: bool,
    wait_timeout: Duration,
}

impl Terminal {
    /// Starts the program in the sandbox with these arguments.
    pub fn start<S: AsRef<OsStr>>(sandbox: &Sandbox, args: impl IntoIterator<Item = S>, size: Size) -> Self {
        Self::run(sandbox.command(args), size)
    }

    /// Starts any command in a terminal. `TERM` is `xterm-256color` where the command does not say.
    pub fn run(mut command: std::process::Command, size: Size) -> Self {
        if !command.get_envs().any(|(name, _)| name == "TERM") {
            command.env("TERM", "xterm-256color");
        }
        let (pty, pts) = open().expect("a pty");
        pty.resize(pty_process::Size::new(size.rows, size.columns))
            .expect("a size");
        let child = pty_process::blocking::Command::from(command)
            .spawn(pts)
            .expect("the program starts");
        let pty = Arc::new(pty);
        let (sender, output) = channel();
        let (stopped, stop) = std::io::pipe().expect("a pipe");
        let thread = std::thread::spawn({
            let pty = Arc::clone(&pty);
            move || read_output(&pty, &stopped, &sender)
        });
        let (rows, columns) = size.cells();
        Self {
            pty: Some(pty),
            reader: Some(Reader { thread, stop }),
            child,
            output,
            parser: vt100::Parser::new(rows, columns, 0),
            raw: Vec::new(),
            ended: false,
            wait_timeout: WAIT_TIMEOUT,
        }
    }

    /// Returns the terminal with another maximum time until a condition holds, for a program that starts slowly.
    #[must_use]
    pub fn with_wait_timeout(mut self, wait_timeout: Duration) -> Self {
        self.wait_timeout = wait_timeout;
        self
    }

    /// Types a text.
    pub fn type_in(&mut self, text: &str) -> &mut Self {
        self.send(text.as_bytes())
    }

    /// Presses a key.
    pub fn press(&mut self, key: Key) -> &mut Self {
        self.send(key.bytes())
    }

    /// Presses a key several times.
    pub fn press_times(&mut self, key: Key, times: usize) -> &mut Self {
        for _ in 0..times {
            self.press(key);
        }
        self
    }

    /// Returns the test's end of the terminal.
    fn pty(&self) -> &Pty {
        self.pty.as_deref().expect("a terminal that was not hung up")
    }

    /// Closes the terminal: the program loses it and gets SIGHUP.
    pub fn hang_up(&mut self) -> &mut Self {
        if let Some(Reader { thread, stop }) = self.reader.take() {
            drop(stop);
            thread.join().expect("the reader ends");
        }
        self.pty = None;
        self
    }

    /// Sends bytes as if they were typed.
    fn send(&mut self, bytes: &[u8]) -> &mut Self {
        self.pty().write_all(bytes).expect("the terminal takes keys");
        self
    }

    /// Waits until this text is on the screen.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> &mut Self {
        self.wait_until(&format!("{text:?} is on the screen"), |screen| {
            screen.contains(text)
        })
    }

    /// Waits until this text is gone from the screen.
    #[track_caller]
    pub fn wait_gone(&mut self, text: &str) -> &mut Self {
        self.wait_until(&format!("{text:?} is gone"), |screen| !screen.contains(text))
    }

    /// Waits until a condition of the screen holds. `what` describes the condition in the message of a failure.
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, holds: impl Fn(&Screen<'_>) -> bool) -> &mut Self {
        let deadline = Instant::now() + self.wait_timeout;
        loop {
            if holds(&self.screen()) {
                return self;
            }
            if !self.read_until(deadline) {
                let why = if self.ended {
                    "the program ended"
                } else {
                    "time is up"
                };
                panic!("{why} before {what}; the screen:\n{}", self.screen().text());
            }
        }
    }

    /// Waits until a condition holds and the drawing is complete: each drawing of the program ends with the cursor shown or
    /// hidden.
    #[track_caller]
    pub fn wait_drawn(&mut self, what: &str, holds: impl Fn(&Screen<'_>) -> bool) -> &mut Self {
        self.wait_until(what, &holds);
        let deadline = Instant::now() + self.wait_timeout;
        while ![b"\x1b[?25l", b"\x1b[?25h"]
            .iter()
            .any(|end| self.raw.ends_with(*end))
        {
            assert!(
                self.read_until(deadline),
                "half a drawing:\n{}",
                self.screen().text()
            );
        }
        self.wait_until(what, holds)
    }

    /// Waits until the terminal echoes nothing. A program turns the echo off without a byte on the screen.
    #[track_caller]
    pub fn wait_unechoed(&mut self) -> &mut Self {
        let deadline = Instant::now() + self.wait_timeout;
        while self.modes().echo {
            assert!(
                Instant::now() < deadline,
                "it still echoes:\n{}",
                self.screen().text()
            );
            std::thread::yield_now();
        }
        self
    }

    /// Returns the arguments of the program, which every user of the host can read.
    pub fn arguments(&self) -> Vec<u8> {
        std::fs::read(format!("/proc/{}/cmdline", self.child.id())).expect("a process")
    }

    /// Does something that makes the program draw again, and waits until it has drawn and a condition holds.
    #[track_caller]
    pub fn redraw(
        &mut self,
        act: impl FnOnce(&mut Self),
        what: &str,
        holds: impl Fn(&Screen<'_>) -> bool,
    ) -> &mut Self {
        act(self);
        let deadline = Instant::now() + self.wait_timeout;
        assert!(self.read_until(deadline), "nothing is drawn before {what}");
        self.wait_drawn(what, holds)
    }

    /// Processes the next piece of output. Returns `false` if none comes before the deadline, or none will ever come.
    fn read_until(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.output.recv_timeout(left) {
            Ok(bytes) => {
                self.parser.process(&bytes);
                self.raw.extend(bytes);
                true
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                self.ended = true;
                false
            }
        }
    }

    /// Returns the screen after all output that was read so far.
    pub fn screen(&self) -> Screen<'_> {
        Screen(self.parser.screen())
    }

    /// Returns every byte of output that was read so far.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Changes the size of the terminal. The program gets SIGWINCH.
    pub fn resize(&mut self, size: Size) -> &mut Self {
        let (rows, columns) = size.cells();
        self.parser.set_size(rows, columns);
        self.pty()
            .resize(pty_process::Size::new(size.rows, size.columns))
            .expect("a size");
        self
    }

    /// Returns the present modes of the terminal.
    pub fn modes(&self) -> Modes {
        let local = tcgetattr(self.pty()).expect("the terminal's state").local_modes;
        Modes {
            echo: local.contains(LocalModes::ECHO),
            lines: local.contains(LocalModes::ICANON),
            signals: local.contains(LocalModes::ISIG),
        }
    }

    /// Sends a signal to the program.
    pub fn signal(&mut self, signal: Signal) -> &mut Self {
        kill_process(Pid::from_child(&self.child), signal).expect("the program is there");
        self
    }

    /// Waits for the program's end and returns its exit code, or 128 plus the number of the signal that ended it, as a shell
    /// does.
    #[track_caller]
    pub fn exit_code(&mut self) -> i32 {
        let deadline = Instant::now() + self.wait_timeout;
        while self.read_until(deadline) {}
        assert!(
            self.ended && self.exits_before(deadline),
            "the program does not end; the screen:\n{}",
            self.screen().text()
        );
        let status = self.child.wait().expect("the program's end");
        status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
    }

    /// Waits for the end of the process itself, which may outlive its terminal. Returns `false` at the deadline.
    fn exits_before(&self, deadline: Instant) -> bool {
        let process = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty()).expect("the program");
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).expect("seconds");
        poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left)).is_ok_and(|ready| ready > 0)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
