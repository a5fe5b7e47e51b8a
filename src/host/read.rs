//! Reads files that other programs or users wrote: regular files of a bounded size only, so that reading ends.
//!
//! A FIFO in the place of a config would block the open call for ever, a device may never end, and a file of gigabytes
//! would exhaust the memory. So the kind of the file is checked first, then its size, then it is read.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use foldhash::fast::RandomState;

use super::device_name::is_device_name;

/// Maximum size of a file that is read, in bytes.
pub(crate) const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// The reason why a file was not read, such as a missing file or one that is too large.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file does not exist.
    #[error("no such file")]
    Missing,
    /// The path is that of a folder, FIFO, socket or device.
    #[error("not a regular file")]
    NotAFile,
    /// The file is larger than [`MAX_FILE_BYTES`]; it has this many bytes.
    #[error("{0} bytes")]
    TooLarge(u64),
    /// The content is no UTF-8 from this offset on, in bytes.
    #[error("not UTF-8 at byte {0}")]
    NotText(usize),
    /// The system refused to open or read the file.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads a regular file of a bounded size as UTF-8 text. Links are followed.
pub(crate) fn text(path: &Path) -> Result<String, ReadError> {
    let bytes = bytes(path)?;
    String::from_utf8(bytes).map_err(|e| ReadError::NotText(e.utf8_error().valid_up_to()))
}

/// Reads the bytes of a regular file of a bounded size. Links are followed.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, ReadError> {
    let (file, size) = match open_with_size(path) {
        Ok(opened) => opened,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(ReadError::Missing),
        // A socket can't be opened, and opening a folder fails on some systems.
        Err(_) if std::fs::metadata(path).is_ok_and(|meta| !meta.is_file()) => {
            return Err(ReadError::NotAFile);
        }
        Err(e) => return Err(e.into()),
    };
    if size > MAX_FILE_BYTES {
        return Err(ReadError::TooLarge(size));
    }
    read_bounded(file, size)
}

/// Opens a regular file to read it. Links are followed.
///
/// # Errors
/// Where the file can't be opened, or is a folder, FIFO, socket or device. A FIFO does not block the call.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_with_size(path).map(|(file, _)| file)
}

