//! Parses the answers of `launchctl`. Pure. Results are told apart by exit code, not by message.

use super::super::error::ManagerError;
use super::super::manager::{RunState, ServiceState};
use crate::host::process::CommandOutput;

/// The result of a call of `launchctl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CallResult {
    /// The call succeeded, or had nothing to do.
    Done,
    /// The call failed because launchd still releases an old service; another call may succeed.
    TryAgain,
    /// The service is not loaded.
    NotLoaded,
    /// The call failed.
    Failed(ManagerError),
}

/// Interprets the exit code of a call of `launchctl` with these arguments. 3 and 113 mean that there is no such
/// service, 112 and 125 that there is no graphical session, 36 that the request is in progress, 1 and 150 that it is
/// not permitted. launchd answers with 5 while it releases an old service, and answers `bootstrap` also with 17, 37
/// and 133 (already loaded, or in progress); for other verbs these codes mean that there is nothing to do.
pub(super) fn interpret(args: &[&str], output: &CommandOutput) -> CallResult {
    let is_bootstrap = args.first() == Some(&"bootstrap");
    let message = || output.stderr.trim().to_owned();
    match output.code {
        Some(5) => CallResult::TryAgain,
        Some(17 | 36 | 37 | 133) if is_bootstrap => CallResult::TryAgain,
        Some(0 | 17 | 36 | 37 | 133) => CallResult::Done,
        Some(3 | 113) => CallResult::NotLoaded,
        Some(112 | 125) => CallResult::Failed(ManagerError::NoGraphicalSession),
        Some(1 | 150) => CallResult::Failed(ManagerError::Denied(message())),
        None if output.timed_out => {
            CallResult::Failed(ManagerError::TimedOut(format!("launchctl {}", args.join(" "))))
        }
        _ => CallResult::Failed(ManagerError::Failed(message())),
    }
}

/// Returns whether the output of `launchctl print-disabled` lists a service's label as disabled: `"x" => disabled`,
/// or `=> true` before macOS 13.
pub(super) fn is_disabled(text: &str, label: &str) -> bool {
    text.lines().any(|line| {
        let entry = line
            .trim()
            .strip_prefix('"')
            .and_then(|line| line.split_once("\" => "));
        entry.is_some_and(|(name, value)| name == label && ["disabled", "true"].contains(&value))
    })
}

/// Parses the output of `launchctl print gui/UID/LABEL` to the state of a service.
pub(super) fn parse(text: &str) -> ServiceState {
    // Only lines of the outermost level, with one tab, describe the service itself.
    let get = |key: &str| {
        text.lines()
            .filter_map(|line| line.strip_prefix('\t')?.split_once(" = "))
            .find_map(|(name, value)| (name == key).then(|| value.trim()))
    };
    let pid = get("pid").and_then(|pid| pid.parse().ok());
    let runs: u32 = get("runs").and_then(|runs| runs.parse().ok()).unwrap_or(0);
    ServiceState {
        loaded: true,
        run: match (get("state"), pid) {
            (_, Some(pid)) => RunState::Running(pid),
            (Some("running" | "spawn scheduled" | "xpcproxy"), None) => RunState::Starting,
            (Some(_), None) => RunState::Stopped,
            (None, None) => RunState::Unknown,
        },
        exit_code: get("last exit code").and_then(|code| code.split(':').next()?.trim().parse().ok()),
        restarts: runs.saturating_sub(1),
        ..ServiceState::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: &str = "gui/501/ai.openclaw.rescue = {\n\tactive count = 1\n\tpath = /Users/ada/x.plist\n\t\
        state = running\n\n\tprogram = /usr/local/bin/openclaw\n\targuments = {\n\t\tstate = no\n\t}\n\n\truns = 3\n\t\
        pid = 4242\n\tlast exit code = 1\n}\n";

    #[test]
    fn running_stopped_and_scheduled_agents_are_distinguished() {
        let state = parse(RUNNING);
        assert_eq!(
            (state.run, state.exit_code, state.restarts),
            (RunState::Running(4242), Some(1), 2)
        );
        let stopped =
            "gui/501/x = {\n\tstate = not running\n\truns = 1\n\tlast exit code = 78: EX_CONFIG\n}\n";
        let state = parse(stopped);
        assert_eq!((state.run, state.exit_code), (RunState::Stopped, Some(78)));
        let never_ran =
            "gui/501/x = {\n\tstate = spawn scheduled\n\truns = 0\n\tlast exit code = (never exited)\n}\n";
        let state = parse(never_ran);
        assert_eq!(
            (state.run, state.exit_code, state.restarts),
            (RunState::Starting, None, 0)
        );
    }

    #[test]
    fn exit_codes_are_interpreted_by_verb() {
        let output = |code: i32, stderr: &str| CommandOutput {
            code: Some(code),
            stderr: stderr.to_owned(),
            ..CommandOutput::default()
        };
        let bootstrap = |code, message| interpret(&["bootstrap"], &output(code, message));
        assert_eq!(bootstrap(0, ""), CallResult::Done);
        assert_eq!(
            bootstrap(37, "Bootstrap failed: 37: Operation already in progress"),
            CallResult::TryAgain
        );
        for (verb, code) in [("kickstart", 37), ("bootout", 36)] {
            assert_eq!(interpret(&[verb], &output(code, "")), CallResult::Done);
        }
        assert_eq!(
            bootstrap(5, "Bootstrap failed: 5: Input/output error"),
            CallResult::TryAgain
        );
        assert_eq!(
            bootstrap(113, "Could not find service \"x\" in domain for port"),
            CallResult::NotLoaded
        );
        assert_eq!(
            bootstrap(
                125,
                "Bootstrap failed: 125: Domain does not support specified action"
            ),
            CallResult::Failed(ManagerError::NoGraphicalSession)
        );
        assert!(matches!(
            bootstrap(1, "Operation not permitted"),
            CallResult::Failed(ManagerError::Denied(_))
        ));
        assert!(matches!(
            bootstrap(64, "Usage"),
            CallResult::Failed(ManagerError::Failed(_))
        ));
    }

    #[test]
    fn disabled_labels_are_listed_in_either_format() {
        let text = "\n\tdisabled services = {\n\t\t\"ai.openclaw.a\" => disabled\n\t\t\"ai.openclaw.b\" => true\n\
            \t\t\"ai.openclaw.c\" => enabled\n\t\t\"ai.openclaw.d\" => false\n\t}\n";
        let disabled =
            ["a", "b", "c", "d", "e"].map(|name| is_disabled(text, &format!("ai.openclaw.{name}")));
        assert_eq!(disabled, [true, true, false, false, false]);
    }
}
