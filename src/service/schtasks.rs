//! The Task Scheduler of Windows. Built and tested through its texts only: no Windows is at hand.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::trouble::Trouble;
use super::{Manager, Seen, Site, State, spec};
use crate::host::process::{Call, Ended};

mod query;
pub(super) mod task;

const ASK: Duration = Duration::from_secs(5);
const ACT: Duration = Duration::from_secs(45);

/// The script's name in the state folder, as OpenClaw has it (`facts.md` 5).
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
        let task = spec::task(&site.instance.profile);
        Self { site, task }
    }

    fn run(&self, args: &[&str], limit: Duration) -> Result<Ended, Trouble> {
        let call = Call::new("schtasks", args);
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
            Ended { code: Some(0), .. } => Ok(()),
            Ended { code: Some(1), .. } if args.first() == Some(&"/Create") => Err(Trouble::WindowsDenied),
            ended => Err(Trouble::Said(ended.stderr.trim().to_owned())),
        }
    }

    fn document(&self) -> PathBuf {
        self.site.instance.state_dir.join(DOCUMENT)
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

    fn files(&self, spec: &spec::Spec) -> Vec<(PathBuf, Vec<u8>)> {
        let document = task::utf16(&task::document(spec, &self.file()));
        vec![
            (self.file(), task::script(spec).into_bytes()),
            (self.document(), document),
        ]
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
        self.run(&["/Query", "/FO", "CSV", "/NH"], ASK).map(drop)
    }

    fn look(&self) -> Result<Seen, Trouble> {
        let ended = self.run(&["/Query", "/TN", &self.task, "/V", "/FO", "CSV", "/NH"], ASK)?;
        if ended.code == Some(0) {
            return Ok(query::parse(&ended.stdout));
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
        self.change(&["/End", "/TN", &self.task])
    }

    fn restart(&self) -> Result<(), Trouble> {
        // One that does not run can't be ended; that is no reason not to start it.
        let _ = self.stop(true);
        self.start()
    }

    fn unload(&self) -> Result<(), Trouble> {
        self.change(&["/Delete", "/F", "/TN", &self.task])
    }
}
