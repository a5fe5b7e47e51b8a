//! Tests of `openclaw browser` with a gateway that does not listen on the port of the browser control service, as
//! OpenClaw from npm does not.

use serde_json::json;

use super::fake::BROWSER_STATUS;
use super::*;

/// Starts a fake gateway of the profile `rescue` on a base port whose derived ports are free; returns it and its home.
fn start_fake_on_base(behaviour: Behaviour) -> (Sandbox, FakeGateway) {
    let base = free_base();
    let listener = TcpListener::bind(("127.0.0.1", base)).unwrap();
    let sandbox = sandbox_with_port(base);
    let fake = FakeGateway::start(listener, &sandbox, behaviour);
    (sandbox, fake)
}

/// Runs `openclaw browser` with these words for the profile `rescue`.
fn browser(sandbox: &Sandbox, words: &[&str]) -> Ran {
    let line = ["--profile", "rescue", "--lang", "en", "browser"];
    sandbox.run(line.iter().chain(words))
}

#[test]
fn browser_command_asks_over_the_websocket_where_nobody_listens_on_the_control_port() {
    for protocol in [3, 4] {
        let (sandbox, fake) = start_fake_on_base(Behaviour::Speaks(protocol));
        let ran = browser(&sandbox, &["status", "--browser-profile", "work 2", "--json"]).exits(0);
        assert_eq!(ran.json(), serde_json::from_str::<Value>(BROWSER_STATUS).unwrap());
        assert_eq!(ran.stderr, "");
        let sent = fake.received();
        let request =
            json!({"method": "GET", "path": "/", "timeoutMs": 60_000, "query": {"profile": "work 2"}});
        assert!(sent.contains(&format!("\"params\":{request}")), "{sent}");
        // The state comes from `running`, which is all that OpenClaw says.
        let ran = browser(&sandbox, &["status"]).exits(0);
        for line in [
            "Turned on       yes",
            "State           running",
            "Opens a window  no",
            "Sandbox         on",
        ] {
            assert!(ran.stdout.contains(line), "{}", ran.stdout);
        }
        // The reply to a start does not say whether the browser runs: the status does.
        let ran = browser(&sandbox, &["start"]).exits(0);
        assert!(ran.stdout.contains("running: true"), "{}", ran.stdout);
        let ran = browser(&sandbox, &["snapshot", "--limit", "2"]).exits(0);
        let lines: Vec<_> = ran.stdout.lines().take(2).collect();
        let expected = ["- heading \"Hi\" [ref=e1]", "  - textbox \"Name\" [ref=e2]:  Ada"];
        assert_eq!(lines, expected, "a control character of the page is not printed");
        assert!(!ran.stdout.contains("link"), "{}", ran.stdout);
        // An error of the gateway is said in its words.
        let ran = browser(&sandbox, &["open", "https://refused.test/"]).exits(1);
        assert!(ran.stderr.contains("blocked by policy"), "{}", ran.stderr);
        let ran = browser(&sandbox, &["doctor", "--json"]);
        assert_eq!(ran.json()["gatewayRunning"], true, "{ran:?}");
    }
}

#[test]
fn browser_command_of_a_gateway_that_refuses_the_token_is_an_error_and_not_stopped() {
    let (sandbox, _fake) = start_fake_on_base(Behaviour::Refuses);
    let ran = browser(&sandbox, &["status", "--json"]).exits(3);
    assert_eq!(ran.json()["ok"], false, "{ran:?}");
    assert!(!ran.stdout.contains("gatewayRunning"), "{ran:?}");
}
