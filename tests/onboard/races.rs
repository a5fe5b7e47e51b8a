//! Many onboardings at the same time: the host-wide lock keeps their ports apart and their files whole.

use std::process::{Command, Stdio};

use super::{base_port, onboard_args, read_config, sandbox_with_main};
use crate::support::Sandbox;

/// Runs all commands at the same time; each of them has to succeed.
fn run_concurrently(commands: impl Iterator<Item = Command>) {
    let running: Vec<_> = commands
        .map(|mut command| {
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the program starts")
        })
        .collect();
    for child in running {
        let output = child.wait_with_output().expect("an end");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn fifty_concurrent_onboardings_get_disjoint_spans() {
    let sandbox = sandbox_with_main();
    let profiles: Vec<_> = (0..50).map(|number| format!("p{number}")).collect();
    run_concurrently(
        profiles
            .iter()
            .map(|profile| sandbox.command(onboard_args(profile, &[]))),
    );
    let mut bases: Vec<_> = profiles
        .iter()
        .map(|profile| base_port(&sandbox, profile))
        .collect();
    bases.push(18789);
    bases.sort_unstable();
    for pair in bases.windows(2) {
        assert!(pair[1] - pair[0] >= 111, "{bases:?}");
    }
    let registry = sandbox.read(".local/state/openclaw/registry.toml");
    assert_eq!(registry.matches("[[instance]]").count(), profiles.len());
}

#[test]
fn concurrent_onboardings_of_one_profile_make_one_instance() {
    let sandbox = Sandbox::new();
    run_concurrently((0..8).map(|_| sandbox.command(onboard_args("rescue", &[]))));
    let token = read_config(&sandbox, "rescue")["gateway"]["auth"]["token"].to_string();
    assert_eq!(token.len(), 50, "{token}");
    let tree = sandbox.tree();
    let named = |what: &str| {
        tree.iter()
            .filter(|(path, ..)| path.to_string_lossy().contains(what))
            .count()
    };
    assert_eq!(
        (
            named("openclaw.json"),
            named("tmp"),
            named("aside"),
            named(".bak")
        ),
        (1, 0, 0, 0)
    );
    let _ = sandbox
        .run(["--profile", "rescue", "config", "validate"])
        .exits(0);
}

#[test]
fn concurrent_onboardings_and_config_edits_lose_no_value() {
    let sandbox = Sandbox::new();
    let _ = super::onboard_ok(&sandbox, "rescue", &[]);
    let path = |number: usize| format!("env.vars.K{number}");
    let edits = (0..16).map(|number| {
        let value = format!("v{number}");
        sandbox.command(["--profile", "rescue", "config", "set", &path(number), &value])
    });
    let onboardings = ["lan", "auto", "loopback"]
        .into_iter()
        .map(|bind| sandbox.command(onboard_args("rescue", &["--gateway-bind", bind])));
    run_concurrently(edits.chain(onboardings));
    let vars = &read_config(&sandbox, "rescue")["env"]["vars"];
    for number in 0..16 {
        assert_eq!(vars[format!("K{number}")], format!("v{number}"), "{vars}");
    }
}
