//! What `launchctl` answers, understood: pure. Its exit codes are looked at before its words, which are
//! English everywhere.

use super::super::trouble::Trouble;
use super::super::{Seen, State};
use crate::host::process::CommandOutput;

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

/// Understands how a call ended. 3 and 113 say that there is none, 112 and 125 that there is no graphical
/// session, 36 that it is under way. 5 is what launchd says while it lets go of an old service, and so are 17,
/// 37 and 133 (already loaded, or on its way) to whoever brings the new one; to others they say that it is so.
pub(super) fn came(args: &[&str], ended: &CommandOutput) -> Came {
    let brings = args.first() == Some(&"bootstrap");
    match ended.code {
        Some(5) => Came::TryAgain,
        Some(17 | 36 | 37 | 133) if brings => Came::TryAgain,
        Some(0 | 17 | 36 | 37 | 133) => Came::Done,
        Some(3 | 113) => Came::NotLoaded,
        Some(112 | 125) => Came::Failed(Trouble::NoGui),
        Some(1 | 150) => Came::Failed(Trouble::Denied(ended.stderr.trim().to_owned())),
        None if ended.timed_out => Came::Failed(Trouble::TimedOut(format!("launchctl {}", args.join(" ")))),
        _ => Came::Failed(Trouble::Said(ended.stderr.trim().to_owned())),
    }
}

/// Whether `launchctl print-disabled` lists this label as one that nothing starts: `"x" => disabled`, or
/// `=> true` before macOS 13.
pub(super) fn is_disabled(text: &str, label: &str) -> bool {
    text.lines().any(|line| {
        let listed = line
            .trim()
            .strip_prefix('"')
            .and_then(|line| line.split_once("\" => "));
        listed.is_some_and(|(name, value)| name == label && ["disabled", "true"].contains(&value))
    })
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
        state: match (get("state"), pid) {
            (_, Some(pid)) => State::Running(pid),
            (Some("running" | "spawn scheduled" | "xpcproxy"), None) => State::Starting,
            (Some(_), None) => State::Stopped,
            (None, None) => State::Unknown,
        },
        exit_code: get("last exit code").and_then(|code| code.split(':').next()?.trim().parse().ok()),
        restarts: runs.saturating_sub(1),
        ..Seen::default()
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
        let ended = |code: i32, stderr: &str| CommandOutput {
            code: Some(code),
            stderr: stderr.to_owned(),
            ..CommandOutput::default()
        };
        let of = |code, words| came(&["bootstrap"], &ended(code, words));
        assert_eq!(of(0, ""), Came::Done);
        assert_eq!(
            of(37, "Bootstrap failed: 37: Operation already in progress"),
            Came::TryAgain
        );
        for (verb, code) in [("kickstart", 37), ("bootout", 36)] {
            assert_eq!(came(&[verb], &ended(code, "")), Came::Done);
        }
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

    #[test]
    fn what_is_disabled_is_listed_in_two_ways() {
        let text = "\n\tdisabled services = {\n\t\t\"ai.openclaw.a\" => disabled\n\t\t\"ai.openclaw.b\" => true\n\
            \t\t\"ai.openclaw.c\" => enabled\n\t\t\"ai.openclaw.d\" => false\n\t}\n";
        let disabled =
            ["a", "b", "c", "d", "e"].map(|name| is_disabled(text, &format!("ai.openclaw.{name}")));
        assert_eq!(disabled, [true, true, false, false, false]);
    }
}
