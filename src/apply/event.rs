//! The progress of a plan that is being carried out.

use std::path::Path;

use crate::plan::Change;

/// A progress event of a plan of file changes that is being carried out, for a progress display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyEvent<'a> {
    /// Work on the change begins.
    Started(&'a Change),
    /// The change is on the disk, durably.
    Finished(&'a Change),
    /// A change of the path was undone after a failure: the path is as it was before.
    Undone(&'a Path),
}
