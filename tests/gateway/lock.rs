//! One gateway per instance, and `--force`.

use crate::support::Sandbox;
use crate::support::gateway::{Gateway, configure, free_base};
use crate::support::pty::{Key, Size, Terminal};

#[test]
fn a_second_one_of_an_instance_is_told_who_runs() {
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
    let words = sandbox.read(".openclaw-rescue/gateway.lock");
    let words: serde_json::Value = serde_json::from_str(&words).unwrap();
    assert_eq!(words["pid"], first.pid());
    assert_eq!(words["port"], first.port);
    assert_eq!(words["profile"], "rescue");
    let _ = first.stop().with(0);
    assert_eq!(
        sandbox.read(".openclaw-rescue/gateway.lock"),
        "",
        "it ended in order"
    );
}

#[test]
fn a_lock_file_that_nobody_holds_is_in_nobodys_way() {
    let sandbox = Sandbox::new();
    // A process that lives, and holds nothing.
    let pid = std::process::id();
    let words = format!(r#"{{"pid":{pid},"port":1,"profile":"rescue","startedAt":"2026-11-22T10:00:00Z"}}"#);
    sandbox.write(".openclaw-rescue/gateway.lock", words);
    let _ = Gateway::start(&sandbox, "rescue").stop().with(0);
}

/// As where two containers share the state folder: the number means another process here.
#[test]
fn force_ends_nobody_who_does_not_hold_the_lock() {
    let sandbox = Sandbox::new();
    configure(&sandbox, "rescue");
    let mut other = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let pid = other.id();
    let words = format!(r#"{{"pid":{pid},"port":1,"profile":"rescue","startedAt":"2026-11-22T10:00:00Z"}}"#);
    let lock = std::fs::File::open(sandbox.write(".openclaw-rescue/gateway.lock", words)).unwrap();
    lock.lock().unwrap();
    let ran = sandbox.run(["--profile", "rescue", "gateway", "--force"]);
    let lives = other.try_wait().unwrap().is_none();
    other.kill().unwrap();
    other.wait().unwrap();
    let ran = ran.exits(78);
    assert!(lives && !ran.stderr.contains(&pid.to_string()), "{}", ran.stderr);
}

#[test]
fn force_takes_the_place_of_the_own_one() {
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
fn force_takes_the_place_of_one_that_does_not_answer_any_more() {
    let sandbox = Sandbox::new();
    let first = Gateway::start(&sandbox, "rescue");
    first.signal(rustix::process::Signal::STOP);
    let _second = Gateway::start_with(&sandbox, "rescue", &["--force"]);
    assert_eq!(first.exited().code, None, "it was killed");
}

#[test]
fn force_leaves_the_gateway_of_another_profile_alone() {
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
fn force_leaves_a_stranger_alone() {
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    let stranger = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let _ = sandbox
        .run(["--profile", "rescue", "gateway", "--force"])
        .exits(78);
    drop(stranger);
}

#[test]
fn force_asks_on_a_terminal_and_no_is_no() {
    let sandbox = Sandbox::new();
    let mut first = Gateway::start(&sandbox, "rescue");
    let args = ["--lang", "en", "--profile", "rescue", "gateway", "--force"];
    let mut terminal = Terminal::start(&sandbox, args, Size::tall(100));
    terminal.wait_for("Stop the running rescue gateway");
    terminal.type_in("no").press(Key::Enter);
    assert_eq!(terminal.exit_code(), 1);
    assert!(first.runs());
}
