//! The network of a client's address, which counts as one client wherever the gateway limits what one client may do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Returns the network of an IP address that counts as one client: an IPv4 address itself, the /64 network of an IPv6
/// address, since whoever has one address there has 2^64, and one address for all of loopback, since every program on
/// this machine can use any of 127.0.0.0/8 and `::1`.
pub(crate) fn client_network(ip: IpAddr) -> IpAddr {
    let ip = ip.to_canonical();
    if ip.is_loopback() {
        return Ipv4Addr::LOCALHOST.into();
    }
    match ip {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
        IpAddr::V4(_) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_loopback_are_one_network() {
        let network = |ip: &str| client_network(ip.parse().unwrap()).to_string();
        for near in [
            "127.0.0.1",
            "127.0.0.2",
            "127.255.255.254",
            "::1",
            "::ffff:127.0.0.9",
        ] {
            assert_eq!(network(near), "127.0.0.1", "{near}");
        }
        assert_eq!(network("10.0.0.2"), "10.0.0.2");
        assert_eq!(network("::ffff:10.0.0.2"), "10.0.0.2");
        assert_eq!(network("2001:db8::2:3"), "2001:db8::");
    }
}
