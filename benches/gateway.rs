//! Measurements of a running gateway, beside OpenClaw's own where `OPENCLAW_PEERS` names a folder with it.
//!
//! Prints a table and asserts nothing. Both are measured in one run, and only numbers of one table may be compared.
//! Runs on Linux only: memory is read from `/proc`.

#![expect(
    clippy::disallowed_methods,
    reason = "the bench makes its own files and processes"
)]
#![expect(clippy::print_stdout, reason = "the bench prints its table")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

mod support;

use support::{command, median, millis, peer, program};

/// Number of measured starts of our gateway.
const START_COUNT: usize = 11;
/// Number of measured starts of a peer, each of which takes many seconds.
const PEER_START_COUNT: usize = 3;
/// Number of idle clients that stay connected.
const CLIENT_COUNT: usize = 5000;
/// Time for which requests are counted.
const COUNT_DURATION: Duration = Duration::from_secs(3);
/// Number of instances that `status --all` finds; every second one runs.
const INSTANCE_COUNT: u16 = 20;
/// Maximum time that a gateway has to listen.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Token of every gateway.
const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef";

fn main() {
    let limit = rustix::process::Rlimit {
        current: Some(65_536),
        maximum: Some(65_536),
    };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, limit);
    let mut engines = vec![("native", program())];
    engines.extend(
        ["ocold", "oc"]
            .into_iter()
            .filter_map(|name| Some((name, peer(name)?))),
    );
    for (name, program) in &engines {
        measure_engine(name, program);
    }
    let (running, _) = RunningGateway::start(&program());
    print_row(
        "native: liveness, 8 connections",
        count_requests(running.port),
        "requests/s",
        Goal::AtLeast(31_000.0),
    );
    let clients: Vec<_> = (0..CLIENT_COUNT).map(|_| connect_client(running.port)).collect();
    print_row(
        &format!("native: resident, {} idle clients", clients.len()),
        resident_memory(&running),
        "MiB",
        Goal::None,
    );
    drop(clients);
    time_command(
        "gateway health --json, up",
        running.home.path(),
        &["gateway", "health", "--json"],
        Goal::AtMost(8.0),
    );
    time_command(
        "status --json, up",
        running.home.path(),
        &["status", "--json"],
        Goal::None,
    );
    drop(running);
    measure_status_of_many();
}

/// Prints the median time of a command of ours in a home folder.
fn time_command(name: &str, home: &Path, args: &[&str], goal: Goal) {
    let run = || {
        let start = Instant::now();
        let _ = command(&program(), home, args).status().expect("it starts");
        start.elapsed()
    };
    run();
    let mut times: Vec<_> = (0..START_COUNT).map(|_| run()).collect();
    print_row(name, millis(median(&mut times)), "ms", goal);
}

/// Measures the start of an engine's gateway, and its memory.
fn measure_engine(name: &str, program: &Path) {
    let (rounds, start_goal, memory_goal) = if name == "native" {
        (START_COUNT, Goal::AtMost(6.5), Goal::AtMost(10.5))
    } else {
        (PEER_START_COUNT, Goal::None, Goal::None)
    };
    let mut times: Vec<_> = (0..rounds).map(|_| RunningGateway::start(program).1).collect();
    let (running, _) = RunningGateway::start(program);
    std::thread::sleep(Duration::from_secs(5));
    print_row(
        &format!("{name}: start to listening"),
        millis(median(&mut times)),
        "ms",
        start_goal,
    );
    print_row(
        &format!("{name}: resident, idle for 5 s"),
        resident_memory(&running),
        "MiB",
        memory_goal,
    );
}

/// What a value should be at most, or at least.
#[derive(Clone, Copy)]
enum Goal {
    None,
    AtMost(f64),
    AtLeast(f64),
}

/// Prints a row of the table, and whether its goal is met.
fn print_row(name: &str, value: f64, unit: &str, goal: Goal) {
    let verdict = |words: &str, limit: f64, is_met: bool| {
        let verdict = if is_met { "met:   " } else { "missed:" };
        format!("{verdict} {words} {limit}")
    };
    let goal = match goal {
        Goal::None => String::new(),
        Goal::AtMost(limit) => verdict("at most", limit, value <= limit),
        Goal::AtLeast(limit) => verdict("at least", limit, value >= limit),
    };
    println!("{name:<44} {value:>10.1} {unit:<10} {goal}");
}

/// A gateway that listens, until this value is dropped.
struct RunningGateway {
    child: Child,
    port: u16,
    home: TempDir,
}

