//! The draft: what a person replied so far, for the case that the terminal or the program dies.
//!
//! One file in the state home, 0600, without secrets. The wizard that writes it holds an OS lock on it,
//! so that a draft that can be locked is one whose writer is gone. A draft is a comfort: where it can't
//! be kept, the wizard goes on without one.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::place::{Found, LastLink, locate};
use super::system;

/// The draft's name in the state home.
const FILE: &str = "draft.toml";
/// More than any draft has, in bytes.
const MOST: u64 = 64 * 1024;

/// The draft of this run.
#[derive(Debug)]
pub struct AnswersDraft {
    path: PathBuf,
    file: Option<File>,
    /// The folders that were made for it, innermost first.
    made: Vec<PathBuf>,
    /// Another wizard that is alive has it.
    taken: bool,
}

impl AnswersDraft {
    /// The draft of this run, and what a run that died left in it. Nothing is written yet.
    pub fn open(state_home: &Path) -> (Self, Option<String>) {
        let path = state_home.join(FILE);
        let mut draft = Self {
            path,
            file: None,
            made: Vec::new(),
            taken: false,
        };
        if !draft.path.exists() {
            return (draft, None);
        }
        let Ok(mut file) = draft.lock() else {
            draft.taken = true;
            return (draft, None);
        };
        let mut text = String::new();
        let left = (&mut file).take(MOST).read_to_string(&mut text).is_ok() && !text.trim().is_empty();
        draft.file = Some(file);
        (draft, left.then_some(text))
    }

    /// Keeps this text in the place of the last one.
    pub fn save(&mut self, text: &str) {
        if self.taken {
            return;
        }
        if self.write(text).is_err() {
            self.taken = true;
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
        let place = locate(folder, LastLink::Follow, &[])?;
        if !matches!(place.found, Found::Nothing) {
            return Ok(());
        }
        let missing: Vec<_> = place
            .real
            .ancestors()
            .take_while(|f| *f != place.anchor)
            .map(Path::to_path_buf)
            .collect();
        for folder in missing.into_iter().rev() {
            if system::make_folder(&folder).is_ok() {
                self.made.insert(0, folder);
            }
        }
        Ok(())
    }

    /// Removes the draft, and the folders that were made for it and are empty.
    pub fn discard(self) {
        if self.file.is_some() {
            let _ = fs::remove_file(&self.path);
            for folder in &self.made {
                let _ = fs::remove_dir(folder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_run_leaves_a_draft_and_a_living_one_keeps_it_to_itself() {
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
        assert!(left.is_none() && second.taken);
        drop((first, second));
        let (third, left) = AnswersDraft::open(&state_home);
        assert_eq!(left.as_deref(), Some("short"));
        third.discard();
        assert!(!state_home.join(FILE).exists());
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
