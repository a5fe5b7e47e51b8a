//! Parses the answer of `systemctl --user show`. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use super::super::manager::{RunState, ServiceState, StopCause};

/// The properties of a systemd unit that are queried by `systemctl show`, separated by commas.
pub(super) const PROPERTIES: &str = "LoadState,ActiveState,SubState,MainPID,NRestarts,Result,ExecMainCode,ExecMainStatus,\
    UnitFileState,FragmentPath,StateChangeTimestamp,ExecMainStartTimestamp,NeedDaemonReload,ActiveExitTimestampMonotonic,\
    ExecMainExitTimestampMonotonic";

/// The value of systemd's `ExecMainCode` after which `ExecMainStatus` is an exit code (`CLD_EXITED`); 0 means that
/// the unit never ran.
const CLD_EXITED: i64 = 1;

/// The properties of a systemd unit as `systemctl show` reports them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnitProperties {
    pub(super) state: ServiceState,
    /// The file from which the unit was read.
    pub(super) unit_file: Option<PathBuf>,
    /// The time of the last start of the unit's process.
    pub(super) started: Option<SystemTime>,
}

/// Parses the `KEY=value` lines that `systemctl show` prints, whose time stamps must be in UTC.
pub(super) fn parse(text: &str) -> UnitProperties {
    let values: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let get = |key: &str| values.get(key).copied().map(str::trim).filter(|v| !v.is_empty());
    let number = |key: &str| get(key).and_then(|value| value.parse::<i64>().ok()).unwrap_or(0);
    let pid = u32::try_from(number("MainPID")).unwrap_or(0);
    let run = match (get("LoadState"), get("ActiveState")) {
        (Some("not-found"), Some("inactive") | None) => RunState::NotInstalled,
        (_, Some("active" | "reloading" | "refreshing")) if pid > 0 => RunState::Running(pid),
        (_, Some("activating" | "active" | "reloading" | "refreshing")) => RunState::Starting,
        (_, Some("deactivating")) => RunState::Stopping,
        (Some("masked"), _) => RunState::Masked,
        (_, Some("failed")) => RunState::GaveUp,
        (_, Some("inactive")) => RunState::Stopped,
        _ => RunState::Unknown,
    };
    let has_exited = number("ExecMainCode") == CLD_EXITED;
    // A unit that is stopped leaves its active state before its process ends; else the process ends first. The manager
    // forgets both when it unloads the unit, as it does with one that is not enabled.
    let left_active = number("ActiveExitTimestampMonotonic");
    let ended_by_manager = left_active > 0 && left_active < number("ExecMainExitTimestampMonotonic");
    UnitProperties {
        state: ServiceState {
            enabled: get("UnitFileState").is_some_and(|state| state.starts_with("enabled")),
            exit_code: has_exited
                .then(|| i32::try_from(number("ExecMainStatus")).ok())
                .flatten(),
            since: get("StateChangeTimestamp").and_then(parse_time),
            stop_cause: match get("Result") {
                Some("success") if run == RunState::Stopped && ended_by_manager => StopCause::Requested,
                _ => StopCause::Unknown,
            },
            restarts: u32::try_from(number("NRestarts")).unwrap_or(0),
            stale: get("NeedDaemonReload") == Some("yes"),
            loaded: get("LoadState").is_some_and(|state| state != "not-found"),
            run,
        },
        unit_file: get("FragmentPath").map(PathBuf::from),
        started: get("ExecMainStartTimestamp").and_then(parse_time),
    }
}

