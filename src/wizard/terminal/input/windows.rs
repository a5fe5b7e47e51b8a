//! The console's own keys. It changes modes for a key at a time and puts them back by itself.

use std::io;

use console::Term;

use super::super::keys::Key;

/// Nothing to put back.
pub(in super::super) fn restore() {}

/// Nothing to change.
#[expect(clippy::unnecessary_wraps, reason = "the other systems can fail here")]
pub(in super::super) fn listen() -> io::Result<()> {
    Ok(())
}

/// Nothing to change.
#[expect(clippy::unnecessary_wraps, reason = "the other systems can fail here")]
pub(in super::super) fn rest() -> io::Result<()> {
    Ok(())
}

/// The keyboard.
#[derive(Debug, Default)]
pub(in super::super) struct Input {}

#[expect(clippy::unused_self, reason = "the other systems keep something here")]
impl Input {
    /// The next key; `None` where it was one that means nothing here.
    pub(in super::super) fn key(&mut self) -> io::Result<Option<Key>> {
        Ok(match Term::stderr().read_key_raw()? {
            console::Key::Char('\u{15}') => Some(Key::CutBefore),
            console::Key::Char('\u{b}') => Some(Key::CutAfter),
            console::Key::Char('\u{17}') => Some(Key::CutWord),
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

    pub(in super::super) fn has_more(&self) -> bool {
        false
    }
}

/// A line, shown while it is typed or not; `None` at the end of input.
pub(in super::super) fn line(
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
