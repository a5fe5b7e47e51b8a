//! Where is an instance's gateway? From what listens, and whose process it is.

use std::net::{IpAddr, SocketAddr};

use crate::host::pid::ProcessOwner;
use crate::ports::{LOOPBACK, Listener, Owner};
use crate::survey::Survey;

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing listens on its port, and its gateway on no other.
    Nowhere,
    /// A process of its own listens on this port.
    Own(Spot),
    /// Somebody listens on its port who may be a gateway: this user's process, or on a system that does
    /// not tell whose.
    Somebody(Spot, Listener),
    /// A gateway of the instance with this label holds its port.
    Other(String, u32),
    /// Somebody else holds its port.
    Stranger(Listener),
}

/// A port to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) port: u16,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) pid: Option<u32>,
}

/// Names under which gateways run; the browsers that they start listen too.
fn is_gateway(owner: &Owner) -> bool {
    let names = ["openclaw", "node", "MainThread"];
    names.iter().any(|start| owner.name.starts_with(start))
}

/// Finds the gateway of the instance with this label. `signed` is the process and port that its lock names;
/// another user's process is not asked who it is.
pub(super) fn find(
    survey: &Survey,
    label: Option<&str>,
    signed: Option<(u32, u16)>,
    configured: u16,
    bind: Option<IpAddr>,
    whose: impl Fn(u32) -> ProcessOwner,
) -> Place {
    let owner = |listener: &Listener| listener.owner.clone();
    let is_own = |listener: &&Listener| {
        label.is_some() && owner(listener).is_some_and(|owner| owner.instance.as_deref() == label)
    };
    let by_lock = |listener: &&Listener| {
        signed.is_some_and(|(pid, port)| {
            listener.port == port && listener.owner.as_ref().is_some_and(|owner| owner.pid == pid)
        })
    };
    if let Some(listener) = survey.listeners.iter().find(by_lock) {
        return Place::Own(spot(survey, listener));
    }
    let own: Vec<_> = survey.listeners.iter().filter(is_own).collect();
    if let Some(listener) = own.iter().find(|listener| listener.port == configured) {
        return Place::Own(spot(survey, listener));
    }
    // The base port is the lowest one that a gateway listens on.
    let elsewhere = own
        .iter()
        .filter(|listener| owner(listener).as_ref().is_some_and(is_gateway));
    if let Some(listener) = elsewhere.min_by_key(|listener| listener.port) {
        return Place::Own(spot(survey, listener));
    }
    let wanted = bind.map_or_else(|| LOOPBACK.to_vec(), |ip| vec![ip]);
    let holds = |listener: &&Listener| {
        listener.port == configured && wanted.iter().any(|address| listener.blocks(*address))
    };
    let Some(holder) = survey.listeners.iter().find(holds) else {
        return Place::Nowhere;
    };
    match &holder.owner {
        Some(Owner {
            instance: Some(other),
            pid,
            ..
        }) => Place::Other(other.clone(), *pid),
        // Linux tells the owner of every socket of this user: this one is another user's.
        None if cfg!(target_os = "linux") => Place::Stranger(holder.clone()),
        owner => match owner
            .as_ref()
            .map_or(ProcessOwner::Ours, |owner| whose(owner.pid))
        {
            ProcessOwner::Ours => Place::Somebody(spot(survey, holder), holder.clone()),
            ProcessOwner::OtherUser => Place::Stranger(holder.clone()),
            // It ended since it was looked at.
            ProcessOwner::Gone => Place::Nowhere,
        },
    }
}

/// Where to reach what listens as this listener does: on a loopback address where it can be.
fn spot(survey: &Survey, listener: &Listener) -> Spot {
    let same = survey.listeners.iter().filter(|other| {
        other.port == listener.port
            && other.owner.as_ref().map(|o| o.pid) == listener.owner.as_ref().map(|o| o.pid)
    });
    let reach = |ip: IpAddr| match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => LOOPBACK[0],
        IpAddr::V6(ip) if ip.is_unspecified() => LOOPBACK[1],
        ip => ip,
    };
    let mut ips: Vec<_> = same.map(|listener| reach(listener.ip)).collect();
    ips.sort_by_key(|ip| (!ip.is_loopback(), ip.is_ipv6()));
    ips.dedup();
    Spot {
        port: listener.port,
        addresses: ips
            .into_iter()
            .map(|ip| SocketAddr::new(ip, listener.port))
            .collect(),
        pid: listener.owner.as_ref().map(|owner| owner.pid),
    }
}
