//! Acquiring what a gateway needs before it can run: the lock of its instance, and its ports. Where another
//! process has them, the error names it, and `--force` ends it if it is the same instance's gateway.

use std::net::{IpAddr, TcpListener};
use std::time::{Duration, Instant, SystemTime};

use super::listen::{BindError, listen, listen_addresses};
use crate::boot::ConfigLoader;
use crate::error::{Error, Result};
use crate::host::pid;
use crate::i18n::{Msg, msg};
use crate::lock::{InstanceLock, LockError, LockHolder};
use crate::ports::{Listener, Port, PortFamily, Role, Span};
use crate::settings::Settings;
use crate::survey;

/// Maximum time that a gateway has to end when a new one replaces it: longer than its own drain.
const END_TIMEOUT: Duration = Duration::from_secs(7);
/// Time for which a port of the gateway may still be in use after the process that listened on it has ended.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);
/// Time between two attempts of a gateway to listen on a port that another process is releasing.
const RELEASE_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The dialogue of a starting gateway with the person who started it.
pub(crate) struct UserInteraction<'a> {
    /// Asks a yes-or-no question. Without a terminal the answer is yes: `--force` was typed.
    pub confirm: &'a dyn Fn(&Msg) -> Result<bool>,
    /// Shows a message on standard error, besides the log.
    pub notify: &'a dyn Fn(&Msg),
}

impl std::fmt::Debug for UserInteraction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserInteraction").finish_non_exhaustive()
    }
}

/// A port of the gateway that is listened on.
#[derive(Debug)]
pub(crate) struct BoundPort {
    /// The role of the port.
    pub role: Role,
    /// The listeners, non-blocking, one for each address.
    pub listeners: Vec<TcpListener>,
}

/// Acquires the lock of an instance and the ports of its gateway before the gateway starts.
#[derive(Debug)]
pub(crate) struct ResourceAcquirer<'a> {
    /// The instance and its settings.
    pub loader: &'a ConfigLoader,
    /// `--force`: another gateway of the same instance and user is ended first.
    pub force: bool,
    /// The dialogue with the user.
    pub interaction: &'a UserInteraction<'a>,
}

