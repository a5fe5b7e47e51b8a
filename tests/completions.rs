//! Completion scripts in real shells: each script is loaded, and a line that is half typed is completed.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::pty::{Key, Size, Terminal};
use crate::support::strace::under_strace;
use crate::support::{Sandbox, installed};

/// Creates a home folder with three instances.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new().var("OPENCLAW_LANG", "en");
    for folder in [
        ".openclaw",
        ".openclaw-rescue",
        ".openclaw-research",
        ".openclaw-",
        ".config",
    ] {
        std::fs::create_dir_all(sandbox.path(folder)).unwrap();
    }
    sandbox
}

/// Returns the command of a shell in the sandbox that finds the program by its name.
fn shell(sandbox: &Sandbox, name: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_openclaw"));
    let mut path = OsString::from(program.parent().unwrap());
    path.push(":/usr/local/bin:/usr/bin:/bin");
    let mut command = Command::new(name);
    command
        .env_clear()
        .env("HOME", sandbox.home())
        .env("PATH", path)
        .env("LC_ALL", "C.UTF-8")
        .env("OPENCLAW_LANG", "en")
        .current_dir(sandbox.home())
        .stdin(Stdio::null());
    command
}

/// Returns the standard output of a command that prints no error.
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns what bash offers for the last of these words.
fn bash_completions(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let script = r#"
        source <(openclaw completions bash)
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9
        _clap_complete_openclaw openclaw "${COMP_WORDS[COMP_CWORD]}" ""
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut command = shell(sandbox, "bash");
    command
        .args(["--norc", "-c", script, "bash", "openclaw"])
        .args(words);
    output(&mut command).lines().map(str::to_owned).collect()
}

#[test]
fn bash_offers_commands_flags_profiles_and_languages() {
    let sandbox = sandbox();
    let before = sandbox.tree();
    assert_eq!(bash_completions(&sandbox, &["onb"]), ["onboard"]);
    assert_eq!(
        bash_completions(&sandbox, &["--profile", ""]),
        ["default", "rescue", "research"]
    );
    assert_eq!(
        bash_completions(&sandbox, &["ports", "--profile", "resc"]),
        ["rescue"]
    );
    assert_eq!(
        bash_completions(&sandbox, &["profiles", "remove", "rese"]),
        ["research"]
    );
    for words in [
        &["rescue", "rese"][..],
        &["rescue", "diagnose", "rese"],
        &["rescue", "watch", "rese"],
        &["profiles", "export", "rese"],
    ] {
        assert_eq!(bash_completions(&sandbox, words), ["research"], "{words:?}");
    }
    assert_eq!(
        bash_completions(&sandbox, &["gateway", "--engine", ""]),
        ["native", "node"]
    );
    assert_eq!(bash_completions(&sandbox, &["--lang", ""]), ["en", "tr"]);
    assert_eq!(
        bash_completions(&sandbox, &["onboard", "--gateway-po"]),
        ["--gateway-port"]
    );
    assert_eq!(
        bash_completions(&sandbox, &["onboard", "--gateway-auth", "p"]),
        ["password"]
    );
    assert_eq!(bash_completions(&sandbox, &["completions", "z"]), ["zsh"]);
    assert_eq!(bash_completions(&sandbox, &["no-such-command", "x"]), [""]);
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn bash_offers_keys_of_the_schema_and_of_the_config() {
    let sandbox = sandbox();
    sandbox.write(
        ".openclaw-rescue/openclaw.json",
        "{ env: { vars: { ONE: '1', TWO: '2' } } }",
    );
    for command in ["get", "set", "unset"] {
        let offered =
            |path: &str| bash_completions(&sandbox, &["--profile", "rescue", "config", command, path]);
        assert_eq!(offered("gateway.bin"), ["gateway.bind"], "{command}");
        assert!(
            offered("gateway.").contains(&"gateway.auth".to_owned()),
            "{command}"
        );
        assert_eq!(
            offered("env.vars."),
            ["env.vars.ONE", "env.vars.TWO"],
            "{command}"
        );
    }
}

#[test]
fn bash_offers_the_snapshots_of_the_named_instance() {
    let sandbox = sandbox();
    sandbox.write(".openclaw-rescue/openclaw.json", "{}");
    let offered = |profile: &str| {
        let mut words = bash_completions(&sandbox, &["--profile", profile, "snapshot", "restore", ""]);
        words.retain(|word| !word.starts_with('-'));
        words
    };
    assert_eq!(offered("rescue"), [""; 0]);
    let create = ["--profile", "rescue", "snapshot", "create", "--json"];
    let made = sandbox.run(create).exits(0).json();
    assert_eq!(offered("rescue"), [made["id"].as_str().expect("an id")]);
    assert_eq!(offered("default"), [""; 0]);
}

#[test]
fn host_is_surveyed_only_where_a_free_port_is_asked_for() {
    if !installed("strace") {
        return;
    }
    let sandbox = sandbox();
    sandbox.write(".openclaw-rescue/openclaw.json", "{}");
    let opened_files = |words: &[&str]| {
        let mut program = sandbox.command(["--", "openclaw"]);
        program
            .args(words)
            .env("COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", words.len().to_string());
        let log = sandbox.path("strace.log");
        let options = ["-e", "trace=openat,socket", "-o", log.to_str().expect("UTF-8")];
        let status = under_strace(&sandbox, &program, &options)
            .status()
            .expect("strace runs");
        assert!(status.success(), "{words:?}");
        std::fs::read_to_string(&log).expect("a log")
    };
    // The kernel is asked over a socket, or its table is read.
    let is_survey = |opened: &String| ["SOCK_DIAG", "/net/tcp"].iter().any(|name| opened.contains(name));
    for words in [
        &["onb"][..],
        &["onboard", "--gateway-b"],
        &["onboard", "--gateway-bind", ""],
        &["config", "get", "gateway."],
        &["snapshot", "restore", ""],
        &["--profile", ""],
    ] {
        let opened = opened_files(words);
        assert!(!is_survey(&opened), "{words:?}: {opened}");
    }
    // A name of a profile is looked for only where one is typed.
    assert!(!opened_files(&["onb"]).contains("openclaw.json"));
    assert!(is_survey(&opened_files(&["onboard", "--gateway-port", ""])));
}

#[test]
fn bash_offers_the_browser_profiles_of_the_named_instance() {
    let sandbox = sandbox();
    sandbox.write(
        ".openclaw-rescue/openclaw.json",
        r##"{ "browser": { "profiles": { "work": { "cdpPort": 20000, "color": "#112233" } } } }"##,
    );
    let line = [
        "--profile",
        "rescue",
        "browser",
        "status",
        "--browser-profile",
        "",
    ];
    assert_eq!(bash_completions(&sandbox, &line), ["openclaw", "work"]);
    assert_eq!(bash_completions(&sandbox, &line[2..]), ["openclaw"]);
}

#[test]
fn fish_offers_profiles() {
    if !installed("fish") {
        return;
    }
    let sandbox = sandbox();
    let script = "openclaw completions fish | source; complete -C 'openclaw --profile res'";
    let offers = output(shell(&sandbox, "fish").args(["--no-config", "-c", script]));
    assert_eq!(offers, "rescue\nresearch\n");
}

#[test]
fn zsh_offers_profiles() {
    if !installed("zsh") {
        return;
    }
    let sandbox = sandbox();
    let mut command = shell(&sandbox, "zsh");
    command.args(["-f", "-i"]);
    let mut zsh = Terminal::run(command, Size::USUAL);
    zsh.type_in("PS1='ready> '; autoload -Uz compinit; compinit -u -D; source <(openclaw completions zsh)\r");
    zsh.wait_until("the script is loaded", |screen| {
        screen
            .lines()
            .last()
            .is_some_and(|line| line.starts_with("ready>"))
    });
    zsh.type_in("openclaw --profile resc").press(Key::Tab);
    zsh.wait_for("openclaw --profile rescue");
}

#[test]
fn script_of_every_shell_calls_the_program() {
    let sandbox = sandbox();
    for name in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = sandbox.run(["completions", name]).exits(0);
        assert!(ran.stdout.contains("COMPLETE"), "{name}: {}", ran.stdout);
        assert!(
            ran.stdout.contains(env!("CARGO_BIN_EXE_openclaw")),
            "{name}: {}",
            ran.stdout
        );
        assert_eq!(ran.stderr, "");
    }
}

