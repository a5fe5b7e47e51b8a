//! Keys in included files: `doctor --fix` changes them where they are set, or names the file.

use serde_json::Value;

use super::{doctor, findings, healthy_host};
use crate::support::{Sandbox, network};

const CONFIG: &str = ".openclaw-rescue/openclaw.json";
const INCLUDED: &str = ".openclaw-rescue/parts/gateway.json";

/// Moves the section `gateway` of the rescue instance, with two keys that OpenClaw does not know, to a file of its own,
/// which the config includes by `include`.
fn host_including(file: &str, include: &str) -> Sandbox {
    let sandbox = healthy_host();
    let mut config: Value = serde_json::from_str(&sandbox.read(CONFIG)).expect("JSON");
    let mut gateway = config["gateway"].take();
    gateway["prot"] = 1.into();
    gateway["bidn"] = "lan".into();
    config["gateway"] = serde_json::from_str(include).expect("JSON");
    sandbox.write(CONFIG, config.to_string());
    sandbox.write(file, format!("// of the gateway\n{gateway}"));
    sandbox
}

/// Returns the findings about the two unknown keys.
fn unknown_keys(sandbox: &Sandbox) -> Vec<Value> {
    let mut found = findings(sandbox, &[]);
    found.retain(|finding| finding["id"] == "config-invalid");
    found
}

#[test]
fn unknown_keys_of_an_included_file_are_removed_from_that_file() {
    network::own(|| {
        let sandbox = host_including(INCLUDED, r#"{ "$include": "./parts/gateway.json" }"#);
        let main = sandbox.read(CONFIG);
        let before = sandbox.read(INCLUDED);
        assert_eq!(unknown_keys(&sandbox).len(), 2);
        let fixed = doctor(&sandbox, &["--fix", "--yes"]).json();
        assert_eq!(unknown_keys(&sandbox), [Value::Null; 0], "{fixed}");
        assert_eq!(sandbox.read(CONFIG), main);
        let after = sandbox.read(INCLUDED);
        assert!(!after.contains("prot") && !after.contains("bidn"), "{after}");
        assert!(
            after.contains("// of the gateway") && after.contains("port"),
            "{after}"
        );
        assert_eq!(sandbox.read(format!("{INCLUDED}.bak")), before);
    });
}

#[test]
fn key_that_doctor_may_not_change_is_named_with_its_file() {
    network::own(|| {
        for (file, include) in [
            (
                "shared/gateway.json",
                r#"{ "$include": "../shared/gateway.json" }"#,
            ),
            (INCLUDED, r#"{ "$include": ["./parts/gateway.json"] }"#),
        ] {
            let sandbox = host_including(file, include);
            let before = sandbox.read(file);
            let path = sandbox.path(file).display().to_string();
            let found = unknown_keys(&sandbox);
            assert_eq!(found.len(), 2);
            for finding in found {
                assert_eq!(finding["fixable"], false, "{finding}");
                assert!(finding["leftAlone"].to_string().contains(&path), "{finding}");
                assert!(finding["mend"].to_string().contains(&path), "{finding}");
            }
            let _ = doctor(&sandbox, &["--fix", "--yes"]);
            assert_eq!(sandbox.read(file), before);
        }
    });
}
