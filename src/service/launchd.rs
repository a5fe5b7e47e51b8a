//! Controls launchd agents of the user, on macOS. Tested with recorded texts and a fake `launchctl` only: the tests run
//! on no macOS.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::ManagerError;
use super::manager::{ManagerKind, RunState, ServiceManager, ServiceState};
use crate::host::process::CommandSpec;
use crate::instance::InstanceContext;
use crate::logs;
use crate::service_files::{ServiceSpec, launchd_label, plist, timer_label};
use print::CallResult;

mod print;

/// Time limit of a query of launchd.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit of a change by `launchctl`, and of the stop of a launchd service.
const ACTION_TIMEOUT: Duration = Duration::from_secs(45);
/// Time between two queries whether launchd has completed a change of a service.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// Time that launchd may need to release an old service: the agent's `ExitTimeOut`, and the seconds for which the label
/// stays in use after `bootout` has returned.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(40);

/// The launchd of the user, in the domain of the graphical session, and the launchd agent of one instance's gateway.
pub(super) struct Launchd<'a> {
    context: InstanceContext<'a>,
    label: String,
    timer_label: String,
    release_timeout: Duration,
}

impl<'a> Launchd<'a> {
    pub(super) fn new(context: InstanceContext<'a>) -> Self {
        Self {
            label: launchd_label(&context.instance.profile),
            timer_label: timer_label(&context.instance.profile),
            release_timeout: RELEASE_TIMEOUT,
            context,
        }
    }

    /// Returns the launchd domain of the user's graphical session: `gui/501`.
    fn domain(&self) -> String {
        format!("gui/{}", self.context.host.user_id().unwrap_or(0))
    }

    /// Returns the launchd agent of an instance's gateway as a target of `launchctl`: `gui/501/ai.openclaw.rescue`.
    fn target(&self) -> String {
        format!("{}/{}", self.domain(), self.label)
    }

    /// Returns the agent of the timer as a target of `launchctl`.
    fn timer_target(&self) -> String {
        format!("{}/{}", self.domain(), self.timer_label)
    }

    /// Returns the path of the property list of an agent with this label.
    fn list_path(&self, label: &str) -> PathBuf {
        let folder = self.context.env.home.join("Library/LaunchAgents");
        folder.join(format!("{label}.plist"))
    }

    /// Runs `launchctl`, and repeats it while launchd still releases an old service. Returns the result and the output.
    fn launchctl(&self, args: &[&str], limit: Duration) -> Result<(CallResult, String), ManagerError> {
        let deadline = Instant::now() + self.release_timeout;
        loop {
            let output = self
                .context
                .host
                .run(&CommandSpec::new("launchctl", args), limit)
                .map_err(|_| ManagerError::ToolMissing("launchctl"))?;
            match print::interpret(args, &output) {
                CallResult::TryAgain if Instant::now() < deadline => std::thread::sleep(POLL_INTERVAL),
                CallResult::TryAgain => return Err(ManagerError::Failed(output.stderr.trim().to_owned())),
                CallResult::Failed(error) => return Err(error),
                result => return Ok((result, output.stdout)),
            }
        }
    }

    /// Unloads the agent of a gateway's service from launchd, which also stops the service.
    fn bootout(&self) -> Result<(), ManagerError> {
        self.launchctl(&["bootout", &self.target()], ACTION_TIMEOUT)
            .map(drop)
    }

    /// Returns the state of the service that is loaded in launchd; `None` where it is not loaded.
    fn loaded_state(&self) -> Result<Option<ServiceState>, ManagerError> {
        Ok(match self.launchctl(&["print", &self.target()], QUERY_TIMEOUT)? {
            (CallResult::NotLoaded, _) => None,
            (_, text) => Some(print::parse(&text)),
        })
    }

    fn is_disabled(&self) -> Result<bool, ManagerError> {
        let (_, text) = self.launchctl(&["print-disabled", &self.domain()], QUERY_TIMEOUT)?;
        Ok(print::is_disabled(&text, &self.label))
    }

    /// Creates the folder of the log files of a launchd service: launchd creates the files, but not their folder, and
    /// does not start the service without it.
    fn create_log_dir(&self) -> std::io::Result<()> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the folder of launchd's own files, in the private folder of the instance"
        )]
        std::fs::create_dir_all(self.context.instance.logs())
    }
}

