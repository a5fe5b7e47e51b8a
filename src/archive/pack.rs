//! Packs files into an archive.

use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use super::file_set::ArchiveSource;
use super::ratio_limited_writer::RatioLimitedWriter;
use super::{ArchiveEntry, MANIFEST, Manifest};
use crate::host::read;

/// Writes an archive of these files of an instance to `to`. Returns the manifest with its files filled in.
///
/// # Errors
/// When a file can't be read or has become shorter meanwhile, or `to` fails.
pub(crate) fn pack(
    to: impl Write,
    mut manifest: Manifest,
    sources: &[ArchiveSource],
) -> io::Result<Manifest> {
    let mut tar = Builder::new(RatioLimitedWriter::new(to));
    for source in sources {
        let (mut file, size) = open(source)?;
        let (mut header, name) = header_and_name(&source.path, size, manifest.files.len())?;
        // A session that grows meanwhile is kept as far as it was; one that shrinks is refused below.
        let mut hashing = HashingReader {
            inner: file.by_ref().take(size),
            hash: Sha256::new(),
            read: 0,
        };
        header.set_cksum();
        tar.append(&header, &mut hashing)?;
        if hashing.read != size {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                source.file.display().to_string(),
            ));
        }
        let entry = ArchiveEntry {
            path: source.path.clone(),
            size,
            sha256: hex::encode(hashing.hash.finalize()),
        };
        manifest.files.insert(name, entry);
    }
    let text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::other)?;
    let mut header = file_header(text.len() as u64);
    header.set_path(MANIFEST)?;
    header.set_cksum();
    tar.append(&header, &text[..])?;
    tar.into_inner()?.finish()?.flush()?;
    Ok(manifest)
}

/// Opens a file to be packed into an archive, and returns its content and size.
fn open(source: &ArchiveSource) -> io::Result<(Box<dyn Read + '_>, u64)> {
    if let Some(bytes) = &source.bytes {
        return Ok((Box::new(&bytes[..]), bytes.len() as u64));
    }
    let file = read::open(&source.file)?;
    let size = file.metadata()?.len();
    Ok((Box::new(file), size))
}

/// Returns the tar header of a regular file, without its name.
fn file_header(size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(size);
    header
}

/// Returns the tar header of a file with its name in the archive. A path that is too long for tar is replaced by a
/// number.
fn header_and_name(path: &str, size: u64, number: usize) -> io::Result<(Header, String)> {
    let mut header = file_header(size);
    if header.set_path(path).is_ok() {
        return Ok((header, path.to_owned()));
    }
    let name = format!("long/{number}");
    header.set_path(&name)?;
    Ok((header, name))
}

/// Hashes and counts the bytes of an archive's file that are read through it.
struct HashingReader<R> {
    inner: R,
    hash: Sha256,
    read: u64,
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.read += read as u64;
        Ok(read)
    }
}
