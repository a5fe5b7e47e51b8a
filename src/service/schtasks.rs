//! The Task Scheduler of Windows. Built and tested through its texts only: no Windows is at hand.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::trouble::Trouble;
use super::{Manager, Seen, Site, State};
use crate::host::process::{CommandOutput, CommandSpec};
use crate::probe;
use crate::service_files::{ServiceSpec, task, task_name};

mod query;

const ASK: Duration = Duration::from_secs(5);
const ACT: Duration = Duration::from_secs(45);
/// How often a task that was ended is looked at until it has.
const PAUSE: Duration = Duration::from_millis(200);

/// The script's name in the state folder, as OpenClaw has it (docs/openclaw.md#windows-task).
const SCRIPT: &str = concat!("gateway", ".cmd");
/// The task's document beside it, as `schtasks` was given it.
const DOCUMENT: &str = concat!("gateway", ".task.xml");

/// The user's scheduled tasks.
pub(super) struct Schtasks<'a> {
    site: Site<'a>,
    task: String,
}

impl<'a> Schtasks<'a> {
    pub(super) fn new(site: Site<'a>) -> Self {
        let task = task_name(&site.instance.profile);
        Self { site, task }
    }

    fn run(&self, args: &[&str], limit: Duration) -> Result<CommandOutput, Trouble> {
        let call = CommandSpec::new("schtasks", args);
        let ended = self.site.host.run(&call, limit);
        let ended = ended.map_err(|_| Trouble::NoTool("schtasks"))?;
        if ended.timed_out {
            return Err(Trouble::TimedOut(format!("schtasks {}", args.join(" "))));
        }
        Ok(ended)
    }

    /// A change. Its one exit code for every failure is 1, its words are translated: a task that can be
    /// neither made nor changed is one that this user may not make.
    fn change(&self, args: &[&str]) -> Result<(), Trouble> {
        match self.run(args, ACT)? {
            CommandOutput { code: Some(0), .. } => Ok(()),
            ended => {
                let said = ended.stderr.trim().to_owned();
                let may_not = ended.code == Some(1) && args.first() == Some(&"/Create");
                Err(if may_not {
                    Trouble::WindowsDenied(said)
                } else {
                    Trouble::Said(said)
                })
            }
        }
    }

    fn document(&self) -> PathBuf {
        self.site.instance.state_dir.join(DOCUMENT)
    }

    /// The user's full name: `PC\ada`.
    fn user(&self) -> Option<String> {
        let host = self.site.host;
        let name = host.var("USERNAME")?;
        Some(match host.var("USERDOMAIN") {
            Some(domain) => format!("{domain}\\{name}"),
            None => name.to_owned(),
        })
    }

    /// Ends a process with what it started.
    fn end(&self, pid: u32) -> Result<(), Trouble> {
        let call = CommandSpec::new("taskkill", ["/F", "/T", "/PID", &pid.to_string()]);
        let ended = self.site.host.run(&call, ACT);
        match ended.map_err(|_| Trouble::NoTool("taskkill"))?.code {
            // 128: it is gone already.
            Some(0 | 128) => Ok(()),
            _ => Err(Trouble::Said(format!("taskkill /PID {pid}"))),
        }
    }
}

