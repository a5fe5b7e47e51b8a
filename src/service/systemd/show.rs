//! What `systemctl --user show` answers, understood: pure.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use super::super::{Seen, State};

/// The properties that are asked for.
pub(super) const PROPERTIES: &str = "LoadState,ActiveState,SubState,MainPID,NRestarts,Result,ExecMainCode,ExecMainStatus,\
    UnitFileState,FragmentPath,StateChangeTimestamp,ExecMainStartTimestamp,NeedDaemonReload";

/// A unit as the manager has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) seen: Seen,
    /// The file that it was read from.
    pub(super) fragment: Option<PathBuf>,
    /// When its process was started the last time.
    pub(super) started: Option<SystemTime>,
}

/// Understands `KEY=value` lines. Time stamps must be those of UTC.
pub(super) fn parse(text: &str) -> Shown {
    let values: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let get = |key: &str| values.get(key).copied().map(str::trim).filter(|v| !v.is_empty());
    let number = |key: &str| get(key).and_then(|value| value.parse::<i64>().ok()).unwrap_or(0);
    let pid = u32::try_from(number("MainPID")).unwrap_or(0);
    let state = match (get("LoadState"), get("ActiveState")) {
        (Some("not-found"), Some("inactive") | None) => State::NotInstalled,
        (_, Some("active" | "reloading" | "refreshing")) if pid > 0 => State::Running(pid),
        (_, Some("activating" | "active" | "reloading" | "refreshing")) => State::Starting,
        (_, Some("deactivating")) => State::Stopping,
        (_, Some("failed")) => State::GaveUp,
        (_, Some("inactive")) => State::Stopped,
        _ => State::Unknown,
    };
    // CLD_EXITED is 1; only then the status is an exit code. 0 says that it never ran.
    let exited = number("ExecMainCode") == 1;
    Shown {
        seen: Seen {
            enabled: get("UnitFileState").is_some_and(|state| state.starts_with("enabled")),
            exit_code: exited
                .then(|| i32::try_from(number("ExecMainStatus")).ok())
                .flatten(),
            since: get("StateChangeTimestamp").and_then(time),
            restarts: u32::try_from(number("NRestarts")).unwrap_or(0),
            stale: get("NeedDaemonReload") == Some("yes"),
            loaded: get("LoadState").is_some_and(|state| state != "not-found"),
            state,
        },
        fragment: get("FragmentPath").map(PathBuf::from),
        started: get("ExecMainStartTimestamp").and_then(time),
    }
}

/// `Sun 2026-11-22 22:45:55 UTC`
fn time(text: &str) -> Option<SystemTime> {
    let mut words = text.split(' ').skip(1);
    let (day, clock) = (words.next()?, words.next()?);
    humantime::parse_rfc3339_weak(&format!("{day} {clock}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_unit() {
        let shown = parse(
            "MainPID=4242\nResult=success\nNRestarts=1\nExecMainCode=0\nExecMainStatus=0\nLoadState=loaded\n\
             ActiveState=active\nSubState=running\nFragmentPath=/home/a b/.config/x.service\nUnitFileState=enabled\n\
             StateChangeTimestamp=Sun 2026-11-22 22:45:55 UTC\nNeedDaemonReload=no\n\
             ExecMainStartTimestamp=Sun 2026-11-22 22:45:54 UTC\n",
        );
        assert_eq!(shown.seen.state, State::Running(4242));
        assert!(shown.seen.enabled && shown.seen.loaded && !shown.seen.stale);
        assert_eq!((shown.seen.exit_code, shown.seen.restarts), (None, 1));
        let since = humantime::format_rfc3339_seconds(shown.seen.since.unwrap()).to_string();
        assert_eq!(since, "2026-11-22T22:45:55Z");
        assert!(shown.started < shown.seen.since);
        assert_eq!(shown.fragment, Some(PathBuf::from("/home/a b/.config/x.service")));
    }

    #[test]
    fn one_that_gave_up_one_that_starts_one_that_stopped_one_that_is_not_there() {
        let state = |text: &str| parse(text).seen.state;
        let failed =
            "LoadState=loaded\nActiveState=failed\nExecMainCode=1\nExecMainStatus=78\nResult=exit-code\n";
        assert_eq!(state(failed), State::GaveUp);
        assert_eq!(parse(failed).seen.exit_code, Some(78));
        let again = "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\n";
        assert_eq!(state(again), State::Starting);
        assert_eq!(state("LoadState=loaded\nActiveState=inactive\n"), State::Stopped);
        let ending = "LoadState=loaded\nActiveState=deactivating\nSubState=stop-sigterm\nMainPID=7\n";
        assert_eq!(state(ending), State::Stopping);
        assert_eq!(
            state("LoadState=not-found\nActiveState=inactive\n"),
            State::NotInstalled
        );
        assert_eq!(state(""), State::Unknown);
        let killed = "LoadState=loaded\nActiveState=failed\nExecMainCode=2\nExecMainStatus=9\n";
        assert_eq!(parse(killed).seen.exit_code, None, "a signal is no exit code");
    }
}
