//! Controls user services by systemd's manager of the user. Every call has a time limit, asks for no password, and runs
//! in English and UTC, so that its answers can be parsed.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use super::error::{ManagerError, SystemdEnvironment};
use super::manager::{ManagerKind, RunState, ServiceManager, ServiceState};
use crate::apply;
use crate::host::process::{CommandOutput, CommandSpec};
use crate::host::read;
use crate::instance::InstanceContext;
use crate::service_files::{ServiceSpec, timer_unit_stem, unit, unit_additions, unit_name};

mod show;

/// Time limit of a query of systemd's manager of the user, which delays answers while it reloads its units.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit of an optional query of systemd: lingering, and lines of the journal.
const OPTIONAL_QUERY_TIMEOUT: Duration = Duration::from_secs(2);
/// Time limit of an action that systemd completes before it answers, such as reloading all units.
const ACTION_TIMEOUT: Duration = Duration::from_secs(45);
/// Time limit of the stop of a systemd service, until its gateway has ended: somewhat more than the longest limit in the
/// units.
const STOP_TIMEOUT: Duration = Duration::from_secs(345);
/// Time limit of the start of a systemd service, until the gateway reports that it is ready: somewhat more than the
/// limits in the unit.
const START_TIMEOUT: Duration = Duration::from_secs(100);
/// Time limit of the restart of a systemd service, which first stops it.
const RESTART_TIMEOUT: Duration = STOP_TIMEOUT.saturating_add(START_TIMEOUT);
/// Folder of the user's systemd units, relative to the home folder.
const UNIT_DIR: &str = ".config/systemd/user";
/// Folder of links to the systemd units that are started at login, relative to the folder of units.
const WANTS_DIR: &str = "default.target.wants";
/// Folder of links to the systemd timers that are started at login, relative to the folder of units.
const TIMER_WANTS_DIR: &str = "timers.target.wants";

/// The user's manager of systemd, and the systemd unit of one instance's gateway.
pub(super) struct Systemd<'a> {
    context: InstanceContext<'a>,
    unit: String,
    /// The timer, and the unit that it starts.
    timer: [String; 2],
    unit_dir: PathBuf,
}

impl<'a> Systemd<'a> {
    pub(super) fn new(context: InstanceContext<'a>) -> Self {
        Self {
            unit: unit_name(&context.instance.profile),
            timer: ["timer", "service"]
                .map(|kind| format!("{}.{kind}", timer_unit_stem(&context.instance.profile))),
            unit_dir: context.env.home.join(UNIT_DIR),
            context,
        }
    }

    /// Returns the command that runs one of systemd's tools with these arguments, and its environment.
    fn command(&self, tool: &str, args: &[&str]) -> CommandSpec {
        let mut command = CommandSpec::new(tool, args)
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("SYSTEMD_COLORS", "0")
            .env("SYSTEMD_PAGER", "");
        if let Some(folder) = self.missing_runtime_dir() {
            command = command.env("XDG_RUNTIME_DIR", folder);
            // In a shell that `sudo -u` started, this is the bus of another user.
            command.env_removed.push("DBUS_SESSION_BUS_ADDRESS".into());
        }
        command
    }

    /// Returns `/run/user/UID` where it exists and the environment names no runtime folder of this user: under
    /// `sudo -u` and `su` the user's manager may run all the same.
    fn missing_runtime_dir(&self) -> Option<PathBuf> {
        let host = self.context.host;
        let uid = host.user_id()?;
        let is_own = |path: &Path| host.file_owner_id(path) == Some(uid);
        if host
            .var("XDG_RUNTIME_DIR")
            .is_some_and(|path| is_own(Path::new(path)))
        {
            return None;
        }
        let own = PathBuf::from(format!("/run/user/{uid}"));
        is_own(&own).then_some(own)
    }

