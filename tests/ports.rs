//! Tests of `openclaw ports`: the map of a host, suggestions, and verdicts on base ports.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::{Sandbox, gateway, network};

/// Returns a sandbox with the default instance and one whose base port lies in its pool.
fn sandbox_with_overlap() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw/openclaw.json", "{gateway: {port: 18789}}");
    sandbox.write(".openclaw-near/openclaw.json", "{gateway: {port: 18809}}");
    sandbox
}

/// Returns the instance with this label in a map.
fn instance<'a>(map: &'a Value, label: &str) -> &'a Value {
    let instances = map["instances"].as_array().expect("instances");
    instances
        .iter()
        .find(|i| i["label"] == label)
        .unwrap_or_else(|| panic!("{label} in {map:#}"))
}

#[test]
fn map_lists_every_instance_with_its_ports_and_neighbours() {
    let sandbox = sandbox_with_overlap();
    sandbox.write(".openclaw-broken/openclaw.json", "{\n  gateway: {");
    let map = sandbox.run(["ports", "--json"]).exits(0).json();
    assert_eq!(map["ok"], true);
    let default = instance(&map, "default");
    assert_eq!(
        (&default["base"], &default["source"]),
        (&json!(18789), &json!("config"))
    );
    let ports = default["ports"].as_array().unwrap();
    let roles: Vec<_> = ports.iter().map(|port| port["role"].as_str().unwrap()).collect();
    let expected = [
        "base",
        "bridge",
        "browser-control",
        "extension-relay",
        "canvas",
        "relay",
        "cdp-pool",
    ];
    assert_eq!(roles, expected);
    assert_eq!(
        (&ports[6]["first"], &ports[6]["last"]),
        (&json!(18800), &json!(18899))
    );
    let neighbour = &default["neighbours"][0];
    assert_eq!(
        (&neighbour["label"], &neighbour["conflict"]),
        (&json!("near"), &json!(false))
    );
    let broken = instance(&map, "broken");
    assert_eq!(
        (&broken["health"], &broken["fault"]["line"]),
        (&json!("invalid"), &json!(2))
    );
}

#[test]
fn map_is_drawn_in_both_languages_and_in_ascii_in_the_c_locale() {
    let map = |lang: &str, locale: &str| {
        let sandbox = sandbox_with_overlap()
            .var("OPENCLAW_LANG", lang)
            .var("LC_ALL", locale);
        sandbox.run(["ports"]).exits(0).stdout
    };
    let prose = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (english, turkish) = (map("en", "C.UTF-8"), map("tr", "tr_TR.UTF-8"));
    assert!(prose(&english).contains("browser #10"), "{english}");
    assert!(prose(&turkish).contains("10. tarayıcısı"), "{turkish}");
    assert!(
        english.contains('▒') && turkish.contains('▒'),
        "the overlap is drawn"
    );
    assert!(
        english
            .lines()
            .chain(turkish.lines())
            .all(|line| line.chars().count() <= 80)
    );
    let ascii = map("tr", "C");
    assert!(ascii.is_ascii() && ascii.contains('%'), "{ascii}");
}

#[test]
fn port_on_which_a_process_listens_is_reported_with_the_process() {
    network::own(|| {
        let sandbox = Sandbox::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        // The test listens where the gateway's browser control would be.
        let base = port - 2;
        sandbox.write(
            ".openclaw-rescue/openclaw.json",
            format!("{{gateway: {{port: {base}}}}}"),
        );
        let map = sandbox.run(["ports", "--json"]).exits(0).json();
        let control = instance(&map, "rescue")["ports"]
            .as_array()
            .unwrap()
            .iter()
            .find(|p| p["role"] == "browser-control")
            .unwrap()
            .clone();
        assert_eq!(control["state"], "held");
        assert_eq!(control["listeners"][0]["pid"], std::process::id());

        let refused = sandbox
            .run([
                "--profile",
                "other",
                "ports",
                "check",
                &port.to_string(),
                "--json",
            ])
            .exits(78)
            .json();
        assert_eq!(
            (&refused["ok"], &refused["verdict"]),
            (&json!(false), &json!("refused"))
        );
        drop(listener);
        let map = sandbox.run(["ports", "--json"]).exits(0).json();
        assert_eq!(instance(&map, "rescue")["ports"][2]["state"], "free");
    });
}

