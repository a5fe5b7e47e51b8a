//! Decodes the bytes of a terminal into keys. The decoder is a pure state machine: bytes go in as they come, in pieces
//! of any size, and keys come out, so that a paste of ten thousand characters is one read and not ten thousand.
//!
//! A lone ESC byte looks like the start of an arrow key until time has passed: the reader calls
//! [`KeyDecoder::on_timeout`] when nothing came for a while.

#![cfg_attr(
    all(windows, not(test)),
    expect(dead_code, reason = "the console of Windows delivers keys and not bytes")
)]

/// A key that a person pressed at the terminal, or a text that they pasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A letter.
    Char(char),
    /// A text that the terminal marked as pasted.
    Paste(String),
    Enter,
    Escape,
    Tab,
    Backspace,
    Delete,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    PageUp,
    PageDown,
    /// Ctrl-U: delete the text before the cursor.
    DeleteToStart,
    /// Ctrl-K: delete the text behind the cursor.
    DeleteToEnd,
    /// Ctrl-W: delete the word before the cursor.
    DeleteWord,
    /// Ctrl-L: another language.
    Language,
    /// Ctrl-D: delete the letter behind the cursor; on an empty line, the end of what a person says.
    EndOfInput,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
}

/// Decodes the bytes from a terminal into keys; holds the bytes that are no whole key yet.
#[derive(Debug, Default)]
pub(super) struct KeyDecoder {
    bytes: Vec<u8>,
    /// `true` if the bytes are part of a pasted text.
    is_pasting: bool,
}

/// The control sequence with which a terminal ends a pasted text.
const PASTE_END: &[u8] = b"\x1b[201~";

/// The result of decoding the first key of the bytes from a terminal.
enum Prefix {
    /// A sequence of so many bytes: a key, or `None` where it is unknown.
    Sequence(usize, Option<Key>),
    /// The sequence of so many bytes that starts a pasted text.
    PasteStart(usize),
    /// A sequence whose end is missing.
    Incomplete,
}

impl KeyDecoder {
    /// Adds bytes from the terminal, and returns the keys that they complete.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.bytes.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.bytes);
        let mut rest = all.as_slice();
        let mut keys = Vec::new();
        while !rest.is_empty() {
            if self.is_pasting {
                let Some(end) = rest.windows(PASTE_END.len()).position(|w| w == PASTE_END) else {
                    break;
                };
                keys.push(Key::Paste(String::from_utf8_lossy(&rest[..end]).into_owned()));
                rest = &rest[end + PASTE_END.len()..];
                self.is_pasting = false;
                continue;
            }
            match parse_prefix(rest) {
                Prefix::Sequence(len, key) => {
                    keys.extend(key);
                    rest = &rest[len..];
                }
                Prefix::PasteStart(len) => {
                    self.is_pasting = true;
                    rest = &rest[len..];
                }
                Prefix::Incomplete => break,
            }
        }
        self.bytes = rest.to_vec();
        keys
    }

    /// Returns `true` if only time decides which key the bytes from the terminal mean so far.
    pub(super) fn needs_timeout(&self) -> bool {
        !self.is_pasting && !self.bytes.is_empty()
    }

    /// Ends the wait for more bytes of a key: a lone ESC is the Escape key, any other start of a sequence is dropped.
    pub(super) fn on_timeout(&mut self) -> Option<Key> {
        let escape = self.bytes == [0x1b];
        self.bytes.clear();
        escape.then_some(Key::Escape)
    }
}

fn parse_prefix(bytes: &[u8]) -> Prefix {
    match bytes[0] {
        0x1b => parse_escape(bytes),
        byte @ (0..0x20 | 0x7f) => Prefix::Sequence(1, control_key(byte)),
        _ => parse_char(bytes),
    }
}

/// Parses a terminal's key sequence that starts with ESC.
fn parse_escape(bytes: &[u8]) -> Prefix {
    match bytes.get(1) {
        None => Prefix::Incomplete,
        Some(b'[') => parse_csi(bytes),
        Some(b'O') => match bytes.get(2) {
            None => Prefix::Incomplete,
            Some(last) => Prefix::Sequence(3, cursor_key(*last)),
        },
        // The Escape key, followed at once by another key that no terminal sends in one sequence with it.
        Some(0..0x20 | 0x7f) => Prefix::Sequence(1, Some(Key::Escape)),
        // A letter with Alt does nothing here.
        Some(_) => match parse_char(&bytes[1..]) {
            Prefix::Sequence(len, _) => Prefix::Sequence(len + 1, None),
            incomplete => incomplete,
        },
    }
}

/// Parses a terminal's control sequence (CSI): `ESC [`, numbers, and a last letter.
fn parse_csi(bytes: &[u8]) -> Prefix {
    // The function keys of the Linux console have a second bracket.
    let start = if bytes.get(2) == Some(&b'[') { 3 } else { 2 };
    let Some(len) = bytes[start..].iter().position(|b| !(0x20..0x40).contains(b)) else {
        return Prefix::Incomplete;
    };
    let (numbers, last) = (&bytes[start..start + len], bytes[start + len]);
    let end = start + len + 1;
    if start == 3 {
        return Prefix::Sequence(end, None);
    }
    if last != b'~' {
        return Prefix::Sequence(end, cursor_key(last));
    }
    let number = numbers.split(|b| *b == b';').next().unwrap_or_default();
    let key = match number {
        b"200" => return Prefix::PasteStart(end),
        b"1" | b"7" => Key::Home,
        b"3" => Key::Delete,
        b"4" | b"8" => Key::End,
        b"5" => Key::PageUp,
        b"6" => Key::PageDown,
        _ => return Prefix::Sequence(end, None),
    };
    Prefix::Sequence(end, Some(key))
}

