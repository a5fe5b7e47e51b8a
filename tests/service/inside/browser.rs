//! Tests of browsers whose gateways run as services: Chromium starts with its sandbox under the hardening of the units.

use super::{UserHome, wait_until};
use crate::support::{Reason, installed, manager, skipped};

#[test]
#[ignore = "runs inside a user manager"]
fn two_services_drive_one_browser_each() {
    if !manager::is_inside() || !installed("chromium") {
        return;
    }
    let profiles = [("browsing", 30000), ("browsing-too", 30200)];
    let mut pids = Vec::new();
    for (profile, port) in profiles {
        let home = UserHome::with_config(profile, port);
        let _ = home.run(profile, &["gateway", "install"]).exits(0);
        let started = home.run(profile, &["browser", "start", "--json"]);
        if started.code != 0 {
            let answer = started.json();
            assert_eq!(answer["code"], "browser.no-sandbox", "{answer}");
            assert!(
                answer["hints"][1]
                    .as_str()
                    .unwrap()
                    .contains("browser.noSandbox true")
            );
            return skipped(Reason::NoChromiumSandbox, "a user may not start it");
        }
        let status = home
            .run(profile, &["browser", "status", "--json"])
            .exits(0)
            .json();
        assert_eq!(status["running"], true, "{status}");
        assert_eq!(
            (&status["noSandbox"], &status["headlessSource"]),
            (&false.into(), &"no-display".into())
        );
        assert_eq!(status["cdpPort"], port + 11);
        let folder = home.state_dir(profile).join("browser/openclaw/user-data");
        assert_eq!(status["userDataDir"], folder.to_str().unwrap());
        pids.push(status["pid"].as_u64().unwrap());
    }
    assert_ne!(pids[0], pids[1]);
    let runs = |pid: u64| std::path::Path::new(&format!("/proc/{pid}")).exists();
    let _ = UserHome::current().run("browsing", &["gateway", "stop"]).exits(0);
    wait_until("its browser ended with it", || !runs(pids[0]));
    assert!(runs(pids[1]), "the browser of the other gateway runs on");
}
