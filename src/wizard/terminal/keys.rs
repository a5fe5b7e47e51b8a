//! Bytes of a terminal as keys. A pure machine: bytes go in as they come, in pieces of any size, and keys
//! come out, so that a paste of ten thousand characters is one piece of work and not ten thousand reads.
//!
//! A lone ESC byte can't be told from the start of an arrow key until time has passed: whoever reads says
//! with [`Decoder::settle`] that nothing came for a while.

#![cfg_attr(
    all(windows, not(test)),
    expect(dead_code, reason = "the console there gives keys and not bytes")
)]

/// What a person pressed.
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
    /// Ctrl-U: away with what stands before the cursor.
    CutBefore,
    /// Ctrl-K: away with what stands behind it.
    CutAfter,
    /// Ctrl-W: away with the word before it.
    CutWord,
    /// Ctrl-C.
    Interrupt,
}

/// What has been read and is no whole key yet.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    bytes: Vec<u8>,
    pasting: bool,
}

const PASTE_END: &[u8] = b"\x1b[201~";

/// What the front of the bytes is.
enum Front {
    /// A key, or nothing that we know, of so many bytes.
    Key(usize, Option<Key>),
    /// The start of a pasted text, behind so many bytes.
    Paste(usize),
    /// Not yet whole.
    Part,
}

impl Decoder {
    /// The keys that these bytes complete.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.bytes.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.bytes);
        let mut rest = all.as_slice();
        let mut keys = Vec::new();
        while !rest.is_empty() {
            if self.pasting {
                let Some(end) = rest.windows(PASTE_END.len()).position(|w| w == PASTE_END) else {
                    break;
                };
                keys.push(Key::Paste(String::from_utf8_lossy(&rest[..end]).into_owned()));
                rest = &rest[end + PASTE_END.len()..];
                self.pasting = false;
                continue;
            }
            match front(rest) {
                Front::Key(len, key) => {
                    keys.extend(key);
                    rest = &rest[len..];
                }
                Front::Paste(len) => {
                    self.pasting = true;
                    rest = &rest[len..];
                }
                Front::Part => break,
            }
        }
        self.bytes = rest.to_vec();
        keys
    }

    /// Whether time decides what the bytes so far mean.
    pub(super) fn unsettled(&self) -> bool {
        !self.pasting && !self.bytes.is_empty()
    }

    /// Nothing came for a while: a lone ESC is the Escape key, any other part is of no use.
    pub(super) fn settle(&mut self) -> Option<Key> {
        let escape = self.bytes == [0x1b];
        self.bytes.clear();
        escape.then_some(Key::Escape)
    }
}

fn front(bytes: &[u8]) -> Front {
    match bytes[0] {
        0x1b => sequence(bytes),
        byte @ (0..0x20 | 0x7f) => Front::Key(1, control(byte)),
        _ => letter(bytes),
    }
}

/// What follows an ESC.
fn sequence(bytes: &[u8]) -> Front {
    match bytes.get(1) {
        None => Front::Part,
        Some(b'[') => introduced(bytes),
        Some(b'O') => match bytes.get(2) {
            None => Front::Part,
            Some(last) => Front::Key(3, cursor_key(*last)),
        },
        // Escape, and at once another key that no terminal sends as one with it.
        Some(0..0x20 | 0x7f) => Front::Key(1, Some(Key::Escape)),
        // A letter with Alt means nothing here.
        Some(_) => match letter(&bytes[1..]) {
            Front::Key(len, _) => Front::Key(len + 1, None),
            part => part,
        },
    }
}

/// `ESC [`, numbers, and a last letter.
fn introduced(bytes: &[u8]) -> Front {
    // The function keys of the Linux console have a second bracket.
    let start = if bytes.get(2) == Some(&b'[') { 3 } else { 2 };
    let Some(len) = bytes[start..].iter().position(|b| !(0x20..0x40).contains(b)) else {
        return Front::Part;
    };
    let (numbers, last) = (&bytes[start..start + len], bytes[start + len]);
    let end = start + len + 1;
    if start == 3 {
        return Front::Key(end, None);
    }
    if last != b'~' {
        return Front::Key(end, cursor_key(last));
    }
    let number = numbers.split(|b| *b == b';').next().unwrap_or_default();
    let key = match number {
        b"200" => return Front::Paste(end),
        b"1" | b"7" => Key::Home,
        b"3" => Key::Delete,
        b"4" | b"8" => Key::End,
        b"5" => Key::PageUp,
        b"6" => Key::PageDown,
        _ => return Front::Key(end, None),
    };
    Front::Key(end, Some(key))
}

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

/// Control letters, as a shell's line has them.
fn control(byte: u8) -> Option<Key> {
    match byte {
        0x01 => Some(Key::Home),
        0x02 => Some(Key::Left),
        0x03 => Some(Key::Interrupt),
        0x04 => Some(Key::Delete),
        0x05 => Some(Key::End),
        0x06 => Some(Key::Right),
        0x08 | 0x7f => Some(Key::Backspace),
        b'\t' => Some(Key::Tab),
        b'\r' | b'\n' => Some(Key::Enter),
        0x0b => Some(Key::CutAfter),
        0x0e => Some(Key::Down),
        0x10 => Some(Key::Up),
        0x15 => Some(Key::CutBefore),
        0x17 => Some(Key::CutWord),
        _ => None,
    }
}

/// A letter of UTF-8; a byte that starts none is passed over.
fn letter(bytes: &[u8]) -> Front {
    let len = match bytes[0] {
        0..0x80 => 1,
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return Front::Key(1, None),
    };
    let there = &bytes[..len.min(bytes.len())];
    match std::str::from_utf8(there) {
        Ok(text) => Front::Key(len, text.chars().next().map(Key::Char)),
        Err(e) if e.error_len().is_none() && there.len() < len => Front::Part,
        Err(_) => Front::Key(1, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        Decoder::default().feed(bytes)
    }

    #[test]
    fn letters_of_any_width_and_control_letters() {
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
    fn arrows_in_both_modes_and_with_modifiers() {
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
            "what is unknown is passed over whole"
        );
    }

    #[test]
    fn a_lone_escape_is_told_by_time() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.feed(b"\x1b"), []);
        assert!(decoder.unsettled());
        assert_eq!(decoder.settle(), Some(Key::Escape));
        assert!(!decoder.unsettled());
        assert_eq!(decoder.feed(b"\x1b"), []);
        assert_eq!(
            decoder.feed(b"[B"),
            [Key::Down],
            "an arrow that came in two pieces"
        );
        assert_eq!(keys(b"\x1b\r"), [Key::Escape, Key::Enter]);
    }

    #[test]
    fn what_is_pasted_is_no_key() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.feed(b"\x1b[200~one\r\x1b[A"), []);
        assert!(!decoder.unsettled(), "time says nothing about a paste");
        assert_eq!(
            decoder.feed(b"\x03two\x1b[201~x"),
            [Key::Paste("one\r\u{1b}[A\u{3}two".to_owned()), Key::Char('x')]
        );
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(bytes in prop::collection::vec(any::<u8>(), 0..60), at in 0_usize..60) {
            let whole = keys(&bytes);
            let mut decoder = Decoder::default();
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            let mut parts = decoder.feed(first);
            parts.extend(decoder.feed(second));
            prop_assert_eq!(whole, parts);
        }

        #[test]
        fn every_text_comes_through(text in "\\PC{0,40}") {
            let expected: Vec<_> = text.chars().map(Key::Char).collect();
            prop_assert_eq!(keys(text.as_bytes()), expected);
        }
    }
}
