//! Installs the gateway of an instance as a service, and uninstalls it.
//!
//! The new file is verified in another folder before it replaces the old one, and an installation that fails (the
//! manager refuses, the gateway does not come up) is undone: the old files are put back and run as before. Only
//! failures are undone, not a kill: an installation that is killed between writing the files and loading them
//! leaves the new files beside a manager that runs the old ones. `gateway status` and the doctor report that
//! difference, and the next `gateway install` completes the installation. What else a killed one leaves is removed by
//! the next, and the doctor reports it.

use std::path::{Path, PathBuf};

use super::control::{ActionOutcome, ActionReport, ServiceControl};
use super::error::ManagerError;
use super::manager::{RunState, ServiceManager, ServiceState};
use super::replaced_file::{ReplacedFile, remove_file};
use super::retire::{retire_command, retire_system_command};
use super::{spec, timer};
use crate::error::{Error, Result};
use crate::host::folder_listings::FolderListings;
use crate::host::read;
use crate::i18n::{Msg, msg};
use crate::instance::{Instance, InstanceContext};
use crate::ports::{Port, PortSource, Span};
use crate::profile::ProfileName;
use crate::service_files::{ServiceSpec, is_written_by_us};
use crate::settings::{self, InstanceFiles};
use crate::{apply, config, survey};

/// The options of the installation of a service.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InstallOptions {
    /// The port of the command line, which goes before the config's.
    pub(crate) port: Option<Port>,
    /// `true` to install again where nothing differs, and to replace a file that another program wrote.
    pub(crate) force: bool,
}

/// The files and commands of an installation of a service, before it is made.
#[derive(Clone, Debug)]
pub(crate) struct InstallPreview {
    /// The name that the manager knows the service by.
    pub(crate) name: String,
    /// The port on the command line of the service.
    pub(crate) port: Port,
    /// The paths and texts of the files that would be written.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// The commands that load and start the service.
    pub(crate) commands: Vec<String>,
    /// The notices to show to the user.
    pub(crate) notices: Vec<Msg>,
}

/// The differences between an installed service and the one that an installation would make now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServiceDrift {
    /// The files that are missing or have another content.
    pub(crate) files: Vec<PathBuf>,
    /// `true` if the service does not start at login.
    pub(crate) disabled: bool,
    /// `true` if the manager has not read the file since it changed.
    pub(crate) stale: bool,
    /// The name of the timer, where it is installed and does not run.
    pub(crate) timer_off: Option<String>,
    /// The lines that a user added to the service file by hand, which an installation would replace.
    pub(crate) added_lines: Vec<String>,
}

