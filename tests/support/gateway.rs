//! A running gateway for a test: the real program, on ports that were free a moment ago. It ends with the test.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::child::ended_with_test;
use super::{Sandbox, network};

/// The token of every gateway that [`Gateway::start`] sets up.
pub const TOKEN: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";
/// Maximum time that a test waits for anything: enough for a loaded machine.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(30);
/// Offsets of a gateway's fixed ports.
const FIXED_OFFSETS: [u16; 6] = [0, 1, 2, 3, 4, 10];
/// Base ports that tests choose from: all below the kernel's ephemeral range.
const FIRST_BASE: u16 = 10_080;
/// Distance between two base ports, in ports.
const BASE_STEP: u16 = 120;
/// Number of base ports to choose from.
const BASE_COUNT: u16 = 185;

/// Returns a base port whose fixed ports are all free. No other call gives the same one while this process
/// lives, in whichever test run, until all have been given; then the one that was given first is given again.
pub fn free_base() -> u16 {
    /// Base ports that this process was given, the first one first, with locks that its end releases.
    static RESERVED: Mutex<VecDeque<(u16, File)>> = Mutex::new(VecDeque::new());
    let mut reserved = RESERVED.lock().expect("no panic");
    // Another process starts elsewhere, so that it seldom asks for what is locked.
    let start = u16::try_from(std::process::id() % u32::from(BASE_COUNT)).expect("small");
    let mut bases = (0..BASE_COUNT).map(|at| FIRST_BASE + (start + at) % BASE_COUNT * BASE_STEP);
    let given = bases
        .find_map(|base| Some((base, reserve(base)?)))
        .or_else(|| {
            let first = reserved.iter().position(|(base, _)| has_free_ports(*base))?;
            reserved.remove(first)
        })
        .expect("a free base port");
    let base = given.0;
    reserved.push_back(given);
    base
}

/// Locks a base port against every test process of this user; `None` where it is locked or in use. A port that
/// was only probed could be given to a second test before the first one listens. In a network of its own a test shares no
/// port, and waits for no lock of the others: they may hold them all.
fn reserve(base: u16) -> Option<File> {
    if network::is_own() {
        return has_free_ports(base).then(|| tempfile::tempfile().expect("a file"));
    }
    let user = rustix::process::geteuid().as_raw();
    let folder = std::env::temp_dir().join(format!("openclaw-test-ports-{user}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let lock = File::create(folder.join(base.to_string())).expect("a lock file");
    lock.try_lock().ok()?;
    has_free_ports(base).then_some(lock)
}

/// Returns `true` if nothing listens on the fixed ports of a base port.
fn has_free_ports(base: u16) -> bool {
    FIXED_OFFSETS.iter().all(|offset| {
        let v4 = TcpListener::bind((Ipv4Addr::UNSPECIFIED, base + offset));
        let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, base + offset));
        let is_missing = |e: std::io::Error| e.kind() != std::io::ErrorKind::AddrInUse;
        v4.is_ok() && v6.map_or_else(is_missing, |_| true)
    })
}

/// Waits until `probe` returns a value.
#[track_caller]
pub fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An HTTP reply.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// Returns the body, which has to be JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("no JSON ({e}): {self:?}"))
    }
}

/// Sends one request on a connection of its own. `headers` are whole lines. `None` where nothing answers.
pub fn request(port: u16, method: &str, path: &str, headers: &[&str]) -> Option<Answer> {
    request_with_body(port, method, path, headers, "")
}

