//! The examples of the help pages: lines that can be typed as they are. They are the same in every language.

use clap::Command;

/// The command lines that show how a command is used, by the command as it is typed.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "openclaw",
        &["openclaw onboard", "openclaw --profile rescue status"],
    ),
    (
        "openclaw onboard",
        &[
            "openclaw --profile rescue onboard",
            "openclaw onboard --non-interactive --accept-risk --install-daemon",
        ],
    ),
    (
        "openclaw setup",
        &[
            "openclaw setup --dry-run",
            "openclaw --profile work setup --workspace ~/work",
        ],
    ),
    (
        "openclaw gateway",
        &["openclaw gateway", "openclaw gateway install"],
    ),
    (
        "openclaw gateway run",
        &[
            "openclaw gateway run --verbose",
            "openclaw --profile rescue gateway run --port 19789",
        ],
    ),
    ("openclaw gateway status", &["openclaw gateway status --json"]),
    (
        "openclaw gateway health",
        &["openclaw gateway health --url ws://127.0.0.1:19789 --token-file token.txt"],
    ),
    (
        "openclaw gateway probe",
        &["openclaw gateway probe --timeout 10s"],
    ),
    (
        "openclaw gateway call",
        &[
            "openclaw gateway call health",
            "openclaw gateway call config.get --params '{}' --json",
        ],
    ),
    (
        "openclaw gateway install",
        &[
            "openclaw gateway install --dry-run",
            "openclaw gateway install --linger",
        ],
    ),
    (
        "openclaw channels",
        &[
            "openclaw --profile rescue channels add telegram --token-stdin < token.txt",
            "openclaw --profile rescue channels status --probe",
        ],
    ),
    ("openclaw channels list", &["openclaw channels list --json"]),
    (
        "openclaw channels status",
        &["openclaw --profile rescue channels status --probe"],
    ),
    (
        "openclaw channels add",
        &[
            "openclaw --profile rescue channels add telegram --token-stdin < token.txt",
            "openclaw channels add telegram --token-file token.txt --owner 4242",
        ],
    ),
    (
        "openclaw channels remove",
        &["openclaw --profile rescue channels remove telegram"],
    ),
    (
        "openclaw channels test",
        &["openclaw --profile rescue channels test telegram"],
    ),
    (
        "openclaw pairing",
        &["openclaw --profile rescue pairing approve telegram 5JPQWP7Z"],
    ),
    (
        "openclaw pairing list",
        &["openclaw --profile rescue pairing list"],
    ),
    (
        "openclaw pairing approve",
        &["openclaw --profile rescue pairing approve telegram 5JPQWP7Z"],
    ),
    (
        "openclaw pairing revoke",
        &["openclaw --profile rescue pairing revoke telegram 4242"],
    ),
    (
        "openclaw gateway uninstall",
        &["openclaw --profile rescue gateway uninstall"],
    ),
    (
        "openclaw gateway start",
        &["openclaw gateway start", "openclaw gateway start --background"],
    ),
    ("openclaw gateway stop", &["openclaw gateway stop"]),
    (
        "openclaw gateway restart",
        &["openclaw --profile rescue gateway restart"],
    ),
    (
        "openclaw status",
        &[
            "openclaw status --all --hosts",
            "openclaw --profile rescue status --json",
        ],
    ),
    (
        "openclaw dashboard",
        &["openclaw dashboard --code", "openclaw dashboard --copy"],
    ),
    ("openclaw logs", &["openclaw logs --follow --lines 50"]),
    (
        "openclaw chat",
        &["openclaw chat", "openclaw --profile rescue chat --agent ops"],
    ),
    (
        "openclaw agent",
        &[
            "openclaw agent --message hello",
            "openclaw agent --message - --json < question.txt",
        ],
    ),
    (
        "openclaw config",
        &["openclaw config get gateway.port", "openclaw config validate"],
    ),
    (
        "openclaw config get",
        &[
            "openclaw config get gateway.port",
            "openclaw config get agents.list[0].id",
        ],
    ),
    (
        "openclaw config set",
        &[
            "openclaw config set gateway.port 20789",
            "openclaw config set gateway.auth.token --stdin < token.txt",
        ],
    ),
    (
        "openclaw config unset",
        &["openclaw config unset browser.executablePath"],
    ),
    ("openclaw config file", &["openclaw --profile rescue config file"]),
    (
        "openclaw config validate",
        &[
            "openclaw config validate",
            "openclaw config validate --release 2026.9.6",
        ],
    ),
    (
        "openclaw config restore",
        &["openclaw config restore --list", "openclaw config restore --to 2"],
    ),
    (
        "openclaw doctor",
        &["openclaw doctor --all", "openclaw doctor --fix --dry-run"],
    ),
    (
        "openclaw rescue",
        &[
            "openclaw --profile rescue rescue",
            "openclaw --host box rescue work",
        ],
    ),
    (
        "openclaw rescue diagnose",
        &["openclaw --profile rescue rescue diagnose"],
    ),
    (
        "openclaw rescue repair",
        &["openclaw --profile rescue rescue repair --yes"],
    ),
    (
        "openclaw rescue watch",
        &["openclaw --profile rescue rescue watch default work"],
    ),
    (
        "openclaw rescue check",
        &["openclaw --profile rescue rescue check --alert"],
    ),
    (
        "openclaw rescue drill",
        &[
            "openclaw --profile rescue rescue drill",
            "openclaw --profile rescue rescue drill work --yes",
        ],
    ),
    (
        "openclaw rescue history",
        &["openclaw --profile rescue rescue history"],
    ),
    (
        "openclaw engine",
        &["openclaw engine install latest", "openclaw engine use 2026.9.6"],
    ),
    (
        "openclaw engine list",
        &["openclaw engine list", "openclaw engine list --remote"],
    ),
    (
        "openclaw engine install",
        &[
            "openclaw engine install latest",
            "openclaw engine install 2026.9.6",
        ],
    ),
    (
        "openclaw engine use",
        &[
            "openclaw engine use 2026.9.6",
            "openclaw --profile rescue engine use native",
        ],
    ),
    ("openclaw engine remove", &["openclaw engine remove 2026.1.30"]),
    (
        "openclaw engine upgrade",
        &[
            "openclaw --profile main engine upgrade --dry-run",
            "openclaw engine upgrade --all",
        ],
    ),
    (
        "openclaw engine pin",
        &[
            "openclaw --profile rescue engine pin",
            "openclaw --profile rescue engine pin --off",
        ],
    ),
    (
        "openclaw engine rollback",
        &["openclaw --profile main engine rollback"],
    ),
    (
        "openclaw engine history",
        &["openclaw --profile main engine history"],
    ),
    (
        "openclaw snapshot",
        &["openclaw snapshot create", "openclaw snapshot list"],
    ),
    (
        "openclaw snapshot create",
        &["openclaw --profile rescue snapshot create"],
    ),
    ("openclaw snapshot list", &["openclaw snapshot list"]),
    (
        "openclaw snapshot restore",
        &[
            "openclaw snapshot restore",
            "openclaw snapshot restore 20261122T192245123Z",
        ],
    ),
    (
        "openclaw profiles",
        &["openclaw profiles", "openclaw profiles remove work"],
    ),
    ("openclaw profiles list", &["openclaw profiles list --json"]),
    (
        "openclaw profiles remove",
        &["openclaw profiles remove work --dry-run"],
    ),
    (
        "openclaw profiles export",
        &[
            "openclaw profiles export default main.tar.gz",
            "openclaw profiles export default - --with-secrets | ssh host 'cat > main.tar.gz'",
        ],
    ),
    (
        "openclaw profiles import",
        &["openclaw profiles import main.tar.gz --as copy"],
    ),
    (
        "openclaw profiles manifest",
        &[
            "openclaw profiles manifest work --format quadlet",
            "openclaw profiles manifest --all --format compose --out containers",
        ],
    ),
    (
        "openclaw profiles move",
        &[
            "openclaw profiles move work --to box --dry-run",
            "openclaw profiles move work --to box",
        ],
    ),
    (
        "openclaw profiles receive",
        &["openclaw profiles receive --check < offer.json"],
    ),
    (
        "openclaw hosts",
        &[
            "openclaw hosts add box me@box.example.org",
            "openclaw hosts check",
        ],
    ),
    ("openclaw hosts list", &["openclaw hosts list --json"]),
    (
        "openclaw hosts add",
        &[
            "openclaw hosts add box me@box.example.org",
            "openclaw hosts add attic ssh://me@10.0.0.7:2222 --program /opt/bin/openclaw",
        ],
    ),
    ("openclaw hosts remove", &["openclaw hosts remove box"]),
    (
        "openclaw hosts check",
        &["openclaw hosts check", "openclaw hosts check box --json"],
    ),
    (
        "openclaw hosts fingerprints",
        &["openssl rand -hex 32 | openclaw hosts fingerprints"],
    ),
    (
        "openclaw ports",
        &["openclaw ports", "openclaw ports check 19789"],
    ),
    ("openclaw ports suggest", &["openclaw ports suggest --count 3"]),
    (
        "openclaw ports check",
        &["openclaw --profile rescue ports check 19789"],
    ),
    (
        "openclaw browser",
        &[
            "openclaw browser start",
            "openclaw browser open https://example.com",
        ],
    ),
    (
        "openclaw browser status",
        &["openclaw browser status --browser-profile openclaw"],
    ),
    ("openclaw browser start", &["openclaw browser start"]),
    ("openclaw browser stop", &["openclaw browser stop"]),
    ("openclaw browser profiles", &["openclaw browser profiles"]),
    (
        "openclaw browser create-profile",
        &["openclaw browser create-profile --name work --color '#0066CC'"],
    ),
    (
        "openclaw browser delete-profile",
        &["openclaw browser delete-profile --name work"],
    ),
    ("openclaw browser tabs", &["openclaw browser tabs --json"]),
    (
        "openclaw browser open",
        &["openclaw browser open https://example.com"],
    ),
    ("openclaw browser focus", &["openclaw browser focus 6F2A"]),
    ("openclaw browser close", &["openclaw browser close 6F2A"]),
    (
        "openclaw browser navigate",
        &["openclaw browser navigate https://example.com --target-id 6F2A"],
    ),
    (
        "openclaw browser screenshot",
        &[
            "openclaw browser screenshot --full-page",
            "openclaw browser screenshot 6F2A --type jpeg",
        ],
    ),
    (
        "openclaw browser snapshot",
        &["openclaw browser snapshot --limit 200"],
    ),
    ("openclaw browser doctor", &["openclaw browser doctor"]),
    (
        "openclaw completions",
        &[
            "source <(openclaw completions bash)",
            "openclaw completions fish | source",
        ],
    ),
    (
        "openclaw man",
        &[
            "openclaw man config set",
            "openclaw man --dir ~/.local/share/man/man1",
        ],
    ),
];

