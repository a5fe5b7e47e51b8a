//! Tests of the browsers of instances, with the real Chromium where it is installed.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::gateway::{self, Gateway, TOKEN, wait_for};
use crate::support::{Ran, Sandbox};

mod act;
mod crash;
mod lifecycle;
mod other_user;
mod remote;
mod rules;
mod snapshot;
mod websocket;

/// The heading of a test page, which its accessibility tree contains.
const HEADING: &str = "Merhaba";

/// Writes the config of an instance with a base port and with the keys below `browser`.
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

/// Returns the keys below `browser` with which Chromium can be started as root and without a display.
fn headless_config() -> Value {
    json!({ "noSandbox": true, "headless": true })
}

/// Runs `openclaw --profile PROFILE browser ARGS --json`.
fn browser(sandbox: &Sandbox, profile: &str, args: &str) -> Ran {
    let line = format!("--profile {profile} --lang en browser {args} --json");
    sandbox.run(line.split_whitespace())
}

/// Sends a request to the browser control service of a gateway as OpenClaw's command line does, and returns its response.
fn request(sandbox: &Sandbox, profile: &str, params: &Value) -> Ran {
    let params = params.to_string();
    sandbox.run([
        "--profile",
        profile,
        "--lang",
        "en",
        "gateway",
        "call",
        "browser.request",
        "--json",
        "--params",
        &params,
    ])
}

/// Runs a command as [`browser`] does, checks that it succeeds, and returns the document that it prints.
#[track_caller]
fn browser_json(sandbox: &Sandbox, profile: &str, args: &str) -> Value {
    browser(sandbox, profile, args).exits(0).json()
}

/// Returns the processes whose command line names a user-data folder below this folder.
fn processes_on(folder: &std::path::Path) -> Vec<u32> {
    let folder = format!("--user-data-dir={}", folder.display());
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    entries
        .filter_map(|entry| {
            let arguments = std::fs::read(entry.path().join("cmdline")).ok()?;
            let named = String::from_utf8_lossy(&arguments).contains(&folder);
            named.then(|| entry.file_name().to_str()?.parse().ok())?
        })
        .collect()
}

/// A web server for tests: `/set` sets a cookie, `/form` is a page with a form, and the title of any other page is the
/// cookie that its request had.
struct TestSite {
    port: u16,
}

impl TestSite {
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
                    let page = if head.starts_with("GET /form") {
                        include_str!("browser/form.html").to_owned()
                    } else {
                        format!("<title>cookie {cookie}</title><h1>{HEADING}</h1>")
                    };
                    let set = if head.starts_with("GET /set") {
                        "Set-Cookie: who=main; Max-Age=600\r\n"
                    } else {
                        ""
                    };
                    let length = page.len();
                    let _ = write!(
                        stream,
                        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n{set}Content-Length: {length}\r\nConnection: close\r\n\r\n{page}"
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

/// Starts a gateway of each of these profiles.
fn start_gateways<const N: usize>(sandbox: &Sandbox, profiles: [&str; N]) -> [Gateway; N] {
    profiles.map(|profile| Gateway::start(sandbox, profile))
}

/// Waits until no browser runs on a folder.
#[track_caller]
fn wait_for_no_browser_on(folder: &std::path::Path) {
    wait_for("no browser is left", || {
        processes_on(folder).is_empty().then_some(())
    });
}
