//! Floods of a running gateway: how much memory and how many connections clients can make it hold. Counted are
//! bytes and connections, never time.

use std::io::Write as _;

use serde_json::json;

use super::security::raise_open_file_limit;
use super::session::{Client, frame_head};
use crate::support::Sandbox;
use crate::support::gateway::{Gateway, request, wait_for};

const MIB: usize = 1024 * 1024;
/// Memory by which the process of a gateway may grow beside what the limits allow: code, stacks, the allocator.
const ALLOWANCE: usize = 12 * MIB;

/// Returns a value of `/proc/PID/status` in bytes: `VmRSS`, the resident memory, or `VmHWM`, its peak.
fn memory(gateway: &Gateway, name: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid())).expect("a process");
    let line = status.lines().find(|line| line.starts_with(name));
    let number = line.and_then(|line| line.split_ascii_whitespace().nth(1));
    number
        .and_then(|kib| kib.parse::<usize>().ok())
        .expect("a number")
        * 1024
}

/// Returns the number of files that the process of a gateway has open.
fn open_files(gateway: &Gateway) -> usize {
    let files = std::fs::read_dir(format!("/proc/{}/fd", gateway.pid()));
    files.expect("its files").count()
}

/// Asserts that a client with a session gets an answer.
fn assert_answers(client: &mut Client) {
    client.send(json!({"type": "req", "id": "2", "method": "health"}).to_string());
    assert_eq!(client.response("2")["ok"], true);
}

#[test]
fn strangers_share_one_memory_budget_and_it_is_given_back() {
    const MESSAGE_BYTES: usize = 60_000;
    const BUDGET: usize = 16 * MIB;
    raise_open_file_limit();
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let before = memory(&gateway, "VmRSS");
    let (files, mut client) = (open_files(&gateway), Client::accepted(gateway.port, 4));
    let strangers: Vec<_> = (0..1500)
        .map(|_| {
            let mut stranger = Client::connect(gateway.port);
            let stream = stranger.0.get_mut();
            // The connection may have been closed for a later one.
            let _ = stream.write_all(&frame_head(0x81, MESSAGE_BYTES));
            let _ = stream.write_all(&vec![b'x'; MESSAGE_BYTES - 1]);
            stranger
        })
        .collect();
    let most = BUDGET / MESSAGE_BYTES + 2;
    wait_for("the largest connections are closed", || {
        (open_files(&gateway) <= files + most).then_some(())
    });
    let grown = memory(&gateway, "VmHWM") - before;
    assert!(
        grown <= BUDGET + ALLOWANCE,
        "the gateway grew by {} KiB",
        grown / 1024
    );
    assert_answers(&mut client);
    let healthy = request(gateway.port, "GET", "/health", &[]).expect("an answer");
    assert_eq!(healthy.status, 200);
    drop(strangers);
    // The allocator may keep what lies between the memory of those that stay, but the next flood uses it.
    wait_for("the memory is given back", || {
        (memory(&gateway, "VmRSS") <= before + BUDGET + ALLOWANCE / 2).then_some(())
    });
}

#[test]
fn connections_that_send_nothing_are_limited_in_number() {
    raise_open_file_limit();
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let before = memory(&gateway, "VmRSS");
    let mut client = Client::accepted(gateway.port, 4);
    let strangers: Vec<_> = (0..4000).map(|_| Client::connect(gateway.port)).collect();
    let files = open_files(&gateway);
    assert!(files < 2200, "{files} files");
    let grown = memory(&gateway, "VmHWM") - before;
    assert!(grown <= 40 * MIB, "the gateway grew by {} KiB", grown / 1024);
    assert_answers(&mut client);
    drop(strangers);
}

#[test]
fn client_that_sends_pings_and_reads_nothing_is_not_read() {
    /// What the system buffers at most on both sides of a loopback connection.
    const SYSTEM_BUFFERS: usize = 32 * MIB;
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let before = memory(&gateway, "VmRSS");
    let mut client = Client::accepted(gateway.port, 4);
    let stream = client.0.get_mut();
    let patience = std::time::Duration::from_secs(3);
    stream.set_write_timeout(Some(patience)).expect("a time limit");
    let ping = [&[0x89, 0xfd, 0, 0, 0, 0][..], &[b'p'; 125]].concat();
    let pings = ping.repeat(1000);
    let mut sent = 0;
    while sent < 200 * MIB {
        // Either nothing is read any more, or the session was ended for it.
        let Ok(written) = stream.write(&pings[sent % ping.len()..]) else {
            break;
        };
        sent += written;
    }
    assert!(sent < SYSTEM_BUFFERS, "{} KiB of pings were read", sent / 1024);
    let grown = memory(&gateway, "VmHWM") - before;
    assert!(grown <= ALLOWANCE, "the gateway grew by {} KiB", grown / 1024);
}

#[test]
fn large_messages_cost_their_own_bytes_once_and_are_refused_by_their_method() {
    const LARGEST_MESSAGE: usize = 25 * MIB;
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let before = memory(&gateway, "VmRSS");
    let message = |method: &str| {
        let head = format!(r#"{{"type":"req","id":"2","method":"{method}","params":{{"a":["#);
        let numbers = "1,".repeat((LARGEST_MESSAGE - head.len() - 5) / 2);
        format!("{head}{numbers}1]}}}}")
    };
    for (method, answer) in [
        ("health", None),
        ("config.get", Some("invalid config.get params: too large")),
        ("nope", Some("unknown method: nope")),
    ] {
        let message = message(method);
        let clients: Vec<_> = (0..3).map(|_| Client::accepted(gateway.port, 4)).collect();
        std::thread::scope(|scope| {
            for mut client in clients {
                let message = &message;
                scope.spawn(move || {
                    client.send(message.as_str());
                    let response = client.response("2");
                    assert_eq!(response["error"]["message"].as_str(), answer, "{response}");
                });
            }
        });
    }
    let grown = memory(&gateway, "VmHWM") - before;
    let most = LARGEST_MESSAGE + ALLOWANCE;
    assert!(grown <= most, "the gateway grew by {} KiB", grown / 1024);
    let idle = memory(&gateway, "VmRSS").saturating_sub(before);
    assert!(idle <= ALLOWANCE, "{} KiB stay", idle / 1024);
}
