//! A secret goes into the one file that needs it, and nowhere else: not on a screen, not into a document, not into an
//! answers file.

use std::io::Write as _;
use std::process::Stdio;

use super::{config_path, onboard, onboard_args, onboard_ok, read_config};
use crate::support::strace::under_strace;
use crate::support::{Ran, Reason, Sandbox, installed, skipped};

/// Secrets with characters that JSON, TOML and terminals write in ways of their own.
const CANARIES: [&str; 3] = [
    "CANARY-123",
    "CANARY\"quoted\"\\slashed",
    "CANARY-çığ-\u{1f980}-end",
];

/// Asserts that a run printed no part of a secret.
#[track_caller]
fn assert_not_shown(run: &Ran, what: &str) {
    for output in [&run.stdout, &run.stderr] {
        assert!(!output.contains("CANARY"), "{what}:\n{output}");
    }
}

/// Returns the files below HOME that hold the canary; each of them has to be private.
fn files_with_secret(sandbox: &Sandbox) -> Vec<String> {
    let mut holders = Vec::new();
    for (path, mode, bytes) in sandbox.tree() {
        if path.starts_with("given") || !bytes.windows(6).any(|part| part == b"CANARY") {
            continue;
        }
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        holders.push(path.display().to_string());
    }
    holders
}

const KEYS: &str = ".openclaw-rescue/agents/main/agent/auth-profiles.json";
const ENV: &str = ".openclaw-rescue/.env";
const CONFIG: &str = ".openclaw-rescue/openclaw.json";

/// The choice that needs a secret, the flag that reads it, and the file that it is written to.
const SECRET_FLAGS: [(&[&str], &str, &str); 8] = [
    (&[], "--gateway-token-file", CONFIG),
    (&["--gateway-auth", "password"], "--gateway-password-file", CONFIG),
    (&["--auth-choice", "apiKey"], "--api-key-file", KEYS),
    (&["--auth-choice", "openrouter-api-key"], "--api-key-file", KEYS),
    (&["--auth-choice", "gemini-api-key"], "--api-key-file", KEYS),
    (&["--auth-choice", "openai-api-key"], "--api-key-file", ENV),
    (&["--channel", "telegram"], "--channel-token-file", CONFIG),
    (&["--channel", "discord"], "--channel-token-file", CONFIG),
];

#[test]
fn secret_from_a_file_is_written_to_one_file_and_never_shown() {
    for (choice, flag, file) in SECRET_FLAGS {
        for canary in CANARIES {
            let sandbox = Sandbox::new();
            let given = sandbox.write("given/secret", format!("{canary}\n"));
            let saved = sandbox.path("answers.toml");
            let flags = [
                choice,
                &[flag, given.to_str().expect("text")],
                &["--save-answers", saved.to_str().expect("text")],
            ]
            .concat();
            let what = format!("{flag} {canary:?}");
            for more in [&["--dry-run"][..], &["--dry-run", "--json"], &["--json"], &[]] {
                let run = onboard(&sandbox, "rescue", &[&flags[..], more].concat());
                assert_not_shown(&run, &what);
                let _ = run.exits(0);
            }
            assert_eq!(files_with_secret(&sandbox), [file], "{what}");
            for words in [
                &["config", "get", "gateway", "--json"][..],
                &["config", "get", "channels"],
                &["config", "validate", "--json"],
                &["profiles", "--json"],
                &["ports", "--json"],
                &["config", "set", "gateway.bind", "lan", "--json"],
            ] {
                let run = sandbox.run([&["--profile", "rescue"], words].concat());
                assert_not_shown(&run, &format!("{words:?}"));
            }
            // A later plan shows the whole text of a config that holds the secret already.
            let later = ["--gateway-bind", "auto", "--dry-run"];
            assert_not_shown(&onboard_ok(&sandbox, "rescue", &later), &what);
            assert_not_shown(
                &onboard_ok(&sandbox, "rescue", &[&later[..], &["--json"]].concat()),
                &what,
            );
        }
    }
}

#[test]
fn plan_shows_no_secret_of_an_existing_config() {
    let sandbox = Sandbox::new();
    sandbox.write(
        config_path("rescue"),
        r#"{
  gateway: { port: 20789, mode: 'local', auth: { token: 'CAN\u0041RY-escaped', password: 'CANARY-p' } },
  env: { vars: { SOME_API_KEY: "CANARY-env" } },
  models: { providers: { x: { baseUrl: "http://u:CANARY-url@127.0.0.1/v1", apiKey: 'CANARY"q', models: [] } } },
  channels: { telegram: { botToken: "1:CANARY", accounts: { b: { botToken: '2:CANARY\
-split' } } } },
}"#,
    );
    for more in [&["--dry-run"][..], &["--dry-run", "--json"], &["--json"], &[]] {
        let run = onboard_ok(&sandbox, "rescue", &[&["--gateway-bind", "lan"], more].concat());
        for output in [&run.stdout, &run.stderr] {
            assert!(
                !output.contains("CANARY") && !output.contains("CAN\\"),
                "{more:?}:\n{output}"
            );
        }
    }
}

