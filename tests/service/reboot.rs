//! Tests of services after a second boot on the home folder of [`super::inside`].

use super::inside::{UserHome, health, systemctl, wait_until};
use crate::support::manager;

#[test]
#[ignore = "runs inside a user manager"]
fn installed_services_run_again_after_a_boot_and_uninstalled_ones_do_not() {
    if !manager::is_inside() {
        return;
    }
    wait_until("default", || health(18789)["profile"] == "default");
    wait_until("rescue", || health(19789)["profile"] == "rescue");
    // This one was installed while no manager could be reached.
    wait_until("later", || health(32000)["profile"] == "later");
    assert_eq!(
        UserHome::unit_property("openclaw-gateway-gone.service", "LoadState"),
        "not-found"
    );
}

#[test]
#[ignore = "runs inside a user manager"]
// Not in `inside`: other tests there reload all units, which resets the number of starts that systemd counts.
fn crash_loop_trips_the_start_limit_and_drop_ins_are_kept() {
    if !manager::is_inside() {
        return;
    }
    let home = UserHome::with_config("loop", 24000);
    let _ = home.run("loop", &["gateway", "install"]).exits(0);
    let folder = home.unit_file("loop").with_extension("service.d");
    std::fs::create_dir_all(&folder).unwrap();
    // The unit's own limit, with less time between two starts.
    let text = "[Service]\nType=exec\nExecStart=\nExecStart=/bin/false\nRestartSec=100ms\n";
    std::fs::write(folder.join("mine.conf"), text).unwrap();
    systemctl(&["daemon-reload"]);
    systemctl(&["restart", &UserHome::unit_name("loop")]);
    let unit = UserHome::unit_name("loop");
    wait_until("it gave up", || {
        UserHome::unit_property(&unit, "ActiveState") == "failed"
    });
    let restarts: u32 = UserHome::unit_property(&unit, "NRestarts").parse().unwrap();
    assert!(restarts <= 5, "{restarts}");
    // The service can't start as long as the drop-in exists, and an installation does not remove it.
    let _ = home.run("loop", &["gateway", "install", "--force", "--json"]);
    assert_eq!(std::fs::read_to_string(folder.join("mine.conf")).unwrap(), text);
    std::fs::remove_dir_all(&folder).unwrap();
    systemctl(&["daemon-reload"]);
    let _ = home.run("loop", &["gateway", "start"]).exits(0);
    wait_until("loop is well", || health(24000)["profile"] == "loop");
}
