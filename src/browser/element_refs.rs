//! References to elements of a page, such as `e12`: a snapshot names the elements by them, and a later request finds
//! the elements again.

use std::collections::BTreeMap;
use std::fmt;

/// A reference to an element in a snapshot of a browser page, such as `e12`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ElementRef(String);

/// The elements that the latest snapshot of a browser tab names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ElementRefs {
    /// The browser's id of the loaded document. Another page in the tab has another one, and no element of this one.
    pub(super) document: String,
    /// The browser's ids of the elements (`backendNodeId`) by their references.
    pub(super) nodes: BTreeMap<ElementRef, i64>,
}

impl ElementRef {
    /// Creates the reference with this prefix and number: `e` in a snapshot as text, `ax` in a list of nodes.
    pub(super) fn new(prefix: &str, number: usize) -> Self {
        Self(format!("{prefix}{number}"))
    }

    /// Parses a reference as clients send it: `e12`, `@e12`, `ref=e12` or `12`. `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text
            .strip_prefix('@')
            .or_else(|| text.strip_prefix("ref="))
            .unwrap_or(text);
        let text = text.to_ascii_lowercase();
        let number = text.trim_start_matches("ax").trim_start_matches('e');
        let is_number = (1..10).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        match text.strip_suffix(number)? {
            "" if is_number => Some(Self(format!("e{text}"))),
            "e" | "ax" if is_number => Some(Self(text)),
            _ => None,
        }
    }
}

impl fmt::Display for ElementRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn element_reference_is_parsed_in_each_form_that_clients_send() {
        for text in ["e12", " @e12", "ref=e12", "E12", "12"] {
            assert_eq!(ElementRef::parse(text), Some(ElementRef::new("e", 12)), "{text}");
        }
        assert_eq!(ElementRef::parse("ax3"), Some(ElementRef::new("ax", 3)));
        for text in [
            "",
            "e",
            "ax",
            "axe1",
            "ee1",
            "e1x",
            "#id",
            "e-1",
            "e1234567890",
            "@",
        ] {
            assert_eq!(ElementRef::parse(text), None, "{text}");
        }
    }
}
