//! The JSON documents of all commands: what they have in common.

use crate::support::Sandbox;

#[test]
fn document_of_a_command_that_does_not_exit_with_0_has_a_code_and_the_exit_code() {
    let sandbox = Sandbox::new();
    let onboard = "--profile rescue onboard --non-interactive --accept-risk --gateway-port 20789";
    let _ = sandbox.run(onboard.split(' ')).exits(0);
    sandbox.write(".openclaw-broken/openclaw.json", "{ gateway");
    sandbox.write(
        ".openclaw-odd/openclaw.json",
        "{ gateway: { mode: 'local' }, prot: 1 }",
    );
    for line in [
        "status",
        "status --all",
        "gateway status",
        "gateway probe",
        "gateway health",
        "gateway call status",
        "dashboard --no-open",
        "doctor",
        "doctor --all",
        "doctor --fix --dry-run",
        "config get gateway.nothing",
        "config set gateway.prot 1",
        "config unset nope.x",
        "config validate",
        "config restore",
        "ports check 70000",
        "ports check 20789",
        "rescue diagnose",
        "rescue repair --yes",
        "snapshot restore 1",
        "profiles remove nope --yes",
        "browser status",
        "browser doctor",
        "logs",
        "bogus",
        "config",
        "--lang de status",
    ] {
        for profile in ["default", "rescue", "broken", "odd"] {
            let words = ["--profile", profile].into_iter().chain(line.split(' '));
            let ran = sandbox.run(words.chain(["--json"]));
            if ran.code == 0 {
                continue;
            }
            let document = ran.json();
            let place = format!("--profile {profile} {line}: {document}");
            assert_eq!(document["ok"], false, "{place}");
            assert_eq!(document["exit"], ran.code, "{place}");
            assert!(
                document["code"].as_str().is_some_and(|code| !code.is_empty()),
                "{place}"
            );
        }
    }
}
