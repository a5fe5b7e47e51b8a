//! A config that a newer release wrote last: it is read, and written only on its owner's word.

use super::{CONFIG, config_json, done, sandbox};

const NEWER: &str = "{ meta: { lastTouchedVersion: '2031.1.1' }, gateway: { port: 19789 } }";

#[test]
fn a_config_of_a_newer_release_is_read_and_not_written() {
    let sandbox = sandbox(NEWER);
    assert_eq!(
        config_json(&sandbox, &["get", "gateway.port"], 0)["value"],
        19789,
        "reading goes on"
    );
    for change in [
        &["set", "gateway.bind", "loopback"][..],
        &["unset", "gateway.port"],
    ] {
        let refused = config_json(&sandbox, change, 78);
        assert_eq!(refused["code"], "config.newer");
        let said = refused["message"].as_str().expect("words");
        let program = env!("CARGO_BIN_EXE_openclaw");
        for told in ["2031.1.1", "2026.9.6", CONFIG, program] {
            assert!(said.contains(told), "{told}: {said}");
        }
        let way_out = refused["hints"][0].as_str().expect("a hint");
        assert!(
            way_out.contains("config set meta.lastTouchedVersion 2026.9.6"),
            "{way_out}"
        );
    }
    assert_eq!(sandbox.read(CONFIG), NEWER);
    done(&sandbox, &["set", "meta.lastTouchedVersion", "2026.9.6"]);
    done(&sandbox, &["set", "gateway.bind", "loopback"]);
}
