//! Asks the kernel for its listening TCP sockets by `sock_diag(7)`.
//!
//! The tables in `/proc/net` hold every connection too, and to read them the kernel walks through a hash table that is
//! large on a machine with much memory: some milliseconds each time. This answer has the listening sockets alone.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustix::fd::OwnedFd;
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

/// Type of the request for sockets of one address family.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// Flags of a request for all sockets that match (`NLM_F_REQUEST | NLM_F_DUMP`).
const DUMP_FLAGS: u16 = 0x301;
/// Types of the messages that end an answer.
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// The transport protocol TCP.
const IPPROTO_TCP: u8 = 6;
/// Number of the state of a listening TCP socket.
const TCP_LISTEN: u8 = 10;
/// Size of the head of a message, in bytes.
const HEAD_SIZE: usize = 16;
/// Size of the request after its head (`struct inet_diag_req_v2`), in bytes.
const REQUEST_SIZE: usize = 56;
/// Size of the buffer for answers, in bytes: as large as the kernel makes them.
const BUFFER_SIZE: usize = 32 * 1024;

/// A listening TCP socket as the kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TcpEntry {
    /// The address that the socket is bound to.
    pub(super) ip: IpAddr,
    /// The port that the socket is bound to.
    pub(super) port: u16,
    /// The id of the user to whom the socket belongs.
    pub(super) user: u32,
    /// The number that the kernel gave to the socket.
    pub(super) inode: u64,
}

/// A connection to the kernel's information about sockets.
pub(super) struct SockDiag(OwnedFd);

impl SockDiag {
    /// Connects to the kernel's information about sockets.
    ///
    /// # Errors
    /// Where the kernel does not offer it, or a sandbox keeps this process from it.
    pub(super) fn open() -> io::Result<Self> {
        let protocol = Some(netlink::SOCK_DIAG);
        let flags = SocketFlags::CLOEXEC;
        let socket = net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?;
        Ok(Self(socket))
    }

    /// Returns the listening TCP sockets of one address family.
    ///
    /// # Errors
    /// What the kernel refused, and an answer that is cut off.
    pub(super) fn listening(&self, family: AddressFamily) -> io::Result<Vec<TcpEntry>> {
        net::send(&self.0, &request(family), SendFlags::empty())?;
        let mut entries = Vec::new();
        let mut buffer = vec![0; BUFFER_SIZE];
        loop {
            // The kernel has its answer ready: nothing is waited for.
            let (_, size) = net::recv(&self.0, &mut buffer[..], RecvFlags::DONTWAIT | RecvFlags::TRUNC)?;
            let answer = buffer.get(..size).filter(|answer| !answer.is_empty());
            if read_answer(answer.ok_or(io::ErrorKind::InvalidData)?, &mut entries)? {
                return Ok(entries);
            }
        }
    }
}

/// Returns the request for the listening TCP sockets of one address family.
fn request(family: AddressFamily) -> Vec<u8> {
    let size = HEAD_SIZE + REQUEST_SIZE;
    let mut bytes = Vec::with_capacity(size);
    bytes.extend(u32::try_from(size).unwrap_or_default().to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(DUMP_FLAGS.to_ne_bytes());
    // The number of the request and the sender's address: there is one request at a time, and the kernel knows both.
    bytes.extend([0; 8]);
    let family = u8::try_from(family.as_raw()).unwrap_or_default();
    bytes.extend([family, IPPROTO_TCP, 0, 0]);
    bytes.extend((1_u32 << TCP_LISTEN).to_ne_bytes());
    bytes.resize(size, 0);
    bytes
}

/// Reads the messages of one part of an answer; returns `true` where the answer ends with it.
fn read_answer(mut answer: &[u8], entries: &mut Vec<TcpEntry>) -> io::Result<bool> {
    while !answer.is_empty() {
        let size = u32::from_ne_bytes(bytes_at(answer, 0)?);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let message = answer.get(HEAD_SIZE..size).ok_or(io::ErrorKind::InvalidData)?;
        match u16::from_ne_bytes(bytes_at(answer, 4)?) {
            NLMSG_DONE => return Ok(true),
            NLMSG_ERROR => {
                let code = i32::from_ne_bytes(bytes_at(message, 0)?);
                return Err(io::Error::from_raw_os_error(code.saturating_neg()));
            }
            SOCK_DIAG_BY_FAMILY => entries.push(read_socket(message)?),
            _ => {}
        }
        // Each message begins at a multiple of 4 bytes.
        answer = answer.get(size.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// Reads what a message says about one socket (`struct inet_diag_msg`).
fn read_socket(message: &[u8]) -> io::Result<TcpEntry> {
    let [family] = bytes_at(message, 0)?;
    let address: [u8; 16] = bytes_at(message, 8)?;
    let ip = if AddressFamily::from_raw(family.into()) == AddressFamily::INET {
        let [a, b, c, d, ..] = address;
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    } else {
        IpAddr::V6(Ipv6Addr::from(address))
    };
    Ok(TcpEntry {
        ip,
        port: u16::from_be_bytes(bytes_at(message, 4)?),
        user: u32::from_ne_bytes(bytes_at(message, 64)?),
        inode: u32::from_ne_bytes(bytes_at(message, 68)?).into(),
    })
}

/// Returns the bytes of a value at a position in a message.
fn bytes_at<const N: usize>(message: &[u8], position: usize) -> io::Result<[u8; N]> {
    let bytes = message.get(position..position + N);
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_that_is_cut_off_or_an_error_is_no_list_of_sockets() {
        let mut entries = Vec::new();
        let message = |size: u32, kind: u16, content: &[u8]| {
            let mut bytes = size.to_ne_bytes().to_vec();
            bytes.extend(kind.to_ne_bytes());
            bytes.extend([0; 10]);
            bytes.extend(content);
            bytes
        };
        let mut read = |bytes: &[u8]| read_answer(bytes, &mut entries).map_err(|e| e.kind());
        let denied = message(20, NLMSG_ERROR, &(-13_i32).to_ne_bytes());
        assert_eq!(read(&denied), Err(io::ErrorKind::PermissionDenied));
        let invalid = Err(io::ErrorKind::InvalidData);
        assert_eq!(read(&[1, 2]), invalid);
        assert_eq!(
            read(&message(8, NLMSG_DONE, &[])),
            invalid,
            "shorter than its head"
        );
        assert_eq!(read(&message(90, SOCK_DIAG_BY_FAMILY, &[0; 20])), invalid);
        assert_eq!(read(&message(36, SOCK_DIAG_BY_FAMILY, &[0; 20])), invalid);
        assert_eq!(read(&message(16, NLMSG_DONE, &[])), Ok(true));
        assert_eq!(read(&message(16, 99, &[])), Ok(false), "more follows");
        assert!(entries.is_empty());
    }
}
