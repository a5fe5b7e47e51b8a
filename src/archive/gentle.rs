//! A packer that never packs more densely than a reader takes from anybody.
//!
//! A sparse file of a gigabyte packs a thousand times, as a bomb does. Where an archive becomes too dense, the
//! next piece of it is stored as it is, in a member of its own: the format is gzip all the same.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::unpack::{MAX_RATIO, SLACK};

/// How much is packed between two looks at the density, in bytes.
const PIECE: usize = 64 * 1024;

/// A writer of gzip, bounded in its density to half of what readers take.
pub(super) struct Gentle<W: Write> {
    member: Option<GzEncoder<Counted<W>>>,
    stored: bool,
    unpacked: u64,
}

impl<W: Write> Gentle<W> {
    pub(super) fn new(to: W) -> Self {
        let counted = Counted { to, count: 0 };
        Self {
            member: Some(GzEncoder::new(counted, Compression::fast())),
            stored: false,
            unpacked: 0,
        }
    }

    /// Ends the archive.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let member = self.member.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(member.finish()?.to)
    }

    /// The member for the next piece.
    fn next(&mut self) -> io::Result<&mut GzEncoder<Counted<W>>> {
        let member = self.member.take().ok_or(io::ErrorKind::BrokenPipe)?;
        // What the member still holds back is not counted: the archive is at most as dense as it seems.
        let packed = member.get_ref().count;
        let dense = self.unpacked > SLACK / 2 + packed.saturating_mul(MAX_RATIO / 2);
        let member = if dense == self.stored {
            member
        } else {
            self.stored = dense;
            let level = if dense {
                Compression::none()
            } else {
                Compression::fast()
            };
            GzEncoder::new(member.finish()?, level)
        };
        Ok(self.member.insert(member))
    }
}

impl<W: Write> Write for Gentle<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = &bytes[..bytes.len().min(PIECE)];
        let written = self.next()?.write(piece)?;
        self.unpacked += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.member.as_mut().map_or(Ok(()), Write::flush)
    }
}

struct Counted<W> {
    to: W,
    count: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_packs_too_well_is_stored_and_comes_back_as_it_was() {
        let whole = vec![0; usize::try_from(SLACK).unwrap() * 3];
        let mut gentle = Gentle::new(Vec::new());
        gentle.write_all(b"words first").unwrap();
        gentle.write_all(&whole).unwrap();
        gentle.write_all(b"words last").unwrap();
        let packed = gentle.finish().unwrap();
        assert!(packed.len() as u64 * MAX_RATIO + SLACK > whole.len() as u64);
        assert!(packed.len() < whole.len() / 10, "{}", packed.len());
        let mut back = Vec::new();
        flate2::read::MultiGzDecoder::new(&packed[..])
            .read_to_end(&mut back)
            .unwrap();
        assert_eq!(back.len(), whole.len() + 21);
        assert!(back.starts_with(b"words first\0") && back.ends_with(b"\0words last"));
    }
}
