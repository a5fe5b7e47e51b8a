//! The modes of a Unix terminal, and reads of as many bytes as there are.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use rustix::process::{Signal, kill_current_process_group};
use rustix::stdio::stdin;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

use super::super::keys::{Key, KeyDecoder};
use crate::sync::lock;

/// The modes that the terminal had before they were changed; `None` while they are unchanged.
static ORIGINAL_MODES: Mutex<Option<Termios>> = Mutex::new(None);

/// Maximum wait for the rest of an arrow key's sequence after an ESC byte from the terminal. Terminals send both in
/// one piece, but a slow line separates them now and then.
const ESCAPE_TIMEOUT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 40_000_000,
};
/// Interval at which a prompt can check whether the terminal window has changed its size.
const RESIZE_POLL_INTERVAL: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 150_000_000,
};

/// The byte that a terminal sends for Ctrl-C.
const CTRL_C: u8 = 3;
/// The byte that a terminal sends for Ctrl-Z.
const CTRL_Z: u8 = 26;

fn original_modes() -> MutexGuard<'static, Option<Termios>> {
    lock(&ORIGINAL_MODES)
}

/// Restores the original modes of the terminal; works from any thread.
pub(in super::super) fn restore() {
    if let Some(modes) = original_modes().take() {
        // Without waiting for output: a terminal that is gone takes none any more.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &modes);
    }
}

/// Stops this process and the others of its job, as the terminal does at Ctrl-Z where it sends signals. Returns when the
/// job is continued; at once where no shell could continue it.
pub(in super::super) fn suspend() {
    let _ = kill_current_process_group(Signal::TSTP);
}

/// Changes the terminal's modes, and keeps the original ones for [`restore`].
fn change_modes(how: impl FnOnce(&mut Termios)) -> io::Result<()> {
    let mut original = original_modes();
    if original.is_none() {
        *original = Some(tcgetattr(stdin())?);
    }
    let Some(mut modes) = original.clone() else {
        return Ok(());
    };
    how(&mut modes);
    Ok(tcsetattr(stdin(), OptionalActions::Now, &modes)?)
}

/// Sets the terminal's modes for a question: every key comes to [`KeyReader`], Ctrl-C too.
pub(in super::super) fn set_question_mode() -> io::Result<()> {
    change_modes(|modes| {
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        modes.input_modes -= InputModes::ICRNL | InputModes::INLCR | InputModes::IXON;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
    })
}

/// Sets the terminal's modes between questions: Ctrl-C is a signal again, and typed text stays invisible.
pub(in super::super) fn set_idle_mode() -> io::Result<()> {
    change_modes(|modes| modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO)
}

/// Reads the keys that are typed at the terminal from standard input. Dropped, it restores the modes of the terminal.
#[derive(Debug, Default)]
pub(in super::super) struct KeyReader {
    decoder: KeyDecoder,
    keys: VecDeque<Key>,
}

impl KeyReader {
    /// Waits for the next key that is typed at the terminal; `None` where there was none for a while.
    pub(in super::super) fn next_key(&mut self) -> io::Result<Option<Key>> {
        self.next_key_before(&RESIZE_POLL_INTERVAL)
    }

    /// Waits for the next key that is typed at the terminal, at most for this time.
    pub(in super::super) fn next_key_within(&mut self, wait: Duration) -> io::Result<Option<Key>> {
        self.next_key_before(&timespec(wait))
    }

    /// Returns keys to the reader, which come before all others.
    pub(in super::super) fn put_back(&mut self, keys: Vec<Key>) {
        for key in keys.into_iter().rev() {
            self.keys.push_front(key);
        }
    }

    fn next_key_before(&mut self, longest: &Timespec) -> io::Result<Option<Key>> {
        loop {
            if let Some(key) = self.keys.pop_front() {
                return Ok(Some(key));
            }
            let wait = if self.decoder.needs_timeout() {
                &ESCAPE_TIMEOUT
            } else {
                longest
            };
            if !wait_for_input(wait)? {
                return Ok(self.decoder.on_timeout());
            }
            let mut bytes = [0; 4096];
            match read(stdin(), &mut bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.keys.extend(self.decoder.feed(&bytes[..count])),
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Returns `true` if more keys from the terminal were read already, so that drawing can wait for them.
    pub(in super::super) fn has_pending(&self) -> bool {
        !self.keys.is_empty()
    }
}

impl Drop for KeyReader {
    fn drop(&mut self) {
        restore();
    }
}

/// Waits until there is input from the terminal; returns `false` where there was none in time.
fn wait_for_input(timeout: &Timespec) -> io::Result<bool> {
    let stdin = stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    match poll(&mut fds, Some(timeout)) {
        Ok(count) => Ok(count > 0),
        Err(Errno::INTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Returns a time as the system takes it.
fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    }
}

/// Waits for this time; a signal may end it earlier.
pub(in super::super) fn pause(time: Duration) {
    let _ = poll(&mut [], Some(&timespec(time)));
}

/// Waits for a line from the terminal, at most for this time; returns `false` where there was none.
pub(in super::super) fn has_line_within(time: Duration) -> io::Result<bool> {
    wait_for_input(&timespec(time))
}

/// Reads a line from the terminal, which edits it itself, shown while it is typed or hidden; `None` at the end of the
/// input. Ctrl-C is an error as in every other prompt, and not a signal.
pub(in super::super) fn read_line(
    hidden: bool,
    prompt: impl Fn() -> io::Result<()>,
) -> io::Result<Option<String>> {
    /// A guard that restores the terminal's modes however the reading of a line ends.
    struct RestoreModes;
    impl Drop for RestoreModes {
        fn drop(&mut self) {
            restore();
        }
    }
    let _restore = RestoreModes;
    let set_line_mode = || {
        change_modes(|modes| {
            modes.local_modes -= LocalModes::ISIG;
            // Ctrl-C and Ctrl-Z end the line, so that they are read at once.
            modes.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
            modes.special_codes[SpecialCodeIndex::VEOL2] = CTRL_Z;
            if hidden {
                modes.local_modes -= LocalModes::ECHO;
                // The end of the line is shown, so that the next sentence has a line of its own.
                modes.local_modes |= LocalModes::ECHONL;
            }
        })
    };
    set_line_mode()?;
    // Only once the echo is off: somebody may type quickly.
    prompt()?;
    let mut line = Vec::new();
    let mut bytes = [0; 4096];
    loop {
        match read(stdin(), &mut bytes) {
            Ok(0) => break,
            Ok(count) => line.extend_from_slice(&bytes[..count]),
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        match line.last() {
            Some(&CTRL_C) => return Err(io::ErrorKind::Interrupted.into()),
            Some(&CTRL_Z) => {
                line.clear();
                restore();
                suspend();
                set_line_mode()?;
                prompt()?;
            }
            Some(b'\n') => break,
            _ => {}
        }
    }
    Ok((!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned()))
}