    /// Runs `systemctl --user`; fails where the exit code is not 0.
    fn systemctl(&self, args: &[&str], limit: Duration) -> Result<CommandOutput, ManagerError> {
        let all: Vec<_> = ["--user", "--no-ask-password", "--no-pager"]
            .iter()
            .chain(args)
            .copied()
            .collect();
        let command = format!("systemctl --user {}", args.join(" "));
        let Ok(output) = self.context.host.run(&self.command("systemctl", &all), limit) else {
            return Err(match self.detect_environment() {
                environment if environment.booted_with_systemd => ManagerError::ToolMissing("systemctl"),
                environment => environment.missing_bus(),
            });
        };
        match output.code {
            Some(0) => Ok(output),
            _ => Err(ManagerError::from_systemctl(
                &command,
                &output,
                self.detect_environment(),
            )),
        }
    }

    /// Runs `loginctl`; `None` where it can't be started.
    pub(super) fn loginctl(&self, args: &[&str]) -> Option<CommandOutput> {
        let command = self.command("loginctl", args);
        self.context.host.run(&command, OPTIONAL_QUERY_TIMEOUT).ok()
    }

    /// Detects the facts that explain why systemd's manager of the user can't be reached.
    fn detect_environment(&self) -> SystemdEnvironment {
        let host = self.context.host;
        let has_container_mark = ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"]
            .iter()
            .any(|path| Path::new(path).exists());
        SystemdEnvironment {
            booted_with_systemd: Path::new("/run/systemd/system").is_dir(),
            is_container: has_container_mark || host.var("container").is_some(),
            is_wsl: is_wsl(),
            switched_user: (host.var("SUDO_UID").is_some()
                || host.var("XDG_SESSION_ID").is_none()
                || self.has_foreign_runtime_dir())
            .then(|| host.user_id().unwrap_or(0)),
        }
    }

    /// Returns whether the environment names the runtime folder of another user, as in a shell that `su` started.
    fn has_foreign_runtime_dir(&self) -> bool {
        let host = self.context.host;
        let owner = host
            .var("XDG_RUNTIME_DIR")
            .and_then(|path| host.file_owner_id(Path::new(path)));
        owner.is_some() && owner != host.user_id()
    }

    /// Returns the properties of a gateway's systemd unit, by `systemctl show`.
    fn unit_properties(&self) -> Result<show::UnitProperties, ManagerError> {
        let properties = format!("--property={}", show::PROPERTIES);
        let output = self.systemctl(&["show", &properties, &self.unit], QUERY_TIMEOUT)?;
        Ok(show::parse(&output.stdout))
    }

    /// Starts or restarts the systemd unit of a gateway, by `verb`. The manager carries it out even where the caller
    /// ends; a process of the unit does not wait for it.
    fn start_with(&self, verb: &str, limit: Duration) -> Result<(), ManagerError> {
        // Clears the start limit and the failed state, so that the unit may start again.
        let _ = self.systemctl(&["reset-failed", &self.unit], QUERY_TIMEOUT);
        let args: &[&str] = if self.contains_this_process() {
            &[verb, "--no-block"]
        } else {
            &[verb]
        };
        self.systemctl(&[args, &[self.unit.as_str()]].concat(), limit)
            .map(drop)
    }

    /// Returns the path of the link that enables the start of a gateway's systemd unit at login.
    fn wants_link(&self) -> PathBuf {
        self.unit_dir.join(WANTS_DIR).join(&self.unit)
    }

    /// Returns the path of the link that enables the start of the timer at login.
    fn timer_link(&self) -> PathBuf {
        self.unit_dir.join(TIMER_WANTS_DIR).join(&self.timer[0])
    }

    /// Returns whether the files of the timer are installed.
    fn has_timer(&self) -> bool {
        self.unit_dir.join(&self.timer[0]).exists()
    }
}

/// Returns whether this system is WSL, the Windows Subsystem for Linux.
pub(super) fn is_wsl() -> bool {
    let release = read::text(Path::new("/proc/sys/kernel/osrelease"));
    release.is_ok_and(|release| is_wsl_kernel(&release))
}

