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
}

impl fmt::Display for ElementRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
