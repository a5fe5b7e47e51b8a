//! Listening sockets, each attributed to the instance to which its process belongs.
//!
//! The name, the path and the command line of a process prove nothing: anybody's program may lie
//! in a folder called `openclaw`. A process is the gateway of an instance where it holds that instance's lock file open
//! ([`GatewayLocks`]). A browser that a gateway started holds none: it is known by the environment that it inherited,
//! on the ports of browsers only, and is no gateway.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::Path;

use super::gateway_locks::GatewayLocks;
use super::instance::SurveyedInstance;
use crate::host::pid::{self, ProcessOwner};
use crate::host::ports::{self, ListeningSocket, SocketId, SocketProcess};
use crate::host::read;
use crate::ports::{Listener, ListeningProcess, Port, Role, SocketOwner};
use crate::profile::ProfileName;

/// The owners of the sockets that a survey has looked at, so that another look is for new sockets only; `None` before the
/// first look. A gateway takes its lock before it listens, and keeps both.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownSockets(Option<BTreeMap<SocketId, SocketOwner>>);

impl KnownSockets {
    /// Returns the sockets that listen now; `None` before the first look, and where one of them is new, or has an unknown
    /// owner and `matters` returns true for its port.
    fn current_listeners(&self, matters: impl Fn(u16) -> bool) -> Option<Vec<Listener>> {
        let known = self.0.as_ref()?;
        let listener = |id: SocketId| {
            let owner = known.get(&id)?;
            let is_enough = *owner != SocketOwner::NotLookedUp || !matters(id.port);
            let port = Port::new(id.port).filter(|_| is_enough)?;
            Some(Listener {
                ip: id.ip,
                port,
                owner: owner.clone(),
            })
        };
        let listeners: Option<Vec<_>> = ports::socket_ids()?.into_iter().map(listener).collect();
        let mut listeners = listeners?;
        // In the order of a full look, so that of several sockets on one address the same one counts.
        listeners.sort_unstable();
        Some(listeners)
    }
}

/// Finds the listening TCP sockets of the host, and the instances to which their processes belong. Owners are looked up
/// for the ports that instances claim and for those that `needs_owner` selects; a gateway whose lock file names its
/// process is found on any port. Nothing is looked up where all sockets are known.
pub(super) fn find_listeners(
    home: &Path,
    instances: &[SurveyedInstance],
    known: &KnownSockets,
    needs_owner: impl Fn(Port) -> bool,
) -> (Vec<Listener>, KnownSockets) {
    let is_claimed = |port| {
        let mut claims = instances.iter().flat_map(|instance| &instance.claims);
        claims.any(|claim| claim.span.contains(port))
    };
    let matters = |port| Port::new(port).is_some_and(|port| is_claimed(port) || needs_owner(port));
    if let Some(listeners) = known.current_listeners(matters) {
        return (without_duplicates(listeners), known.clone());
    }
    // Where nothing listens, no lock file is read.
    let identifier = OnceCell::new();
    let new_identifier = || ProcessIdentifier::new(home, instances);
    let named_pids = || identifier.get_or_init(new_identifier).locks.named_pids();
    let sockets = ports::listening_sockets(&named_pids, matters);
    if sockets.is_empty() {
        return (Vec::new(), KnownSockets(Some(BTreeMap::new())));
    }
    let mut identifier = identifier.into_inner().unwrap_or_else(new_identifier);
    let listener = |socket: ListeningSocket| {
        let owner = match socket.process {
            SocketProcess::Known(process) => SocketOwner::Process(identifier.identify(socket.port, process)),
            SocketProcess::Hidden => SocketOwner::OtherUser,
            SocketProcess::NotLookedUp => SocketOwner::NotLookedUp,
        };
        let listener = Listener {
            ip: socket.ip,
            port: Port::new(socket.port)?,
            owner,
        };
        Some((socket.id, listener))
    };
    let (ids, mut listeners): (Vec<_>, Vec<_>) = sockets.into_iter().filter_map(listener).unzip();
    attribute_by_pid(&mut listeners);
    let owners = ids.into_iter().zip(&listeners);
    let known = owners.filter_map(|(id, listener)| Some((id?, listener.owner.clone())));
    let known = KnownSockets(Some(known.collect()));
    (without_duplicates(listeners), known)
}

/// Returns each address with a listening socket once: several sockets may share it (`SO_REUSEPORT`).
fn without_duplicates(mut listeners: Vec<Listener>) -> Vec<Listener> {
    listeners.dedup_by(|a, b| (a.ip, a.port) == (b.ip, b.port));
    listeners
}

/// Attributes all listeners of a process to the instance that one of its ports has shown.
fn attribute_by_pid(listeners: &mut [Listener]) {
    let known: BTreeMap<u32, String> = listeners
        .iter()
        .filter_map(Listener::process)
        .filter_map(|owner| Some((owner.pid, owner.instance.clone()?)))
        .collect();
    for owner in listeners.iter_mut().filter_map(Listener::process_mut) {
        if owner.instance.is_none() {
            owner.instance = known.get(&owner.pid).cloned();
        }
    }
}

/// Finds the instances to which processes belong.
struct ProcessIdentifier<'a> {
    /// Home folder of the surveyed instances, to which their profile names are relative.
    home: &'a Path,
    instances: &'a [SurveyedInstance],
    locks: GatewayLocks<'a>,
    /// The index of the instance whose gateway a process is, for each process that was asked about.
    gateways: BTreeMap<u32, Option<usize>>,
}

impl<'a> ProcessIdentifier<'a> {
    fn new(home: &'a Path, instances: &'a [SurveyedInstance]) -> Self {
        Self {
            home,
            instances,
            locks: GatewayLocks::read(instances),
            gateways: BTreeMap::new(),
        }
    }

