//! Kills of upgrades of gateways that run, at points spread over all system calls that write: each time the old gateway is healthy
//! after the next command.

use std::path::Path;
use std::process::Command;

use super::inside::{Upgraded, has_npm};
use crate::crash::{KillPoint, WRITING_CALLS, kill_points};
use crate::support::npm_registry::Start;
use crate::support::strace::first_thread_in_folder;
use crate::support::{Ran, Reason, manager, skipped};

/// Number of points at which an upgrade is killed.
const KILLS: usize = 32;
/// Minimum number of these at which it was killed: a run makes a few calls less than the first one.
const MIN_KILLED: usize = 30;

/// An upgrade without a rehearsal that is killed again and again.
pub(super) struct KilledUpgrade<'a> {
    /// The folder in which it runs.
    pub(super) folder: &'a Path,
    /// Returns the command.
    pub(super) upgrade: &'a dyn Fn() -> Command,
    /// Rolls back, which first puts back what a killed upgrade left.
    pub(super) roll_back: &'a dyn Fn() -> Ran,
    /// Asserts that the old gateway is healthy, and everything as it was.
    pub(super) assert_old: &'a dyn Fn(&str),
}

impl KilledUpgrade<'_> {
    /// Kills the upgrade at each point.
    pub(super) fn kill_everywhere(&self) {
        let trace = tempfile::NamedTempFile::new().expect("a file");
        let path = trace.path().to_str().expect("text");
        let count = ["-o", path, "-e", &format!("trace={WRITING_CALLS}")];
        let mut counted = first_thread_in_folder(self.folder, &(self.upgrade)(), &count);
        match counted.status() {
            Ok(status) if status.success() => {}
            Ok(_) => return skipped(Reason::NoTracing, "the program under strace failed"),
            Err(_) => return skipped(Reason::NoProgram("strace"), "system calls are counted with it"),
        }
        let _ = (self.roll_back)().exits(0);
        let lines = std::fs::read_to_string(path).expect("a trace");
        // One thread is traced, so that strace names none.
        let lines = lines
            .lines()
            .fold(String::new(), |text, line| text + "1 " + line + "\n");
        let kills = kill_points(&lines);
        assert!(kills.len() >= KILLS, "{kills:?}");
        let chosen = kills.iter().step_by(kills.len() / KILLS);
        let killed = chosen.filter(|kill| self.kill_and_put_back(kill)).count();
        assert!(killed >= MIN_KILLED, "killed {killed} of {} points", kills.len());
    }

    /// Kills the upgrade at a point, and puts back. Returns whether it was killed.
    fn kill_and_put_back(&self, kill: &KillPoint) -> bool {
        let inject = format!("inject={}:signal=KILL:when={}", kill.call, kill.nth);
        let trace = format!("trace={}", kill.call);
        let options = ["-o", "/dev/null", "-e", &trace, "-e", &inject];
        let mut command = first_thread_in_folder(self.folder, &(self.upgrade)(), &options);
        let was_killed = !command.status().expect("strace").success();
        let next = (self.roll_back)();
        let has_nothing = || next.json()["code"] == "engine.no-upgrade";
        assert!(next.code == 0 || has_nothing(), "{kill:?}: {next:?}");
        (self.assert_old)(&format!("{kill:?}"));
        was_killed
    }
}

#[test]
#[ignore = "runs inside a user manager"]
fn upgrade_of_a_service_that_is_killed_anywhere_leaves_the_old_one_healthy() {
    if !manager::is_inside() || !has_npm() {
        return;
    }
    let main = Upgraded::new("kills", 25200, ["2026.2.3", "2026.8.3"], Start::Serves);
    KilledUpgrade {
        folder: &main.home.path,
        upgrade: &|| {
            let words = ["engine", "--json", "upgrade", main.to, "--yes", "--no-rehearsal"];
            main.home.command(main.profile, &words)
        },
        roll_back: &|| main.run(&["rollback", "--yes"]),
        assert_old: &|context| main.assert_healthy_as(context, "2026.2.3"),
    }
    .kill_everywhere();
}
