//! Browsers below the hardening of our units, each with its sandbox where the system allows one.

use super::World;
use crate::support::{Reason, installed, manager, skipped};

#[test]
#[ignore = "runs inside a user manager"]
fn two_gateways_each_drive_a_browser_of_their_own() {
    if !manager::is_inside() || !installed("chromium") {
        return;
    }
    let profiles = [("browsing", 30000), ("browsing-too", 30200)];
    let mut seen = Vec::new();
    for (profile, port) in profiles {
        let world = World::with(profile, port);
        let _ = world.run(profile, &["gateway", "install"]).exits(0);
        let started = world.run(profile, &["browser", "start", "--json"]);
        if started.code != 0 {
            let said = started.json();
            assert_eq!(said["code"], "browser.no-sandbox", "{said}");
            assert!(
                said["hints"][1]
                    .as_str()
                    .unwrap()
                    .contains("browser.noSandbox true")
            );
            return skipped(Reason::NoChromiumSandbox, "a user may not start it");
        }
        let status = world
            .run(profile, &["browser", "status", "--json"])
            .exits(0)
            .json();
        assert_eq!(status["running"], true, "{status}");
        assert_eq!(
            (&status["noSandbox"], &status["headlessSource"]),
            (&false.into(), &"no-display".into())
        );
        assert_eq!(status["cdpPort"], port + 11);
        let folder = world.state(profile).join("browser/openclaw/user-data");
        assert_eq!(status["userDataDir"], folder.to_str().unwrap());
        seen.push(status["pid"].as_u64().unwrap());
    }
    assert_ne!(seen[0], seen[1]);
    let runs = |pid: u64| std::path::Path::new(&format!("/proc/{pid}")).exists();
    let _ = World::here().run("browsing", &["gateway", "stop"]).exits(0);
    World::until("its browser ended with it", || !runs(seen[0]));
    assert!(runs(seen[1]), "the other's lives on");
}
