//! Which OpenClaw release a config is written for: their strict schemas refuse each other's keys.

/// A release's schema (`facts.md` 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenClaw 2026.1.30 and its like.
    Early,
    /// OpenClaw 2026.9.6 and its like.
    Late,
    /// Only what both accept.
    Common,
}