/// Parses a time stamp that systemd printed: `Sun 2026-11-22 22:45:55 UTC`.
fn parse_time(text: &str) -> Option<SystemTime> {
    let mut words = text.split(' ').skip(1);
    let (day, clock) = (words.next()?, words.next()?);
    humantime::parse_rfc3339_weak(&format!("{day} {clock}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_unit_has_process_times_and_file() {
        let unit = parse(
            "MainPID=4242\nResult=success\nNRestarts=1\nExecMainCode=0\nExecMainStatus=0\nLoadState=loaded\n\
             ActiveState=active\nSubState=running\nFragmentPath=/home/a b/.config/x.service\nUnitFileState=enabled\n\
             StateChangeTimestamp=Sun 2026-11-22 22:45:55 UTC\nNeedDaemonReload=no\n\
             ExecMainStartTimestamp=Sun 2026-11-22 22:45:54 UTC\n",
        );
        assert_eq!(unit.state.run, RunState::Running(4242));
        assert!(unit.state.enabled && unit.state.loaded && !unit.state.stale);
        assert_eq!((unit.state.exit_code, unit.state.restarts), (None, 1));
        let since = crate::time::format_seconds(unit.state.since.unwrap());
        assert_eq!(since, "2026-11-22T22:45:55Z");
        assert!(unit.started < unit.state.since);
        assert_eq!(unit.unit_file, Some(PathBuf::from("/home/a b/.config/x.service")));
    }

    #[test]
    fn unit_that_its_manager_stopped_is_told_from_one_whose_process_ended() {
        let is_stopped = |times: (u64, u64), more: &str| {
            let (left_active, ended) = times;
            let text = format!(
                "LoadState=loaded\nActiveState=inactive\nActiveExitTimestampMonotonic={left_active}\n\
                 ExecMainExitTimestampMonotonic={ended}\n{more}"
            );
            parse(&text).state.stop_cause == StopCause::Requested
        };
        // As systemd 252 answers after `systemctl stop`, whether the process exits or dies of the signal.
        assert!(is_stopped(
            (4_101_080_442, 4_101_316_229),
            "Result=success\nExecMainCode=1\n"
        ));
        assert!(is_stopped(
            (4_101_088_505, 4_101_090_078),
            "Result=success\nExecMainCode=2\n"
        ));
        // Its process exited, or somebody killed it.
        assert!(!is_stopped(
            (4_102_075_870, 4_102_075_712),
            "Result=success\nExecMainCode=1\n"
        ));
        assert!(!is_stopped(
            (4_101_330_713, 4_101_330_566),
            "Result=success\nExecMainCode=2\n"
        ));
        // The manager ended a process that was hung, or knows of no run.
        assert!(!is_stopped((4_101_080_442, 4_101_316_229), "Result=watchdog\n"));
        assert!(!is_stopped((0, 0), "Result=success\n"));
        assert!(!is_stopped((0, 7), "Result=success\n"));
    }

    #[test]
    fn each_active_state_is_a_run_state_and_a_signal_is_no_exit_code() {
        let run = |text: &str| parse(text).state.run;
        let failed =
            "LoadState=loaded\nActiveState=failed\nExecMainCode=1\nExecMainStatus=78\nResult=exit-code\n";
        assert_eq!(run(failed), RunState::GaveUp);
        assert_eq!(parse(failed).state.exit_code, Some(78));
        let restarting = "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\n";
        assert_eq!(run(restarting), RunState::Starting);
        assert_eq!(run("LoadState=loaded\nActiveState=inactive\n"), RunState::Stopped);
        let stopping = "LoadState=loaded\nActiveState=deactivating\nSubState=stop-sigterm\nMainPID=7\n";
        assert_eq!(run(stopping), RunState::Stopping);
        assert_eq!(
            run("LoadState=not-found\nActiveState=inactive\n"),
            RunState::NotInstalled
        );
        assert_eq!(run("LoadState=masked\nActiveState=inactive\n"), RunState::Masked);
        assert_eq!(
            run("LoadState=masked\nActiveState=active\nMainPID=7\n"),
            RunState::Running(7)
        );
        assert_eq!(run(""), RunState::Unknown);
        let killed = "LoadState=loaded\nActiveState=failed\nExecMainCode=2\nExecMainStatus=9\n";
        assert_eq!(parse(killed).state.exit_code, None);
    }
}
