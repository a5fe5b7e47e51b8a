//! Reading of archives, which anybody may have made: bounded, and compared with the manifest before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use tar::Archive;

use super::{ArchiveError, MANIFEST, Manifest, VERSION, entry_name};
use crate::apply;
use crate::error;
use crate::host::read;

/// Maximum number of bytes that an archive of an instance may unpack to.
pub(super) const MAX_UNPACKED_BYTES: u64 = 8 * 1024 * 1024 * 1024;
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
    /// Returns the name of an archive's file in the form in which names are compared: case may not count on the host
    /// from which an untrusted archive comes, or on this one.
    fn comparable(self, name: &str) -> String {
        match self {
            Self::OwnSnapshot => name.to_owned(),
            Self::Untrusted => name.to_ascii_lowercase(),
        }
    }
}

/// Reads an archive of an instance through and checks that every file is as its manifest says. Writes nothing.
///
/// # Errors
/// The first thing that is wrong with the archive.
pub(crate) fn verify(path: &Path, origin: ArchiveOrigin) -> Result<Manifest, ArchiveError> {
    let mut found: BTreeMap<String, (u64, String)> = BTreeMap::new();
    let mut manifest = None;
    walk(path, origin, &mut |name, entry| {
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
    refuse_files_as_folders(&paths)?;
    match found.into_keys().next() {
        Some(unknown) => Err(ArchiveError::Hash(unknown)),
        None => Ok(manifest),
    }
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

/// Writes the files of a verified archive into a staging folder. Each is compared with the manifest once more: the
/// archive may have been swapped since.
///
/// # Errors
/// When a file is not what the manifest says, or can't be written.
pub(crate) fn unpack(path: &Path, manifest: &Manifest, folder: &Path) -> error::Result<()> {
    let mut failed = None;
    // Verifying has bounded what the archive unpacks to, and its files.
    let read = walk(path, ArchiveOrigin::OwnSnapshot, &mut |name, entry| {
        let Some(known) = manifest.files.get(name).filter(|_| failed.is_none()) else {
            return Ok(());
        };
        let mut hash = Sha256::new();
        let mut hashing = HashingReader {
            entry,
            hash: &mut hash,
        };
        if let Err(error) = apply::stage_file(&folder.join(&known.path), &mut hashing) {
            failed = Some(error);
            return Ok(());
        }
        if hex::encode(hash.finalize()) == known.sha256 {
            Ok(())
        } else {
            Err(ArchiveError::Hash(name.to_owned()))
        }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    read.map_err(|error| error.into_error(path))
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

/// Calls `each` with the name and the content of every entry of an archive, in its order.
///
/// # Errors
/// At the first entry that is no regular file with a plain name of its own, or when a bound is exceeded.
fn walk(
    path: &Path,
    origin: ArchiveOrigin,
    each: &mut dyn FnMut(&str, &mut dyn Read) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let meta = std::fs::metadata(path)?;
    if !meta.is_file() {
        return Err(ArchiveError::Type(path.display().to_string()));
    }
    let exceeded = Arc::new(AtomicU64::new(0));
    let mut archive = Archive::new(bounded_reader(read::open(path)?, origin, &exceeded));
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
fn bounded_reader(file: File, origin: ArchiveOrigin, exceeded: &Arc<AtomicU64>) -> impl Read {
    let packed = Arc::new(AtomicU64::new(0));
    let counting = CountingReader {
        inner: file,
        count: packed.clone(),
    };
    BoundedReader {
        inner: MultiGzDecoder::new(io::BufReader::new(counting)),
        packed: (origin == ArchiveOrigin::Untrusted).then_some(packed),
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
