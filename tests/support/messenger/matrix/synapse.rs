//! Synapse from `PyPI`: one homeserver for all tests of this process, with its data in memory. Tests in a user manager use
//! that of the process which started them.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::relay;
use crate::support::{Reason, skipped};

/// Name of the homeserver in ids.
pub const SERVER_NAME: &str = "localhost";
/// The version that `scripts/test` installs.
const VERSION: &str = "1.163.2";
/// The environment variable with the folder in which the homeserver of another process has its socket.
pub const SHARED_FOLDER_VARIABLE: &str = "OPENCLAW_TEST_HOMESERVER";
/// Name of the socket in that folder.
const SOCKET: &str = "homeserver";
/// The address of every client, which Synapse wants to know of one that connects to a socket.
pub const CLIENT_ADDRESS: (&str, &str) = ("X-Forwarded-For", "127.0.0.1");
/// Maximum time of a call: longer than a sync waits for an event.
const CALL_TIMEOUT: Duration = Duration::from_mins(2);
/// The key of the homeserver, which nobody else checks.
const SIGNING_KEY: &str = "ed25519 a_test AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
/// Runs Synapse until its standard input ends, so that it does not outlive the test process.
const LAUNCHER: &str = "
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from synapse.app.homeserver import main
main()
";

/// A running homeserver.
pub struct Synapse {
    url: String,
    /// The process and its folder; `None` for a homeserver of another process. Their end would be that of the homeserver.
    own: Option<(Child, TempDir)>,
}

/// Returns the homeserver of this process, which the first call starts; `None` where Synapse is not installed.
#[track_caller]
pub fn get() -> Option<&'static Synapse> {
    static SYNAPSE: OnceLock<Option<Synapse>> = OnceLock::new();
    let synapse = SYNAPSE.get_or_init(|| match std::env::var_os(SHARED_FOLDER_VARIABLE) {
        Some(folder) => Some(Synapse::of_another_process(Path::new(&folder))),
        None => python().map(|python| Synapse::start(&python)),
    });
    if synapse.is_none() {
        skipped(
            Reason::NoProgram("synapse_homeserver"),
            "scripts/test installs it",
        );
    }
    synapse.as_ref()
}

/// Returns the Python of the virtual environment that `scripts/test` makes; `None` where there is none.
fn python() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    let bin = cache.join(format!("openclaw-tests/synapse-{VERSION}/bin"));
    bin.join("synapse_homeserver")
        .exists()
        .then(|| bin.join("python"))
}

/// Returns the folder with the socket, in the folder of a homeserver.
fn shared_folder(folder: &TempDir) -> PathBuf {
    folder.path().join("shared")
}

/// Writes the config of a homeserver and what it names, and returns its path.
fn write_config(folder: &TempDir) -> String {
    let shared = shared_folder(folder);
    std::fs::create_dir(&shared).expect("a folder");
    // The file modes of the socket's folder are those that another user needs to reach it.
    std::fs::set_permissions(&shared, PermissionsExt::from_mode(0o755)).expect("its mode");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let write =
        |name: &str, document: &Value| std::fs::write(path(name), document.to_string()).expect("a file");
    // JSON is YAML. Only the line with the port is wanted, and warnings.
    write(
        "log.yaml",
        &json!({
            "version": 1, "disable_existing_loggers": false,
            "handlers": {"out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}},
            "root": {"level": "WARNING", "handlers": ["out"]}, "loggers": {"twisted": {"level": "INFO"}}
        }),
    );
    std::fs::write(path("signing.key"), SIGNING_KEY).expect("a file");
    let resources = json!([{"names": ["client"], "compress": false}]);
    let no_limit = json!({"per_second": 10_000, "burst_count": 10_000});
    write(
        "homeserver.yaml",
        &json!({
            "server_name": SERVER_NAME, "pid_file": path("pid"), "log_config": path("log.yaml"),
            "signing_key_path": path("signing.key"), "media_store_path": path("media"), "report_stats": false,
            // The port is told after the socket is there.
            "listeners": [
                {"path": shared.join(SOCKET), "type": "http", "resources": resources},
                {"bind_addresses": ["127.0.0.1"], "port": 0, "type": "http", "tls": false, "resources": resources}
            ],
            "database": {"name": "sqlite3", "args": {"database": ":memory:"}},
            "macaroon_secret_key": "m", "form_secret": "f", "bcrypt_rounds": 4, "trusted_key_servers": [],
            "suppress_key_server_warning": true, "enable_registration": true,
            "enable_registration_without_verification": true, "rc_message": no_limit, "rc_registration": no_limit,
            "rc_login": {"address": no_limit, "account": no_limit}, "rc_invites": {"per_user": no_limit, "per_issuer": no_limit},
            "rc_joins": {"local": no_limit}, "rc_room_creation": no_limit, "presence": {"enabled": false}
        }),
    );
    path("homeserver.yaml")
}

/// Returns the agent of every call.
pub fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.timeout_global(Some(CALL_TIMEOUT)).build().into()
}

