//! Opens a file beneath a folder, following no symbolic link on the way.

use std::fs::File;
use std::io;
use std::path::Path;

/// The page of a folder.
const INDEX: &str = "index.html";

/// What was asked for.
pub(super) enum Found {
    /// A regular file, with the name that tells its type.
    File(Opened),
    /// A folder that was asked for as if it were a file.
    Folder,
}

/// An open regular file.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) name: String,
    /// Its length, in bytes.
    pub(super) length: u64,
}

/// Opens what these names lead to below `root`. In a `folder` its index is meant. `own` folders may not
/// be links themselves; where a config names one, it may.
pub(super) fn open(root: &Path, own: bool, names: &[String], folder: bool) -> io::Result<Found> {
    let mut at = system::folder(root, own)?;
    let Some((last, above)) = names.split_last() else {
        return regular(system::below(&at, INDEX)?, INDEX);
    };
    for name in above {
        at = system::below(&at, name)?;
    }
    let last_file = system::below(&at, last)?;
    match (last_file.metadata()?.is_dir(), folder) {
        (true, true) => regular(system::below(&last_file, INDEX)?, INDEX),
        (true, false) => Ok(Found::Folder),
        (false, true) => Err(io::ErrorKind::NotADirectory.into()),
        (false, false) => regular(last_file, last),
    }
}

fn regular(file: File, name: &str) -> io::Result<Found> {
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(Found::File(Opened {
        file,
        name: name.to_owned(),
        length: facts.len(),
    }))
}

#[cfg(unix)]
mod system {
    use super::{File, Path, io};
    use rustix::fs::{Mode, OFlags, open, openat};

    /// A pipe is opened without waiting for its other end.
    const READ: OFlags = OFlags::RDONLY
        .union(OFlags::CLOEXEC)
        .union(OFlags::NONBLOCK)
        .union(OFlags::NOCTTY);

    pub(super) fn folder(root: &Path, own: bool) -> io::Result<File> {
        let follow = if own { OFlags::NOFOLLOW } else { OFlags::empty() };
        Ok(open(root, READ | OFlags::DIRECTORY | follow, Mode::empty())?.into())
    }

    /// One name at a time, each looked up in the folder that is open: nothing can be exchanged in between.
    pub(super) fn below(at: &File, name: &str) -> io::Result<File> {
        Ok(openat(at, name, READ | OFlags::NOFOLLOW, Mode::empty())?.into())
    }
}

#[cfg(not(unix))]
mod system {
    //! Not tested: this project is built on Linux. Here a folder has no handle to look names up in, so
    //! nothing is served rather than something that a link could lead to.
    use super::{File, Path, io};

    pub(super) fn folder(_root: &Path, _own: bool) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn below(_at: &File, _name: &str) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn find(root: &Path, own: bool, path: &str) -> Option<String> {
        let names = super::super::route::names(path).unwrap();
        match open(root, own, &names, path.ends_with('/')).ok()? {
            Found::File(opened) => Some(std::io::read_to_string(opened.file).unwrap()),
            Found::Folder => Some("folder".to_owned()),
        }
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test makes the files that it looks for"
    )]
    fn files_are_found_and_links_are_not_followed() {
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
        assert_eq!(find(&alias, true, "/"), None, "an own folder is no link");
        assert_eq!(
            find(&alias, false, "/").as_deref(),
            Some("home"),
            "a configured one may be"
        );
    }
}
