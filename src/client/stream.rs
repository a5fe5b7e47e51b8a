//! A connection with one deadline for everything that is done on it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::failure::Failure;

/// A TCP connection whose reads and writes fail with [`ErrorKind::TimedOut`] once the deadline is over.
#[derive(Debug)]
pub struct Timed {
    stream: TcpStream,
    deadline: Instant,
}

impl Timed {
    /// Connects to the first of these addresses that takes it.
    pub fn connect(addresses: &[SocketAddr], deadline: Instant) -> Result<(Self, SocketAddr), Failure> {
        let mut failure = Failure::Unreachable(ErrorKind::AddrNotAvailable.into());
        for address in addresses {
            let left = left(deadline).ok_or(Failure::Slow)?;
            match TcpStream::connect_timeout(address, left) {
                Ok(stream) => {
                    // Frames are small and wait for each other.
                    let _ = stream.set_nodelay(true);
                    return Ok((Self { stream, deadline }, *address));
                }
                Err(error) if error.kind() == ErrorKind::TimedOut => failure = Failure::Slow,
                Err(error) => failure = Failure::Unreachable(error),
            }
        }
        Err(failure)
    }

    /// Fails where the deadline is over.
    pub(super) fn in_time(&self) -> Result<(), Failure> {
        left(self.deadline).map(|_| ()).ok_or(Failure::Slow)
    }

    fn left(&self) -> io::Result<Duration> {
        left(self.deadline).ok_or_else(|| ErrorKind::TimedOut.into())
    }
}

fn left(deadline: Instant) -> Option<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left)
}

/// Unix says "would block" where a socket's time is over.
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock {
        ErrorKind::TimedOut.into()
    } else {
        error
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(buffer).map_err(timed_out)
    }
}

impl Write for Timed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(buffer).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
