//! Whose gateway is it that listens? What a process says of itself goes before what its port suggests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Surveyed;
use crate::host::pid::{self, ProcessOwner};
use crate::host::ports::{self, ListeningSocket};
use crate::host::read;
use crate::ports::{Listener, Owner, Port};
use crate::profile::ProfileName;

/// What listens, the gateways of these instances known as such.
pub(super) fn listeners(home: &Path, instances: &[Surveyed]) -> Vec<Listener> {
    let known = Known {
        home,
        instances,
        configs: std::cell::OnceCell::new(),
    };
    let listener = |socket: ListeningSocket| {
        Some(Listener {
            ip: socket.ip,
            port: Port::new(socket.port)?,
            owner: socket.process.as_ref().map(|process| Owner {
                pid: process.pid,
                name: process.name.clone(),
                instance: known
                    .owner(socket.port, process)
                    .map(|i| instances[i].label.clone()),
            }),
        })
    };
    let sockets = ports::listening_sockets(|port| instances.iter().any(|instance| holds(instance, port)));
    let mut listeners: Vec<_> = sockets.into_iter().filter_map(listener).collect();
    share(&mut listeners);
    listeners
}

/// A process that is known by one of its ports is known by all of them: a gateway's relay listens beside
/// its base port.
fn share(listeners: &mut [Listener]) {
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

/// Names under which gateways run: this program's, and those that Node gives its processes.
fn may_be_gateway(name: &str) -> bool {
    ["openclaw", "node", "MainThread"]
        .iter()
        .any(|start| name.starts_with(start))
}

fn holds(instance: &Surveyed, port: u16) -> bool {
    instance.claims.iter().any(|claim| claim.span.contains(port))
}

/// Whose a process says that it is.
enum Told {
    Nothing,
    Instance(usize),
    /// An instance that this survey does not know.
    Stranger,
}

impl Told {
    fn of(position: Option<usize>) -> Self {
        position.map_or(Self::Stranger, Self::Instance)
    }
}

struct Known<'a> {
    /// The home folder that these instances are named in.
    home: &'a Path,
    instances: &'a [Surveyed],
    /// The real path of each config, once somebody asks.
    configs: std::cell::OnceCell<Vec<PathBuf>>,
}

impl Known<'_> {
    /// The instance whose process this is. Only processes that may be one of ours are asked.
    fn owner(&self, port: u16, process: &ports::ProcessInfo) -> Option<usize> {
        let somebodys = self.instances.iter().any(|i| holds(i, port));
        if !may_be_gateway(&process.name) && !somebodys {
            return None;
        }
        let (words, mut vars) = ports::arguments_and_env(process.pid, "");
        vars.retain(|(name, _)| name == "HOME" || name.starts_with("OPENCLAW_"));
        let found = self.judge(port, &process.name, &words, &vars);
        // What another user's process says of itself is that user's word.
        let is_ours = |at: &usize| {
            pid::process_owner(process.pid, &self.instances[*at].state_dir) == ProcessOwner::Ours
        };
        found.filter(is_ours)
    }

    /// A program that a gateway started carries the gateway's environment too: it counts only where it
    /// holds a port of that instance or is OpenClaw itself.
    fn judge(&self, port: u16, name: &str, words: &[String], vars: &[(String, String)]) -> Option<usize> {
        let is_openclaw = name.starts_with("openclaw")
            || words
                .iter()
                .take(3)
                .any(|word| word.to_ascii_lowercase().contains("openclaw"));
        match self.told(words, vars) {
            Told::Instance(at) => return (is_openclaw || holds(&self.instances[at], port)).then_some(at),
            Told::Stranger => return None,
            Told::Nothing => {}
        }
        let has_base = |i: &Surveyed| i.base.is_some_and(|(family, _)| family.base() == port);
        let by_base = self.instances.iter().position(has_base);
        by_base.filter(|_| is_openclaw || may_be_gateway(name))
    }

    /// What a process's own words and variables say.
    fn told(&self, words: &[String], vars: &[(String, String)]) -> Told {
        let var = |name: &str| {
            vars.iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.trim())
                .filter(|v| !v.is_empty())
        };
        // A name means an instance of the process's own home folder.
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
            return Told::of(by_profile(name));
        }
        if let Some(path) = var("OPENCLAW_CONFIG_PATH") {
            let path = read::canonicalize_existing(Path::new(path));
            return Told::of(self.configs().iter().position(|config| *config == path));
        }
        if let Some(dir) = var("OPENCLAW_STATE_DIR") {
            let dir = Path::new(dir);
            return Told::of(self.instances.iter().position(|i| i.state_dir == dir));
        }
        match var("OPENCLAW_PROFILE") {
            Some(name) => Told::of(by_profile(name)),
            None if elsewhere => Told::Stranger,
            None => Told::Nothing,
        }
    }

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

    fn judged(known: &Known<'_>, port: u16, words: &str, vars: &[(&str, &str)]) -> Option<String> {
        let words: Vec<_> = words.split(' ').map(str::to_owned).collect();
        let vars: Vec<_> = vars
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        let at = known.judge(port, "node", &words, &vars)?;
        Some(known.instances[at].label.clone())
    }

    #[test]
    fn a_process_is_known_by_all_its_ports() {
        let listener = |port, pid, instance: Option<&str>| Listener {
            port: Port::known(port),
            ip: std::net::Ipv4Addr::LOCALHOST.into(),
            owner: Some(Owner {
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
        share(&mut all);
        let whose = all.map(|listener| listener.owner.and_then(|owner| owner.instance));
        assert_eq!(
            whose,
            [Some("default".to_owned()), Some("default".to_owned()), None]
        );
    }

    #[test]
    fn a_process_is_believed_before_its_port() {
        let home = Home::new();
        home.put(".openclaw/openclaw.json", "{gateway: {port: 18789}}");
        let rescue = home.put(".openclaw-rescue/openclaw.json", "{gateway: {port: 19789}}");
        let survey = home.survey();
        let known = Known {
            home: Path::new("/home/somebody"),
            instances: &survey.instances,
            configs: std::cell::OnceCell::new(),
        };
        let rescue = rescue.to_str().unwrap();
        let oc = "node /usr/lib/node_modules/openclaw/dist/index.js gateway";
        let of = |port, words, vars: &[_]| judged(&known, port, words, vars);

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
