//! A port that somebody has: who it is, and that nothing of theirs is touched.

use std::net::TcpListener;

use crate::support::Sandbox;
use crate::support::gateway::{Gateway, configure};

fn refused(sandbox: &Sandbox, args: &[&str]) -> String {
    let all = ["--lang", "en", "--profile", "rescue", "gateway"];
    // It ends by itself: nobody waits for the port to become free.
    Gateway::spawn(sandbox.command(all.iter().chain(args)), 0)
        .exited()
        .with(78)
        .stderr
}

#[test]
fn a_stranger_on_the_port_is_named() {
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    for address in ["127.0.0.1", "::1", "0.0.0.0"] {
        let Ok(_stranger) = TcpListener::bind((address, port)) else {
            continue;
        };
        let said = refused(&sandbox, &[]);
        assert!(said.contains(&format!("pid {}", std::process::id())), "{said}");
        assert!(said.contains(&port.to_string()), "{said}");
        assert!(said.contains("openclaw --profile rescue ports suggest"), "{said}");
    }
}

#[test]
fn a_gateway_of_another_profile_on_the_port_is_named_with_it() {
    let sandbox = Sandbox::new();
    let mut main = Gateway::start(&sandbox, "main");
    configure(&sandbox, "rescue");
    let said = refused(&sandbox, &["--port", &main.port.to_string()]);
    assert!(said.contains(&format!("pid {}", main.pid())), "{said}");
    assert!(said.contains("the main gateway"), "{said}");
    assert!(main.runs());
}

#[test]
fn the_lock_is_free_again_after_a_refusal() {
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    let stranger = TcpListener::bind(("127.0.0.1", port)).unwrap();
    refused(&sandbox, &[]);
    drop(stranger);
    let _ = Gateway::start(&sandbox, "rescue").stop().with(0);
}