impl ServiceDrift {
    /// Returns whether the installed service does not differ from the one that an installation would make now.
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// The specification of a service to be installed, and the notices about it.
struct PlannedService {
    spec: ServiceSpec,
    notices: Vec<Msg>,
    /// The profile for whose sake the service comes with a timer.
    watched: Option<ProfileName>,
}

/// The path and content of a service file before an installation; no content where there was no such file.
type OldFile = (PathBuf, Option<Vec<u8>>);

/// Plans the installation of an instance's gateway as a service. Reads the config as the gateway will, so that
/// anything that would prevent its start is an error now.
fn plan_service(context: InstanceContext<'_>, port: Option<Port>) -> Result<PlannedService> {
    let InstanceContext { host, instance, .. } = context;
    let files = InstanceFiles::read(instance)?;
    let InstanceFiles { config, record } = &files;
    let settings = files.sources(host, instance).settings(&settings::RunOverrides {
        port,
        ..settings::RunOverrides::default()
    })?;
    if matches!(settings.port_source, PortSource::Flag | PortSource::Environment)
        && config::base_port(config) != Some(settings.port)
    {
        let survey = survey::survey_host(host, context.env);
        survey::ports::refuse_claimed_base(host, &survey, instance, settings.port)?;
    }
    let configured = config::base_port(config).filter(|configured| *configured != settings.port);
    let differing = configured.filter(|_| settings.port_source != PortSource::Config);
    let notice = |configured| {
        msg!(
            "service.port-differs",
            port = settings.port,
            configured = configured,
            command = format!("{} config set gateway.port {}", instance.command(), settings.port)
        )
    };
    let watched = timer::reason_for_timer(context, record);
    let spec = spec::build(context, settings.port, record, watched.is_some())?;
    let notices = differing.map(notice).into_iter();
    Ok(PlannedService {
        notices: notices.chain(spec::npx_notice(&spec, instance)).collect(),
        spec,
        watched,
    })
}

/// Returns the files that [`install`] would write for a service and the commands that it would run; changes nothing.
pub(crate) fn preview(context: InstanceContext<'_>, options: InstallOptions) -> Result<InstallPreview> {
    let control = ServiceControl::new(context);
    let planned = plan_service(context, options.port)?;
    control.check_installable(&planned.spec, options.force)?;
    let text = |(path, bytes): (PathBuf, Vec<u8>)| (path, String::from_utf8_lossy(&bytes).into_owned());
    let files = control.manager.render_files(&planned.spec);
    let replaced = ReplacedFile::find(&control, &files)?;
    let lost = replaced.map(|replaced| replaced.notices(&control));
    let timer = planned.watched.map(|watched| control.timer_notice(&watched));
    Ok(InstallPreview {
        name: control.manager.service_name().to_owned(),
        port: planned.spec.port,
        files: files.into_iter().map(text).collect(),
        commands: control.manager.install_commands(),
        notices: planned
            .notices
            .into_iter()
            .chain(lost.into_iter().flatten())
            .chain(timer)
            .collect(),
    })
}

/// Compares the installed service with the one that [`install`] would make now; `None` where none is installed, or
/// another program installed it. Where the manager can't be reached, compares the files alone.
pub(crate) fn drift(context: InstanceContext<'_>) -> Result<Option<ServiceDrift>> {
    let control = ServiceControl::new(context);
    let is_ours = read::text(&control.manager.file()).is_ok_and(|text| is_written_by_us(&text));
    if !is_ours || control.config_of_another_instance().is_some() {
        return Ok(None);
    }
    let planned = plan_service(context, None)?;
    let state = control.manager.query_state().ok();
    let files = control.manager.render_files(&planned.spec);
    let replaced = ReplacedFile::find(&control, &files)?;
    Ok(Some(ServiceDrift {
        added_lines: replaced.map(ReplacedFile::into_added_lines).unwrap_or_default(),
        files: control.differing_files(&files),
        timer_off: control.timer_off(&planned.spec),
        disabled: state.as_ref().is_some_and(|state| !state.enabled),
        stale: state.is_some_and(|state| state.stale),
    }))
}

/// Installs the gateway of an instance as a service that starts at login or boot, and starts it. A second installation
/// changes nothing. Where the manager can't be reached, writes the file for the next login, and returns an error that
/// says so.
pub(crate) fn install(context: InstanceContext<'_>, options: InstallOptions) -> Result<ActionReport> {
    let control = ServiceControl::new(context);
    control.remove_leftovers();
    let planned = plan_service(context, options.port)?;
    control.check_installable(&planned.spec, options.force)?;
    let files = control.manager.render_files(&planned.spec);
    if let Err(error) = control.manager.check_reachable() {
        return Err(control.write_for_next_login(&files, &error));
    }
    let before = control.query_state()?;
    let is_running = matches!(before.run, RunState::Running(_));
    let is_up_to_date = control.differing_files(&files).is_empty()
        && control.timer_off(&planned.spec).is_none()
        && before.enabled
        && !before.stale;
    if is_up_to_date && is_running && !options.force {
        return control.report(ActionOutcome::AlreadyInstalled, planned.notices);
    }
    if !is_running && !matches!(before.run, RunState::Starting | RunState::Stopping) {
        refuse_held_port(context, planned.spec.port)?;
    }
    control.verify_staged(&files[0])?;
    let mut replaced = ReplacedFile::find(&control, &files)?;
    replaced.as_mut().map_or(Ok(()), ReplacedFile::keep)?;
    let paths = files.iter().map(|(path, _)| path.clone());
    let old_files: Vec<_> = paths
        .chain(control.surplus_files(&files))
        .map(|path| (path.clone(), read::bytes(&path).ok()))
        .collect();
    match control.write_and_start(&files) {
        Ok(mut report) => {
            let lost = replaced.map(|replaced| replaced.notices(&control));
            let timer = planned.watched.map(|watched| control.timer_notice(&watched));
            let notices = planned
                .notices
                .into_iter()
                .chain(lost.into_iter().flatten())
                .chain(timer);
            report.notices.splice(0..0, notices);
            Ok(report)
        }
        Err(error) => {
            let (error, is_back) = control.roll_back(&old_files, &before, error);
            if let Some(replaced) = replaced.filter(|_| is_back) {
                replaced.discard();
            }
            Err(error)
        }
    }
}

/// Fails where a process other than an instance's service holds the instance's port, so that the service could not
/// start.
fn refuse_held_port(context: InstanceContext<'_>, port: Port) -> Result<()> {
    let survey = survey::survey_host(context.host, context.env);
    let survey = survey.with_owners(Span::one(port));
    let Some(listener) = survey.listeners.iter().find(|listener| listener.port == port) else {
        return Ok(());
    };
    let own = survey
        .instances
        .iter()
        .find(|found| found.config_path == context.instance.config_path);
    let owner = listener.process();
    let is_own = owner
        .is_some_and(|owner| owner.is_gateway && owner.instance.as_ref() == own.map(|found| &found.label));
    Err(match owner {
        Some(owner) if is_own => Error::failed(msg!(
            "service.foreground",
            profile = context.instance.profile,
            pid = owner.pid
        ))
        .hint(msg!(
            "service.end-foreground",
            command = format!("{} gateway stop", context.instance.command())
        )),
        Some(owner) => Error::blocked(msg!(
            "service.port-held",
            port = port,
            name = owner.name,
            pid = owner.pid
        )),
        None => Error::blocked(msg!("service.port-held-unseen", port = port)),
    })
}

/// Writes the files of a service.
fn write_files(files: &[(PathBuf, Vec<u8>)]) -> Result<()> {
    for (path, bytes) in files {
        // A symbolic link is kept: its target is written.
        apply::write_file(&read::canonicalize_existing(path), bytes)?;
    }
    Ok(())
}

/// Returns the folder of an instance in which its service file is verified before it is installed.
fn check_dir(instance: &Instance) -> PathBuf {
    instance.state_dir.join("service-check")
}

/// Returns the files and folders that killed installations of an instance's service left. `resolve` follows the links of
/// a path as far as it exists.
pub(crate) fn leftovers(
    context: InstanceContext<'_>,
    folders: &FolderListings,
    resolve: impl Fn(&Path) -> PathBuf,
) -> Vec<PathBuf> {
    let files = ServiceControl::new(context).manager.files();
    let temporary = files
        .iter()
        .flat_map(|file| apply::leftover_temporary_files(folders, &resolve(file)));
    let check_dir = check_dir(context.instance);
    let is_leftover = !folders.is_absent(&check_dir) && apply::is_leftover_folder(&check_dir);
    temporary.chain(is_leftover.then_some(check_dir)).collect()
}

impl ServiceControl<'_> {
    /// Removes the files and folders that killed installations of an instance's service left.
    fn remove_leftovers(&self) {
        for file in self.manager.files() {
            apply::remove_temporary_files(&read::canonicalize_existing(&file));
        }
        apply::remove_staging(&check_dir(self.context.instance));
    }

