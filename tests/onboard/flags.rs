//! The flags: each bad value is refused by the name of its flag and nothing is written, `--json` is one document
//! whatever happens, a dry run reports what a real run does, and an answers file gives the same instance.

use std::process::Stdio;

use serde_json::{Value, json};

use super::{
    MAIN, config_path, onboard, onboard_args, onboard_ok, read_config, sandbox_with_main, written_files,
};
use crate::support::{Ran, Sandbox};

/// Flags that are refused, and a part of the message.
const REFUSED_FLAGS: [(&[&str], &str); 25] = [
    (&["--flow", "slow"], "--flow"),
    (&["--mode", "remote"], "--mode"),
    (&["--reset", "--existing", "keep"], "--reset"),
    (&["--reset-scope", "full"], "--reset"),
    (&["--workspace", ""], "workspace"),
    (&["--workspace", "~"], "workspace"),
    (&["--workspace", "~/.openclaw-rescue"], "workspace"),
    (&["--workspace", "~/.openclaw/workspace/inner"], "default"),
    (&["--workspace", "~/.openclaw/canvas"], "default"),
    (&["--gateway-port", "65536"], "65536"),
    (&["--gateway-port", "high"], "high"),
    (&["--gateway-port", "-1"], "-1"),
    (&["--gateway-bind", "everywhere"], "--gateway-bind"),
    (&["--gateway-bind", "custom"], "2026.9"),
    (&["--gateway-auth", "magic"], "--gateway-auth"),
    (&["--gateway-auth", "none"], "2026.9"),
    (&["--gateway-auth", "password"], "--gateway-password"),
    (&["--tailscale", "serve"], "--tailscale"),
    (&["--auth-choice", "oauth"], "--auth-choice"),
    (&["--auth-choice", "apiKey"], "--anthropic-api-key"),
    (&["--auth-choice", "custom-api-key"], "--custom-base-url"),
    (
        &[
            "--auth-choice",
            "custom-api-key",
            "--custom-base-url",
            "ftp://x",
            "--custom-model-id",
            "m",
        ],
        "ftp://x",
    ),
    (&["--channel", "pigeon"], "--channel"),
    (&["--channel", "telegram"], "--channel-token"),
    (&["--nonsense"], "--nonsense"),
];

/// Returns the one document on stdout. No escape sequence is anywhere, and the document agrees with the exit code.
#[track_caller]
fn checked_document(run: &Ran) -> Value {
    let document = run.json();
    assert_eq!(document["ok"], run.code == 0, "{document}");
    if run.code != 0 {
        assert_eq!(document["exit"], run.code, "{document}");
        for key in ["code", "message"] {
            assert!(
                document[key].as_str().is_some_and(|text| !text.is_empty()),
                "{document}"
            );
        }
    }
    assert!(
        !run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'),
        "{run:?}"
    );
    document
}

#[test]
fn bad_value_is_refused_by_its_flag_and_nothing_is_written() {
    let sandbox = sandbox_with_main();
    let before = written_files(&sandbox);
    for (flags, named) in REFUSED_FLAGS {
        let run = onboard(&sandbox, "rescue", flags);
        assert_eq!(run.code, 2, "{flags:?}: {run:?}");
        assert!(run.stderr.contains(named), "{flags:?}: {}", run.stderr);
        assert!(run.stdout.is_empty(), "{flags:?}: {}", run.stdout);
        let run = onboard(&sandbox, "rescue", &[flags, &["--json"]].concat());
        assert_eq!(run.code, 2, "{flags:?}");
        let _ = checked_document(&run);
        assert_eq!(written_files(&sandbox), before, "{flags:?}");
    }
}

#[test]
fn json_output_is_one_document_on_success_and_failure() {
    let sandbox = sandbox_with_main();
    sandbox.write(config_path("torn"), "{ gateway: ");
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let onboard = |profile: &str| words(&onboard_args(profile, &[]).join(" "));
    let cases = [
        ([onboard("rescue"), words("--dry-run")].concat(), 0),
        (onboard("rescue"), 0),
        (onboard("rescue"), 0),
        (words("--profile rescue setup"), 0),
        (words("--profile rescue onboard --non-interactive"), 2),
        (words("--profile rescue onboard"), 2),
        (onboard("torn"), 78),
        (words("--profile torn setup"), 78),
        (words("--profile a/b setup"), 2),
        (words("--profile a setup --profile b"), 2),
        (words("--profile Rescue setup"), 2),
        (words("profiles remove nobody --yes"), 1),
        (words("profiles list"), 0),
        (words("profiles remove rescue --yes"), 0),
    ];
    for (mut words, code) in cases {
        words.push("--json".to_owned());
        let run = sandbox.run(&words);
        assert_eq!(run.code, code, "{words:?}: {run:?}");
        let _ = checked_document(&run);
    }
}