/// Returns the key that the last letter of a terminal's control sequence stands for.
fn cursor_key(last: u8) -> Option<Key> {
    match last {
        b'A' => Some(Key::Up),
        b'B' => Some(Key::Down),
        b'C' => Some(Key::Right),
        b'D' => Some(Key::Left),
        b'H' => Some(Key::Home),
        b'F' => Some(Key::End),
        b'M' => Some(Key::Enter),
        _ => None,
    }
}

/// Returns the key that a control character from the terminal stands for, as in the line editor of a shell.
fn control_key(byte: u8) -> Option<Key> {
    match byte {
        0x01 => Some(Key::Home),
        0x02 => Some(Key::Left),
        0x03 => Some(Key::Interrupt),
        0x04 => Some(Key::EndOfInput),
        0x05 => Some(Key::End),
        0x06 => Some(Key::Right),
        0x08 | 0x7f => Some(Key::Backspace),
        b'\t' => Some(Key::Tab),
        b'\r' | b'\n' => Some(Key::Enter),
        0x0b => Some(Key::DeleteToEnd),
        0x0c => Some(Key::Language),
        0x0e => Some(Key::Down),
        0x10 => Some(Key::Up),
        0x15 => Some(Key::DeleteToStart),
        0x17 => Some(Key::DeleteWord),
        0x1a => Some(Key::Suspend),
        _ => None,
    }
}

/// Parses a UTF-8 character that was typed at the terminal; a byte that starts none is skipped.
fn parse_char(bytes: &[u8]) -> Prefix {
    let len = match bytes[0] {
        0..0x80 => 1,
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return Prefix::Sequence(1, None),
    };
    let there = &bytes[..len.min(bytes.len())];
    match std::str::from_utf8(there) {
        Ok(text) => Prefix::Sequence(len, text.chars().next().map(Key::Char)),
        Err(e) if e.error_len().is_none() && there.len() < len => Prefix::Incomplete,
        Err(_) => Prefix::Sequence(1, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        KeyDecoder::default().feed(bytes)
    }

    #[test]
    fn characters_of_any_width_and_control_keys_are_decoded() {
        assert_eq!(
            keys("aş漢🦞\r\u{7f}\u{3}".as_bytes()),
            [
                Key::Char('a'),
                Key::Char('ş'),
                Key::Char('漢'),
                Key::Char('🦞'),
                Key::Enter,
                Key::Backspace,
                Key::Interrupt,
            ]
        );
    }

    #[test]
    fn arrows_are_decoded_in_both_modes_and_with_modifiers() {
        assert_eq!(
            keys(b"\x1b[A\x1bOB\x1b[1;5C\x1b[3~\x1b[5;2~\x1b[H\x1b[4~"),
            [
                Key::Up,
                Key::Down,
                Key::Right,
                Key::Delete,
                Key::PageUp,
                Key::Home,
                Key::End
            ]
        );
        assert_eq!(
            keys(b"\x1b[[A\x1b[15~\x1bbx"),
            [Key::Char('x')],
            "an unknown sequence is skipped as a whole"
        );
    }

    #[test]
    fn lone_escape_byte_becomes_a_key_at_the_timeout() {
        let mut decoder = KeyDecoder::default();
        assert_eq!(decoder.feed(b"\x1b"), []);
        assert!(decoder.needs_timeout());
        assert_eq!(decoder.on_timeout(), Some(Key::Escape));
        assert!(!decoder.needs_timeout());
        assert_eq!(decoder.feed(b"\x1b"), []);
        assert_eq!(
            decoder.feed(b"[B"),
            [Key::Down],
            "an arrow that came in two pieces"
        );
        assert_eq!(keys(b"\x1b\r"), [Key::Escape, Key::Enter]);
    }

    #[test]
    fn pasted_text_is_one_paste_and_no_keys() {
        let mut decoder = KeyDecoder::default();
        assert_eq!(decoder.feed(b"\x1b[200~one\r\x1b[A"), []);
        assert!(!decoder.needs_timeout(), "a paste has no timeout");
        assert_eq!(
            decoder.feed(b"\x03two\x1b[201~x"),
            [Key::Paste("one\r\u{1b}[A\u{3}two".to_owned()), Key::Char('x')]
        );
    }

    proptest! {
        #[test]
        fn splitting_the_bytes_changes_no_key(bytes in prop::collection::vec(any::<u8>(), 0..60), at in 0_usize..60) {
            let whole = keys(&bytes);
            let mut decoder = KeyDecoder::default();
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            let mut parts = decoder.feed(first);
            parts.extend(decoder.feed(second));
            prop_assert_eq!(whole, parts);
        }

        #[test]
        fn every_character_of_a_text_is_decoded(text in "\\PC{0,40}") {
            let expected: Vec<_> = text.chars().map(Key::Char).collect();
            prop_assert_eq!(keys(text.as_bytes()), expected);
        }
    }
}