    /// Fails where the service manager can't start the program, where the service file belongs to another instance or
    /// (without `force`) to another program, and where this process is part of the service and can't replace it.
    fn check_installable(&self, spec: &ServiceSpec, force: bool) -> Result<()> {
        if !self.manager.can_start(&spec.program) {
            return Err(Error::blocked(msg!(
                "service.program-path",
                path = spec.program.display()
            )));
        }
        self.refuse_another_instance()?;
        let install = format!("{} gateway install", self.context.instance.command());
        if self.manager.contains_this_process() && !self.manager.can_install_from_within() {
            let name = self.manager.service_name();
            return Err(Error::failed(msg!("service.from-within", name = name))
                .hint(msg!("service.from-outside", command = install)));
        }
        self.refuse_second_service()?;
        let file = self.manager.file();
        if read::canonicalize_existing(&file) == Path::new("/dev/null") {
            return Err(self.describe(&ManagerError::Masked));
        }
        match read::text(&file) {
            Ok(text) if !is_written_by_us(&text) && !force => {
                Err(Error::failed(msg!("service.not-ours", path = file.display()))
                    .hint(msg!("service.force", command = format!("{install} --force"))))
            }
            _ => Ok(()),
        }
    }

    /// Fails where another service starts the instance already, which an installation would not replace: a unit of the system's
    /// systemd, or one by the name that an earlier OpenClaw gave it. Two managers would fight for one gateway.
    fn refuse_second_service(&self) -> Result<()> {
        let InstanceContext { host, env, instance } = self.context;
        let refusal = |file: &Path, command: String| {
            Err(Error::blocked(msg!("service.started-by", path = file.display()))
                .hint(msg!("service.retire", command = command)))
        };
        if let Some(unit) = survey::find_system_units(host, env, &instance.config_path).first() {
            return refusal(unit, retire_system_command(unit));
        }
        let config = read::canonicalize_existing(&instance.config_path);
        let services = survey::InstalledService::find_all(env);
        let is_legacy = |service: &&survey::InstalledService| {
            service.has_legacy_name() && read::canonicalize_existing(&service.config_path) == config
        };
        match services.iter().find(is_legacy) {
            Some(service) => refusal(&service.file, retire_command(&service.file)),
            None => Ok(()),
        }
    }