#[test]
fn verdict_has_an_exit_code_the_overlap_and_a_suggestion() {
    let sandbox = sandbox_with_overlap().var("OPENCLAW_LANG", "en");
    let check = |port: &str| sandbox.run(["--profile", "rescue", "ports", "check", port, "--json"]);
    let near = check("18900").exits(0).json();
    assert_eq!(
        (&near["verdict"], &near["overlaps"][0]["instance"]),
        (&json!("near"), &json!("near"))
    );
    assert_eq!(
        (
            &near["overlaps"][0]["loser"],
            &near["overlaps"][0]["browserProfile"]
        ),
        (&json!("other"), &json!(81))
    );
    let refused = check("18790").exits(78).json();
    assert_eq!(
        (&refused["code"], &refused["suggestion"]["overlaps"]),
        (&json!("ports.too-close"), &json!([]))
    );
    let privileged = sandbox
        .run(["--profile", "rescue", "ports", "check", "80"])
        .exits(78);
    assert!(
        privileged.stdout.is_empty() && privileged.stderr.contains("1024"),
        "{privileged:?}"
    );
    let high = sandbox
        .run(["ports", "check", "65426", "--json"])
        .exits(78)
        .json();
    assert_eq!(high["code"], "ports.too-high");
    // An instance's own ports do not refuse its base port.
    let own = sandbox.run(["--profile", "near", "ports", "check", "18810", "--json"]);
    assert_eq!(own.exits(0).json()["overlaps"][0]["instance"], "default");
}

#[test]
fn suggestions_are_disjoint_from_all_instances_and_from_each_other() {
    let sandbox = sandbox_with_overlap();
    let found = sandbox
        .run([
            "--profile",
            "rescue",
            "ports",
            "suggest",
            "--count",
            "5",
            "--json",
        ])
        .exits(0)
        .json();
    let mut bases: Vec<_> = found["suggestions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["base"].as_u64().unwrap())
        .collect();
    assert_eq!(bases.len(), 5);
    bases.extend([18789, 18809]);
    bases.sort_unstable();
    let too_near = bases.windows(2).filter(|pair| pair[1] - pair[0] < 111).count();
    assert_eq!(too_near, 1, "only the two that were there: {bases:?}");
    let full = sandbox
        .run(["ports", "suggest", "--count", "600", "--json"])
        .exits(78)
        .json();
    assert_eq!(full["code"], "ports.full");
}

#[test]
fn map_without_instances_says_so() {
    let sandbox = Sandbox::new().var("OPENCLAW_LANG", "en");
    assert!(
        sandbox
            .run(["ports"])
            .exits(0)
            .stdout
            .contains("No OpenClaw instance")
    );
    assert_eq!(
        sandbox.run(["ports", "--json"]).exits(0).json()["instances"],
        json!([])
    );
}

/// Returns a sandbox with two instances that are far from each other.
fn sandbox_with_two_instances() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, port) in [("a", 19789), ("b", 20789)] {
        sandbox.write(format!(".openclaw-{name}/openclaw.json"), gateway::config(port));
    }
    sandbox
}

