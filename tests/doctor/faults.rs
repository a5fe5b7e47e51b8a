//! Every check of `doctor` against a seeded fault: the finding has the expected id and severity, and the command that it
//! names, or `--fix`, removes the fault.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::{doctor, findings, healthy_host};
use crate::support::{Sandbox, network};

mod paths;
mod table;

use paths::PATH_FAULTS;
use table::FAULTS;

/// A fault to seed, and the finding that `doctor` has to report for it.
struct Fault {
    id: &'static str,
    severity: &'static str,
    /// A part of the command that the finding names as its fix.
    command: &'static str,
    /// Whether `--fix` removes the fault.
    is_fixable: bool,
    seed: fn(&Sandbox),
}

/// Path of the rescue instance's lock file below HOME.
const LOCK: &str = ".openclaw-rescue/gateway.lock";
/// Path of the rescue instance's config below HOME.
const CONFIG: &str = ".openclaw-rescue/openclaw.json";

/// Changes the config of the rescue instance.
fn edit(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) {
    let mut config: Value = serde_json::from_str(&sandbox.read(CONFIG)).expect("JSON");
    change(&mut config);
    sandbox.write(CONFIG, config.to_string());
}

/// Makes the same change in the configs of both instances.
fn edit_both(sandbox: &Sandbox, change: impl Fn(&mut Value)) {
    for path in [CONFIG, ".openclaw/openclaw.json"] {
        let mut config: Value = serde_json::from_str(&sandbox.read(path)).expect("JSON");
        change(&mut config);
        sandbox.write(path, config.to_string());
    }
}

/// Returns what a gateway with this process id writes to its lock file.
fn lock_text(pid: u32) -> String {
    json!({ "pid": pid, "port": 19789, "profile": "rescue", "startedAt": "2026-11-22T10:00:00.000Z" })
        .to_string()
}

/// Listens on a port until the next fault is seeded.
fn listen(port: u16) {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).expect("a free port");
    *LISTENER.lock().expect("a listener") = Some(listener);
}

/// The listener of the fault that is seeded now.
static LISTENER: Mutex<Option<std::net::TcpListener>> = Mutex::new(None);

/// Parts of fix commands that the test can run as they are.
const RUNNABLE_COMMANDS: [&str; 10] = [
    "config set",
    "config unset",
    "sed -i",
    "cp --remove",
    "rm -r",
    "chmod ",
    "mv /",
    " onboard",
    " completions ",
    " man --dir ",
];

