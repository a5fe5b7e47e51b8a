//! Opening a file below a folder that lies nowhere else: no symbolic link is followed on the way, and no file is opened
//! that has a second name (a hard link). What the canvas serves is then in the canvas, and not the config of an
//! instance or a key that somebody, or an unpacked archive, linked into it.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::host::read;

/// The name of the file that is served for a folder of the canvas.
const INDEX_FILE: &str = "index.html";

/// The result of opening a path below the canvas folder.
pub(super) enum OpenedPath {
    /// A regular file.
    File(OpenedFile),
    /// A folder whose path has no `/` at its end.
    Folder,
    /// A regular file that has a second name, which may be anywhere: it is not served.
    LinkedFile,
}

/// An open regular file of the canvas.
pub(super) struct OpenedFile {
    /// The file, open for reading.
    pub(super) file: File,
    /// The file name, which tells the type.
    pub(super) name: String,
    /// The length in bytes.
    pub(super) length: u64,
}

/// Opens the file of the canvas that these names of folders and a file lead to below `root`. With `is_folder` its
/// index file is opened. `root` may be a link, unless it is the instance's `own` canvas folder: only a path that a
/// user configured is trusted.
pub(super) fn open_below(
    root: &Path,
    own: bool,
    names: &[String],
    is_folder: bool,
) -> io::Result<OpenedPath> {
    let mut at = system::open_root(root, own)?;
    let Some((last, above)) = names.split_last() else {
        return regular_file(system::open_child(&at, INDEX_FILE)?, INDEX_FILE);
    };
    for name in above {
        at = system::open_child(&at, name)?;
    }
    let last_file = system::open_child(&at, last)?;
    match (last_file.metadata()?.is_dir(), is_folder) {
        (true, true) => regular_file(system::open_child(&last_file, INDEX_FILE)?, INDEX_FILE),
        (true, false) => Ok(OpenedPath::Folder),
        (false, true) => Err(io::ErrorKind::NotADirectory.into()),
        (false, false) => regular_file(last_file, last),
    }
}

/// Returns an open file of the canvas with its name and length, if it is a regular file.
fn regular_file(file: File, name: &str) -> io::Result<OpenedPath> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if read::link_count(&metadata) > 1 {
        return Ok(OpenedPath::LinkedFile);
    }
    Ok(OpenedPath::File(OpenedFile {
        file,
        name: name.to_owned(),
        length: metadata.len(),
    }))
}

#[cfg(unix)]
mod system {
    use super::{File, Path, io};
    use rustix::fs::{Mode, OFlags, open, openat};

    /// The flags with which a canvas file is opened: read-only, without waiting for the other end of a pipe.
    const READ: OFlags = OFlags::RDONLY
        .union(OFlags::CLOEXEC)
        .union(OFlags::NONBLOCK)
        .union(OFlags::NOCTTY);

    pub(super) fn open_root(root: &Path, own: bool) -> io::Result<File> {
        let follow = if own { OFlags::NOFOLLOW } else { OFlags::empty() };
        Ok(open(root, READ | OFlags::DIRECTORY | follow, Mode::empty())?.into())
    }

    /// Opens a file or folder by name in an open folder of the canvas, so that nothing above it can be exchanged in
    /// between.
    pub(super) fn open_child(at: &File, name: &str) -> io::Result<File> {
        Ok(openat(at, name, READ | OFlags::NOFOLLOW, Mode::empty())?.into())
    }
}

#[cfg(not(unix))]
mod system {
    //! Not tested: this project is built on Linux. Here a folder has no handle to look names up in, so
    //! nothing is served rather than something that a link could lead to.
    use super::{File, Path, io};

    pub(super) fn open_root(_root: &Path, _own: bool) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn open_child(_at: &File, _name: &str) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn find(root: &Path, own: bool, path: &str) -> Option<String> {
        let names = super::super::url_path::file_names(path).unwrap();
        match open_below(root, own, &names, path.ends_with('/')).ok()? {
            OpenedPath::File(opened) => Some(std::io::read_to_string(opened.file).unwrap()),
            OpenedPath::Folder => Some("folder".to_owned()),
            OpenedPath::LinkedFile => Some("linked".to_owned()),
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test makes the files that it opens")]
    fn regular_files_are_opened_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("canvas");
        std::fs::create_dir_all(root.join("sub/empty")).unwrap();
        std::fs::write(dir.path().join("secret"), "secret").unwrap();
        std::fs::write(root.join("index.html"), "home").unwrap();
        std::fs::write(root.join("sub/index.html"), "sub").unwrap();
        symlink(dir.path().join("secret"), root.join("link")).unwrap();
        symlink("index.html", root.join("inner")).unwrap();
        symlink(dir.path(), root.join("up")).unwrap();
        symlink(&root, dir.path().join("alias")).unwrap();
        let pipe = std::process::Command::new("mkfifo")
            .arg(root.join("pipe"))
            .status();
        assert!(pipe.unwrap().success());

        assert_eq!(find(&root, true, "/").as_deref(), Some("home"));
        assert_eq!(find(&root, true, "/index.html").as_deref(), Some("home"));
        assert_eq!(find(&root, true, "/sub").as_deref(), Some("folder"));
        assert_eq!(find(&root, true, "/sub/").as_deref(), Some("sub"));
        for nothing in [
            "/sub/empty/",
            "/none",
            "/index.html/",
            "/link",
            "/inner",
            "/up/secret",
            "/pipe",
        ] {
            assert_eq!(find(&root, true, nothing), None, "{nothing}");
        }
        let alias = dir.path().join("alias");
        assert_eq!(find(&alias, true, "/"), None, "the own folder may not be a link");
        assert_eq!(
            find(&alias, false, "/").as_deref(),
            Some("home"),
            "a configured folder may be"
        );
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test makes the files that it opens")]
    fn file_with_a_second_name_is_not_opened_wherever_that_is() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("canvas");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::write(dir.path().join("openclaw.json"), "secret").unwrap();
        std::fs::write(root.join("page.html"), "page").unwrap();
        for name in ["config.json", "sub/index.html"] {
            std::fs::hard_link(dir.path().join("openclaw.json"), root.join(name)).unwrap();
        }
        assert_eq!(find(&root, true, "/config.json").as_deref(), Some("linked"));
        assert_eq!(find(&root, true, "/sub/").as_deref(), Some("linked"));
        assert_eq!(find(&root, true, "/page.html").as_deref(), Some("page"));
        std::fs::remove_file(dir.path().join("openclaw.json")).unwrap();
        std::fs::remove_file(root.join("sub/index.html")).unwrap();
        let only_name = find(&root, true, "/config.json");
        assert_eq!(only_name.as_deref(), Some("secret"), "it is in the canvas only");
    }
}
