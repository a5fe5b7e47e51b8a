//! A target with a service of its own, and the rescuer, whose process must never change.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::Ran;

pub const RESCUER: Target = Target {
    profile: "rescue",
    port: 19789,
};
pub const BROKEN: &str = "{ \"gateway\": ";

pub fn home() -> PathBuf {
    std::env::var_os("HOME").expect("HOME").into()
}

pub fn command(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).env_clear().env("HOME", home());
    command.env("PATH", "/usr/bin:/bin");
    for name in ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

pub fn run_with(program: &Path, args: &[&str]) -> Ran {
    let output = command(program, args).output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn run(args: &[&str]) -> Ran {
    run_with(Path::new(env!("CARGO_BIN_EXE_openclaw")), args)
}

pub fn systemctl(args: &[&str]) -> String {
    let mut command = Command::new("systemctl");
    let output = command.arg("--user").args(args).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[track_caller]
pub fn until(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// From now on this process does nothing.
#[track_caller]
pub fn freeze(pid: &str) {
    let frozen = Command::new("kill").args(["-STOP", pid]).status().unwrap();
    assert!(frozen.success());
}

/// A rescuer as a service; the process that it is.
pub fn rescuer() -> &'static str {
    static PID: OnceLock<String> = OnceLock::new();
    PID.get_or_init(|| {
        Target::new(RESCUER.profile, RESCUER.port).up(Path::new(env!("CARGO_BIN_EXE_openclaw")));
        RESCUER.pid()
    })
}

/// One instance and its service.
pub struct Target {
    pub profile: &'static str,
    pub port: u16,
}

impl Target {
    pub fn new(profile: &'static str, port: u16) -> Self {
        let target = Self { profile, port };
        std::fs::create_dir_all(target.state()).unwrap();
        target.write(&target.good().to_string());
        target
    }

    /// With its service installed by this program, and well for long enough that its config counts as good.
    pub fn up(self, program: &Path) -> Self {
        let args = ["--profile", self.profile, "gateway", "install", "--json"];
        let ran = run_with(program, &args).exits(0);
        assert_eq!(ran.json()["healthy"], true);
        self.settled()
    }

    pub fn installed(profile: &'static str, port: u16) -> Self {
        rescuer();
        Self::new(profile, port).up(Path::new(env!("CARGO_BIN_EXE_openclaw")))
    }

    pub fn settled(self) -> Self {
        let kept = self.config().with_extension("json.last-good");
        until("its config is kept", || kept.exists());
        self
    }

    pub fn good(&self) -> Value {
        let auth = json!({"mode": "token", "token": "secret-of-this-test"});
        json!({"gateway": {"mode": "local", "port": self.port, "auth": auth}})
    }

    pub fn state(&self) -> PathBuf {
        match self.profile {
            "default" => home().join(".openclaw"),
            name => home().join(format!(".openclaw-{name}")),
        }
    }

    pub fn config(&self) -> PathBuf {
        self.state().join("openclaw.json")
    }

    pub fn write(&self, text: &str) {
        std::fs::write(self.config(), text).unwrap();
    }

    pub fn unit(&self) -> String {
        match self.profile {
            "default" => "openclaw-gateway.service".to_owned(),
            name => format!("openclaw-gateway-{name}.service"),
        }
    }

    pub fn file(&self) -> PathBuf {
        home().join(".config/systemd/user").join(self.unit())
    }

    pub fn pid(&self) -> String {
        systemctl(&["show", "--value", "-p", "MainPID", &self.unit()])
    }

    pub fn stop(&self) {
        systemctl(&["stop", &self.unit()]);
    }

    /// Stops it, and lets its manager forget it.
    pub fn forgotten(&self) {
        self.stop();
        std::fs::remove_file(self.file()).unwrap();
        systemctl(&["daemon-reload"]);
    }

    #[track_caller]
    pub fn diagnosed(&self, cause: &str) -> Value {
        let args = [
            "--profile",
            "rescue",
            "rescue",
            "diagnose",
            self.profile,
            "--json",
        ];
        let said = run(&args).exits(1).json();
        assert_eq!(said["causes"][0]["id"], cause, "{said:#}");
        said
    }

    /// What the rescuer runs to repair it.
    pub fn repair(&self) -> [&'static str; 7] {
        let profile = self.profile;
        [
            "--profile",
            "rescue",
            "rescue",
            "repair",
            profile,
            "--yes",
            "--json",
        ]
    }

    /// However often that was done lately.
    pub fn forced(&self) -> Vec<&'static str> {
        [&self.repair()[..], &["--force"]].concat()
    }

    /// Diagnosed, and repaired by this step: it is well, and the rescuer never noticed.
    #[track_caller]
    pub fn repaired(&self, cause: &str, step: &str) -> Value {
        let before = rescuer();
        self.diagnosed(cause);
        let said = run(&self.repair()).exits(0).json();
        let tried = said["tried"].as_array().unwrap();
        assert_eq!(tried.last().unwrap()["id"], step, "{said:#}");
        assert_eq!((&said["healthy"], &said["ok"]), (&json!(true), &json!(true)));
        let _ = run(&["--profile", self.profile, "gateway", "status"]).exits(0);
        assert_eq!(RESCUER.pid(), before);
        // What was started belongs to its own service, not to the rescuer's.
        let group = std::fs::read_to_string(format!("/proc/{}/cgroup", self.pid())).unwrap();
        assert!(group.contains(&self.unit()), "{group}");
        said
    }

    /// Diagnosed, left alone to the last byte, and the way out told.
    #[track_caller]
    pub fn left_alone(&self, cause: &str) -> Value {
        self.diagnosed(cause);
        let standing = || (files(&self.state()), std::fs::read(self.file()).ok());
        let before = standing();
        let said = run(&self.repair()).exits(1).json();
        assert_eq!(said["steps"], json!([]), "{said:#}");
        assert!(said["causes"][0]["byHand"].is_string(), "{said:#}");
        assert!(standing() == before, "{said:#}");
        said
    }
}

/// The files of a folder and what is in them.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => folders.push(entry.path()),
                _ => found.push((entry.path(), std::fs::read(entry.path()).unwrap_or_default())),
            }
        }
    }
    found.sort();
    found
}
