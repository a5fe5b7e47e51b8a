//! A service of another host, whose user manager is a real one, repaired from this host.

use super::SshHosts;
use crate::rescue::inside::target::{BROKEN_CONFIG, home, run, systemctl};
use crate::support::{Sandbox, manager};

#[test]
#[ignore = "runs inside a user manager"]
fn service_of_another_host_is_repaired_from_this_one() {
    if !manager::is_inside() {
        return;
    }
    let args = "onboard --non-interactive --accept-risk --install-daemon --json --gateway-port 18789";
    let _ = run(&args.split(' ').collect::<Vec<_>>()).exits(0);
    let here = Sandbox::new();
    let path = SshHosts::search_path(&here);
    let here = here.var("PATH", path);
    let Some(ssh) = SshHosts::new(&here) else {
        return;
    };
    ssh.add("box", &home());
    let _ = here.run(["hosts", "add", "box", &ssh.address("box")]).exits(0);
    let status = || here.run(["status", "--all", "--hosts", "--json"]);
    let healthy = status().exits(0).json();
    let gateway = &healthy["hosts"][0]["instances"][0];
    assert_eq!(gateway["verdict"], "healthy", "{healthy:#}");
    assert_eq!(gateway["service"]["runtime"]["status"], "running", "{healthy:#}");

    let config = home().join(".openclaw/openclaw.json");
    let good = std::fs::read(&config).expect("the config");
    std::fs::write(&config, BROKEN_CONFIG).expect("the config");
    let _ = run(&["gateway", "restart"]).exits(78);
    assert_ne!(status().json()["ok"], true);
    let repaired = here
        .run(["--host", "box", "rescue", "--yes", "--json"])
        .exits(0)
        .json();
    assert_eq!(repaired["tried"][0]["id"], "restore-config", "{repaired:#}");
    assert_eq!(std::fs::read(&config).expect("the config"), good);
    let _ = status().exits(0);
    assert_eq!(systemctl(&["is-active", "openclaw-gateway.service"]), "active");
}
