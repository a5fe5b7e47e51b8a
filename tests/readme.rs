//! The READMEs, the usage pages and the workflow of CI agree with the program.

use std::process::Command;

use clap::CommandFactory as _;
use openclaw::cli::Cli;
use openclaw::error::ErrorKind;

use crate::words::root;

/// The pages that list every command, one for each language.
const USAGE_PAGES: [&str; 2] = ["docs/usage.md", "docs/usage.tr.md"];

/// Returns the text of a file of the repository.
fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// Returns the shell code blocks of a page.
fn shell_blocks(page: &str) -> Vec<&str> {
    page.split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().trim())
        .collect()
}

#[test]
fn both_readmes_have_the_same_commands_and_the_program_accepts_them() {
    let english = page("README.md");
    let turkish = page("README.tr.md");
    assert_eq!(shell_blocks(&english), shell_blocks(&turkish));
    let [install, run, test] = shell_blocks(&english)[..] else {
        panic!("how to install it, one command to run it, one to test it");
    };
    assert_eq!(install.lines().count(), 4, "{install}");
    assert!(
        install
            .lines()
            .all(|line| line.contains("openclaw-rs") || line.contains("install.sh")),
        "{install}"
    );
    let words = run
        .strip_prefix("cargo run --release -- ")
        .expect("from a fresh clone");
    let typed = std::iter::once("openclaw").chain(words.split(' '));
    assert!(Cli::command().try_get_matches_from(typed).is_ok(), "{run}");
    assert!(root().join(test).is_file(), "{test}");
}

#[test]
fn usage_page_of_each_language_lists_every_command_and_exit_code() {
    for name in USAGE_PAGES {
        let page = page(name);
        for command in Cli::command().get_subcommands() {
            let typed = format!("`openclaw {}", command.get_name());
            let with_profile = format!("] {}`", command.get_name());
            assert!(
                page.contains(&typed) || page.contains(&with_profile),
                "{name}: {typed}"
            );
            for sub in command.get_subcommands().filter(|sub| sub.get_name() != "list") {
                assert!(
                    page.contains(sub.get_name()),
                    "{name}: {typed} {}",
                    sub.get_name()
                );
            }
        }
        for kind in [
            ErrorKind::Failure,
            ErrorKind::Usage,
            ErrorKind::Unhealthy,
            ErrorKind::Blocked,
            ErrorKind::Interrupted,
        ] {
            let row = format!("\n| {} | ", kind.exit_code());
            assert!(page.contains(&row), "{name}: {row}");
        }
    }
}

#[test]
fn pages_in_two_languages_have_the_same_structure() {
    let shape = |name: &str| -> Vec<String> {
        let marks = ["##", "|", "-", "```text", "```toml"];
        let page = page(name);
        let first = page.lines().filter_map(|line| line.split(' ').next());
        first
            .filter(|mark| marks.contains(mark))
            .map(str::to_owned)
            .collect()
    };
    for [english, other] in [["README.md", "README.tr.md"], USAGE_PAGES] {
        assert_eq!(shape(english), shape(other), "{english} and {other}");
    }
}

#[test]
fn contributing_gives_a_reason_for_every_dependency() {
    let manifest: toml::Table = page("Cargo.toml").parse().unwrap();
    let contributing = page("CONTRIBUTING.md");
    let tables = |table: &toml::Table| -> Vec<String> {
        ["dependencies", "build-dependencies", "dev-dependencies"]
            .into_iter()
            .filter_map(|name| table.get(name)?.as_table())
            .flat_map(|table| table.keys().cloned())
            .collect()
    };
    let mut names = tables(&manifest);
    for target in manifest["target"].as_table().unwrap().values() {
        names.extend(tables(target.as_table().unwrap()));
    }
    assert!(names.len() > 10);
    for name in names {
        let reason = [format!("| {name} "), format!(", {name} ("), format!("`{name}`")];
        assert!(reason.iter().any(|words| contributing.contains(words)), "{name}");
    }
}

/// Maximum number of crates in the lock file, for every system and with what only the tests use.
const MAX_LOCKED_CRATES: usize = 260;

#[test]
fn lock_file_names_no_more_crates_than_contributing_allows() {
    let lock: toml::Table = page("Cargo.lock").parse().unwrap();
    let count = lock["package"].as_array().unwrap().len();
    assert!(count <= MAX_LOCKED_CRATES, "{count} crates in Cargo.lock");
    let rule = format!("`Cargo.lock` names at most {MAX_LOCKED_CRATES} crates");
    assert!(page("CONTRIBUTING.md").contains(&rule), "{rule}");
}

#[test]
fn ci_runs_the_test_script_with_read_access_only() {
    assert_eq!(page(".ci/run"), "#!/bin/sh\nexec scripts/test\n");
    for script in [".ci/run", "scripts/test"] {
        let checked = Command::new("sh").arg("-n").arg(root().join(script)).status();
        assert!(checked.unwrap().success(), "{script}");
    }
    let workflow = page(".github/workflows/ci.yml");
    assert_eq!(
        workflow.matches(" scripts/test\n").count(),
        2,
        "on Linux, and elsewhere"
    );
    assert_eq!(workflow.matches("permissions:").count(), 1);
    assert!(workflow.contains("\npermissions:\n  contents: read\n"));
}

#[test]
fn release_is_made_by_the_script_and_only_its_last_job_may_write() {
    let workflow = page(".github/workflows/release.yml");
    assert!(workflow.contains("run: scripts/release ${{ matrix.kinds }}\n"));
    assert!(workflow.contains("run: scripts/release installers sums\n"));
    let (build, draft) = workflow.split_once("\n  draft:\n").expect("the job of the draft");
    assert!(build.contains("\npermissions:\n  contents: read\n") && !build.contains(": write"));
    assert!(draft.contains("attestations: write") && draft.contains("--draft"));
}

#[test]
fn every_action_of_the_workflows_is_pinned_to_a_commit() {
    let workflows = ["ci", "release"].map(|name| page(&format!(".github/workflows/{name}.yml")));
    let used: Vec<_> = workflows
        .iter()
        .flat_map(|workflow| workflow.lines())
        .filter_map(|line| line.split_once("uses: "))
        .collect();
    assert!(used.len() > 1);
    for (_, action) in used {
        let pin = action.split_once('@').and_then(|(_, pin)| pin.split_once(" # v"));
        let is_commit = |pin: &str| pin.len() == 40 && pin.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(pin.is_some_and(|(commit, _)| is_commit(commit)), "{action}");
    }
}