/// Returns the command lines that show how a built command is used.
pub(crate) fn examples(command: &Command) -> &'static [&'static str] {
    let typed = command.get_bin_name().unwrap_or(command.get_name());
    let found = EXAMPLES.iter().find(|(name, _)| *name == typed);
    found.map_or(&[], |(_, lines)| lines)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;
    use crate::global_options::parse_global_options;

    /// Returns the words of the call of this program in an example, without what the shell does with them.
    fn words(example: &str) -> Vec<OsString> {
        let call = &example[example.find("openclaw ").expect("a call of the program")..];
        let end = call.find([')', '|', '<', '>']).unwrap_or(call.len());
        let words = call[..end].split_whitespace();
        words.map(|word| word.trim_matches('\'').into()).collect()
    }

    fn all_commands(command: &Command) -> Vec<&Command> {
        let subcommands = command.get_subcommands().flat_map(all_commands);
        std::iter::once(command).chain(subcommands).collect()
    }

    #[test]
    fn every_command_has_one_or_two_examples_and_every_example_a_command() {
        let mut root = Cli::command();
        root.build();
        let commands = all_commands(&root);
        for command in &commands {
            let count = examples(command).len();
            assert!((1..=2).contains(&count), "{:?}: {count}", command.get_bin_name());
        }
        assert_eq!(EXAMPLES.len(), commands.len());
    }

    #[test]
    fn every_example_is_parsed_as_a_call_of_a_command_of_its_page() {
        for (command, lines) in EXAMPLES {
            for example in *lines {
                let options = parse_global_options(&words(example)).expect(example);
                let matches = Cli::command().try_get_matches_from(&options.command_line);
                let matches = matches.unwrap_or_else(|error| panic!("{example}: {error}"));
                let mut called = vec!["openclaw"];
                let mut level = &matches;
                while let Some((name, below)) = level.subcommand() {
                    called.push(name);
                    level = below;
                }
                assert!(called.join(" ").starts_with(command), "{example}: {called:?}");
            }
        }
    }
}
