//! The check of a config by a release's own words: `openclaw config validate`, or `doctor` of a release without it.

use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::host::Host;
use crate::host::process::{CommandOutput, CommandSpec};
use crate::i18n::msg;
use crate::record::ReleaseVersion;
use crate::text::sanitize;

/// Time limit of one check. One that takes longer says nothing: the start of the gateway decides.
const CHECK_TIMEOUT: Duration = Duration::from_mins(1);
/// Maximum number of a release's words about a config that are shown, in lines.
const SHOWN_LINES: usize = 8;
/// Maximum number of characters of such a line that are shown.
const SHOWN_CHARS: usize = 200;
/// What OpenClaw 2026.1.30 says on stderr about a config that it refuses; its `doctor` exits with 0 (docs/openclaw.md#config-errors).
const INVALID_CONFIG: &str = "Invalid config";

/// Lets a release check the config of a rehearsal. `command` makes its command with these words.
///
/// # Errors
/// Where it refuses the config, with its own words.
pub(super) fn run(
    host: &Host,
    version: &ReleaseVersion,
    command: &dyn Fn(&[&str]) -> CommandSpec,
) -> Result<()> {
    let ask = |words: &[&str]| host.run(&command(words), CHECK_TIMEOUT).unwrap_or_default();
    let refused = match validate_answer(&ask(&["config", "validate", "--json"])) {
        Some(refused) => refused,
        None => doctor_answer(&ask(&["doctor", "--non-interactive"])),
    };
    if refused.is_empty() {
        return Ok(());
    }
    Err(Error::failed(msg!("engine.rehearsal-config", version = version))
        .because(anyhow::anyhow!("{}", refused.join("\n  "))))
}

/// Returns what `config validate --json` has against a config, nothing where it accepts it; `None` where the release does not
/// know the command.
fn validate_answer(output: &CommandOutput) -> Option<Vec<String>> {
    let document: Value = serde_json::from_str(&output.stdout).ok()?;
    if document.get("valid")?.as_bool()? {
        return Some(Vec::new());
    }
    let issues = document["issues"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines = issues.map(|issue| format!("{}: {}", text(&issue["path"]), text(&issue["message"])));
    let lines = shown(lines);
    Some(if lines.is_empty() {
        vec![text(&document["error"]["message"])]
    } else {
        lines
    })
}

/// Returns what `doctor` has against a config: nothing where it says nothing of the kind.
fn doctor_answer(output: &CommandOutput) -> Vec<String> {
    let lines = output.stderr.lines();
    let mut lines = lines
        .skip_while(|line| !line.starts_with(INVALID_CONFIG))
        .peekable();
    if lines.peek().is_none() {
        return Vec::new();
    }
    // 2026.1.30 says it once more in one line, with literal backslashes.
    shown(lines.filter(|line| !line.contains("\\n- ")).map(str::to_owned))
}

/// Returns the lines that are shown, each bounded.
fn shown(lines: impl Iterator<Item = String>) -> Vec<String> {
    let line = |line: String| sanitize(&line).chars().take(SHOWN_CHARS).collect();
    lines
        .filter(|line| !line.trim().is_empty())
        .take(SHOWN_LINES)
        .map(line)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(stdout: &str, stderr: &str) -> CommandOutput {
        CommandOutput {
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
            ..CommandOutput::default()
        }
    }

    #[test]
    fn answers_of_config_validate_are_read() {
        let valid = r#"{"valid":true,"path":"/h/openclaw.json","warnings":[]}"#;
        assert_eq!(validate_answer(&output(valid, "")), Some(Vec::new()));
        let refused = r#"{"ok":false,"error":{"type":"cli_error","message":"OpenClaw config is invalid: ~/x"},"valid":false,
            "issues":[{"path":"gateway","message":"Unrecognized key: \"prot\""}]}"#;
        assert_eq!(
            validate_answer(&output(refused, "")),
            Some(vec!["gateway: Unrecognized key: \"prot\"".to_owned()])
        );
        let bare = r#"{"valid":false,"error":{"message":"OpenClaw config is invalid: ~/x"}}"#;
        assert_eq!(
            validate_answer(&output(bare, "")),
            Some(vec!["OpenClaw config is invalid: ~/x".to_owned()])
        );
        assert_eq!(
            validate_answer(&output("", "error: unknown option '--json'")),
            None
        );
    }

    #[test]
    fn answers_of_the_doctor_of_a_release_without_that_command_are_read() {
        let refused = "Invalid config at /h/openclaw.json:\\n- gateway: Unrecognized key: \"prot\"\nInvalid config:\n\
                       - gateway: Unrecognized key: \"prot\"\n";
        assert_eq!(
            doctor_answer(&output("a page", refused)),
            ["Invalid config:", "- gateway: Unrecognized key: \"prot\""]
        );
        assert_eq!(doctor_answer(&output("a page", "a warning")), [""; 0]);
    }

    #[test]
    fn words_of_a_release_are_bounded() {
        let many = format!(
            "Invalid config:\n{}",
            format!("{}\n", "x".repeat(5000)).repeat(50)
        );
        let shown = doctor_answer(&output("", &many));
        assert_eq!(shown.len(), SHOWN_LINES);
        assert!(shown.iter().all(|line| line.len() <= SHOWN_CHARS));
    }
}
