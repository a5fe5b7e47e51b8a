//! The first files of a workspace, in the user's language: what an agent reads about its place and its
//! person. OpenClaw names the files (docs/openclaw.md#workspace-files); the words are ours.

use std::path::{Path, PathBuf};

use crate::i18n::{self, Lang};

use super::ground::Ground;
use super::{Change, Content, FileKind, FileWrite};

/// The file that is only for a brand-new workspace: it asks the agent to get to know its person.
const FIRST_RUN: &str = "BOOTSTRAP.md";

/// The paths of all first files.
pub(super) fn paths(workspace: &Path) -> impl Iterator<Item = PathBuf> {
    i18n::workspace_files(Lang::english()).map(move |(name, _)| workspace.join(name))
}

/// The changes that write what is missing. What is there stays as it is.
pub(super) fn changes(workspace: &Path, ground: &Ground, lang: Lang) -> Vec<Change> {
    let is_new = paths(workspace).all(|path| !ground.has(&path));
    i18n::workspace_files(lang)
        .filter(|(name, _)| *name != FIRST_RUN || is_new)
        .map(|(name, text)| (workspace.join(name), text))
        .filter(|(path, _)| !ground.has(path))
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