#[test]
fn port_of_another_instance_is_refused_whichever_way_it_is_set() {
    network::own(|| {
        let sandbox = sandbox_with_two_instances();
        let install = ["gateway", "install", "--dry-run"];
        let ways: [(&[&str], Option<&str>); 8] = [
            (&["gateway", "run", "--port", "19789"], None),
            (&["gateway", "run", "--port", "19795"], None),
            (&["gateway", "--port", "19770"], None),
            (&["gateway", "run"], Some("19789")),
            (&["gateway", "install", "--dry-run", "--port", "19789"], None),
            (&install, Some("127.0.0.1:19795")),
            (&["config", "set", "gateway.port", "19795.0"], None),
            (
                &[
                    "onboard",
                    "--non-interactive",
                    "--accept-risk",
                    "--gateway-port",
                    "19795",
                ],
                None,
            ),
        ];
        let config = sandbox.read(".openclaw-b/openclaw.json");
        for (words, inherited) in ways {
            let mut command = sandbox.command(["--lang", "en", "--profile", "b"].iter().chain(words));
            if let Some(port) = inherited {
                command.env("OPENCLAW_GATEWAY_PORT", port);
            }
            let output = command.output().expect("a run");
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(78), "{words:?}: {stderr}");
            assert!(
                stderr.contains(" a") && stderr.contains("19789"),
                "{words:?}: {stderr}"
            );
            assert_eq!(sandbox.read(".openclaw-b/openclaw.json"), config, "{words:?}");
        }
        sandbox.write(".openclaw-b/.env", "OPENCLAW_GATEWAY_PORT=19795\n");
        let ran = sandbox
            .run(["--lang", "en", "--profile", "b", "gateway"])
            .exits(78);
        assert!(ran.stderr.contains("19789"), "{}", ran.stderr);
        std::fs::remove_file(sandbox.path(".openclaw-b/.env")).expect("a file");
        let own = sandbox
            .command([
                "--profile",
                "b",
                "gateway",
                "install",
                "--dry-run",
                "--port",
                "20789",
            ])
            .output();
        let stderr = String::from_utf8_lossy(&own.as_ref().expect("a run").stderr).into_owned();
        assert!(!stderr.contains("19789"), "its own port: {stderr}");
    });
}

#[test]
fn configured_port_is_held_while_a_service_or_the_env_file_sets_another() {
    network::own(|| {
        let sandbox = sandbox_with_two_instances();
        let state = sandbox.path(".openclaw-a").display().to_string();
        let unit = format!(
            "[Service]\nExecStart=openclaw gateway --port 28789\nEnvironment=OPENCLAW_STATE_DIR={state}\n"
        );
        sandbox.write(".config/systemd/user/openclaw-gateway-a.service", unit);
        sandbox.write(".openclaw-a/.env", "OPENCLAW_GATEWAY_PORT=29789\n");
        let map = sandbox.run(["ports", "--json"]).exits(0).json();
        let own = instance(&map, "a");
        assert_eq!((&own["base"], &own["source"]), (&json!(28789), &json!("service")));
        for port in ["28789", "29789", "19789"] {
            let checked = sandbox
                .run(["--profile", "b", "ports", "check", port, "--json"])
                .exits(78)
                .json();
            assert_eq!(checked["code"], "ports.same-base", "{port}: {checked:#}");
        }
        let suggested = sandbox
            .run(["--profile", "new", "ports", "suggest", "--json"])
            .exits(0)
            .json();
        assert_eq!(suggested["suggestions"][0]["base"], 21789, "{suggested:#}");
    });
}

