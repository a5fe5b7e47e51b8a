//! Reading of archives, which anybody may have made: bounded, and compared with the manifest before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::{GzDecoder, MultiGzDecoder};
use sha2::{Digest as _, Sha256};
use tar::Archive;

use super::{ArchiveError, MANIFEST, Manifest, VERSION, entry_name, link};
use crate::apply;
use crate::error;
use crate::host::read;

/// Maximum number of bytes that an archive of an instance may unpack to.
pub(crate) const MAX_UNPACKED_BYTES: u64 = 8 * 1024 * 1024 * 1024;
/// Maximum number of files in an archive of an instance.
pub(super) const MAX_FILES: u64 = 200_000;
/// Maximum size of an archive's manifest, in bytes.
pub(super) const MAX_MANIFEST_BYTES: u64 = 64 * 1024 * 1024;
/// Number of bytes that one packed byte of an untrusted archive may become, beyond [`RATIO_FREE_BYTES`]. (Text packs
/// 10 to 30 times, deflate at most 1032 times.)
pub(super) const MAX_RATIO: u64 = 100;
/// Number of bytes that any archive may unpack to, however densely it is packed.
pub(super) const RATIO_FREE_BYTES: u64 = 16 * 1024 * 1024;

/// The origin of an archive of an instance, which decides how far its content is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArchiveOrigin {
    /// An archive of this program's state home: its compression ratio is not limited.
    OwnSnapshot,
    /// An archive that anybody may have made: its compression ratio is limited.
    Untrusted,
}

impl ArchiveOrigin {
    /// Returns the name of an archive's file in the form in which names are compared: case does not count on the usual file systems of macOS and
    /// Windows.
    fn comparable(self, name: &str) -> String {
        let ignores_case = cfg!(any(target_os = "macos", windows));
        match self {
            Self::Untrusted if ignores_case => name.to_ascii_lowercase(),
            Self::OwnSnapshot | Self::Untrusted => name.to_owned(),
        }
    }
}

/// Reads an archive of an instance through and checks that every file is as its manifest says. Writes nothing.
///
/// # Errors
/// The first thing that is wrong with the archive.
pub(crate) fn verify(path: &Path, origin: ArchiveOrigin) -> Result<Manifest, ArchiveError> {
    verify_stream(open(path)?, origin)
}

/// Returns the reason for which an archive of this program's state home was made, as its manifest says. The manifest is the last entry, so
/// archives have the reason in their first bytes too; those of earlier releases are read through.
///
/// # Errors
/// When the archive can't be read, or has no manifest.
pub(crate) fn read_reason(path: &Path) -> Result<String, ArchiveError> {
    let packed = GzDecoder::new(open(path)?);
    let comment = packed.header().and_then(|header| header.comment());
    if let Some(reason) = comment.and_then(|text| std::str::from_utf8(text).ok()) {
        return Ok(reason.to_owned());
    }
    let mut manifest = None;
    walk(open(path)?, ArchiveOrigin::OwnSnapshot, &mut |name, entry| {
        if name == MANIFEST {
            manifest = Some(parse_manifest(entry)?);
        }
        Ok(())
    })?;
    Ok(manifest.ok_or(ArchiveError::NoManifest)?.reason)
}

/// Checks that an archive which was just written holds what its manifest says.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn verify_written(file: &mut File, manifest: &Manifest) -> Result<(), ArchiveError> {
    file.rewind()?;
    let read = verify_stream(file, ArchiveOrigin::OwnSnapshot)?;
    if read == *manifest {
        Ok(())
    } else {
        Err(ArchiveError::Hash(MANIFEST.to_owned()))
    }
}