/// Runs the fix command of a finding. A new token is on its standard input, for a command that reads one.
pub(super) fn run_fix_command(sandbox: &Sandbox, command: &str) {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_openclaw"));
    let folder = program.parent().expect("a folder").display();
    let asks = command.ends_with(" onboard");
    let silent = if asks {
        " --non-interactive --accept-risk"
    } else {
        ""
    };
    let mut child = std::process::Command::new("sh")
        .args(["-c", &format!("{command}{silent}")])
        .env_clear()
        .env("HOME", sandbox.home())
        .env("PATH", format!("{folder}:/usr/bin:/bin"))
        .current_dir(sandbox.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("a shell");
    let token = format!("{:048x}", sandbox.home().display().to_string().len());
    // A command that reads no input may have ended already.
    let _ = child.stdin.take().expect("piped").write_all(token.as_bytes());
    assert!(child.wait().expect("an end").success(), "{command}");
}

/// Writes a systemd unit that runs the gateway of the rescue instance.
pub(super) fn write_unit(sandbox: &Sandbox, name: &str, exec: &str, more: &str) {
    sandbox.write(
        format!(".config/systemd/user/{name}.service"),
        format!(
            "[Service]\nExecStart={exec} gateway run\nEnvironment=OPENCLAW_PROFILE=rescue\n\
             Environment=OPENCLAW_STATE_DIR={0}\nEnvironment=OPENCLAW_CONFIG_PATH={0}/openclaw.json\n{more}",
            sandbox.path(".openclaw-rescue").display()
        ),
    );
}

/// A fault that `doctor --fix` removes.
const fn fixed_by_doctor(id: &'static str, severity: &'static str, seed: fn(&Sandbox)) -> Fault {
    Fault {
        id,
        severity,
        command: "openclaw --profile rescue doctor --fix",
        is_fixable: true,
        seed,
    }
}

/// A fault that the named command removes, and `doctor --fix` does not.
const fn fixed_by_command(
    id: &'static str,
    severity: &'static str,
    command: &'static str,
    seed: fn(&Sandbox),
) -> Fault {
    Fault {
        id,
        severity,
        command,
        is_fixable: false,
        seed,
    }
}

#[test]
fn each_seeded_fault_is_reported_and_fixed() {
    network::own(|| {
        assert!(FAULTS.len() >= 30);
        let mut wrong = Vec::new();
        for fault in FAULTS.iter().chain(PATH_FAULTS) {
            *LISTENER.lock().expect("a listener") = None;
            let sandbox = healthy_host();
            (fault.seed)(&sandbox);
            let before = sandbox.tree();
            let ran = doctor(&sandbox, &[]);
            let document = ran.json();
            assert_eq!(sandbox.tree(), before, "{}: a check changes nothing", fault.id);
            assert!(!ran.stdout.contains("SEEDED"), "{}: {}", fault.id, ran.stdout);
            let names_command = |f: &&Value| {
                f["mend"]
                    .as_str()
                    .is_some_and(|mend| mend.contains(fault.command))
            };
            let listed = document["findings"].as_array().expect("findings");
            let found = listed.iter().filter(|f| f["id"] == fault.id).find(names_command);
            let Some(found) = found else {
                wrong.push(format!("{}: not found: {}", fault.id, document["findings"]));
                continue;
            };
            let has_error = listed.iter().any(|f| f["severity"] == "error");
            if found["severity"] != fault.severity || (ran.code == 1) != has_error {
                wrong.push(format!("{}: {found}, exit {}", fault.id, ran.code));
            }
            if found["fixable"] != fault.is_fixable {
                wrong.push(format!("{}: fixable {}", fault.id, found["fixable"]));
            }
            let command = found["mend"].as_str().expect("a command");
            // There is no manager that would install a service.
            let install = " && openclaw --profile rescue gateway install --force";
            let command = command.strip_suffix(install).unwrap_or(command);
            if !fault.is_fixable && RUNNABLE_COMMANDS.iter().any(|part| command.contains(part)) {
                run_fix_command(&sandbox, command);
                let left = findings(&sandbox, &[]);
                if left.iter().any(|f| f == found) {
                    wrong.push(format!("{}: not fixed by {command}", fault.id));
                }
            }
            if fault.is_fixable {
                let run = doctor(&sandbox, &["--fix", "--yes"]);
                let left = findings(&sandbox, &[]);
                if left.iter().any(|f| f["id"] == fault.id) {
                    wrong.push(format!("{}: not fixed: {}\n{}", fault.id, run.stdout, run.stderr));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    });
}

/// Checks whose faults no test can cause: they need a network file system, or a browser that runs as root.
const UNSEEDED_CHECKS: [&str; 4] = [
    "state-network",
    "browser-none",
    "browser-sandbox",
    "browser-driver",
];

#[test]
fn each_check_has_a_test_with_a_seeded_fault() {
    let sources = [
        include_str!("../doctor.rs"),
        include_str!("faults/paths.rs"),
        include_str!("faults/table.rs"),
        include_str!("host.rs"),
        include_str!("inside.rs"),
        include_str!("running.rs"),
        include_str!("../bad_input/hosts.rs"),
        include_str!("../bot/inside.rs"),
        include_str!("../channels.rs"),
    ];
    for check in openclaw::doctor::checks().filter(|check| !UNSEEDED_CHECKS.contains(&check.id)) {
        let quoted = format!("\"{}\"", check.id);
        assert!(sources.iter().any(|text| text.contains(&quoted)), "{}", check.id);
    }
}
