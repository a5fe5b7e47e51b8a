//! Locates the gateway of an instance: by what listens on the host, and whose processes listen.

use std::net::{IpAddr, SocketAddr};

use crate::host::pid::ProcessOwner;
use crate::ports::{LOOPBACK, Listener, Owner, Port};
use crate::survey::Survey;

/// Where the gateway of an instance is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GatewayLocation {
    /// Nothing listens on the port of the instance, and its gateway listens on no other.
    Nowhere,
    /// A process of the instance listens here.
    Own(Endpoint),
    /// A process that may be a gateway listens on the port of the instance: it is this user's, or the system does
    /// not tell whose it is.
    Unidentified(Endpoint, Listener),
    /// A gateway of the instance with this label holds the port, as this process.
    OtherInstance(String, u32),
    /// Another program holds the port.
    Stranger(Listener),
}

/// A port to be asked, with the addresses on which it can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) port: Port,
    /// At least one address, loopback addresses first.
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) pid: Option<u32>,
}

/// Returns whether a process has a name under which gateways run: the browsers that they start listen too.
fn has_gateway_name(owner: &Owner) -> bool {
    let names = ["openclaw", "node", "MainThread"];
    names.iter().any(|start| owner.name.starts_with(start))
}

/// Locates the gateway of the instance with this label. `lock_owner` is the process and port that the instance's
/// lock names, `configured_port` and `bind_address` are where its files say that it listens, and `process_owner` tells whose
/// a process is.
pub(super) fn locate(
    survey: &Survey,
    label: Option<&str>,
    lock_owner: Option<(u32, Port)>,
    configured_port: Option<Port>,
    bind_address: Option<IpAddr>,
    process_owner: impl Fn(u32) -> ProcessOwner,
) -> GatewayLocation {
    let is_own = |listener: &&Listener| {
        let owner = listener.owner.as_ref();
        label.is_some() && owner.is_some_and(|owner| owner.instance.as_deref() == label)
    };
    let is_named_by_lock = |listener: &&Listener| {
        lock_owner.is_some_and(|(pid, port)| {
            listener.port == port && listener.owner.as_ref().is_some_and(|owner| owner.pid == pid)
        })
    };
    if let Some(listener) = survey.listeners.iter().find(is_named_by_lock) {
        return GatewayLocation::Own(endpoint(survey, listener));
    }
    let own: Vec<_> = survey.listeners.iter().filter(is_own).collect();
    if let Some(listener) = own.iter().find(|listener| Some(listener.port) == configured_port) {
        return GatewayLocation::Own(endpoint(survey, listener));
    }
    // The base port is the lowest one that a gateway listens on.
    let elsewhere = own
        .iter()
        .filter(|listener| listener.owner.as_ref().is_some_and(has_gateway_name));
    if let Some(listener) = elsewhere.min_by_key(|listener| listener.port) {
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

/// Judges the socket that holds the port of an instance and is not known as the instance's.
fn identify_holder(
    survey: &Survey,
    holder: &Listener,
    process_owner: impl Fn(u32) -> ProcessOwner,
) -> GatewayLocation {
    match &holder.owner {
        Some(Owner {
            instance: Some(other),
            pid,
            ..
        }) => GatewayLocation::OtherInstance(other.clone(), *pid),
        // Linux tells the owner of every socket of this user: this one is another user's.
        None if cfg!(target_os = "linux") => GatewayLocation::Stranger(holder.clone()),
        owner => match owner
            .as_ref()
            .map_or(ProcessOwner::Ours, |owner| process_owner(owner.pid))
        {
            ProcessOwner::Ours => GatewayLocation::Unidentified(endpoint(survey, holder), holder.clone()),
            // Another user's process is not asked who it is.
            ProcessOwner::OtherUser => GatewayLocation::Stranger(holder.clone()),
            // The process has ended since the survey.
            ProcessOwner::Gone => GatewayLocation::Nowhere,
        },
    }
}

/// Returns how to reach the port of a listener: on a loopback address where the process listens on one.
fn endpoint(survey: &Survey, listener: &Listener) -> Endpoint {
    let pid = |listener: &Listener| listener.owner.as_ref().map(|owner| owner.pid);
    let same = survey
        .listeners
        .iter()
        .filter(|other| other.port == listener.port && pid(other) == pid(listener));
    let reachable = |ip: IpAddr| match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => LOOPBACK[0],
        IpAddr::V6(ip) if ip.is_unspecified() => LOOPBACK[1],
        ip => ip,
    };
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
