//! Keys of the Windows console, which changes its modes for one key at a time and restores them itself.

use std::io;
use std::time::Duration;

use console::Term;

use super::super::keys::Key;

/// Does nothing on Windows: no mode of the console is left changed.
pub(in super::super) fn restore() {}

/// Does nothing on Windows: no program is stopped and continued there.
pub(in super::super) fn suspend() {}

/// Does nothing on Windows: the console changes its modes itself for a question.
#[expect(clippy::unnecessary_wraps, reason = "the other systems can fail here")]
pub(in super::super) fn set_question_mode() -> io::Result<()> {
    Ok(())
}

/// Does nothing on Windows: the console changes its modes itself between questions.
#[expect(clippy::unnecessary_wraps, reason = "the other systems can fail here")]
pub(in super::super) fn set_idle_mode() -> io::Result<()> {
    Ok(())
}

/// Reads the keys that are typed from the Windows console.
#[derive(Debug, Default)]
pub(in super::super) struct KeyReader {}

#[expect(clippy::unused_self, reason = "the other systems keep something here")]
impl KeyReader {
    /// Waits for the next key from the Windows console; `None` for a key that does nothing in a prompt.
    pub(in super::super) fn next_key(&mut self) -> io::Result<Option<Key>> {
        Ok(match Term::stderr().read_key_raw()? {
            console::Key::Char('\u{15}') => Some(Key::DeleteToStart),
            console::Key::Char('\u{b}') => Some(Key::DeleteToEnd),
            console::Key::Char('\u{c}') => Some(Key::Language),
            console::Key::Char('\u{17}') => Some(Key::DeleteWord),
            console::Key::Char(c) => Some(Key::Char(c)),
            console::Key::Enter => Some(Key::Enter),
            console::Key::Escape => Some(Key::Escape),
            console::Key::Tab => Some(Key::Tab),
            console::Key::Backspace => Some(Key::Backspace),
            console::Key::Del => Some(Key::Delete),
            console::Key::ArrowLeft => Some(Key::Left),
            console::Key::ArrowRight => Some(Key::Right),
            console::Key::ArrowUp => Some(Key::Up),
            console::Key::ArrowDown => Some(Key::Down),
            console::Key::Home => Some(Key::Home),
            console::Key::End => Some(Key::End),
            console::Key::PageUp => Some(Key::PageUp),
            console::Key::PageDown => Some(Key::PageDown),
            console::Key::CtrlC => Some(Key::Interrupt),
            _ => None,
        })
    }

    /// Waits for this time: the Windows console tells of a key only to whoever waits for it as long as it takes.
    #[expect(clippy::unnecessary_wraps, reason = "the other systems can fail here")]
    pub(in super::super) fn next_key_within(&mut self, wait: Duration) -> io::Result<Option<Key>> {
        pause(wait);
        Ok(None)
    }

    /// Does nothing on Windows: no key is read during a wait.
    pub(in super::super) fn put_back(&mut self, _keys: Vec<Key>) {}

    pub(in super::super) fn has_pending(&self) -> bool {
        false
    }
}

/// Waits for this time.
pub(in super::super) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Waits for this time: a line from the Windows console is told of only to whoever waits for it.
#[expect(clippy::unnecessary_wraps, reason = "the other systems can fail here")]
pub(in super::super) fn has_line_within(time: Duration) -> io::Result<bool> {
    pause(time);
    Ok(false)
}

/// Reads a line from the Windows console, shown while it is typed or hidden; `None` at the end of the input.
pub(in super::super) fn read_line(
    hidden: bool,
    prompt: impl FnOnce() -> io::Result<()>,
) -> io::Result<Option<String>> {
    prompt()?;
    if hidden {
        return Term::stderr().read_secure_line().map(Some);
    }
    let mut line = String::new();
    let count = io::stdin().read_line(&mut line)?;
    Ok((count > 0).then_some(line))
}
