//! Tests of upgrades of services inside a real user manager, each with a profile of its own: what fails or is killed is put
//! back, and the old gateway answers again.

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::service::inside::{UserHome, health, systemctl, wait_until};
use crate::support::npm_registry::{NpmRegistry, Package, Start};
use crate::support::{Reason, installed, manager, skipped};

/// An instance whose service runs one release, with another one installed beside it.
pub(super) struct Upgraded {
    pub(super) home: UserHome,
    pub(super) profile: &'static str,
    port: u16,
    pub(super) to: &'static str,
}

impl Upgraded {
    /// Sets an instance up that runs the real 2026.1.30, with the real 2026.9.6 beside it, from the folder of the peers. They
    /// are not installed by npm here: that takes two gigabytes from the registry.
    fn with_real_releases(profile: &'static str, port: u16, peers: &Path) -> Self {
        let mut home = UserHome::with_config(profile, port);
        home.vars = vec![("PATH", format!("{}:/usr/bin:/bin", peers.display()))];
        let store = home.path.join(".local/state/openclaw/engines");
        for (version, peer) in [("2026.1.30", "old"), ("2026.9.6", "app")] {
            let folder = store.join(version);
            std::fs::create_dir_all(&folder).unwrap();
            symlink(peers.join(peer).join("node_modules"), folder.join("node_modules")).unwrap();
            let receipt = json!({
                "version": version, "integrity": "sha512-of-the-peer", "installedAt": "2026-11-30T00:00:00.000Z",
                "packages": 1, "bytes": 1, "nodeRange": ">=22.12.0", "node": null,
            });
            std::fs::write(folder.join("release.json"), receipt.to_string()).unwrap();
        }
        let upgraded = Self {
            home,
            profile,
            port,
            to: "2026.9.6",
        };
        let _ = upgraded.run(&["use", "2026.1.30"]).exits(0);
        let _ = upgraded
            .home
            .run(profile, &["gateway", "install", "--json"])
            .exits(0);
        upgraded
    }

    /// Puts an OpenClaw that does nothing in the place of the new release, and restarts the service with it.
    fn break_release(&self) {
        let folder = self.home.path.join(".local/state/openclaw/engines").join(self.to);
        let modules = folder.join("node_modules");
        let manifest = std::fs::read(modules.join("openclaw/package.json")).unwrap();
        std::fs::remove_file(&modules).unwrap();
        std::fs::create_dir_all(modules.join("openclaw")).unwrap();
        std::fs::write(modules.join("openclaw/package.json"), manifest).unwrap();
        std::fs::write(modules.join("openclaw/openclaw.mjs"), "process.exit(78);\n").unwrap();
        let unit = UserHome::unit_name(self.profile);
        let _ = systemctl(&["restart", &unit]);
        wait_until("the service has given up", || {
            UserHome::unit_property(&unit, "ActiveState") == "failed"
        });
    }

    /// Repairs the gateway, and asserts that its upgrade was rolled back last.
    #[track_caller]
    pub(super) fn assert_repair_rolls_back(&self) {
        let repair = ["rescue", "repair", self.profile, "--yes", "--json"];
        let report = self.home.run("default", &repair).exits(0).json();
        let tried = report["tried"].as_array().expect("steps");
        let last = tried.last().expect("a step");
        let expected = (&json!("roll-back"), &json!("helped"));
        assert_eq!((&last["id"], &last["result"]), expected, "{report:#}");
    }

