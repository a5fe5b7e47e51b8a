//! The text of a config as a tree that keeps comments, order and unknown keys.

/// Why a config can't be used: where it breaks and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Line and column, from 1, where the text itself is at fault.
    pub at: Option<(usize, usize)>,
    /// What is wrong, in no language yet.
    pub why: crate::i18n::Msg,
}
