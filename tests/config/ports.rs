//! The ports that a changed config claims: they are held against those of other instances, whichever way they are set.

use serde_json::json;

use super::{CONFIG, EDITED_CONFIG, config_json, config_ok, sandbox};
use crate::support::Sandbox;

/// Creates a home folder whose default instance has this base port.
fn beside_default(port: u16) -> Sandbox {
    let sandbox = sandbox(EDITED_CONFIG);
    sandbox.write(
        ".openclaw/openclaw.json",
        format!("{{ gateway: {{ mode: 'local', port: {port} }} }}"),
    );
    sandbox
}

#[test]
fn port_of_another_instance_is_refused() {
    let sandbox = sandbox(EDITED_CONFIG);
    sandbox.write(
        ".openclaw/openclaw.json",
        "{ gateway: { mode: 'local', port: 21789 } }",
    );
    for port in ["21789", "21790", "21771", "21789.0", "21790.0", "2.179e4"] {
        let refused = config_json(&sandbox, &["set", "gateway.port", port], 78);
        assert!(
            refused["code"]
                .as_str()
                .is_some_and(|code| code.starts_with("ports.")),
            "{refused}"
        );
    }
    assert_eq!(sandbox.read(CONFIG), EDITED_CONFIG);
}

#[test]
fn port_is_not_unset_where_another_instance_has_the_one_that_would_hold() {
    // The early release uses 18789 for every profile.
    let sandbox = beside_default(18789);
    for key in ["gateway.port", "gateway"] {
        let refused = config_json(&sandbox, &["unset", key], 78);
        assert_eq!(refused["code"], "ports.would-use", "{refused}");
        let message = refused["message"].to_string();
        assert!(
            message.contains("18789") && message.contains("default"),
            "{message}"
        );
        let hint = refused["hints"][0].to_string();
        assert!(hint.contains("rescue config set gateway.port"), "{hint}");
    }
    assert_eq!(sandbox.read(CONFIG), EDITED_CONFIG);
    // A port of the `.env` holds in any case.
    sandbox.write(".openclaw-rescue/.env", "OPENCLAW_GATEWAY_PORT=24789\n");
    config_ok(&sandbox, &["unset", "gateway.port"]);
}

#[test]
fn port_of_the_record_holds_where_the_config_sets_none() {
    let sandbox = beside_default(18789);
    sandbox.write(".openclaw-rescue/instance.toml", "[ports]\nbase = 22789\n");
    sandbox.write(".openclaw-b/openclaw.json", "{ gateway: { port: 22799 } }");
    let refused = config_json(&sandbox, &["unset", "gateway.port"], 78);
    assert_eq!(refused["code"], "ports.would-use", "{refused}");
    sandbox.write(".openclaw-b/openclaw.json", "{ gateway: { port: 32789 } }");
    config_ok(&sandbox, &["unset", "gateway.port"]);
}

#[test]
fn backup_with_an_included_port_of_another_instance_is_not_restored() {
    let sandbox = beside_default(21789);
    sandbox.write(".openclaw-rescue/gateway.json", "{ port: 21789 }");
    let backup = "{ gateway: { $include: './gateway.json' } }";
    sandbox.write(format!("{CONFIG}.bak"), backup);
    let refused = config_json(&sandbox, &["restore"], 78);
    assert_eq!(refused["code"], "ports.same-base", "{refused}");
    assert_eq!(sandbox.read(CONFIG), EDITED_CONFIG);
    sandbox.write(".openclaw-rescue/gateway.json", "{ port: 22789 }");
    let restored = config_json(&sandbox, &["restore"], 0);
    assert_eq!(restored["changed"], json!(true));
}
