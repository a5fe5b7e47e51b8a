//! Tests of the lock that allows one gateway per instance, and of `--force`.

use crate::support::Sandbox;
use crate::support::gateway::{Gateway, configure, free_base};
use crate::support::pty::{Key, Size, Terminal};

#[test]
fn second_gateway_of_an_instance_is_refused_and_the_first_named() {
    let sandbox = Sandbox::new();
    let mut first = Gateway::start(&sandbox, "rescue");
    let elsewhere = free_base().to_string();
    for args in [
        &["--profile", "rescue", "gateway"][..],
        &["--profile", "rescue", "gateway", "--port", &elsewhere],
    ] {
        let ran = sandbox.run(args).exits(78);
        assert!(ran.stderr.contains(&first.pid().to_string()), "{}", ran.stderr);
        assert!(ran.stderr.contains("rescue"), "{}", ran.stderr);
    }
    assert!(first.runs());
    let lock = sandbox.read(".openclaw-rescue/gateway.lock");
    let lock: serde_json::Value = serde_json::from_str(&lock).unwrap();
    assert_eq!(lock["pid"], first.pid());
    assert_eq!(lock["port"], first.port);
    assert_eq!(lock["profile"], "rescue");
    let _ = first.stop().with(0);
    assert_eq!(
        sandbox.read(".openclaw-rescue/gateway.lock"),
        "",
        "it ended in order"
    );
}

#[test]
fn stale_lock_file_does_not_block_a_start() {
    let sandbox = Sandbox::new();
    // The file names a living process that does not hold the lock.
    let pid = std::process::id();
    let content =
        format!(r#"{{"pid":{pid},"port":1,"profile":"rescue","startedAt":"2026-11-22T10:00:00Z"}}"#);
    sandbox.write(".openclaw-rescue/gateway.lock", content);
    let _ = Gateway::start(&sandbox, "rescue").stop().with(0);
}

/// In containers that share the state folder, the process id in the lock file means another process here.
#[test]
fn force_does_not_end_a_process_that_does_not_hold_the_lock() {
    let sandbox = Sandbox::new();
    configure(&sandbox, "rescue");
    let mut other = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let pid = other.id();
    let content =
        format!(r#"{{"pid":{pid},"port":1,"profile":"rescue","startedAt":"2026-11-22T10:00:00Z"}}"#);
    let lock = std::fs::File::open(sandbox.write(".openclaw-rescue/gateway.lock", content)).unwrap();
    lock.lock().unwrap();
    let ran = sandbox.run(["--profile", "rescue", "gateway", "--force"]);
    let lives = other.try_wait().unwrap().is_none();
    other.kill().unwrap();
    other.wait().unwrap();
    let ran = ran.exits(78);
    assert!(lives && !ran.stderr.contains(&pid.to_string()), "{}", ran.stderr);
}

#[test]
fn force_replaces_the_gateway_of_the_same_instance() {
    let sandbox = Sandbox::new();
    let first = Gateway::start(&sandbox, "rescue");
    let second = Gateway::start_with(&sandbox, "rescue", &["--force"]);
    assert!(
        second.stderr().contains(&first.pid().to_string()),
        "{}",
        second.stderr()
    );
    let _ = first.exited().with(0);
    assert_eq!(second.health().unwrap()["pid"], second.pid());
}

#[test]
fn force_kills_a_gateway_that_does_not_react() {
    let sandbox = Sandbox::new();
    let first = Gateway::start(&sandbox, "rescue");
    first.signal(rustix::process::Signal::STOP);
    let _second = Gateway::start_with(&sandbox, "rescue", &["--force"]);
    assert_eq!(first.exited().code, None, "it was killed");
}

#[test]
fn force_does_not_end_the_gateway_of_another_profile() {
    let sandbox = Sandbox::new();
    let mut main = Gateway::start(&sandbox, "main");
    configure(&sandbox, "rescue");
    let port = main.port.to_string();
    let ran = sandbox
        .run(["--profile", "rescue", "gateway", "--force", "--port", &port])
        .exits(78);
    assert!(ran.stderr.contains("main"), "{}", ran.stderr);
    assert!(main.runs());
    assert_eq!(main.health().unwrap()["profile"], "main");
}

#[test]
fn force_does_not_end_another_program() {
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    let other_program = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let _ = sandbox
        .run(["--profile", "rescue", "gateway", "--force"])
        .exits(78);
    drop(other_program);
}

#[test]
fn force_asks_on_a_terminal_and_accepts_no() {
    let sandbox = Sandbox::new();
    let mut first = Gateway::start(&sandbox, "rescue");
    let args = ["--lang", "en", "--profile", "rescue", "gateway", "--force"];
    let mut terminal = Terminal::start(&sandbox, args, Size::tall(100));
    terminal.wait_for("Stop the running rescue gateway");
    terminal.type_in("no").press(Key::Enter);
    assert_eq!(terminal.exit_code(), 1);
    assert!(first.runs());
}
