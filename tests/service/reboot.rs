//! What runs after a second boot on the home that [`super::inside`] left.

use super::inside::{World, health, systemctl};
use crate::support::manager;

#[test]
#[ignore = "runs inside a user manager"]
fn what_was_installed_is_up_again_and_what_was_not_is_not() {
    if !manager::is_inside() {
        return;
    }
    World::until("default", || health(18789)["profile"] == "default");
    World::until("rescue", || health(19789)["profile"] == "rescue");
    // Installed while no manager could be asked.
    World::until("later", || health(32000)["profile"] == "later");
    assert_eq!(
        World::show("openclaw-gateway-gone.service", "LoadState"),
        "not-found"
    );
}

#[test]
#[ignore = "runs inside a user manager"]
// Here, because whoever makes systemd read all units anew makes it forget how often each was started.
fn a_crash_loop_trips_the_limit_and_drop_ins_stay() {
    if !manager::is_inside() {
        return;
    }
    let world = World::with("loop", 24000);
    let _ = world.run("loop", &["gateway", "install"]).exits(0);
    let folder = world.file("loop").with_extension("service.d");
    std::fs::create_dir_all(&folder).unwrap();
    // The unit's own limit, with less time between two starts.
    let text = "[Service]\nType=exec\nExecStart=\nExecStart=/bin/false\nRestartSec=100ms\n";
    std::fs::write(folder.join("mine.conf"), text).unwrap();
    systemctl(&["daemon-reload"]);
    systemctl(&["restart", &World::unit("loop")]);
    let unit = World::unit("loop");
    World::until("it gave up", || World::show(&unit, "ActiveState") == "failed");
    let restarts: u32 = World::show(&unit, "NRestarts").parse().unwrap();
    assert!(restarts <= 5, "{restarts}");
    // It can't come up as long as the drop-in stands, which no installation takes away.
    let _ = world.run("loop", &["gateway", "install", "--force", "--json"]);
    assert_eq!(std::fs::read_to_string(folder.join("mine.conf")).unwrap(), text);
    std::fs::remove_dir_all(&folder).unwrap();
    systemctl(&["daemon-reload"]);
    let _ = world.run("loop", &["gateway", "start"]).exits(0);
    World::until("loop is well", || health(24000)["profile"] == "loop");
}