#[test]
fn second_name_of_the_program_has_completions_of_its_own() {
    let sandbox = sandbox();
    std::fs::create_dir_all(sandbox.path("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_openclaw"), sandbox.path("bin/openclaw-rs")).unwrap();
    let script = r#"
        source <(openclaw-rs completions bash)
        COMP_WORDS=(openclaw-rs --prof); COMP_CWORD=1; COMP_TYPE=9
        $(complete -p openclaw-rs | sed 's/.*-F \([^ ]*\).*/\1/') openclaw-rs --prof ""
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut command = shell(&sandbox, "bash");
    let path = format!("{}:/usr/bin:/bin", sandbox.path("bin").display());
    command.args(["--norc", "-c", script]).env("PATH", path);
    assert_eq!(output(&mut command).trim_end(), "--profile");
}

#[test]
fn completion_prints_no_error_for_a_bad_line_or_without_a_home() {
    let sandbox = sandbox().var("COMPLETE", "bash").var("_CLAP_COMPLETE_INDEX", "7");
    let ran = sandbox
        .run(["--", "openclaw", "--profile", "a/b", "--bogus"])
        .exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    let mut homeless = sandbox.command(["--", "openclaw", "--profile", ""]);
    let output = homeless
        .env_remove("HOME")
        .env("_CLAP_COMPLETE_INDEX", "2")
        .output()
        .unwrap();
    assert!(output.status.success());
    assert_eq!((output.stdout, output.stderr), (Vec::new(), Vec::new()));
}

#[test]
fn variable_complete_alone_changes_nothing() {
    for value in ["bash", "yes"] {
        let sandbox = Sandbox::new().var("COMPLETE", value);
        let version = concat!("openclaw ", env!("CARGO_PKG_VERSION"), "\n");
        assert_eq!(sandbox.run(["--version"]).exits(0).stdout, version);
        let help = sandbox.run(["setup", "--help"]).exits(0);
        assert!(help.stdout.contains("--dry-run"), "{}", help.stdout);
    }
}
