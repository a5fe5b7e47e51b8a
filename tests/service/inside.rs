//! Tests of services inside a real user manager, in one home and one network; each test has a profile of its own.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Ran, manager, put_program};

mod browser;
mod node;
mod unreachable_manager;
mod user_lines;

/// The home folder of the user whose manager runs, with the program and the further variables for calls in it.
pub struct UserHome {
    pub path: PathBuf,
    pub vars: Vec<(&'static str, String)>,
    program: PathBuf,
}

/// Returns the answer of the gateway on a port to `/health`; `null` where none answers.
pub fn health(port: u16) -> Value {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(
            stream,
            "GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    let text = ask().unwrap_or_default();
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).unwrap_or(Value::Null)
}

impl UserHome {
    /// Returns the home folder of this process.
    pub fn current() -> Self {
        Self {
            path: std::env::var_os("HOME").expect("HOME").into(),
            vars: Vec::new(),
            program: env!("CARGO_BIN_EXE_openclaw").into(),
        }
    }

    /// Returns the home folder of this process, with a config of a profile on this port.
    pub fn with_config(profile: &str, port: u16) -> Self {
        let home = Self::current();
        Self::write_config(&home.state_dir(profile), port);
        home
    }

    fn state_dir(&self, profile: &str) -> PathBuf {
        self.path.join(if profile == "default" {
            ".openclaw".to_owned()
        } else {
            format!(".openclaw-{profile}")
        })
    }

    fn write_config(state: &std::path::Path, port: u16) {
        std::fs::create_dir_all(state).unwrap();
        let config = json!({"gateway": {"mode": "local", "port": port, "auth": {"mode": "token", "token": "secret-of-this-test"}}});
        std::fs::write(state.join("openclaw.json"), config.to_string()).unwrap();
    }

    /// Returns the command that runs the program for a profile, with the environment of a login.
    pub fn command(&self, profile: &str, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--profile", profile, "--lang", "en"]).args(args);
        command
            .env_clear()
            .env("HOME", &self.path)
            .env("PATH", "/usr/bin:/bin");
        for name in ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(self.vars.iter().cloned());
        command
    }

