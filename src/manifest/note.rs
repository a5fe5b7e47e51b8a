//! The notes of a manifest's report about an instance: what was changed, left out, or is missing.

use crate::i18n::Msg;

/// The kind of a line in the report on a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoteKind {
    /// Something is written otherwise than on this host.
    Changed,
    /// Something of this host can't come along.
    LeftOut,
    /// Something has to be filled in before the container starts.
    Missing,
}

impl NoteKind {
    /// Returns the stable name of the kind of a manifest's note, for `--json`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::LeftOut => "left-out",
            Self::Missing => "missing",
        }
    }
}

/// A line in the report on the manifest of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManifestNote {
    /// The kind of the line.
    pub(crate) kind: NoteKind,
    /// The stable name of what it is about, for `--json`.
    pub(crate) about: &'static str,
    /// The sentence.
    pub(crate) msg: Msg,
}

/// The notes on the manifest of one instance, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct NoteList(pub(super) Vec<ManifestNote>);

impl NoteList {
    /// Adds that something is written otherwise than on this host.
    pub(super) fn changed(&mut self, about: &'static str, msg: Msg) {
        self.add(NoteKind::Changed, about, msg);
    }

    /// Adds that something of this host can't come along.
    pub(super) fn left_out(&mut self, about: &'static str, msg: Msg) {
        self.add(NoteKind::LeftOut, about, msg);
    }

    /// Adds that something has to be filled in before the container starts.
    pub(super) fn missing(&mut self, about: &'static str, msg: Msg) {
        self.add(NoteKind::Missing, about, msg);
    }

    fn add(&mut self, kind: NoteKind, about: &'static str, msg: Msg) {
        self.0.push(ManifestNote { kind, about, msg });
    }
}
