//! What the sending host writes to the receiving one over the standard input of ssh: frames of a kind, a length and a content.

use std::io::{self, Read, Write};

/// Maximum length of the content of a frame, in bytes.
pub(super) const MAX_CONTENT_BYTES: usize = 64 * 1024;
/// Length of the head of a frame: its kind, and the length of its content.
const HEAD_BYTES: usize = 5;

/// A frame of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The instance that is moved, as JSON.
    Offer(Vec<u8>),
    /// A piece of the archive.
    Data(Vec<u8>),
    /// The end of the archive.
    End,
    /// The answer to a tick of the lease.
    Tick(u64),
    /// The word that the gateway is there to stay.
    Keep,
    /// The word that the move is finished on the sending host.
    Done,
}

impl Frame {
    /// Writes a frame.
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let tick;
        let (kind, content): (u8, &[u8]) = match self {
            Self::Offer(bytes) => (b'O', bytes),
            Self::Data(bytes) => (b'D', bytes),
            Self::End => (b'E', &[]),
            Self::Tick(number) => {
                tick = number.to_be_bytes();
                (b'T', &tick)
            }
            Self::Keep => (b'K', &[]),
            Self::Done => (b'F', &[]),
        };
        let length = u32::try_from(content.len()).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(HEAD_BYTES + content.len());
        bytes.push(kind);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(content);
        to.write_all(&bytes)?;
        to.flush()
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// Where the stream ends, or holds something else.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut head = [0; HEAD_BYTES];
        from.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let unknown = || io::Error::new(io::ErrorKind::InvalidData, "no frame of a move");
        if length > MAX_CONTENT_BYTES {
            return Err(unknown());
        }
        let mut content = vec![0; length];
        from.read_exact(&mut content)?;
        match (kind, length) {
            (b'O', _) => Ok(Self::Offer(content)),
            (b'D', _) => Ok(Self::Data(content)),
            (b'E', 0) => Ok(Self::End),
            (b'T', 8) => {
                let number = content.try_into().map_err(|_| unknown())?;
                Ok(Self::Tick(u64::from_be_bytes(number)))
            }
            (b'K', 0) => Ok(Self::Keep),
            (b'F', 0) => Ok(Self::Done),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_is_read_as_it_was_written() {
        let frames = [
            Frame::Offer(b"{}".to_vec()),
            Frame::Data(vec![7; MAX_CONTENT_BYTES]),
            Frame::End,
            Frame::Tick(u64::MAX - 1),
            Frame::Keep,
            Frame::Done,
        ];
        let mut bytes = Vec::new();
        for frame in &frames {
            frame.write(&mut bytes).unwrap();
        }
        let mut rest = &bytes[..];
        for frame in frames {
            assert_eq!(Frame::read(&mut rest).unwrap(), frame);
        }
        assert_eq!(
            Frame::read(&mut rest).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
    }

    #[test]
    fn stream_of_something_else_is_an_error_and_takes_no_memory() {
        for bytes in [
            &b"GET / HTTP/1.1"[..],
            b"D\xff\xff\xff\xff",
            b"K\0\0\0\x01x",
            b"T\0\0\0\x01x",
            b"D\0\0\0\x09x",
        ] {
            assert!(Frame::read(&mut &bytes[..]).is_err(), "{bytes:?}");
        }
    }
}
