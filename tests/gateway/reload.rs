//! Tests of the reload of a config that changes while its gateway runs.

use crate::support::Sandbox;
use crate::support::gateway::{Gateway, TOKEN, command, config, configure, free_base, log, state, wait_for};

const CONFIG: &str = ".openclaw-rescue/openclaw.json";

/// Waits until a code was logged at least `times` times.
fn wait_until_logged(sandbox: &Sandbox, profile: &str, code: &str, times: usize) {
    wait_for(code, || {
        (log(sandbox, profile).matches(code).count() >= times).then_some(())
    });
}

/// Returns the config of a profile with one more key.
fn config_with(sandbox: &Sandbox, profile: &str, key: &str) -> String {
    let text = sandbox.read(state(profile).join("openclaw.json"));
    text.replace("\"gateway\": {", &format!("{key}, \"gateway\": {{"))
}

#[test]
fn valid_change_is_applied_and_invalid_one_refused() {
    let sandbox = Sandbox::new();
    let mut gateway = Gateway::start(&sandbox, "rescue");
    let good = config_with(&sandbox, "rescue", r#""logging": { "level": "debug" }"#);
    sandbox.write(CONFIG, &good);
    wait_until_logged(&sandbox, "rescue", "gateway.reloaded", 1);
    sandbox.write(CONFIG, "{ broken");
    wait_until_logged(&sandbox, "rescue", "gateway.reload-refused", 1);
    sandbox.write(CONFIG, good.replace("\"bind\"", "\"bidn\""));
    wait_until_logged(&sandbox, "rescue", "gateway.reload-refused", 2);
    std::fs::remove_file(sandbox.path(CONFIG)).unwrap();
    wait_until_logged(&sandbox, "rescue", "gateway.reload-refused", 3);
    sandbox.write(CONFIG, &good);
    wait_until_logged(&sandbox, "rescue", "gateway.reload-back", 1);
    assert!(gateway.runs());
}

#[test]
fn replaced_config_file_is_noticed() {
    let sandbox = Sandbox::new();
    let _gateway = Gateway::start(&sandbox, "rescue");
    for (times, level) in ["debug", "info", "warn"].into_iter().enumerate() {
        let text = config(configure(&sandbox, "rescue")).replace(
            "\"gateway\": {",
            &format!(r#""logging": {{ "level": "{level}" }}, "gateway": {{"#),
        );
        let new = sandbox.write(".openclaw-rescue/openclaw.json.new", text);
        std::fs::rename(new, sandbox.path(CONFIG)).unwrap();
        wait_until_logged(&sandbox, "rescue", "gateway.reloaded", times + 1);
    }
}

#[test]
fn targets_of_links_and_included_files_are_watched() {
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
    wait_until_logged(&sandbox, "rescue", "gateway.reloaded", 1);
    let text = std::fs::read_to_string(&real).unwrap();
    std::fs::write(&real, text.replacen('{', r#"{ "ui": {},"#, 1)).unwrap();
    wait_until_logged(&sandbox, "rescue", "gateway.reloaded", 2);
}

#[test]
fn deleted_config_folder_is_watched_again_when_it_is_back() {
    let sandbox = Sandbox::new();
    let base = free_base();
    let path = sandbox.write("elsewhere/openclaw.json", config(base));
    let sandbox = sandbox.var("OPENCLAW_CONFIG_PATH", path);
    let mut gateway = Gateway::launch(command(&sandbox, "rescue", &[]), base);
    std::fs::remove_dir_all(sandbox.path("elsewhere")).unwrap();
    wait_until_logged(&sandbox, "rescue", "gateway.reload-refused", 1);
    sandbox.write("elsewhere/openclaw.json", config(base));
    wait_until_logged(&sandbox, "rescue", "gateway.reload-back", 1);
    assert!(gateway.runs());
}

#[test]
fn change_in_a_folder_that_is_never_quiet_is_noticed() {
    let sandbox = Sandbox::new();
    let _gateway = Gateway::start(&sandbox, "rescue");
    let busy = sandbox.path(".openclaw-rescue/busy");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                std::fs::write(&busy, "busy").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        });
        let good = config_with(&sandbox, "rescue", r#""logging": { "level": "debug" }"#);
        sandbox.write(CONFIG, good);
        let noticed =
            std::panic::catch_unwind(|| wait_until_logged(&sandbox, "rescue", "gateway.reloaded", 1));
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(noticed.is_ok());
    });
}

#[test]
fn env_file_is_watched_although_the_config_is_elsewhere() {
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
    wait_until_logged(&sandbox, "rescue", "gateway.proof-changed", 1);
}

#[test]
fn changed_port_is_served_by_the_same_process() {
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
    let lock = sandbox.read(".openclaw-rescue/gateway.lock");
    assert!(lock.contains(&new.to_string()), "{lock}");
}

#[test]
fn change_to_a_port_in_use_is_refused() {
    let sandbox = Sandbox::new();
    let mut gateway = Gateway::start(&sandbox, "rescue");
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = listener.local_addr().unwrap().port();
    sandbox.write(CONFIG, config(taken));
    wait_until_logged(&sandbox, "rescue", "gateway.reload-refused", 1);
    assert!(gateway.runs());
    assert_eq!(gateway.health().unwrap()["pid"], gateway.pid());
}

#[test]
fn address_that_can_not_be_bound_is_tried_once() {
    let sandbox = Sandbox::new();
    let mut gateway = Gateway::start(&sandbox, "rescue");
    let good = sandbox.read(CONFIG);
    sandbox.write(
        CONFIG,
        good.replace("\"loopback\"", "\"custom\", \"customBindHost\": \"192.0.2.7\""),
    );
    wait_until_logged(&sandbox, "rescue", "gateway.unbound", 1);
    gateway.wait_ready();
    sandbox.write(CONFIG, &good);
    wait_until_logged(&sandbox, "rescue", "gateway.reload-back", 1);
    assert_eq!(log(&sandbox, "rescue").matches("gateway.restarts").count(), 1);
    assert!(gateway.runs());
}

#[test]
fn config_of_another_instance_is_not_watched() {
    let sandbox = Sandbox::new();
    configure(&sandbox, "default");
    let _rescue = Gateway::start(&sandbox, "rescue");
    sandbox.write(".openclaw/openclaw.json", "{ broken");
    let good = config_with(&sandbox, "rescue", r#""logging": { "level": "debug" }"#);
    sandbox.write(CONFIG, good);
    wait_until_logged(&sandbox, "rescue", "gateway.reloaded", 1);
    let log = log(&sandbox, "rescue");
    assert!(!log.contains("gateway.reload-refused"), "{log}");
    assert!(!log.contains(".openclaw/openclaw.json"), "{log}");
}

#[test]
fn changed_token_disconnects_sessions_with_the_old_one() {
    use super::session::{Client, connect_request};
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let mut clients = [3, 4].map(|protocol| Client::accepted(gateway.port, protocol));
    let other = TOKEN.replace('c', "d");
    sandbox.write(CONFIG, sandbox.read(CONFIG).replace(TOKEN, &other));
    for client in &mut clients {
        assert_eq!(client.wait_closed(), (4001, "gateway auth changed".to_owned()));
    }
    for (token, accepted) in [(TOKEN, false), (&other, true)] {
        let mut client = Client::connect(gateway.port);
        let mut request = connect_request(4);
        request["params"]["auth"]["token"] = token.into();
        client.send(request.to_string());
        assert_eq!(client.response("1")["ok"], accepted, "{token}");
    }
}

#[test]
fn reload_can_be_switched_off() {
    let sandbox = Sandbox::new();
    let base = free_base();
    let text = config(base).replace(
        "\"mode\": \"local\"",
        r#""mode": "local", "reload": { "mode": "off" }"#,
    );
    sandbox.write(CONFIG, text);
    let _gateway = Gateway::launch(command(&sandbox, "rescue", &[]), base);
    wait_until_logged(&sandbox, "rescue", "gateway.reload-off", 1);
}
