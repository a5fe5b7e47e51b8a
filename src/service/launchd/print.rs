//! What `launchctl` answers, understood: pure. Its exit codes are looked at before its words, which are
//! English everywhere.

use super::super::trouble::Trouble;
use super::super::{Seen, State};
use crate::host::process::Ended;

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// It was done, or was so already.
    Done,
    /// It failed as it does while an old one still goes: once more may help.
    TryAgain,
    /// There is no such service.
    NotLoaded,
    /// It failed.
    Failed(Trouble),
}

/// Understands how a call ended: 5 is an input/output error that passes, 17, 37 and 133 say that it is loaded
/// already or on its way, 3 and 113 that there is none, 125 that there is no graphical session.
pub(super) fn came(command: &str, ended: &Ended) -> Came {
    match ended.code {
        Some(0 | 17 | 37 | 133) => Came::Done,
        Some(5) => Came::TryAgain,
        Some(3 | 113) => Came::NotLoaded,
        Some(112 | 125) => Came::Failed(Trouble::NoGui),
        Some(1 | 150) => Came::Failed(Trouble::Denied(ended.stderr.trim().to_owned())),
        None if ended.timed_out => Came::Failed(Trouble::TimedOut(command.to_owned())),
        _ => Came::Failed(Trouble::Said(ended.stderr.trim().to_owned())),
    }
}

/// Understands `launchctl print gui/UID/LABEL`.
pub(super) fn parse(text: &str) -> Seen {
    // Only the outermost level speaks of the service itself: one tab.
    let get = |key: &str| {
        text.lines()
            .filter_map(|line| line.strip_prefix('\t')?.split_once(" = "))
            .find_map(|(found, value)| (found == key).then(|| value.trim()))
    };
    let pid = get("pid").and_then(|pid| pid.parse().ok());
    let runs: u32 = get("runs").and_then(|runs| runs.parse().ok()).unwrap_or(0);
    Seen {
        loaded: true,
        enabled: true,
        state: match (get("state"), pid) {
            (_, Some(pid)) => State::Running(pid),
            (Some("running" | "spawn scheduled" | "xpcproxy"), None) => State::Starting,
            (Some(_), None) => State::Stopped,
            (None, None) => State::Unknown,
        },
        exit_code: get("last exit code").and_then(|code| code.split(':').next()?.trim().parse().ok()),
        since: None,
        restarts: runs.saturating_sub(1),
        stale: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: &str = "gui/501/ai.openclaw.rescue = {\n\tactive count = 1\n\tpath = /Users/ada/x.plist\n\t\
        state = running\n\n\tprogram = /usr/local/bin/openclaw\n\targuments = {\n\t\tstate = no\n\t}\n\n\truns = 3\n\t\
        pid = 4242\n\tlast exit code = 1\n}\n";

    #[test]
    fn a_running_agent_and_one_that_waits() {
        let seen = parse(RUNNING);
        assert_eq!(
            (seen.state, seen.exit_code, seen.restarts),
            (State::Running(4242), Some(1), 2)
        );
        let waiting =
            "gui/501/x = {\n\tstate = not running\n\truns = 1\n\tlast exit code = 78: EX_CONFIG\n}\n";
        let seen = parse(waiting);
        assert_eq!((seen.state, seen.exit_code), (State::Stopped, Some(78)));
        let never =
            "gui/501/x = {\n\tstate = spawn scheduled\n\truns = 0\n\tlast exit code = (never exited)\n}\n";
        let seen = parse(never);
        assert_eq!(
            (seen.state, seen.exit_code, seen.restarts),
            (State::Starting, None, 0)
        );
    }

    #[test]
    fn exit_codes_tell_the_cases_apart() {
        let ended = |code: i32, stderr: &str| Ended {
            code: Some(code),
            stderr: stderr.to_owned(),
            ..Ended::default()
        };
        let of = |code, words| came("bootstrap", &ended(code, words));
        assert_eq!(of(0, ""), Came::Done);
        assert_eq!(
            of(37, "Bootstrap failed: 37: Operation already in progress"),
            Came::Done
        );
        assert_eq!(of(5, "Bootstrap failed: 5: Input/output error"), Came::TryAgain);
        assert_eq!(
            of(113, "Could not find service \"x\" in domain for port"),
            Came::NotLoaded
        );
        assert_eq!(
            of(
                125,
                "Bootstrap failed: 125: Domain does not support specified action"
            ),
            Came::Failed(Trouble::NoGui)
        );
        assert!(matches!(
            of(1, "Operation not permitted"),
            Came::Failed(Trouble::Denied(_))
        ));
        assert!(matches!(of(64, "Usage"), Came::Failed(Trouble::Said(_))));
    }
}
