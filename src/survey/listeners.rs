//! Listening sockets, each attributed to the instance whose gateway listens there. The arguments and variables of a process
//! decide before its port does.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::instance::SurveyedInstance;
use crate::host::pid::{self, ProcessOwner};
use crate::host::ports::{self, ListeningSocket};
use crate::host::read;
use crate::ports::{Listener, ListeningProcess, Port};
use crate::profile::ProfileName;

/// Finds the listening TCP sockets of the host with their processes, and the instances whose gateways these are.
pub(super) fn find_listeners(home: &Path, instances: &[SurveyedInstance]) -> Vec<Listener> {
    let owners = OwnerLookup {
        home,
        instances,
        configs: OnceCell::new(),
    };
    let listener = |socket: ListeningSocket| {
        Some(Listener {
            ip: socket.ip,
            port: Port::new(socket.port)?,
            owner: socket.process.as_ref().map(|process| ListeningProcess {
                pid: process.pid,
                name: process.name.clone(),
                instance: owners
                    .owner(socket.port, process)
                    .map(|i| instances[i].label.clone()),
            }),
        })
    };
    let sockets =
        ports::listening_sockets(|port| instances.iter().any(|instance| claims_port(instance, port)));
    let mut listeners: Vec<_> = sockets.into_iter().filter_map(listener).collect();
    attribute_by_pid(&mut listeners);
    listeners
}

/// Attributes every socket of a process to the instance of any one of them: the relay of a gateway listens beside its base
/// port.
fn attribute_by_pid(listeners: &mut [Listener]) {
    let known: BTreeMap<u32, String> = listeners
        .iter()
        .filter_map(|listener| listener.owner.as_ref())
        .filter_map(|owner| Some((owner.pid, owner.instance.clone()?)))
        .collect();
    for owner in listeners
        .iter_mut()
        .filter_map(|listener| listener.owner.as_mut())
    {
        if owner.instance.is_none() {
            owner.instance = known.get(&owner.pid).cloned();
        }
    }
}

