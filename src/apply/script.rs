//! From a plan's changes to the steps that make them: what is staged where, what the commit renames.
//!
//! The commit must be nothing but renames within a folder's own file system, each of which may be
//! repeated. So a new file is staged in the folder in which it will lie; a ring of backups is turned by
//! giving each old file a second name beforehand; and a folder whose name is free only once something
//! has been moved aside is made at the commit, its files being staged beside it until then.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::journal::{Commit, Journal, Stage};
use super::place::{Found, Place};
use super::preflight::{Sight, Target};
use crate::plan::{Change, FileKind, FileWrite, Plan};

/// The steps of a plan, and for each change which of them are its own.
pub(super) struct Script<'a> {
    pub(super) journal: Journal,
    /// What is written by the stage step with this number.
    pub(super) contents: Vec<Staged<'a>>,
    /// For each change which steps are its own.
    pub(super) parts: Vec<Part>,
}

/// The content of a staged file.
pub(super) struct Staged<'a> {
    pub(super) step: usize,
    pub(super) bytes: &'a [u8],
    /// The file in whose place it will come.
    pub(super) replaces: Option<std::fs::Metadata>,
}

/// The steps of one change, by number.
pub(super) struct Part {
    pub(super) stage: Range<usize>,
    pub(super) commit: Range<usize>,
}

/// Writes the script of what preflight saw. `id` makes the temporary names this run's own.
pub(super) fn script<'a>(plan: &Plan, sight: Sight<'a>, id: &str) -> Script<'a> {
    let mut writer = Writer {
        id,
        ..Writer::default()
    };
    let mut contents = Vec::new();
    let mut parts = Vec::new();
    for target in sight.targets {
        let (stage, commit) = (writer.stage.len(), writer.commit.len());
        match target {
            Target::Folder { place } => writer.folders(&place, &place.real),
            Target::File { write, place, ring } => contents.push(writer.file(write, place, &ring)),
            Target::Mode { path, from, to } => writer.commit.push(Commit::Mode { path, from, to }),
            Target::Move { from, to } => {
                if let Some(folder) = to.real.parent() {
                    writer.folders(&to, folder);
                }
                writer.commit.push(Commit::Move {
                    from: from.clone(),
                    to: to.real,
                });
                writer.made.retain(|folder| !folder.starts_with(&from));
                writer.gone.push(from);
            }
        }
        parts.push(Part {
            stage: stage..writer.stage.len(),
            commit: commit..writer.commit.len(),
        });
    }
    Script {
        journal: Journal::new(about(plan), writer.stage, writer.commit),
        contents,
        parts,
    }
}

/// The path that names the transaction: the config where one is written, else what comes last.
fn about(plan: &Plan) -> PathBuf {
    let config = plan
        .changes
        .iter()
        .find(|c| matches!(c, Change::Write(w) if w.kind == FileKind::Config));
    config
        .or(plan.changes.last())
        .map(|change| change.path().to_path_buf())
        .unwrap_or_default()
}

#[derive(Default)]
struct Writer<'n> {
    id: &'n str,
    names: usize,
    stage: Vec<Stage>,
    commit: Vec<Commit>,
    made: BTreeSet<PathBuf>,
    gone: Vec<PathBuf>,
}

impl Writer<'_> {
    /// The missing folders from the anchor down to `last`, each once.
    fn folders(&mut self, place: &Place, last: &Path) {
        let missing: Vec<_> = last
            .ancestors()
            .take_while(|folder| *folder != place.anchor)
            .collect();
        for folder in missing.into_iter().rev() {
            if !self.made.insert(folder.to_path_buf()) {
                continue;
            }
            let path = folder.to_path_buf();
            if self.is_gone(folder) {
                self.commit.push(Commit::Folder { path });
            } else {
                self.stage.push(Stage::Folder { path });
            }
        }
    }

    fn file<'a>(&mut self, write: &'a FileWrite, place: Place, ring: &[Place]) -> Staged<'a> {
        let Place { real, found, .. } = &place;
        let folder = real.parent().unwrap_or(&place.anchor);
        self.folders(&place, folder);
        // A folder that will be moved aside would take a file that is staged in it along.
        let room = if self.is_gone(folder) {
            place.anchor.clone()
        } else {
            folder.to_path_buf()
        };
        let step = self.stage.len();
        let staged = self.name(&room);
        self.stage.push(Stage::File { path: staged.clone() });
        self.turn(real, ring);
        let old = matches!(found, Found::File(_)).then(|| self.keep(real));
        self.commit.push(Commit::Place {
            from: staged,
            to: real.clone(),
            old,
        });
        let replaces = if let Found::File(meta) = place.found {
            Some(meta)
        } else {
            None
        };
        Staged {
            step,
            bytes: write.content.bytes(),
            replaces,
        }
    }

    /// Turns the ring: each backup becomes one older, the oldest falls off, the file becomes the newest.
    /// A gap in the ring takes up the turn, so that what is older than the gap stays.
    fn turn(&mut self, file: &Path, ring: &[Place]) {
        let full = ring
            .iter()
            .take_while(|place| matches!(place.found, Found::File(_)))
            .count();
        for age in (0..ring.len().min(full + 1)).rev() {
            let to = &ring[age].real;
            let of = if age == 0 { file } else { &ring[age - 1].real };
            let from = self.name(to.parent().unwrap_or(to));
            self.stage.push(Stage::Backup {
                of: of.to_path_buf(),
                path: from.clone(),
            });
            let old = (age < full).then(|| self.keep(to));
            self.commit.push(Commit::Place {
                from,
                to: to.clone(),
                old,
            });
        }
    }

    fn keep(&mut self, of: &Path) -> PathBuf {
        let path = self.name(of.parent().unwrap_or(of));
        self.stage.push(Stage::Keep {
            of: of.to_path_buf(),
            path: path.clone(),
        });
        path
    }

    /// A short name, so that it fits wherever the file's own name does.
    fn name(&mut self, folder: &Path) -> PathBuf {
        self.names += 1;
        folder.join(format!(".openclaw-{}-{}.tmp", self.id, self.names))
    }

    fn is_gone(&self, path: &Path) -> bool {
        self.gone.iter().any(|gone| path.starts_with(gone))
    }
}
