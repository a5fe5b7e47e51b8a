//! A line that is edited: its text and its cursor, moved by what a reader takes for one letter (a letter
//! with its marks, an emoji of several code points).

use unicode_segmentation::UnicodeSegmentation as _;

use super::keys::Key;

/// A text and a place in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    text: String,
    /// A byte, always between two letters.
    at: usize,
}

impl Line {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// What stands before the cursor, and behind it.
    pub(super) fn halves(&self) -> (&str, &str) {
        self.text.split_at(self.at)
    }

    /// Takes a key; `false` where it means nothing to a line.
    pub(super) fn on(&mut self, key: &Key) -> bool {
        match key {
            Key::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            Key::Paste(text) => self.insert(text.trim_matches(['\r', '\n'])),
            Key::Left => self.at -= self.before(),
            Key::Right => self.at += self.behind(),
            Key::Home => self.at = 0,
            Key::End => self.at = self.text.len(),
            Key::Backspace => self.cut(self.at - self.before(), self.at),
            Key::Delete => self.cut(self.at, self.at + self.behind()),
            Key::CutBefore => self.cut(0, self.at),
            Key::CutAfter => self.cut(self.at, self.text.len()),
            Key::CutWord => self.cut(self.word(), self.at),
            _ => return false,
        }
        true
    }

    /// Puts a text in: line ends and tabs as blanks, what can't be seen left out.
    fn insert(&mut self, text: &str) {
        let text = text.replace("\r\n", " ").replace(['\r', '\n', '\t'], " ");
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        self.text.insert_str(self.at, &text);
        self.at += text.len();
        // What was typed may join what stands behind it into one letter.
        while !self.is_border(self.at) {
            self.at += self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        }
    }

    fn is_border(&self, at: usize) -> bool {
        let mut cursor = unicode_segmentation::GraphemeCursor::new(at, self.text.len(), true);
        cursor.is_boundary(&self.text, 0).unwrap_or(true)
    }

    fn before(&self) -> usize {
        let letter = self.text[..self.at].graphemes(true).next_back();
        letter.map_or(0, str::len)
    }

    fn behind(&self) -> usize {
        self.text[self.at..].graphemes(true).next().map_or(0, str::len)
    }

    /// Where the word before the cursor starts.
    fn word(&self) -> usize {
        let before = self.text[..self.at].trim_end();
        before
            .char_indices()
            .rev()
            .find(|(_, c)| c.is_whitespace())
            .map_or(0, |(at, c)| at + c.len_utf8())
    }

    fn cut(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.at = from;
        while !self.is_border(self.at) {
            self.at -= self.text[..self.at].chars().next_back().map_or(0, char::len_utf8);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed(text: &str, keys: &[Key]) -> (String, String) {
        let mut line = Line::default();
        line.on(&Key::Paste(text.to_owned()));
        for key in keys {
            line.on(key);
        }
        let (before, behind) = line.halves();
        (before.to_owned(), behind.to_owned())
    }

    fn halves(before: &str, behind: &str) -> (String, String) {
        (before.to_owned(), behind.to_owned())
    }

    #[test]
    fn one_key_is_one_letter_as_it_is_read() {
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
    fn the_keys_of_a_shells_line() {
        let text = "one two  three";
        assert_eq!(typed(text, &[Key::CutWord]), halves("one two  ", ""));
        assert_eq!(typed(text, &[Key::CutWord, Key::CutWord]), halves("one ", ""));
        assert_eq!(typed(text, &[Key::Left, Key::CutBefore]), halves("", "e"));
        assert_eq!(
            typed(text, &[Key::Home, Key::Right, Key::CutAfter]),
            halves("o", "")
        );
        assert_eq!(
            typed("b", &[Key::Home, Key::Char('a'), Key::End, Key::Char('c')]),
            halves("abc", "")
        );
    }

    #[test]
    fn a_paste_is_one_line_without_what_cant_be_seen() {
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
            Just(Key::CutWord),
            Just(Key::CutBefore),
            Just(Key::CutAfter),
        ]
    }

    proptest! {
        #[test]
        fn the_cursor_always_stands_between_two_letters(keys in prop::collection::vec(any_key(), 0..60)) {
            let mut line = Line::default();
            for key in &keys {
                line.on(key);
                let border = line.at == line.text.len()
                    || line.text.grapheme_indices(true).any(|(at, _)| at == line.at);
                prop_assert!(border, "{line:?}");
            }
        }
    }
}
