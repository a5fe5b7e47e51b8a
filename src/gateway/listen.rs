//! Where a gateway listens: the addresses of its bind mode, and the listeners on them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;

use crate::answers::Bind;
use crate::error::{Error, Result};
use crate::host::{Host, is_address_unavailable};
use crate::i18n::msg;
use crate::instance::Instance;
use crate::ports::{LOOPBACK, Role};
use crate::settings::Settings;

const EVERY: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    IpAddr::V6(Ipv6Addr::UNSPECIFIED),
];
/// Files that container engines leave in every container of theirs.
const CONTAINER_MARKS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];
/// The name servers that every tailnet has: whoever is in one has a way to them.
const TAILNET_SERVERS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 100)),
    IpAddr::V6(Ipv6Addr::new(0xfd7a, 0x115c, 0xa1e0, 0, 0, 0, 0, 0x53)),
];

/// An address that could not be bound.
#[derive(Debug)]
pub struct Unbound {
    /// The address.
    pub address: SocketAddr,
    /// What the system said.
    pub cause: std::io::Error,
}

impl Unbound {
    /// Whether somebody else listens there.
    pub fn is_held(&self) -> bool {
        self.cause.kind() == std::io::ErrorKind::AddrInUse
    }
}

/// The addresses on which one of its ports is served. Its own clients look on loopback, so that is always
/// among them. Every other port than the base one is there only: browser control by its nature
/// (docs/openclaw.md#listening-ports), the canvas since its router answers to loopback names alone.
pub fn addresses(host: &Host, instance: &Instance, settings: &Settings, role: Role) -> Result<Vec<IpAddr>> {
    if role != Role::Base {
        return Ok(LOOPBACK.to_vec());
    }
    let beside_loopback = |ips: Vec<IpAddr>| {
        let mut all = LOOPBACK.to_vec();
        all.extend(ips.into_iter().filter(|ip| !LOOPBACK.contains(ip)));
        all
    };
    Ok(match settings.bind {
        Bind::Lan => EVERY.to_vec(),
        Bind::Auto if is_container() => EVERY.to_vec(),
        Bind::Auto | Bind::Loopback => LOOPBACK.to_vec(),
        Bind::Custom => match settings.bind_host {
            Some(ip) if ip.is_unspecified() => match ip {
                IpAddr::V4(_) => vec![ip, LOOPBACK[1]],
                IpAddr::V6(_) => vec![ip, LOOPBACK[0]],
            },
            ip => beside_loopback(ip.into_iter().collect()),
        },
        Bind::Tailnet => {
            let own = TAILNET_SERVERS
                .iter()
                .filter_map(|ip| host.local_address_towards(*ip));
            let own: Vec<_> = own.filter(|ip| is_tailnet(*ip)).collect();
            if own.is_empty() {
                return Err(Error::blocked(msg!("gateway.no-tailnet"))
                    .hint(msg!("gateway.hint-tailnet"))
                    .hint(msg!("gateway.hint-loopback", command = instance.command())));
            }
            beside_loopback(own)
        }
    })
}

/// Listens on every one of these addresses that this host has: one without IPv6 is fine, an address that
/// was named and is missing is not.
pub fn listen(host: &Host, ips: &[IpAddr], port: u16) -> Result<Vec<TcpListener>, Unbound> {
    let mut listeners = Vec::new();
    for ip in ips {
        let address = SocketAddr::new(*ip, port);
        match host.listen(address) {
            Ok(listener) => listeners.push(listener),
            Err(e) if is_address_unavailable(&e) && ip.is_ipv6() && is_general(*ip) => {}
            Err(cause) => return Err(Unbound { address, cause }),
        }
    }
    Ok(listeners)
}

/// Whether an address is every host's, and nobody's choice.
fn is_general(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}

/// `100.64.0.0/10` and `fd7a:115c:a1e0::/48`.
fn is_tailnet(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64,
        IpAddr::V6(ip) => ip.segments()[..3] == [0xfd7a, 0x115c, 0xa1e0],
    }
}

fn is_container() -> bool {
    CONTAINER_MARKS.iter().any(|mark| Path::new(mark).exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::ProfileName;
    use crate::settings::{PortFrom, Proof};

    fn on(bind: Bind, bind_host: Option<&str>, role: Role) -> Result<Vec<IpAddr>> {
        let host = Host::fixed(&[], [("", ""); 0]);
        let instance = Instance::canonical(Path::new("/h"), ProfileName::parse("rescue").unwrap());
        let settings = Settings {
            port: 19789,
            port_from: PortFrom::Config,
            bind,
            bind_host: bind_host.map(|ip| ip.parse().unwrap()),
            proof: Proof::None,
        };
        addresses(&host, &instance, &settings, role)
    }

    #[test]
    fn every_mode_serves_loopback_too() {
        let cases = [
            (Bind::Loopback, None, "127.0.0.1 ::1"),
            (Bind::Lan, None, "0.0.0.0 ::"),
            (Bind::Custom, Some("192.0.2.7"), "127.0.0.1 ::1 192.0.2.7"),
            (Bind::Custom, Some("127.0.0.1"), "127.0.0.1 ::1"),
            (Bind::Custom, Some("0.0.0.0"), "0.0.0.0 ::1"),
            (Bind::Custom, Some("::"), ":: 127.0.0.1"),
        ];
        for (bind, host, expected) in cases {
            let ips = on(bind, host, Role::Base).unwrap();
            let ips: Vec<_> = ips.iter().map(ToString::to_string).collect();
            assert_eq!(ips.join(" "), expected, "{} {host:?}", bind.name());
        }
    }

    #[test]
    fn only_the_base_port_is_served_beyond_this_host() {
        for bind in [Bind::Lan, Bind::Custom, Bind::Tailnet] {
            for role in [Role::BrowserControl, Role::Canvas] {
                assert_eq!(on(bind, Some("192.0.2.7"), role).unwrap(), LOOPBACK);
            }
        }
    }

    #[test]
    fn addresses_of_a_tailnet_are_known() {
        let is = |ip: &str| is_tailnet(ip.parse().unwrap());
        for own in ["100.64.0.1", "100.127.255.254", "fd7a:115c:a1e0::1"] {
            assert!(is(own), "{own}");
        }
        for other in ["100.63.0.1", "100.128.0.1", "192.168.0.1", "fd7a:115c:a1e1::1"] {
            assert!(!is(other), "{other}");
        }
    }

    #[test]
    fn an_address_that_was_named_must_be_there() {
        let host = Host::fixed(&[], [("", ""); 0]);
        let missing = "2001:db8::7".parse().unwrap();
        let port = host.pick_unused_port().unwrap();
        assert!(listen(&host, &[missing], port).is_err());
        assert!(!listen(&host, &LOOPBACK, port).unwrap().is_empty());
    }
}