#[test]
fn secret_is_read_from_standard_input() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(onboard_args("rescue", &["--gateway-token-file", "-", "--json"]));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"CANARY-stdin\r\n").expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        read_config(&sandbox, "rescue")["gateway"]["auth"]["token"],
        "CANARY-stdin"
    );
    assert!(!String::from_utf8_lossy(&output.stdout).contains("CANARY"));
    assert_eq!(files_with_secret(&sandbox), [CONFIG]);
}

#[test]
fn key_variable_is_used_only_where_its_provider_is_chosen() {
    for (variable, choice, file) in [
        ("ANTHROPIC_API_KEY", "apiKey", KEYS),
        ("OPENROUTER_API_KEY", "openrouter-api-key", KEYS),
        ("GEMINI_API_KEY", "gemini-api-key", KEYS),
        ("OPENAI_API_KEY", "openai-api-key", ENV),
    ] {
        let sandbox = Sandbox::new().var(variable, "CANARY-env");
        assert_not_shown(&onboard_ok(&sandbox, "rescue", &[]), variable);
        assert!(files_with_secret(&sandbox).is_empty(), "{variable}");
        assert_not_shown(
            &onboard_ok(&sandbox, "rescue", &["--auth-choice", choice, "--json"]),
            variable,
        );
        assert_eq!(files_with_secret(&sandbox), [file], "{variable}");
    }
}

#[test]
fn token_variable_becomes_the_token_of_a_new_instance() {
    let sandbox = Sandbox::new().var("OPENCLAW_GATEWAY_TOKEN", "CANARY-own");
    assert_not_shown(&onboard_ok(&sandbox, "rescue", &["--json"]), "the variable");
    assert_eq!(
        read_config(&sandbox, "rescue")["gateway"]["auth"]["token"],
        "CANARY-own"
    );
    assert_eq!(files_with_secret(&sandbox), [CONFIG]);
}

#[test]
fn unusable_secret_is_refused_without_being_shown() {
    let long = "CANARY".repeat(900_000);
    for (text, choice, flag) in [
        (
            "CANARY with blanks",
            &["--auth-choice", "apiKey"][..],
            "--api-key-file",
        ),
        (
            "CANARY\nSECOND",
            &["--auth-choice", "openai-api-key"],
            "--api-key-file",
        ),
        ("CANARY 1", &["--channel", "telegram"], "--channel-token-file"),
        (&long, &[], "--gateway-token-file"),
        ("", &[], "--gateway-token-file"),
    ] {
        let sandbox = Sandbox::new();
        let given = sandbox.write("given/secret", text);
        let flags = [choice, &[flag, given.to_str().expect("text"), "--json"]].concat();
        let run = onboard(&sandbox, "rescue", &flags);
        assert_not_shown(&run, flag);
        assert_eq!(run.exits(2).json()["ok"], false);
        assert!(!sandbox.path(".openclaw-rescue").exists());
    }
}

#[test]
fn placeholder_is_not_taken_for_a_secret() {
    for (text, choice, flag) in [
        ("undefined\n", &[][..], "--gateway-token-file"),
        ("change-me-now", &[], "--gateway-token-file"),
        (
            " null ",
            &["--gateway-auth", "password"],
            "--gateway-password-file",
        ),
        ("undefined", &["--auth-choice", "apiKey"], "--api-key-file"),
        ("null", &["--channel", "telegram"], "--channel-token-file"),
    ] {
        let sandbox = Sandbox::new();
        let given = sandbox.write("given/secret", text);
        let flags = [choice, &[flag, given.to_str().expect("text"), "--json"]].concat();
        let document = onboard(&sandbox, "rescue", &flags).exits(2).json();
        assert_eq!(document["code"], "step.secret.placeholder", "{flag} {text:?}");
        assert!(!sandbox.path(".openclaw-rescue").exists());
    }
}

#[test]
fn secret_is_in_no_argument_of_a_started_process() {
    // Only what this program would start itself could show a secret in a list of processes.
    if !installed("strace") {
        return;
    }
    let sandbox = Sandbox::new();
    let given = sandbox.write("given/secret", "CANARY-argv");
    let flags = ["--gateway-token-file", given.to_str().expect("text")];
    let inner = sandbox.command(onboard_args("rescue", &flags));
    let trace = sandbox.path("given/trace");
    let log = trace.to_str().expect("text");
    let options = ["-s", "9999", "-e", "trace=execve", "-o", log];
    let status = under_strace(&sandbox, &inner, &options).status().expect("strace");
    if !status.success() {
        return skipped(Reason::NoTracing, "the program under strace failed");
    }
    let trace = std::fs::read_to_string(trace).expect("a trace");
    assert!(trace.contains("execve("), "{trace}");
    assert!(!trace.contains("CANARY"), "{trace}");
}
