//! `openclaw engine`: releases of OpenClaw are installed by the real npm from a registry that the test runs, chosen for an
//! instance, and removed. What goes wrong leaves nothing.

mod inside;
mod kills;
mod repair;
mod running;
mod upgrade;

use std::path::PathBuf;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::engine::write_config;
use crate::support::npm_registry::{Archives, NpmRegistry, Package};
use crate::support::{Ran, Reason, Sandbox, installed, manager, skipped};

/// A range of versions of Node that holds for every Node that runs npm.
const ANY_NODE: &str = ">=16";
/// A range of versions of Node that no host has.
const FUTURE_NODE: &str = ">=900.0.0";

/// Returns a sandbox and a registry with these packages; `None`, with a note, where the host has no npm.
fn sandbox_with(packages: &[Package]) -> Option<(Sandbox, NpmRegistry)> {
    if !installed("npm") {
        skipped(Reason::NoProgram("npm"), "releases are installed by npm");
        return None;
    }
    let sandbox = Sandbox::new().var("NO_PROXY", "127.0.0.1");
    Some((sandbox, NpmRegistry::start(packages)))
}

fn release(version: &str) -> Package {
    Package::openclaw(version, ANY_NODE, &json!({}))
}

/// Returns the words of an installation from a registry.
fn install_words<'a>(registry: &'a NpmRegistry, version: &'a str) -> Vec<&'a str> {
    vec![
        "engine",
        "install",
        version,
        "--registry",
        &registry.url,
        "--json",
    ]
}

fn install(sandbox: &Sandbox, registry: &NpmRegistry, version: &str) -> Ran {
    sandbox.run(install_words(registry, version))
}

fn store(sandbox: &Sandbox) -> PathBuf {
    sandbox.path(".local/state/openclaw/engines")
}

/// Returns the names of the folders of releases, whole ones and those under way.
fn folders(sandbox: &Sandbox) -> Vec<String> {
    let entries = std::fs::read_dir(store(sandbox)).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir() && entry.file_name() != "npm");
    let mut names: Vec<_> = folders
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn engine_json(sandbox: &Sandbox, words: &[&str]) -> Ran {
    let all = [&["--profile", "rescue", "engine", "--json"], words].concat();
    sandbox.run(all)
}

#[test]
fn release_is_installed_run_by_one_instance_and_removed() {
    let Some((sandbox, registry)) = sandbox_with(&[release("2026.8.1"), release("2026.9.6")]) else {
        return;
    };
    write_config(&sandbox, 19789, "native");
    let made = install(&sandbox, &registry, "latest").exits(0).json();
    assert_eq!(
        (&made["version"], &made["node"], &made["wasInstalled"]),
        (&json!("2026.9.6"), &Value::Null, &json!(false))
    );
    let folder = store(&sandbox).join("2026.9.6");
    assert!(!folder.join("node_modules/openclaw/ran-a-script").exists());
    let again = install(&sandbox, &registry, "2026.9.6").exits(0).json();
    assert_eq!(
        (&again["wasInstalled"], &again["integrity"]),
        (&json!(true), &made["integrity"])
    );

    let used = engine_json(&sandbox, &["use", "2026.9.6"]).exits(0).json();
    assert_eq!(
        (&used["engine"], &used["release"]),
        (&json!("node"), &json!("2026.9.6"))
    );
    let ran = sandbox.run(["--profile", "rescue", "gateway", "run"]).exits(23);
    assert!(ran.stdout.contains("release=2026.9.6\nno-update=1\n"), "{ran:?}");
    assert!(
        ran.stdout
            .contains("arg=--profile\narg=rescue\narg=gateway\narg=--port\narg=19789\n"),
        "{ran:?}"
    );

    let listed = engine_json(&sandbox, &["list"]).exits(0).json();
    assert_eq!(listed["releases"][0]["usedBy"], json!(["rescue"]));
    let kept = engine_json(&sandbox, &["remove", "2026.9.6"]).exits(78).json();
    assert_eq!(kept["code"], "engine.in-use");
    let _ = engine_json(&sandbox, &["use", "native"]).exits(0);
    assert!(!sandbox.read(".openclaw-rescue/instance.toml").contains("release"));
    let _ = engine_json(&sandbox, &["remove", "2026.9.6"]).exits(0);
    assert_eq!(folders(&sandbox), [""; 0]);
}

