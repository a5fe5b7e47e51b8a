//! Tests of services with the node engine, where the real releases are installed (`OPENCLAW_PEERS`).

use std::path::Path;

use serde_json::json;

use super::{UserHome, wait_until};
use crate::support::{Reason, manager, skipped};

#[test]
#[ignore = "runs inside a user manager"]
fn service_with_the_node_engine_is_installed_healthy_and_stopped() {
    if !manager::is_inside() {
        return;
    }
    let Some(peers) = std::env::var_os("OPENCLAW_PEERS") else {
        return skipped(Reason::NoPeers, "OPENCLAW_PEERS is not set");
    };
    // The late release as npm installs it, with `node` on the search path of the user who installs the service; the
    // early one behind a script.
    let late = "app/node_modules/openclaw/openclaw.mjs";
    for (peer, profile, port) in [(late, "node-late", 31000), ("ocold", "node-early", 31200)] {
        let mut home = UserHome::with_config(profile, port);
        let record = home.state_dir(profile).join("instance.toml");
        std::fs::write(record, "engine = \"node\"\n").unwrap();
        let cli = Path::new(&peers).join(peer);
        let path = format!("{}:/usr/bin:/bin", Path::new(&peers).display());
        home.vars = vec![("OPENCLAW_NODE_CLI", cli.display().to_string()), ("PATH", path)];
        // An installation waits as long as the release needs for its start.
        let answer = home
            .run(profile, &["gateway", "install", "--json"])
            .exits(0)
            .json();
        assert_eq!(
            (&answer["result"], &answer["healthy"]),
            (&json!("installed"), &json!(true)),
            "{answer}"
        );
        let status = |code: i32| {
            let ran = home.run(profile, &["gateway", "status", "--json"]);
            (ran.code == code).then(|| ran.json())
        };
        wait_until("OpenClaw from npm is healthy", || status(0).is_some());
        let healthy = status(0).expect("it still is");
        assert_eq!(healthy["gateway"]["engine"], "node", "{healthy}");
        assert_eq!(healthy["service"]["runtime"]["status"], "running");
        assert_eq!(healthy["service"]["drift"]["files"], json!([]), "{healthy}");
        let pid = UserHome::unit_pid(profile);
        let args = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        assert!(!String::from_utf8_lossy(&args).contains("secret-of-this-test"));
        let _ = home.run(profile, &["gateway", "stop"]).exits(0);
        assert_eq!(status(1).expect("it has ended")["verdict"], "not-running");
    }
}
