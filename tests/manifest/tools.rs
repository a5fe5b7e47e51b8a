//! The programs that judge manifests, as `scripts/test` installs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Reason, skipped};

/// The folder below the cache of tests in which `scripts/test` puts them. Its name changes with their versions.
const FOLDER: &str = "openclaw-tests/manifest-tools-1";

/// Returns a program that judges manifests; where it is missing, the calling test counts as skipped.
#[track_caller]
pub fn tool(name: &'static str, below: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let path = cache.join(FOLDER).join(below);
    if !path.exists() {
        skipped(Reason::NoProgram(name), "scripts/test installs it");
        return None;
    }
    Some(path)
}

/// Returns Docker Compose.
#[track_caller]
pub fn compose() -> Option<PathBuf> {
    tool("docker-compose", "docker-compose")
}

/// Runs a program in a folder, without anything of the user's environment.
pub fn run_in(folder: &Path, program: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).env_clear();
    command.env("PATH", "/usr/bin:/bin").env("HOME", folder);
    command.env("XDG_RUNTIME_DIR", folder);
    command.output().expect("the program starts")
}

/// Asserts that a program accepts what is in a folder, and rejects it once a text in a file is replaced.
#[track_caller]
pub fn assert_rejects_mistake(
    accepts: impl Fn() -> Output,
    file: &Path,
    (right, wrong): (&str, &str),
    named: &str,
) {
    let output = accepts();
    assert!(output.status.success(), "{}", said(&output));
    let text = std::fs::read_to_string(file).expect("a file");
    assert!(
        text.contains(right),
        "{right} is not in {}:\n{text}",
        file.display()
    );
    std::fs::write(file, text.replacen(right, wrong, 1)).expect("a file");
    let output = accepts();
    std::fs::write(file, text).expect("a file");
    assert!(!output.status.success(), "{wrong} was accepted");
    assert!(said(&output).contains(named), "{named}:\n{}", said(&output));
}

/// Returns what a program has said.
pub fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Returns Podman's generator of units.
#[track_caller]
pub fn quadlet() -> Option<PathBuf> {
    tool("quadlet", "quadlet")
}

/// Returns the program that validates objects of Kubernetes.
#[track_caller]
pub fn kubernetes_validate() -> Option<PathBuf> {
    tool("kubernetes-validate", "bin/kubernetes-validate")
}

/// Returns the program that makes one text of a folder with a `kustomization.yaml`.
#[track_caller]
pub fn kustomize() -> Option<PathBuf> {
    tool("kustomize", "kustomize")
}

/// Returns the documents of a YAML file as another program's parser reads them; `None`, and a counted skip, where it is
/// missing.
#[track_caller]
pub fn yaml_documents(file: &Path) -> Option<Vec<Value>> {
    let python = tool("kubernetes-validate", "bin/python")?;
    let script = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let path = file.to_str().expect("text");
    let output = run_in(file.parent().expect("a folder"), &python, &["-c", script, path]);
    assert!(output.status.success(), "{}", said(&output));
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}
