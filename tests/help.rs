//! Help, version and errors of the command line: on a real terminal, through a pipe, and as JSON.

use console::measure_text_width;

use crate::support::pty::{Modes, Size, Terminal};
use crate::support::{Sandbox, put_program};

#[test]
fn help_fits_wide_and_narrow_terminals_in_both_languages() {
    for (lang, usage) in [("en", "Usage:"), ("tr", "Kullanım:")] {
        for columns in [80, 40] {
            let sandbox = Sandbox::new().var("OPENCLAW_LANG", lang).var("LC_ALL", "C.UTF-8");
            for verb in ["onboard", "config"] {
                let mut terminal = Terminal::start(&sandbox, [verb, "--help"], Size::tall(columns));
                assert_eq!(terminal.exit_code(), 0);
                assert_eq!(terminal.modes(), Modes::usual());
                let screen = terminal.screen();
                assert!(screen.contains(usage), "{}", screen.text());
                assert!(screen.contains("--profile"), "{}", screen.text());
                // A line that only the terminal breaks is one long line in the bytes.
                let raw = String::from_utf8(terminal.raw().to_vec()).unwrap();
                for line in raw.lines() {
                    let width = measure_text_width(line);
                    assert!(width <= usize::from(columns), "{width}: {line}");
                }
            }
        }
    }
}

#[test]
fn requested_help_goes_to_stdout_and_unrequested_help_to_stderr() {
    let sandbox = Sandbox::new();
    let requested = sandbox.run(["--help"]).exits(0);
    assert!(requested.stdout.contains("onboard"), "{}", requested.stdout);
    assert_eq!(requested.stderr, "");
    let unrequested = sandbox.run::<&str>([]).exits(2);
    assert_eq!(unrequested.stdout, "");
    assert!(unrequested.stderr.contains("onboard"), "{}", unrequested.stderr);
    let only_global = sandbox.run(["--profile", "rescue"]).exits(2);
    assert!(only_global.stderr.contains("onboard"), "{}", only_global.stderr);
}

#[test]
fn help_needs_no_home_folder_and_writes_nothing() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(["ports", "suggest", "--help"]);
    let output = command.env_remove("HOME").output().unwrap();
    assert!(output.status.success());
    assert_eq!(sandbox.tree(), []);
}

#[test]
fn turkish_help_is_ascii_in_a_locale_without_utf8() {
    let sandbox = Sandbox::new().var("LC_ALL", "C").var("OPENCLAW_LANG", "tr");
    let ran = sandbox.run(["--help"]).exits(0);
    assert!(ran.stdout.is_ascii(), "{}", ran.stdout);
    assert!(ran.stdout.contains("Kullanim:"), "{}", ran.stdout);
}

#[test]
fn wrong_line_with_json_is_one_document_in_the_language_of_the_user() {
    let sandbox = Sandbox::new().var("LC_ALL", "tr_TR.UTF-8");
    let ran = sandbox.run(["onboard", "--gateway-prot", "1", "--json"]).exits(2);
    let document = ran.json();
    assert_eq!(document["ok"], false);
    assert_eq!(document["code"], "cli.unknown-option");
    assert_eq!(document["message"], "Bilinmeyen seçenek: --gateway-prot");
    assert!(ran.stderr.contains("--gateway-port"), "{}", ran.stderr);
}

#[test]
fn mistyped_command_is_reported_with_the_nearest_ones() {
    let sandbox = Sandbox::new().var("OPENCLAW_LANG", "en");
    let ran = sandbox.run(["onbord"]).exits(2);
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr.starts_with("[openclaw] Unknown command: onbord\n"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("Did you mean: onboard?\n"), "{}", ran.stderr);
}

#[test]
fn help_command_prints_the_page_of_the_command() {
    let sandbox = Sandbox::new().var("OPENCLAW_LANG", "en");
    for (words, flag) in [
        (&["help"][..], &["--help"][..]),
        (&["help", "gateway"], &["gateway", "--help"]),
        (&["help", "config", "set"], &["config", "set", "--help"]),
    ] {
        let page = sandbox.run(flag).exits(0).stdout;
        assert_eq!(sandbox.run(words).exits(0).stdout, page, "{words:?}");
    }
}

