//! The unit of a gateway, as text: pure, and the one place that knows how systemd wants words written.
//!
//! `PrivateTmp` is left out on purpose: under a user's manager it brings a user namespace along (systemd 254
//! and later), from which a gateway that looks after others can't see whose process holds a port. The
//! temporary files of our own gateway are private in another way: its `TMPDIR` is a folder in the user's
//! runtime folder that systemd makes and removes. With every other line here Chromium starts with its sandbox.

use std::fmt::Write as _;

use super::super::spec::{self, Spec};
use crate::record::Engine;

/// How a file begins that this program wrote.
pub(in crate::service) const MARK: &str = "# Written by `openclaw gateway install`";

/// The text of the unit.
pub(in crate::service) fn render(spec: &Spec) -> String {
    let name = spec::unit(&spec.profile);
    let stem = name.trim_end_matches(".service");
    let mut exec = exec_path(&spec.program.to_string_lossy());
    for arg in spec.args() {
        let _ = write!(exec, " {}", exec_word(&arg));
    }
    let mut vars = String::new();
    for (key, value) in spec.vars() {
        let _ = writeln!(vars, "Environment={}", quoted(&format!("{key}={value}"), true));
    }
    let unset = spec.unset().join(" ");
    // A gateway of our own says when it is ready and that it is alive; OpenClaw from npm does not.
    let kind = match spec.engine {
        Engine::Native => format!(
            "Type=notify\nNotifyAccess=main\nWatchdogSec=60\nRuntimeDirectory={stem}\nRuntimeDirectoryMode=0700\n\
             Environment=TMPDIR=%t/{stem}\n"
        ),
        Engine::Node => "Type=exec\n".to_owned(),
    };
    // Five starts, each as long as it may take (60 s to start or until the watchdog, 2 s between, 30 s to
    // stop), last less than 600 s: the limit trips however slowly the gateway fails.
    format!(
        "{MARK}; a change by hand is lost with the next one.\n\
         # To change it for good: systemctl --user edit {name}\n\
         [Unit]\n\
         Description={description}\n\
         StartLimitIntervalSec=600\n\
         StartLimitBurst=5\n\
         \n\
         [Service]\n\
         {kind}\
         ExecStart={exec}\n\
         WorkingDirectory=-{folder}\n\
         {vars}\
         UnsetEnvironment={unset}\n\
         Restart=on-failure\n\
         RestartSec=2\n\
         RestartPreventExitStatus=2 78\n\
         SuccessExitStatus=143\n\
         TimeoutStartSec=60\n\
         TimeoutStopSec=30\n\
         KillMode=mixed\n\
         OOMPolicy=continue\n\
         UMask=0077\n\
         NoNewPrivileges=yes\n\
         LockPersonality=yes\n\
         RestrictRealtime=yes\n\
         RestrictSUIDSGID=yes\n\
         StandardOutput=journal\n\
         StandardError=journal\n\
         SyslogIdentifier={stem}\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n",
        description = percent(&spec.description()),
        folder = percent(&spec.state_dir.to_string_lossy()),
    )
}

/// The program of `ExecStart=`: specifiers are expanded in it, variables are not.
fn exec_path(path: &str) -> String {
    quoted(path, path.contains(|c: char| !plain(c)))
}

/// A further word of `ExecStart=`: `$` begins a variable there, within quotes too.
fn exec_word(word: &str) -> String {
    quoted(&word.replace('$', "$$"), word.contains(|c: char| !plain(c)))
}

fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/._-+:,@".contains(c)
}

/// A word as in systemd.syntax(7): in double quotes with backslashes before what would end them.
fn quoted(word: &str, quotes: bool) -> String {
    let word = percent(word);
    if quotes {
        format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        word
    }
}

/// `%` begins a specifier.
fn percent(text: &str) -> String {
    text.replace('%', "%%")
}

/// Whether systemd takes this path as a program: it refuses quotes and backslashes there, however they
/// are written.
pub(in crate::service) fn can_start(path: &str) -> bool {
    !path.contains(['"', '\'', '\\'])
}

#[cfg(test)]
mod tests {
    use super::super::super::spec::tests::{golden, odd, plain as plain_spec};
    use super::*;

    #[test]
    fn the_units_are_those_of_the_golden_files() {
        golden("unit_default", &render(&plain_spec()));
        golden("unit_odd", &render(&odd()));
        let node = Spec {
            engine: Engine::Node,
            node_cli: Some("/opt/npm/bin/openclaw".into()),
            ..plain_spec()
        };
        golden("unit_node", &render(&node));
    }

    #[test]
    fn a_dollar_sign_is_doubled_in_arguments_only() {
        assert_eq!(exec_word("a$b"), "\"a$$b\"");
        assert_eq!(exec_path("/a$b"), "\"/a$b\"");
        assert_eq!(quoted("a$b", true), "\"a$b\"");
    }

    #[test]
    fn the_start_limit_trips_before_its_interval_ends() {
        let text = render(&plain_spec());
        let number = |key: &str| -> u64 {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap().parse().unwrap()
        };
        let slowest = number("TimeoutStartSec").max(number("WatchdogSec"))
            + number("RestartSec")
            + number("TimeoutStopSec");
        assert!(number("StartLimitBurst") * slowest < number("StartLimitIntervalSec"));
    }
}
