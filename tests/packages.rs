//! The packages that `scripts/release` makes: from a stand-in for the program in each run of the tests, and those of a release
//! in a Debian root of their own, where `OPENCLAW_PACKAGES` names their folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{Reason, Sandbox, skipped};
use crate::words::root;

mod deb;
mod installers;
mod npm;
mod tools;

/// Name of every package of the program.
const NAME: &str = "openclaw-rs";
/// Version of every package.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Name of the environment variable with the folder of the files of a release.
const PACKAGES: &str = "OPENCLAW_PACKAGES";

/// Names of the environment variables that the scripts of packages get from the tests.
const KEPT_VARIABLES: [&str; 8] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "CARGO_HOME",
    "CARGO_TARGET_DIR",
    "CARGO_INCREMENTAL",
];

/// Makes files of a release below HOME, in `files`, from a script that runs the program of these tests. Returns their folder.
fn make(sandbox: &Sandbox, kinds: &[&str]) -> PathBuf {
    let program = env!("CARGO_BIN_EXE_openclaw");
    let stand_in = format!("#!/bin/bash\nexec -a \"${{0##*/}}\" {program} \"$@\"\n");
    let stand_in = sandbox.script("stand-in", stand_in);
    let folder = sandbox.path("files");
    let mut command = Command::new(root().join("scripts/release"));
    // What cargo tells a test of its crate would make cargo in the script build crates anew.
    command.env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| KEPT_VARIABLES.iter().any(|kept| name == kept)));
    let output = command
        .args([
            "--commit",
            "0123456789012345678901234567890123456789",
            "--program",
        ])
        .arg(&stand_in)
        .arg("--out")
        .arg(&folder)
        .args(kinds)
        .env("SOURCE_DATE_EPOCH", "1790000000")
        .env("DEB_COMPRESSION", "none")
        .env("RELEASE_URL", "https://example.org/files")
        .output()
        .expect("the script starts");
    successful(&output);
    folder
}

/// Returns the standard output of a program that succeeded.
#[track_caller]
fn successful(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    stdout
}

/// Returns the standard output of a program in the PATH of the tests that succeeds.
#[track_caller]
fn run(program: impl AsRef<std::ffi::OsStr>, args: &[&Path]) -> String {
    successful(&Command::new(program).args(args).output().expect("it starts"))
}

/// Returns the folder with the files of a release that `OPENCLAW_PACKAGES` names; elsewhere the calling test counts as
/// skipped.
#[track_caller]
fn release_files() -> Option<PathBuf> {
    let folder = std::env::var_os(PACKAGES).map(PathBuf::from);
    if folder.is_none() {
        skipped(
            Reason::NoPackages,
            "OPENCLAW_PACKAGES names no folder that scripts/release has filled",
        );
    }
    folder
}

/// Returns the only file of a folder whose name ends so.
#[track_caller]
fn only_file(folder: &Path, ending: &str) -> PathBuf {
    let entries = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    let mut found: Vec<_> = entries
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    assert_eq!(found.len(), 1, "{ending}: {found:?}");
    found.remove(0)
}

#[test]
fn name_and_version_come_from_one_place() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    assert_eq!(
        manifest["package"]["metadata"]["packages"]["name"].as_str(),
        Some(NAME)
    );
    assert_eq!(
        Sandbox::new().run(["--version", "--json"]).exits(0).json()["package"],
        NAME
    );
    // Templates have none of them.
    let mut folders = vec![root().join("packaging")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains(VERSION), "{}", path.display());
        }
    }
}

#[test]
fn same_commit_gives_the_same_bytes() {
    let [first, second] = [(); 2].map(|()| {
        let sandbox = Sandbox::new();
        let folder = make(&sandbox, &["archive", "sums"]);
        std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap()
    });
    assert_eq!(first.lines().count(), 2, "{first}");
    assert_eq!(first, second);
}