impl RunningGateway {
    /// Starts a gateway in a new home folder. Returns it, and the time until its port accepted a connection.
    fn start(program: &Path) -> (Self, Duration) {
        let home = tempfile::tempdir().expect("a home");
        let port = free_base();
        write_instance(home.path(), ".openclaw", port);
        let start = Instant::now();
        let args = ["gateway", "--port", &port.to_string()];
        let child = command(program, home.path(), &args).spawn().expect("it starts");
        wait_until_listening(port);
        (Self { child, port, home }, start.elapsed())
    }
}

impl Drop for RunningGateway {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

/// Waits until a port of this host accepts a connection.
fn wait_until_listening(port: u16) {
    let start = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(start.elapsed() < START_TIMEOUT, "port {port} is not listened on");
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// Writes the config of an instance with this base port.
fn write_instance(home: &Path, folder: &str, port: u16) {
    let config = json!({
        "gateway": {
            "mode": "local", "port": port, "bind": "loopback",
            "auth": { "mode": "token", "token": TOKEN },
        },
        "agents": { "defaults": { "workspace": home.join(folder).join("workspace") } },
    });
    std::fs::create_dir_all(home.join(folder).join("workspace")).expect("a state folder");
    std::fs::write(home.join(folder).join("openclaw.json"), config.to_string()).expect("a config");
}

/// Returns a base port whose derived ports are free as well.
fn free_base() -> u16 {
    loop {
        let base = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let free = |offset| TcpListener::bind((Ipv4Addr::LOCALHOST, base + offset)).is_ok();
        if base < 65_000 && [0, 1, 2, 3, 4, 10].into_iter().all(free) {
            return base;
        }
    }
}

/// Returns the resident memory of the gateway and its children, in MiB.
fn resident_memory(gateway: &RunningGateway) -> f64 {
    let mut pids = vec![gateway.child.id()];
    let mut at = 0;
    while let Some(pid) = pids.get(at) {
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        pids.extend(
            children
                .unwrap_or_default()
                .split_whitespace()
                .filter_map(|pid| pid.parse::<u32>().ok()),
        );
        at += 1;
    }
    let kib = pids.iter().filter_map(|pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches("kB").trim().parse::<f64>().ok()
    });
    kib.sum::<f64>() / 1024.0
}

/// Returns the number of liveness requests that are answered in a second, over connections that stay open.
fn count_requests(port: u16) -> f64 {
    let over = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (over, count) = (over.clone(), count.clone());
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection");
                let request = format!("GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
                let mut answer = [0; 4096];
                while !over.load(Ordering::Relaxed) {
                    stream.write_all(request.as_bytes()).expect("a request");
                    let read = stream.read(&mut answer).expect("an answer");
                    assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    std::thread::sleep(COUNT_DURATION);
    over.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("a loader");
    }
    f64::from(u32::try_from(count.load(Ordering::Relaxed)).unwrap_or(u32::MAX)) / COUNT_DURATION.as_secs_f64()
}

/// Connects a client that is accepted and then does nothing.
fn connect_client(port: u16) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection");
    let (mut socket, _) = tungstenite::client(format!("ws://127.0.0.1:{port}/"), stream).expect("an upgrade");
    let _challenge = socket.read().expect("a challenge");
    let connect = json!({
        "type": "req", "id": "1", "method": "connect",
        "params": {
            "minProtocol": 3, "maxProtocol": 4, "role": "operator", "scopes": ["operator.read"],
            "client": { "id": "cli", "version": "bench", "platform": "linux", "mode": "cli" },
            "caps": [], "auth": { "token": TOKEN },
        },
    });
    socket
        .send(Message::text(connect.to_string()))
        .expect("a request");
    loop {
        if let Message::Text(text) = socket.read().expect("a frame") {
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            if frame["type"] == "res" {
                assert_eq!(frame["ok"], true, "{frame}");
                return socket;
            }
        }
    }
}

/// Measures `status` where every second instance runs.
fn measure_status_of_many() {
    let home = tempfile::tempdir().expect("a home");
    let program = program();
    let mut running = Vec::new();
    write_instance(home.path(), ".openclaw", free_base());
    for number in 0..INSTANCE_COUNT {
        let name = format!("p{number}");
        let port = free_base();
        write_instance(home.path(), &format!(".openclaw-{name}"), port);
        if number % 2 == 0 {
            let child = command(&program, home.path(), &["--profile", &name, "gateway"]).spawn();
            running.push((child.expect("it starts"), port));
        }
    }
    for (_, port) in &running {
        wait_until_listening(*port);
    }
    let name = format!("status --all --json, {INSTANCE_COUNT} instances, half running");
    time_command(&name, home.path(), &["status", "--all", "--json"], Goal::None);
    for (mut child, _) in running {
        let _ = child.kill();
        let _ = child.wait();
    }
}
