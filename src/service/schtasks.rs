//! Controls tasks of the user in the Task Scheduler of Windows. Tested with recorded texts and fake tools only: the
//! tests run on no Windows.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::ManagerError;
use super::manager::{ManagerKind, RunState, ServiceManager, ServiceState};
use crate::host::process::{CommandOutput, CommandSpec};
use crate::instance::InstanceContext;
use crate::probe;
use crate::service_files::{ServiceSpec, task, task_name, timer_task_name};

mod query;

/// Time limit of a query of the Task Scheduler.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit of a change of a task by `schtasks`, and of the stop of a task.
const ACTION_TIMEOUT: Duration = Duration::from_secs(45);
/// Time between two queries whether a task of the Task Scheduler has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Name of the script that the Windows task of a gateway runs, in the state folder, as OpenClaw names it
/// (docs/openclaw.md#windows-task).
const SCRIPT_FILE: &str = concat!("gateway", ".cmd");
/// Name of the XML document of a gateway's Windows task, which `schtasks` reads, beside the script of the task.
const DOCUMENT_FILE: &str = concat!("gateway", ".task.xml");
/// Name of the script of the task that looks whether a gateway answers, in the state folder.
const TIMER_SCRIPT_FILE: &str = concat!("check", ".cmd");
/// Name of the XML document of that task, beside its script.
const TIMER_DOCUMENT_FILE: &str = concat!("check", ".task.xml");

/// The user's scheduled tasks on Windows, and the task of one instance's gateway.
pub(super) struct Schtasks<'a> {
    context: InstanceContext<'a>,
    task: String,
    timer_task: String,
}

impl<'a> Schtasks<'a> {
    pub(super) fn new(context: InstanceContext<'a>) -> Self {
        Self {
            task: task_name(&context.instance.profile),
            timer_task: timer_task_name(&context.instance.profile),
            context,
        }
    }

    /// Runs `schtasks`; fails where it does not end in time.
    fn schtasks(&self, args: &[&str], limit: Duration) -> Result<CommandOutput, ManagerError> {
        let command = CommandSpec::new("schtasks", args);
        let output = self.context.host.run(&command, limit);
        let output = output.map_err(|_| ManagerError::ToolMissing("schtasks"))?;
        if output.timed_out {
            return Err(ManagerError::TimedOut(format!("schtasks {}", args.join(" "))));
        }
        Ok(output)
    }

    /// Runs `schtasks` to change the Windows task of a gateway. The exit code is 1 for every failure and the messages
    /// are translated, so a failed `/Create` counts as a registration that this user is not allowed to make.
    fn change_task(&self, args: &[&str]) -> Result<(), ManagerError> {
        let output = self.schtasks(args, ACTION_TIMEOUT)?;
        let message = output.stderr.trim().to_owned();
        match output.code {
            Some(0) => Ok(()),
            Some(1) if args.first() == Some(&"/Create") => Err(ManagerError::RegistrationDenied(message)),
            _ => Err(ManagerError::Failed(message)),
        }
    }

    /// Returns the path of the XML document of a gateway's Windows task.
    fn document_path(&self) -> PathBuf {
        self.context.instance.state_dir.join(DOCUMENT_FILE)
    }

    /// Returns the full name of the Windows user: `PC\ada`.
    fn user_name(&self) -> Option<String> {
        let host = self.context.host;
        let name = host.var("USERNAME")?;
        Some(match host.var("USERDOMAIN") {
            Some(domain) => format!("{domain}\\{name}"),
            None => name.to_owned(),
        })
    }

    /// Kills a Windows process and all its descendants by `taskkill`.
    fn kill_process_tree(&self, pid: u32) -> Result<(), ManagerError> {
        let command = CommandSpec::new("taskkill", ["/F", "/T", "/PID", &pid.to_string()]);
        let output = self.context.host.run(&command, ACTION_TIMEOUT);
        match output.map_err(|_| ManagerError::ToolMissing("taskkill"))?.code {
            // 128: the process has ended already.
            Some(0 | 128) => Ok(()),
            _ => Err(ManagerError::Failed(format!("taskkill /PID {pid}"))),
        }
    }
}