/// Reads an archive through, as [`verify`] does.
///
/// # Errors
/// The first thing that is wrong with it.
pub(crate) fn verify_stream(archive: impl Read, origin: ArchiveOrigin) -> Result<Manifest, ArchiveError> {
    let mut found: BTreeMap<String, (u64, String)> = BTreeMap::new();
    let mut manifest = None;
    walk(archive, origin, &mut |name, entry| {
        if manifest.is_some() {
            // The manifest is the last entry: it can't speak for what follows it.
            return Err(ArchiveError::Hash(name.to_owned()));
        }
        if name == MANIFEST {
            manifest = Some(parse_manifest(entry)?);
            return Ok(());
        }
        let mut hash = Sha256::new();
        let size = io::copy(entry, &mut HashWriter(&mut hash))?;
        found.insert(name.to_owned(), (size, hex::encode(hash.finalize())));
        Ok(())
    })?;
    let manifest = manifest.ok_or(ArchiveError::NoManifest)?;
    let mut paths = BTreeSet::new();
    for (name, entry) in &manifest.files {
        entry_name::check(&entry.path)?;
        if *name != entry.path && !entry_name::is_number(name) {
            return Err(ArchiveError::Hash(name.clone()));
        }
        if !paths.insert(origin.comparable(&entry.path)) {
            return Err(ArchiveError::Twice(entry.path.clone()));
        }
        match found.remove(name) {
            Some((size, hash)) if size == entry.size && hash == entry.sha256 => {}
            _ => return Err(ArchiveError::Hash(name.clone())),
        }
    }
    check_links_and_folders(&manifest, origin, &mut paths)?;
    refuse_files_as_folders(&paths)?;
    match found.into_keys().next() {
        Some(unknown) => Err(ArchiveError::Hash(unknown)),
        None => Ok(manifest),
    }
}

/// Checks the links and the empty folders of a manifest, and adds their paths to those of the files.
fn check_links_and_folders(
    manifest: &Manifest,
    origin: ArchiveOrigin,
    paths: &mut BTreeSet<String>,
) -> Result<(), ArchiveError> {
    let count = manifest.files.len() + manifest.links.len() + manifest.folders.len();
    if count as u64 > MAX_FILES {
        return Err(ArchiveError::Bound(MAX_FILES));
    }
    for path in manifest.links.keys().chain(&manifest.folders) {
        entry_name::check(path)?;
        if !paths.insert(origin.comparable(path)) {
            return Err(ArchiveError::Twice(path.clone()));
        }
    }
    for (path, target) in &manifest.links {
        let below = path.split_once('/').map_or("", |(_, below)| below);
        let folder = Path::new(below).parent().unwrap_or(Path::new(""));
        if !link::stays_inside(folder, target) {
            return Err(ArchiveError::Link(path.clone()));
        }
    }
    Ok(())
}

/// Refuses an archive in which a file has the path of a folder of another file.
fn refuse_files_as_folders(paths: &BTreeSet<String>) -> Result<(), ArchiveError> {
    for path in paths {
        let mut folder = path.as_str();
        while let Some((above, _)) = folder.rsplit_once('/') {
            folder = above;
            if paths.contains(folder) {
                return Err(ArchiveError::Twice(path.clone()));
            }
        }
    }
    Ok(())
}

/// Writes the files, links and folders of a verified archive into a staging folder, durably. Each file is compared with
/// the manifest once more: the archive may have been swapped since.
///
/// # Errors
/// When a file is not what the manifest says, or can't be written.
pub(crate) fn unpack(path: &Path, manifest: &Manifest, folder: &Path) -> error::Result<()> {
    let mut failed = None;
    let mut folders = apply::StagedFolders::default();
    // Verifying has bounded what the archive unpacks to, and its files.
    let mut stage = |name: &str, entry: &mut dyn Read| {
        let Some(known) = manifest.files.get(name).filter(|_| failed.is_none()) else {
            return Ok(());
        };
        let mut hash = Sha256::new();
        let mut hashing = HashingReader {
            entry,
            hash: &mut hash,
        };
        let path = folder.join(&known.path);
        if let Err(error) = apply::stage_file(&mut folders, &path, &mut hashing, known.executable) {
            failed = Some(error);
            return Ok(());
        }
        if hex::encode(hash.finalize()) == known.sha256 {
            Ok(())
        } else {
            Err(ArchiveError::Hash(name.to_owned()))
        }
    };
    let read = open(path).and_then(|file| walk(file, ArchiveOrigin::OwnSnapshot, &mut stage));
    if let Some(error) = failed {
        return Err(error);
    }
    read.map_err(|error| error.into_error(path))?;
    for path in &manifest.folders {
        folders.make(&folder.join(path))?;
    }
    // Last, so that nothing is written through one.
    for (path, target) in &manifest.links {
        apply::stage_link(&mut folders, &folder.join(path), Path::new(target))?;
    }
    apply::sync_staging(folder)
}

/// Hashes the bytes of an archive that are read through it.
struct HashingReader<'t> {
    entry: &'t mut dyn Read,
    hash: &'t mut Sha256,
}

impl Read for HashingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.entry.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

