//! launchd's agents of this user. Built and tested through its texts only: no macOS is at hand.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::trouble::Trouble;
use super::{Manager, Seen, Site, State, spec};
use crate::host::process::Call;
use print::Came;

pub(super) mod plist;
mod print;

const ASK: Duration = Duration::from_secs(2);
const ACT: Duration = Duration::from_secs(45);

/// The user's launchd, in the domain of the graphical session.
pub(super) struct Launchd<'a> {
    site: Site<'a>,
    label: String,
}

impl<'a> Launchd<'a> {
    pub(super) fn new(site: Site<'a>) -> Self {
        let label = spec::label(&site.instance.profile);
        Self { site, label }
    }

    fn domain(&self) -> String {
        format!("gui/{}", self.site.host.user_id().unwrap_or(0))
    }

    fn target(&self) -> String {
        format!("{}/{}", self.domain(), self.label)
    }

    /// A call, tried once more where it failed as it does while an old service still goes.
    fn ctl(&self, args: &[&str], limit: Duration) -> Result<(Came, String), Trouble> {
        let command = format!("launchctl {}", args.join(" "));
        let once = || -> Result<(Came, String), Trouble> {
            let ended = self.site.host.run(&Call::new("launchctl", args), limit);
            let ended = ended.map_err(|_| Trouble::NoTool("launchctl"))?;
            Ok((print::came(&command, &ended), ended.stdout))
        };
        let came = match once()? {
            (Came::TryAgain, _) => once()?,
            came => came,
        };
        match came {
            (Came::Failed(trouble), _) => Err(trouble),
            (Came::TryAgain, _) => Err(Trouble::Said(command)),
            came => Ok(came),
        }
    }
}

impl Manager for Launchd<'_> {
    fn kind(&self) -> &'static str {
        "launchd"
    }

    fn name(&self) -> &str {
        &self.label
    }

    fn file(&self) -> PathBuf {
        let folder = self.site.env.home.join("Library/LaunchAgents");
        folder.join(format!("{}.plist", self.label))
    }

    fn files(&self, spec: &spec::Spec) -> Vec<(PathBuf, Vec<u8>)> {
        vec![(self.file(), plist::render(spec).into_bytes())]
    }

    fn commands(&self) -> Vec<String> {
        vec![
            format!("launchctl bootout {}", self.target()),
            format!("launchctl enable {}", self.target()),
            format!("launchctl bootstrap {} {}", self.domain(), self.file().display()),
        ]
    }

    fn reach(&self) -> Result<(), Trouble> {
        self.ctl(&["print", &self.domain()], ASK).map(drop)
    }

    fn look(&self) -> Result<Seen, Trouble> {
        match self.ctl(&["print", &self.target()], ASK)? {
            (Came::NotLoaded, _) => Ok(Seen {
                state: if self.file().exists() {
                    State::Stopped
                } else {
                    State::NotInstalled
                },
                ..Seen::default()
            }),
            (_, text) => Ok(print::parse(&text)),
        }
    }

    fn verify(&self, staged: &Path) -> Result<(), Trouble> {
        let call = Call::new("plutil", [Path::new("-lint"), staged]);
        match self.site.host.run(&call, ASK) {
            Ok(ended) if ended.code != Some(0) && !ended.timed_out => {
                Err(Trouble::BadFile(format!("{}{}", ended.stdout, ended.stderr)))
            }
            _ => Ok(()),
        }
    }

    fn load(&self) -> Result<(), Trouble> {
        // launchd reads a file once, so the old service goes before the new one is read.
        self.ctl(&["bootout", &self.target()], ACT)?;
        self.ctl(&["enable", &self.target()], ACT)?;
        let file = self.file().to_string_lossy().into_owned();
        self.ctl(&["bootstrap", &self.domain(), &file], ACT).map(drop)
    }

    fn load_later(&self) -> std::io::Result<()> {
        // Every file in the folder is read at login.
        Ok(())
    }

    fn start(&self) -> Result<(), Trouble> {
        if let (Came::NotLoaded, _) = self.ctl(&["kickstart", &self.target()], ACT)? {
            self.load()?;
            self.ctl(&["kickstart", &self.target()], ACT)?;
        }
        Ok(())
    }

    fn stop(&self, _wait: bool) -> Result<(), Trouble> {
        // An orderly end is not started again, and the service stays registered, unlike after bootout.
        self.ctl(&["kill", "SIGTERM", &self.target()], ACT).map(drop)
    }

    fn restart(&self) -> Result<(), Trouble> {
        if let (Came::NotLoaded, _) = self.ctl(&["kickstart", "-k", &self.target()], ACT)? {
            self.load()?;
        }
        Ok(())
    }

    fn unload(&self) -> Result<(), Trouble> {
        self.ctl(&["bootout", &self.target()], ACT).map(drop)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::host::Host;
    use crate::instance::Instance;
    use crate::profile::ProfileName;

    /// A `launchctl` that ends with these codes, one after the other, and notes how it was called.
    fn shim(codes: &str) -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        let script = format!(
            "#!/bin/sh\ncd {}\necho \"$@\" >>calls\nset -- {codes}\nn=$(wc -l <calls)\nshift $((n-1)) 2>/dev/null\nexit ${{1:-0}}\n",
            dir.path().display()
        );
        let path = dir.path().join("launchctl");
        #[expect(clippy::disallowed_methods, reason = "a tool of the test's own")]
        std::fs::write(&path, script).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
        let host = Host::with(&[], [("PATH", format!("{}:/usr/bin:/bin", dir.path().display()))]);
        (dir, host)
    }

    fn run<T>(codes: &str, act: impl FnOnce(&dyn Manager) -> T) -> (T, Vec<String>) {
        let (dir, host) = shim(codes);
        let env = Environment {
            home: dir.path().to_path_buf(),
            ..Environment::default()
        };
        let instance = Instance::canonical(dir.path(), ProfileName::parse("rescue").unwrap());
        let site = Site {
            host: &host,
            env: &env,
            instance: &instance,
        };
        let came = act(&Launchd::new(site));
        let calls = std::fs::read_to_string(dir.path().join("calls")).unwrap_or_default();
        (
            came,
            calls
                .lines()
                .map(|line| line.split(' ').next().unwrap().to_owned())
                .collect(),
        )
    }

    #[test]
    fn a_load_that_meets_the_old_service_still_going_is_tried_once_more() {
        let (came, calls) = run("113 0 5 0", |launchd| launchd.load());
        assert_eq!(came, Ok(()));
        assert_eq!(calls, ["bootout", "enable", "bootstrap", "bootstrap"]);
        let (came, calls) = run("0 0 5 5", |launchd| launchd.load());
        assert!(came.is_err());
        assert_eq!(calls.len(), 4);
    }

    #[test]
    fn without_a_graphical_session_it_says_so() {
        let (came, _) = run("0 0 125", |launchd| launchd.load());
        assert_eq!(came, Err(Trouble::NoGui));
    }

    #[test]
    fn stopping_does_not_unregister() {
        let (came, calls) = run("0", |launchd| launchd.stop(true));
        assert_eq!((came, calls), (Ok(()), vec!["kill".to_owned()]));
    }

    #[test]
    fn starting_what_is_not_loaded_loads_it_first() {
        let (came, calls) = run("113 113 0 0 0", |launchd| launchd.start());
        assert_eq!(came, Ok(()));
        assert_eq!(
            calls,
            ["kickstart", "bootout", "enable", "bootstrap", "kickstart"]
        );
    }
}
