//! The keys of a keyboard as a browser is told of them, and chords such as `Control+Shift+K`. Pure.

/// Bits by which the browser names the keys that are held during another input.
pub(super) mod modifier {
    pub(in crate::browser::act) const ALT: u8 = 1;
    pub(in crate::browser::act) const CONTROL: u8 = 2;
    pub(in crate::browser::act) const META: u8 = 4;
    pub(in crate::browser::act) const SHIFT: u8 = 8;
}

/// A key of a keyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The value of `KeyboardEvent.key`.
    pub(super) value: String,
    /// The value of `KeyboardEvent.code`; empty for a character that the keyboard of the United States does not have.
    pub(super) code: String,
    /// The Windows virtual key code; 0 for a character without one.
    pub(super) virtual_code: u32,
    /// The text that the key types; empty for none.
    pub(super) text: String,
}

/// Keys that are pressed together: one key while others are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chord {
    /// The keys that are held, in the order in which they are pressed.
    pub(super) held: Vec<Key>,
    /// The key that is pressed last.
    pub(super) key: Key,
}

/// Named keys: `KeyboardEvent.key`, `KeyboardEvent.code`, the virtual key code, and the text.
const NAMED_KEYS: [(&str, &str, u32, &str); 31] = [
    ("Alt", "AltLeft", 18, ""),
    ("ArrowDown", "ArrowDown", 40, ""),
    ("ArrowLeft", "ArrowLeft", 37, ""),
    ("ArrowRight", "ArrowRight", 39, ""),
    ("ArrowUp", "ArrowUp", 38, ""),
    ("Backspace", "Backspace", 8, ""),
    ("CapsLock", "CapsLock", 20, ""),
    ("ContextMenu", "ContextMenu", 93, ""),
    ("Control", "ControlLeft", 17, ""),
    ("Delete", "Delete", 46, ""),
    ("End", "End", 35, ""),
    ("Enter", "Enter", 13, "\r"),
    ("Escape", "Escape", 27, ""),
    ("F1", "F1", 112, ""),
    ("F2", "F2", 113, ""),
    ("F3", "F3", 114, ""),
    ("F4", "F4", 115, ""),
    ("F5", "F5", 116, ""),
    ("F6", "F6", 117, ""),
    ("F7", "F7", 118, ""),
    ("F8", "F8", 119, ""),
    ("F9", "F9", 120, ""),
    ("F10", "F10", 121, ""),
    ("F11", "F11", 122, ""),
    ("F12", "F12", 123, ""),
    ("Home", "Home", 36, ""),
    ("Insert", "Insert", 45, ""),
    ("Meta", "MetaLeft", 91, ""),
    ("PageDown", "PageDown", 34, ""),
    ("PageUp", "PageUp", 33, ""),
    ("Shift", "ShiftLeft", 16, ""),
];
/// Other names of keys that clients send, in lower case.
const KEY_ALIASES: [(&str, &str); 6] = [
    ("esc", "Escape"),
    ("return", "Enter"),
    ("del", "Delete"),
    ("ctrl", "Control"),
    ("cmd", "Meta"),
    (
        "controlormeta",
        if cfg!(target_os = "macos") {
            "Meta"
        } else {
            "Control"
        },
    ),
];

impl Key {
    /// Finds a key by its name, such as `Enter`, `a`, `KeyA` or `esc`; `None` where there is none.
    pub(super) fn named(name: &str) -> Option<Self> {
        let mut chars = name.chars();
        if let (Some(char), None) = (chars.next(), chars.next()) {
            return Some(Self::typing(char));
        }
        let alias = KEY_ALIASES
            .iter()
            .find(|(alias, _)| name.eq_ignore_ascii_case(alias));
        let name = alias.map_or(name, |(_, name)| name);
        let (value, code, virtual_code, text) = match name {
            _ if name.eq_ignore_ascii_case("tab") => ("Tab", "Tab", 9, ""),
            _ if name.eq_ignore_ascii_case("space") => return Some(Self::typing(' ')),
            _ => match NAMED_KEYS.iter().find(|(key, ..)| name.eq_ignore_ascii_case(key)) {
                Some(found) => *found,
                None => return Self::by_code(name),
            },
        };
        Some(Self {
            value: value.to_owned(),
            code: code.to_owned(),
            virtual_code,
            text: text.to_owned(),
        })
    }

