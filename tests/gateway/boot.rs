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
    wait_for("the good config is kept", || {
        sandbox.path(KEPT).exists().then_some(())
    });
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
