//! Locates the gateway of an instance by the listeners of the host and the owners of their processes. Pure.

use std::net::{IpAddr, SocketAddr};

use crate::host::pid::ProcessOwner;
use crate::ports::{LOOPBACK, Listener, ListeningProcess, Port, SocketOwner};
use crate::survey::Survey;

/// The location of an instance's gateway, or what is found in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GatewayLocation {
    /// The port of the instance is free, and its gateway listens on no other port.
    Nowhere,
    /// A process of the instance listens at this endpoint.
    Own(Endpoint),
    /// A process that may be the gateway listens on the port of the instance: it runs as this user, or its user is not
    /// known.
    Unidentified(Endpoint, Listener),
    /// A process of another instance holds the port; with the label of that instance, and the pid.
    OtherInstance(String, u32),
    /// Another program holds the port; with its listener.
    Stranger(Listener),
}

/// A port of a gateway to connect to, with the addresses at which it can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) port: Port,
    /// The addresses, at least one, loopback addresses first.
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) pid: Option<u32>,
}

/// Locates the gateway of the instance with this label by a survey of the host. `lock_owner` is the process that
/// holds the lock of the instance, with its port, `configured_port` and `bind_address` come from its files, and
/// `process_owner` returns the owner of a pid.
pub(super) fn locate(
    survey: &Survey,
    label: Option<&str>,
    lock_owner: Option<(u32, Port)>,
    configured_port: Option<Port>,
    bind_address: Option<IpAddr>,
    process_owner: impl Fn(u32) -> ProcessOwner,
) -> GatewayLocation {
    let is_own = |listener: &&Listener| {
        let owner = listener.process();
        label.is_some() && owner.is_some_and(|owner| owner.is_gateway && owner.instance.as_deref() == label)
    };
    let is_lock_owners = |listener: &&Listener| {
        lock_owner.is_some_and(|(pid, port)| {
            listener.port == port && listener.process().is_some_and(|owner| owner.pid == pid)
        })
    };
    if let Some(listener) = survey.listeners.iter().find(is_lock_owners) {
        return GatewayLocation::Own(endpoint(survey, listener));
    }
    let own = survey.listeners.iter().filter(is_own);
    // The base port is the lowest one that a gateway listens on.
    if let Some(listener) = own.min_by_key(|listener| (Some(listener.port) != configured_port, listener.port))
    {
        return GatewayLocation::Own(endpoint(survey, listener));
    }
    let wanted = bind_address.map_or_else(|| LOOPBACK.to_vec(), |ip| vec![ip]);
    let blocks_port = |listener: &&Listener| {
        Some(listener.port) == configured_port && wanted.iter().any(|address| listener.blocks(*address))
    };
    match survey.listeners.iter().find(blocks_port) {
        Some(holder) => identify_holder(survey, holder, process_owner),
        None => GatewayLocation::Nowhere,
    }
}

/// Returns where the process that holds the lock of an instance may listen although the system does not list its sockets. It
/// has to prove by its answer that it is the gateway.
pub(super) fn unlisted_location(port: Port, bind_address: Option<IpAddr>) -> GatewayLocation {
    let ip = reachable(bind_address.unwrap_or(LOOPBACK[0]));
    let endpoint = Endpoint {
        port,
        addresses: vec![SocketAddr::new(ip, port.get())],
        pid: None,
    };
    let owner = SocketOwner::NotLookedUp;
    GatewayLocation::Unidentified(endpoint, Listener { ip, port, owner })
}

/// Returns the gateway location for a listener that holds the port of the instance and is not known to belong to it.
fn identify_holder(
    survey: &Survey,
    holder: &Listener,
    process_owner: impl Fn(u32) -> ProcessOwner,
) -> GatewayLocation {
    match &holder.owner {
        SocketOwner::Process(ListeningProcess {
            instance: Some(other),
            pid,
            is_gateway: true,
            ..
        }) => GatewayLocation::OtherInstance(other.clone(), *pid),
        SocketOwner::OtherUser | SocketOwner::NotLookedUp => GatewayLocation::Stranger(holder.clone()),
        SocketOwner::Process(process) => match process_owner(process.pid) {
            ProcessOwner::Ours => GatewayLocation::Unidentified(endpoint(survey, holder), holder.clone()),
            // No request is sent to the process of another user.
            ProcessOwner::OtherUser => GatewayLocation::Stranger(holder.clone()),
            // The process has ended since the survey.
            ProcessOwner::Gone => GatewayLocation::Nowhere,
        },
    }
}

/// Returns the network endpoint at which a probe reaches a listener, with loopback addresses where its process
/// listens on all addresses.
fn endpoint(survey: &Survey, listener: &Listener) -> Endpoint {
    let pid = |listener: &Listener| listener.process().map(|owner| owner.pid);
    let same = survey
        .listeners
        .iter()
        .filter(|other| other.port == listener.port && pid(other) == pid(listener));
    let mut ips: Vec<_> = same.map(|listener| reachable(listener.ip)).collect();
    ips.sort_by_key(|ip| (!ip.is_loopback(), ip.is_ipv6()));
    ips.dedup();
    Endpoint {
        port: listener.port,
        addresses: ips
            .into_iter()
            .map(|ip| SocketAddr::new(ip, listener.port.get()))
            .collect(),
        pid: pid(listener),
    }
}

/// Returns the address at which a listener on this address is reached from this host.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => LOOPBACK[0],
        IpAddr::V6(ip) if ip.is_unspecified() => LOOPBACK[1],
        ip => ip,
    }
}

/// Returns the pid of the process that listens as the gateway of the instance with this label in a survey.
pub(super) fn listening_gateway(survey: &Survey, label: &str) -> Option<u32> {
    let mut owners = survey.listeners.iter().filter_map(|listener| listener.process());
    let is_own = |owner: &&ListeningProcess| owner.is_gateway && owner.instance.as_deref() == Some(label);
    owners.find(is_own).map(|owner| owner.pid)
}
