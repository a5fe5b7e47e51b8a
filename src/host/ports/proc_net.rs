//! Reads the kernel's tables of TCP sockets in `/proc/net`, for hosts where `sock_diag(7)` does not answer.

use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use rustix::net::AddressFamily;

use super::sock_diag::TcpEntry;
use crate::host::read;

/// State of a listening TCP socket, as the tables write it.
const TCP_LISTEN: &str = "0A";

/// Returns the listening TCP sockets of one address family; none where the table can't be read.
pub(super) fn listening(family: AddressFamily) -> Vec<TcpEntry> {
    let name = if family == AddressFamily::INET {
        "tcp"
    } else {
        "tcp6"
    };
    // A table grows with the connections of the host, so that it is read line by line.
    let table = read::open(&Path::new("/proc/net").join(name));
    let lines = table.into_iter().flat_map(|table| BufReader::new(table).lines());
    lines
        .map_while(Result::ok)
        .filter_map(|line| parse_listening(&line))
        .collect()
}

/// Returns the socket in a line of a table (proc(5), `/proc/net/tcp`) if it listens.
fn parse_listening(line: &str) -> Option<TcpEntry> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    if *fields.get(3)? != TCP_LISTEN {
        return None;
    }
    let (ip, port) = fields.get(1)?.split_once(':')?;
    Some(TcpEntry {
        ip: parse_ip(ip)?,
        port: u16::from_str_radix(port, 16).ok()?,
        user: fields.get(7)?.parse().ok()?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// Returns the address that is written as one or four numbers, each of which has the bytes of the address in the order in
/// which this processor keeps a number.
fn parse_ip(text: &str) -> Option<IpAddr> {
    let mut bytes = Vec::new();
    for word in text.as_bytes().chunks(8) {
        let digits = std::str::from_utf8(word)
            .ok()
            .filter(|digits| digits.len() == 8)?;
        bytes.extend(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes());
    }
    let v4 = <[u8; 4]>::try_from(&bytes[..]).map(|bytes| Ipv4Addr::from(bytes).into());
    let v6 = || <[u8; 16]>::try_from(&bytes[..]).map(|bytes| Ipv6Addr::from(bytes).into());
    v4.or_else(|_| v6()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listening_sockets_are_taken_from_a_table() {
        let line = |ip: &str, state: &str| {
            format!(
                "   3: {ip}:4965 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 \
                 424242 1 0000000000000000 100 0 0 10 0"
            )
        };
        let (v4, v6) = ([127, 0, 0, 1], Ipv6Addr::LOCALHOST.octets());
        let hex = |bytes: &[u8]| {
            let words = bytes.chunks(4).map(|word| {
                let word = word.try_into().unwrap();
                format!("{:08X}", u32::from_ne_bytes(word))
            });
            words.collect::<String>()
        };
        for (ip, bytes) in [
            (IpAddr::from(v4), hex(&v4)),
            (Ipv6Addr::LOCALHOST.into(), hex(&v6)),
        ] {
            let expected = TcpEntry {
                ip,
                port: 0x4965,
                user: 1000,
                inode: 424_242,
            };
            assert_eq!(parse_listening(&line(&bytes, "0A")), Some(expected));
            assert_eq!(parse_listening(&line(&bytes, "01")), None, "it is connected");
            assert_eq!(parse_listening(&line(&bytes[1..], "0A")), None, "a digit lacks");
        }
        assert_eq!(parse_listening("   4: 0100007F:4965 00000000:0000 0A"), None);
    }
}
