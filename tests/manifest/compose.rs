//! Manifests for Compose, judged by Docker Compose itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use super::tools::{assert_rejects_mistake, compose, run_in, said};
use super::{BOT_TOKEN, base_port, sandbox_with_two_instances, write_manifest};

/// Lets Compose read the project in a folder.
fn config(compose: &Path, folder: &Path, args: &[&str]) -> Output {
    let words = ["-f", "compose.yaml", "config"]
        .into_iter()
        .chain(args.iter().copied());
    run_in(folder, compose, &words.collect::<Vec<_>>())
}

#[test]
fn compose_accepts_the_instances_of_the_wizard_and_rejects_a_mistake() {
    let Some(compose) = compose() else { return };
    let sandbox = sandbox_with_two_instances();
    let folder = write_manifest(&sandbox, "compose");
    assert_rejects_mistake(
        || config(&compose, &folder, &["-q"]),
        &folder.join("compose.yaml"),
        ("mem_limit:", "memory_limit:"),
        "memory_limit",
    );
}

#[test]
fn services_are_hardened_and_share_neither_volume_nor_network_nor_port() {
    let Some(compose) = compose() else { return };
    let sandbox = sandbox_with_two_instances();
    let folder = write_manifest(&sandbox, "compose");
    let output = config(&compose, &folder, &["--format", "json"]);
    assert!(output.status.success(), "{}", said(&output));
    let project: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let services = project["services"].as_object().expect("services");
    assert_eq!(
        services.keys().collect::<Vec<_>>(),
        ["openclaw-default", "openclaw-rescue"]
    );
    let mut used = BTreeSet::new();
    for (name, service) in services {
        assert_eq!(service["read_only"], true);
        assert_eq!(service["cap_drop"], json!(["ALL"]));
        assert_eq!(service["security_opt"], json!(["no-new-privileges:true"]));
        assert_eq!(
            (&service["pids_limit"], &service["user"]),
            (&json!(512), &json!("1000:1000"))
        );
        assert_eq!(service["privileged"], Value::Null);
        let [port] = &service["ports"].as_array().expect("ports")[..] else {
            panic!("{service:#}")
        };
        assert_eq!(
            (&port["host_ip"], &port["target"]),
            (&json!("127.0.0.1"), &json!(18789))
        );
        let [volume] = &service["volumes"].as_array().expect("volumes")[..] else {
            panic!("{service:#}")
        };
        assert_eq!(
            (&volume["type"], &volume["target"]),
            (&json!("volume"), &json!("/home/node"))
        );
        let networks: Vec<_> = service["networks"]
            .as_object()
            .expect("networks")
            .keys()
            .collect();
        assert_eq!(networks, [name]);
        for own in [
            &port["published"],
            &volume["source"],
            &json!(format!("network {name}")),
        ] {
            assert!(used.insert(own.to_string()), "{own} is shared");
        }
    }
    for profile in ["default", "rescue"] {
        let published = &services[&format!("openclaw-{profile}")]["ports"][0]["published"];
        assert_eq!(*published, base_port(&sandbox, profile).to_string());
    }
    let variables = &services["openclaw-rescue"]["environment"];
    assert_eq!(variables["CONFIG_CHANNELS_TELEGRAM_BOT_TOKEN"], BOT_TOKEN);
    assert_eq!(variables["OPENCLAW_GATEWAY_PORT"], "18789");
}