/// Sends an HTTP request with a body, as [`request`] sends one without.
pub fn request_with_body(
    port: u16,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> Option<Answer> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, WAIT_TIMEOUT).ok()?;
    stream.set_read_timeout(Some(WAIT_TIMEOUT)).ok()?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    let named = |name: &str| headers.iter().any(|h| h.to_ascii_lowercase().starts_with(name));
    if !named("host:") {
        head.extend(["Host: 127.0.0.1:", &port.to_string(), "\r\n"]);
    }
    for header in headers {
        head.extend([header, "\r\n"]);
    }
    if !body.is_empty() {
        head.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
    }
    head.extend(["\r\n", body]);
    stream.write_all(head.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    // The bytes that came before a reset are used.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

/// The end of a gateway process.
#[must_use]
#[derive(Debug)]
pub struct Exited {
    /// The exit code; `None` where a signal ended the process.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Exited {
    /// Asserts the exit code.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

/// A gateway process. Dropping it kills the process.
pub struct Gateway {
    child: Child,
    /// The base port.
    pub port: u16,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Gateway {
    /// Writes a minimal config for the profile if it has none ([`TOKEN`], a free base port), starts its gateway
    /// and waits until it answers.
    #[track_caller]
    pub fn start(sandbox: &Sandbox, profile: &str) -> Self {
        Self::start_with(sandbox, profile, &[])
    }

    /// Like [`Gateway::start`], with further arguments after `gateway`.
    #[track_caller]
    pub fn start_with(sandbox: &Sandbox, profile: &str, args: &[&str]) -> Self {
        let port = configure(sandbox, profile);
        Self::launch(command(sandbox, profile, args), port)
    }

    /// Starts this command and waits until the gateway answers on `port`.
    #[track_caller]
    pub fn launch(command: Command, port: u16) -> Self {
        let mut gateway = Self::spawn(command, port);
        gateway.wait_ready();
        gateway
    }

    /// Starts this command without waiting.
    pub fn spawn(mut command: Command, port: u16) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let readers = vec![
            collect(child.stdout.take().expect("piped"), &stdout),
            collect(child.stderr.take().expect("piped"), &stderr),
        ];
        Self {
            child,
            port,
            stdout,
            stderr,
            readers,
        }
    }

    /// Waits until the liveness route answers with this process.
    #[track_caller]
    pub fn wait_ready(&mut self) {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        while self.health().is_none_or(|live| live["pid"] != self.pid()) {
            let ended = self.child.try_wait().expect("a child");
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "the gateway is not up ({ended:?}):\n{}\n{}",
                self.stdout(),
                self.stderr()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the reply of the liveness route, whichever process answers on the port.
    pub fn health(&self) -> Option<Value> {
        let answer = self.get("/health")?;
        serde_json::from_str(&answer.body).ok()
    }

    /// Sends a request without credentials.
    pub fn get(&self, path: &str) -> Option<Answer> {
        request(self.port, "GET", path, &[])
    }

    /// Returns what the gateway has printed so far.
    pub fn stdout(&self) -> String {
        self.stdout.lock().expect("text").clone()
    }

    /// Returns what the gateway has printed on standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().expect("text").clone()
    }

    /// Returns `true` while the process runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().cast_signed()).expect("a pid");
        kill_process(pid, signal).expect("it can be signalled");
    }

    /// Ends the gateway with SIGTERM and waits until it has ended.
    #[track_caller]
    pub fn stop(self) -> Exited {
        self.signal(Signal::TERM);
        self.exited()
    }

    /// Waits until the gateway has ended by itself.
    #[track_caller]
    pub fn exited(mut self) -> Exited {
        let status = wait_for("the gateway ends", || self.child.try_wait().expect("a child"));
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        Exited {
            code: status.code(),
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the command that runs the gateway of a profile in the foreground. The gateway ends with the test's thread.
pub fn command(sandbox: &Sandbox, profile: &str, args: &[&str]) -> Command {
    let words = ["--profile", profile, "gateway"].into_iter();
    ended_with_test(&sandbox.command(words.chain(args.iter().copied())))
}

/// Returns the state folder of a profile, relative to HOME.
pub fn state(profile: &str) -> PathBuf {
    match profile {
        "default" => ".openclaw".into(),
        name => format!(".openclaw-{name}").into(),
    }
}

/// Writes a config for a profile if it has none, and returns the base port in it.
pub fn configure(sandbox: &Sandbox, profile: &str) -> u16 {
    let path = state(profile).join("openclaw.json");
    if let Ok(text) = std::fs::read_to_string(sandbox.path(&path)) {
        let config: Value = serde_json::from_str(&text).expect("JSON");
        let port = config["gateway"]["port"].as_u64().expect("a base port");
        return u16::try_from(port).expect("a port");
    }
    let base = free_base();
    sandbox.write(&path, config(base));
    base
}

/// Returns a minimal config: a token, a base port, loopback.
pub fn config(base: u16) -> String {
    format!(
        r#"{{ "gateway": {{ "mode": "local", "port": {base}, "bind": "loopback", "auth": {{ "mode": "token", "token": "{TOKEN}" }} }} }}"#
    )
}

/// Returns the content of all files in the log folder of a profile, the oldest first.
pub fn log(sandbox: &Sandbox, profile: &str) -> String {
    let folder = sandbox.path(state(profile).join("logs"));
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap_or_default())
        .collect()
}

/// Reads a stream into a text on a thread of its own.
fn collect(
    mut stream: impl std::io::Read + Send + 'static,
    into: &Arc<Mutex<String>>,
) -> std::thread::JoinHandle<()> {
    let into = into.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..read]);
            into.lock().expect("text").push_str(&text);
        }
    })
}