impl Manager for Schtasks<'_> {
    fn kind(&self) -> &'static str {
        "schtasks"
    }

    fn name(&self) -> &str {
        &self.task
    }

    fn file(&self) -> PathBuf {
        self.site.instance.state_dir.join(SCRIPT)
    }

    fn files(&self, spec: &ServiceSpec) -> Vec<(PathBuf, Vec<u8>)> {
        let document = task::render_document(spec, &self.file(), self.user().as_deref());
        vec![
            (self.file(), task::render_script(spec).into_bytes()),
            (self.document(), task::to_utf16(&document)),
        ]
    }

    fn paths(&self) -> Vec<PathBuf> {
        vec![self.file(), self.document()]
    }

    fn commands(&self) -> Vec<String> {
        vec![
            format!(
                "schtasks /Create /F /TN \"{}\" /XML \"{}\"",
                self.task,
                self.document().display()
            ),
            format!("schtasks /Run /TN \"{}\"", self.task),
        ]
    }

    fn reach(&self) -> Result<(), Trouble> {
        self.look().map(drop)
    }

    fn look(&self) -> Result<Seen, Trouble> {
        let ended = self.run(&["/Query", "/TN", &self.task, "/V", "/FO", "CSV", "/NH"], ASK)?;
        if ended.code == Some(0) {
            let document = self.run(&["/Query", "/TN", &self.task, "/XML"], ASK)?;
            return Ok(Seen {
                enabled: task::is_enabled(&document.stdout),
                ..query::parse(&ended.stdout)
            });
        }
        Ok(Seen {
            state: if self.file().exists() {
                State::Stopped
            } else {
                State::NotInstalled
            },
            ..Seen::default()
        })
    }

    fn verify(&self, _staged: &Path) -> Result<(), Trouble> {
        Ok(())
    }

    fn load(&self) -> Result<(), Trouble> {
        let document = self.document().to_string_lossy().into_owned();
        self.change(&["/Create", "/F", "/TN", &self.task, "/XML", &document])
    }

    fn load_later(&self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    fn start(&self) -> Result<(), Trouble> {
        self.change(&["/Run", "/TN", &self.task])
    }

    fn stop(&self, _wait: bool) -> Result<(), Trouble> {
        // With the task only the interpreter of its script ends, which goes first so that it starts no other.
        let Site { host, env, instance } = self.site;
        let gateway = probe::instance(host, env, instance, ASK);
        let ended = self.change(&["/End", "/TN", &self.task]);
        if let Some(pid) = gateway.pid.filter(|_| gateway.is_running()) {
            self.end(pid)?;
        }
        let deadline = Instant::now() + ACT;
        while matches!(self.look()?.state, State::Running(_)) {
            // One that does not run can't be ended, so only one that still runs is a failure.
            ended.clone()?;
            if Instant::now() >= deadline {
                return Err(Trouble::TimedOut(format!("schtasks /End /TN \"{}\"", self.task)));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn restart(&self) -> Result<(), Trouble> {
        self.stop(true)?;
        self.start()
    }

    fn unload(&self) -> Result<(), Trouble> {
        match self.change(&["/Delete", "/F", "/TN", &self.task]) {
            // Somebody else has deleted it.
            Err(Trouble::Said(_)) if !self.look()?.loaded => Ok(()),
            deleted => deleted,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::shim;
    use super::*;

    const RUNS: &str = r#"'"PC","\x","-","-","-","-","267009"'"#;
    const STOPPED: &str = r#"'"PC","\x","-","-","-","-","0"'"#;

    fn run<T>(script: &str, act: impl FnOnce(&Schtasks<'_>) -> T) -> (T, Vec<String>) {
        let (came, calls) = shim::with(&["schtasks", "taskkill"], script, |site| {
            act(&Schtasks::new(site))
        });
        let verbs = |call: &String| call.split(' ').take(2).collect::<Vec<_>>().join(" ");
        (came, calls.iter().map(verbs).collect())
    }

    #[test]
    fn ending_waits_until_the_task_runs_no_more() {
        let script = format!("case $n in 1) ;; 2|3) echo {RUNS} ;; *) echo {STOPPED} ;; esac");
        let (came, calls) = run(&script, |tasks| tasks.stop(true));
        assert_eq!(came, Ok(()));
        assert_eq!(calls[0], "schtasks /End");
        assert_eq!(calls.len(), 5, "{calls:?}");
    }

    #[test]
    fn a_task_that_does_not_run_is_ended_already_and_one_that_runs_on_is_a_failure() {
        let script = |row: &str| format!("case $1 in /End) exit 1 ;; *) echo {row} ;; esac");
        assert_eq!(run(&script(STOPPED), |tasks| tasks.stop(true)).0, Ok(()));
        assert!(run(&script(RUNS), |tasks| tasks.stop(true)).0.is_err());
    }

    #[test]
    fn a_task_that_somebody_deleted_is_gone_and_one_that_stays_is_not() {
        let (came, calls) = run("exit 1", |tasks| tasks.unload());
        assert_eq!(came, Ok(()));
        assert_eq!(calls, ["schtasks /Delete", "schtasks /Query"]);
        let stays = format!("case $1 in /Delete) exit 1 ;; *) echo {STOPPED} ;; esac");
        assert!(run(&stays, |tasks| tasks.unload()).0.is_err());
    }

    #[test]
    fn whoever_may_not_register_a_task_is_told_so() {
        let (came, _) = run("echo ERROR: Access is denied. >&2; exit 1", |tasks| tasks.load());
        let said = "ERROR: Access is denied.".to_owned();
        assert_eq!(came, Err(Trouble::WindowsDenied(said)));
    }

    #[test]
    fn every_file_that_is_written_is_known_and_the_task_is_of_this_user() {
        let ((), _) = run("", |tasks| {
            let files = tasks.files(&crate::service_files::tests::plain_spec());
            let paths: Vec<_> = files.iter().map(|(path, _)| path.clone()).collect();
            assert_eq!(paths, tasks.paths());
            let document: Vec<_> = "<UserId>PC\\ada</UserId>"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect();
            assert!(files[1].1.windows(document.len()).any(|bytes| bytes == document));
        });
    }
}
