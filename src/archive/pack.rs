//! Packs files into an archive.

use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use super::file_set::{ArchiveSource, FileSet, SourceContent};
use super::listing::unreadable;
use super::ratio_limited_writer::RatioLimitedWriter;
use super::sqlite::LockedDatabase;
use super::unpack::verify_written;
use super::{ArchiveEntry, MANIFEST, Manifest};
use crate::apply;
use crate::error::{Error, Result};
use crate::host::read;
use crate::i18n::msg;

/// Permission bits (mode) of a file in an archive.
const FILE_MODE: u32 = 0o600;
/// Permission bits (mode) of an executable file in an archive.
const EXECUTABLE_MODE: u32 = 0o700;

/// Writes an archive of these files of an instance to a new file. Returns the manifest with its files filled in.
///
/// The archive is read back before it gets its name: one that can't be restored is none.
///
/// # Errors
/// When a file can't be read or has become shorter meanwhile, a database is in use by a process that shares it with
/// nobody, or the archive can't be written. Nothing is left then.
pub(crate) fn create(path: &Path, manifest: Manifest, files: &FileSet) -> Result<Manifest> {
    apply::create_file(path, |file| {
        let manifest = pack(path, &mut *file, manifest, files)?;
        verify_written(file, &manifest).map_err(|error| error.into_error(path))?;
        Ok(manifest)
    })
}

/// Writes an archive of these files of an instance to `to`, which messages name as `path`. Returns the manifest with its files filled
/// in. The manifest is the last entry, so that an archive which was cut short has none.
///
/// # Errors
/// As for [`create`].
pub(crate) fn pack(path: &Path, to: impl Write, mut manifest: Manifest, files: &FileSet) -> Result<Manifest> {
    let written = |cause: io::Error| apply::write_error(path, cause);
    manifest.set_links(files.links.clone());
    manifest.folders.clone_from(&files.empty_folders);
    let mut packer = Packer {
        path,
        tar: Builder::new(RatioLimitedWriter::new(to, &manifest.reason)),
        manifest,
    };
    for source in &files.sources {
        packer.add(source)?;
    }
    let Packer {
        mut tar, manifest, ..
    } = packer;
    let text = serde_json::to_vec_pretty(&manifest).map_err(|e| written(io::Error::other(e)))?;
    let mut header = file_header(text.len() as u64, FILE_MODE);
    header
        .set_path(MANIFEST)
        .and_then(|()| {
            header.set_cksum();
            tar.append(&header, &text[..])
        })
        .and_then(|()| tar.into_inner()?.finish()?.flush())
        .map_err(written)?;
    Ok(manifest)
}

/// An archive of an instance that is being written.
struct Packer<'a, W: Write> {
    path: &'a Path,
    tar: Builder<RatioLimitedWriter<W>>,
    manifest: Manifest,
}

impl<W: Write> Packer<'_, W> {
    /// Adds a file to an archive. One that was removed since it was listed is no part of the instance any more.
    fn add(&mut self, source: &ArchiveSource) -> Result<()> {
        let is_executable = source.is_executable;
        match &source.content {
            SourceContent::Bytes(bytes) => self.append(
                source,
                &source.path,
                &mut &bytes[..],
                bytes.len() as u64,
                is_executable,
            ),
            SourceContent::Database => self.add_database(source),
            SourceContent::File => match read::open(&source.file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                opened => {
                    let sized = opened.and_then(|file| Ok((file.metadata()?.len(), file)));
                    let (size, mut file) = sized.map_err(|cause| unreadable(&source.file, cause))?;
                    self.append(source, &source.path, &mut file, size, is_executable)
                }
            },
        }
    }

    /// Adds a database to an archive, as it is between two transactions, with its log.
    fn add_database(&mut self, source: &ArchiveSource) -> Result<()> {
        let failed = |cause: io::Error| match cause.kind() {
            io::ErrorKind::WouldBlock => {
                Error::failed(msg!("archive.database-busy", path = source.file.display()))
                    .hint(msg!("archive.stop-writer"))
            }
            _ => unreadable(&source.file, cause),
        };
        let mut database = match LockedDatabase::open(&source.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(failed)?,
        };
        // First, while it is short: it grows for as long as checkpoints are kept out.
        let log = database.log().map_err(failed)?;
        let (mut file, size) = database.content().map_err(failed)?;
        self.append(source, &source.path, &mut file, size, false)?;
        if let Some((ending, bytes)) = log {
            let path = format!("{}{ending}", source.path);
            self.append(source, &path, &mut &bytes[..], bytes.len() as u64, false)?;
        }
        Ok(())
    }

    /// Adds an entry of `size` bytes to an archive. A file that grows meanwhile is kept as far as it was.
    fn append(
        &mut self,
        source: &ArchiveSource,
        path: &str,
        content: &mut dyn Read,
        size: u64,
        is_executable: bool,
    ) -> Result<()> {
        let mode = if is_executable { EXECUTABLE_MODE } else { FILE_MODE };
        let number = self.manifest.files.len();
        let (mut header, name) = header_and_name(path, size, mode, number)
            .map_err(|cause| apply::write_error(self.path, cause))?;
        let mut hashing = HashingReader {
            inner: content.take(size),
            hash: Sha256::new(),
            count: 0,
            failure: None,
        };
        header.set_cksum();
        let appended = self.tar.append(&header, &mut hashing);
        if let Some(cause) = hashing.failure {
            return Err(unreadable(&source.file, cause));
        }
        appended.map_err(|cause| apply::write_error(self.path, cause))?;
        if hashing.count != size {
            return Err(unreadable(&source.file, io::ErrorKind::UnexpectedEof.into()));
        }
        let entry = ArchiveEntry {
            path: path.to_owned(),
            size,
            sha256: hex::encode(hashing.hash.finalize()),
            executable: is_executable,
        };
        self.manifest.files.insert(name, entry);
        Ok(())
    }
}

/// Returns the tar header of a regular file, without its name.
fn file_header(size: u64, mode: u32) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(mode);
    header.set_size(size);
    header
}

/// Returns the tar header of a file with its name in the archive. A path that is too long for tar is replaced by a
/// number.
fn header_and_name(path: &str, size: u64, mode: u32, number: usize) -> io::Result<(Header, String)> {
    let mut header = file_header(size, mode);
    if header.set_path(path).is_ok() {
        return Ok((header, path.to_owned()));
    }
    let name = format!("long/{number}");
    header.set_path(&name)?;
    Ok((header, name))
}

/// Hashes and counts the bytes of an archive's file that are read through it, and keeps the error that ends the reading.
struct HashingReader<R> {
    inner: R,
    hash: Sha256,
    count: u64,
    failure: Option<io::Error>,
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.inner.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                self.failure = Some(error);
                return Err(io::ErrorKind::Other.into());
            }
            read => read?,
        };
        self.hash.update(&buffer[..read]);
        self.count += read as u64;
        Ok(read)
    }
}