#[test]
fn every_version_flag_prints_one_line() {
    let sandbox = Sandbox::new();
    for word in ["--version", "-V", "-v", "version"] {
        let ran = sandbox.run([word]).exits(0);
        assert_eq!(
            (ran.stdout.as_str(), ran.stderr.as_str()),
            (concat!("openclaw ", env!("CARGO_PKG_VERSION"), "\n"), "")
        );
    }
}

#[test]
fn version_as_json_says_how_the_program_was_installed() {
    let sandbox = Sandbox::new();
    for words in [["--version", "--json"], ["--json", "-V"], ["version", "--json"]] {
        let document = sandbox.run(words).exits(0).json();
        assert_eq!(document["ok"], true);
        assert_eq!(document["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(document["installed"], "source");
        assert_eq!(document["program"], env!("CARGO_BIN_EXE_openclaw"));
        assert!(document["commit"].is_null() || document["commit"].as_str().unwrap().len() == 40);
    }
    // As a package lays it out: the program, and beside it what says the kind of the package.
    put_program(
        env!("CARGO_BIN_EXE_openclaw"),
        sandbox.write("usr/bin/openclaw-rs", ""),
    );
    sandbox.write("usr/share/openclaw-rs/install-method", "deb\n");
    let output = std::process::Command::new(sandbox.path("usr/bin/openclaw-rs"))
        .args(["--version", "--json"])
        .env("HOME", sandbox.home())
        .output()
        .unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["installed"], "deb");
    let _ = sandbox.run(["--version", "--jsno"]).exits(2);
}

#[test]
fn command_line_without_a_command_shows_the_state_or_how_to_start() {
    let sandbox = Sandbox::new();
    let nothing = sandbox.run([] as [&str; 0]).exits(2);
    assert!(nothing.stderr.contains("openclaw onboard"), "{nothing:?}");
    assert!(nothing.stderr.lines().count() <= 4, "{nothing:?}");
    let _ = sandbox
        .run(["onboard", "--non-interactive", "--accept-risk"])
        .exits(0);
    let state = sandbox.run([] as [&str; 0]).exits(2);
    for part in [
        "not running",
        "openclaw status",
        "openclaw doctor",
        "openclaw --help",
    ] {
        assert!(state.stderr.contains(part), "{part}: {state:?}");
    }
    assert!(state.stderr.lines().count() <= 14, "{state:?}");
    assert_eq!(state.stdout, "");
}

#[test]
fn help_all_shows_the_flags_that_help_hides() {
    let sandbox = Sandbox::new();
    let usual = sandbox.run(["onboard", "--help"]).exits(0).stdout;
    let all = sandbox.run(["onboard", "--help-all"]).exits(0).stdout;
    assert!(!usual.contains("--skip-hooks") && usual.contains("--help-all"));
    assert!(all.contains("--skip-hooks"));
}

#[test]
fn program_that_is_started_by_its_second_name_has_it_in_every_command() {
    let sandbox = Sandbox::new().var("OPENCLAW_LANG", "tr");
    let program = sandbox.path("bin/openclaw-rs");
    std::fs::create_dir_all(sandbox.path("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_openclaw"), &program).unwrap();
    let run = |words: &[&str]| {
        let first = sandbox.command(words);
        let mut command = std::process::Command::new(&program);
        command
            .args(words)
            .env_clear()
            .envs(first.get_envs().filter_map(|(k, v)| Some((k, v?))));
        let output = command.output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let onboard = [
        "--profile",
        "rescue",
        "onboard",
        "--non-interactive",
        "--accept-risk",
    ];
    let config = sandbox.path(".openclaw-rescue/openclaw.json");
    let mut shown = vec![
        run(&["profiles"]),
        run(&onboard),
        run(&["--profile", "rescue", "status"]),
    ];
    // What `doctor` has to say, and how it is mended.
    std::fs::set_permissions(&config, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::write(&config, "{").unwrap();
    shown.extend([
        run(&["--profile", "rescue", "doctor"]),
        run(&["--profile", "rescue", "doctor", "--json"]),
        run(&["statsu"]),
        run(&["man", "--help"]),
        run(&["help"]),
    ]);
    for text in shown {
        assert!(text.contains("openclaw-rs "), "{text}");
        let commands = ["onboard", "gateway", "doctor", "config", "man", "--", "[", "…"];
        for command in commands {
            assert!(!text.contains(&format!("openclaw {command}")), "{text}");
        }
    }
    // The examples of a command are found by whatever name it is started.
    assert!(run(&["man", "--help"]).contains("openclaw-rs man config set"));
}