/// Hashes the bytes of an archive's file that are written to it.
struct HashWriter<'h>(&'h mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Parses the manifest of an instance's archive.
fn parse_manifest(entry: &mut dyn Read) -> Result<Manifest, ArchiveError> {
    #[derive(serde::Deserialize)]
    struct FormatVersion {
        version: u32,
    }
    let mut text = Vec::new();
    entry.take(MAX_MANIFEST_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(ArchiveError::Bound(MAX_MANIFEST_BYTES));
    }
    // The version first: a later format may differ in every other way.
    let FormatVersion { version } = serde_json::from_slice(&text).map_err(|_| ArchiveError::NoManifest)?;
    if version > VERSION {
        return Err(ArchiveError::Newer(version));
    }
    serde_json::from_slice(&text).map_err(|_| ArchiveError::NoManifest)
}

/// Opens an archive, which is to be a regular file.
fn open(path: &Path) -> Result<File, ArchiveError> {
    if std::fs::metadata(path)?.is_file() {
        Ok(read::open(path)?)
    } else {
        Err(ArchiveError::Type(path.display().to_string()))
    }
}

/// Calls `each` with the name and the content of every entry of an archive, in its order.
///
/// # Errors
/// At the first entry that is no regular file with a plain name of its own, or when a bound is exceeded.
fn walk(
    packed: impl Read,
    origin: ArchiveOrigin,
    each: &mut dyn FnMut(&str, &mut dyn Read) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let exceeded = Arc::new(AtomicU64::new(0));
    let mut archive = Archive::new(bounded_reader(packed, origin, &exceeded));
    let in_bounds = |error: io::Error| match exceeded.load(Ordering::Relaxed) {
        0 => ArchiveError::Io(error),
        bound => ArchiveError::Bound(bound),
    };
    let mut names = BTreeSet::new();
    // Raw: extensions (long names, sparse files) are entries of types that are refused.
    for entry in archive.entries().map_err(in_bounds)?.raw(true) {
        let mut entry = entry.map_err(in_bounds)?;
        let name = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|e| ArchiveError::Name(String::from_utf8_lossy(e.as_bytes()).into_owned()))?;
        if name != MANIFEST && !entry_name::is_number(&name) {
            entry_name::check(&name)?;
        }
        if !entry.header().entry_type().is_file() {
            return Err(ArchiveError::Type(name));
        }
        if !names.insert(origin.comparable(&name)) {
            return Err(ArchiveError::Twice(name));
        }
        if names.len() as u64 > MAX_FILES {
            return Err(ArchiveError::Bound(MAX_FILES));
        }
        match each(&name, &mut entry) {
            Err(ArchiveError::Io(error)) => return Err(in_bounds(error)),
            other => other?,
        }
    }
    Ok(())
}

/// Returns a reader of the unpacked bytes of an archive, which fails beyond the size limit for archives. A bound that
/// is exceeded is written to `exceeded`.
fn bounded_reader<R: Read>(
    packed: R,
    origin: ArchiveOrigin,
    exceeded: &Arc<AtomicU64>,
) -> impl Read + use<R> {
    let count = Arc::new(AtomicU64::new(0));
    let counting = CountingReader {
        inner: packed,
        count: count.clone(),
    };
    BoundedReader {
        inner: MultiGzDecoder::new(io::BufReader::new(counting)),
        packed: (origin == ArchiveOrigin::Untrusted).then_some(count),
        unpacked: 0,
        exceeded: exceeded.clone(),
    }
}

/// Counts the packed bytes of an archive that are read through it.
struct CountingReader<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// A reader of an archive that fails when more is unpacked than is allowed for what was packed.
struct BoundedReader<R> {
    inner: R,
    /// Number of packed bytes that were read, where they bound what may be unpacked.
    packed: Option<Arc<AtomicU64>>,
    /// Number of bytes that were unpacked.
    unpacked: u64,
    /// The bound that was exceeded; 0 before that.
    exceeded: Arc<AtomicU64>,
}

impl<R: Read> Read for BoundedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.unpacked += read as u64;
        let by_ratio = self.packed.as_ref().map_or(MAX_UNPACKED_BYTES, |packed| {
            RATIO_FREE_BYTES.saturating_add(packed.load(Ordering::Relaxed).saturating_mul(MAX_RATIO))
        });
        let bound = by_ratio.min(MAX_UNPACKED_BYTES);
        if self.unpacked > bound {
            self.exceeded.store(bound, Ordering::Relaxed);
            return Err(io::Error::other("larger than any instance"));
        }
        Ok(read)
    }
}
