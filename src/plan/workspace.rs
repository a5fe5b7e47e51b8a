//! The first files of a workspace, in the user's language, which tell an agent about its workspace and its user.
//! OpenClaw names the files (docs/openclaw.md#workspace-files); their text is ours.

use std::path::{Path, PathBuf};

use crate::config::dialect::Dialect;
use crate::i18n::{self, Lang};

use super::disk::DiskSnapshot;
use super::input::PlanInput;
use super::{Change, Content, FileKind, FileWrite};

/// Name of the file that only a new workspace gets: it asks the agent to get to know its user.
const FIRST_RUN_FILE: &str = "BOOTSTRAP.md";

/// Names of the files that OpenClaw 2026.9.6 leaves out of a workspace: it reads neither, and its doctor asks to remove
/// the first.
const EARLY_FILES: [&str; 2] = ["HEARTBEAT.md", "TOOLS.md"];

/// Returns the paths of all first files of a workspace.
pub(super) fn paths(workspace: &Path) -> impl Iterator<Item = PathBuf> {
    i18n::workspace_files(Lang::english()).map(move |(name, _)| workspace.join(name))
}

/// Plans to write the first files that a workspace lacks, by the list of the release that the instance is of; an existing
/// file stays as it is.
pub(super) fn changes(
    input: &PlanInput<'_>,
    workspace: &Path,
    disk: &DiskSnapshot,
    lang: Lang,
) -> Vec<Change> {
    let is_new = paths(workspace).all(|path| !disk.exists(&path));
    // The config of a kept instance says what set its workspace up, whichever release is on this host now.
    let is_late =
        input.dialect == Dialect::Late || Dialect::from_config(&input.effective) == Some(Dialect::Late);
    i18n::workspace_files(lang)
        .filter(|(name, _)| *name != FIRST_RUN_FILE || is_new)
        .filter(|(name, _)| !(is_late && EARLY_FILES.contains(name)))
        .map(|(name, text)| (workspace.join(name), text))
        .filter(|(path, _)| !disk.exists(path))
        .map(|(path, text)| {
            let content = Content::plain(text);
            Change::Write(FileWrite {
                path,
                content,
                before: None,
                backup: false,
                kind: FileKind::Workspace,
            })
        })
        .collect()
}
