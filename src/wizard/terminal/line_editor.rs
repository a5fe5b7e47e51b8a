//! Editing of one line. The cursor moves by what a reader takes for one letter: a letter with its marks, an emoji of
//! several code points.

use unicode_segmentation::UnicodeSegmentation as _;

use super::keys::Key;

/// The line of text that a person edits at a prompt, and the cursor in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LineEditor {
    text: String,
    /// The byte offset of the cursor, always between two letters.
    cursor: usize,
}

impl LineEditor {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Returns the text before the cursor and the text behind it in the line editor of a prompt.
    pub(super) fn split_at_cursor(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// Handles a key in the line editor of a prompt; `false` where it does nothing to a line.
    pub(super) fn handle_key(&mut self, key: &Key) -> bool {
        match key {
            Key::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            Key::Paste(text) => self.insert(text.trim_matches(['\r', '\n'])),
            Key::Left => self.cursor -= self.previous_len(),
            Key::Right => self.cursor += self.next_len(),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.text.len(),
            Key::Backspace => self.delete(self.cursor - self.previous_len(), self.cursor),
            Key::Delete | Key::EndOfInput => self.delete(self.cursor, self.cursor + self.next_len()),
            Key::DeleteToStart => self.delete(0, self.cursor),
            Key::DeleteToEnd => self.delete(self.cursor, self.text.len()),
            Key::DeleteWord => self.delete(self.word_start(), self.cursor),
            _ => return false,
        }
        true
    }

    /// Inserts a text at the cursor of a prompt's line editor: line ends and tabs as blanks, without invisible
    /// characters.
    fn insert(&mut self, text: &str) {
        let text = text.replace("\r\n", " ").replace(['\r', '\n', '\t'], " ");
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        self.text.insert_str(self.cursor, &text);
        self.cursor += text.len();
        // The inserted text may join the text behind it into one letter.
        while !self.is_boundary(self.cursor) {
            self.cursor += self.text[self.cursor..].chars().next().map_or(0, char::len_utf8);
        }
    }

    fn is_boundary(&self, at: usize) -> bool {
        let mut letters = unicode_segmentation::GraphemeCursor::new(at, self.text.len(), true);
        letters.is_boundary(&self.text, 0).unwrap_or(true)
    }

    /// Returns the length in bytes of the letter before the cursor of a prompt's line editor.
    fn previous_len(&self) -> usize {
        let letter = self.text[..self.cursor].graphemes(true).next_back();
        letter.map_or(0, str::len)
    }

    /// Returns the length in bytes of the letter behind the cursor of a prompt's line editor.
    fn next_len(&self) -> usize {
        self.text[self.cursor..]
            .graphemes(true)
            .next()
            .map_or(0, str::len)
    }

    /// Returns the offset at which the word before the cursor of a prompt's line editor starts.
    fn word_start(&self) -> usize {
        let before = self.text[..self.cursor].trim_end();
        before
            .char_indices()
            .rev()
            .find(|(_, c)| c.is_whitespace())
            .map_or(0, |(at, c)| at + c.len_utf8())
    }

    fn delete(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
        while !self.is_boundary(self.cursor) {
            self.cursor -= self.text[..self.cursor]
                .chars()
                .next_back()
                .map_or(0, char::len_utf8);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed(text: &str, keys: &[Key]) -> (String, String) {
        let mut line = LineEditor::default();
        line.handle_key(&Key::Paste(text.to_owned()));
        for key in keys {
            line.handle_key(key);
        }
        let (before, behind) = line.split_at_cursor();
        (before.to_owned(), behind.to_owned())
    }

    fn halves(before: &str, behind: &str) -> (String, String) {
        (before.to_owned(), behind.to_owned())
    }

    #[test]
    fn one_key_moves_over_or_deletes_one_visible_letter() {
        assert_eq!(typed("çığ", &[Key::Backspace]), halves("çı", ""));
        assert_eq!(typed("漢字", &[Key::Left]), halves("漢", "字"));
        assert_eq!(
            typed("a👩‍🚀", &[Key::Backspace]),
            halves("a", ""),
            "an emoji of three code points"
        );
        assert_eq!(
            typed("s\u{327}u", &[Key::Left, Key::Backspace]),
            halves("", "u"),
            "a letter and its mark"
        );
        assert_eq!(
            typed("🇹🇷", &[Key::Home, Key::Delete]),
            halves("", ""),
            "a flag is two code points"
        );
    }

    #[test]
    fn shell_keys_delete_words_and_parts_of_the_line() {
        let text = "one two  three";
        assert_eq!(typed(text, &[Key::DeleteWord]), halves("one two  ", ""));
        assert_eq!(
            typed(text, &[Key::DeleteWord, Key::DeleteWord]),
            halves("one ", "")
        );
        assert_eq!(typed(text, &[Key::Left, Key::DeleteToStart]), halves("", "e"));
        assert_eq!(
            typed(text, &[Key::Home, Key::Right, Key::DeleteToEnd]),
            halves("o", "")
        );
        assert_eq!(
            typed("b", &[Key::Home, Key::Char('a'), Key::End, Key::Char('c')]),
            halves("abc", "")
        );
    }

    #[test]
    fn paste_becomes_one_line_without_control_characters() {
        assert_eq!(typed("a\r\nb\tc\u{1b}[31md\n", &[]), halves("a b c[31md", ""));
    }

    fn any_key() -> impl Strategy<Value = Key> {
        prop_oneof![
            any::<char>().prop_map(Key::Char),
            "[aş漢🦞\u{301}\u{200d}🇹🇷 ]{0,6}".prop_map(Key::Paste),
            Just(Key::Left),
            Just(Key::Right),
            Just(Key::Home),
            Just(Key::Backspace),
            Just(Key::Delete),
            Just(Key::DeleteWord),
            Just(Key::DeleteToStart),
            Just(Key::DeleteToEnd),
        ]
    }

    proptest! {
        #[test]
        fn cursor_is_always_between_two_letters(keys in prop::collection::vec(any_key(), 0..60)) {
            let mut line = LineEditor::default();
            for key in &keys {
                line.handle_key(key);
                let is_boundary = line.cursor == line.text.len()
                    || line.text.grapheme_indices(true).any(|(at, _)| at == line.cursor);
                prop_assert!(is_boundary, "{line:?}");
            }
        }
    }
}
