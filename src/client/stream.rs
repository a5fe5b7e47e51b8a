//! A TCP connection with one deadline for all its reads and writes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::failure::ClientFailure;

/// A TCP connection to a gateway whose reads and writes fail with [`ErrorKind::TimedOut`] after the deadline.
#[derive(Debug)]
pub(crate) struct DeadlineStream {
    stream: TcpStream,
    deadline: Instant,
}

impl DeadlineStream {
    /// Connects to the first of a gateway's addresses that accepts the TCP connection, and returns that address.
    pub(crate) fn connect(
        addresses: &[SocketAddr],
        deadline: Instant,
    ) -> Result<(Self, SocketAddr), ClientFailure> {
        let mut failure = ClientFailure::Unreachable(ErrorKind::AddrNotAvailable.into());
        for address in addresses {
            let left = remaining(deadline).ok_or(ClientFailure::TimedOut)?;
            match TcpStream::connect_timeout(address, left) {
                Ok(stream) => {
                    // Frames are small, and each waits for the answer to the one before.
                    let _ = stream.set_nodelay(true);
                    return Ok((Self { stream, deadline }, *address));
                }
                Err(error) if error.kind() == ErrorKind::TimedOut => failure = ClientFailure::TimedOut,
                Err(error) => failure = ClientFailure::Unreachable(error),
            }
        }
        Err(failure)
    }

    /// Sets another deadline.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    /// Returns [`ClientFailure::TimedOut`] where the deadline of a gateway call has passed.
    pub(super) fn check_deadline(&self) -> Result<(), ClientFailure> {
        remaining(self.deadline)
            .map(|_| ())
            .ok_or(ClientFailure::TimedOut)
    }

    fn remaining(&self) -> io::Result<Duration> {
        remaining(self.deadline).ok_or_else(|| ErrorKind::TimedOut.into())
    }
}

/// Returns the time until the deadline of a gateway call, or `None` after it.
fn remaining(deadline: Instant) -> Option<Duration> {
    let remaining = deadline.saturating_duration_since(Instant::now());
    (!remaining.is_zero()).then_some(remaining)
}

/// Converts the error "would block", with which Unix reports the timeout of a socket, to [`ErrorKind::TimedOut`].
fn as_timed_out(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock {
        ErrorKind::TimedOut.into()
    } else {
        error
    }
}

impl Read for DeadlineStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.remaining()?))?;
        self.stream.read(buffer).map_err(as_timed_out)
    }
}

impl Write for DeadlineStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.remaining()?))?;
        self.stream.write(buffer).map_err(as_timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
