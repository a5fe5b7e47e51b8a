//! Appends lines to a journal of an instance, a file that only grows: durable when the call returns, and mended where a
//! killed process has cut its last line.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::io_failure::{During as _, Operation};
use super::single_file::write_state_file;
use super::system;
use crate::error::Result;

/// Appends lines to a file of an instance, which is made (0600) where it is missing. The lines are on the disk when the
/// call returns: one write, then fsync. A last line without its end, which a killed process has left, is ended first, so
/// that it spoils no other.
///
/// # Errors
/// When the state folder is missing, or the system refuses. A part of the lines may be there then.
pub(crate) fn append_state_lines(state_dir: &Path, path: &Path, lines: &[String]) -> Result<()> {
    let mut text = String::new();
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    let mut file = match system::open_append(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return write_state_file(state_dir, path, text.as_bytes());
        }
        Err(error) => return Err(error).during(Operation::Write, path).map_err(Into::into),
    };
    let appended = (|| {
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                text.insert(0, '\n');
            }
        }
        file.write_all(text.as_bytes())?;
        file.sync_data()
    })();
    Ok(appended.during(Operation::Write, path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_to_a_new_file_and_a_cut_last_line_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agents/main/sessions/a.jsonl");
        let append = |line: &str| append_state_lines(dir.path(), &path, &[line.to_owned()]).unwrap();
        append("one");
        append("two");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        std::fs::write(&path, "one\ntw").unwrap();
        append("three");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntw\nthree\n");
    }

    #[cfg(unix)]
    #[test]
    fn appended_file_is_its_owners_alone_and_a_link_is_not_followed() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        append_state_lines(dir.path(), &path, &["x".to_owned()]).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600);
        let link = dir.path().join("b.jsonl");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(append_state_lines(dir.path(), &link, &["y".to_owned()]).is_err());
        assert!(append_state_lines(&dir.path().join("gone"), &dir.path().join("gone/c"), &[]).is_err());
    }
}