#[test]
fn registry_names_what_can_be_installed() {
    let Some((sandbox, registry)) =
        sandbox_with(&[release("2025.12.1"), release("2026.1.30"), release("2026.9.6")])
    else {
        return;
    };
    let words = [
        "engine",
        "list",
        "--remote",
        "--registry",
        &registry.url,
        "--json",
    ];
    let listed = sandbox.run(words).exits(0).json();
    assert_eq!(
        listed["published"],
        json!({ "versions": ["2026.9.6", "2026.1.30"], "tags": { "latest": "2026.9.6" } })
    );
    for (version, code) in [
        ("2025.12.1", "engine.release-too-old"),
        ("2026.7.7", "engine.no-release"),
    ] {
        let refused = install(&sandbox, &registry, version).exits(1).json();
        assert_eq!(refused["code"], code);
    }
    assert_eq!(folders(&sandbox), [""; 0]);
}

#[test]
fn release_for_a_newer_node_brings_its_own() {
    let packages = [
        Package::openclaw("2026.9.6", FUTURE_NODE, &json!({})),
        Package::node("899.0.0"),
        Package::node("900.1.0"),
    ];
    let Some((sandbox, registry)) = sandbox_with(&packages) else {
        return;
    };
    write_config(&sandbox, 19789, "native");
    let made = install(&sandbox, &registry, "2026.9.6").exits(0).json();
    assert_eq!(made["node"]["version"], "900.1.0");
    let _ = engine_json(&sandbox, &["use", "2026.9.6"]).exits(0);
    let ran = sandbox.run(["--profile", "rescue", "skills", "list"]).exits(23);
    assert!(
        ran.stdout
            .contains("own\narg=--profile\narg=rescue\narg=skills\n"),
        "{ran:?}"
    );

    // Without its own Node that of the host is too old, and the installation puts it back.
    let package = made["node"]["package"].as_str().expect("a package");
    std::fs::remove_dir_all(store(&sandbox).join("2026.9.6/node_modules").join(package)).unwrap();
    let refused = sandbox.run(["--profile", "rescue", "gateway", "run"]).exits(78);
    assert!(refused.stderr.contains("needs Node >=900.0.0"), "{refused:?}");
    let doctor = sandbox.run(["--profile", "rescue", "doctor", "--json"]).json();
    assert!(doctor.to_string().contains("engine-release"), "{doctor}");
    let repaired = install(&sandbox, &registry, "2026.9.6").exits(0).json();
    assert_eq!(repaired["wasInstalled"], false);
    let _ = sandbox.run(["--profile", "rescue", "skills", "list"]).exits(23);
    assert_eq!(folders(&sandbox), ["2026.9.6"]);
}

#[test]
fn release_whose_folder_is_gone_is_named_with_the_way_out() {
    let Some((sandbox, registry)) = sandbox_with(&[release("2026.9.6")]) else {
        return;
    };
    write_config(&sandbox, 19789, "native");
    let _ = install(&sandbox, &registry, "2026.9.6").exits(0);
    let _ = engine_json(&sandbox, &["use", "2026.9.6"]).exits(0);
    std::fs::remove_dir_all(store(&sandbox).join("2026.9.6")).unwrap();
    let ran = sandbox.run(["--profile", "rescue", "gateway", "run"]).exits(78);
    assert!(ran.stderr.contains("openclaw engine install 2026.9.6"), "{ran:?}");
    let doctor = sandbox
        .run(["--profile", "rescue", "doctor", "--json"])
        .exits(1)
        .json();
    let findings = doctor["findings"].as_array().expect("findings");
    let found = findings
        .iter()
        .find(|finding| finding["id"] == "engine-release")
        .expect("the finding");
    assert!(
        found.to_string().contains("openclaw engine install 2026.9.6"),
        "{found}"
    );
}