/// Returns whether a process may be a gateway by its name: this program's, or one that Node gives its processes.
fn has_gateway_name(name: &str) -> bool {
    ["openclaw", "node", "MainThread"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// Returns whether a port is among the claims of an instance.
fn claims_port(instance: &SurveyedInstance, port: u16) -> bool {
    instance.claims.iter().any(|claim| claim.span.contains(port))
}

/// Instance that the arguments and variables of a process name.
enum DeclaredOwner {
    /// They name no instance.
    Nobody,
    /// They name the surveyed instance at this position.
    Instance(usize),
    /// They name an instance that is not in the survey.
    Unknown,
}

impl DeclaredOwner {
    fn from_position(position: Option<usize>) -> Self {
        position.map_or(Self::Unknown, Self::Instance)
    }
}

/// Finds the surveyed instance to which a process belongs.
struct OwnerLookup<'a> {
    /// Home folder of the surveyed instances, to which their profile names are relative.
    home: &'a Path,
    instances: &'a [SurveyedInstance],
    /// Real path of each config, resolved at the first use.
    configs: OnceCell<Vec<PathBuf>>,
}

impl OwnerLookup<'_> {
    /// Returns the position of the instance whose gateway or browser a process is. Arguments and variables are read only
    /// of processes that have the name of a gateway or listen on a claimed port.
    fn owner(&self, port: u16, process: &ports::ProcessInfo) -> Option<usize> {
        let is_claimed = self.instances.iter().any(|i| claims_port(i, port));
        if !has_gateway_name(&process.name) && !is_claimed {
            return None;
        }
        let (words, mut vars) = ports::arguments_and_env(process.pid, "");
        vars.retain(|(name, _)| name == "HOME" || name.starts_with("OPENCLAW_"));
        let found = self.owner_by_arguments(port, &process.name, &words, &vars);
        // Another user could give a process any arguments: only processes of the folder's owner are attributed.
        let is_ours = |at: &usize| {
            pid::process_owner(process.pid, &self.instances[*at].state_dir) == ProcessOwner::Ours
        };
        found.filter(is_ours)
    }

    /// Returns the position of the instance that a process names in its arguments or variables, else of the one whose
    /// base port it listens on. A program that a gateway started inherits the gateway's variables: it counts only where
    /// it is OpenClaw itself or listens on a port of that instance.
    fn owner_by_arguments(
        &self,
        port: u16,
        name: &str,
        words: &[String],
        vars: &[(String, String)],
    ) -> Option<usize> {
        let is_openclaw = name.starts_with("openclaw")
            || words
                .iter()
                .take(3)
                .any(|word| word.to_ascii_lowercase().contains("openclaw"));
        match self.declared_owner(words, vars) {
            DeclaredOwner::Instance(at) => {
                return (is_openclaw || claims_port(&self.instances[at], port)).then_some(at);
            }
            DeclaredOwner::Unknown => return None,
            DeclaredOwner::Nobody => {}
        }
        let has_base = |i: &SurveyedInstance| i.base.is_some_and(|(family, _)| family.base() == port);
        let by_base = self.instances.iter().position(has_base);
        by_base.filter(|_| is_openclaw || has_gateway_name(name))
    }

    /// Returns the instance that the arguments and variables of a process name: `--profile`, else the path of the config,
    /// else the state folder, else the profile.
    fn declared_owner(&self, words: &[String], vars: &[(String, String)]) -> DeclaredOwner {
        let var = |name: &str| {
            vars.iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.trim())
                .filter(|v| !v.is_empty())
        };
        // A profile name means an instance in the process's own home folder.
        let home = var("OPENCLAW_HOME")
            .filter(|home| !home.starts_with('~'))
            .or_else(|| var("HOME"));
        let elsewhere = home.is_some_and(|home| {
            Path::new(home) != self.home
                && read::canonicalize_existing(Path::new(home)) != read::canonicalize_existing(self.home)
        });
        let by_profile = |name: &str| {
            if elsewhere {
                return None;
            }
            let name = ProfileName::parse(name).ok()?;
            self.instances
                .iter()
                .position(|i| i.profile.as_ref() == Some(&name))
        };
        let flag = words
            .iter()
            .position(|word| word == "--profile")
            .and_then(|at| words.get(at + 1));
        let flag = flag
            .map(String::as_str)
            .or_else(|| words.iter().find_map(|w| w.strip_prefix("--profile=")));
        if let Some(name) = flag {
            return DeclaredOwner::from_position(by_profile(name));
        }
        if let Some(path) = var("OPENCLAW_CONFIG_PATH") {
            let path = read::canonicalize_existing(Path::new(path));
            return DeclaredOwner::from_position(self.configs().iter().position(|config| *config == path));
        }
        if let Some(dir) = var("OPENCLAW_STATE_DIR") {
            let dir = Path::new(dir);
            return DeclaredOwner::from_position(self.instances.iter().position(|i| i.state_dir == dir));
        }
        match var("OPENCLAW_PROFILE") {
            Some(name) => DeclaredOwner::from_position(by_profile(name)),
            None if elsewhere => DeclaredOwner::Unknown,
            None => DeclaredOwner::Nobody,
        }
    }

    /// Returns the real paths of the configs, in the order of the instances.
    fn configs(&self) -> &[PathBuf] {
        self.configs.get_or_init(|| {
            self.instances
                .iter()
                .map(|i| read::canonicalize_existing(&i.config_path))
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::tests::Home;

    fn judged(owners: &OwnerLookup<'_>, port: u16, words: &str, vars: &[(&str, &str)]) -> Option<String> {
        let words: Vec<_> = words.split(' ').map(str::to_owned).collect();
        let vars: Vec<_> = vars
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        let at = owners.owner_by_arguments(port, "node", &words, &vars)?;
        Some(owners.instances[at].label.clone())
    }

    #[test]
    fn every_socket_of_a_process_is_attributed_to_its_instance() {
        let listener = |port, pid, instance: Option<&str>| Listener {
            port: Port::known(port),
            ip: std::net::Ipv4Addr::LOCALHOST.into(),
            owner: Some(ListeningProcess {
                pid,
                name: "node".to_owned(),
                instance: instance.map(str::to_owned),
            }),
        };
        let mut all = [
            listener(18789, 7, Some("default")),
            listener(18792, 7, None),
            listener(18792, 8, None),
        ];
        attribute_by_pid(&mut all);
        let whose = all.map(|listener| listener.owner.and_then(|owner| owner.instance));
        assert_eq!(
            whose,
            [Some("default".to_owned()), Some("default".to_owned()), None]
        );
    }

    #[test]
    fn arguments_and_variables_of_a_process_decide_before_its_port() {
        let home = Home::new();
        home.write(".openclaw/openclaw.json", "{gateway: {port: 18789}}");
        let rescue = home.write(".openclaw-rescue/openclaw.json", "{gateway: {port: 19789}}");
        let survey = home.survey();
        let owners = OwnerLookup {
            home: Path::new("/home/somebody"),
            instances: &survey.instances,
            configs: OnceCell::new(),
        };
        let rescue = rescue.to_str().unwrap();
        let oc = "node /usr/lib/node_modules/openclaw/dist/index.js gateway";
        let of = |port, words, vars: &[_]| judged(&owners, port, words, vars);

        assert_eq!(of(18789, oc, &[]).as_deref(), Some("default"), "by its base port");
        assert_eq!(
            of(18789, oc, &[("OPENCLAW_CONFIG_PATH", rescue)]).as_deref(),
            Some("rescue")
        );
        assert_eq!(
            of(18789, oc, &[("OPENCLAW_PROFILE", "rescue")]).as_deref(),
            Some("rescue")
        );
        let foreign = [("HOME", "/home/other"), ("OPENCLAW_PROFILE", "rescue")];
        assert_eq!(of(19789, oc, &foreign), None, "the same name in another home");
        assert_eq!(of(19789, oc, &foreign[..1]), None);
        assert_eq!(
            of(4000, "openclaw --profile rescue gateway", &[]).as_deref(),
            Some("rescue")
        );
        assert_eq!(of(4000, oc, &[]), None);
        assert_eq!(
            of(18789, oc, &[("OPENCLAW_PROFILE", "other")]),
            None,
            "another host's view of it"
        );
        assert_eq!(
            of(18790, "node server.js", &[]),
            None,
            "some program on a derived port"
        );
        let shell = [("OPENCLAW_PROFILE", "rescue")];
        assert_eq!(
            of(5173, "node vite.js", &shell),
            None,
            "started by a gateway, and no gateway"
        );
        assert_eq!(
            of(19800, "chromium --headless", &shell).as_deref(),
            Some("rescue"),
            "its browser"
        );
    }
}