impl Synapse {
    /// Returns the homeserver of another process, which is not in the network of this one.
    fn of_another_process(folder: &Path) -> Self {
        Self {
            url: format!("http://{}", relay::start(&folder.join(SOCKET))),
            own: None,
        }
    }

    /// Starts a homeserver and waits until it listens.
    fn start(python: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = write_config(&folder);
        let mut process = Command::new(python)
            .args(["-c", LAUNCHER, "-c", &config])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let mut lines = lines.map_while(Result::ok);
        let mut seen = Vec::new();
        let port = lines.find_map(|line| {
            let port = line.split_once("starting on ").map(|(_, port)| port.trim());
            let port = port.and_then(|port| port.parse::<u16>().ok());
            seen.push(line);
            port
        });
        let port = port.unwrap_or_else(|| panic!("it ended: {seen:#?}"));
        // Nobody would read what it prints otherwise, and it would wait.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            url: format!("http://127.0.0.1:{port}"),
            own: Some((process, folder)),
        }
    }

    /// Returns the folder by which other processes reach the homeserver, whatever network they are in.
    ///
    /// # Panics
    /// Where it is that of another process itself.
    pub fn shared_folder(&self) -> PathBuf {
        let (_, folder) = self.own.as_ref().expect("a homeserver of this process");
        shared_folder(folder)
    }

    /// Returns the end of the names that this process registers: two processes may share the homeserver.
    pub fn suffix(&self) -> &'static str {
        if self.own.is_some() { "" } else { "-inside" }
    }

    /// Returns the base of URLs.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Calls the client API, with an access token where that is not empty.
    ///
    /// # Panics
    /// Where the call is refused.
    #[track_caller]
    pub fn call(&self, token: &str, method: &str, path: &str, content: &Value) -> Value {
        let request = http::Request::builder().method(method);
        let mut request = request.uri(format!("{}/_matrix/client/v3{path}", self.url));
        request = request.header(CLIENT_ADDRESS.0, CLIENT_ADDRESS.1);
        if !token.is_empty() {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let body = if content.is_null() {
            String::new()
        } else {
            content.to_string()
        };
        let mut response = agent()
            .run(request.body(body).expect("a request"))
            .expect("an answer");
        let answer = response.body_mut().read_to_string().expect("a body");
        assert!(response.status().is_success(), "{method} {path}: {answer}");
        serde_json::from_str(&answer).expect("JSON")
    }

    /// Registers somebody, and returns id and access token.
    pub fn register(&self, name: &str) -> (String, String) {
        let wish = json!({"username": name, "password": "secret", "auth": {"type": "m.login.dummy"}});
        let made = self.call("", "POST", "/register", &wish);
        let [id, token] =
            ["user_id", "access_token"].map(|field| made[field].as_str().expect("a text").to_owned());
        (id, token)
    }
}