#[test]
fn without_a_terminal_the_flags_of_open_questions_are_listed_at_once() {
    let sandbox = sandbox_with_main();
    let before = sandbox.tree();
    // Standard input that never ends must not be waited for.
    let mut command = sandbox.command(["--profile", "rescue", "onboard"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let open = child.stdin.take();
    let output = child.wait_with_output().expect("an end");
    drop(open);
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    for flag in [
        "--non-interactive",
        "--accept-risk",
        "--workspace",
        "--gateway-port",
        "--engine",
        "--channel",
    ] {
        assert!(stderr.contains(flag), "{flag}: {stderr}");
    }
    assert!(output.stdout.is_empty() && !stderr.contains('\u{1b}'), "{stderr}");
    assert_eq!(sandbox.tree(), before, "not even a lock");
    let run = sandbox
        .run(["--profile", "rescue", "onboard", "--non-interactive"])
        .exits(2);
    assert!(run.stderr.contains("--accept-risk"), "{}", run.stderr);
}

#[test]
fn bad_value_for_an_existing_instance_is_refused() {
    let sandbox = Sandbox::new();
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    let before = sandbox.tree();
    for flags in [
        &["--existing", "eat"][..],
        &["--reset", "--reset-scope", "everything"],
    ] {
        let run = onboard(&sandbox, "rescue", flags).exits(2);
        assert!(run.stderr.contains("reset-full"), "the choices: {}", run.stderr);
    }
    assert_eq!(sandbox.tree(), before);
}

/// Returns the changes of a run without the lines that differ from run to run.
fn changes(document: &Value) -> Vec<Value> {
    let mut changes = document["changes"].as_array().expect("changes").clone();
    for change in &mut changes {
        if let Some(text) = change["content"].as_str() {
            let kept: Vec<_> = text.lines().filter(|line| !line.contains("lastRunAt")).collect();
            change["content"] = kept.join("\n").into();
        }
    }
    changes
}

#[test]
fn dry_run_writes_nothing_and_reports_the_changes_of_the_real_run() {
    let choices: [&[&str]; 3] = [
        &[],
        &[
            "--gateway-bind",
            "lan",
            "--channel",
            "telegram",
            "--channel-token",
            "1:b",
        ],
        &[
            "--auth-choice",
            "apiKey",
            "--anthropic-api-key",
            "k",
            "--workspace",
            "~/work",
        ],
    ];
    for choice in choices {
        let sandbox = sandbox_with_main();
        let before = sandbox.tree();
        let dry = [choice, &["--dry-run"]].concat();
        let text = onboard_ok(&sandbox, "rescue", &dry).stdout;
        let planned = checked_document(&onboard_ok(&sandbox, "rescue", &[&dry[..], &["--json"]].concat()));
        assert_eq!(sandbox.tree(), before, "not even a lock");
        let done = checked_document(&onboard_ok(&sandbox, "rescue", &[choice, &["--json"]].concat()));
        assert_eq!(
            (&planned["dryRun"], &done["dryRun"]),
            (&true.into(), &false.into())
        );
        assert_eq!(changes(&planned), changes(&done));
        for key in ["gateway", "ports", "configPath", "workspace", "notices"] {
            assert_eq!(planned[key], done[key], "{key}");
        }
        assert!(
            text.contains("<to be generated>"),
            "the config to be is shown: {text}"
        );
        // Each planned path is there, and nothing else is.
        for change in done["changes"].as_array().expect("changes") {
            let path = change["path"].as_str().expect("a path");
            assert!(std::path::Path::new(path).exists(), "{path}");
        }
        let planned: Vec<_> = changes(&planned).iter().map(|c| c["path"].to_string()).collect();
        for (path, mode, _) in written_files(&sandbox) {
            let path = sandbox.path(&path).display().to_string();
            let below = |planned: &String| planned.trim_matches('"').starts_with(&path);
            let known = before
                .iter()
                .any(|(old, ..)| sandbox.path(old).display().to_string() == path);
            assert!(
                known || planned.iter().any(below),
                "{path} ({mode:o}) was not planned"
            );
        }
    }
}

#[test]
fn saved_answers_set_up_the_same_instance_again() {
    let sandbox = sandbox_with_main();
    let file = sandbox.path("answers.toml");
    let file = file.to_str().expect("text");
    let secrets = [
        "--gateway-password",
        "CANARY-p",
        "--custom-api-key",
        "CANARY-k",
        "--channel-token",
        "1:CANARY",
    ];
    let choices = [
        "--flow",
        "advanced",
        "--gateway-bind",
        "lan",
        "--gateway-auth",
        "password",
        "--auth-choice",
        "custom-api-key",
        "--custom-base-url",
        "http://127.0.0.1:11434/v1",
        "--custom-model-id",
        "llama",
        "--custom-provider-id",
        "home",
        "--channel",
        "telegram",
        "--workspace",
        "~/work/rescue",
        "--save-answers",
        file,
    ];
    let _ = onboard_ok(&sandbox, "rescue", &[&choices[..], &secrets].concat());
    let saved = sandbox.read("answers.toml");
    assert!(!saved.contains("CANARY") && saved.contains("llama"), "{saved}");
    let first = {
        let mut config = read_config(&sandbox, "rescue");
        config["wizard"]["lastRunAt"] = Value::Null;
        config
    };
    let _ = sandbox
        .run(["profiles", "remove", "rescue", "--yes", "--workspace"])
        .exits(0);
    // The profile comes from the file too.
    let words = ["onboard", "--non-interactive", "--accept-risk", "--answers", file];
    let _ = sandbox.run([&words[..], &secrets].concat()).exits(0);
    let mut again = read_config(&sandbox, "rescue");
    again["wizard"]["lastRunAt"] = Value::Null;
    assert_eq!(again, first);
    let tree = sandbox.tree();
    let _ = sandbox.run([&words[..], &secrets].concat()).exits(0);
    assert_eq!(sandbox.tree(), tree, "and a second time nothing");
}

#[test]
fn bad_answers_file_is_refused_by_its_key_or_value() {
    let sandbox = Sandbox::new();
    for (text, named) in [
        ("color = \"red\"", "color"),
        ("gateway-token = \"CANARY\"", "gateway-token"),
        ("api-key = \"CANARY\"", "api-key"),
        ("gateway-port = [1]", "gateway-port"),
        ("gateway-port = 70000", "70000"),
        ("gateway-port = ", "answers.toml"),
        ("profile = \"a/b\"", "a/b"),
    ] {
        sandbox.write("answers.toml", text);
        let before = written_files(&sandbox);
        let file = sandbox.path("answers.toml");
        let words = [
            "onboard",
            "--non-interactive",
            "--accept-risk",
            "--json",
            "--answers",
        ];
        let run = sandbox.run(words.iter().copied().chain(file.to_str()));
        assert_eq!(run.code, 2, "{text}: {run:?}");
        assert!(run.stderr.contains(named), "{text}: {}", run.stderr);
        assert!(!run.stderr.contains("CANARY"), "{}", run.stderr);
        let _ = checked_document(&run);
        assert_eq!(written_files(&sandbox), before);
    }
}

#[test]
fn unusable_profile_name_is_refused_with_a_usable_suggestion() {
    let long = "x".repeat(65);
    let sandbox = sandbox_with_main();
    let before = sandbox.tree();
    for (name, usable) in [
        ("a/b", "a-b"),
        ("../etc", "etc"),
        ("a b", "a-b"),
        ("CON", "CON-1"),
        ("nul", "nul-1"),
        ("ısı", "isi"),
        ("İstanbul", "Istanbul"),
        ("şöförü", "soforu"),
        (".hidden", "hidden"),
        (&long, &long[..64]),
    ] {
        let run = sandbox.run(["--profile", name, "setup", "--json"]);
        assert_eq!(run.code, 2, "{name}: {run:?}");
        let hints = checked_document(&run)["hints"].to_string();
        assert!(hints.contains(usable), "{name}: {hints}");
        assert!(run.stderr.contains(usable), "{name}: {}", run.stderr);
    }
    for words in [
        &["--profile", "", "setup"][..],
        &["--profile", "🦞", "setup"],
        &["--profile"],
        &["setup", "--profile", "--json"],
        &["--profile", "a", "--profile", "b", "setup"],
        &["--dev", "--profile", "rescue", "setup"],
        &["--profile=a", "setup", "--profile=A"],
    ] {
        let run = sandbox.run(words);
        assert_eq!(run.code, 2, "{words:?}: {run:?}");
    }
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn profile_name_that_differs_only_by_case_is_refused() {
    let sandbox = Sandbox::new();
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    let before = sandbox.tree();
    for name in ["Rescue", "RESCUE"] {
        let run = sandbox.run(["--profile", name, "setup", "--json"]);
        assert_eq!(run.code, 2, "{run:?}");
        let document = checked_document(&run);
        assert_eq!(document["code"], "profile.case");
        assert!(
            document["hints"].to_string().contains("--profile rescue"),
            "{document}"
        );
    }
    assert_eq!(sandbox.tree(), before);
}

/// A shell expands these, quotes keep it from doing so.
#[test]
fn workspace_in_quotes_is_read_as_a_shell_would_read_it() {
    for typed in ["$HOME/ws", "${HOME}/ws", "'~/ws'", "\"~/ws\""] {
        let sandbox = sandbox_with_main();
        let _ = onboard_ok(&sandbox, "rescue", &["--workspace", typed]);
        let config = read_config(&sandbox, "rescue");
        let workspace = sandbox.path("ws").display().to_string();
        assert_eq!(config["agents"]["defaults"]["workspace"], workspace, "{typed}");
        assert!(sandbox.path("ws/SOUL.md").is_file(), "{typed}");
    }
    for (typed, named) in [
        ("~nobody/ws", "~nobody"),
        ("$NOPE/ws", "NOPE"),
        ("${NOPE}/ws", "NOPE"),
    ] {
        let sandbox = sandbox_with_main();
        let before = sandbox.tree();
        let run = onboard(&sandbox, "rescue", &["--workspace", typed]).exits(2);
        assert!(run.stderr.contains(named), "{typed}: {}", run.stderr);
        assert_eq!(sandbox.tree(), before, "{typed}");
    }
}

#[test]
fn literal_dollar_in_a_path_is_escaped_in_the_config() {
    let sandbox = Sandbox::new();
    let run = |args: &[&str]| {
        let mut command = sandbox.command(args.iter().copied());
        command.env("OPENCLAW_STATE_DIR", sandbox.path("${HOME}"));
        command.output().expect("a run")
    };
    let onboard = ["onboard", "--non-interactive", "--accept-risk", "--json"];
    assert!(run(&onboard).status.success());
    assert!(sandbox.path("${HOME}/workspace/SOUL.md").is_file());
    let config = sandbox.read("${HOME}/openclaw.json");
    assert!(config.contains("/$${HOME}/workspace"), "{config}");
    let again: Value = serde_json::from_slice(&run(&onboard).stdout).expect("JSON");
    assert_eq!(again["changed"], json!(false), "{again:#}");
}

#[test]
fn workspace_on_a_path_of_another_config_is_refused() {
    let sandbox = sandbox_with_main();
    let main = MAIN.replace(
        "agents: { defaults",
        "agents: { list: [{ id: 'ops', agentDir: '${HOME}/keys' }], defaults",
    );
    sandbox.write(".openclaw/openclaw.json", main);
    for typed in ["~/keys", "~/keys/below"] {
        let run = onboard(&sandbox, "rescue", &["--lang", "en", "--workspace", typed]).exits(2);
        assert!(
            run.stderr.contains("agents.list[0].agentDir of default"),
            "{typed}: {}",
            run.stderr
        );
    }
}

#[test]
fn errors_of_an_answers_file_name_its_key_and_the_file_and_those_of_a_secret_its_option() {
    let sandbox = sandbox_with_main().var("LC_ALL", "C.UTF-8");
    let path = sandbox.write("answers.toml", "");
    let file = path.to_str().expect("text");
    for (answer, key) in [
        ("gateway-port = 18799", "gateway-port"),
        ("gateway-bind = \"everywhere\"", "gateway-bind"),
        ("workspace = \"~\"", "workspace"),
        ("install-daemon = \"perhaps\"", "install-daemon"),
    ] {
        sandbox.write("answers.toml", answer);
        for (lang, line) in [
            ("en", format!("Answer to correct: {key}, in {file}")),
            ("tr", format!("Düzeltilecek yanıt: {key}, dosya: {file}")),
        ] {
            let run = onboard(&sandbox, "rescue", &["--lang", lang, "--answers", file]);
            assert_ne!(run.code, 0, "{answer}");
            assert!(run.stderr.contains(&line), "{}", run.stderr);
            assert!(!run.stderr.contains(&format!("--{key}")), "{}", run.stderr);
        }
    }
    sandbox.write("answers.toml", "custom-model-id = \"m\"");
    let run = onboard_ok(&sandbox, "rescue", &["--lang", "en", "--answers", file]);
    let line = format!("Ignored, because nothing asked for it: custom-model-id, in {file}");
    assert!(run.stderr.contains(&line), "{}", run.stderr);
    // The typed port is no answer of its own.
    sandbox.write("answers.toml", "gateway-port-typed = 19789");
    let run = onboard(&sandbox, "rescue", &["--lang", "en", "--answers", file]).exits(2);
    assert!(
        run.stderr.contains("Unknown key in the answers file"),
        "{}",
        run.stderr
    );

    let token = sandbox.write("token", "two words");
    let token = token.to_str().expect("text");
    let args = [
        "--lang",
        "en",
        "--channel",
        "telegram",
        "--channel-token-file",
        token,
    ];
    let run = onboard(&sandbox, "rescue", &args).exits(2);
    assert!(
        run.stderr.contains("Answer to correct: --channel-token-file"),
        "{}",
        run.stderr
    );
}