    /// Runs the program for a profile.
    pub fn run(&self, profile: &str, args: &[&str]) -> Ran {
        let output = self.command(profile, args).output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn unit_name(profile: &str) -> String {
        match profile {
            "default" => "openclaw-gateway.service".to_owned(),
            name => format!("openclaw-gateway-{name}.service"),
        }
    }

    pub fn unit_file(&self, profile: &str) -> PathBuf {
        self.path
            .join(".config/systemd/user")
            .join(Self::unit_name(profile))
    }

    /// Returns a property of a unit.
    pub fn unit_property(unit: &str, property: &str) -> String {
        systemctl(&["show", "--value", "-p", property, unit])
    }

    fn unit_pid(profile: &str) -> String {
        Self::unit_property(&Self::unit_name(profile), "MainPID")
    }
}

/// Waits until a condition holds.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(4);
    while !holds() {
        let units = || systemctl(&["list-units", "openclaw*", "--all"]);
        assert!(Instant::now() < deadline, "never: {what}\n{}", units());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn parse_pid(pid: &str) -> u32 {
    pid.parse().expect("a process number")
}

pub fn systemctl(args: &[&str]) -> String {
    let output = Command::new("systemctl")
        .arg("--user")
        .args(args)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The profiles that run side by side, with their base ports.
const SIDE_BY_SIDE: [(&str, u16); 4] = [
    ("default", 18789),
    ("rescue", 19789),
    ("a-b", 20789),
    ("A_b", 21789),
];

#[test]
#[ignore = "runs inside a user manager"]
fn four_profiles_are_installed_and_run_side_by_side() {
    if !manager::is_inside() {
        return;
    }
    let home = UserHome::current();
    install_side_by_side(&home);
    for (profile, port) in SIDE_BY_SIDE {
        assert_eq!(health(port)["profile"], profile);
        assert_unit_is_valid(&home, profile, port);
    }
    // The survey reads the profiles and ports from the units.
    let listed = home
        .run("default", &["profiles", "list", "--json"])
        .exits(0)
        .json();
    let names: Vec<_> = listed["profiles"].as_array().unwrap().iter().collect();
    for (profile, port) in SIDE_BY_SIDE {
        let found = names.iter().find(|found| found["profile"] == profile).unwrap();
        assert_eq!(
            (&found["serviceFile"], &found["basePort"]),
            (&json!(home.unit_file(profile)), &json!(port))
        );
    }
    assert_services_are_independent(&home);
}

/// Installs the first profile by `onboard` and the others by `gateway install`.
fn install_side_by_side(home: &UserHome) {
    let onboard = [
        "onboard",
        "--non-interactive",
        "--accept-risk",
        "--install-daemon",
        "--json",
        "--gateway-port",
        "18789",
    ];
    let ran = home.run("default", &onboard).exits(0).json();
    assert_eq!(ran["service"]["result"], "installed", "{ran}");
    assert_eq!(ran["service"]["healthy"], true);
    for (profile, port) in &SIDE_BY_SIDE[1..] {
        UserHome::with_config(profile, *port);
        let ran = home
            .run(profile, &["gateway", "install", "--json"])
            .exits(0)
            .json();
        assert_eq!(
            (&ran["result"], &ran["healthy"]),
            (&json!("installed"), &json!(true))
        );
        assert_eq!(ran["service"]["label"], UserHome::unit_name(profile));
    }
}

/// Checks that the unit of a profile starts its gateway, contains no secret, and is valid and enabled for systemd.
fn assert_unit_is_valid(home: &UserHome, profile: &str, port: u16) {
    let file = home.unit_file(profile);
    let text = std::fs::read_to_string(&file).unwrap();
    let start = text.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
    assert!(
        start.ends_with(&format!(" --profile {profile} gateway run --port {port}")),
        "{start}"
    );
    assert_eq!(
        (
            start.matches("--profile").count(),
            start.matches("--port").count()
        ),
        (1, 1)
    );
    assert!(!text.contains("secret-of-this-test"));
    let verified = Command::new("systemd-analyze")
        .args(["--user", "verify"])
        .arg(&file)
        // Programs warn of a locale that is not installed.
        .env_remove("LC_ALL")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&verified.stderr), "", "{profile}");
    assert_eq!(
        UserHome::unit_property(&UserHome::unit_name(profile), "UnitFileState"),
        "enabled"
    );
}

/// Checks that a second installation changes nothing, and that no service is affected by actions on another.
fn assert_services_are_independent(home: &UserHome) {
    let (before, pid) = (
        std::fs::metadata(home.unit_file("a-b")).unwrap(),
        UserHome::unit_pid("a-b"),
    );
    let again = home.run("a-b", &["gateway", "install", "--json"]).exits(0).json();
    assert_eq!(again["result"], "already-installed");
    let after = std::fs::metadata(home.unit_file("a-b")).unwrap();
    assert_eq!(
        (after.ino(), UserHome::unit_pid("a-b")),
        (before.ino(), pid.clone())
    );
    assert_eq!(
        home.run("rescue", &["gateway", "restart", "--json"])
            .exits(0)
            .json()["result"],
        "restarted"
    );
    assert_eq!(UserHome::unit_pid("a-b"), pid);
    // A killed gateway is restarted.
    assert!(
        Command::new("kill")
            .args(["-9", &pid])
            .status()
            .unwrap()
            .success()
    );
    wait_until("a-b is back", || {
        let answer = health(20789);
        answer["ok"] == true && answer["pid"] != parse_pid(&pid)
    });
    // The environment of the default instance does not redirect a command for another profile.
    let mut foreign = UserHome::current();
    foreign.vars = vec![
        ("OPENCLAW_PROFILE", "default".to_owned()),
        (
            "OPENCLAW_STATE_DIR",
            home.state_dir("default").display().to_string(),
        ),
        ("OPENCLAW_SYSTEMD_UNIT", "openclaw-gateway.service".to_owned()),
        ("OPENCLAW_SERVICE_MARKER", "openclaw".to_owned()),
    ];
    let default_pid = UserHome::unit_pid("default");
    let _ = foreign.run("A_b", &["gateway", "stop"]).exits(0);
    assert_eq!(
        (UserHome::unit_pid("A_b").as_str(), UserHome::unit_pid("default")),
        ("0", default_pid)
    );
}

#[test]
#[ignore = "runs inside a user manager"]
fn service_with_a_broken_config_stays_down_and_starts_once_it_is_mended() {
    if !manager::is_inside() {
        return;
    }
    let home = UserHome::with_config("broken", 23000);
    let _ = home.run("broken", &["gateway", "install"]).exits(0);
    let config = home.state_dir("broken").join("openclaw.json");
    let good = std::fs::read(&config).unwrap();
    std::fs::write(&config, "{gateway: {").unwrap();
    let ran = home.run("broken", &["gateway", "restart", "--json"]).exits(78);
    assert_eq!(ran.json()["code"], "service.did-not-start");
    let unit = UserHome::unit_name("broken");
    assert_eq!(UserHome::unit_property(&unit, "NRestarts"), "0");
    assert_eq!(UserHome::unit_property(&unit, "ActiveState"), "failed");
    assert_eq!(UserHome::unit_property(&unit, "ExecMainStatus"), "78");
    let status = ["gateway", "status", "--json"];
    let service = || home.run("broken", &status).exits(1).json()["service"].take();
    // Lines appear in the journal with a delay.
    wait_until("its last log lines are reported", || {
        service()["lastLines"].to_string().contains("openclaw.json")
    });
    let runtime = service()["runtime"].take();
    let expected = (&json!("gave-up"), &json!(78));
    assert_eq!((&runtime["status"], &runtime["lastExitStatus"]), expected);
    assert!(runtime["since"].is_string(), "{runtime}");
    let shown = home.run("broken", &["gateway", "status"]).exits(1).stdout;
    assert!(
        shown.contains("openclaw-gateway-broken.service, gave up ("),
        "{shown}"
    );
    assert!(shown.contains("Last output:"), "{shown}");
    std::fs::write(&config, good).unwrap();
    let _ = home.run("broken", &["gateway", "start"]).exits(0);
    wait_until("broken is well", || health(23000)["profile"] == "broken");
}

#[test]
#[ignore = "runs inside a user manager"]
fn restart_from_within_the_service_survives_its_caller() {
    if !manager::is_inside() {
        return;
    }
    let home = UserHome::with_config("within", 25000);
    let _ = home.run("within", &["gateway", "install"]).exits(0);
    let pid = UserHome::unit_pid("within");
    // The command of a reload is a child process in the group of the service.
    let folder = home.unit_file("within").with_extension("service.d");
    std::fs::create_dir_all(&folder).unwrap();
    let program = env!("CARGO_BIN_EXE_openclaw");
    let text = format!("[Service]\nExecReload=\"{program}\" --profile within gateway restart\n");
    std::fs::write(folder.join("mine.conf"), text).unwrap();
    systemctl(&["daemon-reload"]);
    systemctl(&["reload", "--no-block", &UserHome::unit_name("within")]);
    wait_until("it is back", || {
        let answer = health(25000);
        answer["profile"] == "within" && answer["pid"] != parse_pid(&pid)
    });
}

#[test]
#[ignore = "runs inside a user manager"]
fn installation_that_does_not_come_up_is_rolled_back() {
    if !manager::is_inside() {
        return;
    }
    let home = UserHome::with_config("back", 26000);
    let _ = home.run("back", &["gateway", "install"]).exits(0);
    let before = std::fs::read(home.unit_file("back")).unwrap();
    let held = TcpListener::bind("127.0.0.1:26500").unwrap();
    let ran = home.run("back", &["gateway", "install", "--port", "26500"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    drop(held);
    assert_eq!(std::fs::read(home.unit_file("back")).unwrap(), before);
    wait_until("the old one is back", || health(26000)["profile"] == "back");
    let ran = home
        .run("back", &["gateway", "install", "--port", "26500", "--json"])
        .exits(0);
    assert_eq!(ran.json()["port"], 26500);
    assert_eq!(health(26500)["profile"], "back");
    // The service pins the port, so that a restart does not follow the config, and says so.
    let ran = home.run("back", &["gateway", "restart"]).exits(0);
    for part in ["26500", "26000", "--profile back gateway install"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
}

#[test]
#[ignore = "runs inside a user manager"]
fn uninstalling_leaves_no_file_and_a_foreground_gateway_prevents_installing() {
    if !manager::is_inside() {
        return;
    }
    let home = UserHome::with_config("gone", 27000);
    let _ = home.run("gone", &["gateway", "install"]).exits(0);
    assert_eq!(
        home.run("gone", &["gateway", "uninstall", "--json"])
            .exits(0)
            .json()["result"],
        "uninstalled"
    );
    let left = Command::new("find")
        .arg(home.path.join(".config"))
        .args(["-name", "*gone*"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
    assert_eq!(
        UserHome::unit_property(&UserHome::unit_name("gone"), "LoadState"),
        "not-found"
    );
    assert_eq!(health(27000), Value::Null);
    assert_eq!(
        home.run("gone", &["gateway", "uninstall", "--json"])
            .exits(0)
            .json()["result"],
        "not-loaded"
    );
    let ran = home.run("gone", &["gateway", "start", "--json"]).exits(1);
    assert_eq!(ran.json()["code"], "service.not-installed");

    let mut foreground = Command::new(env!("CARGO_BIN_EXE_openclaw"))
        .args(["--profile", "gone", "gateway", "run"])
        .spawn()
        .unwrap();
    wait_until("the foreground runs", || health(27000)["profile"] == "gone");
    let ran = home.run("gone", &["gateway", "install", "--json"]);
    foreground.kill().unwrap();
    foreground.wait().unwrap();
    assert_eq!(ran.exits(1).json()["code"], "service.foreground");
    assert!(!home.unit_file("gone").exists());
}

#[test]
#[ignore = "runs inside a user manager"]
fn service_with_odd_paths_runs_and_another_home_is_refused() {
    if !manager::is_inside() {
        return;
    }
    let mut home = UserHome::current();
    let folder = home.path.join("50% of $HOME şç");
    std::fs::create_dir_all(&folder).unwrap();
    home.program = folder.join("openclaw");
    put_program(env!("CARGO_BIN_EXE_openclaw"), &home.program);
    let state = home.path.join("my \"odd\" %h $x `y` \\z ş");
    UserHome::write_config(&state, 28000);
    home.vars = vec![
        ("OPENCLAW_PROFILE", "odd".to_owned()),
        ("OPENCLAW_STATE_DIR", state.display().to_string()),
        // As under `sudo -u`: neither the runtime folder nor the bus is known.
        ("XDG_RUNTIME_DIR", String::new()),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere".to_owned()),
    ];
    let ran = home.run("odd", &["gateway", "install", "--json"]).exits(0);
    assert_eq!(ran.json()["healthy"], true);
    assert_eq!(health(28000)["profile"], "odd");
    let exe = std::fs::read_link(format!("/proc/{}/exe", UserHome::unit_pid("odd"))).unwrap();
    assert_eq!(exe, home.program);
    let environ = std::fs::read_to_string(format!("/proc/{}/environ", UserHome::unit_pid("odd"))).unwrap();
    assert!(
        environ.contains(&format!("OPENCLAW_STATE_DIR={}\0", state.display())),
        "{environ:?}"
    );
    assert_eq!(
        home.run("odd", &["gateway", "install", "--json"]).exits(0).json()["result"],
        "already-installed"
    );

    let mut other = UserHome::current();
    other.path = home.path.join("elsewhere");
    UserHome::write_config(&other.path.join(".openclaw-rescue"), 28500);
    let ran = other.run("rescue", &["gateway", "install", "--json"]).exits(1);
    assert_eq!(ran.json()["code"], "service.other-home");
    assert!(!other.path.join(".config").exists());
}
