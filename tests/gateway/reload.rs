//! A config that changes while its gateway runs.

use crate::support::Sandbox;
use crate::support::gateway::{Gateway, TOKEN, command, config, configure, free_base, log, state, wait_for};

const CONFIG: &str = ".openclaw-rescue/openclaw.json";

fn wait_logged(sandbox: &Sandbox, profile: &str, code: &str, times: usize) {
    wait_for(code, || {
        (log(sandbox, profile).matches(code).count() >= times).then_some(())
    });
}

fn with(sandbox: &Sandbox, profile: &str, key: &str) -> String {
    let text = sandbox.read(state(profile).join("openclaw.json"));
    text.replace("\"gateway\": {", &format!("{key}, \"gateway\": {{"))
}

#[test]
fn a_good_change_is_taken_and_a_bad_one_refused() {
    let sandbox = Sandbox::new();
    let mut gateway = Gateway::start(&sandbox, "rescue");
    let good = with(&sandbox, "rescue", r#""logging": { "level": "debug" }"#);
    sandbox.write(CONFIG, &good);
    wait_logged(&sandbox, "rescue", "gateway.reloaded", 1);
    sandbox.write(CONFIG, "{ broken");
    wait_logged(&sandbox, "rescue", "gateway.reload-refused", 1);
    sandbox.write(CONFIG, good.replace("\"bind\"", "\"bidn\""));
    wait_logged(&sandbox, "rescue", "gateway.reload-refused", 2);
    std::fs::remove_file(sandbox.path(CONFIG)).unwrap();
    wait_logged(&sandbox, "rescue", "gateway.reload-refused", 3);
    sandbox.write(CONFIG, &good);
    wait_logged(&sandbox, "rescue", "gateway.reload-back", 1);
    assert!(gateway.runs());
}

#[test]
fn an_editor_that_puts_a_new_file_in_its_place_is_seen() {
    let sandbox = Sandbox::new();
    let _gateway = Gateway::start(&sandbox, "rescue");
    for (times, level) in ["debug", "info", "warn"].into_iter().enumerate() {
        let text = config(configure(&sandbox, "rescue")).replace(
            "\"gateway\": {",
            &format!(r#""logging": {{ "level": "{level}" }}, "gateway": {{"#),
        );
        let new = sandbox.write(".openclaw-rescue/openclaw.json.new", text);
        std::fs::rename(new, sandbox.path(CONFIG)).unwrap();
        wait_logged(&sandbox, "rescue", "gateway.reloaded", times + 1);
    }
}

#[test]
fn links_and_included_files_are_followed() {
    let sandbox = Sandbox::new();
    let base = free_base();
    let real = sandbox.write(
        "elsewhere/real.json",
        config(base).replacen('{', r#"{ "$include": "parts/more.json","#, 1),
    );
    sandbox.write("elsewhere/parts/more.json", "{}");
    sandbox.write(".openclaw-rescue/parts/more.json", "{}");
    std::os::unix::fs::symlink(&real, sandbox.path(CONFIG)).unwrap();
    let _gateway = Gateway::launch(command(&sandbox, "rescue", &[]), base);
    sandbox.write(
        ".openclaw-rescue/parts/more.json",
        r#"{ "logging": { "level": "debug" } }"#,
    );
    wait_logged(&sandbox, "rescue", "gateway.reloaded", 1);
    let text = std::fs::read_to_string(&real).unwrap();
    std::fs::write(&real, text.replacen('{', r#"{ "ui": {},"#, 1)).unwrap();
    wait_logged(&sandbox, "rescue", "gateway.reloaded", 2);
}

#[test]
fn a_folder_of_the_config_that_comes_back_is_seen_again() {
    let sandbox = Sandbox::new();
    let base = free_base();
    let path = sandbox.write("elsewhere/openclaw.json", config(base));
    let sandbox = sandbox.var("OPENCLAW_CONFIG_PATH", path);
    let mut gateway = Gateway::launch(command(&sandbox, "rescue", &[]), base);
    std::fs::remove_dir_all(sandbox.path("elsewhere")).unwrap();
    wait_logged(&sandbox, "rescue", "gateway.reload-refused", 1);
    sandbox.write("elsewhere/openclaw.json", config(base));
    wait_logged(&sandbox, "rescue", "gateway.reload-back", 1);
    assert!(gateway.runs());
}

#[test]
fn in_a_folder_that_is_never_quiet_a_change_is_seen_too() {
    let sandbox = Sandbox::new();
    let _gateway = Gateway::start(&sandbox, "rescue");
    let busy = sandbox.path(".openclaw-rescue/busy");
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                std::fs::write(&busy, "busy").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        });
        let good = with(&sandbox, "rescue", r#""logging": { "level": "debug" }"#);
        sandbox.write(CONFIG, good);
        let seen = std::panic::catch_unwind(|| wait_logged(&sandbox, "rescue", "gateway.reloaded", 1));
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(seen.is_ok());
    });
}

#[test]
fn variables_beside_a_config_elsewhere_are_watched_too() {
    let sandbox = Sandbox::new();
    let base = free_base();
    sandbox.write(
        "elsewhere/openclaw.json",
        config(base).replace(TOKEN, "${OF_FILE}"),
    );
    sandbox.write(".openclaw-rescue/.env", "OF_FILE=before\n");
    let path = sandbox.path("elsewhere/openclaw.json");
    let sandbox = sandbox.var("OPENCLAW_CONFIG_PATH", path);
    let _gateway = Gateway::launch(command(&sandbox, "rescue", &[]), base);
    sandbox.write(".openclaw-rescue/.env", "OF_FILE=after\n");
    wait_logged(&sandbox, "rescue", "gateway.proof-changed", 1);
}

#[test]
fn another_port_is_served_without_a_new_process() {
    let sandbox = Sandbox::new();
    let mut gateway = Gateway::start(&sandbox, "rescue");
    let (old, new) = (gateway.port, free_base());
    sandbox.write(CONFIG, config(new));
    gateway.port = new;
    gateway.wait_ready();
    assert!(
        std::net::TcpStream::connect(("127.0.0.1", old)).is_err(),
        "the old port is free"
    );
    let words = sandbox.read(".openclaw-rescue/gateway.lock");
    assert!(words.contains(&new.to_string()), "{words}");
}

#[test]
fn a_port_that_somebody_holds_is_not_moved_to() {
    let sandbox = Sandbox::new();
    let mut gateway = Gateway::start(&sandbox, "rescue");
    let stranger = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = stranger.local_addr().unwrap().port();
    sandbox.write(CONFIG, config(taken));
    wait_logged(&sandbox, "rescue", "gateway.reload-refused", 1);
    assert!(gateway.runs());
    assert_eq!(gateway.health().unwrap()["pid"], gateway.pid());
}

#[test]
fn an_address_that_can_not_be_had_is_tried_once() {
    let sandbox = Sandbox::new();
    let mut gateway = Gateway::start(&sandbox, "rescue");
    let good = sandbox.read(CONFIG);
    sandbox.write(
        CONFIG,
        good.replace("\"loopback\"", "\"custom\", \"customBindHost\": \"192.0.2.7\""),
    );
    wait_logged(&sandbox, "rescue", "gateway.unbound", 1);
    gateway.wait_ready();
    sandbox.write(CONFIG, &good);
    wait_logged(&sandbox, "rescue", "gateway.reload-back", 1);
    assert_eq!(log(&sandbox, "rescue").matches("gateway.restarts").count(), 1);
    assert!(gateway.runs());
}

#[test]
fn its_own_config_is_watched_and_not_mains() {
    let sandbox = Sandbox::new();
    configure(&sandbox, "default");
    let _rescue = Gateway::start(&sandbox, "rescue");
    sandbox.write(".openclaw/openclaw.json", "{ broken");
    let good = with(&sandbox, "rescue", r#""logging": { "level": "debug" }"#);
    sandbox.write(CONFIG, good);
    wait_logged(&sandbox, "rescue", "gateway.reloaded", 1);
    let said = log(&sandbox, "rescue");
    assert!(!said.contains("gateway.reload-refused"), "{said}");
    assert!(!said.contains(".openclaw/openclaw.json"), "{said}");
}

#[test]
fn another_token_ends_the_sessions_of_the_one_before() {
    use super::session::{Client, connect};
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let mut clients = [3, 4].map(|protocol| Client::friend(gateway.port, protocol));
    let other = TOKEN.replace('c', "d");
    sandbox.write(CONFIG, sandbox.read(CONFIG).replace(TOKEN, &other));
    for client in &mut clients {
        assert_eq!(client.closed(), (4001, "gateway auth changed".to_owned()));
    }
    for (token, opens) in [(TOKEN, false), (&other, true)] {
        let mut client = Client::dial(gateway.port);
        let mut request = connect(4);
        request["params"]["auth"]["token"] = token.into();
        client.send(request.to_string());
        assert_eq!(client.answer("1")["ok"], opens, "{token}");
    }
}

#[test]
fn reloading_can_be_switched_off() {
    let sandbox = Sandbox::new();
    let base = free_base();
    let text = config(base).replace(
        "\"mode\": \"local\"",
        r#""mode": "local", "reload": { "mode": "off" }"#,
    );
    sandbox.write(CONFIG, text);
    let _gateway = Gateway::launch(command(&sandbox, "rescue", &[]), base);
    wait_logged(&sandbox, "rescue", "gateway.reload-off", 1);
}
