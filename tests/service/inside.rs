//! Inside a real user manager: one home, one network, a profile of its own for each test.

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
mod unasked;

/// The home of this run's user, and the program in it.
pub struct World {
    pub home: PathBuf,
    vars: Vec<(&'static str, String)>,
    program: PathBuf,
}

/// What a gateway says of itself; `null` where none answers.
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

impl World {
    pub fn here() -> Self {
        Self {
            home: std::env::var_os("HOME").expect("HOME").into(),
            vars: Vec::new(),
            program: env!("CARGO_BIN_EXE_openclaw").into(),
        }
    }

    /// With the config of a profile, on this port.
    pub fn with(profile: &str, port: u16) -> Self {
        let world = Self::here();
        Self::config(&world.state(profile), port);
        world
    }

    fn state(&self, profile: &str) -> PathBuf {
        self.home.join(if profile == "default" {
            ".openclaw".to_owned()
        } else {
            format!(".openclaw-{profile}")
        })
    }

    fn config(state: &std::path::Path, port: u16) {
        std::fs::create_dir_all(state).unwrap();
        let config = json!({"gateway": {"mode": "local", "port": port, "auth": {"mode": "token", "token": "secret-of-this-test"}}});
        std::fs::write(state.join("openclaw.json"), config.to_string()).unwrap();
    }

