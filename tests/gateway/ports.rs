//! Tests of a base port that another process holds: the process is named and left alone.

use std::net::TcpListener;

use crate::support::Sandbox;
use crate::support::gateway::{Gateway, configure};

/// Starts a gateway that must refuse to run, and returns its standard error.
fn start_refused(sandbox: &Sandbox, args: &[&str]) -> String {
    let all = ["--lang", "en", "--profile", "rescue", "gateway"];
    // The gateway ends by itself: it does not wait until the port is free.
    Gateway::spawn(sandbox.command(all.iter().chain(args)), 0)
        .exited()
        .with(78)
        .stderr
}

#[test]
fn process_on_the_port_is_named() {
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    for address in ["127.0.0.1", "::1", "0.0.0.0"] {
        let Ok(_listener) = TcpListener::bind((address, port)) else {
            continue;
        };
        let printed = start_refused(&sandbox, &[]);
        assert!(
            printed.contains(&format!("pid {}", std::process::id())),
            "{printed}"
        );
        assert!(printed.contains(&port.to_string()), "{printed}");
        assert!(
            printed.contains("openclaw --profile rescue ports suggest"),
            "{printed}"
        );
    }
}

#[test]
fn gateway_of_another_profile_on_the_port_is_named_with_its_profile() {
    let sandbox = Sandbox::new();
    let mut main = Gateway::start(&sandbox, "main");
    configure(&sandbox, "rescue");
    let printed = start_refused(&sandbox, &["--port", &main.port.to_string()]);
    assert!(printed.contains(&format!("pid {}", main.pid())), "{printed}");
    assert!(printed.contains("the main gateway"), "{printed}");
    assert!(main.runs());
}

#[test]
fn lock_is_released_after_a_refusal() {
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    start_refused(&sandbox, &[]);
    drop(listener);
    let _ = Gateway::start(&sandbox, "rescue").stop().with(0);
}
