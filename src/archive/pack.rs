//! Making an archive.

use std::fs::File;
use std::io::{self, Read, Write};

use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use super::gentle::Gentle;
use super::{ArchiveEntry, ArchiveSource, MANIFEST, Manifest};

/// Writes an archive of these files; the manifest that it got comes back.
pub fn pack(to: impl Write, mut manifest: Manifest, sources: &[ArchiveSource]) -> io::Result<Manifest> {
    let mut tar = Builder::new(Gentle::new(to));
    for source in sources {
        let mut file: Box<dyn Read> = match &source.bytes {
            Some(bytes) => Box::new(&bytes[..]),
            None => Box::new(File::open(&source.file)?),
        };
        let size = match &source.bytes {
            Some(bytes) => bytes.len() as u64,
            None => std::fs::metadata(&source.file)?.len(),
        };
        let (mut header, name) = header(&source.path, size, manifest.files.len())?;
        // A session that grows meanwhile is kept as far as it was; one that shrinks is filled up to be refused.
        let mut hashed = Hashed {
            inner: file.by_ref().take(size),
            hash: Sha256::new(),
            read: 0,
        };
        header.set_cksum();
        tar.append(&header, &mut hashed)?;
        if hashed.read != size {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                source.file.display().to_string(),
            ));
        }
        let entry = ArchiveEntry {
            path: source.path.clone(),
            size,
            sha256: hex::encode(hashed.hash.finalize()),
        };
        manifest.files.insert(name, entry);
    }
    let text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::other)?;
    let mut header = plain(text.len() as u64);
    header.set_path(MANIFEST)?;
    header.set_cksum();
    tar.append(&header, &text[..])?;
    tar.into_inner()?.finish()?.flush()?;
    Ok(manifest)
}

fn plain(size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_size(size);
    header
}

/// The header of a file; a path that is too long for one goes by a number.
fn header(path: &str, size: u64, number: usize) -> io::Result<(Header, String)> {
    let mut header = plain(size);
    if header.set_path(path).is_ok() {
        return Ok((header, path.to_owned()));
    }
    let name = format!("long/{number}");
    header.set_path(&name)?;
    Ok((header, name))
}

struct Hashed<R> {
    inner: R,
    hash: Sha256,
    read: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.read += read as u64;
        Ok(read)
    }
}