    /// Writes the files of a service whose manager can't be reached, so that the next login starts it. Returns the error
    /// that says why the manager can't be reached, or why nothing was written.
    fn write_for_next_login(&self, files: &[(PathBuf, Vec<u8>)], reason: &ManagerError) -> Error {
        if !reason.allows_start_at_login() {
            return self.describe(reason);
        }
        let mut replaced = match ReplacedFile::find(self, files) {
            Ok(replaced) => replaced,
            Err(error) => return error,
        };
        let kept = replaced.as_mut().map_or(Ok(()), ReplacedFile::keep);
        if let Err(error) = kept.and_then(|()| write_files(files)) {
            return error;
        }
        let lost = replaced.map(|replaced| replaced.notices(self));
        let (name, file) = (self.manager.service_name(), self.manager.file());
        let error = reason.describe(self.context.instance, name, Some(&file));
        let error = lost.into_iter().flatten().fold(error, Error::hint);
        match self.manager.enable_offline() {
            Ok(()) => error,
            Err(cause) => error.because(cause),
        }
    }

    /// Lets the service manager verify a service file under its final name, in a folder of the instance.
    fn verify_staged(&self, (path, bytes): &(PathBuf, Vec<u8>)) -> Result<()> {
        let folder = check_dir(self.context.instance);
        let staged = folder.join(path.file_name().unwrap_or_default());
        apply::write_file(&staged, bytes)?;
        let verified = self.manager.verify_file(&staged);
        apply::remove_staging(&folder);
        verified.map_err(|error| self.describe(&error))
    }

    /// Writes the files of a service, loads them into the service manager, starts the service, and verifies that it
    /// runs.
    fn write_and_start(&self, files: &[(PathBuf, Vec<u8>)]) -> Result<ActionReport> {
        if !self.surplus_files(files).is_empty() {
            self.remove_timer()?;
        }
        write_files(files)?;
        self.manager.load().map_err(|error| self.describe(&error))?;
        self.verify_running(self.manager.restart_loaded(), ActionOutcome::Installed)
    }

