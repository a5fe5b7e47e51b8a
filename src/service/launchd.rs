//! launchd's agents of this user. Built and tested through its texts only: no macOS is at hand.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::trouble::Trouble;
use super::{Manager, Seen, Site, State};
use crate::host::process::CommandSpec;
use crate::logs;
use crate::service_files::{ServiceSpec, launchd_label, plist};
use print::Came;

mod print;

const ASK: Duration = Duration::from_secs(5);
const ACT: Duration = Duration::from_secs(45);
/// How often launchd is asked whether something that takes time is done.
const PAUSE: Duration = Duration::from_millis(200);
/// As long launchd may take to let go of an old service: the agent's `ExitTimeOut`, and the seconds that the
/// label stays taken after `bootout` came back.
const SETTLE: Duration = Duration::from_secs(40);

/// The user's launchd, in the domain of the graphical session.
pub(super) struct Launchd<'a> {
    site: Site<'a>,
    label: String,
    settle: Duration,
}

impl<'a> Launchd<'a> {
    pub(super) fn new(site: Site<'a>) -> Self {
        Self {
            label: launchd_label(&site.instance.profile),
            settle: SETTLE,
            site,
        }
    }

    fn domain(&self) -> String {
        format!("gui/{}", self.site.host.user_id().unwrap_or(0))
    }

    fn target(&self) -> String {
        format!("{}/{}", self.domain(), self.label)
    }

    /// A call, made again for as long as it fails as it does while an old service still goes.
    fn ctl(&self, args: &[&str], limit: Duration) -> Result<(Came, String), Trouble> {
        let deadline = Instant::now() + self.settle;
        loop {
            let ended = self.site.host.run(&CommandSpec::new("launchctl", args), limit);
            let ended = ended.map_err(|_| Trouble::NoTool("launchctl"))?;
            match print::came(args, &ended) {
                Came::TryAgain if Instant::now() < deadline => std::thread::sleep(PAUSE),
                Came::TryAgain => return Err(Trouble::Said(ended.stderr.trim().to_owned())),
                Came::Failed(trouble) => return Err(trouble),
                came => return Ok((came, ended.stdout)),
            }
        }
    }

    fn bootout(&self) -> Result<(), Trouble> {
        self.ctl(&["bootout", &self.target()], ACT).map(drop)
    }

    /// What launchd says of the service; `None` where it is not loaded.
    fn shown(&self) -> Result<Option<Seen>, Trouble> {
        Ok(match self.ctl(&["print", &self.target()], ASK)? {
            (Came::NotLoaded, _) => None,
            (_, text) => Some(print::parse(&text)),
        })
    }

    fn is_disabled(&self) -> Result<bool, Trouble> {
        let (_, text) = self.ctl(&["print-disabled", &self.domain()], ASK)?;
        Ok(print::is_disabled(&text, &self.label))
    }

