//! A config that a newer release wrote last: it can be read, and it is changed only after its owner has set the
//! release in it.

use super::{CONFIG, config_json, config_ok, sandbox};

/// A config whose release is newer than any that this program knows.
const NEWER_CONFIG: &str = "{ meta: { lastTouchedVersion: '2031.1.1' }, gateway: { port: 19789 } }";

#[test]
fn config_of_a_newer_release_is_read_and_not_changed() {
    let sandbox = sandbox(NEWER_CONFIG);
    assert_eq!(
        config_json(&sandbox, &["get", "gateway.port"], 0)["value"],
        19789,
        "it can be read"
    );
    for change in [
        &["set", "gateway.bind", "loopback"][..],
        &["unset", "gateway.port"],
    ] {
        let refused = config_json(&sandbox, change, 78);
        assert_eq!(refused["code"], "config.newer");
        let message = refused["message"].as_str().expect("words");
        let program = env!("CARGO_BIN_EXE_openclaw");
        for part in ["2031.1.1", "2026.9.6", CONFIG, program] {
            assert!(message.contains(part), "{part}: {message}");
        }
        let hint = refused["hints"][0].as_str().expect("a hint");
        assert!(
            hint.contains("config set meta.lastTouchedVersion 2026.9.6"),
            "{hint}"
        );
    }
    assert_eq!(sandbox.read(CONFIG), NEWER_CONFIG);
    config_ok(&sandbox, &["set", "meta.lastTouchedVersion", "2026.9.6"]);
    config_ok(&sandbox, &["set", "gateway.bind", "loopback"]);
}