    /// Undoes the installation of a service that failed with `error`: puts the old files back and runs them if they
    /// ran before, or removes the service where there was none. Returns the error with a hint that says whether that
    /// succeeded, and whether it did.
    fn roll_back(&self, old_files: &[OldFile], before: &ServiceState, error: Error) -> (Error, bool) {
        let name = self.manager.service_name();
        let had_service = old_files.iter().any(|(_, bytes)| bytes.is_some());
        let rolled_back = if had_service {
            self.restore_service(old_files, before)
        } else {
            self.remove_service(old_files)
        };
        let is_back = rolled_back.is_ok();
        let hint = match rolled_back {
            Ok(()) if had_service => msg!("service.old-is-back", name = name),
            Ok(()) => msg!("service.taken-back", name = name),
            Err(cause) => msg!("service.not-back", name = name).with_msg("why", cause.msg),
        };
        (error.hint(hint), is_back)
    }

    /// Puts the old files of a service back, and its old state: enabled or not, running or not.
    fn restore_service(&self, old_files: &[OldFile], before: &ServiceState) -> Result<()> {
        let describe = |error| self.describe(&error);
        self.remove_timer()?;
        for (path, bytes) in old_files {
            match bytes {
                Some(bytes) => apply::write_file(&read::canonicalize_existing(path), bytes)?,
                None => remove_file(path)?,
            }
        }
        if before.enabled {
            self.manager.load().map_err(describe)?;
        } else {
            self.manager.disable().map_err(describe)?;
            self.manager.deregister().map_err(describe)?;
        }
        match before.run {
            RunState::Running(_) | RunState::Starting => self.manager.restart_loaded().map_err(describe),
            _ => self.manager.stop(true).map_err(describe),
        }
    }

    /// Stops the service of an instance, disables it, and removes its files.
    fn remove_service(&self, files: &[OldFile]) -> Result<()> {
        let _ = self.manager.stop(true);
        self.remove_timer()?;
        self.manager.disable().map_err(|error| self.describe(&error))?;
        files.iter().try_for_each(|(path, _)| remove_file(path))?;
        self.manager.deregister().map_err(|error| self.describe(&error))
    }
}

fn remove_files(manager: &dyn ServiceManager) -> Result<()> {
    manager.files().iter().try_for_each(|path| remove_file(path))
}

/// Stops the service of an instance and removes its files. Drop-ins of the user and all files of the instance stay.
pub(crate) fn uninstall(context: InstanceContext<'_>) -> Result<ActionReport> {
    let control = ServiceControl::new(context);
    let manager = &*control.manager;
    control.refuse_another_instance()?;
    control.refuse_other_program()?;
    control.remove_leftovers();
    let describe = |error| control.describe(&error);
    let file = manager.file();
    let report = |outcome| ActionReport {
        outcome,
        status: control.status_from(ServiceState::not_installed()),
        notices: Vec::new(),
    };
    let state = match manager.check_reachable().and_then(|()| manager.query_state()) {
        Ok(state) => state.run,
        Err(error) if error.allows_start_at_login() => {
            let was_installed = file.exists();
            remove_files(manager)?;
            manager
                .disable_offline()
                .map_err(|e| Error::failed(msg!("service.not-removed", path = file.display())).because(e))?;
            return Ok(report(if was_installed {
                ActionOutcome::Uninstalled
            } else {
                ActionOutcome::NotInstalled
            }));
        }
        Err(error) => return Err(describe(error)),
    };
    if state == RunState::NotInstalled && !file.exists() {
        return Ok(report(ActionOutcome::NotInstalled));
    }
    // Where this process is part of the service, it ends with the service: the stop comes last.
    let is_inside = manager.contains_this_process();
    control.remove_timer()?;
    if !is_inside && state != RunState::NotInstalled {
        manager.stop(true).map_err(describe)?;
    }
    if file.exists() {
        manager.disable().map_err(describe)?;
    }
    remove_files(manager)?;
    manager.deregister().map_err(describe)?;
    if is_inside {
        manager.stop(false).map_err(describe)?;
    }
    Ok(report(ActionOutcome::Uninstalled))
}
