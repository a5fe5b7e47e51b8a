//! The packages of npm: packed, installed from their files alone, and run.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{NAME, VERSION, make, release_files, successful};
use crate::support::pty::{Size, Terminal};
use crate::support::{Ran, Sandbox, installed, network};

/// Makes the packages of npm below HOME and returns their files: that with the command, and that with the program.
fn packages(sandbox: &Sandbox) -> [PathBuf; 2] {
    sorted_packages(&make(sandbox, &["npm"]))
}

/// Returns the packages of npm in a folder: that with the command, and that with the program.
fn sorted_packages(folder: &Path) -> [PathBuf; 2] {
    let names = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = names
        .filter(|path| path.extension().is_some_and(|end| end == "tgz"))
        .collect();
    // The number of the version comes before the name of a system.
    files.sort();
    files.try_into().expect("two packages")
}

/// Returns npm in the sandbox, without a network.
fn npm(sandbox: &Sandbox, program: &str) -> Command {
    std::fs::create_dir_all(sandbox.home()).unwrap();
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", sandbox.home())
        .env("npm_config_offline", "true")
        .env("npm_config_update_notifier", "false")
        .current_dir(sandbox.home());
    command
}

/// Installs both packages below HOME, and returns the path of the command.
fn install(sandbox: &Sandbox, packages: &[PathBuf]) -> PathBuf {
    let prefix = sandbox.path("prefix");
    let mut command = npm(sandbox, "npm");
    command
        .args(["install", "--global", "--prefix"])
        .arg(&prefix)
        .args(packages);
    let _ = successful(&command.output().unwrap());
    prefix.join("bin").join(NAME)
}

/// Runs the installed command without a terminal to its end.
fn run_installed(sandbox: &Sandbox, command: &Path, words: &[&str]) -> Ran {
    let output = npm(sandbox, command.to_str().unwrap())
        .args(words)
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Removes both packages, and asserts that npm's prefix has no file then.
fn remove(sandbox: &Sandbox) {
    let mut remove = npm(sandbox, "npm");
    let prefix = sandbox.path("prefix");
    remove.args(["uninstall", "--global", "--prefix"]).arg(&prefix);
    let _ = successful(
        &remove
            .args([NAME, &format!("{NAME}-linux-x64")])
            .output()
            .unwrap(),
    );
    let left = Command::new("find")
        .arg(&prefix)
        .args(["!", "-type", "d"])
        .output()
        .unwrap();
    assert_eq!(successful(&left), "");
}

#[test]
fn packages_are_installed_without_a_script_and_removed_without_a_trace() {
    if !installed("npm") {
        return;
    }
    let sandbox = Sandbox::new();
    let files = packages(&sandbox);
    for file in &files {
        let unpacked = Command::new("tar")
            .args(["-xOzf"])
            .arg(file)
            .arg("package/package.json")
            .output();
        let text = successful(&unpacked.unwrap());
        let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(manifest["version"], VERSION);
        assert_eq!(manifest["scripts"], serde_json::Value::Null, "{text}");
        assert!(!text.contains('@'), "{text}");
        for (_, version) in manifest["optionalDependencies"].as_object().into_iter().flatten() {
            assert_eq!(version, VERSION);
        }
    }
    let command = install(&sandbox, &files);
    let run = |words: &[&str]| run_installed(&sandbox, &command, words);
    assert_eq!(
        run(&["--version"]).exits(0).stdout,
        format!("openclaw {VERSION}\n")
    );
    let _ = run(&["profiles", "remove", "nope", "--yes"]).exits(1);
    let _ = run(&["bogus"]).exits(2);
    remove(&sandbox);
}

#[test]
fn release_from_npm_reaches_a_healthy_gateway_and_is_clean_again() {
    let Some(folder) = release_files() else { return };
    if !installed("npm") {
        return;
    }
    network::own(|| {
        let sandbox = Sandbox::new();
        let command = install(&sandbox, &sorted_packages(&folder));
        let run = |words: &[&str]| run_installed(&sandbox, &command, words).exits(0);
        assert_eq!(run(&["--version", "--json"]).json()["installed"], "npm");
        let onboard = "--profile rescue onboard --non-interactive --accept-risk --install-daemon=background";
        let _ = run(&onboard.split(' ').collect::<Vec<_>>());
        let _ = run(&["--profile", "rescue", "gateway", "health"]);
        let _ = run(&["--profile", "rescue", "gateway", "stop"]);
        remove(&sandbox);
        assert!(sandbox.path(".openclaw-rescue/openclaw.json").is_file());
    });
}

#[test]
fn missing_program_of_a_system_is_named_with_the_way_out() {
    if !installed("npm") {
        return;
    }
    let sandbox = Sandbox::new();
    let [with_command, _] = packages(&sandbox);
    let command = install(&sandbox, &[with_command]);
    let output = npm(&sandbox, command.to_str().unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("npm install -g --include=optional openclaw-rs"),
        "{said}"
    );
}

#[test]
fn npx_without_arguments_runs_the_wizard() {
    if !installed("npx") {
        return;
    }
    let sandbox = Sandbox::new();
    let [with_command, with_program] = packages(&sandbox);
    let mut command = npm(&sandbox, "npx");
    command
        .arg("--yes")
        .arg("--package")
        .arg(with_command)
        .arg("--package")
        .arg(with_program);
    command
        .arg(NAME)
        .env("LC_ALL", "C.UTF-8")
        .env("OPENCLAW_LANG", "en");
    let mut terminal = Terminal::run(command, Size::tall(80));
    terminal.wait_for("Esc");
    terminal.press(crate::support::pty::Key::CtrlC);
    assert_eq!(terminal.exit_code(), 130);
}

#[test]
fn service_from_the_cache_of_npx_comes_with_a_warning() {
    let sandbox = Sandbox::new();
    let below = ".npm/_npx/0a1b/node_modules/openclaw-rs-linux-x64/bin/openclaw-rs";
    crate::support::put_program(env!("CARGO_BIN_EXE_openclaw"), sandbox.write(below, ""));
    sandbox.write(
        ".openclaw/openclaw.json",
        "{ gateway: { mode: 'local', port: 18789, auth: { mode: 'none' } } }",
    );
    let preview = |program: PathBuf| -> serde_json::Value {
        let mut command = Command::new(program);
        command.args(["gateway", "install", "--dry-run", "--json"]);
        let output = command.env_clear().env("HOME", sandbox.home()).output().unwrap();
        serde_json::from_str(&successful(&output)).unwrap()
    };
    let warned = preview(sandbox.path(below));
    let warning = warned["warnings"][0].as_str().unwrap();
    assert!(
        warning.contains("npm install -g openclaw-rs && openclaw-rs gateway install --force"),
        "{warning}"
    );
    assert_eq!(
        preview(env!("CARGO_BIN_EXE_openclaw").into())["warnings"],
        serde_json::json!([])
    );
}
