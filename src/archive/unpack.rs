//! Reading an archive that somebody else may have made: bounded, and compared with its manifest first.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use tar::Archive;

use super::{ArchiveError, MANIFEST, Manifest, VERSION, name};
use crate::apply;
use crate::error::Result as Told;

/// The most that an archive may unpack to, in bytes.
pub(super) const MAX_BYTES: u64 = 8 * 1024 * 1024 * 1024;
/// The most files.
pub(super) const MAX_FILES: u64 = 200_000;
/// The largest manifest, in bytes.
pub(super) const MAX_MANIFEST: u64 = 64 * 1024 * 1024;
/// The most bytes that one packed byte of somebody else's archive may become, beyond [`SLACK`]. (Text packs
/// 10 to 30 times, deflate at most 1032 times.)
pub(super) const MAX_RATIO: u64 = 100;
/// What any archive may unpack to, in bytes.
pub(super) const SLACK: u64 = 16 * 1024 * 1024;

/// Whose archive is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveOrigin {
    /// This program's own, from the state home: it may be packed as densely as anything can be.
    OwnSnapshot,
    /// Anybody's.
    Untrusted,
}

impl ArchiveOrigin {
    /// A name as it is compared with others: where it comes from elsewhere, case may not count there or here.
    fn folded(self, name: &str) -> String {
        match self {
            Self::OwnSnapshot => name.to_owned(),
            Self::Untrusted => name.to_ascii_lowercase(),
        }
    }
}

/// Reads an archive through and believes nothing: its manifest, where every file is as that says.
pub fn verify(path: &Path, from: ArchiveOrigin) -> Result<Manifest, ArchiveError> {
    let mut found: BTreeMap<String, (u64, String)> = BTreeMap::new();
    let mut manifest = None;
    walk(path, from, &mut |name, entry| {
        if manifest.is_some() {
            // The manifest is the last entry: what follows it is not spoken for.
            return Err(ArchiveError::Hash(name.to_owned()));
        }
        if name == MANIFEST {
            manifest = Some(parse(entry)?);
            return Ok(());
        }
        let mut hash = Sha256::new();
        let size = copy(entry, &mut |bytes| {
            hash.update(bytes);
            Ok(())
        })?;
        found.insert(name.to_owned(), (size, hex::encode(hash.finalize())));
        Ok(())
    })?;
    let manifest = manifest.ok_or(ArchiveError::NoManifest)?;
    let mut paths = BTreeSet::new();
    for (name, entry) in &manifest.files {
        name::check(&entry.path)?;
        if *name != entry.path && !name::is_long(name) {
            return Err(ArchiveError::Hash(name.clone()));
        }
        if !paths.insert(from.folded(&entry.path)) {
            return Err(ArchiveError::Twice(entry.path.clone()));
        }
        match found.remove(name) {
            Some((size, hash)) if size == entry.size && hash == entry.sha256 => {}
            _ => return Err(ArchiveError::Hash(name.clone())),
        }
    }
    // A file in the place of a folder of another.
    for path in &paths {
        let mut folder = path.as_str();
        while let Some((above, _)) = folder.rsplit_once('/') {
            folder = above;
            if paths.contains(folder) {
                return Err(ArchiveError::Twice(path.clone()));
            }
        }
    }
    match found.into_keys().next() {
        Some(unknown) => Err(ArchiveError::Hash(unknown)),
        None => Ok(manifest),
    }
}

/// Writes the files of a verified archive below a folder. Each is compared with the manifest once more:
/// the file may have been swapped since.
pub fn unpack(path: &Path, manifest: &Manifest, folder: &Path) -> Told<()> {
    let mut failed = None;
    // What it unpacks to was bounded when it was verified, and so were its files.
    let read = walk(path, ArchiveOrigin::OwnSnapshot, &mut |name, entry| {
        let Some(known) = manifest.files.get(name).filter(|_| failed.is_none()) else {
            return Ok(());
        };
        let mut hash = Sha256::new();
        let mut tee = Tee {
            entry,
            hash: &mut hash,
        };
        if let Err(error) = apply::stage_file(&folder.join(&known.path), &mut tee) {
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
    read.map_err(|refusal| refusal.into_error(path))
}

struct Tee<'t> {
    entry: &'t mut dyn Read,
    hash: &'t mut Sha256,
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.entry.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

fn parse(entry: &mut dyn Read) -> Result<Manifest, ArchiveError> {
    #[derive(serde::Deserialize)]
    struct Version {
        version: u32,
    }
    let mut text = Vec::new();
    entry.take(MAX_MANIFEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_MANIFEST {
        return Err(ArchiveError::Bound(MAX_MANIFEST));
    }
    // The version first: a later format may look otherwise in every other way.
    let Version { version } = serde_json::from_slice(&text).map_err(|_| ArchiveError::NoManifest)?;
    if version > VERSION {
        return Err(ArchiveError::Newer(version));
    }
    serde_json::from_slice(&text).map_err(|_| ArchiveError::NoManifest)
}

/// Walks over the entries. What is no regular file with a plain name, once, ends it.
fn walk(
    path: &Path,
    from: ArchiveOrigin,
    each: &mut dyn FnMut(&str, &mut dyn Read) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let meta = std::fs::metadata(path)?;
    if !meta.is_file() {
        return Err(ArchiveError::Type(path.display().to_string()));
    }
    let packed = Arc::new(AtomicU64::new(0));
    let burst = Arc::new(AtomicU64::new(0));
    let counted = Counted {
        inner: File::open(path)?,
        count: packed.clone(),
    };
    let bounded = Bounded {
        inner: MultiGzDecoder::new(io::BufReader::new(counted)),
        packed: (from == ArchiveOrigin::Untrusted).then_some(packed),
        unpacked: 0,
        burst: burst.clone(),
    };
    let in_bounds = |error: io::Error| match burst.load(Ordering::Relaxed) {
        0 => ArchiveError::Io(error),
        bound => ArchiveError::Bound(bound),
    };
    let mut archive = Archive::new(bounded);
    let mut names = BTreeSet::new();
    // Raw: extensions (long names, sparse files) are entries of types that are refused.
    for entry in archive.entries().map_err(in_bounds)?.raw(true) {
        let mut entry = entry.map_err(in_bounds)?;
        let name = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|e| ArchiveError::Name(String::from_utf8_lossy(e.as_bytes()).into_owned()))?;
        if name != MANIFEST && !name::is_long(&name) {
            name::check(&name)?;
        }
        if !entry.header().entry_type().is_file() {
            return Err(ArchiveError::Type(name));
        }
        if !names.insert(from.folded(&name)) {
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

fn copy(from: &mut dyn Read, to: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
    let mut buffer = vec![0; 64 * 1024];
    let mut size = 0;
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(size),
            read => {
                to(&buffer[..read])?;
                size += read as u64;
            }
        }
    }
}

struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Ends where more comes out than may, for what went in.
struct Bounded<R> {
    inner: R,
    /// What went in, where that bounds what may come out.
    packed: Option<Arc<AtomicU64>>,
    unpacked: u64,
    burst: Arc<AtomicU64>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.unpacked += read as u64;
        let dense = self.packed.as_ref().map_or(MAX_BYTES, |packed| {
            SLACK.saturating_add(packed.load(Ordering::Relaxed).saturating_mul(MAX_RATIO))
        });
        let bound = dense.min(MAX_BYTES);
        if self.unpacked > bound {
            self.burst.store(bound, Ordering::Relaxed);
            return Err(io::Error::other("larger than any instance"));
        }
        Ok(read)
    }
}
