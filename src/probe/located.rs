//! The first half of a probe: what the files of the instance and the listeners of the host tell about its gateway. Nothing
//! is waited for here; the second half queries a process that may be the gateway, if there is one.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use super::files::GatewayFiles;
use super::location::{self, GatewayLocation, listening_gateway};
use super::report::Probe;
use super::{last_run, session};
use crate::host::pid;
use crate::host::ports::LISTS_ALL_LISTENERS;
use crate::instance::{Instance, InstanceContext};
use crate::lock::{self, LockHolder};
use crate::ports::{Port, Span};
use crate::settings::ClientAuth;
use crate::survey::{SharedLocks, Survey, SurveyedInstance};

/// A probe for which the files were read and the gateway was located, and that is still to be completed.
#[derive(Debug)]
pub(crate) struct LocatedProbe {
    probe: Probe,
    files: GatewayFiles,
    location: GatewayLocation,
    /// `true` where the location is known from the lock alone, because the system lists no socket there.
    is_unlisted: bool,
    /// The process that the lock of the native engine names and that has ended.
    dead_holder: Option<LockHolder>,
    has_lock_file: bool,
}

impl LocatedProbe {
    /// Reads the files of an instance and locates its gateway by a survey of the host, in which the instance is
    /// `surveyed`.
    pub(super) fn new(
        context: InstanceContext<'_>,
        survey: &Survey,
        surveyed: Option<&SurveyedInstance>,
        shared_locks: &SharedLocks,
    ) -> Self {
        let instance = context.instance;
        let files = GatewayFiles::read(context, surveyed);
        let survey = &*match files.port {
            Some(port) => survey.with_owners(Span::one(port)),
            None => Cow::Borrowed(survey),
        };
        let mut probe = files.probe(survey);
        probe.instance_id = surveyed.map_or_else(
            || instance.id(),
            |surveyed| Instance::id_of(&surveyed.real_config),
        );
        let label = surveyed.map(|surveyed| surveyed.label.as_str());
        let lock = lock::read(&instance.lock_path());
        let (alive, dead_holder) = match lock.holder {
            Some(holder) if holder.alive => (Some(holder), None),
            holder => (None, holder),
        };
        let alive = alive.as_ref();
        let lock_pid = alive.and_then(|holder| holder.proved_pid(&instance.lock_path()));
        let location = location::locate(
            survey,
            label,
            lock_pid.zip(alive.map(|holder| holder.port)),
            files.port,
            files.bind_address,
            |process| pid::process_owner(process, &instance.state_dir),
        );
        probe.proved_pid = lock_pid.or_else(|| listening_gateway(survey, label?));
        probe.is_out_of_reach = alive.is_some() && probe.proved_pid.is_none();
        let unlisted = alive.filter(|_| lock_pid.is_some() && !LISTS_ALL_LISTENERS);
        let (location, is_unlisted) = match (location, unlisted) {
            (GatewayLocation::Nowhere, Some(holder)) => {
                (location::unlisted_location(holder.port, files.bind_address), true)
            }
            (location, _) => (location, false),
        };
        if location == GatewayLocation::Nowhere {
            probe.set_silent_holder(context, alive, lock_pid, shared_locks);
        }
        Self {
            probe,
            files,
            location,
            is_unlisted,
            dead_holder,
            has_lock_file: lock.is_file,
        }
    }

    /// Returns whether a process is to be queried, which may take until the deadline of the probe.
    pub(crate) fn must_query(&self) -> bool {
        match self.location {
            GatewayLocation::Own(_) | GatewayLocation::Unidentified(..) => true,
            GatewayLocation::Nowhere | GatewayLocation::OtherInstance(..) | GatewayLocation::Stranger(_) => {
                false
            }
        }
    }

    /// Queries the gateway, where there is one, and returns the probe. Returns by `deadline`.
    pub(crate) fn complete_briefly(self, context: InstanceContext<'_>, deadline: Instant) -> Probe {
        self.complete(context, deadline, false).0
    }

    /// Queries the gateway, where there is one, with its `status` where `in_detail`, and returns the probe with the
    /// credentials for the gateway. Returns by `deadline`.
    pub(super) fn complete(
        self,
        context: InstanceContext<'_>,
        deadline: Instant,
        in_detail: bool,
    ) -> (Probe, ClientAuth) {
        let Self { mut probe, files, .. } = self;
        session::query(&mut probe, self.location, context, &files, deadline, in_detail);
        if self.is_unlisted && !probe.is_running() {
            // It holds the lock, unless it has ended meanwhile, and does not answer as the gateway: it starts, ends or hangs.
            let path = context.instance.lock_path();
            let holder = lock::read_holder(&path).filter(|holder| holder.alive);
            let pid = holder.as_ref().and_then(|holder| holder.proved_pid(&path));
            probe.set_silent_holder(context, holder.as_ref(), pid, &SharedLocks::default());
        }
        if !probe.is_running() {
            let dead_holder = self.dead_holder.as_ref();
            probe.last_run = last_run::read(context.instance, dead_holder, self.has_lock_file);
        }
        let auth = files.auth.unwrap_or_else(|error| {
            probe.auth_error = Some(Arc::new(error));
            ClientAuth::None
        });
        (probe, auth)
    }
}

impl GatewayFiles {
    /// Returns the probe of a gateway of which only the files are known, and the sockets on its port.
    fn probe(&self, survey: &Survey) -> Probe {
        let listeners = survey.listeners.iter().filter(|l| Some(l.port) == self.port);
        Probe {
            port: self.port,
            configured_port: self.port,
            port_source: self.port_source,
            url: format!("ws://127.0.0.1:{}", self.port.map_or(0, Port::get)),
            listeners: listeners.cloned().collect(),
            config: self.config.clone(),
            config_findings: self.config_findings.clone(),
            engine: self.engine,
            remote_url: self.remote_url.clone(),
            ..Probe::default()
        }
    }
}
