//! Tests of the start of a gateway from broken configs and records, and from the last good config.

use crate::support::Sandbox;
use crate::support::gateway::{Gateway, configure, log, wait_for};

const CONFIG: &str = ".openclaw-rescue/openclaw.json";
const LAST_GOOD: &str = ".openclaw-rescue/openclaw.json.last-good";

/// Starts a gateway that must refuse to run, and returns its standard error.
fn start_refused(sandbox: &Sandbox) -> String {
    sandbox
        .run(["--lang", "en", "--profile", "rescue", "gateway"])
        .exits(78)
        .stderr
}

/// Returns a sandbox whose instance `rescue` has started successfully once.
fn sandbox_with_last_good_config() -> Sandbox {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    assert!(
        sandbox.path(LAST_GOOD).exists(),
        "the first good config is saved at once"
    );
    let _ = gateway.stop().with(0);
    assert_eq!(sandbox.read(LAST_GOOD), sandbox.read(CONFIG));
    sandbox
}

#[test]
fn broken_config_is_refused_with_its_position_and_not_changed() {
    let sandbox = Sandbox::new();
    let broken = "{\n  gateway: {\n    port: 1 2\n";
    let path = sandbox.write(CONFIG, broken);
    let printed = start_refused(&sandbox);
    assert!(printed.contains(&format!("{}:3:12", path.display())), "{printed}");
    assert_eq!(sandbox.read(CONFIG), broken);
}

#[test]
fn unknown_config_key_is_refused_by_name() {
    let sandbox = Sandbox::new();
    configure(&sandbox, "rescue");
    let text = sandbox.read(CONFIG).replace("\"bind\"", "\"bidn\"");
    sandbox.write(CONFIG, text);
    let printed = start_refused(&sandbox);
    assert!(printed.contains("gateway.bidn"), "{printed}");
    assert!(
        printed.contains("openclaw --profile rescue config validate"),
        "{printed}"
    );
}

#[test]
fn last_good_config_replaces_a_broken_one_only_if_the_record_says_so() {
    let sandbox = sandbox_with_last_good_config();
    let good = sandbox.read(CONFIG);
    let port = configure(&sandbox, "rescue");
    sandbox.write(CONFIG, "{ broken");
    start_refused(&sandbox);

    sandbox.write(
        ".openclaw-rescue/instance.toml",
        "[gateway]\nbootFallback = 'last-good'\n",
    );
    let run = crate::support::gateway::command(&sandbox, "rescue", &[]);
    let gateway = Gateway::launch(run, port);
    assert_eq!(sandbox.read(CONFIG), "{ broken", "the broken file is kept");
    assert!(
        gateway.stderr().contains("openclaw.json.last-good"),
        "{}",
        gateway.stderr()
    );
    wait_for("the log says so", || {
        log(&sandbox, "rescue")
            .contains("gateway.from-last-good")
            .then_some(())
    });

    // A config that is repaired while the gateway runs is applied, and the warning removed.
    sandbox.write(CONFIG, &good);
    wait_for("the warning is lifted", || {
        log(&sandbox, "rescue")
            .contains("gateway.reload-back")
            .then_some(())
    });
    let _ = gateway.stop().with(0);
    assert_eq!(sandbox.read(LAST_GOOD), good);
}

#[test]
fn broken_record_is_refused() {
    let sandbox = Sandbox::new();
    configure(&sandbox, "rescue");
    sandbox.write(".openclaw-rescue/instance.toml", "engine = 'deno'");
    let printed = start_refused(&sandbox);
    assert!(printed.contains("instance.toml"), "{printed}");
}

#[test]
fn config_broken_right_after_the_start_is_not_reported_as_a_wrong_token() {
    let sandbox = Sandbox::new();
    let _gateway = Gateway::start(&sandbox, "rescue");
    sandbox.write(CONFIG, "{ broken");
    let status = sandbox.run(["--profile", "rescue", "status", "--json"]);
    let verdict = status.json()["verdict"].clone();
    // The gateway may not have read the changed file yet.
    assert!(verdict == "unhealthy" || verdict == "healthy", "{status:?}");
}

#[test]
fn unreadable_env_file_is_refused() {
    let sandbox = Sandbox::new();
    configure(&sandbox, "rescue");
    let file = sandbox.path(".openclaw-rescue/.env");
    std::fs::create_dir_all(&file).unwrap();
    let printed = start_refused(&sandbox);
    assert!(printed.contains(&file.display().to_string()), "{printed}");
    std::fs::remove_dir(&file).unwrap();
    sandbox.write(&file, b"OPENCLAW_GATEWAY_PORT=1\n\xff\n");
    let printed = start_refused(&sandbox);
    assert!(printed.contains("UTF-8"), "{printed}");
}