    /// Finds the key of a letter or a digit by its code, such as `KeyA` or `Digit1`.
    fn by_code(code: &str) -> Option<Self> {
        let char = code.strip_prefix("Key").or_else(|| code.strip_prefix("Digit"))?;
        let mut chars = char.chars();
        match (chars.next(), chars.next()) {
            (Some(char), None) if char.is_ascii_alphanumeric() => {
                Some(Self::typing(char.to_ascii_lowercase()))
            }
            _ => None,
        }
    }

    /// Returns the key that types a character.
    pub(super) fn typing(char: char) -> Self {
        let upper = char.to_ascii_uppercase();
        let (code, virtual_code) = match upper {
            'A'..='Z' => (format!("Key{upper}"), u32::from(upper)),
            '0'..='9' => (format!("Digit{upper}"), u32::from(upper)),
            ' ' => ("Space".to_owned(), 32),
            '\n' | '\r' => return Self::named("Enter").expect("a named key"),
            _ => (String::new(), 0),
        };
        Self {
            value: char.to_string(),
            code,
            virtual_code,
            text: char.to_string(),
        }
    }

    /// Returns the bit of a key that is held during other inputs; 0 for any other key.
    pub(super) fn modifier(&self) -> u8 {
        match self.value.as_str() {
            "Alt" => modifier::ALT,
            "Control" => modifier::CONTROL,
            "Meta" => modifier::META,
            "Shift" => modifier::SHIFT,
            _ => 0,
        }
    }
}

impl Chord {
    /// Parses keys that are pressed together, such as `Enter`, `Control+A` or `Control++`; `None` for an unknown key.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = if text == " " { text } else { text.trim() };
        let (held, last) = match text.strip_suffix('+') {
            Some("") => (None, "+"),
            Some(held) => (Some(held.strip_suffix('+')?), "+"),
            None => text
                .rsplit_once('+')
                .map_or((None, text), |(held, last)| (Some(held), last)),
        };
        let held = held.into_iter().flat_map(|held| held.split('+'));
        let held: Vec<_> = held.map(|name| Key::named(name.trim())).collect::<Option<_>>()?;
        let is_modifier = |key: &Key| key.modifier() != 0;
        if !held.iter().all(is_modifier) {
            return None;
        }
        let last = if last == " " { last } else { last.trim() };
        let mut key = Key::named(last)?;
        if held.iter().any(|held| held.value == "Shift") {
            key.value = upper_case(key.value);
            key.text = upper_case(key.text);
        }
        Some(Self { held, key })
    }
}

/// Returns a single letter in upper case, as the Shift key does; any other text as it is.
fn upper_case(text: String) -> String {
    if text.chars().count() == 1 {
        text.to_ascii_uppercase()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_are_parsed_with_their_held_keys() {
        let shape = |text: &str| {
            let chord = Chord::parse(text)?;
            let held: Vec<_> = chord.held.into_iter().map(|key| key.value).collect();
            Some((held.join(" "), chord.key.value, chord.key.code))
        };
        let is = |held: &str, key: &str, code: &str| Some((held.to_owned(), key.to_owned(), code.to_owned()));
        assert_eq!(shape("Enter"), is("", "Enter", "Enter"));
        assert_eq!(shape("return"), is("", "Enter", "Enter"));
        assert_eq!(shape("tab"), is("", "Tab", "Tab"));
        assert_eq!(shape(" "), is("", " ", "Space"));
        assert_eq!(shape("Space"), is("", " ", "Space"));
        assert_eq!(shape("ctrl+a"), is("Control", "a", "KeyA"));
        assert_eq!(shape("Control+Shift+k"), is("Control Shift", "K", "KeyK"));
        assert_eq!(shape("+"), is("", "+", ""));
        assert_eq!(shape("Control++"), is("Control", "+", ""));
        assert_eq!(shape("Digit1"), is("", "1", "Digit1"));
        assert_eq!(shape("ü"), is("", "ü", ""));
        for unknown in ["", "Nope", "a+b", "Control+", "+a", "Control+Nope"] {
            assert_eq!(shape(unknown), None, "{unknown}");
        }
    }
}
