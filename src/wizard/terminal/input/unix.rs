//! Termios and reads of as much as there is.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use rustix::stdio::stdin;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

use super::super::keys::{Decoder, Key};
use crate::sync::lock;

/// How the terminal was found; `None` where nothing of it is changed.
static FOUND: Mutex<Option<Termios>> = Mutex::new(None);

/// How long an ESC byte may wait for the rest of an arrow key. Terminals send them in one piece; a slow
/// line tears them apart now and then.
const ESCAPE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 40_000_000,
};
/// How often the caller may look whether the window has another size.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 150_000_000,
};

/// Ctrl-C, as a byte.
const INTERRUPT: u8 = 3;

fn found() -> MutexGuard<'static, Option<Termios>> {
    lock(&FOUND)
}

/// Puts the terminal's modes back, from any thread.
pub(in super::super) fn restore() {
    if let Some(modes) = found().take() {
        // Not waiting for output: a terminal that went away takes none any more.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &modes);
    }
}

/// Changes what was found, which is kept for [`restore`].
fn change(how: impl FnOnce(&mut Termios)) -> io::Result<()> {
    let mut kept = found();
    if kept.is_none() {
        *kept = Some(tcgetattr(stdin())?);
    }
    let Some(mut modes) = kept.clone() else {
        return Ok(());
    };
    how(&mut modes);
    Ok(tcsetattr(stdin(), OptionalActions::Now, &modes)?)
}

/// A question is asked: every key comes to [`Input`], Ctrl-C too.
pub(in super::super) fn listen() -> io::Result<()> {
    change(|modes| {
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        modes.input_modes -= InputModes::ICRNL | InputModes::INLCR | InputModes::IXON;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
    })
}

/// No question is asked for a while: Ctrl-C is a signal again, what is typed stays unseen.
pub(in super::super) fn rest() -> io::Result<()> {
    change(|modes| modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO)
}

/// The keyboard. Dropped, it leaves the terminal as it was found.
#[derive(Debug, Default)]
pub(in super::super) struct Input {
    decoder: Decoder,
    keys: VecDeque<Key>,
}

impl Input {
    /// The next key; `None` where for a while there was none.
    pub(in super::super) fn key(&mut self) -> io::Result<Option<Key>> {
        loop {
            if let Some(key) = self.keys.pop_front() {
                return Ok(Some(key));
            }
            let wait = if self.decoder.unsettled() { ESCAPE } else { LOOK };
            if !ready(&wait)? {
                return Ok(self.decoder.settle());
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

    /// Whether more keys are there already, so that drawing can wait for them.
    pub(in super::super) fn has_more(&self) -> bool {
        !self.keys.is_empty()
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        restore();
    }
}

fn ready(wait: &Timespec) -> io::Result<bool> {
    let stdin = stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    match poll(&mut fds, Some(wait)) {
        Ok(count) => Ok(count > 0),
        Err(Errno::INTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// A line with its end, edited by the terminal itself, and shown while it is typed or not; `None` at the
/// end of input. Ctrl-C ends it as it ends every other prompt, and not as a signal.
pub(in super::super) fn line(
    hidden: bool,
    prompt: impl FnOnce() -> io::Result<()>,
) -> io::Result<Option<String>> {
    /// However reading ends, the terminal is as it was.
    struct Found;
    impl Drop for Found {
        fn drop(&mut self) {
            restore();
        }
    }
    let _found = Found;
    change(|modes| {
        modes.local_modes -= LocalModes::ISIG;
        // With this a line ends, so that it is read at once.
        modes.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        if hidden {
            modes.local_modes -= LocalModes::ECHO;
            // The line's end is seen, so that the next sentence has a line of its own.
            modes.local_modes |= LocalModes::ECHONL;
        }
    })?;
    // Not before the echo is off: somebody may be quick.
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
            Some(&INTERRUPT) => return Err(io::ErrorKind::Interrupted.into()),
            Some(b'\n') => break,
            _ => {}
        }
    }
    Ok((!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned()))
}