/// Opens a regular file to read it, as [`open`] does, and returns it with its size in bytes.
fn open_with_size(path: &Path) -> io::Result<(File, u64)> {
    let file = open_at_once(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok((file, metadata.len()))
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// Returns the number of names (hard links) that a file has.
#[cfg(unix)]
pub(crate) fn link_count(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(metadata)
}

/// Returns 1 as the number of names that a file has: on Windows a path does not tell.
#[cfg(not(unix))]
pub(crate) fn link_count(_metadata: &std::fs::Metadata) -> u64 {
    1
}

/// Opens a file to read it, without waiting for a writer of a FIFO.
#[cfg(unix)]
fn open_at_once(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// Opens a file to read it.
#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "this is what reads files")]
fn open_at_once(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Reads a stream to its end as UTF-8 text.
pub(super) fn text_of_stream(stream: impl io::Read) -> Result<String, ReadError> {
    String::from_utf8(read_bounded(stream, 0)?).map_err(|e| ReadError::NotText(e.utf8_error().valid_up_to()))
}

/// Reads a stream to its end, which is expected after `size` bytes; fails beyond [`MAX_FILE_BYTES`].
fn read_bounded(mut stream: impl io::Read, size: u64) -> Result<Vec<u8>, ReadError> {
    /// Room for the files of `/proc`, whose size is 0 whatever they hold.
    const MIN_ROOM: usize = 1024;
    let expected = usize::try_from(size.min(MAX_FILE_BYTES)).unwrap_or_default();
    let mut bytes = vec![0; MIN_ROOM.max(expected + 1)];
    let first = match stream.read(&mut bytes) {
        Ok(first) => first,
        Err(e) if e.kind() == io::ErrorKind::Interrupted => 0,
        Err(e) => return Err(e.into()),
    };
    bytes.truncate(first);
    // There was room for more: a read that got just what a file holds has found its end too. The file may have changed
    // since its size was checked.
    if first == 0 || first != expected {
        // One byte beyond the bound tells that there is more.
        let limit = MAX_FILE_BYTES + 1 - first as u64;
        stream.take(limit).read_to_end(&mut bytes)?;
    }
    let read = bytes.len() as u64;
    if read > MAX_FILE_BYTES {
        Err(ReadError::TooLarge(read))
    } else {
        Ok(bytes)
    }
}

/// Returns the absolute path of an existing file or folder, links followed, as a person writes it. The system's own answer on
/// Windows starts with `\\?\`, which no other program shows, few read, and which makes two paths of one file differ.
#[expect(clippy::disallowed_methods, reason = "this is what the others call")]
pub(crate) fn canonicalize(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize().map(without_verbatim_prefix)
}

/// Returns a path of Windows without the prefix `\\?\`, where it means the same without it. Any other path stays.
fn without_verbatim_prefix(path: PathBuf) -> PathBuf {
    let Some(plain) = path.to_str().and_then(|text| text.strip_prefix(r"\\?\")) else {
        return path;
    };
    let is_on_drive = plain.as_bytes().get(1..3) == Some(br":\");
    // Without the prefix the system takes dots and blanks from the end of a name, and devices from names like NUL.
    let keeps_meaning = |name: &str| !name.ends_with(['.', ' ']) && !is_device_name(name);
    if is_on_drive && plain.split('\\').all(keeps_meaning) {
        PathBuf::from(plain)
    } else {
        path
    }
}

/// Returns a path with the links of its existing part resolved, so that two paths of one file are equal, also where the
/// file does not exist yet.
pub(crate) fn canonicalize_existing(path: &Path) -> PathBuf {
    let mut rest = Vec::new();
    for part in path.ancestors() {
        // To resolve a path means to look at each of its parts: that is tried only where it can succeed.
        let real = part.symlink_metadata().ok().and_then(|_| canonicalize(part).ok());
        if let Some(real) = real {
            return rest.iter().rev().fold(real, |path, name| path.join(name));
        }
        rest.extend(part.file_name());
    }
    path.to_path_buf()
}

/// A path with its links resolved, as far as it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathResolution {
    /// The path with the links of its existing part resolved; see [`canonicalize_existing`].
    pub(crate) real: PathBuf,
    /// The deepest part of the path that exists, be it a link that leads nowhere.
    pub(crate) deepest: PathBuf,
}

/// Values by the text of a path: to hash a path part by part takes several times as long.
pub(crate) type PathTextMap<V> = HashMap<OsString, V, RandomState>;

/// Resolves many paths in common folders, each folder once. For one moment only: what it remembers may have changed since.
#[derive(Debug)]
pub(crate) struct PathResolver {
    known: PathTextMap<PathResolution>,
    /// Resolves a path that is a link.
    follow: fn(&Path) -> PathBuf,
}

impl Default for PathResolver {
    fn default() -> Self {
        Self::with_links_followed_by(canonicalize_existing)
    }
}

impl PathResolver {
    /// Creates a resolver that asks `follow` where a link leads to.
    pub(crate) fn with_links_followed_by(follow: fn(&Path) -> PathBuf) -> Self {
        Self {
            known: PathTextMap::default(),
            follow,
        }
    }

    /// Remembers that this path is a folder and no link, as the listing of its parent says.
    pub(crate) fn add_folder(&mut self, path: &Path) {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return;
        };
        let real = self.resolve(parent).real.join(name);
        let deepest = path.to_path_buf();
        self.known.insert(path.into(), PathResolution { real, deepest });
    }

    /// Returns a path with the links of its existing part resolved.
    pub(crate) fn resolve(&mut self, path: &Path) -> PathResolution {
        if let Some(known) = self.known.get(path.as_os_str()) {
            return known.clone();
        }
        let resolved = self.look_up(path);
        self.known.insert(path.into(), resolved.clone());
        resolved
    }

    fn look_up(&mut self, path: &Path) -> PathResolution {
        let at = |real| PathResolution {
            real,
            deepest: path.to_path_buf(),
        };
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return at((self.follow)(path));
        };
        match path.symlink_metadata() {
            Ok(meta) if meta.is_symlink() => at((self.follow)(path)),
            Ok(_) => at(self.resolve(parent).real.join(name)),
            Err(_) => {
                let parent = self.resolve(parent);
                PathResolution {
                    real: parent.real.join(name),
                    ..parent
                }
            }
        }
    }
}

#[cfg(test)]
mod verbatim_tests {
    use super::*;

    #[test]
    fn prefix_of_windows_goes_where_the_path_means_the_same_without_it() {
        let plain = |path: &str| without_verbatim_prefix(PathBuf::from(path)).display().to_string();
        assert_eq!(plain(r"\\?\C:\Users\İşığ\.openclaw"), r"C:\Users\İşığ\.openclaw");
        assert_eq!(plain(r"\\?\C:\"), r"C:\");
        for kept in [
            r"\\?\C:\Users\nul",
            r"\\?\C:\Users\Con.txt\a",
            r"\\?\C:\Users\dot.\a",
            r"\\?\C:\Users\blank ",
            r"\\?\UNC\server\share",
            r"\\?\Volume{b75e2c83-0000-0000-0000-602f00000000}\a",
            r"C:\Users\ada",
            "/home/ada",
        ] {
            assert_eq!(plain(kept), kept);
        }
    }
}

#[cfg(all(test, unix))]
#[expect(
    clippy::disallowed_methods,
    reason = "the test makes folders and links of its own"
)]
mod tests {
    use super::*;

    /// A stream that returns a number of its bytes with each read.
    struct Portions<'a>(&'a [u8], usize);

    impl io::Read for Portions<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let (portion, rest) = self.0.split_at(self.1.min(self.0.len()).min(room.len()));
            room[..portion.len()].copy_from_slice(portion);
            self.0 = rest;
            Ok(portion.len())
        }
    }

    #[test]
    fn stream_is_read_to_its_end_whatever_its_size_was_said_to_be() {
        let content = b"0123456789";
        for (portion, size) in [(100, 10), (100, 0), (100, 3), (100, 90), (4, 10), (1, 0)] {
            let read = read_bounded(Portions(content, portion), size).unwrap();
            assert_eq!(read, content, "{size} bytes, {portion} at once");
        }
        assert_eq!(read_bounded(Portions(b"", 1), 5).unwrap(), b"");
    }

    #[test]
    fn resolver_agrees_with_the_resolution_of_each_path_alone() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::os::unix::fs::symlink("a", root.join("link")).unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("dangling")).unwrap();
        let mut links = PathResolver::default();
        let paths = [
            "a/b",
            "a/b/new/file",
            "link/b/new",
            "link/b",
            "dangling/x",
            "dangling",
            "link/../a/b",
            "",
        ];
        for below in paths {
            let path = root.join(below);
            let resolved = links.resolve(&path);
            assert_eq!(resolved.real, canonicalize_existing(&path), "{below}");
            let deepest = path.ancestors().find(|part| part.symlink_metadata().is_ok());
            assert_eq!(Some(resolved.deepest.as_path()), deepest, "{below}");
        }
    }
}
