//! Targets with a service of their own, and the rescuer, whose process must never change.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::Ran;
use crate::support::gateway::wait_for;

pub const RESCUER: Target = Target {
    profile: "rescue",
    port: 19789,
};
/// A config that ends in the middle.
pub const BROKEN_CONFIG: &str = "{ \"gateway\": ";

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

/// Runs a drill once no other test's repair is under way: all of them share one home folder.
pub fn run_alone(args: &[&str]) -> Ran {
    wait_for("an end of the other repairs", || {
        let ran = run(args);
        (!ran.stdout.contains("rescue.drill-busy")).then_some(ran)
    })
}

pub fn systemctl(args: &[&str]) -> String {
    let mut command = Command::new("systemctl");
    let output = command.arg("--user").args(args).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Suspends a process.
#[track_caller]
pub fn suspend(pid: &str) {
    let status = Command::new("kill").args(["-STOP", pid]).status().unwrap();
    assert!(status.success());
}

/// Installs the rescuer as a service once, and returns its process.
pub fn rescuer_pid() -> &'static str {
    static PID: OnceLock<String> = OnceLock::new();
    PID.get_or_init(|| {
        Target::new(RESCUER.profile, RESCUER.port).install_with(Path::new(env!("CARGO_BIN_EXE_openclaw")));
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
        std::fs::create_dir_all(target.state_dir()).unwrap();
        target.write_config(&target.good_config().to_string());
        target
    }

    /// Installs the service with this program, and waits until the config counts as good.
    pub fn install_with(self, program: &Path) -> Self {
        let args = ["--profile", self.profile, "gateway", "install", "--json"];
        let ran = run_with(program, &args).exits(0);
        assert_eq!(ran.json()["healthy"], true);
        self.wait_for_last_good()
    }

    /// Returns a target whose service is installed and healthy, beside the rescuer.
    pub fn install(profile: &'static str, port: u16) -> Self {
        rescuer_pid();
        Self::new(profile, port).install_with(Path::new(env!("CARGO_BIN_EXE_openclaw")))
    }

    /// Waits until the config is saved as the last good one.
    pub fn wait_for_last_good(self) -> Self {
        let saved = self.config_path().with_extension("json.last-good");
        wait_until("its config is saved", || saved.exists());
        self
    }

    pub fn good_config(&self) -> Value {
        let auth = json!({"mode": "token", "token": "secret-of-this-test"});
        json!({"gateway": {"mode": "local", "port": self.port, "auth": auth}})
    }

    pub fn state_dir(&self) -> PathBuf {
        match self.profile {
            "default" => home().join(".openclaw"),
            name => home().join(format!(".openclaw-{name}")),
        }
    }

    pub fn config_path(&self) -> PathBuf {
        self.state_dir().join("openclaw.json")
    }

    pub fn write_config(&self, text: &str) {
        std::fs::write(self.config_path(), text).unwrap();
    }

    pub fn unit_name(&self) -> String {
        match self.profile {
            "default" => "openclaw-gateway.service".to_owned(),
            name => format!("openclaw-gateway-{name}.service"),
        }
    }

    pub fn unit_file(&self) -> PathBuf {
        home().join(".config/systemd/user").join(self.unit_name())
    }

    pub fn pid(&self) -> String {
        systemctl(&["show", "--value", "-p", "MainPID", &self.unit_name()])
    }

    pub fn stop(&self) {
        systemctl(&["stop", &self.unit_name()]);
    }

    /// Stops the service and removes its file.
    pub fn remove_service(&self) {
        self.stop();
        std::fs::remove_file(self.unit_file()).unwrap();
        systemctl(&["daemon-reload"]);
    }

    /// Checks that the rescuer finds this cause first, and returns the diagnosis.
    #[track_caller]
    pub fn assert_diagnosis(&self, cause: &str) -> Value {
        let args = [
            "--profile",
            "rescue",
            "rescue",
            "diagnose",
            self.profile,
            "--json",
        ];
        let report = run(&args).exits(1).json();
        assert_eq!(report["causes"][0]["id"], cause, "{report:#}");
        report
    }

    /// Returns the arguments with which the rescuer repairs the target.
    pub fn repair_args(&self) -> [&'static str; 7] {
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

    /// Returns the arguments of a repair however often the target was repaired lately.
    pub fn forced_repair_args(&self) -> Vec<&'static str> {
        [&self.repair_args()[..], &["--force"]].concat()
    }

    /// Checks that the rescuer finds this cause, and that this step repairs the target and leaves the rescuer's own
    /// process alone. Returns the report of the repair.
    #[track_caller]
    pub fn assert_repaired(&self, cause: &str, step: &str) -> Value {
        let before = rescuer_pid();
        self.assert_diagnosis(cause);
        let report = run(&self.repair_args()).exits(0).json();
        let tried = report["tried"].as_array().unwrap();
        assert_eq!(tried.last().unwrap()["id"], step, "{report:#}");
        assert_eq!((&report["healthy"], &report["ok"]), (&json!(true), &json!(true)));
        let _ = run(&["--profile", self.profile, "gateway", "status"]).exits(0);
        assert_eq!(RESCUER.pid(), before);
        // The started process belongs to the target's service, not to the rescuer's.
        let group = std::fs::read_to_string(format!("/proc/{}/cgroup", self.pid())).unwrap();
        assert!(group.contains(&self.unit_name()), "{group}");
        report
    }

    /// Checks that the rescuer finds this cause, changes no byte, and tells what a person can do. Returns the report.
    #[track_caller]
    pub fn assert_left_to_a_person(&self, cause: &str) -> Value {
        self.assert_diagnosis(cause);
        let snapshot = || (files(&self.state_dir()), std::fs::read(self.unit_file()).ok());
        let before = snapshot();
        let report = run(&self.repair_args()).exits(1).json();
        assert_eq!(report["steps"], json!([]), "{report:#}");
        assert!(report["causes"][0]["byHand"].is_string(), "{report:#}");
        assert!(snapshot() == before, "{report:#}");
        report
    }
}

/// Returns the files below a folder with their content.
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
