//! Tests of snapshots of pages in the formats that the command lines of both releases of OpenClaw ask for
//! (docs/openclaw.md#browser-snapshot).

use serde_json::{Value, json};

use super::{TestSite, browser, browser_json, configure, headless_config, request};
use crate::support::gateway::{Gateway, free_base};
use crate::support::{Sandbox, installed};

/// Asks for a snapshot with these parameters of the query, as OpenClaw's command line does.
fn snapshot(sandbox: &Sandbox, query: &Value) -> Value {
    let params = json!({ "method": "GET", "path": "/snapshot", "query": query });
    request(sandbox, "main", &params).exits(0).json()
}

#[test]
fn snapshot_is_text_with_references_or_a_list_of_nodes() {
    if !installed("chromium") {
        return;
    }
    let (sandbox, site) = (Sandbox::new(), TestSite::new());
    configure(&sandbox, "main", free_base(), &headless_config());
    let gateway = Gateway::start(&sandbox, "main");
    browser_json(&sandbox, "main", "start");
    browser_json(&sandbox, "main", &format!("navigate {}", site.url("/form")));

    text_has_a_reference_for_each_element(&snapshot(&sandbox, &json!({ "format": "ai" })));
    nodes_have_role_name_and_depth(&snapshot(&sandbox, &json!({ "format": "aria" })));
    options_choose_what_is_in_the_text(&sandbox);

    let printed = browser(&sandbox, "main", "snapshot --limit 3").exits(0).json();
    assert_eq!(
        printed["snapshot"].as_str().unwrap().lines().count(),
        3,
        "{printed}"
    );
    assert_eq!(printed["truncated"], true);
    let _ = gateway.stop().with(0);
}

/// Checks the snapshot that a command line prints as it is.
fn text_has_a_reference_for_each_element(taken: &Value) {
    assert_eq!(taken["format"], "ai");
    let text = taken["snapshot"].as_str().unwrap();
    for line in [
        "- document \"Form\"",
        "  - heading \"Form\" [level=1] [ref=e",
        "- text: \"Some text\"",
        "- checkbox \"Agree\" [ref=e",
        "- radio \"Small\" [checked] [ref=e",
        "- button \"Off\" [disabled] [ref=e",
        "- link \"Away\" [ref=e",
        "- iframe \"Inside\" [ref=e",
        "- button \"Framed\" [ref=e",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let refs = taken["refs"].as_object().unwrap();
    assert_eq!(taken["stats"]["refs"], refs.len(), "{taken}");
    for (reference, element) in refs {
        let shown = format!(
            "{} \"{}\"",
            element["role"].as_str().unwrap(),
            element["name"].as_str().unwrap_or_default()
        );
        let line = text
            .lines()
            .find(|line| line.contains(&format!("[ref={reference}]")))
            .unwrap();
        assert!(
            element["name"].is_null() || line.contains(&shown),
            "{line}: {element}"
        );
    }
}

/// Checks the nodes that a command line renders itself.
fn nodes_have_role_name_and_depth(taken: &Value) {
    assert_eq!(taken["format"], "aria");
    let nodes = taken["nodes"].as_array().unwrap();
    let heading = nodes.iter().find(|node| node["role"] == "heading").unwrap();
    assert_eq!(
        (&heading["name"], &heading["depth"]),
        (&json!("Form"), &json!(1)),
        "{taken}"
    );
    for (number, node) in (1..).zip(nodes) {
        assert_eq!(node["ref"], format!("ax{number}"));
    }
}

/// Checks the options of the command lines: `--interactive`, `--selector`, `--frame`, `--urls`, `--mode efficient`.
fn options_choose_what_is_in_the_text(sandbox: &Sandbox) {
    let text = |query: &Value| snapshot(sandbox, query)["snapshot"].as_str().unwrap().to_owned();
    let interactive = text(&json!({ "format": "ai", "interactive": "true" }));
    assert!(
        interactive.contains("- button \"Press\"") && !interactive.contains("heading"),
        "{interactive}"
    );
    let selected = text(&json!({ "format": "ai", "selector": "#colour" }));
    assert!(
        selected.starts_with("- combobox \"Colour\"") && !selected.contains("button"),
        "{selected}"
    );
    let framed = text(&json!({ "format": "ai", "frame": "iframe", "selector": "button" }));
    assert_eq!(
        framed.lines().next().unwrap(),
        "- button \"Framed\" [ref=e1]",
        "{framed}"
    );
    let with_urls = text(&json!({ "format": "ai", "urls": "true" }));
    assert!(
        with_urls.contains("\nLinks:\n1. Away -> http://127.0.0.1:"),
        "{with_urls}"
    );
    let efficient = snapshot(
        sandbox,
        &json!({ "format": "ai", "mode": "efficient", "maxChars": "60" }),
    );
    assert_eq!(efficient["truncated"], true, "{efficient}");
    for (query, message) in [
        (
            json!({ "selector": "#nowhere" }),
            "No element of the page matches #nowhere.",
        ),
        (json!({ "selector": "][" }), "is not a valid selector"),
        (json!({ "frame": "h1" }), "h1 is not a frame."),
        (
            json!({ "format": "aria", "limit": "0" }),
            "Missing or invalid: limit",
        ),
    ] {
        let params = json!({ "method": "GET", "path": "/snapshot", "query": query });
        let refused = request(sandbox, "main", &params).exits(1).json();
        let said = refused["message"].as_str().unwrap();
        assert!(
            said.contains("INVALID_REQUEST") && said.contains(message),
            "{query}: {said}"
        );
    }
}
