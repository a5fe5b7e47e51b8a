//! What a gateway must have before it can run: its instance's lock and its ports. And what is said, or with
//! `--force` done, about whoever has them.

use std::net::TcpListener;
use std::time::{Duration, Instant, SystemTime};

use super::listen::{self, Unbound};
use crate::boot::Boot;
use crate::error::{Error, Result};
use crate::host::pid;
use crate::i18n::{Msg, msg};
use crate::lock::{InstanceLock, LockError, LockHolder};
use crate::ports::{Listener, PortFamily, Role};
use crate::settings::Settings;
use crate::survey;

/// How long a gateway that is to make room may take to end in order: longer than its drain.
const GRACE: Duration = Duration::from_secs(7);
/// How long a port may stay held after its holder is gone.
const AFTER: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(10);

/// The edge of the program, as far as a start needs it.
pub struct Edge<'a> {
    /// Asks a person yes or no; where there is none, `--force` is the answer.
    pub ask: &'a dyn Fn(&Msg) -> Result<bool>,
    /// Says something beside the log, on standard error.
    pub tell: &'a dyn Fn(&Msg),
}

impl std::fmt::Debug for Edge<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Edge")
    }
}

/// The listeners of one of its ports.
#[derive(Debug)]
pub struct Door {
    /// What the port is for.
    pub role: Role,
    /// Bound, non-blocking.
    pub listeners: Vec<TcpListener>,
}

/// Claims what this gateway needs, and ends who has it where that is wished and allowed.
#[derive(Debug)]
pub struct Claimant<'a> {
    /// Whose lock and ports.
    pub boot: &'a Boot,
    /// `--force`.
    pub force: bool,
    /// Whom to ask and tell.
    pub edge: &'a Edge<'a>,
}

impl Claimant<'_> {
    /// The lock of the instance.
    pub fn lock(&self, port: u16, started: SystemTime) -> Result<InstanceLock> {
        let instance = &self.boot.instance;
        let (path, profile) = (instance.lock_path(), instance.profile.to_string());
        let acquire = || InstanceLock::acquire(&path, &profile, port, started);
        let holder = match acquire() {
            Ok(lock) => return Ok(lock),
            Err(LockError::Failed(error)) => return Err(error),
            // A number of another container's is some other process here.
            Err(LockError::Held(holder)) => {
                holder.filter(|holder| pid::has_open(holder.pid, &path) != Some(false))
            }
        };
        match holder {
            Some(holder) if self.force => self.end(holder.pid, holder.port)?,
            holder => return Err(self.already_running(holder)),
        }
        match acquire() {
            Ok(lock) => Ok(lock),
            Err(LockError::Failed(error)) => Err(error),
            Err(LockError::Held(holder)) => Err(self.already_running(holder)),
        }
    }

    fn already_running(&self, holder: Option<LockHolder>) -> Error {
        let command = self.boot.instance.command();
        let profile = &self.boot.instance.profile;
        let Some(holder) = holder else {
            return Error::blocked(msg!("gateway.running-unknown", profile = profile))
                .hint(msg!("gateway.hint-status", command = command));
        };
        Error::blocked(msg!(
            "gateway.running",
            profile = holder.profile,
            pid = holder.pid,
            port = holder.port
        ))
        .hint(msg!("gateway.hint-replace", command = command))
    }

    /// The listeners of its base port: without them there is no gateway.
    pub fn base(&self, settings: &Settings) -> Result<Door> {
        let role = Role::Base;
        let host = &self.boot.host;
        let ips = listen::addresses(host, &self.boot.instance, settings, role)?;
        let unbound = match listen::listen(host, &ips, settings.port) {
            Ok(listeners) => return Ok(Door { role, listeners }),
            Err(unbound) if unbound.is_held() => unbound,
            Err(unbound) => return Err(refused(self.boot, unbound)),
        };
        let (owner, own) = owner(self.boot, &unbound);
        let holder = owner.as_ref().and_then(|owner| owner.owner.as_ref());
        if self.force {
            match holder {
                Some(holder) if own => self.end(holder.pid, settings.port)?,
                _ => {
                    let error = held(self.boot, &unbound, owner.as_ref(), own);
                    return Err(error.hint(msg!("gateway.force-other", profile = self.boot.instance.profile)));
                }
            }
            let deadline = Instant::now() + AFTER;
            loop {
                match listen::listen(host, &ips, settings.port) {
                    Ok(listeners) => return Ok(Door { role, listeners }),
                    Err(unbound) if unbound.is_held() && Instant::now() < deadline => {
                        std::thread::sleep(PAUSE);
                    }
                    Err(unbound) => return Err(refused(self.boot, unbound)),
                }
            }
        }
        Err(held(self.boot, &unbound, owner.as_ref(), own))
    }

    /// The listeners of a derived port, or why the gateway goes on without: it can do its work on the base
    /// port, and a rescue gateway that refuses to run because of a side door rescues nobody.
    pub fn derived(&self, settings: &Settings, role: Role) -> Result<Door, Msg> {
        let port = PortFamily::new(settings.port).map(|family| family.port(role));
        let Some(port) = port else {
            return Err(msg!("gateway.no-derived", port = settings.port).with_msg("role", role.msg()));
        };
        let host = &self.boot.host;
        let ips = listen::addresses(host, &self.boot.instance, settings, role).map_err(|error| error.msg)?;
        listen::listen(host, &ips, port)
            .map(|listeners| Door { role, listeners })
            .map_err(|unbound| {
                let msg = Msg::new("gateway.without")
                    .with("port", port)
                    .with_msg("role", role.msg());
                let process = match owner(self.boot, &unbound) {
                    (Some(owner), _) => owner.msg(),
                    (None, _) => msg!("gateway.cause", cause = unbound.cause),
                };
                msg.with_msg("process", process)
            })
    }

    /// Ends this instance's other gateway, where it is this user's and nobody objects.
    fn end(&self, pid: u32, port: u16) -> Result<()> {
        let profile = &self.boot.instance.profile;
        if !pid::is_same_user(pid) {
            return Err(Error::blocked(msg!(
                "gateway.force-user",
                profile = profile,
                pid = pid
            )));
        }
        if !(self.edge.ask)(&msg!(
            "gateway.force-ask",
            profile = profile,
            pid = pid,
            port = port
        ))? {
            return Err(Error::failed(msg!(
                "gateway.force-left",
                profile = profile,
                pid = pid
            )));
        }
        (self.edge.tell)(&msg!("gateway.force-ends", profile = profile, pid = pid));
        pid::terminate(pid, GRACE)
            .map_err(|cause| Error::blocked(msg!("gateway.force-failed", pid = pid)).because(cause))
    }
}

