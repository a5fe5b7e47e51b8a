//! A second service that starts the same gateway: a unit of the system, or one by the name that an earlier OpenClaw gave it.

use crate::support::system_unit::run_with_system_unit;
use crate::support::{Sandbox, network};

/// A systemd unit that starts the default instance.
const UNIT: &str = "[Service]\nExecStart=/usr/bin/node /opt/openclaw/dist/index.js gateway --port 18789\n";

#[test]
fn unit_of_the_system_that_starts_the_gateway_is_named_and_no_second_service_installed() {
    network::own(|| {
        let sandbox = Sandbox::new();
        sandbox.write(".openclaw/openclaw.json", super::CONFIG);
        let unit = format!("{UNIT}Environment=HOME={}\n", sandbox.home().display());
        for words in [
            &["gateway", "install"][..],
            &["gateway", "install", "--force"],
            &["gateway", "install", "--dry-run"],
        ] {
            let Some(ran) = run_with_system_unit(&sandbox, &unit, &[words, &["--json"]].concat()) else {
                return;
            };
            let ran = ran.exits(78);
            assert_eq!(ran.json()["code"], "service.started-by", "{words:?}");
            assert!(
                ran.stdout
                    .contains("/etc/systemd/system/openclaw-gateway.service"),
                "{}",
                ran.stdout
            );
            // To disable it does not take the file away, by which it is found.
            let way_out = "sudo systemctl disable --now openclaw-gateway.service; \
                           sudo mv /etc/systemd/system/openclaw-gateway.service ";
            assert!(ran.stdout.contains(way_out), "{}", ran.stdout);
        }
        assert!(!sandbox.path(".config").exists());
        let status = run_with_system_unit(&sandbox, &unit, &["status", "--json"]).expect("a run");
        let named = "/etc/systemd/system/openclaw-gateway.service";
        assert_eq!(status.json()["systemUnits"], serde_json::json!([named]));
        let status = run_with_system_unit(&sandbox, &unit, &["status"]).expect("a run");
        assert!(status.stdout.contains(named), "{}", status.stdout);
        // That of another user's gateway is none of ours.
        let other = format!("{UNIT}User=nobody\n");
        let status = run_with_system_unit(&sandbox, &other, &["status", "--json"]).expect("a run");
        assert_eq!(status.json()["systemUnits"], serde_json::json!([]));
    });
}

#[test]
fn unit_of_an_earlier_openclaw_is_named_and_no_second_service_installed() {
    for name in ["clawdbot-gateway", "moltbot-gateway"] {
        let sandbox = Sandbox::new();
        sandbox.write(".openclaw/openclaw.json", super::CONFIG);
        let unit = format!(".config/systemd/user/{name}.service");
        sandbox.write(&unit, UNIT);
        let ran = sandbox
            .run(["gateway", "install", "--dry-run", "--json"])
            .exits(78);
        assert_eq!(ran.json()["code"], "service.started-by");
        let way_out = format!("systemctl --user disable --now {name}.service; mv ");
        assert!(ran.stdout.contains(&way_out), "{}", ran.stdout);
        assert_eq!(sandbox.read(&unit), UNIT);
    }
}
