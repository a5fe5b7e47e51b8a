//! Locks on byte ranges of files on Windows: none. A database that another process has open is refused there, by the
//! files that lie beside it. Not tested: this project is built on Linux.

#![expect(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    reason = "on Unix they lock, and can fail"
)]

use std::fs::File;
use std::io;
use std::path::Path;

use crate::host::read;

/// A range of bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByteRange;

impl ByteRange {
    pub(super) const fn new(_start: i64, _len: i64) -> Self {
        Self
    }
}

/// The access with which a file of a database is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Exclusive,
}

/// An open file of a database.
#[derive(Debug)]
pub(super) struct DatabaseFile(File);

impl DatabaseFile {
    pub(super) fn open(path: &Path, access: Access) -> io::Result<Self> {
        if access == Access::Exclusive {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        read::open(path).map(Self)
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.0
    }

    pub(super) fn lock_shared(&self, _range: ByteRange) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn lock_exclusive(&self, _range: ByteRange) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn unlock(&self, _range: ByteRange) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn is_locked_by_another(&self, _range: ByteRange) -> io::Result<bool> {
        Ok(false)
    }
}