/// As OpenClaw's guide to several gateways starts them by hand, on a port of the command line.
#[test]
fn gateway_on_a_port_of_the_command_line_is_drawn_and_held_where_it_runs() {
    let sandbox = Sandbox::new();
    let config = sandbox.write(
        ".openclaw/a.json",
        "{gateway: {mode: 'local', auth: {token: '0123456789abcdef'}}}",
    );
    let port = gateway::free_base();
    let mut command = sandbox.command(["gateway", "--port", &port.to_string()]);
    command
        .env("OPENCLAW_CONFIG_PATH", &config)
        .env("OPENCLAW_STATE_DIR", sandbox.path(".openclaw-a"));
    let running = gateway::Gateway::launch(command, port);
    let map = sandbox.run(["ports", "--json"]).exits(0).json();
    let own = instance(&map, "~/.openclaw/a.json");
    assert_eq!(own["running"], port, "{own:#}");
    let base = own["ports"]
        .as_array()
        .expect("ports")
        .iter()
        .find(|p| p["first"] == port);
    assert_eq!(base.expect("its base port")["state"], "own", "{own:#}");
    let text = sandbox.run(["--lang", "en", "ports"]).exits(0).stdout;
    assert!(
        text.contains(&format!("{port}-{}, in use now", port + 110)),
        "{text}"
    );
    let near = (port + 5).to_string();
    let checked = sandbox
        .run(["--profile", "b", "ports", "check", &near, "--json"])
        .exits(78)
        .json();
    assert_eq!(checked["code"], "ports.too-close", "{checked:#}");
    // Nobody listens on the port that the profile of that state folder would have.
    let status = sandbox
        .run(["--lang", "en", "--profile", "a", "status"])
        .exits(3)
        .stdout;
    assert!(
        status.contains(&format!("port {port}, pid {}", running.pid())),
        "{status}"
    );
    assert!(!status.contains("uses it"), "{status}");
    drop(running);
}

#[test]
fn map_is_sorted_by_port() {
    let sandbox = Sandbox::new();
    for (name, port) in [
        ("-bot10", 21789),
        ("-bot2", 20789),
        ("-rescue", 19789),
        ("", 22789),
    ] {
        sandbox.write(format!(".openclaw{name}/openclaw.json"), gateway::config(port));
    }
    let text = sandbox.run(["ports"]).exits(0).stdout;
    let at = |label: &str| {
        text.find(&format!("\n{label}: "))
            .unwrap_or_else(|| panic!("{label}: {text}"))
    };
    assert!(
        at("rescue") < at("bot2") && at("bot2") < at("bot10") && at("bot10") < at("default"),
        "{text}"
    );
    let chart: Vec<_> = text
        .lines()
        .skip(1)
        .take(4)
        .map(|line| line.split(' ').next())
        .collect();
    assert_eq!(chart, ["rescue", "bot2", "bot10", "default"].map(Some), "{text}");
}

#[test]
fn port_of_another_instance_is_not_pinned_or_restored() {
    let sandbox = sandbox_with_two_instances();
    let run = |profile: &str, words: &[&str]| sandbox.run(["--profile", profile].iter().chain(words));
    for (key, value) in [
        ("browser.cdpUrl", "http://127.0.0.1:19791"),
        ("browser.profiles.work.cdpPort", "19789"),
        ("canvasHost.port", "19793"),
    ] {
        let ran = run("b", &["--lang", "en", "config", "set", key, value]).exits(78);
        assert!(ran.stderr.contains("also reserved by a"), "{key}: {}", ran.stderr);
    }
    let _ = run(
        "b",
        &["config", "set", "browser.cdpUrl", "http://127.0.0.1:29000"],
    )
    .exits(0);
    // A pool is shared, and what was pinned before is not judged again.
    let _ = run("b", &["config", "set", "gateway.bind", "lan"]).exits(0);
    let _ = run("b", &["config", "set", "gateway.port", "22789"]).exits(0);
    sandbox.write(".openclaw-c/openclaw.json", gateway::config(20789));
    let ran = run("b", &["--lang", "en", "config", "restore"]).exits(78);
    assert!(
        ran.stderr.contains("20789") && ran.stderr.contains('c'),
        "{}",
        ran.stderr
    );
    assert!(sandbox.read(".openclaw-b/openclaw.json").contains("22789"));
}

#[test]
fn refused_port_of_a_config_names_the_search_for_free_ports() {
    network::own(|| {
        let sandbox = sandbox_with_two_instances();
        let words = "--lang en --profile b config set gateway.port 19795";
        let ran = sandbox.run(words.split(' ')).exits(78);
        let way_out = "Find a free port: openclaw --profile b ports suggest";
        assert!(ran.stderr.contains(way_out), "{}", ran.stderr);
    });
}
