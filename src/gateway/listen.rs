//! The addresses that a gateway listens on, by its bind mode, and the listeners on them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;

use crate::answers::Bind;
use crate::error::{Error, Result};
use crate::host::{Host, is_address_unavailable};
use crate::i18n::msg;
use crate::instance::Instance;
use crate::ports::{LOOPBACK, Port, Role};
use crate::settings::Settings;

/// The two IP addresses, for IPv4 and IPv6, that mean every network interface.
const ALL_INTERFACES: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    IpAddr::V6(Ipv6Addr::UNSPECIFIED),
];
/// Files that container engines create in each of their containers.
const CONTAINER_MARKER_FILES: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];
/// The IP addresses of the name servers of every tailnet: a host that is in a tailnet has a route to them.
const TAILNET_SERVERS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 100)),
    IpAddr::V6(Ipv6Addr::new(0xfd7a, 0x115c, 0xa1e0, 0, 0, 0, 0, 0x53)),
];

/// The error that the gateway could not bind a network address.
#[derive(Debug)]
pub(crate) struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// The error of the system.
    pub cause: std::io::Error,
}

impl BindError {
    /// Returns whether the address could not be bound because another process listens on it.
    pub(crate) fn is_in_use(&self) -> bool {
        self.cause.kind() == std::io::ErrorKind::AddrInUse
    }
}

/// Returns the addresses on which one port of a gateway is served. Loopback is always among them: the
/// instance's own clients connect there. The derived ports are served on loopback only: browser control by its
/// nature (docs/openclaw.md#listening-ports), the canvas since its routes accept loopback names only.
///
/// # Errors
/// The bind mode is `tailnet`, and this host is in none.
pub(crate) fn listen_addresses(
    host: &Host,
    instance: &Instance,
    settings: &Settings,
    role: Role,
) -> Result<Vec<IpAddr>> {
    if role != Role::Base {
        return Ok(LOOPBACK.to_vec());
    }
    let with_loopback = |ips: Vec<IpAddr>| {
        let mut all = LOOPBACK.to_vec();
        all.extend(ips.into_iter().filter(|ip| !LOOPBACK.contains(ip)));
        all
    };
    Ok(match settings.bind {
        Bind::Lan => ALL_INTERFACES.to_vec(),
        Bind::Auto if is_container() => ALL_INTERFACES.to_vec(),
        Bind::Auto | Bind::Loopback => LOOPBACK.to_vec(),
        Bind::Custom => match settings.bind_host {
            Some(ip) if ip.is_unspecified() => match ip {
                IpAddr::V4(_) => vec![ip, LOOPBACK[1]],
                IpAddr::V6(_) => vec![ip, LOOPBACK[0]],
            },
            ip => with_loopback(ip.into_iter().collect()),
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
            with_loopback(own)
        }
    })
}

/// Listens on one port of the gateway at each of the given IP addresses. A host without IPv6 has no IPv6 loopback,
/// which is skipped; a configured address that this host does not have is an error.
pub(crate) fn listen(host: &Host, ips: &[IpAddr], port: Port) -> Result<Vec<TcpListener>, BindError> {
    let mut listeners = Vec::new();
    for ip in ips {
        let address = SocketAddr::new(*ip, port.get());
        match host.listen(address) {
            Ok(listener) => listeners.push(listener),
            Err(e) if is_address_unavailable(&e) && ip.is_ipv6() && is_universal(*ip) => {}
            Err(cause) => return Err(BindError { address, cause }),
        }
    }
    Ok(listeners)
}

/// Returns whether an IP address exists on every host, so that no user configured it as this host's.
fn is_universal(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}

/// Returns whether an IP address belongs to a tailnet: `100.64.0.0/10` and `fd7a:115c:a1e0::/48`.
fn is_tailnet(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64,
        IpAddr::V6(ip) => ip.segments()[..3] == [0xfd7a, 0x115c, 0xa1e0],
    }
}

/// Returns whether this process runs in a container.
fn is_container() -> bool {
    CONTAINER_MARKER_FILES.iter().any(|mark| Path::new(mark).exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::PortSource;
    use crate::profile::ProfileName;
    use crate::settings::ClientAuth;

    fn addresses_for(bind: Bind, bind_host: Option<&str>, role: Role) -> Result<Vec<IpAddr>> {
        let host = Host::fixed(&[], [("", ""); 0]);
        let instance = Instance::canonical(Path::new("/h"), ProfileName::parse("rescue").unwrap());
        let settings = Settings {
            port: Port::known(19789),
            port_source: PortSource::Config,
            bind,
            bind_host: bind_host.map(|ip| ip.parse().unwrap()),
            auth: ClientAuth::None,
        };
        listen_addresses(&host, &instance, &settings, role)
    }

    #[test]
    fn every_bind_mode_includes_loopback() {
        let cases = [
            (Bind::Loopback, None, "127.0.0.1 ::1"),
            (Bind::Lan, None, "0.0.0.0 ::"),
            (Bind::Custom, Some("192.0.2.7"), "127.0.0.1 ::1 192.0.2.7"),
            (Bind::Custom, Some("127.0.0.1"), "127.0.0.1 ::1"),
            (Bind::Custom, Some("0.0.0.0"), "0.0.0.0 ::1"),
            (Bind::Custom, Some("::"), ":: 127.0.0.1"),
        ];
        for (bind, host, expected) in cases {
            let ips = addresses_for(bind, host, Role::Base).unwrap();
            let ips: Vec<_> = ips.iter().map(ToString::to_string).collect();
            assert_eq!(ips.join(" "), expected, "{} {host:?}", bind.name());
        }
    }

    #[test]
    fn derived_ports_are_served_on_loopback_only() {
        for bind in [Bind::Lan, Bind::Custom, Bind::Tailnet] {
            for role in [Role::BrowserControl, Role::Canvas] {
                assert_eq!(addresses_for(bind, Some("192.0.2.7"), role).unwrap(), LOOPBACK);
            }
        }
    }

    #[test]
    fn tailnet_addresses_are_recognized() {
        let is = |ip: &str| is_tailnet(ip.parse().unwrap());
        for own in ["100.64.0.1", "100.127.255.254", "fd7a:115c:a1e0::1"] {
            assert!(is(own), "{own}");
        }
        for other in ["100.63.0.1", "100.128.0.1", "192.168.0.1", "fd7a:115c:a1e1::1"] {
            assert!(!is(other), "{other}");
        }
    }

    #[test]
    fn configured_address_that_is_missing_is_an_error() {
        let host = Host::fixed(&[], [("", ""); 0]);
        let missing = "2001:db8::7".parse().unwrap();
        let port = Port::known(host.pick_unused_port().unwrap());
        assert!(listen(&host, &[missing], port).is_err());
        assert!(!listen(&host, &LOOPBACK, port).unwrap().is_empty());
    }
}