/// Returns whether the release of a Linux kernel is one of WSL: `5.15.153.1-microsoft-standard-WSL2`.
fn is_wsl_kernel(release: &str) -> bool {
    release.to_ascii_lowercase().contains("microsoft")
}

impl ServiceManager for Systemd<'_> {
    fn kind(&self) -> ManagerKind {
        ManagerKind::Systemd
    }

    fn service_name(&self) -> &str {
        &self.unit
    }

    fn file(&self) -> PathBuf {
        self.unit_dir.join(&self.unit)
    }

    fn render_files(&self, spec: &ServiceSpec) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = vec![(self.file(), unit::render(spec).into_bytes())];
        if spec.has_timer {
            let texts = [unit::render_timer(spec), unit::render_check(spec)];
            let texts = texts.map(String::into_bytes);
            files.extend(self.timer_files().into_iter().zip(texts));
        }
        files
    }

    fn timer_files(&self) -> Vec<PathBuf> {
        self.timer.iter().map(|unit| self.unit_dir.join(unit)).collect()
    }

    fn timer_name(&self) -> &str {
        &self.timer[0]
    }

    fn is_timer_active(&self) -> Option<bool> {
        let args = ["show", "--property=ActiveState", &self.timer[0]];
        let state = self.systemctl(&args, QUERY_TIMEOUT).ok()?.stdout;
        Some(state.trim() == "ActiveState=active")
    }

    fn end_timer(&self) -> Result<(), ManagerError> {
        self.systemctl(&["disable", "--now", &self.timer[0]], ACTION_TIMEOUT)
            .map(drop)
    }

    fn added_lines(&self, old: &str, new: &str) -> Vec<String> {
        unit_additions::added_lines(old, new)
    }

    fn edit_command(&self) -> Option<String> {
        Some(format!("systemctl --user edit {}", self.unit))
    }

    fn can_start(&self, program: &Path) -> bool {
        program.to_str().is_some_and(unit::is_startable_path)
    }

    fn install_commands(&self) -> Vec<String> {
        [
            "daemon-reload".to_owned(),
            format!("enable {}", self.unit),
            format!("restart {}", self.unit),
        ]
        .map(|args| format!("systemctl --user {args}"))
        .to_vec()
    }

    fn check_reachable(&self) -> Result<(), ManagerError> {
        let output = self.systemctl(&["show", "--property=UnitPath"], QUERY_TIMEOUT)?;
        let real = read::canonicalize_existing(&self.unit_dir);
        let folders = output.stdout.trim().trim_start_matches("UnitPath=");
        // The list is separated by blanks, which the name of a folder may contain too: the whole list is searched.
        let is_listed = [&self.unit_dir, &real]
            .iter()
            .any(|folder| format!(" {folders} ").contains(&format!(" {} ", folder.display())));
        if is_listed {
            Ok(())
        } else {
            Err(ManagerError::OtherHome)
        }
    }

    fn query_state(&self) -> Result<ServiceState, ManagerError> {
        let properties = self.unit_properties()?;
        let resolved = |path: &Path| read::canonicalize_existing(path);
        match &properties.unit_file {
            // A mask that lasts until the next boot lies in the runtime folder.
            _ if properties.state.run == RunState::Masked => Ok(properties.state),
            Some(file) if resolved(file) != resolved(&self.file()) => Err(ManagerError::OtherHome),
            _ => Ok(properties.state),
        }
    }

    fn verify_file(&self, staged: &Path) -> Result<(), ManagerError> {
        let path = staged.to_string_lossy().into_owned();
        let command = self.command("systemd-analyze", &["--user", "verify", &path]);
        // Where the tool is missing or takes too long, the manager itself will accept or reject the file.
        let Ok(output) = self.context.host.run(&command, ACTION_TIMEOUT) else {
            return Ok(());
        };
        let lines = output.stderr.lines();
        let complaints: Vec<_> = lines.filter(|line| line.contains(&self.unit)).collect();
        if complaints.is_empty() || output.timed_out {
            Ok(())
        } else {
            Err(ManagerError::FileRejected(complaints.join("\n")))
        }
    }

    fn load(&self) -> Result<(), ManagerError> {
        self.systemctl(&["daemon-reload"], ACTION_TIMEOUT)?;
        self.systemctl(&["enable", &self.unit], ACTION_TIMEOUT)?;
        if self.has_timer() {
            self.systemctl(&["enable", &self.timer[0]], ACTION_TIMEOUT)?;
            // One that runs already counts from its own start on.
            self.systemctl(&["restart", &self.timer[0]], ACTION_TIMEOUT)?;
        }
        Ok(())
    }

    #[cfg(unix)]
    #[expect(
        clippy::disallowed_methods,
        reason = "the folder and the link of systemd, made as systemd makes them"
    )]
    fn enable_offline(&self) -> std::io::Result<()> {
        let timer = (self.unit_dir.join(&self.timer[0]), self.timer_link());
        let timer = self.has_timer().then_some(timer);
        for (file, link) in [(self.file(), self.wants_link())].into_iter().chain(timer) {
            std::fs::create_dir_all(link.parent().unwrap_or(&self.unit_dir))?;
            apply::remove_if_present(&link)?;
            std::os::unix::fs::symlink(file, link)?;
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn enable_offline(&self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    fn start(&self) -> Result<(), ManagerError> {
        self.start_with("start", START_TIMEOUT)
    }

    fn stop(&self, wait: bool) -> Result<(), ManagerError> {
        let args: &[&str] = if wait { &["stop"] } else { &["stop", "--no-block"] };
        self.systemctl(&[args, &[self.unit.as_str()]].concat(), STOP_TIMEOUT)
            .map(drop)
    }

    fn restart(&self) -> Result<(), ManagerError> {
        self.start_with("restart", RESTART_TIMEOUT)
    }

    fn disable(&self) -> Result<(), ManagerError> {
        self.systemctl(&["disable", &self.unit], ACTION_TIMEOUT).map(drop)
    }

    fn disable_offline(&self) -> std::io::Result<()> {
        apply::remove_if_present(&self.timer_link())?;
        apply::remove_if_present(&self.wants_link())
    }

    fn deregister(&self) -> Result<(), ManagerError> {
        self.systemctl(&["daemon-reload"], ACTION_TIMEOUT)?;
        let _ = self.systemctl(&["reset-failed", &self.unit], QUERY_TIMEOUT);
        Ok(())
    }

    fn contains_this_process(&self) -> bool {
        let groups = read::text(Path::new("/proc/self/cgroup")).unwrap_or_default();
        groups
            .lines()
            .any(|line| line.split('/').any(|part| part == self.unit))
    }

    fn last_log_lines(&self, count: usize) -> Vec<String> {
        // `-u` would also select the messages of the manager about the unit, which are no output of the service.
        let unit_filter = format!("_SYSTEMD_USER_UNIT={}", self.unit);
        let count = format!("--lines={count}");
        // Lines from before the last start are left out.
        let started = self
            .unit_properties()
            .ok()
            .and_then(|properties| properties.started);
        let since = started.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let since = format!("--since=@{}", since.unwrap_or_default().as_secs());
        // In reverse, because together with `--since`, `--lines` counts from the oldest line.
        let args = [
            "--user",
            "--no-pager",
            "--quiet",
            "--output=cat",
            "--reverse",
            &count,
            &since,
            &unit_filter,
        ];
        let command = self.command("journalctl", &args);
        let output = self.context.host.run(&command, OPTIONAL_QUERY_TIMEOUT);
        let text = output.map(|output| output.stdout).unwrap_or_default();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.reverse();
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wsl_is_known_by_the_release_of_its_kernel() {
        for release in ["5.15.153.1-microsoft-standard-WSL2", "4.4.0-19041-Microsoft"] {
            assert!(is_wsl_kernel(release), "{release}");
        }
        assert!(!is_wsl_kernel("6.12.48+deb13-cloud-amd64"));
    }
}
