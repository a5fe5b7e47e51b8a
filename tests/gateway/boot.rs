//! A config that no gateway can start from, and the last good one.

use crate::support::Sandbox;
use crate::support::gateway::{Gateway, configure, log, wait_for};

const CONFIG: &str = ".openclaw-rescue/openclaw.json";
const KEPT: &str = ".openclaw-rescue/openclaw.json.last-good";

fn refused(sandbox: &Sandbox) -> String {
    sandbox
        .run(["--lang", "en", "--profile", "rescue", "gateway"])
        .exits(78)
        .stderr
}

/// An instance that has had a healthy start.
fn with_a_good_start() -> Sandbox {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    assert!(
        sandbox.path(KEPT).exists(),
        "the first good config is kept at once"
    );
    let _ = gateway.stop().with(0);
    assert_eq!(sandbox.read(KEPT), sandbox.read(CONFIG));
    sandbox
}

#[test]
fn a_broken_config_is_refused_with_its_place_and_left_as_it_is() {
    let sandbox = Sandbox::new();
    let broken = "{\n  gateway: {\n    port: 1 2\n";
    let path = sandbox.write(CONFIG, broken);
    let said = refused(&sandbox);
    assert!(said.contains(&format!("{}:3:12", path.display())), "{said}");
    assert_eq!(sandbox.read(CONFIG), broken);
}

#[test]
fn a_key_that_no_release_knows_is_refused_by_name() {
    let sandbox = Sandbox::new();
    configure(&sandbox, "rescue");
    let text = sandbox.read(CONFIG).replace("\"bind\"", "\"bidn\"");
    sandbox.write(CONFIG, text);
    let said = refused(&sandbox);
    assert!(said.contains("gateway.bidn"), "{said}");
    assert!(
        said.contains("openclaw --profile rescue config validate"),
        "{said}"
    );
}

#[test]
fn the_last_good_config_stands_in_only_where_the_record_says_so() {
    let sandbox = with_a_good_start();
    let good = sandbox.read(CONFIG);
    let port = configure(&sandbox, "rescue");
    sandbox.write(CONFIG, "{ broken");
    refused(&sandbox);

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

    // Mended while it runs, it is taken, and the warning goes.
    sandbox.write(CONFIG, &good);
    wait_for("the warning is lifted", || {
        log(&sandbox, "rescue")
            .contains("gateway.reload-back")
            .then_some(())
    });
    let _ = gateway.stop().with(0);
    assert_eq!(sandbox.read(KEPT), good);
}

#[test]
fn a_broken_record_is_not_guessed_at() {
    let sandbox = Sandbox::new();
    configure(&sandbox, "rescue");
    sandbox.write(".openclaw-rescue/instance.toml", "engine = 'deno'");
    let said = refused(&sandbox);
    assert!(said.contains("instance.toml"), "{said}");
}

#[test]
fn whoever_breaks_the_config_at_once_is_told_so_and_not_that_the_token_is_wrong() {
    let sandbox = Sandbox::new();
    let _gateway = Gateway::start(&sandbox, "rescue");
    sandbox.write(CONFIG, "{ broken");
    let status = sandbox.run(["--profile", "rescue", "status", "--json"]);
    let verdict = status.json()["verdict"].clone();
    // It may not have looked at the file yet.
    assert!(verdict == "unhealthy" || verdict == "healthy", "{status:?}");
}

#[test]
fn an_environment_file_that_can_not_be_read_is_not_taken_for_none() {
    let sandbox = Sandbox::new();
    configure(&sandbox, "rescue");
    let file = sandbox.path(".openclaw-rescue/.env");
    std::fs::create_dir_all(&file).unwrap();
    let said = refused(&sandbox);
    assert!(said.contains(&file.display().to_string()), "{said}");
    std::fs::remove_dir(&file).unwrap();
    sandbox.write(&file, b"OPENCLAW_GATEWAY_PORT=1\n\xff\n");
    let said = refused(&sandbox);
    assert!(said.contains("UTF-8"), "{said}");
}
