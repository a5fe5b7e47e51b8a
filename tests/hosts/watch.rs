//! A rescue gateway that watches a gateway of another host.

use rustix::process::Signal;

use super::TwoHosts;
use crate::rescue::without_manager::SpawnedGateway;
use crate::support::gateway::{self, Gateway, wait_for};

#[test]
fn gateway_of_another_host_is_watched_and_repaired_and_a_host_that_is_gone_is_reported() {
    let Some(TwoHosts { here, there, ssh }) = TwoHosts::new() else {
        return;
    };
    let record = "version = 1\nprofile = 'rescue'\n[rescue]\nwatch = ['default@box', 'default@attic']\n\
                  interval = 1\npatience = 0\nrest = 10\n";
    here.write(".openclaw-rescue/instance.toml", record);
    let main = Gateway::start(&there, "default");
    let rescuer = Gateway::start(&here, "rescue");
    let wait_for_log = |text: &str| {
        wait_for(text, || {
            gateway::log(&here, "rescue").contains(text).then_some(())
        });
    };
    wait_for_log("Profile default@box: watching, healthy.");
    wait_for_log("Profile default@attic: can’t be watched. No such host: attic");

    main.signal(Signal::KILL);
    let _ = main.exited().code;
    let spawned = SpawnedGateway(&there);
    wait_for_log("Profile default@box: repaired, healthy.");
    assert!(spawned.pid().is_some());
    let history = there.run(["rescue", "history", "--json"]).exits(0).json();
    assert_eq!(history["repairs"][0]["outcome"], "healthy", "{history:#}");
    let words = ["--profile", "rescue", "gateway", "status", "--json"];
    let watching = here.run(words).exits(0).json()["watching"].clone();
    let of_box = watching
        .as_array()
        .expect("a list")
        .iter()
        .find(|one| one["profile"] == "default@box");
    assert_eq!(of_box.expect("box")["ok"], true, "{watching:#}");

    let _ = there.run(["gateway", "stop"]).exits(0);
    wait_for_log("Profile default@box: stopped by its user");
    ssh.connect_by("box", "false");
    wait_for_log("box can’t be reached");
    let _ = rescuer.stop().with(0);
}

#[test]
fn watching_a_gateway_of_an_unknown_host_is_refused_on_the_command_line() {
    let Some(TwoHosts { here, .. }) = TwoHosts::new() else {
        return;
    };
    let refused = here
        .run(["--profile", "rescue", "rescue", "watch", "default@attic"])
        .exits(1);
    assert!(refused.stderr.contains("No such host: attic"), "{refused:?}");
}
