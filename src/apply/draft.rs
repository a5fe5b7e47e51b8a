//! The draft of the wizard's answers: what a person has answered so far, for the case that the terminal or the
//! program dies.
//!
//! One file in the state home, 0600, without secrets. The wizard that writes it holds a lock of the system on it,
//! so that a draft that can be locked is one whose writer is gone. A draft is a comfort: where it can't be kept,
//! the wizard goes on without one.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::file_ops::remove_if_present;
use super::resolve::{LastLink, PathKind, resolve};
use super::system;

/// Name of the file in the program's state home that keeps the answers of an unfinished wizard run.
const DRAFT_FILE: &str = "draft.toml";
/// Maximum number of bytes that are read of the file with a wizard's unfinished answers: more than any such file has.
const MAX_DRAFT_BYTES: u64 = 64 * 1024;

/// The file of one wizard run in which its answers are kept until it ends.
#[derive(Debug)]
pub(crate) struct AnswersDraft {
    path: PathBuf,
    /// The locked file of the draft; `None` before the first answer is saved.
    file: Option<File>,
    /// Folders that were made for the draft, innermost first.
    made_folders: Vec<PathBuf>,
    /// True when this run keeps no draft: another running wizard has it, or it can't be written.
    is_off: bool,
}

impl AnswersDraft {
    /// Opens the file that keeps the answers of this wizard run, and returns what a run that died left in it. Nothing
    /// is written yet.
    pub(crate) fn open(state_home: &Path) -> (Self, Option<String>) {
        let path = state_home.join(DRAFT_FILE);
        let mut draft = Self {
            path,
            file: None,
            made_folders: Vec::new(),
            is_off: false,
        };
        if !draft.path.exists() {
            return (draft, None);
        }
        let Ok(mut file) = draft.lock() else {
            draft.is_off = true;
            return (draft, None);
        };
        let mut text = String::new();
        let read = (&mut file).take(MAX_DRAFT_BYTES).read_to_string(&mut text);
        draft.file = Some(file);
        let has_text = read.is_ok() && !text.trim().is_empty();
        (draft, has_text.then_some(text))
    }

    /// Replaces the text of the file that keeps the answers of a wizard run. Where that fails the run keeps no draft
    /// any more.
    pub(crate) fn save(&mut self, text: &str) {
        if !self.is_off && self.write(text).is_err() {
            self.is_off = true;
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        if self.file.is_none() {
            self.make_folders()?;
            self.file = Some(self.lock()?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(text.as_bytes())
    }

    fn lock(&self) -> io::Result<File> {
        let file = system::open_lock(&self.path)?;
        file.try_lock().map_err(io::Error::from)?;
        Ok(file)
    }

    fn make_folders(&mut self) -> io::Result<()> {
        let Some(folder) = self.path.parent() else {
            return Ok(());
        };
        let resolved = resolve(folder, LastLink::Follow)?;
        if !matches!(resolved.kind, PathKind::Missing) {
            return Ok(());
        }
        for folder in resolved.missing_folders(&resolved.real) {
            if system::make_folder(folder).is_ok() {
                self.made_folders.insert(0, folder.to_path_buf());
            }
        }
        Ok(())
    }

    /// Returns `true` if a file keeps answers of this wizard run, or of the one before it.
    pub(crate) fn is_saved(&self) -> bool {
        self.file.is_some() && !self.is_off
    }

    /// Removes the file that keeps the answers of a wizard run, and those folders that were made for it and are
    /// empty.
    pub(crate) fn discard(self) {
        if self.file.is_some() {
            let _ = remove_if_present(&self.path);
            for folder in &self.made_folders {
                let _ = fs::remove_dir(folder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_run_leaves_its_draft_and_a_living_one_keeps_it_to_itself() {
        let home = tempfile::tempdir().unwrap();
        let state_home = home.path().join("a/b");
        let (mut first, left) = AnswersDraft::open(&state_home);
        assert_eq!(left, None);
        assert!(
            !state_home.exists(),
            "nothing is written before there is something to keep"
        );
        first.save("flow = 'quickstart'");
        first.save("short");
        let (second, left) = AnswersDraft::open(&state_home);
        assert!(left.is_none() && second.is_off);
        drop((first, second));
        let (third, left) = AnswersDraft::open(&state_home);
        assert_eq!(left.as_deref(), Some("short"));
        third.discard();
        assert!(!state_home.join(DRAFT_FILE).exists());
    }

    #[test]
    fn a_discarded_draft_leaves_no_trace() {
        let home = tempfile::tempdir().unwrap();
        let (mut draft, _) = AnswersDraft::open(&home.path().join("a/b"));
        draft.save("x");
        draft.discard();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