    /// Sets the instance up. Each test has releases of its own: only one is installed at a time.
    pub(super) fn new(profile: &'static str, port: u16, versions: [&'static str; 2], start: Start) -> Self {
        let home = UserHome::with_config(profile, port);
        let [from, to] = versions;
        let packages = [Package::gateway(from, Start::Serves), Package::gateway(to, start)];
        let registry = NpmRegistry::start(&packages);
        for version in versions {
            wait_until("the release is installed", || {
                let ran = home.run(
                    profile,
                    &[
                        "engine",
                        "install",
                        version,
                        "--registry",
                        &registry.url,
                        "--json",
                    ],
                );
                assert!(ran.code == 0 || ran.json()["code"] == "engine.busy", "{ran:?}");
                ran.code == 0
            });
        }
        let upgraded = Self {
            home,
            profile,
            port,
            to,
        };
        let _ = upgraded.run(&["use", from]).exits(0);
        let _ = upgraded
            .home
            .run(profile, &["gateway", "install", "--json"])
            .exits(0);
        assert_eq!(upgraded.state_of(), from);
        upgraded
    }

    pub(super) fn run(&self, words: &[&str]) -> crate::support::Ran {
        self.home
            .run(self.profile, &[&["engine", "--json"], words].concat())
    }

    /// Runs a command that needs the lock of the releases, which another test may hold.
    pub(super) fn run_alone(&self, words: &[&str]) -> crate::support::Ran {
        let mut last = None;
        wait_until("the releases are free", || {
            let ran = self.run(words);
            let is_busy = ran.code == 1 && ran.json()["code"] == "engine.busy";
            last = Some(ran);
            !is_busy
        });
        last.expect("it ran")
    }

    pub(super) fn state_file(&self, name: &str) -> PathBuf {
        self.home
            .path
            .join(format!(".openclaw-{}", self.profile))
            .join(name)
    }

    /// Returns the version of the release that brought the state up to date last.
    fn state_of(&self) -> String {
        std::fs::read_to_string(self.state_file("state-of")).unwrap_or_default()
    }

    #[track_caller]
    pub(super) fn assert_healthy_with(&self, version: &str) {
        self.assert_healthy_as("", version);
    }

    /// Asserts that the service answers and that record and state are those of a release.
    #[track_caller]
    pub(super) fn assert_healthy_as(&self, context: &str, version: &str) {
        assert_eq!(health(self.port)["ok"], json!(true), "{context}");
        let record = std::fs::read_to_string(self.state_file("instance.toml")).unwrap();
        assert!(record.contains(version), "{context}: {record}");
        assert_eq!(self.state_of(), version, "{context}");
    }
}

/// Returns whether npm is installed; the calling test is skipped where it is not.
pub(super) fn has_npm() -> bool {
    if !installed("npm") {
        skipped(Reason::NoProgram("npm"), "releases are installed by npm");
    }
    installed("npm")
}

#[test]
#[ignore = "runs inside a user manager"]
fn service_is_upgraded_and_rolled_back_while_another_gateway_goes_on() {
    if !manager::is_inside() || !has_npm() {
        return;
    }
    let bystander = UserHome::with_config("bystander", 24000);
    let _ = bystander
        .run("bystander", &["gateway", "install", "--json"])
        .exits(0);
    let pid = health(24000)["pid"].clone();
    let main = Upgraded::new("main", 24200, ["2026.3.1", "2026.7.1"], Start::Serves);
    std::fs::write(main.state_file("notes"), "first").unwrap();
    let made = main.run_alone(&["upgrade", main.to, "--yes"]).exits(0).json();
    assert!(made["switch"]["downtime"].as_u64().is_some(), "{made}");
    main.assert_healthy_with("2026.7.1");
    std::fs::write(main.state_file("notes"), "second").unwrap();
    let back = main.run_alone(&["rollback", "--yes"]).exits(0).json();
    assert_eq!(back["outcome"], "done", "{back}");
    main.assert_healthy_with("2026.3.1");
    assert_eq!(
        std::fs::read_to_string(main.state_file("notes")).unwrap(),
        "first"
    );
    assert_eq!(health(24000)["pid"], pid);
}

#[test]
#[ignore = "runs inside a user manager"]
fn service_whose_new_release_does_not_come_up_is_put_back() {
    if !manager::is_inside() || !has_npm() {
        return;
    }
    let main = Upgraded::new(
        "refused",
        24400,
        ["2026.2.1", "2026.8.1"],
        Start::ServesInRehearsal,
    );
    std::fs::write(main.state_file("notes"), "first").unwrap();
    let failed = main.run_alone(&["upgrade", main.to, "--yes"]);
    assert!(failed.code != 0, "{failed:?}");
    let failed: Value = failed.json();
    assert!(
        failed["hints"].to_string().contains("Everything was put back"),
        "{failed}"
    );
    main.assert_healthy_with("2026.2.1");
    let history = main.run(&["history"]).exits(0).json();
    assert_eq!(history["switches"][0]["outcome"], "undone");
    let listed = main.run(&["list"]).exits(0).json();
    assert!(listed["releases"].to_string().contains("2026.8.1"));
}