impl ResourceAcquirer<'_> {
    /// Acquires the lock of the instance whose gateway is starting.
    ///
    /// # Errors
    /// Another gateway of the instance runs and may not be ended; or the lock file can't be used.
    pub(crate) fn acquire_lock(&self, port: Port, started: SystemTime) -> Result<InstanceLock> {
        let instance = &self.loader.context.instance;
        let (path, profile) = (instance.lock_path(), instance.profile.to_string());
        let acquire = || InstanceLock::acquire(&path, &profile, port, started);
        let holder = match acquire() {
            Ok(lock) => return Ok(lock),
            Err(LockError::Failed(error)) => return Err(error),
            // In a shared state folder the process id may be another container's: another process here.
            Err(LockError::Held(holder)) => {
                holder.filter(|holder| pid::has_open(holder.pid, &path) != Some(false))
            }
        };
        // The error for another user's gateway says why it is not ended.
        let may_end =
            |holder: &LockHolder| holder.proved_pid(&path).is_some() || !pid::is_same_user(holder.pid);
        match holder {
            Some(holder) if self.force && may_end(&holder) => self.end_gateway(holder.pid, holder.port)?,
            holder => return Err(self.already_running(holder)),
        }
        match acquire() {
            Ok(lock) => Ok(lock),
            Err(LockError::Failed(error)) => Err(error),
            Err(LockError::Held(holder)) => Err(self.already_running(holder)),
        }
    }

    /// Returns the error that another gateway of the instance is running already and holds the lock.
    fn already_running(&self, holder: Option<LockHolder>) -> Error {
        let command = self.loader.context.instance.command();
        let profile = &self.loader.context.instance.profile;
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

    /// Listens on the base port of the gateway, without which there is no gateway.
    ///
    /// # Errors
    /// Another process has the port and may not be ended; or an address can't be listened on.
    pub(crate) fn bind_base_port(&self, settings: &Settings) -> Result<BoundPort> {
        let role = Role::Base;
        let host = &self.loader.context.host;
        let ips = listen_addresses(host, &self.loader.context.instance, settings, role)?;
        let error = match listen(host, &ips, settings.port) {
            Ok(listeners) => return Ok(BoundPort { role, listeners }),
            Err(error) if error.is_in_use() => error,
            Err(error) => return Err(bind_refused(self.loader, error)),
        };
        let user = find_port_user(self.loader, &error);
        if !self.force {
            return Err(port_in_use(self.loader, &error, &user));
        }
        match user.pid() {
            Some(pid) if user.is_own_gateway => self.end_gateway(pid, settings.port)?,
            _ => {
                let profile = &self.loader.context.instance.profile;
                return Err(port_in_use(self.loader, &error, &user)
                    .hint(msg!("gateway.force-other", profile = profile)));
            }
        }
        let listeners = self.listen_when_released(&ips, settings.port)?;
        Ok(BoundPort { role, listeners })
    }

    /// Listens on a port of the gateway whose previous process has just ended.
    fn listen_when_released(&self, ips: &[IpAddr], port: Port) -> Result<Vec<TcpListener>> {
        let deadline = Instant::now() + RELEASE_TIMEOUT;
        loop {
            match listen(&self.loader.context.host, ips, port) {
                Ok(listeners) => return Ok(listeners),
                Err(error) if error.is_in_use() && Instant::now() < deadline => {
                    std::thread::sleep(RELEASE_POLL_INTERVAL);
                }
                Err(error) => return Err(bind_refused(self.loader, error)),
            }
        }
    }

    /// Listens on a port of the gateway that is derived from its base port, such as the one of the canvas.
    ///
    /// # Errors
    /// The reason why the gateway runs without the port. That is not fatal: the gateway does its work on the
    /// base port, and a rescue gateway that refused to start because of another port could rescue nobody.
    pub(crate) fn bind_derived_port(&self, settings: &Settings, role: Role) -> Result<BoundPort, Msg> {
        let port = PortFamily::new(settings.port).map(|family| family.port(role));
        let Some(port) = port else {
            return Err(msg!("gateway.no-derived", port = settings.port).with_msg("role", role.msg()));
        };
        let host = &self.loader.context.host;
        let ips = listen_addresses(host, &self.loader.context.instance, settings, role)
            .map_err(|error| error.msg)?;
        listen(host, &ips, port)
            .map(|listeners| BoundPort { role, listeners })
            .map_err(|error| {
                let msg = Msg::new("gateway.without")
                    .with("port", port)
                    .with_msg("role", role.msg());
                let process = match find_port_user(self.loader, &error).listener {
                    Some(listener) => listener.msg(),
                    None => msg!("gateway.cause", cause = error.cause),
                };
                msg.with_msg("process", process)
            })
    }

    /// Ends the running gateway of this instance, if it belongs to this user and the user confirms.
    fn end_gateway(&self, pid: u32, port: Port) -> Result<()> {
        let profile = &self.loader.context.instance.profile;
        if !pid::is_same_user(pid) {
            return Err(Error::blocked(msg!(
                "gateway.force-user",
                profile = profile,
                pid = pid
            )));
        }
        if !(self.interaction.confirm)(&msg!(
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
        (self.interaction.notify)(&msg!("gateway.force-ends", profile = profile, pid = pid));
        pid::terminate(pid, END_TIMEOUT)
            .map_err(|cause| Error::blocked(msg!("gateway.force-failed", pid = pid)).because(cause))
    }
}

/// Checks whether a gateway that runs with the `old` settings could listen at the address that the `new` settings
/// give. It gives nothing up for that: where only the addresses change, its own listeners would be in the way, and it
/// is not checked.
///
/// # Errors
/// An address is in use, or the bind mode can't be served.
pub(crate) fn check_new_address(loader: &ConfigLoader, old: &Settings, new: &Settings) -> Result<()> {
    let ips = listen_addresses(&loader.context.host, &loader.context.instance, new, Role::Base)?;
    if old.port == new.port {
        return Ok(());
    }
    match ips
        .iter()
        .find(|ip| !loader.context.host.can_bind(**ip, new.port.get()))
    {
        None => Ok(()),
        Some(ip) => {
            let address = std::net::SocketAddr::new(*ip, new.port.get());
            let cause = std::io::ErrorKind::AddrInUse.into();
            Err(bind_refused(loader, BindError { address, cause }))
        }
    }
}

/// The process that uses a port which the gateway needs.
struct PortUser {
    /// The listener on the port; `None` where the system does not tell.
    listener: Option<Listener>,
    /// `true` for the gateway of the same instance.
    is_own_gateway: bool,
}

impl PortUser {
    fn pid(&self) -> Option<u32> {
        Some(self.listener.as_ref()?.process()?.pid)
    }
}

/// Finds the process that listens on an address which the gateway could not bind.
fn find_port_user(loader: &ConfigLoader, error: &BindError) -> PortUser {
    let survey = survey::survey_host(&loader.context.host, &loader.context.env);
    let (ip, port) = (error.address.ip(), error.address.port());
    let survey = survey.with_owners(Span::one(port));
    let at_port = || survey.listeners.iter().filter(|listener| listener.port == port);
    let at_address = at_port().find(|listener| listener.ip == ip);
    let listener = at_address.or_else(|| at_port().next()).cloned();
    let label = survey
        .position(&loader.context.instance.config_path)
        .map(|at| survey.instances[at].label.as_str());
    let owner = listener.as_ref().and_then(|listener| listener.process());
    let is_own_gateway =
        owner.is_some_and(|owner| owner.is_gateway && label.is_some() && owner.instance.as_deref() == label);
    PortUser {
        listener,
        is_own_gateway,
    }
}

/// Returns the error that another process uses a port which the gateway needs.
fn port_in_use(loader: &ConfigLoader, error: &BindError, user: &PortUser) -> Error {
    let command = loader.context.instance.command();
    let listener = user.listener.as_ref();
    let process = listener.map_or_else(|| msg!("ports.process-unknown"), Listener::msg);
    let what = Msg::new("gateway.port-held")
        .with("port", error.address.port())
        .with("ip", error.address.ip())
        .with_msg("process", process);
    let error = Error::blocked(what);
    if user.is_own_gateway {
        return error.hint(msg!("gateway.hint-replace", command = command));
    }
    error.hint(msg!("gateway.hint-port", command = command))
}

/// Returns the error that the gateway could not bind an address, for whatever reason.
fn bind_refused(loader: &ConfigLoader, error: BindError) -> Error {
    if error.is_in_use() {
        return port_in_use(loader, &error, &find_port_user(loader, &error));
    }
    let (ip, port) = (error.address.ip(), error.address.port());
    Error::blocked(msg!("gateway.unbound", ip = ip, port = port))
        .because(error.cause)
        .hint(msg!(
            "gateway.hint-loopback",
            command = loader.context.instance.command()
        ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the tests listen themselves")]

    use super::*;
    use crate::answers::Bind;
    use crate::environment::Environment;
    use crate::host::Host;
    use crate::instance::{Instance, OwnedInstanceContext};
    use crate::profile::ProfileName;
    use crate::record::Record;
    use crate::settings::{ClientAuth, RunOverrides};

    fn bind_canvas_port(base: u16) -> Result<BoundPort, Msg> {
        let home = tempfile::tempdir().unwrap();
        let loader = ConfigLoader {
            context: OwnedInstanceContext {
                host: Host::fixed(&[], [("", ""); 0]),
                env: Environment {
                    home: home.path().to_owned(),
                    ..Environment::default()
                },
                instance: Instance::canonical(home.path(), ProfileName::parse("rescue").unwrap()),
            },
            record: Record::default(),
            overrides: RunOverrides::default(),
            judge: crate::config::judge::ConfigJudge::native(),
        };
        let interaction = UserInteraction {
            confirm: &|_| Ok(false),
            notify: &|_| {},
        };
        let acquirer = ResourceAcquirer {
            loader: &loader,
            force: true,
            interaction: &interaction,
        };
        let settings = Settings {
            port: Port::known(base),
            port_source: crate::ports::PortSource::Config,
            bind: Bind::Loopback,
            bind_host: None,
            auth: ClientAuth::None,
        };
        acquirer.bind_derived_port(&settings, Role::Canvas)
    }

    #[test]
    fn derived_port_in_use_is_skipped_and_its_process_reported() {
        let offset = PortFamily::new(20_000_u16).unwrap().port(Role::Canvas).get() - 20_000;
        let other_process = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other_process.local_addr().unwrap().port();
        let warning = bind_canvas_port(port - offset)
            .unwrap_err()
            .render(crate::i18n::Lang::english());
        assert!(warning.contains(&port.to_string()), "{warning}");
        drop(other_process);
        assert!(!bind_canvas_port(port - offset).unwrap().listeners.is_empty());
    }

    #[test]
    fn base_port_without_a_family_has_no_derived_ports() {
        assert_eq!(bind_canvas_port(80).unwrap_err().key(), "gateway.no-derived");
    }
}