impl ServiceManager for Schtasks<'_> {
    fn kind(&self) -> ManagerKind {
        ManagerKind::Schtasks
    }

    fn service_name(&self) -> &str {
        &self.task
    }

    fn file(&self) -> PathBuf {
        self.context.instance.state_dir.join(SCRIPT_FILE)
    }

    fn files(&self) -> Vec<PathBuf> {
        let own = [self.file(), self.document_path()];
        own.into_iter().chain(self.timer_files()).collect()
    }

    fn timer_files(&self) -> Vec<PathBuf> {
        let state_dir = &self.context.instance.state_dir;
        vec![
            state_dir.join(TIMER_SCRIPT_FILE),
            state_dir.join(TIMER_DOCUMENT_FILE),
        ]
    }

    fn timer_name(&self) -> &str {
        &self.timer_task
    }

    fn is_timer_active(&self) -> Option<bool> {
        let args = ["/Query", "/TN", &self.timer_task, "/V", "/FO", "CSV", "/NH"];
        let output = self.schtasks(&args, QUERY_TIMEOUT).ok()?;
        let is_there = output.code == Some(0);
        Some(is_there && matches!(query::parse(&output.stdout).run, RunState::Running(_)))
    }

    fn end_timer(&self) -> Result<(), ManagerError> {
        // It may have ended already, or never have been registered: only one that is still there is a failure.
        let _ = self.change_task(&["/End", "/TN", &self.timer_task]);
        match self.change_task(&["/Delete", "/F", "/TN", &self.timer_task]) {
            Err(ManagerError::Failed(_)) if self.is_timer_active() == Some(false) => Ok(()),
            result => result,
        }
    }

    fn render_files(&self, spec: &ServiceSpec) -> Vec<(PathBuf, Vec<u8>)> {
        let document = task::render_document(spec, &self.file(), self.user_name().as_deref());
        let mut files = vec![
            (self.file(), task::render_script(spec).into_bytes()),
            (self.document_path(), task::to_utf16(&document)),
        ];
        if spec.has_timer {
            let paths = self.timer_files();
            let document = task::render_check_document(spec, &paths[0], self.user_name().as_deref());
            let texts = [
                task::render_check_script(spec).into_bytes(),
                task::to_utf16(&document),
            ];
            files.extend(paths.into_iter().zip(texts));
        }
        files
    }

    fn install_commands(&self) -> Vec<String> {
        vec![
            format!(
                "schtasks /Create /F /TN \"{}\" /XML \"{}\"",
                self.task,
                self.document_path().display()
            ),
            format!("schtasks /Run /TN \"{}\"", self.task),
        ]
    }

    fn check_reachable(&self) -> Result<(), ManagerError> {
        self.query_state().map(drop)
    }

    fn query_state(&self) -> Result<ServiceState, ManagerError> {
        let args = ["/Query", "/TN", &self.task, "/V", "/FO", "CSV", "/NH"];
        let output = self.schtasks(&args, QUERY_TIMEOUT)?;
        if output.code == Some(0) {
            let document = self.schtasks(&["/Query", "/TN", &self.task, "/XML"], QUERY_TIMEOUT)?;
            return Ok(ServiceState {
                enabled: task::is_enabled(&document.stdout),
                ..query::parse(&output.stdout)
            });
        }
        Ok(ServiceState {
            run: if self.file().exists() {
                RunState::Stopped
            } else {
                RunState::NotInstalled
            },
            ..ServiceState::default()
        })
    }

    fn verify_file(&self, _staged: &Path) -> Result<(), ManagerError> {
        Ok(())
    }

    fn load(&self) -> Result<(), ManagerError> {
        let document = self.document_path().to_string_lossy().into_owned();
        self.change_task(&["/Create", "/F", "/TN", &self.task, "/XML", &document])?;
        let timer = &self.timer_files()[1];
        if timer.exists() {
            let document = timer.to_string_lossy().into_owned();
            self.change_task(&["/Create", "/F", "/TN", &self.timer_task, "/XML", &document])?;
            self.change_task(&["/Run", "/TN", &self.timer_task])?;
        }
        Ok(())
    }

    fn enable_offline(&self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    fn start(&self) -> Result<(), ManagerError> {
        self.change_task(&["/Run", "/TN", &self.task])
    }

    fn stop(&self, _wait: bool) -> Result<(), ManagerError> {
        // `/End` kills the interpreter of the script only. It comes first, so that the script does not restart the
        // gateway.
        let gateway = probe::probe_gateway(self.context, QUERY_TIMEOUT);
        let ended = self.change_task(&["/End", "/TN", &self.task]);
        if let Some(pid) = gateway.pid.filter(|_| gateway.is_running()) {
            self.kill_process_tree(pid)?;
        }
        let deadline = Instant::now() + ACTION_TIMEOUT;
        while matches!(self.query_state()?.run, RunState::Running(_)) {
            // `/End` fails for a task that does not run, so its failure counts only while the task runs.
            ended.clone()?;
            if Instant::now() >= deadline {
                let command = format!("schtasks /End /TN \"{}\"", self.task);
                return Err(ManagerError::TimedOut(command));
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    fn restart(&self) -> Result<(), ManagerError> {
        self.stop(true)?;
        self.start()
    }

    fn disable(&self) -> Result<(), ManagerError> {
        match self.change_task(&["/Delete", "/F", "/TN", &self.task]) {
            // The task was deleted meanwhile.
            Err(ManagerError::Failed(_)) if !self.query_state()?.loaded => Ok(()),
            result => result,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::fake_tools;
    use super::*;
    use crate::service_files::tests::plain_spec;

    const RUNNING_ROW: &str = r#"'"PC","\x","-","-","-","-","267009"'"#;
    const STOPPED_ROW: &str = r#"'"PC","\x","-","-","-","-","0"'"#;

    /// Runs `act` in a test with a `schtasks` and a `taskkill` that run a script. Returns the result and the first
    /// two words of each call.
    fn run<T>(script: &str, act: impl FnOnce(&Schtasks<'_>) -> T) -> (T, Vec<String>) {
        let (result, calls) = fake_tools::with_tools(&["schtasks", "taskkill"], script, |context| {
            act(&Schtasks::new(context))
        });
        let verbs = |call: &String| call.split(' ').take(2).collect::<Vec<_>>().join(" ");
        (result, calls.iter().map(verbs).collect())
    }

    #[test]
    fn stop_waits_until_the_task_has_ended() {
        let script = format!("case $n in 1) ;; 2|3) echo {RUNNING_ROW} ;; *) echo {STOPPED_ROW} ;; esac");
        let (result, calls) = run(&script, |tasks| tasks.stop(true));
        assert_eq!(result, Ok(()));
        assert_eq!(calls[0], "schtasks /End");
        assert_eq!(calls.len(), 5, "{calls:?}");
    }

    #[test]
    fn stopping_fails_only_for_a_task_that_runs_on() {
        let script = |row: &str| format!("case $1 in /End) exit 1 ;; *) echo {row} ;; esac");
        assert_eq!(run(&script(STOPPED_ROW), |tasks| tasks.stop(true)).0, Ok(()));
        assert!(run(&script(RUNNING_ROW), |tasks| tasks.stop(true)).0.is_err());
    }

    #[test]
    fn deleting_fails_only_for_a_task_that_still_exists() {
        let (result, calls) = run("exit 1", |tasks| tasks.disable());
        assert_eq!(result, Ok(()));
        assert_eq!(calls, ["schtasks /Delete", "schtasks /Query"]);
        let stays = format!("case $1 in /Delete) exit 1 ;; *) echo {STOPPED_ROW} ;; esac");
        assert!(run(&stays, |tasks| tasks.disable()).0.is_err());
    }

    #[test]
    fn user_who_may_not_register_a_task_is_told_so() {
        let (result, _) = run("echo ERROR: Access is denied. >&2; exit 1", |tasks| tasks.load());
        let message = "ERROR: Access is denied.".to_owned();
        assert_eq!(result, Err(ManagerError::RegistrationDenied(message)));
    }

    #[test]
    fn rendered_files_are_all_listed_and_the_task_names_this_user() {
        let ((), _) = run("", |tasks| {
            let files = tasks.render_files(&plain_spec());
            let paths: Vec<_> = files.iter().map(|(path, _)| path.clone()).collect();
            assert_eq!(paths, tasks.files()[..2]);
            let user: Vec<_> = "<UserId>PC\\ada</UserId>"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect();
            assert!(files[1].1.windows(user.len()).any(|bytes| bytes == user));
        });
    }
}