#[test]
fn package_of_a_repository_is_replaced_by_the_overrides_file_only() {
    let gone = json!({ "signal": "git+file:///nowhere/signal.git" });
    let packages = [
        Package::openclaw("2026.1.30", ANY_NODE, &gone),
        Package::empty("signal-from-the-registry", "2.0.1"),
    ];
    let Some((sandbox, registry)) = sandbox_with(&packages) else {
        return;
    };
    let refused = install(&sandbox, &registry, "2026.1.30").exits(1).json();
    assert_eq!(refused["code"], "engine.repository-gone");
    assert!(
        refused["hints"][0].as_str().unwrap().contains("overrides.toml"),
        "{refused}"
    );
    assert_eq!(folders(&sandbox), [""; 0]);
    let overrides = ".local/state/openclaw/engines/overrides.toml";
    sandbox.write(overrides, "[releases.'2026.1.30'.packagez]\n");
    let broken = install(&sandbox, &registry, "2026.1.30").exits(78).json();
    assert_eq!(broken["code"], "engine.overrides-broken");
    sandbox.write(
        overrides,
        "[releases.'2026.1.30'.packages]\nsignal = 'npm:signal-from-the-registry@2.0.1'\n",
    );
    let made = install(&sandbox, &registry, "2026.1.30").exits(0).json();
    assert_eq!(made["overrides"]["signal"], "npm:signal-from-the-registry@2.0.1");
}

#[test]
fn what_the_registry_fails_to_send_leaves_nothing() {
    let Some((sandbox, registry)) = sandbox_with(&[release("2026.9.6")]) else {
        return;
    };
    for (archives, code) in [
        (Archives::Changed, "engine.wrong-content"),
        (Archives::Refused, "engine.registry-unreachable"),
    ] {
        registry.set_archives(archives);
        let refused = install(&sandbox, &registry, "2026.9.6").exits(1).json();
        assert_eq!(refused["code"], code, "{refused}");
        assert_eq!(folders(&sandbox), [""; 0]);
    }
    registry.set_archives(Archives::Sent);
    let _ = install(&sandbox, &registry, "2026.9.6").exits(0);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let gone = sandbox
        .run(["engine", "install", "2026.9.5", "--registry", &url, "--json"])
        .exits(1)
        .json();
    assert_eq!(gone["code"], "engine.registry-unreachable");
}

/// Starts an installation and waits until it has asked for an archive, which it does not get.
fn held_installation(sandbox: &Sandbox, registry: &NpmRegistry) -> Child {
    registry.set_archives(Archives::Held);
    let mut command = sandbox.command(install_words(registry, "2026.9.6"));
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    registry.wait_for_request();
    child
}

#[test]
fn second_installation_at_the_same_time_is_refused() {
    let Some((sandbox, registry)) = sandbox_with(&[release("2026.9.6")]) else {
        return;
    };
    let first = held_installation(&sandbox, &registry);
    let refused = install(&sandbox, &registry, "2026.9.6").exits(1).json();
    assert_eq!(refused["code"], "engine.busy");
    registry.set_archives(Archives::Sent);
    let first = first.wait_with_output().unwrap();
    assert!(first.status.success(), "{first:?}");
    assert_eq!(folders(&sandbox), ["2026.9.6"]);
}

#[test]
fn killed_installation_is_made_again_from_the_start() {
    let Some((sandbox, registry)) = sandbox_with(&[release("2026.9.6")]) else {
        return;
    };
    let mut first = held_installation(&sandbox, &registry);
    first.kill().unwrap();
    first.wait().unwrap();
    let left = folders(&sandbox);
    assert!(
        matches!(&left[..], [name] if name.starts_with("staging-")),
        "{left:?}"
    );
    let listed = sandbox.run(["engine", "list", "--json"]).exits(0).json();
    assert_eq!(listed["releases"], json!([]));
    registry.set_archives(Archives::Sent);
    let _ = install(&sandbox, &registry, "2026.9.6").exits(0);
    assert!(folders(&sandbox).contains(&"2026.9.6".to_owned()));
}

/// Runs the test in [`repair`].
#[test]
fn service_is_repaired_under_a_real_user_manager() {
    manager::run(&Sandbox::new().home(), "releases::repair::");
}

/// Runs the test in [`kills`], with a manager of its own: no other test may hold the lock of the releases.
#[test]
fn upgrade_of_a_service_is_killed_under_a_real_user_manager() {
    manager::run(&Sandbox::new().home(), "releases::kills::");
}

/// Runs the tests in [`inside`].
#[test]
fn releases_are_switched_under_a_real_user_manager() {
    manager::run(&Sandbox::new().home(), "releases::inside::");
}