    /// The program for a profile, with nothing but what a login gives it.
    pub fn command(&self, profile: &str, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--profile", profile, "--lang", "en"]).args(args);
        command
            .env_clear()
            .env("HOME", &self.home)
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

    pub fn unit(profile: &str) -> String {
        match profile {
            "default" => "openclaw-gateway.service".to_owned(),
            name => format!("openclaw-gateway-{name}.service"),
        }
    }

    pub fn file(&self, profile: &str) -> PathBuf {
        self.home.join(".config/systemd/user").join(Self::unit(profile))
    }

    /// A property of a unit.
    pub fn show(unit: &str, property: &str) -> String {
        systemctl(&["show", "--value", "-p", property, unit])
    }

    fn pid(profile: &str) -> String {
        Self::show(&Self::unit(profile), "MainPID")
    }

    #[track_caller]
    pub fn until(what: &str, mut is: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_mins(4);
        while !is() {
            let units = || systemctl(&["list-units", "openclaw*", "--all"]);
            assert!(Instant::now() < deadline, "never: {what}\n{}", units());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn number(pid: &str) -> u32 {
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

#[test]
#[ignore = "runs inside a user manager"]
fn four_profiles_side_by_side() {
    if !manager::is_inside() {
        return;
    }
    let world = World::here();
    let onboard = [
        "onboard",
        "--non-interactive",
        "--accept-risk",
        "--install-daemon",
        "--json",
        "--gateway-port",
    ];
    let ran = world
        .run("default", &[&onboard[..], &["18789"]].concat())
        .exits(0)
        .json();
    assert_eq!(ran["service"]["result"], "installed", "{ran}");
    assert_eq!(ran["service"]["healthy"], true);
    let profiles = [
        ("default", 18789),
        ("rescue", 19789),
        ("a-b", 20789),
        ("A_b", 21789),
    ];
    for (profile, port) in &profiles[1..] {
        World::with(profile, *port);
        let ran = world
            .run(profile, &["gateway", "install", "--json"])
            .exits(0)
            .json();
        assert_eq!(
            (&ran["result"], &ran["healthy"]),
            (&json!("installed"), &json!(true))
        );
        assert_eq!(ran["service"]["label"], World::unit(profile));
    }
    for (profile, port) in profiles {
        assert_eq!(health(port)["profile"], profile);
        let file = world.file(profile);
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
            // A locale that this machine lacks is complained of by the programs that it starts.
            .env_remove("LC_ALL")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&verified.stderr), "", "{profile}");
        assert_eq!(World::show(&World::unit(profile), "UnitFileState"), "enabled");
    }
    // The survey knows the units by what they say.
    let listed = world
        .run("default", &["profiles", "list", "--json"])
        .exits(0)
        .json();
    let names: Vec<_> = listed["profiles"].as_array().unwrap().iter().collect();
    for (profile, port) in profiles {
        let found = names.iter().find(|found| found["profile"] == profile).unwrap();
        assert_eq!(
            (&found["serviceFile"], &found["basePort"]),
            (&json!(world.file(profile)), &json!(port))
        );
    }
    beside_each_other(&world);
}

/// The same again changes nothing; the others never notice what is done to one.
fn beside_each_other(world: &World) {
    let (before, pid) = (std::fs::metadata(world.file("a-b")).unwrap(), World::pid("a-b"));
    let again = world
        .run("a-b", &["gateway", "install", "--json"])
        .exits(0)
        .json();
    assert_eq!(again["result"], "already-installed");
    let after = std::fs::metadata(world.file("a-b")).unwrap();
    assert_eq!((after.ino(), World::pid("a-b")), (before.ino(), pid.clone()));
    assert_eq!(
        world
            .run("rescue", &["gateway", "restart", "--json"])
            .exits(0)
            .json()["result"],
        "restarted"
    );
    assert_eq!(World::pid("a-b"), pid);
    // kill -9, and it is back.
    assert!(
        Command::new("kill")
            .args(["-9", &pid])
            .status()
            .unwrap()
            .success()
    );
    World::until("a-b is back", || {
        let said = health(20789);
        said["ok"] == true && said["pid"] != number(&pid)
    });
    // By another environment's words no other profile is touched: inside main, rescue is named.
    let mut foreign = World::here();
    foreign.vars = vec![
        ("OPENCLAW_PROFILE", "default".to_owned()),
        ("OPENCLAW_STATE_DIR", world.state("default").display().to_string()),
        ("OPENCLAW_SYSTEMD_UNIT", "openclaw-gateway.service".to_owned()),
        ("OPENCLAW_SERVICE_MARKER", "openclaw".to_owned()),
    ];
    let main = World::pid("default");
    let _ = foreign.run("A_b", &["gateway", "stop"]).exits(0);
    assert_eq!((World::pid("A_b").as_str(), World::pid("default")), ("0", main));
}

#[test]
#[ignore = "runs inside a user manager"]
fn a_broken_config_stays_down_and_starts_once_it_is_mended() {
    if !manager::is_inside() {
        return;
    }
    let world = World::with("broken", 23000);
    let _ = world.run("broken", &["gateway", "install"]).exits(0);
    let config = world.state("broken").join("openclaw.json");
    let good = std::fs::read(&config).unwrap();
    std::fs::write(&config, "{gateway: {").unwrap();
    let ran = world.run("broken", &["gateway", "restart", "--json"]).exits(78);
    assert_eq!(ran.json()["code"], "service.did-not-start");
    let unit = World::unit("broken");
    assert_eq!(World::show(&unit, "NRestarts"), "0");
    assert_eq!(World::show(&unit, "ActiveState"), "failed");
    assert_eq!(World::show(&unit, "ExecMainStatus"), "78");
    let status = ["gateway", "status", "--json"];
    let told = || world.run("broken", &status).exits(1).json()["service"].take();
    // The journal takes its time.
    World::until("its last words are told", || {
        told()["lastLines"].to_string().contains("openclaw.json")
    });
    let runtime = told()["runtime"].take();
    let expected = (&json!("gave-up"), &json!(78));
    assert_eq!((&runtime["status"], &runtime["lastExitStatus"]), expected);
    assert!(runtime["since"].is_string(), "{runtime}");
    let shown = world.run("broken", &["gateway", "status"]).exits(1).stdout;
    assert!(
        shown.contains("openclaw-gateway-broken.service, gave up ("),
        "{shown}"
    );
    assert!(shown.contains("Last output:"), "{shown}");
    std::fs::write(&config, good).unwrap();
    let _ = world.run("broken", &["gateway", "start"]).exits(0);
    World::until("broken is well", || health(23000)["profile"] == "broken");
}

#[test]
#[ignore = "runs inside a user manager"]
fn a_restart_asked_for_from_inside_survives_its_caller() {
    if !manager::is_inside() {
        return;
    }
    let world = World::with("within", 25000);
    let _ = world.run("within", &["gateway", "install"]).exits(0);
    let pid = World::pid("within");
    // What a reload runs is a child in the service's own group.
    let folder = world.file("within").with_extension("service.d");
    std::fs::create_dir_all(&folder).unwrap();
    let program = env!("CARGO_BIN_EXE_openclaw");
    let text = format!("[Service]\nExecReload=\"{program}\" --profile within gateway restart\n");
    std::fs::write(folder.join("mine.conf"), text).unwrap();
    systemctl(&["daemon-reload"]);
    systemctl(&["reload", "--no-block", &World::unit("within")]);
    World::until("it is back", || {
        let said = health(25000);
        said["profile"] == "within" && said["pid"] != number(&pid)
    });
}

#[test]
#[ignore = "runs inside a user manager"]
fn a_new_one_that_does_not_come_up_brings_the_old_one_back() {
    if !manager::is_inside() {
        return;
    }
    let world = World::with("back", 26000);
    let _ = world.run("back", &["gateway", "install"]).exits(0);
    let before = std::fs::read(world.file("back")).unwrap();
    let held = TcpListener::bind("127.0.0.1:26500").unwrap();
    let ran = world.run("back", &["gateway", "install", "--port", "26500"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    drop(held);
    assert_eq!(std::fs::read(world.file("back")).unwrap(), before);
    World::until("the old one is back", || health(26000)["profile"] == "back");
    let ran = world
        .run("back", &["gateway", "install", "--port", "26500", "--json"])
        .exits(0);
    assert_eq!(ran.json()["port"], 26500);
    assert_eq!(health(26500)["profile"], "back");
}

#[test]
#[ignore = "runs inside a user manager"]
fn uninstalling_leaves_nothing_and_a_gateway_in_the_foreground_is_named() {
    if !manager::is_inside() {
        return;
    }
    let world = World::with("gone", 27000);
    let _ = world.run("gone", &["gateway", "install"]).exits(0);
    assert_eq!(
        world
            .run("gone", &["gateway", "uninstall", "--json"])
            .exits(0)
            .json()["result"],
        "uninstalled"
    );
    let left = Command::new("find")
        .arg(world.home.join(".config"))
        .args(["-name", "*gone*"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
    assert_eq!(World::show(&World::unit("gone"), "LoadState"), "not-found");
    assert_eq!(health(27000), Value::Null);
    assert_eq!(
        world
            .run("gone", &["gateway", "uninstall", "--json"])
            .exits(0)
            .json()["result"],
        "not-loaded"
    );
    let ran = world.run("gone", &["gateway", "start", "--json"]).exits(1);
    assert_eq!(ran.json()["code"], "service.not-installed");

    let mut foreground = Command::new(env!("CARGO_BIN_EXE_openclaw"))
        .args(["--profile", "gone", "gateway", "run"])
        .spawn()
        .unwrap();
    World::until("the foreground runs", || health(27000)["profile"] == "gone");
    let ran = world.run("gone", &["gateway", "install", "--json"]);
    foreground.kill().unwrap();
    foreground.wait().unwrap();
    assert_eq!(ran.exits(1).json()["code"], "service.foreground");
    assert!(!world.file("gone").exists());
}

#[test]
#[ignore = "runs inside a user manager"]
fn odd_paths_another_home_and_a_shell_without_a_runtime_folder() {
    if !manager::is_inside() {
        return;
    }
    let mut world = World::here();
    let folder = world.home.join("50% of $HOME şç");
    std::fs::create_dir_all(&folder).unwrap();
    world.program = folder.join("openclaw");
    put_program(env!("CARGO_BIN_EXE_openclaw"), &world.program);
    let state = world.home.join("my \"odd\" %h $x `y` \\z ş");
    World::config(&state, 28000);
    world.vars = vec![
        ("OPENCLAW_PROFILE", "odd".to_owned()),
        ("OPENCLAW_STATE_DIR", state.display().to_string()),
        // As under `sudo -u`: neither the folder nor the bus is known.
        ("XDG_RUNTIME_DIR", String::new()),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere".to_owned()),
    ];
    let ran = world.run("odd", &["gateway", "install", "--json"]).exits(0);
    assert_eq!(ran.json()["healthy"], true);
    assert_eq!(health(28000)["profile"], "odd");
    let exe = std::fs::read_link(format!("/proc/{}/exe", World::pid("odd"))).unwrap();
    assert_eq!(exe, world.program);
    let environ = std::fs::read_to_string(format!("/proc/{}/environ", World::pid("odd"))).unwrap();
    assert!(
        environ.contains(&format!("OPENCLAW_STATE_DIR={}\0", state.display())),
        "{environ:?}"
    );
    assert_eq!(
        world
            .run("odd", &["gateway", "install", "--json"])
            .exits(0)
            .json()["result"],
        "already-installed"
    );

    let mut other = World::here();
    other.home = world.home.join("elsewhere");
    World::config(&other.home.join(".openclaw-rescue"), 28500);
    let ran = other.run("rescue", &["gateway", "install", "--json"]).exits(1);
    assert_eq!(ran.json()["code"], "service.other-home");
    assert!(!other.home.join(".config").exists());
}