/// Whether a gateway that now runs with `old` could listen where `new` says, before it gives anything up.
/// Its own listeners are not in its way.
pub fn could_move(boot: &Boot, old: &Settings, new: &Settings) -> Result<()> {
    let ips = listen::addresses(&boot.host, &boot.instance, new, Role::Base)?;
    if old.port == new.port {
        return Ok(());
    }
    match ips.iter().find(|ip| !boot.host.can_bind(**ip, new.port)) {
        None => Ok(()),
        Some(ip) => {
            let address = std::net::SocketAddr::new(*ip, new.port);
            let cause = std::io::ErrorKind::AddrInUse.into();
            Err(refused(boot, Unbound { address, cause }))
        }
    }
}

/// Who listens at an address that could not be bound, and whether it is this instance's gateway.
fn owner(boot: &Boot, unbound: &Unbound) -> (Option<Listener>, bool) {
    let survey = survey::take(&boot.host, &boot.env);
    let (ip, port) = (unbound.address.ip(), unbound.address.port());
    let at_port = || survey.listeners.iter().filter(|listener| listener.port == port);
    let at_address = at_port().find(|listener| listener.ip == ip);
    let owner = at_address.or_else(|| at_port().next()).cloned();
    let label = survey
        .position(&boot.instance.config_path)
        .map(|at| survey.instances[at].label.as_str());
    let instance = owner
        .as_ref()
        .and_then(|listener| listener.owner.as_ref()?.instance.as_deref());
    let own = label.is_some() && instance == label;
    (owner, own)
}

fn held(boot: &Boot, unbound: &Unbound, owner: Option<&Listener>, own: bool) -> Error {
    let command = boot.instance.command();
    let process = owner.map_or_else(|| msg!("ports.process-unknown"), Listener::msg);
    let what = Msg::new("gateway.port-held")
        .with("port", unbound.address.port())
        .with("ip", unbound.address.ip())
        .with_msg("process", process);
    let error = Error::blocked(what);
    if own {
        return error.hint(msg!("gateway.hint-replace", command = command));
    }
    error.hint(msg!("gateway.hint-port", command = command))
}

fn refused(boot: &Boot, unbound: Unbound) -> Error {
    if unbound.is_held() {
        let (owner, own) = owner(boot, &unbound);
        return held(boot, &unbound, owner.as_ref(), own);
    }
    let (ip, port) = (unbound.address.ip(), unbound.address.port());
    Error::blocked(msg!("gateway.unbound", ip = ip, port = port))
        .because(unbound.cause)
        .hint(msg!("gateway.hint-loopback", command = boot.instance.command()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the tests listen themselves")]

    use super::*;
    use crate::answers::Bind;
    use crate::environment::Environment;
    use crate::host::Host;
    use crate::instance::Instance;
    use crate::profile::ProfileName;
    use crate::record::Record;
    use crate::settings::{PortFrom, Proof, Wishes};

    fn derived(port: u16) -> Result<Door, Msg> {
        let home = tempfile::tempdir().unwrap();
        let boot = Boot {
            host: Host::fixed(&[], [("", ""); 0]),
            env: Environment {
                home: home.path().to_owned(),
                ..Environment::default()
            },
            instance: Instance::canonical(home.path(), ProfileName::parse("rescue").unwrap()),
            record: Record::default(),
            wishes: Wishes::default(),
        };
        let edge = Edge {
            ask: &|_| Ok(false),
            tell: &|_| {},
        };
        let claimant = Claimant {
            boot: &boot,
            force: true,
            edge: &edge,
        };
        let settings = Settings {
            port,
            port_from: PortFrom::Config,
            bind: Bind::Loopback,
            bind_host: None,
            proof: Proof::None,
        };
        claimant.derived(&settings, Role::Canvas)
    }

    #[test]
    fn a_side_door_that_a_stranger_holds_is_gone_without_and_he_is_named() {
        let offset = PortFamily::new(20_000).unwrap().port(Role::Canvas) - 20_000;
        let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = stranger.local_addr().unwrap().port();
        let said = derived(port - offset)
            .unwrap_err()
            .render(crate::i18n::Lang::english());
        assert!(said.contains(&port.to_string()), "{said}");
        drop(stranger);
        assert!(!derived(port - offset).unwrap().listeners.is_empty());
    }

    #[test]
    fn from_a_port_without_a_family_nothing_is_derived() {
        assert_eq!(derived(80).unwrap_err().key(), "gateway.no-derived");
    }
}
