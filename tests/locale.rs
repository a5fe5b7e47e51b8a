//! The effect of the locale: it changes the letters of texts, and neither documents nor exit codes. Therefore `scripts/test`
//! repeats only the tests that look at text under other locales.

use crate::support::{Sandbox, network};

/// Locales as systems name them: a default one, UTF-8 ones, and two whose letters are not UTF-8.
const LOCALES: [&str; 5] = ["C", "POSIX", "C.UTF-8", "tr_TR.UTF-8", "tr_TR.ISO-8859-9"];

/// Commands that only read or plan, for an instance that is set up and one that is not.
const COMMANDS: [&[&str]; 12] = [
    &["ports"],
    &["ports", "suggest", "--count", "3"],
    &["profiles"],
    &["status"],
    &["status", "--all"],
    &["doctor", "--all"],
    &["config", "get", "gateway.port"],
    &["config", "validate"],
    &["gateway", "install", "--dry-run"],
    &["--profile", "rescue", "status"],
    &["--profile", "rescue", "config", "get", "gateway"],
    &[
        "--profile",
        "rescue",
        "onboard",
        "--non-interactive",
        "--accept-risk",
        "--dry-run",
    ],
];

/// Creates a home folder with a default instance, which every run reads.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let config = "{gateway: {mode: 'local', port: 18789, auth: {token: 'not-a-real-token-0123456789'}}}";
    sandbox.write(".openclaw/openclaw.json", config);
    sandbox
}

/// Runs a command under a locale. Returns its exit code and its standard output without the time of the run, and then all
/// that it printed.
fn run(
    sandbox: &Sandbox,
    locale: Option<&str>,
    words: &[&str],
    json: bool,
) -> ((Option<i32>, String), String) {
    let mut command = sandbox.command(words.iter().copied().chain(json.then_some("--json")));
    command.env_remove("LC_ALL").env("OPENCLAW_LANG", "en");
    command.envs(locale.map(|locale| ("LC_ALL", locale)));
    let output = command.output().expect("the program starts");
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    let all = stdout.clone() + &String::from_utf8(output.stderr).expect("UTF-8");
    let is_time = |line: &&str| line.contains("lastRunAt");
    let stable = stdout
        .split_inclusive('\n')
        .filter(|line| !is_time(line))
        .collect();
    ((output.status.code(), stable), all)
}

#[test]
fn documents_and_exit_codes_are_the_same_under_every_locale() {
    network::own(|| {
        let sandbox = sandbox();
        for words in COMMANDS {
            let (expected, _) = run(&sandbox, None, words, true);
            for locale in LOCALES {
                let (seen, all) = run(&sandbox, Some(locale), words, true);
                assert_eq!(seen, expected, "{locale}: {words:?}: {all}");
            }
        }
    });
}

#[test]
fn text_is_ascii_where_the_locale_has_no_utf_8_and_the_same_elsewhere() {
    network::own(|| {
        let sandbox = sandbox();
        for words in COMMANDS {
            let (expected, _) = run(&sandbox, None, words, false);
            for locale in LOCALES {
                let (seen, all) = run(&sandbox, Some(locale), words, false);
                assert_eq!(seen.0, expected.0, "{locale}: {words:?}: {all}");
                if locale.ends_with("UTF-8") {
                    assert_eq!(seen, expected, "{locale}: {words:?}");
                } else {
                    assert!(all.is_ascii(), "{locale}: {words:?}: {all}");
                }
            }
        }
    });
}