    /// launchd makes the files that a service writes to, but not their folder, and does not start it without.
    fn make_logs(&self) -> std::io::Result<()> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the folder of launchd's own files, in the private folder of the instance"
        )]
        std::fs::create_dir_all(self.site.instance.logs())
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

    fn files(&self, spec: &ServiceSpec) -> Vec<(PathBuf, Vec<u8>)> {
        vec![(self.file(), plist::render(spec).into_bytes())]
    }

    fn commands(&self) -> Vec<String> {
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

    fn reach(&self) -> Result<(), Trouble> {
        match self.ctl(&["print", &self.domain()], ASK)? {
            (Came::NotLoaded, _) => Err(Trouble::NoGui),
            _ => Ok(()),
        }
    }

    fn look(&self) -> Result<Seen, Trouble> {
        let seen = self.shown()?;
        if seen.is_none() && !self.file().exists() {
            return Ok(Seen {
                state: State::NotInstalled,
                ..Seen::default()
            });
        }
        Ok(Seen {
            // Every file in the folder is read at login, whether its service is loaded now or not.
            enabled: !self.is_disabled()?,
            ..seen.unwrap_or(Seen {
                state: State::Stopped,
                ..Seen::default()
            })
        })
    }

    fn verify(&self, staged: &Path) -> Result<(), Trouble> {
        let call = CommandSpec::new("plutil", [Path::new("-lint"), staged]);
        match self.site.host.run(&call, ASK) {
            Ok(ended) if ended.code != Some(0) && !ended.timed_out => {
                Err(Trouble::BadFile(format!("{}{}", ended.stdout, ended.stderr)))
            }
            _ => Ok(()),
        }
    }

    fn load(&self) -> Result<(), Trouble> {
        // launchd reads a file once, so the old service goes before the new one is read.
        self.bootout()?;
        self.ctl(&["enable", &self.target()], ACT)?;
        self.make_logs().map_err(|e| Trouble::Said(e.to_string()))?;
        let file = self.file().to_string_lossy().into_owned();
        self.ctl(&["bootstrap", &self.domain(), &file], ACT).map(drop)
    }

    fn load_later(&self) -> std::io::Result<()> {
        // Every file in the folder is read at login.
        self.make_logs()
    }

    fn loads_from_within(&self) -> bool {
        false
    }

    fn start(&self) -> Result<(), Trouble> {
        if let (Came::NotLoaded, _) = self.ctl(&["kickstart", &self.target()], ACT)? {
            self.load()?;
            self.ctl(&["kickstart", &self.target()], ACT)?;
        }
        Ok(())
    }

    fn stop(&self, wait: bool) -> Result<(), Trouble> {
        // An orderly end is not started again, and the service stays registered, unlike after bootout.
        self.ctl(&["kill", "SIGTERM", &self.target()], ACT)?;
        if !wait {
            return Ok(());
        }
        let deadline = Instant::now() + ACT;
        loop {
            match self.shown()?.map(|seen| seen.state) {
                Some(State::Running(_)) if Instant::now() < deadline => std::thread::sleep(PAUSE),
                Some(State::Running(_)) => {
                    return Err(Trouble::TimedOut(format!(
                        "launchctl kill SIGTERM {}",
                        self.target()
                    )));
                }
                // One that failed is tried for as long as it is registered.
                Some(State::Starting) => return self.bootout(),
                _ => return Ok(()),
            }
        }
    }

    fn restart(&self) -> Result<(), Trouble> {
        if let (Came::NotLoaded, _) = self.ctl(&["kickstart", "-k", &self.target()], ACT)? {
            self.load()?;
        }
        Ok(())
    }

    fn renew(&self) -> Result<(), Trouble> {
        // What is loaded has started by itself; to end it at once would make launchd wait with the next start.
        self.start()
    }

    fn unload(&self) -> Result<(), Trouble> {
        // Without its file nothing is read at login.
        Ok(())
    }

    fn forget(&self) -> Result<(), Trouble> {
        self.bootout()
    }

    fn is_around(&self) -> bool {
        // launchd says it to what it starts, and the children inherit it.
        self.site.host.var("XPC_SERVICE_NAME") == Some(&self.label)
    }

    fn last_lines(&self, count: usize) -> Vec<String> {
        let text = logs::read_tail(&plist::error_log_path(&self.site.instance.state_dir)).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(count)..];
        last.iter().map(|line| (*line).to_owned()).collect()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::shim;
    use super::*;

    /// With a `launchctl` that ends with these codes, one after the other: what came, and the verbs it was given.
    fn run<T>(codes: &str, act: impl FnOnce(&Launchd<'_>) -> T) -> (T, Vec<String>) {
        let script = format!("set -- {codes}\nshift $((n-1)) 2>/dev/null\nexit ${{1:-0}}");
        let (came, calls) = shim::with(&["launchctl"], &script, |site| act(&Launchd::new(site)));
        let verb = |call: &String| call.split(' ').nth(1).unwrap().to_owned();
        (came, calls.iter().map(verb).collect())
    }

    #[test]
    fn a_load_that_meets_the_old_service_still_going_is_tried_until_it_has_gone() {
        let (came, calls) = run("113 0 5 37 0", |launchd| launchd.load());
        assert_eq!(came, Ok(()));
        assert_eq!(
            calls,
            ["bootout", "enable", "bootstrap", "bootstrap", "bootstrap"]
        );
        let (came, calls) = run("36 0 5", |launchd| {
            Launchd {
                settle: Duration::ZERO,
                ..Launchd::new(launchd.site)
            }
            .load()
        });
        assert!(came.is_err());
        assert_eq!(calls.len(), 3);
    }

    #[test]
    fn a_load_makes_the_folder_of_the_files_that_launchd_writes() {
        let ((), _) = run("0 0 0", |launchd| {
            launchd.load().unwrap();
            assert!(launchd.site.instance.logs().is_dir());
        });
    }

    #[test]
    fn what_was_just_loaded_is_not_ended_at_once() {
        let (came, calls) = run("0", |launchd| launchd.renew());
        assert_eq!((came, calls), (Ok(()), vec!["kickstart".to_owned()]));
    }

    #[test]
    fn without_a_graphical_session_it_says_so() {
        let (came, _) = run("0 0 125", |launchd| launchd.load());
        assert_eq!(came, Err(Trouble::NoGui));
        for code in ["112", "113", "125"] {
            let (came, _) = run(code, |launchd| launchd.reach());
            assert_eq!(came, Err(Trouble::NoGui), "{code}");
        }
    }

    #[test]
    fn stopping_waits_for_the_end_and_does_not_unregister() {
        let (came, calls) = run("0 0", |launchd| launchd.stop(true));
        assert_eq!((came, calls.join(" ")), (Ok(()), "kill print".to_owned()));
        let (came, calls) = run("0", |launchd| launchd.stop(false));
        assert_eq!((came, calls.join(" ")), (Ok(()), "kill".to_owned()));
    }

    #[test]
    fn a_file_that_is_not_loaded_starts_at_the_next_login() {
        let (seen, calls) = run("113 0", |launchd| {
            crate::apply::write_file(&launchd.file(), b"<plist/>").unwrap();
            launchd.look().unwrap()
        });
        assert_eq!(
            (seen.state, seen.enabled, seen.loaded),
            (State::Stopped, true, false)
        );
        assert_eq!(calls, ["print", "print-disabled"]);
        let (seen, _) = run("113", |launchd| launchd.look().unwrap());
        assert_eq!((seen.state, seen.enabled), (State::NotInstalled, false));
    }

    #[test]
    fn the_last_lines_are_those_of_what_launchd_wrote() {
        let ((), _) = run("0", |launchd| {
            assert!(launchd.last_lines(2).is_empty());
            let log = launchd.site.instance.logs().join("launchd.err.log");
            crate::apply::write_file(&log, b"one\ntwo\nthree\n").unwrap();
            assert_eq!(launchd.last_lines(2), ["two", "three"]);
        });
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
