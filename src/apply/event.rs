//! The progress of a plan that is being carried out.

use std::path::Path;

use crate::plan::Change;

/// What happens while a plan is carried out, for a progress display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyEvent<'a> {
    /// Work on this change begins.
    Started(&'a Change),
    /// This change is on the disk, durably.
    Done(&'a Change),
    /// After a failure: this path is as it was before.
    Undone(&'a Path),
}
