//! The lines that a user added to a systemd unit which this program wrote, and which the next installation would drop.

use std::collections::BTreeSet;

use super::unit::{assignments, split_words};

/// Keys whose values depend on the instance, the engine, or the release of this program that wrote the unit.
const VARYING_KEYS: [&str; 9] = [
    "Description",
    "Type",
    "NotifyAccess",
    "WatchdogSec",
    "RuntimeDirectory",
    "RuntimeDirectoryMode",
    "WorkingDirectory",
    "UnsetEnvironment",
    "SyslogIdentifier",
];
/// Environment variables that this program sets in its units.
const OWN_VARIABLES: [&str; 8] = [
    "PATH",
    "TMPDIR",
    "OPENCLAW_STATE_DIR",
    "OPENCLAW_CONFIG_PATH",
    "OPENCLAW_SERVICE_MARKER",
    "OPENCLAW_SERVICE_KIND",
    "OPENCLAW_PROFILE",
    "OPENCLAW_NODE_CLI",
];
/// Values of `TimeoutStopSec=` that releases of this program wrote.
const OWN_STOP_TIMEOUTS: [&str; 2] = ["30", "330"];

/// Returns the lines of an installed systemd unit that neither the `new` one has nor any release of this program wrote.
/// Of environment variables only the names are returned: their values may be secrets. `[Install]` has no effect on the
/// gateway.
pub(crate) fn added_lines(old: &str, new: &str) -> Vec<String> {
    let known: BTreeSet<_> = assignments(new).into_iter().collect();
    let added = assignments(old)
        .into_iter()
        .filter(|line| line.0 != "Install" && !known.contains(line))
        .flat_map(|(_, key, value)| added_parts(&key, &value));
    added.collect()
}

/// Returns what a user added by one assignment of a unit, for display.
fn added_parts(key: &str, value: &str) -> Vec<String> {
    match key {
        "Environment" => {
            let words = split_words(value);
            let names = words
                .iter()
                .map(|word| word.split('=').next().unwrap_or_default());
            names
                .filter(|name| !OWN_VARIABLES.contains(name))
                .map(|name| format!("Environment={name}"))
                .collect()
        }
        // `PROGRAM --profile NAME gateway run --port PORT`.
        "ExecStart" => {
            let words = split_words(value);
            let words: Vec<_> = words.iter().skip(1).map(String::as_str).collect();
            match words[..] {
                ["--profile", _, "gateway", "run", "--port", _] => Vec::new(),
                _ => vec![format!("ExecStart={value}")],
            }
        }
        "TimeoutStopSec" if OWN_STOP_TIMEOUTS.contains(&value) => Vec::new(),
        _ if VARYING_KEYS.contains(&key) => Vec::new(),
        _ => vec![format!("{key}={value}")],
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::plain_spec;
    use super::super::unit::render;
    use super::*;
    use crate::ports::Port;
    use crate::record::Engine;

    #[test]
    fn lines_of_a_user_are_told_from_those_of_any_installation() {
        let mut spec = plain_spec();
        let old = render(&spec);
        spec.engine = Engine::Node;
        spec.program = "/elsewhere/openclaw".into();
        spec.port = Port::known(23456);
        let new = render(&spec);
        assert_eq!(added_lines(&old, &new), [""; 0]);
        let by_hand = old.replace(
            "\n\n[Install]",
            "\nEnvironment=HTTPS_PROXY=http://user:secret@proxy \"TMPDIR=/x\"\n# a comment\nEnvironmentFile=-%h/keys \\\n \n\
             ExecStartPre=/bin/true\n\n[Install]",
        );
        let by_hand = by_hand.replace("Restart=on-failure", "Restart=always");
        let by_hand = by_hand.replace(" gateway run", " gateway run --verbose");
        let added = added_lines(&by_hand, &new);
        assert_eq!(added.len(), 5, "{added:?}");
        assert!(
            added[0].starts_with("ExecStart=") && added[0].contains("--verbose"),
            "{added:?}"
        );
        assert_eq!(
            added[1..],
            [
                "Restart=always",
                "Environment=HTTPS_PROXY",
                "EnvironmentFile=-%h/keys",
                "ExecStartPre=/bin/true",
            ]
        );
    }
}