impl ServiceManager for Launchd<'_> {
    fn kind(&self) -> ManagerKind {
        ManagerKind::Launchd
    }

    fn service_name(&self) -> &str {
        &self.label
    }

    fn file(&self) -> PathBuf {
        self.list_path(&self.label)
    }

    fn render_files(&self, spec: &ServiceSpec) -> Vec<(PathBuf, Vec<u8>)> {
        let timer = self.list_path(&self.timer_label);
        let timer = spec
            .has_timer
            .then(|| (timer, plist::render_check(spec).into_bytes()));
        std::iter::once((self.file(), plist::render(spec).into_bytes()))
            .chain(timer)
            .collect()
    }

    fn timer_files(&self) -> Vec<PathBuf> {
        vec![self.list_path(&self.timer_label)]
    }

    fn timer_name(&self) -> &str {
        &self.timer_label
    }

    fn is_timer_active(&self) -> Option<bool> {
        let printed = self
            .launchctl(&["print", &self.timer_target()], QUERY_TIMEOUT)
            .ok()?;
        Some(printed.0 != CallResult::NotLoaded)
    }

    fn end_timer(&self) -> Result<(), ManagerError> {
        self.launchctl(&["bootout", &self.timer_target()], ACTION_TIMEOUT)
            .map(drop)
    }

    fn install_commands(&self) -> Vec<String> {
        vec![
            format!("launchctl bootout {}", self.target()),
            format!("launchctl enable {}", self.target()),
            format!(
                "launchctl bootstrap {} \"{}\"",
                self.domain(),
                self.file().display()
            ),
        ]
    }

    fn check_reachable(&self) -> Result<(), ManagerError> {
        match self.launchctl(&["print", &self.domain()], QUERY_TIMEOUT)? {
            (CallResult::NotLoaded, _) => Err(ManagerError::NoGraphicalSession),
            _ => Ok(()),
        }
    }

    fn query_state(&self) -> Result<ServiceState, ManagerError> {
        let loaded = self.loaded_state()?;
        if loaded.is_none() && !self.file().exists() {
            return Ok(ServiceState::not_installed());
        }
        Ok(ServiceState {
            // launchd reads every file of the folder at login, also where the service is not loaded now.
            enabled: !self.is_disabled()?,
            ..loaded.unwrap_or(ServiceState {
                run: RunState::Stopped,
                ..ServiceState::default()
            })
        })
    }

    fn verify_file(&self, staged: &Path) -> Result<(), ManagerError> {
        let command = CommandSpec::new("plutil", [Path::new("-lint"), staged]);
        match self.context.host.run(&command, QUERY_TIMEOUT) {
            Ok(output) if output.code != Some(0) && !output.timed_out => Err(ManagerError::FileRejected(
                format!("{}{}", output.stdout, output.stderr),
            )),
            _ => Ok(()),
        }
    }

    fn load(&self) -> Result<(), ManagerError> {
        // launchd reads a file once: the old service is unloaded before the new file is loaded.
        self.bootout()?;
        self.launchctl(&["enable", &self.target()], ACTION_TIMEOUT)?;
        self.create_log_dir()
            .map_err(|e| ManagerError::Failed(e.to_string()))?;
        let timer = self.list_path(&self.timer_label);
        let is_there = timer.exists();
        if is_there {
            self.end_timer()?;
        }
        for file in std::iter::once(self.file()).chain(is_there.then_some(timer)) {
            let file = file.to_string_lossy().into_owned();
            self.launchctl(&["bootstrap", &self.domain(), &file], ACTION_TIMEOUT)?;
        }
        Ok(())
    }

    fn enable_offline(&self) -> std::io::Result<()> {
        // launchd reads every file of the folder at login.
        self.create_log_dir()
    }

    fn can_install_from_within(&self) -> bool {
        false
    }

    fn start(&self) -> Result<(), ManagerError> {
        let kickstart = || self.launchctl(&["kickstart", &self.target()], ACTION_TIMEOUT);
        if let (CallResult::NotLoaded, _) = kickstart()? {
            self.load()?;
            kickstart()?;
        }
        Ok(())
    }

    fn stop(&self, wait: bool) -> Result<(), ManagerError> {
        // A service that exits with code 0 is not restarted, and stays registered, unlike after bootout.
        self.launchctl(&["kill", "SIGTERM", &self.target()], ACTION_TIMEOUT)?;
        if !wait {
            return Ok(());
        }
        let deadline = Instant::now() + ACTION_TIMEOUT;
        loop {
            match self.loaded_state()?.map(|state| state.run) {
                Some(RunState::Running(_)) if Instant::now() < deadline => std::thread::sleep(POLL_INTERVAL),
                Some(RunState::Running(_)) => {
                    return Err(ManagerError::TimedOut(format!(
                        "launchctl kill SIGTERM {}",
                        self.target()
                    )));
                }
                // A service that failed is restarted while it is registered.
                Some(RunState::Starting) => return self.bootout(),
                _ => return Ok(()),
            }
        }
    }

    fn restart(&self) -> Result<(), ManagerError> {
        let args = ["kickstart", "-k", &self.target()];
        if let (CallResult::NotLoaded, _) = self.launchctl(&args, ACTION_TIMEOUT)? {
            self.load()?;
        }
        Ok(())
    }

    fn restart_loaded(&self) -> Result<(), ManagerError> {
        // A loaded service has started by itself; to kill it at once would make launchd delay the next start.
        self.start()
    }

    fn disable(&self) -> Result<(), ManagerError> {
        // Without its file, launchd does not load the service at login.
        Ok(())
    }

    fn deregister(&self) -> Result<(), ManagerError> {
        self.bootout()
    }

    fn contains_this_process(&self) -> bool {
        // launchd sets the variable for a service, and child processes inherit it.
        self.context.host.var("XPC_SERVICE_NAME") == Some(&self.label)
    }

    fn last_log_lines(&self, count: usize) -> Vec<String> {
        let log = plist::error_log_path(&self.context.instance.state_dir);
        let text = logs::read_tail(&log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(count)..];
        last.iter().map(|line| (*line).to_owned()).collect()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::fake_tools;
    use super::*;

    /// Runs `act` in a test with a `launchctl` that exits with these codes, one after the other. Returns the result
    /// and the verbs that `launchctl` was given.
    fn run<T>(codes: &str, act: impl FnOnce(&Launchd<'_>) -> T) -> (T, Vec<String>) {
        let script = format!("set -- {codes}\nshift $((n-1)) 2>/dev/null\nexit ${{1:-0}}");
        let (result, calls) =
            fake_tools::with_tools(&["launchctl"], &script, |context| act(&Launchd::new(context)));
        let verb = |call: &String| call.split(' ').nth(1).unwrap().to_owned();
        (result, calls.iter().map(verb).collect())
    }

    #[test]
    fn load_is_repeated_until_the_old_service_has_gone() {
        let (result, calls) = run("113 0 5 37 0", |launchd| launchd.load());
        assert_eq!(result, Ok(()));
        assert_eq!(
            calls,
            ["bootout", "enable", "bootstrap", "bootstrap", "bootstrap"]
        );
        let (result, calls) = run("36 0 5", |launchd| {
            Launchd {
                release_timeout: Duration::ZERO,
                ..Launchd::new(launchd.context)
            }
            .load()
        });
        assert!(result.is_err());
        assert_eq!(calls.len(), 3);
    }

    #[test]
    fn load_creates_the_folder_of_the_files_that_launchd_writes() {
        let ((), _) = run("0 0 0", |launchd| {
            launchd.load().unwrap();
            assert!(launchd.context.instance.logs().is_dir());
        });
    }

    #[test]
    fn service_that_was_just_loaded_is_not_killed() {
        let (result, calls) = run("0", |launchd| launchd.restart_loaded());
        assert_eq!((result, calls), (Ok(()), vec!["kickstart".to_owned()]));
    }

    #[test]
    fn missing_graphical_session_is_reported() {
        let (result, _) = run("0 0 125", |launchd| launchd.load());
        assert_eq!(result, Err(ManagerError::NoGraphicalSession));
        for code in ["112", "113", "125"] {
            let (result, _) = run(code, |launchd| launchd.check_reachable());
            assert_eq!(result, Err(ManagerError::NoGraphicalSession), "{code}");
        }
    }

    #[test]
    fn stop_waits_for_the_end_and_does_not_unregister() {
        let (result, calls) = run("0 0", |launchd| launchd.stop(true));
        assert_eq!((result, calls.join(" ")), (Ok(()), "kill print".to_owned()));
        let (result, calls) = run("0", |launchd| launchd.stop(false));
        assert_eq!((result, calls.join(" ")), (Ok(()), "kill".to_owned()));
    }

    #[test]
    fn file_that_is_not_loaded_starts_at_the_next_login() {
        let (state, calls) = run("113 0", |launchd| {
            crate::apply::write_file(&launchd.file(), b"<plist/>").unwrap();
            launchd.query_state().unwrap()
        });
        assert_eq!(
            (state.run, state.enabled, state.loaded),
            (RunState::Stopped, true, false)
        );
        assert_eq!(calls, ["print", "print-disabled"]);
        let (state, _) = run("113", |launchd| launchd.query_state().unwrap());
        assert_eq!((state.run, state.enabled), (RunState::NotInstalled, false));
    }

    #[test]
    fn last_log_lines_are_those_of_the_error_log() {
        let ((), _) = run("0", |launchd| {
            assert!(launchd.last_log_lines(2).is_empty());
            let log = launchd.context.instance.logs().join("launchd.err.log");
            crate::apply::write_file(&log, b"one\ntwo\nthree\n").unwrap();
            assert_eq!(launchd.last_log_lines(2), ["two", "three"]);
        });
    }

    #[test]
    fn start_loads_a_service_that_is_not_loaded() {
        let (result, calls) = run("113 113 0 0 0", |launchd| launchd.start());
        assert_eq!(result, Ok(()));
        assert_eq!(
            calls,
            ["kickstart", "bootout", "enable", "bootstrap", "kickstart"]
        );
    }
}