    /// Identifies a process that listens on a port, and the instance to which it belongs.
    fn identify(&mut self, port: u16, process: ports::ProcessInfo) -> ListeningProcess {
        let pid = process.pid;
        // Another user may write into a process of its own whatever it likes.
        let is_ours =
            |index: &usize| pid::process_owner(pid, &self.instances[*index].state_dir) == ProcessOwner::Ours;
        let find_gateway = || self.locks.instance_of(pid).filter(is_ours);
        let gateway = *self.gateways.entry(pid).or_insert_with(find_gateway);
        let index = gateway.or_else(|| self.instance_of_browser(port, pid).filter(is_ours));
        ListeningProcess {
            pid,
            name: process.name,
            instance: index.map(|index| self.instances[index].label.clone()),
            is_gateway: gateway.is_some(),
        }
    }

    /// Returns the instance whose gateway started this process, where the port is one of that instance's browsers.
    fn instance_of_browser(&self, port: u16, pid: u32) -> Option<usize> {
        if !self
            .instances
            .iter()
            .any(|instance| is_browser_port(instance, port))
        {
            return None;
        }
        let (_, mut variables) = ports::arguments_and_env(pid, "");
        variables.retain(|(name, _)| name == "HOME" || name.starts_with("OPENCLAW_"));
        let index = self.instance_of_variables(&variables)?;
        is_browser_port(&self.instances[index], port).then_some(index)
    }

    /// Returns the instance that the environment variables of a process name.
    fn instance_of_variables(&self, variables: &[(String, String)]) -> Option<usize> {
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.trim())
                .filter(|value| !value.is_empty())
        };
        if let Some(path) = variable("OPENCLAW_CONFIG_PATH") {
            return self.locks.instance_of_config(Path::new(path));
        }
        if let Some(dir) = variable("OPENCLAW_STATE_DIR") {
            let dir = Path::new(dir);
            return self
                .instances
                .iter()
                .position(|instance| instance.state_dir == dir);
        }
        // A profile is an instance of the process's own home folder.
        let home = variable("OPENCLAW_HOME")
            .filter(|home| !home.starts_with('~'))
            .or_else(|| variable("HOME"));
        let real = |home: &Path| read::canonicalize_existing(home);
        if home.is_some_and(|home| real(Path::new(home)) != real(self.home)) {
            return None;
        }
        let profile = ProfileName::parse(variable("OPENCLAW_PROFILE")?).ok()?;
        self.instances
            .iter()
            .position(|instance| instance.profile.as_ref() == Some(&profile))
    }
}

/// Returns whether a browser of the instance may listen on a port.
fn is_browser_port(instance: &SurveyedInstance, port: u16) -> bool {
    let is_base = instance.base.is_some_and(|(family, _)| family.base() == port);
    let is_browsers = |role: Role| matches!(role, Role::CdpPool | Role::Pinned);
    let mut claims = instance.claims.iter();
    !is_base && claims.any(|claim| is_browsers(claim.role) && claim.span.contains(port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::tests::Home;

    #[test]
    fn every_socket_of_a_process_is_attributed_to_its_instance() {
        let listener = |port, pid, instance: Option<&str>| Listener {
            port: Port::known(port),
            ip: std::net::Ipv4Addr::LOCALHOST.into(),
            owner: SocketOwner::Process(ListeningProcess {
                pid,
                name: "chromium".to_owned(),
                instance: instance.map(str::to_owned),
                is_gateway: false,
            }),
        };
        let mut all = [
            listener(18800, 7, Some("default")),
            listener(4000, 7, None),
            listener(4000, 8, None),
        ];
        attribute_by_pid(&mut all);
        let labels = all.map(|listener| listener.process().and_then(|process| process.instance.clone()));
        assert_eq!(
            labels,
            [Some("default".to_owned()), Some("default".to_owned()), None]
        );
    }

    #[test]
    fn environment_names_an_instance_of_its_own_home_folder() {
        let home = Home::new();
        home.write(".openclaw/openclaw.json", "{gateway: {port: 18789}}");
        let rescue = home.write(".openclaw-rescue/openclaw.json", "{gateway: {port: 19789}}");
        let survey = home.survey();
        let identifier = ProcessIdentifier::new(Path::new("/home/somebody"), &survey.instances);
        let rescue = rescue.to_str().unwrap();
        let label = |variables: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let variables: Vec<_> = variables.iter().map(owned).collect();
            let index = identifier.instance_of_variables(&variables)?;
            Some(survey.instances[index].label.clone())
        };
        assert_eq!(label(&[]), None);
        assert_eq!(
            label(&[("OPENCLAW_CONFIG_PATH", rescue)]).as_deref(),
            Some("rescue")
        );
        assert_eq!(
            label(&[("OPENCLAW_PROFILE", "rescue")]).as_deref(),
            Some("rescue")
        );
        assert_eq!(label(&[("OPENCLAW_PROFILE", "other")]), None);
        let foreign = [("HOME", "/home/other"), ("OPENCLAW_PROFILE", "rescue")];
        assert_eq!(label(&foreign), None, "the same name in another home");
    }

    #[test]
    fn environment_identifies_a_process_on_the_ports_of_browsers_only() {
        let home = Home::new();
        home.write(".openclaw-rescue/openclaw.json", "{gateway: {port: 19789}}");
        let survey = home.survey();
        let is_browsers = |port| is_browser_port(&survey.instances[0], port);
        assert!(is_browsers(19800));
        assert!(!is_browsers(19789), "the base port is a gateway's");
        assert!(!is_browsers(19793) && !is_browsers(5173));
    }
}
