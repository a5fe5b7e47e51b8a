//! A gzip writer whose output is never denser than readers accept from an untrusted archive.
//!
//! A sparse file of a gigabyte packs a thousand times, as a zip bomb does. Where an archive becomes too dense, the next
//! piece is stored as it is, in a gzip member of its own: the format is gzip all the same.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use super::unpack::{MAX_RATIO, RATIO_FREE_BYTES};

/// Number of bytes that are packed into an archive between two checks of its compression ratio.
const CHECK_INTERVAL_BYTES: usize = 64 * 1024;

/// A gzip writer of an archive that limits its compression ratio to half of what readers accept.
pub(super) struct RatioLimitedWriter<W: Write> {
    /// The current gzip member; `None` only after an error.
    member: Option<GzEncoder<CountingWriter<W>>>,
    /// True when the current member stores its bytes without compression.
    is_storing: bool,
    /// Number of bytes that were written into the archive so far.
    unpacked: u64,
}

impl<W: Write> RatioLimitedWriter<W> {
    /// Returns a writer of a compressed archive to `to`. `comment` stands in the first bytes of the archive, as text that
    /// nothing packs.
    pub(super) fn new(to: W, comment: &str) -> Self {
        let counting = CountingWriter { to, count: 0 };
        let first = GzBuilder::new().comment(comment);
        Self {
            member: Some(first.write(counting, Compression::fast())),
            is_storing: false,
            unpacked: 0,
        }
    }

    /// Finishes the compressed archive and returns the writer that it was written to.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let member = self.member.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(member.finish()?.to)
    }

    /// Returns the gzip member for the next piece of a compressed archive.
    fn next_member(&mut self) -> io::Result<&mut GzEncoder<CountingWriter<W>>> {
        let member = self.member.take().ok_or(io::ErrorKind::BrokenPipe)?;
        // What the member still holds back is not counted: the archive is at most as dense as it seems.
        let packed = member.get_ref().count;
        let is_dense = self.unpacked > RATIO_FREE_BYTES / 2 + packed.saturating_mul(MAX_RATIO / 2);
        let member = if is_dense == self.is_storing {
            member
        } else {
            self.is_storing = is_dense;
            let level = if is_dense {
                Compression::none()
            } else {
                Compression::fast()
            };
            GzEncoder::new(member.finish()?, level)
        };
        Ok(self.member.insert(member))
    }
}

impl<W: Write> Write for RatioLimitedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = &bytes[..bytes.len().min(CHECK_INTERVAL_BYTES)];
        let written = self.next_member()?.write(piece)?;
        self.unpacked += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.member.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// Counts the bytes of a compressed archive that are written through it.
struct CountingWriter<W> {
    to: W,
    count: u64,
}

impl<W: Write> Write for CountingWriter<W> {
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
    fn what_packs_too_densely_is_stored_and_unpacks_to_the_same_bytes() {
        let whole = vec![0; usize::try_from(RATIO_FREE_BYTES).unwrap() * 3];
        let mut writer = RatioLimitedWriter::new(Vec::new(), "");
        writer.write_all(b"words first").unwrap();
        writer.write_all(&whole).unwrap();
        writer.write_all(b"words last").unwrap();
        let packed = writer.finish().unwrap();
        assert!(packed.len() as u64 * MAX_RATIO + RATIO_FREE_BYTES > whole.len() as u64);
        assert!(packed.len() < whole.len() / 10, "{}", packed.len());
        let mut back = Vec::new();
        flate2::read::MultiGzDecoder::new(&packed[..])
            .read_to_end(&mut back)
            .unwrap();
        assert_eq!(back.len(), whole.len() + 21);
        assert!(back.starts_with(b"words first\0") && back.ends_with(b"\0words last"));
    }
}
