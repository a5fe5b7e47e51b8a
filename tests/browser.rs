//! The browsers of instances, with the real Chromium where it is installed.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::gateway::{self, Gateway, TOKEN, wait_for};
use crate::support::{Ran, Sandbox};

mod alive;
mod left;
mod neighbour;
mod remote;
mod rules;
mod socket;

/// A page's heading, for its accessibility tree.
const HEADING: &str = "Merhaba";

/// Writes the config of a profile: on this base port, with these keys of `browser`.
fn configure(sandbox: &Sandbox, profile: &str, base: u16, browser: &Value) {
    let config = json!({
        "gateway": {
            "mode": "local", "port": base, "bind": "loopback",
            "auth": { "mode": "token", "token": TOKEN },
        },
        "browser": browser,
    });
    sandbox.write(gateway::state(profile).join("openclaw.json"), config.to_string());
}

/// What tests need to start Chromium as root.
fn wishes() -> Value {
    json!({ "noSandbox": true, "headless": true })
}

/// Runs `openclaw --profile P browser ...` with `--json`.
fn browser(sandbox: &Sandbox, profile: &str, words: &str) -> Ran {
    let words = format!("--profile {profile} --lang en browser {words} --json");
    sandbox.run(words.split_whitespace())
}

/// The same, which must go well.
#[track_caller]
fn done(sandbox: &Sandbox, profile: &str, words: &str) -> Value {
    browser(sandbox, profile, words).exits(0).json()
}

/// The processes whose command line names a folder below this one.
fn processes_on(folder: &std::path::Path) -> Vec<u32> {
    let folder = format!("--user-data-dir={}", folder.display());
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    entries
        .filter_map(|entry| {
            let words = std::fs::read(entry.path().join("cmdline")).ok()?;
            let named = String::from_utf8_lossy(&words).contains(&folder);
            named.then(|| entry.file_name().to_str()?.parse().ok())?
        })
        .collect()
}

/// A web server of the test's own: `/set` sets a cookie, any page's title is the cookie that it was sent.
struct Site {
    port: u16,
}

impl Site {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut bytes = [0; 8192];
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
                    let Ok(len @ 1..) = stream.read(&mut bytes) else {
                        return;
                    };
                    let head = String::from_utf8_lossy(&bytes[..len]).into_owned();
                    let cookie = head
                        .lines()
                        .find_map(|line| line.strip_prefix("Cookie: "))
                        .unwrap_or("none");
                    let page = format!("<title>cookie {cookie}</title><h1>{HEADING}</h1>");
                    let set = if head.starts_with("GET /set") {
                        "Set-Cookie: who=main; Max-Age=600\r\n"
                    } else {
                        ""
                    };
                    let length = page.len();
                    let _ = write!(
                        stream,
                        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{set}Content-Length: {length}\r\nConnection: close\r\n\r\n{page}"
                    );
                });
            }
        });
        Self { port }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

/// A gateway of each of these profiles, running.
fn gateways<const N: usize>(sandbox: &Sandbox, profiles: [&str; N]) -> [Gateway; N] {
    profiles.map(|profile| Gateway::start(sandbox, profile))
}

/// Waits until no process is left on a folder.
#[track_caller]
fn wait_until_none_on(folder: &std::path::Path) {
    wait_for("no browser is left", || {
        processes_on(folder).is_empty().then_some(())
    });
}