#[test]
#[ignore = "runs inside a user manager"]
fn upgrade_that_is_killed_while_the_new_release_hangs_is_put_back() {
    if !manager::is_inside() || !has_npm() {
        return;
    }
    let main = Upgraded::new("killed", 24600, ["2026.2.2", "2026.8.2"], Start::HangsOutside);
    let words = ["engine", "--json", "upgrade", main.to, "--yes", "--no-rehearsal"];
    let mut command = main.home.command(main.profile, &words);
    let mut upgrade = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the new release has the state", || {
        if upgrade.try_wait().unwrap().is_some() {
            // Another test held the lock of the releases.
            upgrade = command.spawn().unwrap();
        }
        main.state_of() == "2026.8.2"
    });
    upgrade.kill().unwrap();
    upgrade.wait().unwrap();
    let next = main.run_alone(&["rollback", "--yes"]).exits(1).json();
    assert_eq!(next["code"], "engine.no-upgrade", "{next}");
    main.assert_healthy_with("2026.2.2");
    let history = main.run(&["history"]).exits(0).json();
    assert_eq!(history["switches"][0]["outcome"], "cut-short");
}

#[test]
#[ignore = "runs inside a user manager"]
fn real_release_is_upgraded_and_rolled_back_with_sessions_and_pairing() {
    if !manager::is_inside() {
        return;
    }
    let Some(peers) = std::env::var_os("OPENCLAW_PEERS").map(PathBuf::from) else {
        return skipped(Reason::NoPeers, "OPENCLAW_PEERS is not set");
    };
    let main = Upgraded::with_real_releases("real", 24800, &peers);
    let id = "11111111-1111-4111-8111-111111111111";
    let sessions = main.state_file("agents/main/sessions");
    std::fs::create_dir_all(&sessions).unwrap();
    let index = json!({ "agent:main:main": { "sessionId": id, "updatedAt": 1_795_369_530_795_u64 } });
    std::fs::write(sessions.join("sessions.json"), index.to_string()).unwrap();
    let head = json!({ "type": "session", "version": 3, "id": id, "timestamp": "2026-11-30T12:00:00.000Z", "cwd": "/tmp" });
    std::fs::write(sessions.join(format!("{id}.jsonl")), format!("{head}\n")).unwrap();
    // OpenClaw's own command line is paired as a device by its first call.
    let devices = |version: &str| {
        let ran = main.home.run(main.profile, &["devices", "list", "--json"]);
        assert!(ran.stdout.contains("deviceId"), "{version}: {ran:?}");
        let listed = main.home.run(main.profile, &["sessions", "--json"]);
        assert!(listed.stdout.contains(id), "{version}: {listed:?}");
    };
    devices("2026.1.30");
    let made = main.run_alone(&["upgrade", main.to, "--yes"]).exits(0).json();
    assert_eq!(made["from"], "2026.1.30", "{made}");
    let status = main.home.run(main.profile, &["status", "--json"]).exits(0).json();
    assert_eq!(status["gateway"]["version"], "2026.9.6", "{status}");
    devices("2026.9.6");
    let back = main.run_alone(&["rollback", "--yes"]).exits(0).json();
    assert_eq!(back["outcome"], "done", "{back}");
    devices("2026.1.30 again");
    // A release that breaks within a day of the upgrade is rolled back by a repair.
    let _ = main.run_alone(&["upgrade", main.to, "--yes"]).exits(0);
    main.break_release();
    main.assert_repair_rolls_back();
    devices("2026.1.30 after a repair");
    // The figures of the switch, for whoever reads the run: both in milliseconds.
    let _ = writeln!(
        std::io::stderr(),
        "down for {} and {}",
        made["switch"]["downtime"],
        back["downtime"]
    );
}
