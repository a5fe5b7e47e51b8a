use serde_json::json;

use super::*;

fn judged(judge: &ConfigJudge, config: &Value) -> Verdict {
    judge.judge(&config.clone().into())
}

/// Returns the findings as lines of path and message key.
fn lines(findings: &[SchemaFinding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| format!("{} {}", finding.path, finding.code))
        .collect()
}

fn refused(judge: &ConfigJudge, config: &Value) -> Vec<String> {
    lines(&judged(judge, config).refused)
}

fn new_keys(judge: &ConfigJudge, before: &Value, after: &Value) -> Vec<String> {
    let findings = judge.new_findings(&before.clone().into(), &after.clone().into());
    findings.iter().map(|finding| finding.path.to_string()).collect()
}

#[test]
fn own_gateway_refuses_only_what_both_releases_refuse() {
    let own = ConfigJudge::native();
    let early = json!({ "browser": { "profiles": { "x": { "cdpPort": 18801, "color": "#00AA00" } } } });
    let late = json!({ "browser": { "profiles": { "x": { "cdpPort": 18801 } } } });
    let mixed = json!({ "gateway": { "customBindHost": "10.0.0.1", "reload": { "debounceMs": 300 } } });
    for config in [early, late, mixed] {
        let verdict = judged(&own, &config);
        assert!(verdict.is_accepted(), "{config} {verdict:?}");
        assert!(!verdict.other_releases.is_empty(), "{config}");
    }
    let unknown = json!({ "gateway": { "customBindHost": "10.0.0.1", "prot": 1 } });
    assert_eq!(refused(&own, &unknown), ["gateway.prot config.schema-unknown"]);
    // A key that one release does not know at all, and the other knows otherwise.
    let entries = json!({ "agents": { "entries": { "main": 7 } } });
    assert_eq!(refused(&own, &entries).len(), 1);
    let nowhere = json!({ "auth": { "profiles": { "a:b": { "mode": "token" } } } });
    assert_eq!(
        refused(&own, &nowhere),
        ["auth.profiles[\"a:b\"] config.schema-required"]
    );
    assert_eq!(refused(&own, &json!([])).len(), 1);
}

#[test]
fn installed_openclaw_is_judged_by_its_own_release() {
    let late_key = json!({ "gateway": { "customBindHost": "10.0.0.1" } });
    let early = ConfigJudge::new(Engine::Node, Some("2026.1.30"));
    let late = ConfigJudge::new(Engine::Node, Some("2026.9.6"));
    assert_eq!(
        refused(&early, &late_key),
        ["gateway.customBindHost config.schema-unknown"]
    );
    assert!(judged(&late, &late_key).is_accepted());
    assert_eq!(
        judged(&late, &late_key).other_releases[0].0,
        Release::Early,
        "the other release is named all the same"
    );
    // The engine of this program's own gateway does not change with what is installed.
    let own = ConfigJudge::new(Engine::Native, Some("2026.1.30"));
    assert!(judged(&own, &late_key).is_accepted());
}

#[test]
fn unknown_version_is_judged_by_the_config_itself() {
    let judge = ConfigJudge::new(Engine::Node, None);
    let basis = |config: Value| judged(&judge, &config).basis;
    let stamped = |version: &str| json!({ "meta": { "lastTouchedVersion": version } });
    assert_eq!(basis(stamped("2026.1.30")), Basis::Release(Release::Early));
    assert_eq!(
        basis(stamped("2026.4.1")),
        Basis::Nearest(Release::Early, "2026.4.1".to_owned())
    );
    assert_eq!(basis(json!({ "canvasHost": {} })), Basis::Release(Release::Early));
    assert_eq!(
        basis(json!({ "agents": { "entries": { "main": {} } } })),
        Basis::Release(Release::Late)
    );
}

#[test]
fn key_of_a_release_between_is_named_and_not_refused() {
    let config = |version: &str| {
        json!({
            "meta": { "lastTouchedVersion": version },
            "browser": { "cdpPortRangeStart": 19000 },
            "gateway": { "port": "18789" },
        })
    };
    for judge in [ConfigJudge::native(), ConfigJudge::for_version("2026.4.1")] {
        let verdict = judged(&judge, &config("2026.4.1"));
        assert_eq!(lines(&verdict.refused).len(), 1, "{verdict:?}");
        assert_eq!(verdict.refused[0].path.to_string(), "gateway.port");
        assert_eq!(
            lines(&verdict.unjudged.expect("a key").findings),
            ["browser.cdpPortRangeStart config.schema-unknown"]
        );
    }
    // Where a known release wrote the config, the key is a typing error.
    let verdict = judged(&ConfigJudge::native(), &config("2026.9.6"));
    assert_eq!((verdict.refused.len(), verdict.unjudged), (2, None));
}

#[test]
fn only_findings_of_the_edit_are_returned() {
    let own = ConfigJudge::native();
    let wrong = json!({ "gateway": { "prot": 1 } });
    let other = json!({ "gateway": { "prot": 1, "port": 19789 } });
    assert_eq!(new_keys(&own, &wrong, &other), [""; 0]);
    assert_eq!(new_keys(&own, &json!({}), &wrong), ["gateway.prot"]);

    let late = json!({ "gateway": { "customBindHost": "10.0.0.1" } });
    assert_eq!(new_keys(&own, &json!({}), &late), [""; 0]);
    let early = ConfigJudge::for_version("2026.1.30");
    assert_eq!(new_keys(&early, &json!({}), &late), ["gateway.customBindHost"]);
}

#[test]
fn invalid_value_replaced_by_another_invalid_value_is_refused() {
    let own = ConfigJudge::native();
    let port = |port: Value| json!({ "gateway": { "port": port } });
    assert_eq!(
        new_keys(&own, &port(json!(70_000)), &port(json!(80_000))),
        ["gateway.port"]
    );
    assert_eq!(
        new_keys(&own, &port(json!(70_000)), &port(json!(19_789))),
        [""; 0]
    );
    let unknown = |value: u8| json!({ "gateway": { "prot": value } });
    assert_eq!(new_keys(&own, &unknown(1), &unknown(2)), ["gateway.prot"]);
}
