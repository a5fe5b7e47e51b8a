//! The copy that an installation keeps of a service file with lines of the user's.

use std::path::{Path, PathBuf};

use super::control::ServiceControl;
use crate::apply;
use crate::error::{Error, Result};
use crate::host::read::{self, ReadError};
use crate::i18n::{Msg, msg};
use crate::service_files::is_written_by_us;

/// A service file that an installation replaces although it has lines that the new one lacks.
#[derive(Debug)]
pub(super) struct ReplacedFile {
    path: PathBuf,
    bytes: Vec<u8>,
    /// The lines that a user added; empty where another program wrote the whole file.
    added_lines: Vec<String>,
    /// The copy, once it is made.
    copy: Option<PathBuf>,
}

impl ReplacedFile {
    /// Finds the service file of an instance that an installation of these files would replace with a loss.
    ///
    /// # Errors
    /// Where a service file is there and can't be read: what is unknown is not replaced.
    pub(super) fn find(control: &ServiceControl<'_>, files: &[(PathBuf, Vec<u8>)]) -> Result<Option<Self>> {
        let Some((path, new)) = files.first() else {
            return Ok(None);
        };
        let bytes = match read::bytes(path) {
            Ok(bytes) => bytes,
            Err(ReadError::Missing) => return Ok(None),
            Err(why) => return Err(unreadable(path, &why)),
        };
        let text = String::from_utf8_lossy(&bytes);
        let new = String::from_utf8_lossy(new);
        let is_ours = is_written_by_us(&text);
        let added_lines = if is_ours {
            control.manager.added_lines(&text, &new)
        } else {
            Vec::new()
        };
        // What no service manager reads as text was not written by this program.
        let is_odd = std::str::from_utf8(&bytes).is_err() || text.starts_with('\u{feff}');
        let has_loss = !is_ours || is_odd || !added_lines.is_empty();
        Ok(has_loss.then(|| Self {
            path: path.clone(),
            bytes,
            added_lines,
            copy: None,
        }))
    }

    /// Returns the lines that a user added to the service file.
    pub(super) fn into_added_lines(self) -> Vec<String> {
        self.added_lines
    }

    /// Copies the service file beside itself, under a name that no service manager reads, where no installation that was
    /// cut short has made that copy.
    pub(super) fn keep(&mut self) -> Result<()> {
        let name = |number| match number {
            0 => self.named(".replaced"),
            number => self.named(&format!(".replaced-{number}")),
        };
        let is_copy = |path: &Path| read::bytes(path).is_ok_and(|bytes| bytes == self.bytes);
        let mut copies = (0..).map(name).take_while(|copy| copy.exists());
        let made = copies.find(|copy| is_copy(copy));
        let copy = made.clone().unwrap_or_else(|| apply::free_path(name));
        if made.is_none() {
            apply::write_file(&copy, &self.bytes)?;
        }
        self.copy = Some(copy);
        Ok(())
    }

    /// Removes the copy, because the file is back in its place.
    pub(super) fn discard(&self) {
        if let Some(copy) = &self.copy {
            let _ = apply::remove_if_present(copy);
        }
    }

    /// Returns the path of the service file with an ending.
    fn named(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(ending);
        name.into()
    }

    /// Returns the notices that tell the user what the new file lacks, where the old one is kept, and how to add lines
    /// for good.
    pub(super) fn notices(&self, control: &ServiceControl<'_>) -> Vec<Msg> {
        let shown = |path: &Path| path.display().to_string();
        let lines = (!self.added_lines.is_empty()).then(|| {
            let lines = self.added_lines.join("; ");
            msg!("service.lines-replaced", path = shown(&self.path), lines = lines)
        });
        let kept = self
            .copy
            .as_deref()
            .map(|copy| msg!("service.replaced-kept", path = shown(copy)));
        let edit = control.manager.edit_command().filter(|_| lines.is_some());
        let edit = edit.map(|command| msg!("service.add-lines", command = command));
        lines.into_iter().chain(kept).chain(edit).collect()
    }
}

/// Returns the error about a service file that is there and can't be read.
fn unreadable(path: &Path, why: &ReadError) -> Error {
    Error::blocked(msg!("service.file-unreadable", path = path.display(), why = why))
        .hint(msg!("apply.move-away", path = path.display()))
}

/// Removes a file of a service, where it is there.
pub(super) fn remove_file(path: &Path) -> Result<()> {
    apply::remove_if_present(path)
        .map_err(|e| Error::failed(msg!("service.not-removed", path = path.display())).because(e))
}
